#!/usr/bin/env python3
"""The most memory that Weir has with a capture, by where its records go:
memory.py WEIR CAPTURE. For docs/MEASURED.md."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = """[store]
kind = "{kind}"
[sqlite]
path = "w.db"
copy = "{copy}"
[apps]
features = "{root}/features.txt"
[daemon]
control = "c.sock"
web_info = "web.json"
log = "error"
"""


def peak(weir, capture, kind, copy):
    """kB of one run."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        config.write_text(CONFIG.format(kind=kind, copy=copy, root=ROOT))
        process = subprocess.Popen([weir, "read", "-c", config, capture], stderr=subprocess.DEVNULL)
        most = 0
        # Asked for as long as it runs: what the system tells at the end is at
        # least what this program has itself.
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            if found := re.search(r"VmHWM:\s*(\d+) kB", status):
                most = int(found[1])
        assert process.returncode == 0
        return most


def main():
    weir, capture = (Path(name).resolve() for name in sys.argv[1:])
    for name, kind, copy in [("nothing", "none", ""), ("SQLite", "sqlite", ""), ("SQLite and its copy", "sqlite", "copy/w.db")]:
        print(f"{name}: {peak(weir, capture, kind, copy)} kB")


if __name__ == "__main__":
    main()
