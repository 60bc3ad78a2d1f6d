"""Where things are, and what scripts/ has to import."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FEED = ROOT / "openwrt"
FILES = FEED / "weir/files"
sys.path[:0] = [str(ROOT / "scripts")]
