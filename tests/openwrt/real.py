"""opkg and apk themselves install the packages."""

import os
import pathlib
import subprocess
import tempfile

from packages import TARGET
from places import ROOT

from feed.common import Package
from feed.ipk import make_ipk

# What OpenWrt has, for real ones to find; with nothing in it.
OPENWRT = (
    "uhttpd", "php8-cgi", "php8-mod-pdo", "php8-mod-pdo-sqlite", "luci-base", "rpcd-mod-ucode", "ucode-mod-fs",
    "ucode-mod-socket", "ucode-mod-uci",
)


def real_opkg(feed):
    """opkg itself installs them, keeps settings, and lets one daemon in."""
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        for path in ("etc/opkg", "tmp", "usr/lib/opkg", "var/lock"):
            (root / path).mkdir(parents=True)
        conf = root / "opkg.conf"
        conf.write_text(f"dest root /\narch all 1\narch {TARGET} 10\n")

        def opkg(*words):
            command = [os.environ["OPKG"], "--offline-root", root, "--conf", conf, *words]
            return subprocess.run(command, capture_output=True, text=True, check=False)

        fields = {"DEPENDS": [], "SECTION": "base", "MAINTAINER": "none", "LICENSE": "MIT"}
        for name in OPENWRT:
            empty = Package(name, fields, "1-r1", name, {}, [])
            assert opkg("install", make_ipk(empty, "all", root)[0]).returncode == 0
        for name in ("weir_", "weir-web_", "luci-app", "luci-i18n"):
            done = opkg("install", *feed.folder.glob(f"{name}*"))
            assert done.returncode == 0, done
        for name in ("weir", "weir-web", "luci-app-weir", "luci-i18n-weir-zh-cn"):
            for path, (mode, body) in feed.packages[name][1].items():
                at = root / path
                if path == ".":
                    continue
                assert at.exists() and (body is None or at.read_bytes() == body), path
                assert at.stat().st_mode & 0o777 == mode, path
        assert opkg("install", *feed.folder.glob("weir-mariadb*")).returncode != 0, "both at once"
        with open(root / "etc/config/weir", "a") as file:
            file.write("# mine\n")
        opkg("remove", "weir", "--force-depends")
        assert opkg("install", *feed.folder.glob("weir-mariadb*")).returncode == 0
        assert (root / "etc/config/weir").read_text().endswith("# mine\n")


def real_apk(feed):
    """apk itself installs them, and lets one daemon in."""
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place, "root")
        (root / "etc/apk").mkdir(parents=True)
        (root / "etc/apk/arch").write_text(f"{TARGET}\n")
        command = [ROOT / "scripts/package.py", "apk", TARGET, "--out", place]
        command += ["--weir", feed.program, "--mariadb", feed.program]
        # The index is signed by a key, and right for who has the other half of it.
        key, known, none = (pathlib.Path(place, name) for name in ("key.pem", "known", "none"))
        known.mkdir()
        none.mkdir()
        make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]
        subprocess.run(make, check=True)
        subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-out", known / "key.pem"], check=True, capture_output=True)
        subprocess.run([*command, "--key", key], check=True, stdout=subprocess.DEVNULL)
        for keys, is_right in ((known, True), (none, False)):
            ask = [os.environ["APK"], "verify", "--keys-dir", keys, pathlib.Path(place, TARGET, "packages.adb")]
            assert (subprocess.run(ask, capture_output=True, check=False).returncode == 0) == is_right
        made = {path.name.split("-0.")[0]: path for path in pathlib.Path(place, TARGET).glob("*.apk")}
        for name in OPENWRT:
            made[name] = pathlib.Path(place, f"{name}.apk")
            info = ["--info", f"name:{name}", "--info", "version:1-r1", "--info", "arch:noarch"]
            empty = pathlib.Path(place, "empty")
            empty.mkdir(exist_ok=True)
            subprocess.run([os.environ["APK"], "mkpkg", *info, "--files", empty, "--output", made[name]], check=True)

        def add(*paths):
            options = ["--root", root, "--initdb", "--allow-untrusted", "--no-scripts", "--no-network"]
            if os.geteuid() != 0:
                options.append("--usermode")
            done = subprocess.run([os.environ["APK"], "add", *options, *paths], capture_output=True, check=False)
            return done.returncode, done.stderr.decode()

        full = made.pop("weir-mariadb")
        done = add(*made.values())
        assert done[0] == 0, done
        assert add(full)[0] != 0, "both at once"
        for name in ("weir", "weir-web", "luci-app-weir", "luci-i18n-weir-zh-cn"):
            listed = (root / f"lib/apk/packages/{name}.list").read_text().split()
            for path, (mode, body) in feed.packages[name][1].items():
                if body is not None:
                    at = root / path
                    assert at.read_bytes() == body and at.stat().st_mode & 0o777 == mode, path
                    assert f"/{path}" in listed, path
