"""What goes where, by the Makefiles in openwrt/."""

import os
import pathlib
import re

from .common import FEED, ROOT, Package, Wrong
from .lmo import make_lmo, read_po
from .programs import needed_packages

PAGES = "luci-app-weir"
CHINESE = "luci-i18n-weir-zh-cn"


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
    daemons = ("weir", "weir-mariadb")
    for name in (*daemons, "weir-oui", "weir-web"):
        if name in daemons and name not in binaries:
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
        # What is no file of the package, an upgrade of the system keeps by a list.
        kept = [path for path in conffiles if path.lstrip("/") not in files]
        if kept:
            conffiles = [path for path in conffiles if path not in kept]
            files[f"lib/upgrade/keep.d/{name}"] = (0o644, "".join(f"{path}\n" for path in kept).encode())
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
