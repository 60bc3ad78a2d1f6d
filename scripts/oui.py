#!/usr/bin/env python3
"""Makes the table of makers by MAC address: oui.py [FOLDER] OUT

FOLDER has IEEE's public listings as Debian's package ieee-data installs them
(oui.csv, mam.csv, oui36.csv, iab.csv), in which IEEE claims no copyright:
assignments of 24, 28 and 36 bits. OUT is what src/engine/vendors.rs reads:

    "weiroui1"
    u16 blocks, u16 name blocks                     all numbers big-endian
    blocks × (u8 bits, u40 first prefix, u32 end)   sorted by bits and prefix
    name blocks × (u32 end)
    the blocks, deflated; ends count from the first of them

A block is u16 count, count × varint of the distance from the prefix before
(the first from the block's), count × varint of the name, and names with a
newline behind each. 0 is the next of these names, n the shared name n - 1: one
that several prefixes have. Of the shared names 256 are in each name block, with
a newline behind each.
"""

import argparse
import collections
import csv
import re
import struct
import sys
import zlib
from pathlib import Path

# Prefixes in a block: more compress better, and take longer to look through.
IN_BLOCK = 256
NAMES_IN_BLOCK = 256

LISTS = {"oui.csv": 24, "mam.csv": 28, "oui36.csv": 36, "iab.csv": 36}

# Who holds a prefix to give parts of it away, or does not want to be named.
NOBODY = {"IEEE Registration Authority", "Private", "private", ""}

LEGAL = re.compile(
    r"[\s,.]*\(?\b(incorporated|inc|corporation|corporate|corp|company|co|limited|ltda?|llc|l\.l\.c|llp|lp|plc|"
    r"gmbh( & co\.? kg)?|mbh|kg|ag|se|s\.?a\.?s?|s\.?p\.?a|s\.?r\.?l|sarl|b\.?v|n\.?v|a/s|aps|ab|oyj?|"
    r"as|k\.?k|pty|pvt|private|pte|sdn|bhd|s\.? ?r\.?o|sp\.? z\.? ?o\.? ?o|kft|zrt|d\.o\.o|jsc|ooo|"
    r"international|intl|technologies|technology|tech|electronics?|communications?)\b[\s.,)]*$", re.IGNORECASE)

# Makers that go by many names, by how those begin.
KNOWN = {
    "apple": "Apple", "samsung": "Samsung", "huawei": "Huawei", "xiaomi": "Xiaomi", "beijing xiaomi": "Xiaomi",
    "cisco": "Cisco", "zte": "ZTE", "tp-link": "TP-Link", "tp link": "TP-Link", "hewlett packard enterprise": "HPE",
    "hewlett packard": "HP", "hp inc": "HP", "aruba": "Aruba", "intel": "Intel", "hon hai": "Foxconn",
    "asustek": "ASUS", "lg electronics": "LG", "lg innotek": "LG Innotek", "sony": "Sony", "nintendo": "Nintendo",
    "amazon": "Amazon", "google": "Google", "microsoft": "Microsoft", "oneplus": "OnePlus",
    "guangdong oppo": "OPPO", "vivo mobile": "vivo", "honor device": "Honor", "d-link": "D-Link",
    "netgear": "Netgear", "ubiquiti": "Ubiquiti", "avm": "AVM", "raspberry pi": "Raspberry Pi",
    "espressif": "Espressif", "tuya": "Tuya", "hangzhou hikvision": "Hikvision", "zhejiang dahua": "Dahua",
    "sonos": "Sonos", "juniper": "Juniper", "dell": "Dell", "lenovo": "Lenovo", "motorola mobility": "Motorola",
    "roku": "Roku", "synology": "Synology", "qnap": "QNAP", "routerboard": "MikroTik", "mikrotik": "MikroTik",
    "mikrotikls": "MikroTik", "vmware": "VMware", "fiberhome": "FiberHome",
}


def clean(name):
    """As people call it: without its legal form, and not in capitals only."""
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    for start, known in KNOWN.items():
        if re.match(rf"{re.escape(start)}\b", name, re.IGNORECASE):
            return known
    name = re.split(r"[,;]? ?\(|，", name)[0] or name
    while True:
        shorter = LEGAL.sub("", name).strip(" ,.&-")
        if not shorter or shorter == name or len(shorter) < 3:
            break
        name = shorter
    if name.upper() == name:
        name = " ".join(word.capitalize() if len(word) > 4 else word for word in name.split())
    return name[:48].strip()


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def read(folder):
    """{bits: {prefix: name}}."""
    tables = collections.defaultdict(dict)
    for file, bits in LISTS.items():
        with open(folder / file, encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                name, assignment = row["Organization Name"].strip(), row["Assignment"]
                if name not in NOBODY and len(assignment) * 4 == bits:
                    tables[bits].setdefault(int(assignment, 16), clean(name))
    return tables


def lines(names):
    return "".join(f"{name}\n" for name in names).encode()


def pack(tables):
    counts = collections.Counter(name for table in tables.values() for name in table.values())
    shared = [name for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count > 1]
    number = {name: place + 1 for place, name in enumerate(shared)}
    index, name_index, packed = b"", b"", b""
    blocks = 0
    for bits in sorted(tables):
        entries = sorted(tables[bits].items())
        for start in range(0, len(entries), IN_BLOCK):
            block = entries[start:start + IN_BLOCK]
            prefixes = [prefix for prefix, _ in block]
            distances = (varint(here - before) for before, here in zip(prefixes[:1] + prefixes, prefixes))
            numbers = (varint(number.get(name, 0)) for _, name in block)
            own = [name for _, name in block if name not in number]
            data = struct.pack(">H", len(block)) + b"".join(distances) + b"".join(numbers) + lines(own)
            packed += deflate(data)
            index += bytes([bits]) + prefixes[0].to_bytes(5, "big") + struct.pack(">I", len(packed))
            blocks += 1
    groups = [shared[start:start + NAMES_IN_BLOCK] for start in range(0, len(shared), NAMES_IN_BLOCK)]
    for group in groups:
        packed += deflate(lines(group))
        name_index += struct.pack(">I", len(packed))
    return b"weiroui1" + struct.pack(">HH", blocks, len(groups)) + index + name_index + packed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("/usr/share/ieee-data"))
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    tables = read(args.folder)
    data = pack(tables)
    args.out.write_bytes(data)
    assigned = sum(map(len, tables.values()))
    print(f"{args.out}: {len(data)} bytes, {assigned} assignments", file=sys.stderr)


if __name__ == "__main__":
    main()
