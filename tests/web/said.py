#!/usr/bin/env python3
"""What people say of devices, on the page of one: said.py WEIR WEB-TA FEATURES SCRATCH

A daemon runs for it, on what a capture of the cases gave.
"""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from door import PASSWORD, Browser, Daemon
from served import Html, Server

CASES = Path(__file__).resolve().parents[1] / "cases"
NAME = "<script>alert(1)</script> Ann's \"平板\""
NEVER = "0" * 32


def rows(daemon, sql, *params):
    with contextlib.closing(sqlite3.connect(daemon.folder / "w.db")) as db:
        return db.execute(sql, params).fetchall()


def until(holds):
    for _ in range(200):
        if holds():
            return True
        time.sleep(0.05)
    return False


def check_page(text):
    html = Html(text)
    assert not html.wrong, html.wrong[:5]


def page(browser, device):
    return browser.ask("/?" + urllib.parse.urlencode({"page": "device", "device": device, "lang": "en", "range": "all"}))


def say(browser, device, do="label", **more):
    csrf = more.pop("csrf", None) or browser.csrf()
    headers = more.pop("headers", {})
    return browser.ask("/said.php", {"do": do, "device": device, "csrf": csrf} | more, **headers)


def names(site, daemon, devices):
    ann = Browser(site)
    assert "Sign in to change something" in page(Browser(site), devices[0]).text
    assert daemon.passwd(PASSWORD).returncode == 0
    assert ann.sign_in().status == 303
    answer = say(ann, devices[0], alias=NAME, icon="tablet", group="Ann", level="domain")
    assert answer.status == 303, answer.text
    # What was said is there when the browser comes back.
    assert rows(daemon, "SELECT alias, icon, grp, part_of, level FROM label") == [(NAME, "tablet", "Ann", None, "domain")]
    assert rows(daemon, "SELECT COUNT(*) FROM device WHERE device = ?", devices[0]) == [(1,)]
    for path in (answer.headers["Location"].lstrip("."), "/?page=devices&range=all&lang=en", "/?range=all&lang=zh"):
        text = ann.ask(path).text
        check_page(text)
        assert "alert(1)&lt;/script&gt; Ann&#039;s &quot;平板&quot;" in text and "<script>alert" not in text, path
    assert 'alias = "<script>' in (daemon.folder / "devices.toml").read_text()
    return ann


def refusals(site, daemon, ann, device):
    """Whoever may not, and what makes no sense, changes nothing."""
    before = (daemon.folder / "devices.toml").read_bytes()
    for answer, status in [
        (say(Browser(site), device, alias="x", csrf=NEVER), 401),
        (say(ann, device, alias="x", csrf=NEVER), 403),
        (say(ann, device, alias="x", headers={"Origin": "http://evil.example"}), 403),
        (say(ann, device, alias="x", headers={"Origin": "-"}), 403),
        (say(ann, device, alias="x" * 65), 403),
        (say(ann, device, alias="a\nb"), 403),
        (say(ann, device, icon="../../x"), 403),
        (say(ann, device, level="nothing"), 403),
        (say(ann, device, part_of=device), 403),
        (say(ann, "' OR 1=1 --", alias="x"), 400),
        (say(ann, "", alias="x"), 400),
        (say(ann, device, do="purge"), 400),
        (say(ann, device, do="purge", sure="1", csrf=NEVER), 403),
        (ann.ask("/said.php"), 405),
    ]:
        assert answer.status == status, (answer.status, status, answer.text)
        check_page(answer.text)
    assert (daemon.folder / "devices.toml").read_bytes() == before
    assert rows(daemon, "SELECT COUNT(*) FROM label") == [(1,)]


