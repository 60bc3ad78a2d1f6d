#!/usr/bin/env python3
"""The pages in a real browser: run.py WEIR CONFIG... [--only WORD]...

Each CONFIG is of a store with records; a daemon runs with it on the loopback
interface, PHP's own server is in front, and browser.mjs looks at that. All looks
of every page are tried with the first one. Pictures stay in target/screenshots.
"""

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent))

from door import Daemon  # noqa: E402
from served import Server  # noqa: E402


class Own(Daemon):
    """A daemon with a configuration that is there, and a filter that nothing on the loopback interface passes:
    a record of now would be the newest, and the pages would show an empty day."""

    def __init__(self, weir, config):
        self.weir, self.folder, self.config = weir, config.parent, config.parent / "live.toml"
        # The signatures are changed.
        features = re.search(r'^features = "(.*)"$', config.read_text(), re.M)[1]
        shutil.copy(features, self.folder / "features.txt")
        text = config.read_text().replace(f'"{features}"', '"features.txt"')
        self.config.write_text(text + '[devices]\nlabels = "devices.toml"\n' * ("labels" not in text) + '[capture]\ninterfaces = ["lo"]\nfilter = "ether proto 0x88b5"\n')
        # As when it is new: the scenarios begin with the first password.
        shutil.rmtree(self.folder / "password", ignore_errors=True)
        (self.folder / "password").unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weir", type=Path)
    parser.add_argument("configs", type=Path, nargs="+")
    parser.add_argument("--only", action="append", default=[])
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sites, log = [], scratch / "php.log"
        for number, config in enumerate(args.configs):
            daemon = stack.enter_context(Own(args.weir.resolve(), config.resolve()))
            site = stack.enter_context(Server(ROOT / "web-ta", daemon.folder / "web.json", log))
            sites.append({"name": config.resolve().parent.name, "url": f"http://127.0.0.1:{site.port}/", "code": daemon.code(),
                          "thorough": number == 0, "newer": [sys.executable, str(HERE / "newer.py"), str(daemon.config)]})
        settings = scratch / "settings.json"
        settings.write_text(json.dumps({
            "sites": sites, "only": args.only, "chromium": shutil.which("chromium"), "modules": str(ROOT / "target/browser"),
            "pictures": str(ROOT / "target/screenshots")}))
        done = subprocess.run(["node", HERE / "browser.mjs", settings])
        text = log.read_text(errors="replace")
    trouble = [line for line in text.splitlines() if re.search(r"PHP (Warning|Notice|Deprecated|Fatal)|weir: ", line)]
    assert not trouble, trouble[:5]
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
