"""Programs: which machine they are for, and what they load."""

import re
import struct
import subprocess

from .common import Wrong

# Architecture: the triple of what runs on it.
TARGETS = {
    "aarch64_cortex-a53": "aarch64-unknown-linux-musl",
    "aarch64_cortex-a72": "aarch64-unknown-linux-musl",
    "aarch64_cortex-a76": "aarch64-unknown-linux-musl",
    "aarch64_generic": "aarch64-unknown-linux-musl",
    "arm_cortex-a15_neon-vfpv4": "armv7-unknown-linux-musleabihf",
    "arm_cortex-a7": "armv7-unknown-linux-musleabi",
    "arm_cortex-a7_neon-vfpv4": "armv7-unknown-linux-musleabihf",
    "arm_cortex-a8_vfpv3": "armv7-unknown-linux-musleabihf",
    "arm_cortex-a9": "armv7-unknown-linux-musleabi",
    "arm_cortex-a9_vfpv3-d16": "armv7-unknown-linux-musleabihf",
    "mips_24kc": "mips-unknown-linux-musl",
    "mipsel_24kc": "mipsel-unknown-linux-musl",
    "mipsel_74kc": "mipsel-unknown-linux-musl",
    "x86_64": "x86_64-unknown-linux-musl",
}

# Of an ELF file: bits, byte order and machine.
MACHINES = {
    "aarch64": (2, 1, 183),
    "armv7": (1, 1, 40),
    "mips": (1, 2, 8),
    "mipsel": (1, 1, 8),
    "x86_64": (2, 1, 62),
}

# Which package has a library. Those of the C library are always there.
LIBRARIES = {"libpcap": "libpcap", "libsqlite3": "libsqlite3"}


def elf(path):
    """The head of a program: bits, byte order, machine."""
    with open(path, "rb") as file:
        head = file.read(20)
    if len(head) < 20 or head[:4] != b"\x7fELF":
        raise Wrong(f"{path} is no program for Linux")
    machine = struct.unpack("<H" if head[5] == 1 else ">H", head[18:20])[0]
    return head[4], head[5], machine


def check_machine(path, target):
    wanted = MACHINES[TARGETS[target].split("-")[0]]
    if elf(path) != wanted:
        raise Wrong(f"{path} is a program for another machine than {target}")


def needed_packages(path, known):
    """Those of the packages in `known` whose libraries a program loads."""
    listed = subprocess.run(["readelf", "-dW", str(path)], capture_output=True, text=True, check=True).stdout
    libraries = re.findall(r"\(NEEDED\).*\[(\w+)[.\w-]*\]", listed)
    needed = {LIBRARIES[name] for name in libraries if name in LIBRARIES}
    return [name for name in known if name in needed or name not in LIBRARIES.values()]
