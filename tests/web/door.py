#!/usr/bin/env python3
"""The sign-in, as strangers try it: door.py WEIR WEB-TA FEATURES SCRATCH

A daemon runs for it, on the loopback interface, with PHP's own server in front.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from pages import check_page
from served import Server

PASSWORD = "open sesame ☃"


class Daemon:
    """weir run with a folder of its own; a context manager."""

    def __init__(self, weir, features, folder, more=""):
        folder.mkdir(exist_ok=True)
        self.weir, self.folder, self.config = weir, folder, folder / "config.toml"
        self.config.write_text(
            f'[capture]\ninterfaces = ["lo"]\nfilter = "port 9"\n[apps]\nfeatures = "{features}"\n'
            '[sqlite]\npath = "w.db"\n[daemon]\ncontrol = "c.sock"\nweb_info = "web.json"\nweb_password = "web/password"\n' + more)

    def __enter__(self):
        (self.folder / "web.json").unlink(missing_ok=True)
        self.log = open(self.folder / "log", "w+b")
        self.process = subprocess.Popen([self.weir, "run", "-c", self.config], stderr=self.log, stdin=subprocess.DEVNULL)
        # The socket answers once the capture is there.
        while not (self.folder / "web.json").exists() or not self.ask(command="status"):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()

    def code(self):
        return re.search(r"by the code ([\d-]+)", (self.folder / "log").read_text())[1]

    def ask(self, **question):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.folder / "c.sock"))
            link.sendall(json.dumps(question).encode() + b"\n")
            return json.loads(link.makefile().readline())

    def passwd(self, text):
        return subprocess.run([self.weir, "passwd", "-c", self.config], input=text, capture_output=True, text=True)


class Browser:
    """Cookies, and where a form stands."""

    def __init__(self, site, source="127.0.0.1", **headers):
        self.site, self.source, self.headers, self.cookie = site, source, headers, None
        self.given = None

    def ask(self, path, form=None, **more):
        headers = {name.replace("_", "-"): value for name, value in (self.headers | more).items() if value is not None}
        if self.cookie:
            headers["Cookie"] = f"weir_session={self.cookie}"
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30, source_address=(self.source, 0))
        if form is None:
            connection.request("GET", path, headers=headers)
        else:
            own = f"http://{headers.get('Host', f'127.0.0.1:{self.site.port}')}"
            headers = {"Origin": own, "Content-Type": "application/x-www-form-urlencoded"} | headers
            headers = {name: value for name, value in headers.items() if value != "-"}
            connection.request("POST", path, body=urllib.parse.urlencode(form), headers=headers)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        self.given = answer.headers["Set-Cookie"]
        if found := re.match(r"weir_session=(\w*)", self.given or ""):
            self.cookie = found[1] if found[1] != "deleted" else None
        return answer

    def post(self, **form):
        return self.ask("/door.php", form)

    def sign_in(self, password=PASSWORD, **more):
        return self.ask("/door.php", {"do": "in", "password": password} | more)

    def is_in(self):
        answer = self.ask("/?lang=en")
        assert answer.status in (200, 303), answer.status
        return answer.status == 200

    def csrf(self):
        return re.search(r'name="csrf" value="(\w{32})"', self.ask("/door.php").text)[1]


def first_use(site, daemon):
    """Without a password: open to this machine, for others one is to be set."""
    assert Browser(site).is_in() and Browser(site, Host="localhost:8080").is_in()
    for headers in ({"Host": "evil.example"}, {"Host": "192.168.1.1:8080"}, {"Host": "localhost.evil.example"},
                    {"X_Forwarded_For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"}):
        stranger = Browser(site, **headers)
        assert not stranger.is_in(), headers
        assert stranger.ask("/door.php").status == 200
        form = {"do": "set", "password": PASSWORD, "again": PASSWORD}
        for code in ("", "00000000", "0000-0000"):
            assert stranger.ask("/door.php", form | {"code": code}).status == 403
        # Neither a session that is none nor nothing at all vouches for it.
        assert stranger.ask("/door.php", form).status == 403
        assert stranger.ask("/door.php", form | {"csrf": "0" * 32}).status == 403
        assert not (daemon.folder / "web/password").exists()
    stranger = Browser(site, "127.0.0.9", Host="router.lan")
    form = {"do": "set", "code": daemon.code(), "password": "short", "again": "short"}
    assert "at least 8" in stranger.ask("/door.php?lang=en", form).text
    assert "not the same" in stranger.ask("/door.php?lang=en", form | {"password": PASSWORD}).text
    answer = stranger.ask("/door.php", form | {"password": PASSWORD, "again": PASSWORD})
    assert answer.status == 303 and stranger.is_in(), answer.text
    assert answer.headers["Location"] == "./"
    assert re.fullmatch(r"weir_session=\w{32}; path=/; HttpOnly; SameSite=Strict", answer.headers["Set-Cookie"])
    assert (daemon.folder / "web/password").stat().st_mode & 0o777 == 0o640
    assert "sesame" not in (daemon.folder / "web/password").read_text()


def closed(site, daemon, folder):
    """With one: nothing without a session, wherever it comes from."""
    stranger = Browser(site)
    for page in ("", "?page=apps", "?page=sessions&range=all"):
        answer = stranger.ask(f"/{page}")
        assert answer.status == 303 and answer.text == "", answer.text
        assert answer.headers["Location"].startswith("door.php")
        answer = stranger.ask(f"/api.php{page}")
        assert answer.status == 401 and set(json.loads(answer.text)) == {"error"}, answer.text
    for file in sorted(folder.glob("*/*.php")):
        assert stranger.ask(f"/{file.relative_to(folder)}").status == 404, file
    for cookie in ("", "x", "0" * 32, "0" * 31, "F" * 32, "../../etc", "%00", daemon.code()):
        stranger.cookie = cookie
        assert not stranger.is_in(), cookie
    stranger.cookie = None
    assert not any(stranger.ask("/", Cookie=cookie).status == 200 for cookie in ("weir_session[]=1", "weir_session=", "=;;="))
    for lang in ("en", "zh"):
        check_page(stranger.ask(f"/door.php?lang={lang}"))


def coming_back(site, daemon):
    """After the sign-in it goes on where it was asked for, and nowhere else."""
    for back, to in [("page=apps&range=7d", "./?page=apps&range=7d"), ("", "./"), ("//evil.example", "./"),
                     ("http://evil.example", "./"), ("page=a\r\nX-Injected: 1", "./"), ("x" * 5000, "./"), ("\\\\evil", "./")]:
        answer = Browser(site, "127.0.0.3").sign_in(back=back)
        assert (answer.status, answer.headers["Location"]) == (303, to), (back, answer.headers["Location"])
        assert "X-Injected" not in answer.headers
    answer = Browser(site, "127.0.0.3").ask("/?page=apps&range=7d")
    form = Browser(site, "127.0.0.3").ask("/" + answer.headers["Location"])
    assert 'name="back" value="page=apps&amp;range=7d"' in form.text


def guessing(site, daemon):
    """Wrong tries make one wait, and the right one has to wait as well."""
    thief, owner = Browser(site, "127.0.0.4"), Browser(site, "127.0.0.5")
    for n in range(6):
        answer = thief.ask("/door.php?lang=en", {"do": "in", "password": f"guess {n}"})
        assert answer.status == 403 and "not right" in answer.text, (n, answer.text)
    for password in ("guess 7", PASSWORD):
        answer = thief.ask("/door.php?lang=en", {"do": "in", "password": password})
        assert answer.status == 403 and "Too many tries" in answer.text and not thief.cookie
    assert owner.sign_in().status == 303 and owner.is_in(), "others come in"
    for odd in ([("do", "in"), ("password[]", PASSWORD)], {"do": "in"}, {"do": "in", "password": "x" * 5000}, {}, {"do[]": "in"},
                {"do": "in", "password": "\udcff"}):
        data = odd if isinstance(odd, list) else list(odd.items())
        body = [(name, value.encode("utf-8", "surrogateescape")) for name, value in data]
        assert Browser(site, "127.0.0.6").ask("/door.php", body).status == 403, odd


def fixation(site, daemon):
    """What a browser brought before it signed in is no session afterwards."""
    victim = Browser(site, "127.0.0.7")
    for planted in ("a" * 32, None):
        victim.cookie = planted
        assert victim.sign_in().status == 303
        assert re.fullmatch(r"[0-9a-f]{32}", victim.cookie) and victim.cookie != planted
    planted = Browser(site)
    planted.cookie = "a" * 32
    assert not planted.is_in()
    before = victim.cookie
    assert victim.sign_in().status == 303 and victim.cookie != before, "each sign-in has its own"


def foreign_forms(site, daemon):
    """Forms of other sites, and without the session's token, do nothing."""
    owner = Browser(site, "127.0.0.7")
    assert owner.sign_in().status == 303
    csrf = owner.csrf()
    for origin in ("http://evil.example", "null", "-", f"http://127.0.0.1:{site.port + 1}", "http://127.0.0.1", "\\"):
        for form in ({"do": "everywhere", "csrf": csrf}, {"do": "in", "password": PASSWORD}):
            answer = owner.ask("/door.php?lang=en", form, Origin=origin)
            assert answer.status == 403 and "does not come from this page" in answer.text, (origin, answer.text)
    other = Browser(site, "127.0.0.7")
    assert other.sign_in().status == 303
    for wrong in ("", "0" * 32, csrf[:-1], csrf.upper() + "x", owner.cookie, other.csrf()):
        for form in ({"do": "everywhere"}, {"do": "out"}, {"do": "set", "old": PASSWORD, "password": "taken over", "again": "taken over"}):
            assert owner.ask("/door.php", form | {"csrf": wrong}).status == 403, (wrong, form)
    # Nor does an address alone.
    owner.ask(f"/door.php?do=everywhere&csrf={csrf}")
    assert owner.is_in() and other.is_in()
    for method in ("PUT", "DELETE", "PATCH"):
        assert site.ask("/door.php", method).status == 405


