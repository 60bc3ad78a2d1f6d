#!/usr/bin/env python3
"""Packages for OpenWrt from programs that are built already.

    scripts/package.py ipk TARGET [--weir FILE] [--mariadb FILE] [--out FOLDER]
    scripts/package.py apk TARGET …

TARGET is an architecture as OpenWrt calls it, or a Rust triple: then packages
for each architecture that runs it. What is in the packages is read from the
recipes in openwrt/, so that it is said once.
"""

import argparse
import dataclasses
import gzip
import hashlib
import io
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FEED = ROOT / "openwrt"

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

# Bytes of a package that a router with 16 MB of flash has room for.
LIMITS = {"weir": 1_500_000, "weir-mariadb": 2_400_000}
LIMITED = "mipsel_"

# Which package has a library. Those of the C library are always there.
LIBRARIES = {"libpcap": "libpcap", "libsqlite3": "libsqlite3"}

PAGES = "luci-app-weir"
CHINESE = "luci-i18n-weir-zh-cn"


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


# The recipes.


def read_recipe(path):
    """The variables and the blocks of a Makefile."""
    text = path.read_text().replace("\\\n", " ")
    blocks = dict(re.findall(r"^define (\S+)\n(.*?)^endef$", text, re.M | re.S))
    rest = re.sub(r"^define \S+\n.*?^endef$", "", text, flags=re.M | re.S)
    variables = {}
    for name, value in re.findall(r"^([\w/.-]+) *:?=(.*)$", rest, re.M):
        alias = re.fullmatch(r"\$\((Package/\S+)\)", value.strip())
        if alias:
            blocks[name] = blocks[alias[1]]
        else:
            variables[name] = value.strip()
    return variables, blocks


def fields_of(block, blocks):
    fields = {}
    for line in block.splitlines():
        call = re.fullmatch(r"\s*\$\(call (\S+)\)", line)
        if call:
            fields.update(fields_of(blocks[call[1]], blocks))
            continue
        found = re.fullmatch(r"\s*(\w+)(:|\+)=\s*(.*)", line)
        if found:
            name, how, value = found.groups()
            fields[name] = f"{fields[name]} {value}" if how == "+" else value
    return fields


MODES = {"INSTALL_BIN": 0o755, "INSTALL_CONF": 0o600, "INSTALL_DATA": 0o644}


def run_recipe(block, places):
    """The files that an install recipe makes."""
    files = {}
    for line in filter(None, map(str.strip, block.splitlines())):
        found = re.fullmatch(r"\$\((\w+)\) (.*)", line)
        if not found:
            raise Wrong(f"a recipe that is not understood: {line}")
        tool, words = found[1], found[2].split()
        if tool == "INSTALL_DIR":
            continue
        *sources, to = words
        to = to.removeprefix("$(1)/")
        for source in sources:
            for prefix, place in places.items():
                if source.startswith(prefix):
                    source = place + source.removeprefix(prefix)
                    break
            if tool == "CP":
                base = pathlib.Path(source.removesuffix("/*"))
                files.update(tree(base, to.rstrip("/")))
                continue
            path = pathlib.Path(source)
            at = to + path.name if to.endswith("/") else to
            files[at] = (MODES[tool], path)
    return files


def tree(base, to):
    """All files below a folder, as they are."""
    files = {}
    for path in sorted(base.rglob("*")):
        if path.is_file():
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            files[f"{to}/{path.relative_to(base)}".lstrip("/")] = (mode, path)
    return files


def contents(files):
    return {at: (mode, what if isinstance(what, bytes) else what.read_bytes()) for at, (mode, what) in files.items()}


def packages(binaries):
    """All packages; the daemon's only where `binaries` has its program."""
    variables, blocks = read_recipe(FEED / "weir/Makefile")
    version = f"{variables['PKG_VERSION']}-r{variables['PKG_RELEASE']}"
    made = []
    for name in ("weir", "weir-mariadb", "weir-web"):
        if name != "weir-web" and name not in binaries:
            continue
        places = {
            "$(PKG_INSTALL_DIR)/bin/weir": str(binaries.get(name, "")),
            "$(PKG_BUILD_DIR)": str(ROOT),
            "./": f"{FEED}/weir/",
        }
        block = blocks[f"Package/{name}/install"]
        files = run_recipe(block, places)
        # The program has a name of its own where it was built.
        if name in binaries:
            files.pop(f"usr/sbin/{binaries[name].name}", None)
            files["usr/sbin/weir"] = (0o755, binaries[name])
        fields = fields_of(blocks[f"Package/{name}"], blocks)
        fields["DEPENDS"] = [word.lstrip("+") for word in fields["DEPENDS"].split() if "$(" not in word]
        if name in binaries:
            fields["DEPENDS"] = needed_packages(binaries[name], fields["DEPENDS"])
        description = " ".join(blocks[f"Package/{name}/description"].split())
        conffiles = blocks.get(f"Package/{name}/conffiles", "").split()
        fields |= {"MAINTAINER": variables["PKG_MAINTAINER"], "LICENSE": variables["PKG_LICENSE"]}
        made.append(Package(name, fields, version, description, contents(files), conffiles))
    return made + luci_packages()


