#!/usr/bin/env python3
"""Who wants more than he may have: attacks.py WEIR WEB-TA FEATURES SCRATCH

Guests and programs that would change something, guesses from everywhere, more
requests than anybody sends, and files that no address shall lead to. A daemon
runs for it, with PHP's own server in front.
"""

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from door import PASSWORD, Browser, Daemon
from served import Server

GUEST = "welcome in ☃"
REQUESTS, CONNECTIONS = 10_000, 50
# What a daemon of this size may grow by under load; the hash of a password takes 8 MB for its time.
GROWTH_KB = 16 * 1024


def guests(site, daemon):
    """A guest sees the pages and changes nothing."""
    admin, guest = Browser(site, "127.0.1.1"), Browser(site, "127.0.1.2")
    assert admin.ask("/door.php", {"do": "set", "code": daemon.code(), "password": PASSWORD, "again": PASSWORD}).status == 303
    csrf = admin.csrf()
    form = {"do": "guests", "csrf": csrf, "password": GUEST, "again": GUEST}
    assert admin.ask("/door.php", form | {"again": "other one"}).status == 403
    assert admin.ask("/door.php?lang=en", form | {"password": PASSWORD, "again": PASSWORD}).text.count("two passwords that differ") == 1
    assert admin.ask("/door.php", form | {"csrf": "0" * 32}).status == 403
    assert guest.sign_in(GUEST).status == 403, "none of that has made guests"
    assert admin.ask("/door.php", form).status == 303 and guest.sign_in(GUEST).status == 303
    file = daemon.folder / "web/password.guest"
    assert file.stat().st_mode & 0o777 == 0o640 and file.read_text().startswith("$argon2id$")

    assert guest.is_in() and guest.ask("/api.php?page=apps").status == 200 and guest.ask("/api.php/v1/apps").status == 200
    assert guest.ask("/packets.php?id=1").status == guest.ask("/settings.php").status == 403
    assert admin.ask("/settings.php").status == 200
    own = guest.csrf()
    for form in ({"do": "set", "password": "taken over", "again": "taken over", "old": GUEST}, {"do": "everywhere"},
                 {"do": "guests", "password": "taken over", "again": "taken over"}, {"do": "no_guests"},
                 {"do": "add_token", "name": "mine"}, {"do": "remove_token", "name": "mine"}):
        answer = guest.ask("/door.php?lang=en", form | {"csrf": own})
        assert answer.status == 403 and "Guests change nothing" in answer.text, (form, answer.text)
        assert guest.ask("/door.php", form | {"csrf": csrf}).status == 403, "nor with somebody else's"
    for command in ("set_guest", "add_token", "remove_token", "account"):
        assert daemon.ask(command=command, session=guest.cookie, csrf=own, name="mine") == {"error": "guest"}
        assert daemon.ask(command=command, session=guest.cookie, csrf=csrf, name="mine") == {"error": "wrong"}
        assert daemon.ask(command=command, name="mine") == {"error": "wrong"}
    assert admin.is_in() and not (daemon.folder / "web/password.tokens").exists()
    assert guest.ask("/door.php", {"do": "out", "csrf": own}).status == 303 and not guest.is_in()

    # By the shell: another password, and none.
    assert guest.sign_in(GUEST).status == 303
    run = lambda text: subprocess.run([daemon.weir, "passwd", "--guest", "-c", daemon.config], input=text, capture_output=True, text=True)
    assert run("short\n").returncode == 1 and run(f"{PASSWORD}\n").returncode == 1 and guest.is_in()
    assert run("another guest\n").returncode == 0 and not guest.is_in() and admin.is_in()
    assert guest.sign_in("another guest").status == 303
    assert run("\n").returncode == 0 and not guest.is_in() and not file.exists()
    return admin