def leaving(site, daemon):
    """Out here, or everywhere; another password puts everybody out."""
    one, two, three = (Browser(site, "127.0.0.8") for _ in range(3))
    for browser in (one, two, three):
        assert browser.sign_in().status == 303
    old, token = one.cookie, one.csrf()
    assert one.post(do="out", csrf=token).status == 303 and one.given.startswith("weir_session=deleted")
    one.cookie = old
    assert not one.is_in(), "the cookie that was kept is worth nothing"
    assert two.post(do="everywhere", csrf=two.csrf()).status == 303
    assert not three.is_in()
    assert one.sign_in().status == three.sign_in().status == 303
    form = {"do": "set", "csrf": one.csrf(), "password": "another one", "again": "another one"}
    assert one.ask("/door.php", form | {"old": "wrong one"}).status == 403
    assert one.ask("/door.php", form | {"old": PASSWORD}).status == 303 and one.is_in() and not three.is_in()
    assert three.sign_in().status == 403
    # By the shell as well, as when it was forgotten.
    done = daemon.passwd("seven77\n")
    assert done.returncode == 1 and "at least 8" in done.stderr, done
    assert daemon.passwd(f"{PASSWORD}\n").returncode == 0 and not one.is_in()
    assert three.sign_in().status == 303


def tickets(site, daemon):
    """LuCI's ticket lets in once."""
    ticket = daemon.ask(command="ticket")["ticket"]
    assert re.fullmatch(r"[0-9a-f]{32}", ticket)
    first, second = Browser(site), Browser(site)
    answer = first.ask(f"/door.php?ticket={ticket}")
    check_page(answer)
    assert answer.headers["Refresh"] == "0; url=./" and first.is_in()
    answer = second.ask(f"/door.php?lang=en&ticket={ticket}")
    assert answer.status == 403 and "used before" in answer.text and not second.cookie
    for nonsense in ("0" * 32, "x", "%00", "'", ticket[:-1], first.cookie, first.csrf()):
        assert second.ask(f"/door.php?ticket={nonsense}").headers["Refresh"] is None and not second.is_in(), nonsense
    # The administrator of the router need not know the password.
    form = {"do": "set", "csrf": first.csrf(), "password": PASSWORD, "again": PASSWORD}
    assert 'name="old"' not in first.ask("/door.php").text
    assert first.ask("/door.php", form).status == 303


