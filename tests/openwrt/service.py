"""Tests of the settings and the init scripts, in busybox's ash."""

import json
import re
import shutil
import subprocess
import tomllib

from places import FILES, ROOT
from router import Router

HOSTILE = "a\"b\\c'd $(touch pwned) `touch pwned` ${HOME} ;\nnew = \"line\"\n[x]\t\x01\x7fé中%s%n*? \\"


def settings_are_complete(program, place):
    """Each setting of config.toml is one of /etc/config/weir, and only those."""
    elsewhere = {
        ("capture", "interfaces"),
        ("apps", "features"),
        ("devices", "vendors"),
        ("devices", "labels"),
        ("sqlite", "path"),
        ("sqlite", "copy"),
        ("daemon", "control"),
        ("daemon", "web_info"),
        ("daemon", "web_password"),
    }
    shipped = tomllib.loads((ROOT / "config.toml").read_text())
    kinds = {str: "text", bool: "bool", int: "number", list: "list"}
    wanted = {(table, name, kinds[type(value)]) for table, rows in shipped.items() for name, value in rows.items()
              if (table, name) not in elsewhere}
    block = re.search(r'^WEIR_SETTINGS="\n(.*?)^"$', (FILES / "settings.sh").read_text(), re.M | re.S)
    have = {tuple(line.split()) for line in block[1].splitlines()}
    assert have == wanted, have ^ wanted
    # So are those of the outs in its example, and what stands for one of these.
    example = (ROOT / "config.toml").read_text().partition("# [[out]]")[2]
    lines = [line[2:] for line in f"# [[out]]{example}".splitlines() if "[[out]]" in line or " = " in line]
    wanted = {(key, kinds[type(value)]) for out in tomllib.loads("\n".join(lines))["out"] for key, value in out.items()}
    wanted = wanted - {("name", "text")} | {(name, "text") for name in ("db", "token", "password")}
    block = re.search(r'^WEIR_OUT="\n(.*?)^"$', (FILES / "settings.sh").read_text(), re.M | re.S)
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
                same = value in (default, "") or name in ("socket", "health_every", "source", "leases")
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
        router.set("siem", name=plain[:64], kind="syslog", server="192.0.2.1:514", transport="tcp", types=["flow", "alert"],
                   deep="0", max_queue="500")
        router.set("file", kind="eve", path=f"{router.root}/mnt/eve/eve.json", keep="2")
        router.set("gone", enabled="0", kind="fax")
        router.set("assets", kind="syslog", server="192.0.2.1:514", form="asset", status=["200", "!4xx"], types=["!image/*"])
        router.run("init", "start_service", shell, SECTIONS_out="siem file gone assets")
        assert router.toml()["out"] == [
            {"name": plain[:64], "kind": "syslog", "server": "192.0.2.1:514", "transport": "tcp", "types": ["flow", "alert"],
             "deep": False, "max_queue": 500},
            {"name": "file", "kind": "eve", "path": f"{router.root}/mnt/eve/eve.json", "keep": 2},
            {"name": "assets", "kind": "syslog", "server": "192.0.2.1:514", "form": "asset", "status": ["200", "!4xx"],
             "types": ["!image/*"]},
        ], router.toml()["out"]
        assert (router.root / "mnt/eve").is_dir()
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
    rest = [f"{router.root}/var/run/weir", f"{router.root}/etc/weir/web"]
    assert writable == [*rest, f"{router.root}/mnt/weir"], writable
    router.set("storage", copy=str(router.root / "mnt/stick"))
    out = router.run("init", "start_service")
    assert re.search(r"jail_mount_rw (.*)", out)[1].split()[3:] == [f"{router.root}/mnt/stick"]
    # The folder that a file lies in, and the files with secrets.
    eve, password = router.root / "mnt/eve", router.root / "etc/weir/mqtt.password"
    password.touch()
    router.set("file", kind="eve", path=f"{eve}/eve.json")
    router.set("home", kind="mqtt", server="192.0.2.1:1883", password_file=str(password))
    assert router.run("init", "reload_service", SECTIONS_out="file home") == "stop\nstart\n"
    out = router.run("init", "start_service", SECTIONS_out="file home")
    assert f"jail_mount_rw {eve}\n" in out and f"jail_mount {password}\n" in out, out
    router.run("init", "start_service")
    same = router.run("init", "reload_service")
    assert same == "start\n", same
    router.set("store", keep_days="9")
    assert router.run("init", "reload_service") == "start\n"
    router.set("storage", folder=str(router.root / "mnt/other"))
    assert router.run("init", "reload_service") == "stop\nstart\n"
    packets = router.root / "mnt/packets"
    router.set("export", enabled="1", folder=str(packets))
    assert router.run("init", "reload_service") == "stop\nstart\n"
    assert f"jail_mount_rw {packets}\n" in router.run("init", "start_service")
    (packets / "photo.jpg").write_text("somebody's own")
    out = router.run("init", "start_service")
    assert "no packets are kept" in out and f"jail_mount_rw {packets}" not in out


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


def pages_are_served(program, place):
    """By an uhttpd of their own, which asks for no password: the pages do."""
    router = Router(place / "router", program)
    out = router.run("web", "start_service")
    for address in ("127.0.0.1", "192.168.1.1", "[fd00::1]"):
        assert f"-p {address}:8090" in out, out
    assert "user weir-web" in out and "group weir" in out and "-c /dev/null" in out
    router.set("web", port="80 90")
    assert "port in /etc/config/weir" in router.run("web", "start_service")
    router.set("web", enabled="0")
    assert router.run("web", "start_service") == ""


TESTS = (
    settings_are_complete, values_come_through, nonsense_is_told, rights_and_restarts, doubts_are_told,
    memory_has_a_cap, pages_are_served,
)
