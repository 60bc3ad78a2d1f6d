#!/usr/bin/env python3
"""Packages for OpenWrt from programs that are built already.

    scripts/package.py ipk TARGET [--weir FILE] [--mariadb FILE] [--out FOLDER] [--key FILE]
    scripts/package.py apk TARGET …

TARGET is an architecture as OpenWrt calls it, or a Rust triple: then packages
for each architecture that runs it. What is in the packages is read from the
recipes in openwrt/, so that it is said once. With --key the index is signed:
for ipk by a secret key of usign (or signify) without a password, for apk by an
EC key in PEM.
"""

import argparse
import os
import pathlib
import sys

from feed.apk import apk_tool, make_apk_feed
from feed.common import ROOT, Wrong
from feed.ipk import make_ipk_feed
from feed.programs import TARGETS, check_machine
from feed.recipes import packages
from feed.sign import read_key, sign

# Bytes of a package that a router with 16 MB of flash has room for.
LIMITS = {"weir": 1_500_000, "weir-mariadb": 2_400_000}
LIMITED = "mipsel_"


def make_feed(kind, target, programs, out, key=None):
    binaries = {}
    for name, path in programs.items():
        if not path.is_file():
            raise Wrong(f"{path} is not there; build it first, or name another by --{name.removeprefix('weir-')}")
        check_machine(path, target)
        binaries[name] = path
    if kind == "apk":
        apk_tool()
    elif key:
        read_key(key)
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    # What is from before would be in the index no more.
    for old in [*folder.glob(f"*.{kind}"), *folder.glob("Packages*"), *folder.glob("packages.adb"), *folder.glob("key.pub")]:
        old.unlink()
    too_large = []
    made = packages(binaries)
    feed = make_ipk_feed(made, target, folder) if kind == "ipk" else make_apk_feed(made, target, folder, key)
    for package, path in feed:
        size = path.stat().st_size
        limit = LIMITS.get(package.name) if target.startswith(LIMITED) else None
        print(f"package: {size:>9,} bytes  {os.path.relpath(path)}")
        if limit and size > limit:
            too_large.append(f"{path.name} has {size:,} bytes, {limit:,} are its limit")
    if key and kind == "ipk":
        sign(folder / "Packages", key)
    if too_large:
        raise Wrong("; ".join(too_large))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["ipk", "apk"])
    parser.add_argument("target")
    parser.add_argument("--weir", type=pathlib.Path, help="the program with SQLite only")
    parser.add_argument("--mariadb", type=pathlib.Path, help="the program with MariaDB as well")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target/openwrt")
    parser.add_argument("--key", type=pathlib.Path, help="signs the index")
    args = parser.parse_args()
    targets = [target for target, triple in TARGETS.items() if args.target in (target, triple)]
    try:
        if not targets:
            triples = sorted(set(TARGETS.values()))
            raise Wrong(f"TARGET is one of {', '.join(TARGETS)}; or a triple: {', '.join(triples)}")
        for target in targets:
            built = ROOT / "target/cross" / TARGETS[target]
            programs = {
                "weir": args.weir or built / "sqlite/weir",
                "weir-mariadb": args.mariadb or built / "full/weir",
            }
            make_feed(args.kind, target, programs, args.out, args.key)
    except Wrong as wrong:
        sys.exit(f"package: {wrong}")


if __name__ == "__main__":
    main()
