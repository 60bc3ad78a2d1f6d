#!/usr/bin/env python3
"""Tests of what is for OpenWrt: run.py [PROGRAM]

PROGRAM is a weir for this machine, else target/debug/weir. Debian has none of
OpenWrt's programs, so packages are unpacked as opkg would and the init scripts
run with functions.sh beside this file. Where there are opkg and apk-tools 3,
and OPKG and APK say where, they install the packages too.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FEED = ROOT / "openwrt"
FILES = FEED / "weir/files"
sys.path[:0] = [str(HERE), str(ROOT / "scripts")]

import package  # noqa: E402
import texts  # noqa: E402

# A target that this machine could be.
MACHINE = package.elf(shutil.which("true"))
TARGET = next(name for name, triple in package.TARGETS.items() if package.MACHINES[triple.split("-")[0]] == MACHINE)
HOSTILE = "a\"b\\c'd $(touch pwned) `touch pwned` ${HOME} ;\nnew = \"line\"\n[x]\t\x01\x7fé中%s%n*? \\"


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
        variables, _ = package.read_recipe(FEED / name / "Makefile")
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
    expected = {"weir", "weir-mariadb", "weir-web", "luci-app-weir", "luci-i18n-weir-zh-cn"}
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
        original, package.needed_packages = package.needed_packages, lambda path, known: known
        try:
            with contextlib.redirect_stdout(None):
                package.make_feed("ipk", "mipsel_24kc", {"weir": large}, pathlib.Path(place))
            raise AssertionError("too large, and nothing was said")
        except package.Wrong as wrong:
            assert "1,500,000 are its limit" in str(wrong), wrong
        finally:
            package.needed_packages = original


def translations(feed):
    """Every text is in the template and has a translation, which LuCI finds."""
    made = texts.template()
    if os.environ.get("WEIR_UPDATE"):
        texts.TEMPLATE.write_text(made)
    assert texts.TEMPLATE.read_text() == made, "the template is old: WEIR_UPDATE=1 tests/openwrt/run.py makes it anew"
    chinese = package.read_po((texts.APP / "po/zh_Hans/weir.po").read_text())
    assert set(chinese) - {""} == set(texts.in_code())
    for text, translation in chinese.items():
        assert text == "" or re.findall(r"%[\d.]*\w", text) == re.findall(r"%[\d.]*\w", translation), text
    # Known values of the hash, for each length of what is left.
    for data, value in HASHES.items():
        assert package.sfh_hash(data.encode()) == value, data
    lmo = feed.packages["luci-i18n-weir-zh-cn"][1]["usr/lib/lua/luci/i18n/weir.zh-cn.lmo"][1]
    begin = int.from_bytes(lmo[-4:], "big")
    words = [int.from_bytes(lmo[at : at + 4], "big") for at in range(begin, len(lmo) - 4, 4)]
    entries = [words[at : at + 4] for at in range(0, len(words), 4)]
    assert entries == sorted(entries)
    found = {key: lmo[at : at + size].decode() for key, _, at, size in entries}
    assert found.pop(0) == "nplurals=1; plural=0;"
    for text, translation in chinese.items():
        if text and text != translation:
            assert found.pop(package.sfh_hash(text.encode())) == translation
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


def syntax(feed):
    """Shells, node and JSON take what is for them."""
    scripts = [FILES / name for name in ("weir.init", "weir-web.init", "settings.sh", "php-cgi", "weir-web.defaults")]
    scripts += [HERE / "functions.sh", FEED / "weir/test.sh", FEED / "weir/test-version.sh"]
    for shell in (["dash", "-n"], ["busybox", "ash", "-n"]):
        for path in scripts:
            subprocess.run([*shell, path], check=True)
    # What only ash knows, or what OpenWrt's own functions set.
    unknown = "SC1091,SC2034,SC2016,SC2154,SC3043"
    subprocess.run(["shellcheck", "-s", "dash", "-e", unknown, *scripts], check=True)
    views = sorted(FEED.glob("luci-app-weir/htdocs/**/*.js"))
    assert views
    subprocess.run(["node", HERE / "views.js", *views], check=True)
    app = FEED / "luci-app-weir/root/usr/share"
    menu = json.loads((app / "luci/menu.d/luci-app-weir.json").read_text())
    shown = {entry["action"]["path"] for entry in menu.values() if entry["action"]["type"] == "view"}
    assert shown == {f"weir/{path.stem}" for path in views}
    (rights,) = json.loads((app / "rpcd/acl.d/luci-app-weir.json").read_text()).values()
    # Command lines in full: a wildcard would let others in.
    for way in ("read", "write"):
        for command, kinds in rights[way]["file"].items():
            assert "*" not in command and kinds == ["exec"], command
    capabilities = json.loads((FILES / "weir.json").read_text())
    assert all(sorted(names) == ["CAP_NET_ADMIN", "CAP_NET_RAW"] for names in capabilities.values())


# The service.


class Router:
    """A folder that looks like a router to the scripts."""

    def __init__(self, folder, program):
        self.root = folder
        self.sections = {}
        for path in ("etc/config", "etc/weir", "etc/rc.d", "usr/sbin", "usr/share/weir", "var/etc", "mnt", "bin"):
            (folder / path).mkdir(parents=True)
        shutil.copy(ROOT / "features.txt", folder / "etc/weir")
        # The scripts name places on a router; here they are in a folder.
        places = r"(?<![\w.*}])/(?=(etc/(weir|rc\.d|capabilities)|usr/share/weir|var/(etc|run)|sbin/ujail)\b)"
        for name, to in (("settings.sh", "usr/share/weir/settings.sh"), ("weir.init", "init"), ("weir-web.init", "web")):
            text = re.sub(places, f"{folder}/", (FILES / name).read_text())
            text = text.replace(". /lib/functions/network.sh\n", "")
            (folder / to).write_text(text)
        text = (folder / "init").read_text().replace("PROG=/usr/sbin/weir", f"PROG={program}")
        (folder / "init").write_text(text.replace("chown ", ": chown "))
        text = (folder / "web").read_text().replace("chown ", ": chown ")
        (folder / "web").write_text(text)
        self.set("main", enabled="1", network=["lan"])
        self.set("storage", folder=f"{folder}/mnt/weir")
        self.set("store")
        self.set("web", enabled="1")

    def set(self, section, **options):
        self.sections.setdefault(section, {}).update(options)

    def run(self, script, action, shell=("busybox", "ash"), **env):
        lines = []
        for section, options in self.sections.items():
            for name, value in options.items():
                if isinstance(value, list):
                    lines.append(f"CONFIG_{section}_{name}={shlex.quote(' '.join(value))}")
                    lines.append(f"CONFIG_{section}_{name}_LENGTH={len(value)}")
                    for number, item in enumerate(value, 1):
                        lines.append(f"CONFIG_{section}_{name}_ITEM{number}={shlex.quote(item)}")
                else:
                    lines.append(f"CONFIG_{section}_{name}={shlex.quote(value)}")
        (self.root / "config").write_text("\n".join(lines) + "\n")
        code = f". {HERE}/functions.sh; . {self.root}/{script}; {action}"
        env = {"PATH": os.environ["PATH"], "CONFIG": str(self.root / "config")} | env
        done = subprocess.run(
            [*shell, "-c", code], cwd=self.root, env=env, capture_output=True, text=True, check=False, timeout=60
        )
        assert not done.stderr, done.stderr
        assert not (self.root / "pwned").exists()
        return done.stdout

    def toml(self):
        return tomllib.loads((self.root / "var/etc/weir.toml").read_text())


def settings_are_complete(program, place):
    """Each setting of config.toml is one of /etc/config/weir, and only those."""
    elsewhere = {
        ("capture", "interfaces"),
        ("apps", "features"),
        ("sqlite", "path"),
        ("sqlite", "copy"),
        ("daemon", "control"),
        ("daemon", "web_info"),
    }
    shipped = tomllib.loads((ROOT / "config.toml").read_text())
    kinds = {str: "text", bool: "bool", int: "number", list: "list"}
    wanted = {(table, name, kinds[type(value)]) for table, rows in shipped.items() for name, value in rows.items()
              if (table, name) not in elsewhere}
    block = re.search(r'^WEIR_SETTINGS="\n(.*?)^"$', (FILES / "settings.sh").read_text(), re.M | re.S)
    have = {tuple(line.split()) for line in block[1].splitlines()}
    assert have == wanted, have ^ wanted
    # What the file on the router names is known, and its defaults are the daemon's.
    section = None
    for line in (FILES / "weir.config").read_text().splitlines():
        if found := re.match(r"config \w+ '(\w+)'", line):
            section = found[1]
        elif found := re.match(r"\t(?:# )?option (\w+) '(.*)'$", line):
            name, value = found.groups()
            if section not in ("main", "storage"):
                default = shipped[section][name]
                default = {True: "1", False: "0"}[default] if isinstance(default, bool) else str(default)
                # A router has what heads need; elsewhere nobody's firewall gets rules unasked.
                same = value in (default, "") or name in ("socket", "health_every", "source")
                assert same, (section, name, value, default)


def values_come_through(program, place):
    """Whatever is in a value, the daemon gets that value."""
    for shell in (("busybox", "ash"), ("dash",)):
        router = Router(place / shell[-1], program)
        router.set("mariadb", password=HOSTILE, user=HOSTILE, host="\\", web_password='"', port="3307")
        router.set("capture", tunnels=["gre", "vxlan"], promiscuous="off", buffer="4MiB")
        router.set("main", device=[HOSTILE, "eth1", "br-lan"])
        router.set("store", details="1", max_mb="20")
        router.set("storage", copy=f"{router.root}/mnt/stick/weir/")
        out = router.run("init", "start_service", shell)
        assert "command" in out, out
        toml = router.toml()
        assert "policy" not in toml
        assert toml["mariadb"] == {
            "password": HOSTILE, "user": HOSTILE, "host": "\\", "web_password": '"', "port": 3307,
        }, toml["mariadb"]
        # lan is br-lan, once.
        assert toml["capture"] == {
            "interfaces": ["br-lan", HOSTILE, "eth1"], "tunnels": ["gre", "vxlan"],
            "promiscuous": False, "buffer": "4MiB",
        }, toml["capture"]
        assert toml["store"]["details"] is True
        assert toml["sqlite"] == {
            "path": f"{router.root}/mnt/weir/weir.db", "copy": f"{router.root}/mnt/stick/weir/weir.db",
        }, toml["sqlite"]
        assert (router.root / "mnt/stick/weir").is_dir()
        subprocess.run([program, "check", "-c", router.root / "var/etc/weir.toml"], check=True, stdout=subprocess.DEVNULL)
        assert (router.root / "var/etc/weir.toml").stat().st_mode & 0o777 == 0o640
        plain = "".join(filter(str.isprintable, HOSTILE))
        router.set("night", name=plain, devices=["192.168.1.0/24"], apps=["Tube", HOSTILE], quota="2h", dry_run="1",
                   times=["mon-fri 21:00-07:00"])
        router.set("off", enabled="0", name="off")
        router.run("init", "start_service", shell, SECTIONS_policy="night off")
        assert router.toml()["policy"] == [{
            "name": plain, "devices": ["192.168.1.0/24"], "apps": ["Tube", HOSTILE], "quota": "2h", "dry_run": True,
            "times": ["mon-fri 21:00-07:00"],
        }], router.toml()["policy"]
        # An option instead of a list, as who writes by hand has it.
        router.set("main", network="lan", device="eth1 *")
        router.run("init", "start_service", shell)
        assert router.toml()["capture"]["interfaces"] == ["br-lan", "eth1", "*"]
        router.set("capture", tunnels=["none"])
        router.run("init", "start_service", shell)
        assert router.toml()["capture"]["tunnels"] == []


def nonsense_is_told(program, place):
    """What is wrong is in the log, and what runs goes on."""
    router = Router(place / "router", program)
    router.set("store", keep_days="7\n[x]")
    out = router.run("init", "start_service")
    assert "keep_days" in out and "procd command" not in out, out
    router.set("store", keep_days="7")
    assert "procd command" in router.run("init", "start_service")
    before = (router.root / "var/etc/weir.toml").stat()
    router.set("store", kind="oracle")
    out = router.run("init", "start_service", RUNNING="1")
    assert "goes on with the settings" in out and "procd command" in out, out
    assert router.toml()["store"]["keep_days"] == 7
    router.set("store", kind="sqlite", keep_days="8")
    router.run("init", "start_service")
    # A jail goes on showing the file that it was given.
    after = (router.root / "var/etc/weir.toml").stat()
    assert (before.st_ino, router.toml()["store"]["keep_days"]) == (after.st_ino, 8)
    bad = ("/etc", "/", "relative/x", "/mnt/../etc/x", "/mnt/a b", "/mnt/$(touch pwned)/x", "/usr/lib/x", "/mnt//x")
    for folder in bad:
        router.set("storage", folder=folder)
        out = router.run("init", "start_service")
        assert "storage folder" in out and "procd command" not in out, (folder, out)
    for copy in ("/etc/weir", "relative/x", str(router.root / "mnt/weir")):
        router.set("storage", folder=str(router.root / "mnt/weir"), copy=copy)
        out = router.run("init", "start_service")
        assert "storage folder or copy" in out and "procd command" not in out, (copy, out)
    router.set("storage", copy="")
    taken = router.root / "mnt/taken"
    taken.mkdir()
    (taken / "photo").touch()
    router.set("storage", folder=str(taken))
    assert "has other files in it" in router.run("init", "start_service")
    router.set("main", enabled="0")
    assert "enabled is 0" in router.run("init", "start_service")
    router.set("main", enabled="1", network=["guest"])
    router.set("storage", folder=str(router.root / "mnt/weir"))
    assert "nothing to watch yet" in router.run("init", "start_service")


def rights_and_restarts(program, place):
    """Capabilities only in a jail; a restart only for what a jail can't take over."""
    router = Router(place / "router", program)
    out = router.run("init", "start_service")
    assert "procd reload_signal HUP" in out and "procd group weir" in out and "respawn" in out
    assert "procd file " in out and "features.txt" in out
    assert "capabilities" not in out and "user weir" not in out
    jail = router.root / "sbin/ujail"
    jail.parent.mkdir()
    jail.write_text("#!/bin/sh\n")
    jail.chmod(0o755)
    (router.root / "etc/capabilities").mkdir()
    shutil.copy(FILES / "weir.json", router.root / "etc/capabilities")
    out = router.run("init", "start_service")
    for part in ("procd user weir", "procd no_new_privs 1", "capabilities", "jail weir log procfs"):
        assert part in out, part
    writable = re.search(r"jail_mount_rw (.*)", out)[1].split()
    assert writable == [f"{router.root}/var/run/weir", f"{router.root}/mnt/weir"], writable
    router.set("storage", copy=str(router.root / "mnt/stick"))
    out = router.run("init", "start_service")
    assert re.search(r"jail_mount_rw (.*)", out)[1].split()[2:] == [f"{router.root}/mnt/stick"]
    same = router.run("init", "reload_service")
    assert same == "start\n", same
    router.set("store", keep_days="9")
    assert router.run("init", "reload_service") == "start\n"
    router.set("storage", folder=str(router.root / "mnt/other"))
    assert router.run("init", "reload_service") == "stop\nstart\n"