# What a browser and LuCI remember is from before.
LUCI_POSTINST = """#!/bin/sh
[ -n "${IPKG_INSTROOT}" ] || {
	rm -f /tmp/luci-indexcache.*
	rm -rf /tmp/luci-modulecache/
	/etc/init.d/rpcd reload
}
exit 0
"""


def luci_packages():
    app = FEED / PAGES
    variables, _ = read_recipe(app / "Makefile")
    version = f"{variables['PKG_VERSION']}-r{variables['PKG_RELEASE']}"
    common = {
        "PKGARCH": "all",
        "SECTION": "luci",
        "MAINTAINER": variables["PKG_MAINTAINER"],
        "LICENSE": variables["PKG_LICENSE"],
    }
    depends = [word.lstrip("+") for word in variables["LUCI_DEPENDS"].split()]
    files = tree(app / "htdocs", "www") | tree(app / "root", "")
    lmo = make_lmo(read_po((app / "po/zh_Hans/weir.po").read_text()))
    defaults = "uci set luci.languages.zh_cn='简体中文 (Chinese Simplified)'; uci commit luci\n"
    chinese = {
        "etc/uci-defaults/luci-i18n-weir-zh-cn": (0o644, defaults.encode()),
        "usr/lib/lua/luci/i18n/weir.zh-cn.lmo": (0o644, lmo),
    }
    return [
        Package(
            PAGES,
            common | {"DEPENDS": depends},
            version,
            variables["LUCI_TITLE"],
            contents(files),
            [],
            LUCI_POSTINST,
        ),
        Package(
            CHINESE, common | {"DEPENDS": [PAGES]}, version, f"Translation for {PAGES} - 简体中文", chinese, []
        ),
    ]


# Programs.


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


# Translations, as LuCI reads them: the texts one after another, an index of
# them sorted by the hash of the original, and where the index begins.


def read_po(text):
    """Pairs of original and translation, with escapes as they are; the header is under ""."""
    pairs, current = {}, {"msgid": "", "msgstr": ""}
    into = None

    def unescape(part):
        return part.replace('\\"', '"').replace("\\\\", "\\")

    def done():
        if current["msgstr"]:
            pairs[current["msgid"]] = current["msgstr"]

    for line in text.splitlines():
        found = re.fullmatch(r'(?:(msgid|msgstr) )?"(.*)"', line)
        if not found:
            continue
        if found[1] == "msgid":
            done()
            current = {"msgid": "", "msgstr": ""}
        into = found[1] or into
        current[into] += unescape(found[2])
    done()
    return pairs


def sfh_hash(data):
    """Paul Hsieh's SuperFastHash, begun with the length."""
    if not data:
        return 0
    mask = 0xFFFFFFFF

    def signed(byte):
        return byte - 256 if byte > 127 else byte

    value = len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        low, high = struct.unpack_from("<HH", data, at)
        value = (value + low) & mask
        value = (value << 16 & mask) ^ (high << 11 ^ value)
        value = (value + (value >> 11)) & mask
    rest = data[whole:]
    if len(rest) == 3:
        value = (value + struct.unpack_from("<H", rest)[0]) & mask
        value ^= value << 16 & mask
        value ^= signed(rest[2]) << 18 & mask
        value = (value + (value >> 11)) & mask
    elif len(rest) == 2:
        value = (value + struct.unpack_from("<H", rest)[0]) & mask
        value ^= value << 11 & mask
        value = (value + (value >> 17)) & mask
    elif len(rest) == 1:
        value = (value + signed(rest[0])) & mask
        value ^= value << 10 & mask
        value = (value + (value >> 1)) & mask
    for left, right in ((3, 5), (4, 17), (25, 6)):
        value ^= value << left & mask
        value = (value + (value >> right)) & mask
    return value


def make_lmo(pairs):
    texts, index = b"", []
    for original, translation in pairs.items():
        key = sfh_hash(original.encode())
        kind = 1
        if not original:
            plural = re.search(r"Plural-Forms: (.*?)\\n", translation)
            if not plural:
                continue
            translation, key, kind = plural[1], 0, 0
        data = translation.encode()
        # What is the same in both languages is not looked up.
        if original and key == sfh_hash(data):
            continue
        index.append((key, kind, len(texts), len(data)))
        texts += data + bytes(-len(data) % 4)
    return texts + b"".join(struct.pack(">4I", *entry) for entry in sorted(index)) + struct.pack(">I", len(texts))