def tokens(site, daemon, admin):
    """A token reads the API, nothing else, until it is taken away."""
    csrf = admin.csrf()
    assert admin.ask("/door.php", {"do": "add_token", "csrf": "0" * 32, "name": "a"}).status == 403
    page = admin.ask("/door.php?lang=en", {"do": "add_token", "csrf": csrf, "name": "<script>alert(1)</script>"}).text
    token = re.search(r"<code>(weir_[0-9a-f]{32})</code>", page)[1]
    assert "<script>alert" not in page and token not in admin.ask("/door.php").text
    kept = daemon.folder / "web/password.tokens"
    assert kept.stat().st_mode & 0o777 == 0o640 and token[5:] not in kept.read_text()

    program = Browser(site, "127.0.1.3")
    show = lambda path, shown, **more: program.ask(path, Authorization=shown, **more)
    assert show("/api.php/v1/apps", f"Bearer {token}").status == 200
    assert show("/api.php?page=apps", f"bearer {token}").status == 200
    assert show("/api.php/v1/openapi.json", f"Bearer {token}").status == 200
    for path in ("/", "/?page=apps", "/door.php", "/packets.php?id=1"):
        answer = show(path, f"Bearer {token}")
        assert answer.status in (303, 401) or "current-password" in answer.text, (path, answer.status)
    for wrong in ("", "Bearer", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Basic {token}", token, f"Bearer {'weir_' + '0' * 32}",
                  f"Bearer  {token}", "Bearer weir_" + "é" * 16, f"Bearer {token} {token}", "Bearer " + "x" * 3000):
        answer = show("/api.php/v1/apps", wrong.encode("latin-1"))
        assert answer.status == 401 and set(json.loads(answer.text)) == {"error"}, wrong
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    # Who shows one comes in by it or not at all, whatever else the browser sends.
    program.cookie = admin.cookie
    assert show("/api.php/v1/apps", "Bearer weir_" + "0" * 32).status == 401
    program.cookie = token
    assert not program.is_in() and show("/door.php", None, form={"do": "add_token", "csrf": token, "name": "b"}).status == 403
    program.cookie = None

    weir = lambda *words: subprocess.run([daemon.weir, "token", "-c", daemon.config, *words], capture_output=True, text=True)
    second = weir("add", "shell").stdout.strip()
    assert show("/api.php/v1/apps", f"Bearer {second}").status == 200
    listed = weir("list").stdout.splitlines()
    assert len(listed) == 2 and re.fullmatch(r"shell  made \d{4}-\d\d-\d\d, last used \d{4}-\d\d-\d\d", listed[1]), listed
    assert weir("add", "shell").returncode == weir("remove", "nobody").returncode == 1
    for n in range(14):
        assert weir("add", f"n{n}").returncode == 0
    assert "as many tokens" in admin.ask("/door.php?lang=en", {"do": "add_token", "csrf": csrf, "name": "more"}).text
    assert weir("remove", "shell").returncode == 0 and show("/api.php/v1/apps", f"Bearer {second}").status == 401
    assert admin.post(do="remove_token", csrf=csrf, name="<script>alert(1)</script>").status == 303
    assert show("/api.php/v1/apps", f"Bearer {token}").status == 401


def sessions_are_not_planted(site, daemon, admin):
    """A cookie of somebody else's choice becomes no session, by whichever way one signs in."""
    planted = "ab" * 16
    for form in ({"do": "in", "password": PASSWORD}, {"do": "in", "password": "wrong"}, {"do": "out", "csrf": planted}):
        victim = Browser(site, "127.0.1.4")
        victim.cookie = planted
        victim.ask("/door.php", form)
        assert victim.cookie != planted or form["do"] != "in" or form["password"] == "wrong"
        thief = Browser(site, "127.0.1.4")
        thief.cookie = planted
        assert not thief.is_in(), form
    ticket = daemon.ask(command="ticket")["ticket"]
    victim = Browser(site, "127.0.1.4")
    victim.cookie = planted
    assert victim.ask(f"/door.php?ticket={ticket}").status == 200 and victim.cookie != planted
    # Nor by an address.
    assert Browser(site).ask(f"/?weir_session={admin.cookie}").status == 303


def files_by_address(site, daemon, folder):
    """No address leads to the source, the settings, the passwords or the data."""
    secrets = [b"<?php", b"$argon2id$", b"SQLite format 3", b"sha256\":", b"[capture]", b"root:x:0", b"declare(strict_types"]
    up = ["..", "%2e%2e", "..%2f..", "..%5c..", "....//", "%252e%252e", "..;", "..%00"]
    files = ["w.db", "config.toml", "web.json", "web/password", "web/password.tokens", "door/web/password", "etc/passwd"]
    paths = [f"/{base}{dots}/" + f"{dots}/" * depth + file
             for base in ("", "static/", "api.php/", "lib/") for dots in up for depth in (0, 2, 6) for file in files]
    paths += [f"/{file}{end}" for file in ("index.php", "api.php", "door.php", "lib/db.php", "lib/start.php", "pages/apps.php", "lang/zh.php")
              for end in ("", "~", ".bak", ".swp", "s", "%20", "%00", "%00.css", "/x.css", "::$DATA", ".", "?-s", "?source")]
    paths += ["/.git/config", "/.htaccess", "/.env", "/composer.json", "/w.db", "/config.toml", "/web.json", "/lib/", "/pages/", "/lang/", "/static/"]
    paths += [f"/?{name}={value}" for name in ("page", "lang", "theme", "router", "app", "back")
              for value in ("../../config.toml", "/etc/passwd", "php://filter/convert.base64-encode/resource=index.php", "..%2fw.db%00", "file:///etc/passwd")]
    admin = Browser(site, "127.0.1.5")
    assert admin.sign_in().status == 303
    for path in paths:
        for cookie in (None, f"weir_session={admin.cookie}"):
            answer = site.ask(path, headers={"Cookie": cookie} if cookie else {})
            assert not any(secret in answer.body for secret in secrets), (path, answer.body[:200])
            assert answer.status in (200, 302, 303, 400, 401, 403, 404), (path, answer.status)
    assert site.ask("/static/style.css").status == 200
    # Each way in asks who is there: new ones too.
    for script in sorted(folder.glob("*.php")):
        if script.name != "door.php":
            for method in ("GET", "POST"):
                answer = site.ask(f"/{script.name}", method)
                assert answer.status in (303, 400, 401, 403, 404, 405), (script.name, method, answer.status)


