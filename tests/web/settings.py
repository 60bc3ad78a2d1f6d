#!/usr/bin/env python3
"""What people change, as people and as strangers try it: settings.py WEIR WEB-TA SCRATCH

A daemon runs for it, on the loopback interface, with PHP's own server in front. No
script runs: what is done here is done by forms.
"""

import contextlib
import html
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from door import Browser, Daemon
from pages import check_page
from served import Server

PASSWORD = "open sesame ☃"
FEATURES = "#class chat Chat 聊天\nA:[;;;a.io;]\nTube:[;;;tube.example;]\n"
MORE = """backups = 3
# mine
[store]
keep_days = 400 # a year
[mariadb]
password = "hunter2" # hunter3
[alerts]
webhook = "http://127.0.0.1:9/hunter4"
[[out]]
name = "home"
kind = "mqtt"
server = "127.0.0.1:9"
user = "me"
password = "hunter5"
"""
SECRET = re.compile("hunter[0-9]")
PARTS = ("settings", "signatures", "policies", "lists", "outs", "backup")


class Person(Browser):
    """Somebody with the forms of a part before them."""

    def part(self, name, **params):
        query = "".join(f"&{key}={urllib.parse.quote(str(value))}" for key, value in params.items())
        answer = self.ask(f"/settings.php?part={name}&lang=en{query}")
        assert answer.status == 200, (name, answer.status, answer.text[-500:])
        assert not SECRET.search(answer.text), name
        return answer.text

    def send(self, part, form, **more):
        """Sends a form with the token and the version that the page has."""
        text = self.part(part, **({"new": 1} if part == "policies" else {"open": "store"}))
        given = {name: re.search(rf'name="{name}" value="(\w+)"', text) for name in ("csrf", "version")}
        answer = self.ask(f"/settings.php?part={part}&lang=en", {k: v[1] for k, v in given.items() if v} | form, **more)
        assert not SECRET.search(answer.text), (part, form)
        return answer


def refused(answer, words, status=422):
    text = html.unescape(answer.text)
    assert answer.status == status and words in text, (answer.status, words, re.findall(r'role="alert">([^<]*)', text))


def done(answer):
    assert answer.status == 303, re.findall(r'role="alert">([^<]*)', answer.text)


def eventually(what):
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def nobody(site, daemon):
    """Without a password everybody at the machine looks, and nobody changes."""
    before = daemon.config.read_text()
    local = Browser(site)
    for part in PARTS:
        answer = local.ask(f"/settings.php?part={part}&lang=en")
        check_page(answer)
        assert "Only who is signed in" in answer.text and "<textarea" not in answer.text
        assert local.ask(f"/settings.php?part={part}", {"do": "save", "text": "", "csrf": "0" * 32}).status == 403
        assert Browser(site, Host="router.lan").ask(f"/settings.php?part={part}").status == 303
    for command in ("features_get", "features_save", "config_get", "config_save", "backup", "restore", "features_relabel"):
        for who in ({}, {"session": "0" * 32, "csrf": "0" * 32}, {"session": "", "csrf": ""}):
            assert daemon.ask(command=command, **who) == {"error": "wrong"}, command
    assert daemon.config.read_text() == before
    assert daemon.passwd(f"{PASSWORD}\n").returncode == 0
    for part in PARTS:
        assert local.ask(f"/settings.php?part={part}").status == 303
        assert local.ask(f"/settings.php?part={part}", {"do": "save"}).status == 303


def shown(site, person):
    for part in PARTS + ("settings&text=1", "settings&q=flash", "settings&changed=1", "policies&new=1", "signatures&backup=1"):
        for lang in ("en", "zh"):
            answer = person.ask(f"/settings.php?part={part}&lang={lang}")
            # A part may have one of its own.
            check_page(answer)
            assert not SECRET.search(answer.text), part
    for nonsense in ("part=nothing", "part[]=x", "part=../door", "part=policies&edit=%00"):
        assert person.ask(f"/settings.php?{nonsense}").status in (200, 400), nonsense
    assert person.ask("/").text.count('href="settings.php"') == 1, "one entry of the menu"