# .ipk


def epoch():
    """When the sources are from, so that the same sources give the same bytes."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    log = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(log.stdout) if log.returncode == 0 else 0


def archive(files, time):
    """A gzipped tar as opkg reads it: of PAX headers it would make files."""
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, out, 0) as zipped, tarfile.open(
        fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT
    ) as tar:

        def add(name, mode, kind, data=b""):
            info = tarfile.TarInfo(name)
            info.mode, info.type, info.size, info.mtime = mode, kind, len(data), time
            tar.addfile(info, io.BytesIO(data))

        folders = {str(parent) for name in files for parent in pathlib.PurePosixPath(name).parents}
        add("./", 0o755, tarfile.DIRTYPE)
        for name in sorted(folders - {"."} | set(files)):
            if name in files:
                add(f"./{name}", files[name][0], tarfile.REGTYPE, files[name][1])
            else:
                add(f"./{name}", 0o755, tarfile.DIRTYPE)
    return out.getvalue()


POSTINST = """#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
default_postinst $0 $@
"""

PRERM = """#!/bin/sh
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
default_prerm $0 $@
"""


def control_fields(package, arch, time):
    fields = package.fields
    lines = {
        "Package": package.name,
        "Version": package.version,
        "Depends": ", ".join(fields["DEPENDS"]),
        "Conflicts": fields.get("CONFLICTS"),
        "Provides": fields.get("PROVIDES"),
        "Source": f"feeds/weir/{'luci-app-weir' if fields['SECTION'] == 'luci' else 'weir'}",
        "License": fields["LICENSE"],
        "Section": fields["SECTION"],
        "Require-User": fields.get("USERID"),
        "SourceDateEpoch": str(time),
        "Maintainer": fields["MAINTAINER"],
        "Architecture": arch,
        "Installed-Size": str(sum(len(data) for _, data in package.files.values())),
    }
    return {name: value for name, value in lines.items() if value}


def paragraph(fields, package):
    lines = [f"{name}: {value}\n" for name, value in fields.items()]
    return "".join(lines) + f"Description:  {package.description}\n"


def make_ipk(package, arch, folder):
    time = epoch()
    fields = control_fields(package, arch, time)
    control = {"control": (0o644, paragraph(fields, package).encode())}
    if package.conffiles:
        control["conffiles"] = (0o644, "".join(f"{path}\n" for path in package.conffiles).encode())
    for name, script in (("postinst", POSTINST), ("prerm", PRERM), ("postinst-pkg", package.postinst)):
        if script:
            control[name] = (0o755, script.encode())
    members = {
        "debian-binary": b"2.0\n",
        "data.tar.gz": archive(package.files, time),
        "control.tar.gz": archive(control, time),
    }
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, out, 0) as zipped, tarfile.open(
        fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT
    ) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(f"./{name}")
            info.mode, info.size, info.mtime = 0o644, len(data), time
            tar.addfile(info, io.BytesIO(data))
    path = folder / f"{package.name}_{package.version}_{arch}.ipk"
    path.write_bytes(out.getvalue())
    about = fields | {
        "Filename": path.name,
        "Size": str(path.stat().st_size),
        "SHA256sum": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    return path, paragraph(about, package)


def make_ipk_feed(made, target, folder):
    entries = []
    for package in made:
        path, entry = make_ipk(package, "all" if package.is_for_all else target, folder)
        entries.append(entry)
        yield package, path
    index = "\n".join(entries).encode()
    (folder / "Packages").write_bytes(index)
    with open(folder / "Packages.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as zipped:
        zipped.write(index)


# .apk

APK_SCRIPT = """#!/bin/sh
{before}[ -s ${{IPKG_INSTROOT}}/lib/functions.sh ] || exit 0
. ${{IPKG_INSTROOT}}/lib/functions.sh
export root="${{IPKG_INSTROOT}}"
export pkgname="{name}"
{calls}
"""
NO_SCRIPT = '[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0\n'


def apk_tool():
    tool = os.environ.get("APK") or shutil.which("apk")
    if not tool:
        raise Wrong(
            "apk is not here. It takes apk-tools 3, which Debian has not: build them from their sources "
            "(meson setup build && ninja -C build) and say where they are by APK=…/build/src/apk"
        )
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
    if not re.match(r"apk-tools [3-9]", version):
        raise Wrong(f"{tool} is {version.strip() or 'no apk'}: it takes apk-tools 3")
    return tool


def apk_files(package):
    """The files with what OpenWrt's scripts look up beside them."""
    files = dict(package.files)
    to = f"lib/apk/packages/{package.name}"
    if "USERID" in package.fields:
        files[f"{to}.rusers"] = (0o644, f"{package.fields['USERID']}\n".encode())
    files[f"{to}.list"] = (0o644, "".join(f"/{name}\n" for name in sorted(files)).encode())
    if package.conffiles:
        files[f"{to}.conffiles"] = (0o644, "".join(f"{path}\n" for path in package.conffiles).encode())
        sums = [f"{path} {hashlib.sha256(package.files[path[1:]][1]).hexdigest()}\n" for path in package.conffiles]
        files[f"{to}.conffiles_static"] = (0o644, "".join(sums).encode())
    return files