def doubts_are_told(program, place):
    """Offload, other counters and proxies are in the log and in the report."""
    router = Router(place / "router", program)
    for name in ("S60nlbwmon", "S99passwall"):
        (router.root / "etc/rc.d" / name).touch()
    env = {"UCI": "firewall.@defaults[0].flow_offloading=1 firewall.@defaults[0].flow_offloading_hw=1"}
    out = router.run("init", "start_service", **env)
    for part in ("hardware flow offloading", "nlbwmon counts", "passwall takes connections over"):
        assert part in out, part
    assert "offloading" not in router.run("init", "start_service", RUNNING="1", **env), "said once"
    report = json.loads(router.run("init", "report", **env))
    assert [doubt[0] for doubt in report["doubts"]][:3] == ["offload_hw", "nlbwmon", "proxy"], report
    assert report["size"] == 0 and report["folder"] == f"{router.root}/mnt/weir"


def memory_has_a_cap(program, place):
    """A database in memory takes an eighth of it at most."""
    router = Router(place / "router", program)
    meminfo = router.root / "meminfo"
    settings = router.root / "usr/share/weir/settings.sh"
    settings.write_text(settings.read_text().replace("/proc/meminfo", str(meminfo)))
    for kib, cap in ((60_000, "7"), (20_000, "4"), (512_000, "16")):
        meminfo.write_text(f"MemTotal: {kib} kB\n")
        out = router.run("init", "weir_cap 16").strip()
        assert out == cap, (kib, out)