def signatures(site, person, daemon):
    file = daemon.folder / "features.txt"
    wrong = person.send("signatures", {"do": "save", "text": FEATURES + "B:[tcp;x;;;]\n"})
    refused(wrong, "line 4, column 8")
    assert "B:[tcp;x;;;]" in wrong.text, "what was written is still there"
    assert file.read_text() == FEATURES
    better = FEATURES + "B:[;;;b.io;]\n"
    old = re.search(r'name="version" value="(\w+)"', person.part("signatures"))[1]
    # Browsers send other ends of lines than the file has.
    done(person.send("signatures", {"do": "save", "text": better.replace("\n", "\r\n")}))
    assert file.read_text() == better and (daemon.folder / "features.txt.1").read_text() == FEATURES
    eventually(lambda: daemon.ask(command="status")["features"]["apps"] == 3)
    refused(person.send("signatures", {"do": "save", "text": FEATURES, "version": old}), "Somebody else changed")
    refused(person.send("signatures", {"do": "save", "text": FEATURES, "csrf": "0" * 32}), "old one")
    refused(person.send("signatures", {"do": "undo", "number": "1", "csrf": ""}), "old one")
    refused(person.send("signatures", {"do": "save", "text": FEATURES}, Origin="http://evil.example"), "Nothing was done", 403)
    for size in (600_000, 1_200_000):
        refused(person.send("signatures", {"do": "save", "text": "a" * size}), "too long", 400)
    assert file.read_text() == better
    looked = person.send("signatures", {"do": "look", "text": better})
    assert looked.status == 200 and "3 apps by 3 features" in looked.text
    checked = json.loads(person.send("signatures", {"do": "check", "text": "x\n"}).text)
    assert checked["mistakes"][0]["line"] == 1 and checked["summary"] == "1 mistake"
    done(person.send("signatures", {"do": "undo", "number": "1"}))
    assert file.read_text() == FEATURES and (daemon.folder / "features.txt.1").read_text() == better
    assert "b.io" in person.part("signatures", backup=1)
    for n in range(5):
        done(person.send("signatures", {"do": "save", "text": f"{FEATURES}# {n}\n"}))
    assert sorted(path.name for path in daemon.folder.glob("features.txt.*")) == [f"features.txt.{n}" for n in (1, 2, 3)]


