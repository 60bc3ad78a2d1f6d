"""What all parts of making packages know."""

import dataclasses
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEED = ROOT / "openwrt"


class Wrong(Exception):
    """What the user is told, in a line."""


@dataclasses.dataclass
class Package:
    name: str
    fields: dict
    version: str
    description: str
    # Path without a leading slash: (mode, contents).
    files: dict
    conffiles: list
    postinst: str = ""

    @property
    def is_for_all(self):
        return self.fields.get("PKGARCH") == "all"


def epoch():
    """When the sources are from, so that the same sources give the same bytes."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    log = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(log.stdout) if log.returncode == 0 else 0
