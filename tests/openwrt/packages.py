"""Tests of the packages: recipes, archives, index, translations."""

import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from unittest import mock

import texts
from places import FEED, HERE, ROOT

import package
from feed.common import Wrong
from feed.lmo import read_po, sfh_hash
from feed.programs import MACHINES, TARGETS, elf
from feed.recipes import read_recipe
from feed.sign import PKCS8

# A target that this machine could be.
MACHINE = elf(shutil.which("true"))
TARGET = next(name for name, triple in TARGETS.items() if MACHINES[triple.split("-")[0]] == MACHINE)


def unpacked(data):
    """Members of a gzipped tar by name, with what opkg can't take told."""
    plain = gzip.decompress(data)
    members = {}
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        for info in tar:
            # opkg makes files of PAX headers, and takes names for too long.
            assert not info.pax_headers, info.name
            assert (info.uid, info.gid) == (0, 0), info.name
            body = tar.extractfile(info).read() if info.isfile() else None
            members[info.name.removeprefix("./")] = (info.mode, body)
    for at in range(0, len(plain), 512):
        header = plain[at : at + 512]
        assert not (header[257:262] == b"ustar" and header[156:157] in b"xgL"), "an extended header"
    return members


class Feed:
    """The packages, made once."""

    def __init__(self, folder):
        self.folder = folder / TARGET
        # Any program of this machine will do, and a small one is soon packed.
        self.program = pathlib.Path(shutil.which("true")).resolve()
        command = [ROOT / "scripts/package.py", "ipk", TARGET, "--out", folder]
        command += ["--weir", self.program, "--mariadb", self.program]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.packages = {}
        for path in sorted(self.folder.glob("*.ipk")):
            outer = unpacked(path.read_bytes())
            assert list(outer) == ["debian-binary", "data.tar.gz", "control.tar.gz"], path
            assert outer["debian-binary"][1] == b"2.0\n"
            control, data = (unpacked(outer[f"{name}.tar.gz"][1]) for name in ("control", "data"))
            self.packages[path.name.split("_")[0]] = (control, data)


def recipes(feed):
    """The feed says what a package needs."""
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    for name in ("weir", "luci-app-weir"):
        variables, _ = read_recipe(FEED / name / "Makefile")
        assert variables["PKG_VERSION"] == cargo["package"]["version"], name
    text = (FEED / "luci-app-weir/Makefile").read_text()
    assert text.endswith("# call BuildPackage - OpenWrt buildroot signature\n")
    for path in FEED.rglob("*"):
        if path.is_file():
            assert b"\r" not in path.read_bytes(), path
    # PHP on OpenWrt has these as packages that the pages do not ask for.
    absent = re.compile(r"\b(ctype|mb|filter|iconv|session|token|gz|curl|openssl|simplexml)_\w+\(")
    for path in (ROOT / "web-ta").rglob("*.php"):
        assert not absent.search(path.read_text()), path


def structure(feed):
    """What opkg unpacks: modes, conffiles, scripts, fields."""
    expected = {"weir", "weir-mariadb", "weir-oui", "weir-web", "luci-app-weir", "luci-i18n-weir-zh-cn"}
    assert set(feed.packages) == expected, set(feed.packages)
    for name, (control, data) in feed.packages.items():
        fields = dict(re.findall(r"^([\w-]+): (.*)$", control["control"][1].decode(), re.M))
        assert fields["Package"] == name and re.fullmatch(r"[\d.]+-r\d+", fields["Version"])
        assert fields["Architecture"] == (TARGET if name in ("weir", "weir-mariadb") else "all")
        assert control["postinst"][0] == control["prerm"][0] == 0o755
        for path in control.get("conffiles", (0, b""))[1].decode().split():
            assert path[1:] in data, path
        # Directories come before what is in them.
        seen = set()
        for path, (_, body) in data.items():
            parent = str(pathlib.PurePosixPath(path).parent)
            assert parent == "." or parent in seen, path
            if body is None:
                seen.add(path.rstrip("/"))
    control, data = feed.packages["weir"]
    assert control["conffiles"][1] == b"/etc/config/weir\n/etc/weir/features.txt\n"
    assert data["lib/upgrade/keep.d/weir"][1] == b"/etc/weir/web/\n"
    modes = {"etc/config/weir": 0o600, "etc/init.d/weir": 0o755, "usr/sbin/weir": 0o755, "etc/weir/features.txt": 0o644}
    assert all(data[path][0] == mode for path, mode in modes.items())
    assert data["etc/weir/features.txt"][1] == (ROOT / "features.txt").read_bytes()
    full = feed.packages["weir-mariadb"][0]["control"][1].decode()
    assert "\nProvides: weir\n" in full and "\nConflicts: weir\n" in full
    web, pages = feed.packages["weir-web"]
    assert "Depends: weir, uhttpd, php8-cgi, php8-mod-pdo, php8-mod-pdo-sqlite\n" in web["control"][1].decode()
    ours = {str(path.relative_to(ROOT / "web-ta")) for path in (ROOT / "web-ta").rglob("*") if path.is_file()}
    theirs = {path.removeprefix("usr/share/weir/web-ta/") for path, (_, body) in pages.items() if body is not None}
    assert ours <= theirs


