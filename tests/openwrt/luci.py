"""Tests of what LuCI shows and what rpcd answers for it."""

import json
import os
import re
import shutil
import subprocess
import time
import tomllib

from places import FEED, FILES, HERE, ROOT


def syntax(program, place):
    """Shells, node and JSON take what is for them."""
    scripts = [FILES / name for name in ("weir.init", "weir-web.init", "settings.sh", "php-cgi", "weir-web.defaults")]
    scripts += [HERE / "functions.sh", FEED / "weir/test.sh", FEED / "weir/test-version.sh"]
    for shell in (["dash", "-n"], ["busybox", "ash", "-n"]):
        for path in scripts:
            subprocess.run([*shell, path], check=True)
    # What only ash knows, or what OpenWrt's own functions set.
    unknown = "SC1091,SC2034,SC2016,SC2154,SC3043"
    # busybox is known from 0.10 on, which Debian 12 has not.
    known = subprocess.run(["shellcheck", "-s", "busybox", "/dev/null"], capture_output=True, check=False)
    dialect = "dash" if known.returncode else "busybox"
    subprocess.run(["shellcheck", "-s", dialect, "-e", unknown, *scripts], check=True)
    views = sorted(FEED.glob("luci-app-weir/htdocs/**/*.js"))
    assert views
    subprocess.run(["node", HERE / "views.js", *views], check=True)
    app = FEED / "luci-app-weir/root/usr/share"
    menu = json.loads((app / "luci/menu.d/luci-app-weir.json").read_text())
    shown = {entry["action"]["path"] for entry in menu.values() if entry["action"]["type"] == "view"}
    assert shown == {f"weir/{path.stem}" for path in views}
    (rights,) = json.loads((app / "rpcd/acl.d/luci-app-weir.json").read_text()).values()
    # Nothing is run or read but by the plugin, and who may only look changes nothing.
    assert "file" not in rights["read"] and "file" not in rights["write"]
    assert rights["read"]["ubus"]["luci.weir"] == ["features", "now", "report"]
    plugin = (app / "rpcd/ucode/weir.uc").read_text()
    methods = re.findall(r"^\t\t(\w+): \{$", plugin, re.M)
    granted = rights["read"]["ubus"]["luci.weir"] + rights["write"]["ubus"]["luci.weir"]
    assert sorted(methods) == sorted(granted), methods
    # Nothing that a browser sends becomes part of a command.
    assert set(re.findall(r"run\(`(.*?)`\)", plugin)) == {
        "${PROGRAM} check --features ${DRAFT}", "${INIT} report", "${INIT} ${action}",
    }
    assert "[ 'start', 'stop', 'restart' ]" in plugin


def settings_are_all_there(program, place):
    """Each setting of /etc/config/weir has a field, with the daemon's default in it."""
    view = (FEED / "luci-app-weir/htdocs/luci-static/resources/view/weir/settings.js").read_text()
    block = re.search(r'^WEIR_SETTINGS="\n(.*?)^"$', (FILES / "settings.sh").read_text(), re.M | re.S)
    wanted = {tuple(line.split()[:2]) for line in block[1].splitlines()}
    single = set(re.findall(r"add\('\w+', [\w.]+, '(\w+)', '(\w+)'", view))
    several = re.findall(r"^\t\t\t\[ '(\w+)', '(\w+)', _\('[^']*'\), '([^']*)' \]", view, re.M)
    have = single | {(table, name) for table, name, _ in several}
    have -= {("main", "enabled"), ("main", "network"), ("main", "device"), ("storage", "folder"), ("storage", "copy")}
    assert have == wanted, have ^ wanted
    shipped = tomllib.loads((ROOT / "config.toml").read_text())
    for table, name, value in several:
        assert str(shipped[table][name]) == value, (table, name, value)
    outs = re.search(r'^WEIR_OUT="\n(.*?)^"$', (FILES / "settings.sh").read_text(), re.M | re.S)
    fields = re.findall(r"\bout\(form\.\w+, \[.*?\], '(\w+)'", view)
    assert {*fields, "kind", "max_queue"} == {line.split()[0] for line in outs[1].splitlines()}, fields
    tunnels = re.search(r"for \(const name of \[ (.*?) \]\)", view)[1].replace("'", "").split(", ")
    assert tunnels == [*shipped["capture"]["tunnels"], "none"]


def plugin_asks_the_daemon(program, place):
    """rpcd's plugin runs in ucode, with a daemon that captures on loopback."""
    ucode = os.environ.get("UCODE") or shutil.which("ucode")
    if not ucode:
        return "(not run: there is no ucode here, UCODE says where) "
    for name in ("etc", "var", "web"):
        (place / name).mkdir(parents=True)
    features = place / "etc/features.txt"
    shutil.copy(ROOT / "features.txt", features)
    (place / "config.toml").write_text(
        f'[capture]\ninterfaces = ["lo"]\nfilter = "port 9"\n[apps]\nfeatures = "{features}"\n[sqlite]\npath = "w.db"\n'
        '[daemon]\ncontrol = "c.sock"\nweb_info = "web.json"\nweb_password = "web/password"\n')
    (place / "init").write_text('#!/bin/sh\necho "{\\"folder\\":\\"$1\\"}"\n')
    (place / "init").chmod(0o755)
    plugin = (FEED / "luci-app-weir/root/usr/share/rpcd/ucode/weir.uc").read_text()
    for there, here in (
        ("/var/run/weir/control.sock", place / "c.sock"), ("/usr/sbin/weir", program), ("/etc/init.d/weir", place / "init"),
        ("/etc/weir/features.txt", features), ("/var/etc/weir-draft.txt", place / "var/draft.txt"),
    ):
        assert f"'{there}'" in plugin, there
        plugin = plugin.replace(f"'{there}'", f"'{here}'")
    (place / "weir.uc").write_text(plugin)
    command = [ucode, HERE / "plugin.uc", place / "weir.uc", features]

    def tried(what):
        done = subprocess.run([*command, what], capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "well\n", ""), done

    with open(place / "log", "wb") as log:
        daemon = subprocess.Popen([program, "run", "-c", place / "config.toml"], stderr=log)
        try:
            status = [program, "status", "-c", place / "config.toml", "--json"]
            while subprocess.run(status, capture_output=True, check=False).stdout.strip() in (b"", b"null"):
                assert daemon.poll() is None, (place / "log").read_text()
                time.sleep(0.05)
            tried("up")
            # It reads the file when it gets to it.
            while b"reload: done" not in (place / "log").read_bytes():
                assert daemon.poll() is None
                time.sleep(0.05)
        finally:
            daemon.terminate()
            daemon.wait()
    assert "TestApp" in features.read_text() and features.stat().st_mode & 0o777 == 0o644
    assert "reload: done, 2075 apps" in (place / "log").read_text()
    tried("down")
    return ""


def capabilities_are_few(program, place):
    """The daemon gets what it captures by, and nothing else of root."""
    capabilities = json.loads((FILES / "weir.json").read_text())
    assert all(sorted(names) == ["CAP_NET_ADMIN", "CAP_NET_RAW"] for names in capabilities.values())


TESTS = (syntax, capabilities_are_few, settings_are_all_there, plugin_asks_the_daemon)
