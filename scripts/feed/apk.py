"""Packages and index for apk, made by apk's own tool."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from .common import Wrong, epoch

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


def make_apk_feed(made, target, folder, key=None):
    tool = apk_tool()
    paths = []
    for package in made:
        paths.append(make_apk(package, target, folder, tool))
        yield package, paths[-1]
    command = [tool, "mkndx", "--allow-untrusted", "--output", str(folder / "packages.adb"), *map(str, paths)]
    if key:
        command[2:2] = ["--sign-key", str(key)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Wrong(f"apk mkndx: {done.stderr.strip()}")