def guessing_from_everywhere(site, daemon):
    """Many addresses guess no faster than one, and nobody is let in by luck."""
    answers = Counter()
    for n in range(80):
        thief = Browser(site, f"127.0.2.{n + 1}")
        answer = thief.ask("/door.php?lang=en", {"do": "in", "password": f"guess {n}"})
        assert answer.status == 403 and not thief.cookie
        answers["waits" if "Too many tries" in answer.text else "wrong"] += 1
    assert 55 <= answers["wrong"] <= 65 and answers["waits"] >= 15, answers
    # Whoever is in stays in, and LuCI's way is open.
    ticket = daemon.ask(command="ticket")["ticket"]
    assert Browser(site).ask(f"/door.php?ticket={ticket}").headers["Refresh"] == "0; url=./"


def memory_kb(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+) kB", status)[1])


def storm(site, daemon):
    """Ten thousand requests by fifty connections: each is answered or refused, and the daemon goes on."""
    wanted = ["/", "/api.php/v1/apps", "/door.php", "/static/style.css", "/?page=sessions&q=%27", "/api.php/v1/openapi.json"]
    form = b"do=in&password=storm"
    left = iter(range(REQUESTS))
    lock, statuses = threading.Lock(), Counter()

    def ask(number):
        link = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        try:
            if number % 10 == 0:
                link.request("POST", "/door.php", form, {"Origin": f"http://127.0.0.1:{site.port}", "Content-Type": "application/x-www-form-urlencoded"})
            else:
                link.request("GET", wanted[number % len(wanted)], headers={"Authorization": "Bearer weir_" + f"{number:032x}"} if number % 3 else {})
            answer = link.getresponse()
            answer.read()
            return answer.status
        except (ConnectionError, TimeoutError):
            return "refused"
        finally:
            link.close()

    def work():
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            status = ask(number)
            with lock:
                statuses[status] += 1

    before = memory_kb(daemon.process)
    begun = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, after = time.monotonic() - begun, memory_kb(daemon.process)
    assert statuses.total() == REQUESTS and set(statuses) <= {200, 303, 401, 403, "refused"}, statuses
    assert statuses["refused"] < REQUESTS / 100, statuses
    assert daemon.process.poll() is None and daemon.ask(command="status")["version"]
    assert after - before < GROWTH_KB, (before, after)
    return f"({REQUESTS / took:.0f} requests a second, {dict(statuses)}, daemon {before} kB before and {after} kB after)"


def main():
    weir, folder, features, scratch = (Path(word).resolve() for word in sys.argv[1:])
    place, log = scratch / "attacks", scratch / "attacks.log"
    begun = time.monotonic()

    def done(test, more=""):
        print(f"web: {time.monotonic() - begun:5.1f} s  attacks: {test.__name__.replace('_', ' ')} {more}", flush=True)

    with Daemon(weir, features, place) as daemon, Server(folder, place / "web.json", log) as site:
        admin = guests(site, daemon)
        done(guests)
        for test in (tokens, sessions_are_not_planted):
            test(site, daemon, admin)
            done(test)
        files_by_address(site, daemon, folder)
        done(files_by_address)
        guessing_from_everywhere(site, daemon)
        done(guessing_from_everywhere)
        done(storm, storm(site, daemon))
    told = log.read_text(errors="replace")
    trouble = [line for line in told.splitlines() if re.search(r"PHP (Warning|Notice|Deprecated|Fatal)|weir: ", line)]
    assert not trouble, trouble[:5]
    for secret in (PASSWORD, GUEST, "weir_"):
        assert secret not in (place / "log").read_text(), "the daemon's log tells no secret"


if __name__ == "__main__":
    main()