def past(site, person, daemon):
    """What a text, and a policy, would have done to the sessions that are there."""
    now = int(time.time() * 1e6)
    sessions = [(1, "one", "new.example", None), (2, "two", "new.example", None), (3, "two", "tube.example", "Tube"), (4, "two", "lost.example", None)]
    with contextlib.closing(sqlite3.connect(daemon.folder / "w.db")) as db:
        columns = {row[1]: "''" if row[2].upper() == "TEXT" else "0" for row in db.execute("PRAGMA table_info(session)")}
        for n, device, host, app in sessions:
            row = columns | {"id": str((now // 1000 - 60_000) * 2048 + n), "start": str(now - 60_000_000), "last": str(now - 50_000_000 + n),
                             "proto": "'tcp'", "client": f"'192.168.1.{n}'", "server": "'192.0.2.1'", "server_port": "443",
                             "device": f"'192.168.1.{len(device)}{n % 2}'", "host": f"'{host}'", "app": f"'{app}'" if app else "NULL", "bytes_in": "1000", "reason": "'fin'"}
            db.execute(f"INSERT INTO session ({','.join(row)}) VALUES ({','.join(row.values())})")
        db.commit()
    text = FEATURES + "New:[;;;new.example;]\n"
    tried = person.send("signatures", {"do": "try", "text": text})
    assert tried.status == 200
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", tried.text))
    assert re.search(r"would have matched .* New 2 sessions of 2 devices", words), words
    assert "no name → New 2 sessions" in html.unescape(words)
    line = re.search(r'name="line" value="([^"]*)"', tried.text)[1]
    assert line == "lost.example:[;;;lost.example;]"
    with_line = person.send("signatures", {"line": line, "text": text})
    assert with_line.status == 200 and f"{text}{line}\n</textarea>" in with_line.text
    told = person.send("signatures", {"do": "relabel"})
    assert "sessions since" in told.text
    policy = {"name": "no tube", "apps": "Tube\r\n", "times": "", "quota": ""}
    tried = person.send("policies", policy | {"do": "try"})
    assert "would have stopped 1 sessions of 1 devices" in tried.text, tried.text[-3000:]
    assert 'value="no tube"' in tried.text and "[[policy]]" not in daemon.config.read_text(), "nothing is saved by that"


def policies(site, person, daemon):
    before = daemon.config.read_text()
    policy = {"name": "<night>", "apps": "Tube", "times": "21:00-07:00\n sat,sun ", "quota": "2h", "dry_run": "true", "class[]": "chat"}
    refused(person.send("policies", policy | {"do": "save", "times": "at night"}), "expected a list of times")
    refused(person.send("policies", policy | {"do": "save", "name": ""}), "needs a name")
    refused(person.send("policies", policy | {"do": "save", "csrf": "1" * 32}), "old one")
    assert daemon.config.read_text() == before
    done(person.send("policies", policy | {"do": "save"}))
    text = ('\n[[policy]]\nname = "<night>"\napps = ["Tube"]\nclasses = ["chat"]\n'
            'times = ["21:00-07:00", "sat,sun"]\nquota = "2h"\ndry_run = true\n')
    assert daemon.config.read_text() == before + text
    assert "&lt;night&gt;" in person.part("policies") and 'value="chat" checked' in person.part("policies", edit="<night>")
    done(person.send("policies", policy | {"do": "save", "old": "<night>", "name": "day", "dry_run": "", "quota": ""}))
    text = text.replace("<night>", "day").replace('quota = "2h"\ndry_run = true\n', "")
    assert daemon.config.read_text() == before + text
    refused(person.send("policies", {"do": "delete", "name": "<night>"}), "not there any more")
    done(person.send("policies", {"do": "delete", "name": "day"}))
    assert daemon.config.read_text() == before


def settings(site, person, daemon):
    before = daemon.config.read_text()
    form = {"do": "save", "section": "store", "names[]": "keep_days"}
    refused(person.send("settings", form | {"v:keep_days": "many"}), "expected a whole number from 1 to")
    wrong = person.send("settings", form | {"v:keep_days": "0"})
    assert 'class="field is-wrong"><span>keep_days' in wrong.text, "told at the field"
    refused(person.send("settings", form | {"v:keep_days": "7", "csrf": "x"}), "old one")
    for section, name, value in [("apps", "features", "/etc/shadow"), ("daemon", "web_password", "/etc/shadow"), ("sqlite", "path", "/etc/passwd"),
                                 ("export", "folder", "/etc"), ("devices", "leases", "/etc/shadow")]:
        refused(person.send("settings", {"do": "save", "section": section, "names[]": name, f"v:{name}": value}), "paths are changed")
    refused(person.send("settings", {"do": "save", "section": "mariadb", "names[]": "host", "v:host": "192.0.2.66"}), "another server")
    refused(person.send("settings", form | {"section": "store]\n[x"}), "did not understand")
    assert daemon.config.read_text() == before
    done(person.send("settings", form | {"v:keep_days": "7"}))
    assert daemon.config.read_text() == before.replace("keep_days = 400 # a year", "keep_days = 7 # a year")
    done(person.send("settings", form | {"v:keep_days": "400"}))
    assert daemon.config.read_text() == before
    # A secret stays when nothing is written, goes when that is asked for, and is replaced.
    secret = {"do": "save", "section": "mariadb", "names[]": "password", "secret:password": "1", "v:password": ""}
    done(person.send("settings", secret))
    assert daemon.config.read_text() == before
    done(person.send("settings", secret | {"unset:password": "1"}))
    assert daemon.config.read_text() == before.replace('"hunter2"', '""')
    done(person.send("settings", secret | {"v:password": "hunter2"}))
    assert daemon.config.read_text() == before
    page = person.part("settings", text="1")
    text = html.unescape(re.search(r'<textarea name="text"[^>]*>\n(.*?)</textarea>', page, re.S)[1])
    assert text.count("<kept>") == 3, text
    refused(person.send("settings", {"do": "text", "text": text.replace("keep_days", "keep_dayz")}), "did you mean keep_days")
    refused(person.send("settings", {"do": "text", "text": text.replace("127.0.0.1:9\"", "192.0.2.1:9\"")}), "another server")
    done(person.send("settings", {"do": "text", "text": text.replace("# mine", "# ours")}))
    assert daemon.config.read_text() == before.replace("# mine", "# ours")
    assert oct((daemon.folder / "config.toml").stat().st_mode & 0o777) == "0o604", "the mode that it had"
    daemon.config.write_text(before)


def lists(site, person, daemon):
    (daemon.folder / "lists").mkdir()
    (daemon.folder / "lists/bad <1>.txt").write_text("192.0.2.0/24\nevil.example\n")
    before = daemon.config.read_text()
    assert "bad &lt;1&gt;.txt" in person.part("lists")
    form = {"do": "save", "name": "mine", "severity": "1"}
    for file in ("../config.toml", "/etc/shadow", "..", ".", "", "a/../../config.toml"):
        refused(person.send("lists", form | {"file": file}), "")
        assert daemon.config.read_text() == before, file
    refused(person.send("lists", form | {"file": "x", "severity": "9"}), "expected 1, 2 or 3")
    done(person.send("lists", form | {"file": "bad <1>.txt"}))
    assert daemon.config.read_text().endswith('[[threat]]\nname = "mine"\npath = "lists/bad <1>.txt"\nseverity = 1\n')
    eventually(lambda: "1 networks, 1 names" in person.part("lists"))
    done(person.send("lists", {"do": "delete", "name": "mine"}))
    assert daemon.config.read_text() == before


TITLED = '<input type="text" name="name"'


def outs(site, person, daemon):
    before = daemon.config.read_text()
    page = person.part("outs")
    assert "home" in page and "hunter" not in page and "127.0.0.1:9" in page
    for kind in ("syslog", "influx", "mqtt", "ipfix"):
        assert f"new={kind}" in page and TITLED in person.part("outs", new=kind)
    assert TITLED not in person.part("outs", new="eve")
    form = {"do": "save", "name": "siem <b>", "kind": "syslog", "server": "127.0.0.1:9", "transport": "udp", "form": "eve", "types": "alert\r\ndns\r\n",
            "header": "rfc5424", "framing": "octets", "facility": "local0", "tag": ""}
    refused(person.send("outs", form | {"server": "nowhere"}), "expected a server with its port")
    refused(person.send("outs", form | {"kind": "eve", "path": "/etc/passwd"}), "needs a path")
    refused(person.send("outs", form | {"name": "home"}), "another out")
    assert daemon.config.read_text() == before
    done(person.send("outs", form))
    added = daemon.config.read_text()
    assert added.startswith(before) and 'types = ["alert", "dns"]' in added and "deep" not in added and "tag" not in added
    eventually(lambda: "siem &lt;b&gt;" in person.part("outs") and "not begun" not in person.part("outs"))
    assert 'value="127.0.0.1:9"' in person.part("outs", edit="siem <b>")
    done(person.send("outs", form | {"old": "siem <b>", "deep": "true", "types": ""}))
    assert "deep = true" in daemon.config.read_text() and "types" not in daemon.config.read_text().removeprefix(before)
    done(person.send("outs", {"do": "delete", "name": "siem <b>"}))
    assert daemon.config.read_text() == before


def backup(site, person, daemon):
    config, features = daemon.config, daemon.folder / "features.txt"
    before = (config.read_text(), features.read_text())
    answer = person.send("backup", {"do": "download"})
    assert answer.headers["Content-Disposition"].startswith("attachment; ") and answer.status == 200
    saved = answer.text
    assert "argon2" not in saved and "===== part config.toml" in saved
    right = person.send("backup", {"do": "look", "backup": saved})
    assert right.status == 200 and "features.txt, config.toml" in right.text
    features.write_text("")
    config.write_text(before[0].replace("keep_days = 400", "keep_days = 9"))
    done(person.send("backup", {"do": "restore", "backup": saved.replace("\n", "\r\n")}))
    assert (config.read_text(), features.read_text()) == before
    evil = saved.replace("[store]", '[export]\nenabled = true\nfolder = "/etc"\n[store]')
    for hostile in ("", "x", "\0\0", "<?php system($_GET[0]);", saved.replace("features.txt", "../../etc/passwd"), saved.replace("part features.txt", "part config.toml"),
                    saved + '[[out]]\nname = "x"\nkind = "eve"\npath = "/etc/passwd"\n', saved.replace("A:[;", "A:["), saved.replace("weir backup 1", "weir backup"),
                    saved.replace('"<kept>"', '"x"').replace("[store]", "[store"), saved.replace('name = "home"', 'name = "other"')):
        answer = person.send("backup", {"do": "restore", "backup": hostile})
        assert answer.status in (400, 422), (hostile[:80], answer.status)
        assert (config.read_text(), features.read_text()) == before, hostile[:80]
    refused(person.send("backup", {"do": "restore", "backup": "x" * 700_000}), "too long", 400)
    refused(person.send("backup", {"do": "restore", "backup": saved, "csrf": "x"}), "old one")
    # Paths of another machine become those of this one.
    done(person.send("backup", {"do": "restore", "backup": evil}))
    assert 'folder = "/etc"' not in config.read_text() and features.read_text() == before[1]
    config.write_text(before[0])


def made_elsewhere(site, person, daemon):
    """On OpenWrt the file is made from another one."""
    before = daemon.config.read_text()
    daemon.config.write_text("# Made from /etc/config/weir whenever Weir is started or reloaded.\n" + before)
    text = person.part("settings", open="store")
    assert "change the settings in LuCI" in text and 'value="save"' not in text
    assert 'name="names[]"' not in text
    refused(person.send("settings", {"do": "save", "section": "store", "names[]": "keep_days", "v:keep_days": "7"}), "LuCI")
    daemon.config.write_text(before)


def full(site, person, daemon):
    """A disk that is full: said, and nothing is lost. Takes a file system of its own."""
    file = daemon.folder / "features.txt"
    before = file.read_text()
    place = daemon.folder / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True).returncode != 0:
        print("web: no file system may be mounted here, so a full disk is not tried", flush=True)
        return
    try:
        (place / "features.txt").write_text(before)
        file.unlink()
        file.symlink_to(place / "features.txt")
        refused(person.send("signatures", {"do": "save", "text": before + "# x\n" * 30_000}), "No space left")
        assert file.read_text() == before and os.listdir(place) == ["features.txt"]
        done(person.send("signatures", {"do": "save", "text": before + "# fits\n"}))
        assert file.is_symlink() and file.read_text() == before + "# fits\n"
    finally:
        subprocess.run(["umount", place], check=True)
        file.unlink()
        file.write_text(before)


def main():
    weir, folder, scratch = (Path(word).resolve() for word in sys.argv[1:])
    place = scratch / "settings"
    place.mkdir()
    (place / "features.txt").write_text(FEATURES)
    begun = time.monotonic()

    def tell(what):
        print(f"web: {time.monotonic() - begun:5.1f} s  settings: {what}", flush=True)

    with Daemon(weir, "features.txt", place, MORE) as daemon, Server(folder, place / "web.json", scratch / "settings.log") as site:
        daemon.config.chmod(0o604)
        nobody(site, daemon)
        tell("nobody")
        person = Person(site, "127.0.0.11")
        assert person.sign_in().status == 303
        shown(site, person)
        tell("both languages")
        for test in (signatures, past, policies, settings, lists, outs, backup, made_elsewhere, full):
            test(site, person, daemon)
            tell(test.__name__.replace("_", " "))
        log = (scratch / "settings.log").read_text(errors="replace")
        log = "".join(line for line in log.splitlines(True) if "POST Content-Length" not in line)  # PHP's own word for too much
        trouble = [line for line in log.splitlines() if re.search(r"PHP (Warning|Notice|Deprecated|Fatal)|weir: ", line)]
        assert not trouble, trouble[:5]
        assert not SECRET.search(log + (place / "log").read_text())


if __name__ == "__main__":
    main()
