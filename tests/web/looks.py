"""Overview, devices and apps: what they say agrees with SQL of its own over rows made for it."""

import html
import json
import re
import shutil
import sqlite3
import subprocess
import urllib.parse
from datetime import datetime
from zoneinfo import ZoneInfo

from rolled import TABLES
from served import ZONE, Server

MINUTE, HOUR = 60_000_000, 3_600_000_000
# A Wednesday afternoon by the pages' clock; not this week, so that nothing is "today".
FROM = int(datetime(2026, 3, 4, 15, 30, tzinfo=ZoneInfo(ZONE)).timestamp()) * 1_000_000
LENGTH = 6 * HOUR
TO, BEFORE = FROM + LENGTH, FROM - LENGTH
SPAN = {"from": "2026-03-04T15:30", "to": "2026-03-04T21:30"}
EVIL = "</td><script>alert(1)</script>\u202e{n}"
LAPTOP, PHONE, GUEST, PRINTER = "02:00:00:00:00:01", "02:00:00:00:00:02", "192.168.9.9", "02:00:00:00:00:04"
# Device, app, when, bytes received: the edges of both times are in it.
MINUTES = [
    (LAPTOP, "YouTube", FROM, 140), (LAPTOP, "YouTube", FROM - MINUTE, 100), (LAPTOP, None, TO - MINUTE, 7),
    (LAPTOP, "YouTube", TO, 10_000), (LAPTOP, "Netflix", FROM + HOUR, 1), (LAPTOP, "Netflix", BEFORE, 1000),
    (LAPTOP, "Netflix", BEFORE - MINUTE, 50_000), (PHONE, "WeChat", FROM + 2 * HOUR, 300), (PHONE, EVIL, FROM + 2 * HOUR, 20),
    (GUEST, "YouTube", FROM - HOUR, 77), (PRINTER, None, FROM + HOUR, 5), (PRINTER, None, FROM - HOUR, 5),
]
# The same by hours: one reaches into the time, one into the time before, one ends as that begins.
HOURS = [(LAPTOP, "YouTube", FROM - HOUR // 2, 4000), (LAPTOP, "YouTube", BEFORE - HOUR // 2, 300), (PHONE, "WeChat", BEFORE - HOUR, 9)]


def number(time, place):
    return time // 1000 * 2048 + place


def insert(table, **row):
    """The statement, the same for both databases."""
    def literal(value):
        return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
    quote = {"class": '"class"'}
    return f"INSERT INTO {table} ({', '.join(quote.get(n, n) for n in row)}) VALUES ({', '.join(map(literal, row.values()))})"


def rows():
    out = []
    for n, (device, app, time, size) in enumerate(MINUTES):
        out.append(insert("traffic", id=number(time, n), time=time, device=device, app=app, bytes_out=size // 2, bytes_in=size, packets=2,
                          sessions=1, active_seconds=n + 1))
    names = sorted({name for device, app, *_ in HOURS for name in (device, app)})
    out += [insert("rollup_name", id=n + 1, name=name) for n, name in enumerate(names)]
    for device, app, time, size in HOURS:
        out.append(insert("traffic_hour", time=time // MINUTE, device=names.index(device) + 1, app=names.index(app) + 1, bytes_out=0,
                          bytes_in=size, packets=1, sessions=3, active_seconds=40))
    for n, (device, name, first) in enumerate([(LAPTOP, EVIL, BEFORE), (PHONE, "phone", FROM), (PRINTER, None, FROM - 1)]):
        out.append(insert("device", device=device, mac=device, ipv4=f"192.168.9.{n}", vendor=EVIL, name=name, name_source="mdns", os=EVIL,
                          os_source="ttl", is_random=0, merge_with=EVIL if n else None, first=first, last=TO))
    for n, (app, start, end) in enumerate([("YouTube", FROM - HOUR, FROM + 1), ("YouTube", TO - HOUR, TO + HOUR),
                                           ("Netflix", BEFORE, FROM - 1), (EVIL, FROM, FROM)]):
        out.append(insert("app", id=number(start, n), device=LAPTOP, app=app, **{"class": "video"}, start=start, last=end, bytes_out=1,
                          bytes_in=1, sessions=1, active_seconds=60 * (n + 1)))
    for n, (host, line, by, country) in enumerate([("a.example", 7, "sni", "DE"), ("a.example", 7, "dns", "CN"), ("b.example", 7, "sni", "DE"),
                                                   (EVIL, 9, "ech", "??"), (None, 9, None, None)]):
        out.append(insert("session", id=number(FROM + n * MINUTE, n), start=FROM + n * MINUTE, last=FROM + n * MINUTE + 1, proto="tcp",
                          client="192.168.9.0", client_port=1, server="203.0.113.1", server_port=443, device=LAPTOP, iface="lan", packets_out=1,
                          packets_in=1, bytes_out=1, bytes_in=100 + n, state="closed", retransmissions=0, host=host, host_source=by,
                          app="YouTube", app_line=line, tcp_flags_out=0, tcp_flags_in=0, reason="finished", country=country))
    # One before, so that names can be compared; it was gone before the time.
    out.append(insert("session", id=number(BEFORE, 9), start=BEFORE - 5, last=BEFORE, proto="tcp", client="192.168.9.0", client_port=2,
                      server="203.0.113.1", server_port=443, device=LAPTOP, iface="lan", packets_out=1, packets_in=1, bytes_out=0, bytes_in=50,
                      state="closed", retransmissions=0, host="a.example", tcp_flags_out=0, tcp_flags_in=0, reason="finished", country="DE"))
    for n, (name, rcode) in enumerate([("a.example", "NOERROR"), ("a.example", "REFUSED"), (EVIL, "NXDOMAIN"), ("c.example", None)]):
        out.append(insert("dns", id=number(FROM, n), time=FROM, kind="dns", proto="udp", client="192.168.9.0", client_port=1,
                          server="192.168.9.1", server_port=53, device=LAPTOP, txid=1, qname=name, qtype="A", flags=0, asked=1, rcode=rcode,
                          answer_count=0))
    for n, time in enumerate([FROM, FROM - 1]):
        out.append(insert("alert", id=number(time, n), time=time, last=time, kind="scan", severity=2, device=LAPTOP, text=EVIL, count=1))
        out.append(insert("stop", id=number(time, n), time=time, last=time, policy=EVIL, action="stopped", reason="always", device=LAPTOP,
                          app="YouTube", sessions=1))
        out.append(insert("dhcp", id=number(time, n), time=time, proto="udp", client="0.0.0.0", client_port=68, server="255.255.255.255",
                          server_port=67, device=LAPTOP, kind="request", txid=1, hostname=EVIL, vendor_class=EVIL))
        out.append(insert("service", service=f"tcp{n}@192.168.9.0", proto="tcp", ip="192.168.9.0", port=n, device=LAPTOP, product=EVIL,
                          first=BEFORE, last=TO))
    return out


def made(folder, sqlite, mariadb, scratch):
    """The rows in both databases, with the catalog of the real ones; returns what web.json has of each, and the SQLite one."""
    path = scratch / "looks.db"
    shutil.copy(json.loads(sqlite.read_text())["store"]["path"], path)
    db = sqlite3.connect(path)
    for table in TABLES + ["service", "dhcp"]:
        if table not in ("catalog", "meta") and db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
            db.execute(f"DELETE FROM {table}")
    for sql in rows():
        db.execute(sql)
    db.commit()
    server = json.loads(mariadb.read_text())["store"]

    def run(sql, *database):
        done = subprocess.run(["mariadb", "--no-defaults", "-uroot", "-S", server["socket"], "--default-character-set=utf8mb4", *database],
                              input=sql, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    run("CREATE DATABASE looks; GRANT SELECT ON looks.* TO pages@localhost")
    run("".join(f"CREATE TABLE {table} LIKE weir.{table};" for table in dict.fromkeys(TABLES + ["service", "dhcp", "router"]))
        + "INSERT INTO catalog SELECT * FROM weir.catalog; INSERT INTO meta SELECT * FROM weir.meta; SET sql_mode = 'ANSI_QUOTES';"
        + ";".join(rows()), "looks")
    return {"kind": "sqlite", "path": str(path)}, {**server, "database": "looks"}, db


def about(scratch, name, store):
    path = scratch / f"{name}.json"
    path.write_text(json.dumps({"version": "0", "store": store}))
    return path


def got(site, **params):
    answer = site.api(**params)
    assert answer.status == 200, answer.text[:300]
    return json.loads(answer.text)


def sums(db, column, begin, end, where="1"):
    """Bytes by device or app, by SQL that knows nothing of the pages: what reaches into [begin, end) and ends after its begin."""
    minutes = f"SELECT device, app, bytes_in + bytes_out AS b, time AS t, {MINUTE} AS long FROM traffic"
    hours = (f"SELECT d.name, a.name, bytes_in + bytes_out, time * {MINUTE}, {HOUR} FROM traffic_hour JOIN rollup_name AS d ON d.id = device"
             " JOIN rollup_name AS a ON a.id = app")
    # A row that reaches into two times is the later one's.
    sql = (f"SELECT {column}, SUM(b) FROM ({minutes} UNION ALL {hours}) WHERE {where} AND t < {end} AND t + long > {begin}"
           f" AND NOT (t + long > {end} AND {end} = {FROM}) GROUP BY 1")
    return dict(db.execute(sql).fetchall())


def changes(site, db):
    parts = got(site, page="overview", **SPAN)["parts"]
    assert parts["before"] == {"from": BEFORE, "to": FROM}
    for key, name in [("device", "top_devices"), ("app", "top_apps")]:
        now, before = sums(db, key, FROM, TO), sums(db, key, BEFORE, FROM)
        assert {row[key]: (row["bytes"], row["before"]) for row in parts[name]} == \
            {it: (size, before.get(it, 0)) for it, size in now.items()}, name
        assert {row[key]: row["before"] for row in parts[f"gone_{key}"]} == {it: b for it, b in before.items() if it not in now}, name
    # By hand, so that the SQL above is right too: 140 + 70 + 4000 now, 100 + 50 + 300 before, and so on.
    assert sums(db, "device", FROM, TO)[LAPTOP] == 210 + 4000 + 10 + 1 and sums(db, "device", BEFORE, FROM)[LAPTOP] == 150 + 1500 + 300
    assert [row["device"] for row in parts["gone_device"]] == [GUEST]
    assert parts["bytes_before"] == sum(sums(db, "device", BEFORE, FROM).values())
    assert [row["device"] for row in parts["new_devices"]] == [PHONE] and parts["new_device_count"] == 1
    assert {row["host"]: (row["bytes"], row["before"]) for row in parts["hosts"]} == \
        {"a.example": (203, 50), "b.example": (103, 0), EVIL: (104, 0)}
    countries = {row["country"]: (row["bytes"], row["before"]) for row in parts["countries"]}
    assert countries == {"DE": (204, 50), "CN": (102, 0), "??": (104, 0)}, countries
    # Each leads to its sessions.
    links = re.findall(r'href="([^"]*q=country[^"]*)"', site.page(**SPAN).text)
    assert len(links) == 3, links
    for link in links:
        query = html.unescape(link).partition("?")[2]
        code = urllib.parse.parse_qs(query)["q"][0].removeprefix("country:")
        rows = json.loads(site.ask(f"/api.php?{query}").text)["rows"]
        assert {row["country"] for row in rows} == {code}, link
    assert parts["named_bytes"] == 515 and not parts["is_hosts_partial"]
    # Where the records do not reach back, nothing is "new".
    parts = got(site, page="overview", **{**SPAN, "from": "2026-03-03T15:30"})["parts"]
    assert parts["before"] is None and all(row["before"] is None for row in parts["top_devices"] + parts["hosts"])
    assert parts["gone_device"] == []


def device(site, db):
    data = got(site, page="device", device=LAPTOP, **SPAN)
    parts, mine = data["parts"], f"device = '{LAPTOP}'"
    assert {row["app"]: row["bytes"] for row in parts["apps"]} == sums(db, "app", FROM, TO, mine)
    whole = sum(sums(db, "app", FROM, TO, mine).values())
    assert sum(row["bytes_in"] + row["bytes_out"] for row in data["rows"]) == sum(parts["week"]["cells"]) == whole
    # Wednesday 15:00 has the first half hour, with the hour that begins there.
    assert parts["week"]["is_whole"] and parts["week"]["cells"][2 * 24 + 15] == 210 + 4000
    assert [row["app"] for row in parts["uses"]] == ["YouTube", "YouTube", EVIL]
    assert parts["dns"] == {"questions": 4, "nxdomain": 1, "refused": 1, "unanswered": 1}
    assert {row["qname"] for row in parts["dns_refused"]} == {"a.example", EVIL}
    assert [len(parts[name]) for name in ("alerts", "stops", "services", "dhcp", "sessions")] == [1, 1, 2, 2, 5]
    assert parts["thing"]["name"] == EVIL and parts["bytes_before"] == sum(sums(db, "app", BEFORE, FROM, mine).values())
    alone = got(site, page="device", device=LAPTOP, app="YouTube", **SPAN)
    assert sum(alone["parts"]["week"]["cells"]) == sums(db, "app", FROM, TO, mine)["YouTube"]
    # Nobody knows the guest any more but the volumes.
    guest = got(site, page="device", device=GUEST, range="all")["parts"]
    assert guest["thing"]["last"] is None and [row["bytes"] for row in guest["apps"]] == [77 + 38]


def app(site, db):
    parts = got(site, page="app", app="YouTube", **SPAN)["parts"]
    used = sums(db, "device", FROM, TO, "app = 'YouTube'")
    assert {row["device"]: row["bytes"] for row in parts["devices"]} == used
    shares = parts["shares"]
    assert shares["names"] == list(used) and shares["totals"] == [*used.values(), 0]
    assert sum(map(sum, shares["bars"].values())) == sum(used.values()) == sum(r["bytes_in"] + r["bytes_out"] for r in parts["bars"])
    assert [(row["app_line"], row["host_source"], row["sessions"]) for row in parts["finds"]] == \
        [(7, "sni", 2), (7, "dns", 1), (9, None, 1), (9, "ech", 1)]
    assert [(row["host"], row["sessions"], row["bytes"]) for row in parts["hosts"]] == \
        [("a.example", 2, 203), (EVIL, 1, 104), ("b.example", 1, 103)]
    assert parts["bytes_before"] == sum(sums(db, "device", BEFORE, FROM, "app = 'YouTube'").values())


def apps(site, db):
    parts = got(site, page="apps", **SPAN)["parts"]
    now = sums(db, "app", FROM, TO)
    classes = dict(db.execute("SELECT app, class FROM catalog"))
    expected = {}
    for name, size in now.items():
        expected[classes.get(name)] = expected.get(classes.get(name), 0) + size
    shares = parts["shares"]
    assert {name or None: size for name, size in zip(shares["names"], shares["totals"])} == expected
    # The three minutes of YouTube and Netflix within the time, and the hour that reaches into it.
    assert dict(zip(shares["names"], shares["used"]))[classes["YouTube"]] == 1 + 5 + 40
    assert shares["totals"][-1] == 0 and sum(shares["totals"]) == sum(map(sum, shares["bars"].values())) == sum(now.values())
    assert [(row["device"], row["app"], row["used"]) for row in parts["pairs"]] == \
        [(LAPTOP, "YouTube", 41), (PHONE, EVIL, 9), (PHONE, "WeChat", 8), (LAPTOP, "Netflix", 5)]


def looks(site, check_page):
    """Each page in both languages, with names by strangers as text and words beside each sign."""
    asked = [{"page": "overview"}, {"page": "apps"}, {"page": "app", "app": "YouTube"}, {"page": "app", "app": EVIL}]
    asked += [{"page": "device", "device": it} for it in (LAPTOP, PHONE, GUEST, "192.168.1.254")]
    for params in asked:
        for lang in ("en", "zh"):
            text = site.page(**params, **SPAN, lang=lang).text
            if params.get("app") != EVIL:  # which has a control character, and so is no parameter
                check_page(site.page(**params, **SPAN, lang=lang))
            assert "<script>alert" not in text and "\u202e" not in text, params
            levels = [int(level) for level in re.findall(r"<h(\d)", text)]
            assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:])), (params, levels)
    text = site.page(**SPAN, lang="en").text
    assert 'class="change new">new<' in text and 'class="change gone">gone<' in text
    assert "▲ 75 %" not in text and re.search(r'aria-hidden="true">▲ [^<]+</span><span class="unseen"> more than before: ', text)
    for params in ({"page": "device", "device": LAPTOP}, {"page": "app", "app": "YouTube"}, {"page": "apps"}):
        assert "where the pause was at most ten seconds" in site.page(**params, **SPAN, lang="en").text, params
    assert site.page(page="device").status == 400
    live = site.ask("/live.php")
    assert (live.status, json.loads(live.text)) == (200, {"is_live": False, "step": None})
    assert site.ask("/live.php", headers={"Host": "evil.example"}).status == 401
    assert site.ask("/live.php", "POST").status == 405