def index(feed):
    """Packages and Packages.gz are of the files beside them."""
    text = (feed.folder / "Packages").read_text()
    assert gzip.decompress((feed.folder / "Packages.gz").read_bytes()).decode() == text
    entries = text.strip().split("\n\n")
    assert len(entries) == len(feed.packages)
    for entry in entries:
        fields = dict(re.findall(r"^([\w-]+): (.*)$", entry, re.M))
        body = (feed.folder / fields["Filename"]).read_bytes()
        assert (int(fields["Size"]), fields["SHA256sum"]) == (len(body), hashlib.sha256(body).hexdigest())


def signed(feed):
    """What is signed by KEY, the public key beside it verifies, and nothing else."""
    with tempfile.TemporaryDirectory() as place:
        base = pathlib.Path(place)
        usign = os.environ.get("USIGN") or shutil.which("usign")
        # A key as usign makes it: of random bytes, and not clamped.
        seed, number = os.urandom(32), os.urandom(8)
        (base / "seed").write_bytes(PKCS8 + seed)
        der = ["openssl", "pkey", "-inform", "DER", "-in", base / "seed", "-pubout", "-outform", "DER"]
        pair = seed + subprocess.run(der, capture_output=True, check=True).stdout[-32:]
        secret = b"EdBK" + bytes(4) + bytes(16) + hashlib.sha512(pair).digest()[:8] + number + pair
        key = base / "secret"
        key.write_text(f"untrusted comment: private key\n{base64.b64encode(secret).decode()}\n")
        if usign:
            subprocess.run([usign, "-G", "-s", key, "-p", base / "public"], check=True)
        command = [sys.executable, ROOT / "scripts/package.py", "ipk", TARGET, "--out", base]
        command += ["--weir", feed.program, "--mariadb", feed.program, "--key", key]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        folder = base / TARGET
        signature, public = ((folder / name).read_text().splitlines() for name in ("Packages.sig", "key.pub"))
        assert signature[0].startswith("untrusted comment: signed by key ")
        data, known = base64.b64decode(signature[1]), base64.b64decode(public[1])
        assert (len(data), len(known)) == (74, 42) and data[:10] == known[:10] and data[:2] == b"Ed"
        if usign:
            assert (base / "public").read_text().splitlines()[1] == public[1]
        # By openssl, and by usign where there is one; and not when a byte is another.
        (base / "signature").write_bytes(data[10:])
        (base / "public.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + known[10:])
        text = (folder / "Packages").read_bytes()
        for body, is_right in ((text, True), (text[:-2] + b"x\n", False)):
            (base / "text").write_bytes(body)
            verify = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", base / "public.der"]
            done = subprocess.run([*verify, "-sigfile", base / "signature", "-in", base / "text"], capture_output=True, check=False)
            assert (done.returncode == 0) == is_right, done
            if usign:
                ask = [usign, "-V", "-q", "-m", base / "text", "-p", folder / "key.pub", "-x", folder / "Packages.sig"]
                assert (subprocess.run(ask, check=False).returncode == 0) == is_right
        for wrong, words in ((HERE / "run.py", "no secret key"), (base / "none", "no secret key"), (folder / "key.pub", "no secret key")):
            done = subprocess.run([*command[:-1], wrong], capture_output=True, text=True, check=False)
            assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, done
        secret = secret[:-1] + bytes([secret[-1] ^ 1])
        key.write_text(f"untrusted comment: private key\n{base64.b64encode(secret).decode()}\n")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "is damaged" in done.stderr, done
        return "" if usign else "(by openssl: there is no usign here) "


def refused(feed):
    """What can't be made is told in a line, and nothing is made."""

    def told(*words, **env):
        command = [sys.executable, ROOT / "scripts/package.py", *words]
        done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
        return done.stderr

    with tempfile.TemporaryDirectory() as place:
        at = ["--out", place, "--weir", str(feed.program), "--mariadb", str(feed.program)]
        assert "another machine than mipsel_24kc" in told("ipk", "mipsel_24kc", *at)
        assert "It takes apk-tools 3" in told("apk", TARGET, *at, APK="", PATH="/nowhere")
        assert "TARGET is one of" in told("ipk", "", *at)
        assert "no program for Linux" in told("ipk", TARGET, "--out", place, "--weir", str(HERE / "run.py"))
        assert "is not there; build it first" in told("ipk", TARGET, "--weir", f"{place}/weir")
        # Random bytes behind the head of a program for MIPS: as large as they are.
        large = pathlib.Path(place, "large")
        head = b"\x7fELF\x01\x01" + bytes(12) + b"\x08\x00"
        large.write_bytes(head + bytes(32) + os.urandom(2_500_000))
        with mock.patch("feed.recipes.needed_packages", lambda path, known: known), contextlib.redirect_stdout(None):
            try:
                package.make_feed("ipk", "mipsel_24kc", {"weir": large}, pathlib.Path(place))
                raise AssertionError("too large, and nothing was said")
            except Wrong as wrong:
                assert "1,500,000 are its limit" in str(wrong), wrong


def translations(feed):
    """Every text is in the template and has a translation, which LuCI finds."""
    made = texts.template()
    if os.environ.get("WEIR_UPDATE"):
        texts.TEMPLATE.write_text(made)
    assert texts.TEMPLATE.read_text() == made, "the template is old: WEIR_UPDATE=1 tests/openwrt/run.py makes it anew"
    chinese = read_po((texts.APP / "po/zh_Hans/weir.po").read_text())
    assert set(chinese) - {""} == set(texts.in_code())
    for text, translation in chinese.items():
        assert text == "" or re.findall(r"%[\d.]*\w", text) == re.findall(r"%[\d.]*\w", translation), text
    # Known values of the hash, for each length of what is left.
    for data, value in HASHES.items():
        assert sfh_hash(data.encode()) == value, data
    lmo = feed.packages["luci-i18n-weir-zh-cn"][1]["usr/lib/lua/luci/i18n/weir.zh-cn.lmo"][1]
    begin = int.from_bytes(lmo[-4:], "big")
    words = [int.from_bytes(lmo[at : at + 4], "big") for at in range(begin, len(lmo) - 4, 4)]
    entries = [words[at : at + 4] for at in range(0, len(words), 4)]
    assert entries == sorted(entries)
    found = {key: lmo[at : at + size].decode() for key, _, at, size in entries}
    assert found.pop(0) == "nplurals=1; plural=0;"
    for text, translation in chinese.items():
        if text and text != translation:
            assert found.pop(sfh_hash(text.encode())) == translation
    assert not found


# By po2lmo, which LuCI's build uses: for each length that is left behind fours,
# and with bytes above 127 there.
HASHES = {
    "a": 291415938,
    "ab": 1366002500,
    "abc": 3535673738,
    "abcd": 3671636187,
    "é": 3304826196,
    "中": 2960337290,
    "abcd中": 3237097442,
}


TESTS = (recipes, structure, index, signed, refused, translations)