def make_apk(package, arch, folder, tool):
    time = epoch()
    fields = package.fields
    path = folder / f"{package.name}-{package.version}.apk"
    with tempfile.TemporaryDirectory() as place:
        base = pathlib.Path(place)
        for name, (mode, data) in apk_files(package).items():
            at = base / "files" / name
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(data)
            at.chmod(mode)
        # As root has them, whatever the umask here is.
        for at in [base / "files", *(base / "files").rglob("*")]:
            if at.is_dir():
                at.chmod(0o755)
            os.utime(at, (time, time))
        more = "\n".join(package.postinst.splitlines()[1:])
        calls = f"add_group_and_user\ndefault_postinst\n{more}"
        scripts = {
            "post-install": APK_SCRIPT.format(before=NO_SCRIPT, name=package.name, calls=calls),
            "post-upgrade": APK_SCRIPT.format(
                before="export PKG_UPGRADE=1\n" + NO_SCRIPT, name=package.name, calls=calls
            ),
            "pre-deinstall": APK_SCRIPT.format(before="", name=package.name, calls="default_prerm"),
        }
        info = {
            "name": package.name,
            "version": package.version,
            "description": package.description,
            "arch": "noarch" if package.is_for_all else arch,
            "license": fields["LICENSE"],
            "origin": f"feeds/weir/{package.name}",
            "maintainer": fields["MAINTAINER"],
            "provides": f"{fields['PROVIDES']}={package.version}" if "PROVIDES" in fields else "",
            "provider-priority": "100" if "DEFAULT_VARIANT" in fields else "",
            # No conflict: what provides the same in some version excludes the other.
            "depends": " ".join(fields["DEPENDS"]),
        }
        command = [tool, "mkpkg"]
        for name, value in info.items():
            if value:
                command += ["--info", f"{name}:{value}"]
        for name, script in scripts.items():
            (base / name).write_text(script)
            command += ["--script", f"{name}:{base / name}"]
        command += ["--files", str(base / "files"), "--output", str(path)]
        if os.geteuid() != 0:
            command = ["fakeroot", "--", "sh", "-c", f'chown -R 0:0 "{base}/files" && exec "$@"', "sh", *command]
        done = subprocess.run(
            command, env=os.environ | {"SOURCE_DATE_EPOCH": str(time)}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Wrong(f"apk mkpkg for {package.name}: {done.stderr.strip()}")
    return path


def make_apk_feed(made, target, folder):
    tool = apk_tool()
    paths = []
    for package in made:
        paths.append(make_apk(package, target, folder, tool))
        yield package, paths[-1]
    command = [tool, "mkndx", "--allow-untrusted", "--output", str(folder / "packages.adb"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Wrong(f"apk mkndx: {done.stderr.strip()}")


def make_feed(kind, target, programs, out):
    binaries = {}
    for name, path in programs.items():
        if not path.is_file():
            raise Wrong(f"{path} is not there; build it first, or name another by --{name.removeprefix('weir-')}")
        check_machine(path, target)
        binaries[name] = path
    if kind == "apk":
        apk_tool()
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    # What is from before would be in the index no more.
    for old in [*folder.glob(f"*.{kind}"), *folder.glob("Packages*"), *folder.glob("packages.adb")]:
        old.unlink()
    feed = make_ipk_feed if kind == "ipk" else make_apk_feed
    too_large = []
    for package, path in feed(packages(binaries), target, folder):
        size = path.stat().st_size
        limit = LIMITS.get(package.name) if target.startswith(LIMITED) else None
        print(f"package: {size:>9,} bytes  {os.path.relpath(path)}")
        if limit and size > limit:
            too_large.append(f"{path.name} has {size:,} bytes, {limit:,} are its limit")
    if too_large:
        raise Wrong("; ".join(too_large))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["ipk", "apk"])
    parser.add_argument("target")
    parser.add_argument("--weir", type=pathlib.Path, help="the program with SQLite only")
    parser.add_argument("--mariadb", type=pathlib.Path, help="the program with MariaDB as well")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target/openwrt")
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
            make_feed(args.kind, target, programs, args.out)
    except Wrong as wrong:
        sys.exit(f"package: {wrong}")


if __name__ == "__main__":
    main()