def pages_have_a_door(program, place):
    """Without a password the pages are for the router itself only."""
    router = Router(place / "router", program)
    out = router.run("web", "start_service")
    assert "-p 127.0.0.1:8090" in out and "192.168.1.1" not in out and "no password" in out, out
    assert "user weir-web" in out and "group weir" in out
    router.set("web", password="$1$$abc")
    out = router.run("web", "start_service")
    assert "-p 192.168.1.1:8090" in out and "-p [fd00::1]:8090" in out, out
    assert f"procd file {router.root}/var/etc/weir-web.conf" in out
    assert (router.root / "var/etc/weir-web.conf").read_text() == "/:weir:$1$$abc\n"
    router.set("web", password="", open="1")
    assert "-p 192.168.1.1:8090" in router.run("web", "start_service")
    router.set("web", user="a:b\n/", password="x", open="0")
    out = router.run("web", "start_service")
    assert "192.168.1.1" not in out and "user in /etc/config/weir" in out, out
    router.set("web", enabled="0")
    assert router.run("web", "start_service") == ""


# What OpenWrt has, for real ones to find; with nothing in it.
OPENWRT = ("uhttpd", "php8-cgi", "php8-mod-pdo", "php8-mod-pdo-sqlite", "luci-base")


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
            empty = package.Package(name, fields, "1-r1", name, {}, [])
            assert opkg("install", package.make_ipk(empty, "all", root)[0]).returncode == 0
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
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
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


def main():
    program = pathlib.Path(*sys.argv[1:] or [ROOT / "target/debug/weir"]).resolve()
    with tempfile.TemporaryDirectory() as place:
        base = pathlib.Path(place)
        feed = Feed(base / "feed")
        groups = [(test, (feed,)) for test in (recipes, structure, index, refused, translations, syntax)]
        service = (
            settings_are_complete, values_come_through, nonsense_is_told, rights_and_restarts, doubts_are_told,
            memory_has_a_cap, pages_have_a_door,
        )
        groups += [(test, (program, base / test.__name__)) for test in service]
        if os.environ.get("OPKG"):
            groups.append((real_opkg, (feed,)))
        if os.environ.get("APK"):
            groups.append((real_apk, (feed,)))
        for test, args in groups:
            begun = time.monotonic()
            test(*args)
            print(f"openwrt: {test.__name__.replace('_', ' ')} {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