def forgets(daemon, ann, device, other):
    count = "SELECT COUNT(*) FROM session WHERE device = ?"
    kept = rows(daemon, count, other)
    assert rows(daemon, count, device)[0][0] > 0 and kept[0][0] > 0
    assert say(ann, device, do="purge", sure="1").status == 303
    assert until(lambda: rows(daemon, count, device) == [(0,)]), (daemon.folder / "log").read_text()
    assert rows(daemon, count, other) == kept
    assert rows(daemon, "SELECT level FROM label WHERE device = ?", device) == [("domain",)]
    # Its page is there all the same.
    check_page(page(ann, device).text)


def asked(ann, page, device):
    return json.loads(ann.ask("/api.php?" + urllib.parse.urlencode({"page": page, "range": "all", "device": device})).text)


def counts(ann, device):
    """Of a device: its sessions, and its bytes on two pages."""
    sums = [sum(row["bytes_in"] for row in asked(ann, page, device)["rows"]) for page in ("device", "overview")]
    return [len(asked(ann, "sessions", device)["rows"]), *sums]


def are_one(daemon, ann, whole, part):
    """A device has the rows of its parts, and lists have the whole only."""
    alone = [counts(ann, whole), counts(ann, part)]
    assert min(alone[0] + alone[1]) > 0, alone
    assert say(ann, part, part_of=whole).status == 303
    assert rows(daemon, "SELECT part_of FROM label WHERE device = ?", part) == [(whole,)]
    assert counts(ann, whole) == [sum(both) for both in zip(*alone)]
    top = json.loads(ann.ask("/api.php?page=overview&range=all").text)["parts"]["top_devices"]
    assert whole in [row["device"] for row in top] and part not in [row["device"] for row in top]
    # The whole has more than either in the last minute.
    with sqlite3.connect(daemon.folder / "w.db") as db:
        db.executemany("INSERT INTO traffic (id, time, device, bytes_out, bytes_in, packets, sessions, active_seconds) SELECT"
                       " MAX(last) / 1000 * 2048 + ?, MAX(last) / 60000000 * 60000000, ?, 0, ?, 1, 1, 1 FROM session",
                       [(1, whole, 100), (2, part, 300), (3, "192.0.2.77", 200)])
    busy = json.loads(ann.ask("/api.php?page=overview&range=24h").text)["parts"]["busy"]["devices"]
    assert [(row["device"], row["bytes"]) for row in busy] == [(whole, 400), ("192.0.2.77", 200)], busy
    with sqlite3.connect(daemon.folder / "w.db") as db:
        db.execute("DELETE FROM traffic WHERE packets = 1 AND bytes_out = 0 AND bytes_in IN (100, 200, 300)")
    # Taken apart, each has its own again.
    assert say(ann, part, part_of="").status == 303
    assert [counts(ann, whole), counts(ann, part)] == alone
    assert say(ann, part, part_of=whole).status == 303


def main():
    weir, web_ta, features, scratch = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    folder = scratch / "said"
    shutil.rmtree(folder, ignore_errors=True)
    daemon = Daemon(weir, features, folder, '[devices]\nlabels = "devices.toml"\n[store]\nmax_mb = 4000\nkeep_days = 36500\n')
    captures = sorted(CASES.glob("lan/capture*")) + sorted(CASES.glob("http-*/capture*"))
    subprocess.run([weir, "read", "-c", daemon.config, *captures], check=True)
    sql = "SELECT device, COUNT(*) FROM session GROUP BY device ORDER BY 2 DESC"
    devices = [device for device, _ in rows(daemon, sql) if rows(daemon, "SELECT 1 FROM device WHERE device = ?", device)]
    with daemon, Server(web_ta, folder / "web.json", scratch / "php.log") as site:
        ann = names(site, daemon, devices)
        refusals(site, daemon, ann, devices[0])
        are_one(daemon, ann, devices[0], devices[1])
        forgets(daemon, ann, devices[0], devices[1])
    # A database in memory is gone after a restart; what people said is not.
    for file in folder.glob("w.db*"):
        file.unlink()
    with daemon:
        assert until(lambda: rows(daemon, "SELECT COUNT(*) FROM label") == [(2,)])
    print(f"web: said of {len(devices)} devices")


if __name__ == "__main__":
    main()