def door_alone(site, daemon):
    """For what was read from a file: no capture, and the same door."""
    door = subprocess.Popen([daemon.weir, "door", "-c", daemon.config], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (daemon.folder / "c.sock").exists():
            assert door.poll() is None
            time.sleep(0.05)
        owner = Browser(site, "127.0.0.10")
        assert owner.sign_in().status == 303 and owner.is_in()
    finally:
        door.terminate()
        assert door.wait() == 0
    assert not (daemon.folder / "c.sock").exists()


def packets(site, daemon):
    """The packets of a session, for who is let in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        for _ in range(5):
            link.sendto(b"hunter2 in a packet", ("127.0.0.1", 9))
    rows = []
    while not rows:
        time.sleep(0.05)
        with contextlib.closing(sqlite3.connect(daemon.folder / "w.db")) as db:
            rows = db.execute("SELECT id FROM session WHERE server_port = 9 AND packets_out = 5").fetchall()
    path = f"/packets.php?id={rows[0][0]}"
    assert path[1:] in site.ask(f"/?page=session&id={rows[0][0]}").text
    answer = site.ask(path)
    assert answer.status == 200 and answer.headers["Content-Disposition"].startswith("attachment; "), answer.body
    assert answer.body.startswith(b"\n\r\r\n") and answer.body.count(b"hunter2 in a packet") == 5
    for nonsense in ("", "?id=7", "?id=x", "?id[]=1", "?id=" + "9" * 30):
        assert site.ask(f"/packets.php{nonsense}").status == 400, nonsense
    assert site.ask(path, headers={"Host": "router.lan"}).status == 401
    assert site.ask(path, method="POST").status == 405
    for file in (daemon.folder / "pcap").iterdir():
        assert file.stat().st_mode & 0o77 == 0, "nobody else reads them"
        file.unlink()
    assert site.ask(path).status == 404, "they are not kept any more"


def without_daemon(site, folder):
    """Nobody comes in, and nobody is let in."""
    stranger = Browser(site)
    assert stranger.ask("/").status == 303 and stranger.ask("/api.php").status == 401
    assert "nobody can sign in" in stranger.ask("/door.php?lang=en").text
    assert stranger.sign_in().status == 403
    stranger.ask("/door.php", {"do": "in", "password": "x" * 2_000_000})
    # What was read without a daemon, and without a password, is for this machine.
    (folder / "web/password").unlink()
    assert stranger.is_in() and not Browser(site, Host="router.lan").is_in()


def main():
    weir, folder, features, scratch = (Path(word).resolve() for word in sys.argv[1:])
    place = scratch / "door"
    begun = time.monotonic()
    with Daemon(weir, features, place) as daemon, Server(folder, place / "web.json", scratch / "door.log") as site:
        for test in (first_use, closed, coming_back, guessing, fixation, foreign_forms, leaving, tickets):
            test(*([site, daemon] + ([folder] if test is closed else [])))
            print(f"web: {time.monotonic() - begun:5.1f} s  sign-in: {test.__name__.replace('_', ' ')}", flush=True)
    with Server(folder, place / "web.json", scratch / "door.log") as site:
        door_alone(site, daemon)
        without_daemon(site, place)
    print(f"web: {time.monotonic() - begun:5.1f} s  sign-in: without a daemon", flush=True)
    place = scratch / "packets"
    more = '[export]\nenabled = true\nfolder = "pcap"\n[sessions]\nudp_timeout = "1s"\n'
    with Daemon(weir, features, place, more) as daemon, Server(folder, place / "web.json", scratch / "door.log") as site:
        packets(site, daemon)
    print(f"web: {time.monotonic() - begun:5.1f} s  sign-in: packets", flush=True)
    log = (scratch / "door.log").read_text(errors="replace")
    log = "".join(line for line in log.splitlines(True) if "POST Content-Length" not in line)  # PHP's own word for too much
    trouble = [line for line in log.splitlines() if re.search(r"PHP (Warning|Notice|Deprecated|Fatal)|weir: ", line)]
    assert not trouble, trouble[:5]
    assert not re.search(re.escape(PASSWORD), log + (place / "log").read_text())


if __name__ == "__main__":
    main()
