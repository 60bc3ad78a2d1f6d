#!/usr/bin/env python3
"""Tests of what is for OpenWrt: run.py [PROGRAM]

PROGRAM is a weir for this machine, else target/debug/weir. Debian has none of
OpenWrt's programs, so packages are unpacked as opkg would and the init scripts
run with functions.sh beside this file. Where there are opkg and apk-tools 3,
and OPKG and APK say where, they install the packages too; where there is ucode
(UCODE, or in the path), rpcd's plugin asks a daemon; where there is usign
(USIGN), it verifies what is signed.
"""

import os
import pathlib
import sys
import tempfile
import time

from places import ROOT

import luci
import packages
import real
import service


def main():
    program = pathlib.Path(*sys.argv[1:] or [ROOT / "target/debug/weir"]).resolve()
    with tempfile.TemporaryDirectory() as place:
        base = pathlib.Path(place)
        feed = packages.Feed(base / "feed")
        groups = [(test, (feed,)) for test in packages.TESTS]
        groups += [(test, (program, base / test.__name__)) for test in (*luci.TESTS, *service.TESTS)]
        if os.environ.get("OPKG"):
            groups.append((real.real_opkg, (feed,)))
        if os.environ.get("APK"):
            groups.append((real.real_apk, (feed,)))
        for test, args in groups:
            begun = time.monotonic()
            remark = test(*args) or ""
            name = test.__name__.replace("_", " ")
            print(f"openwrt: {name} {remark}{time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