def nothing(folder, info, scratch, log, check_page):
    """Tables without rows."""
    path = scratch / "nothing.db"
    shutil.copy(info["path"], path)
    db = sqlite3.connect(path)
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        db.execute(f"DELETE FROM {table}")
    db.commit()
    db.close()
    with Server(folder, about(scratch, "nothing", {"kind": "sqlite", "path": str(path)}), log) as site:
        for params in ({"page": "overview"}, {"page": "apps"}, {"page": "app", "app": "YouTube"}, {"page": "device", "device": LAPTOP}):
            assert "There are no records yet" in site.page(**params, lang="en").text, params
            check_page(site.page(**params))
            assert got(site, **params)["rows"] == [], params


def pages(folder, sqlite, mariadb, scratch, log, check_page):
    one, other, db = made(folder, sqlite, mariadb, scratch)
    answers = []
    for name, store in [("sqlite", one), ("mariadb", other)]:
        with Server(folder, about(scratch, f"looks-{name}", store), log) as site:
            for check in (changes, device, app, apps):
                check(site, db)
            looks(site, check_page)
            answers.append([got(site, **page, **SPAN) for page in ({"page": "device", "device": LAPTOP}, {"page": "app", "app": "YouTube"},
                                                                   {"page": "apps"})])
    assert answers[0] == answers[1]
    nothing(folder, one, scratch, log, check_page)
    db.close()


# What all that a browser takes may be, before it is compressed.
MOST_STATIC = 120_000
# Where others' work comes from, and the name of a format: nothing asks for these.
NAMED = {"https://github.com/leeoniya/uPlot", "http://www.w3.org/2000/svg"}


def static(folder):
    """What browsers take is small, and asks no other site."""
    files = [file for file in (folder / "static").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MOST_STATIC, sum(file.stat().st_size for file in files)
    for file in files:
        found = set(re.findall(r"(?:https?|wss?):?//[^\s\"'`)<>]+", file.read_text())) - NAMED
        assert not found, (file, found)
        assert not re.search(r"(?:url\(|import\(|fetch\(|src=|href=)\s*[\"'`]?//", file.read_text()), file
    readme = (folder / "static/vendor/README.md").read_text()
    for file in (folder / "static/vendor").iterdir():
        if file.suffix in (".js", ".css"):
            assert f"`{file.name}` | {file.stat().st_size:,} |" in readme, f"the bytes of {file.name}"
