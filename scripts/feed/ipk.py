"""Packages and index for opkg."""

import functools
import gzip
import hashlib
import io
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from .common import epoch


# The same for each architecture that runs the program.
@functools.lru_cache(maxsize=16)
def gzipped(data):
    """As gzip has it, 4 % smaller where zopfli is there: opkg reads no better kind."""
    if not shutil.which("zopfli"):
        return gzip.compress(data, 9, mtime=0)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return subprocess.run(["zopfli", "-c", file.name], check=True, stdout=subprocess.PIPE).stdout


def archive(files, time):
    """A gzipped tar as opkg reads it: of PAX headers it would make files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:

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
    return gzipped(out.getvalue())


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
