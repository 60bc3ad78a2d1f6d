"""What strangers, mistakes and broken things do to the pages."""

import contextlib
import json
import os
import shutil
import sqlite3
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from served import Server

NONSENSE = [
    b"'", b'"', b"`", b"' OR '1'='1", b"1; DROP TABLE session", b"1 UNION SELECT * FROM session--", b"-1", b"0", b"1e9",
    b"99999999999999999999", b"../../../etc/passwd", b"<script>alert(1)</script>", b"\"><img src=x onerror=alert(1)>",
    b"\x00", b"\xff\xfe\x80", b"a\r\nX-Injected: 1", "\u202egnp.exe".encode(), b"%s%n", b"${7*7}", b"a" * 3000,
]
COMMON = ["device", "q", "sort", "p", "after", "before", "until", "cols"]
# These are read before any page is; elsewhere than here a fifth of the nonsense is tried in those of all pages.
WHOLE = ("sessions", "overview", "row")
RARE = ["page", "range", "from", "to", "lang", "theme", "format"]  # these never come near the database
NEEDED = {"app": "app=YouTube&", "id": "id=1&", "table": "table=dns&", "key": "key=1&", "device": "device=192.168.1.2&"}

EVIL = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "=cmd|' /C calc'!A0",
        "+1+1", "-2+3", "@SUM(1)", "\t=1", "\u202emoc.elgoog", "n" * 1000, "</td></tr></table>", "&lt;b&gt;", "\u0000x\u0007",
        "{name}", "javascript:alert(1)"]


def described(site):
    """The pages' own parameters, and those of them that they need, by what the API tells of itself."""
    paths = json.loads(site.ask("/api.php/v1/openapi.json").text)["paths"]
    all_of = {path[1:]: item["get"]["parameters"] for path, item in paths.items()}
    known = set.intersection(*({p["name"] for p in parameters} for parameters in all_of.values()))
    return {page: ([p["name"] for p in parameters if p["name"] not in known], [p["name"] for p in parameters if p["required"]])
            for page, parameters in all_of.items()}


def parameters(site, common, check_page, is_strict=True):
    """Nonsense in every parameter: a page or a clear message, never an error."""
    queries = []
    for page, (own, needed) in described(site).items():
        for at, name in enumerate(common + own):
            if name in RARE and page not in WHOLE:
                continue
            nonsense = NONSENSE if name in own or page in WHOLE else NONSENSE[(at + len(page)) % 5::5]
            # What it can not do without, and little time to be quick about it.
            start = "".join(NEEDED[need] for need in needed if need != name)
            start += "" if name in ("range", "from", "to") else "range=15m&"
            for key, value in [(name, v) for v in nonsense] + [(f"{name}[]", b"x"), (f"{name}[a][b]", b"x")]:
                queries.append(f"page={page}&{start}{urllib.parse.quote(key)}={urllib.parse.quote(value)}")

    def ask(query):
        answer = site.ask("/?" + query)
        assert answer.status in (200, 400), (answer.status, query)
        check_page(answer, answer.status)
        assert "X-Injected" not in answer.headers
        strict = query.removeprefix("page=").replace("&", "?", 1)
        for path in ["?" + query] + ["/v1/" + strict] * is_strict:
            data = site.ask("/api.php" + path)
            assert data.status in (200, 400, 404), (data.status, path)
            if data.headers["Content-Type"].startswith("application/json"):
                json.loads(data.text)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, queries))
    for query in ["x=" + "a" * 1_000_000, "&".join(f"a{n}=1" for n in range(1500)), "q=" + "a" * 60_000]:
        with contextlib.suppress(ConnectionError):  # PHP's own server hangs up on what is too long for it
            answer = site.ask("/?" + query)
            check_page(answer, answer.status)
            assert answer.status in (200, 400), answer.status


def data(folder, info, scratch, check_page):
    """Names by strangers: on every page they are text and nothing else."""
    copy = scratch / "evil.db"
    shutil.copy(json.loads(info.read_text())["store"]["path"], copy)
    db = sqlite3.connect(copy)
    last = db.execute("SELECT MAX(last) FROM session").fetchone()[0]
    insert(db, "traffic_summed", step=3, time=last // 60_000_000 - 60, ends=last // 60_000_000 - 59, kinds=7)
    for n, text in enumerate(EVIL):
        number, time = (last // 1000 + n) * 2048, last + n * 1000
        answers = json.dumps([{"rrtype": text, "ttl": 1, "rdata": text}] * 4 + ["no object", {"rdata": [text]}])
        insert(db, "session", id=number, start=time, last=time + 1, proto="tcp", client=text, client_port=1, server=text,
               server_port=2, device=text, iface=text, packets_out=1, packets_in=1, bytes_out=1, bytes_in=1,
               tcp_flags_out=2, tcp_flags_in=2, state=text, retransmissions=0, host=text, host_source=text, app=text,
               app_proto=text, reason=text)
        insert(db, "dns", id=number, time=time, kind="dns", proto="udp", client=text, client_port=1, server=text,
               server_port=53, device=text, txid=1, qname=text, qtype=text, flags=0, asked=1, rcode=text,
               latency_us=5, answer_count=6, answers=answers if n % 2 else text)
        insert(db, "app", id=number, device=text, app=text, **{"class": text}, start=time, last=time + 1, bytes_out=1,
               bytes_in=1, sessions=1, active_seconds=1)
        insert(db, "traffic", id=number, time=time, device=text, app=text, bytes_out=1 << 50, bytes_in=1, packets=1, sessions=1,
               active_seconds=1)
        name = 1_000_000 + n
        insert(db, "rollup_name", id=name, name=text)
        counts = dict(bytes_out=1 << 45, bytes_in=1, packets=1, sessions=1, active_seconds=1)
        for table in ("traffic_hour", "traffic_day", "traffic_month"):
            insert(db, table, time=time // 60_000_000, device=name, app=name, **counts)
        for kind, device, app in ((1, name, 0), (2, 0, name), (4, name, name)):
            insert(db, "traffic_sum", step=3, kind=kind, time=last // 60_000_000 - 60, device=device, app=app, **counts)
        insert(db, "catalog", app=text, app_zh=text, **{"class": text}, class_en=text, class_zh=text)
        insert(db, "device", device=text, mac=text, ipv4=text, ipv6=text, vendor=text, name=text, name_source=text, os=text,
               os_source=text, kind=text, is_random=n % 2, merge_with=text, first=time, last=time)
        insert(db, "health", id=number, time=time, stage=text, offered=5, lost=n, flash_bytes=n, flash_held=0)
        insert(db, "stop", id=number, time=time, last=time, policy=text, action=text, reason=text, device=text, app=text,
               host=text, sessions=n)
        insert(db, "alert", id=number, time=time, last=time, kind=text, severity=n, device=text, src=text, dst=text, port=1,
               what=text, list=text, entry=text, text=text, count=n)
        others(db, text, number, time)
        insert(db, "coverage", id=number, time=time, iface=text, bytes_line=9, bytes_seen=8, bytes_unnamed=n)
    db.commit()
    asked = [("overview", {}), ("devices", {}), ("apps", {}), ("dns", {}), ("sessions", {}), ("http", {}), ("logins", {}),
             ("stops", {}), ("alerts", {}), ("tls", {}), ("icmp", {}), ("services", {})]
    asked += [("row", {"table": table, "key": (last // 1000 + n) * 2048}) for table in ("dns", "tls", "icmp") for n in range(len(EVIL))]
    asked += [(page, {"cols": "all,answers,title,banner,subject,text"}) for page in ("dns", "tls", "services", "alerts")]
    asked += [("app", {"app": text}) for text in EVIL] + [("sessions", {"app": text}) for text in EVIL]
    asked += [("dns", {"name": text}) for text in EVIL] + [("session", {"id": (last // 1000 + n) * 2048}) for n in range(len(EVIL))]
    with Server(folder, about(scratch, "evil", kind="sqlite", path=str(copy)), scratch / "php.log") as site:
        for page, params in asked:
            for lang in ("en", "zh"):
                answer = site.page(page=page, range="all", lang=lang, **params)
                check_page(answer, answer.status if page == "app" else 200)
                assert "\u202e" not in answer.text and "\x07" not in answer.text
            json.loads(site.api(page=page, range="all", **params).text)
            for line in site.api(page=page, range="all", format="eve", **params).text.splitlines():
                json.loads(line)
            for line in site.api(page=page, range="all", format="csv", **params).text.split("\r\n"):
                for cell in line.replace('"', "").split(","):
                    assert not cell.startswith(("=", "+", "@", "\t", "-2+")), cell
    db.close()


def insert(db, table, **row):
    columns = ", ".join(f'"{name}"' for name in row)
    db.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


# Those that have rows of their own above, and what belongs to the database itself.
FILLED = {"session", "dns", "app", "traffic", "rollup_name", "traffic_hour", "traffic_day", "traffic_month", "traffic_sum",
          "traffic_summed", "catalog", "device", "health", "stop", "alert", "coverage"}


def others(db, text, number, time):
    """A row with the text in each of its columns that takes one, in every other table that there is."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")}
    for table in sorted(tables - FILLED):
        row = {}
        for _, name, kind, *_ in db.execute(f"PRAGMA table_info({table})"):
            value = {"id": number, "time": time, "start": time, "last": time}.get(name, 1)
            row[name] = text if "TEXT" in kind.upper() else value
        columns = ", ".join(f'"{name}"' for name in row)
        # The rows of a text may be one: of those that do not differ it is the first.
        db.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def about(scratch, name, **store):
    """A file like the daemon's that says where the data is."""
    path = scratch / f"{name}.json"
    path.write_text(json.dumps({"version": "0", "store": store}))
    return path


def away(folder, sqlite, mariadb, scratch, check_page):
    """A database that is away: a page that says so, without the password."""
    source = json.loads(sqlite.read_text())["store"]
    server = json.loads(mariadb.read_text())["store"]
    garbage, newer, empty = scratch / "garbage.db", scratch / "newer.db", scratch / "empty.db"
    garbage.write_bytes(b"this is no database " * 1000)
    shutil.copy(source["path"], newer)
    for path, version in [(newer, 99), (empty, 0)]:
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA user_version={version}")
        db.execute("CREATE TABLE IF NOT EXISTS something (x)")
        db.commit()
        db.close()
    damaged = scratch / "damaged.json"
    damaged.write_text('{"version":"0.1.0","store":')
    cases = {
        "not said yet": scratch / "missing.json",
        "is damaged": damaged,
        "no records": about(scratch, "none", kind="none"),
        "do not know": about(scratch, "other", kind="oracle"),
        "is not there": about(scratch, "gone", kind="sqlite", path=str(scratch / "gone.db")),
        "can not be opened": about(scratch, "garbage", kind="sqlite", path=str(garbage)),
        "newer Weir": about(scratch, "newer", kind="sqlite", path=str(newer)),
        "no tables": about(scratch, "empty", kind="sqlite", path=str(empty)),
        "has no locks": about(scratch, "alone", kind="sqlite", path=source["path"], shared=False),
        "can not be reached": about(scratch, "down", **{**server, "socket": str(scratch / "gone.sock")}),
        "does not let us in": about(scratch, "wrong", **{**server, "password": "wrong-secret"}),
        "does not exist|let us in": about(scratch, "nodb", **{**server, "database": "nowhere"}),
    }
    for words, info in cases.items():
        with Server(folder, info, scratch / "php.log") as site:
            answer = site.page(lang="en")
            check_page(answer, 503)
            assert any(word in answer.text for word in words.split("|")), (words, answer.text)
            check_page(site.page(page="sessions", lang="zh"), 503)
            data = site.api(page="dns")
            assert data.status == 503 and json.loads(data.text)["error"]
            assert "secret" not in answer.text + data.text


def at_rest(folder, info, scratch, check_page):
    """The daemon is not running, and the pages' account may not write beside the database."""
    place = scratch / "rest"
    place.mkdir()
    database = place / "a b%20?.db"
    shutil.copy(json.loads(info.read_text())["store"]["path"], database)
    database.chmod(0o444)
    place.chmod(0o555)
    scratch.chmod(0o711)
    # That account may not see where the checkout lies.
    site = shutil.copytree(folder, scratch / "site")
    web = about(scratch, "rest", kind="sqlite", path=str(database))
    with Server(site, web, scratch / "php.log", user=65534 if os.geteuid() == 0 else None) as server:
        check_page(server.page(page="sessions"))
    place.chmod(0o755)


def much(folder, info, scratch):
    """Half a million rows go through PHP's eight megabytes."""
    copy = scratch / "much.db"
    shutil.copy(json.loads(info.read_text())["store"]["path"], copy)
    db = sqlite3.connect(copy)
    columns = [row[1] for row in db.execute("PRAGMA table_info(session)")]
    rest = ", ".join(f'"{name}"' for name in columns[1:])
    db.execute("CREATE TEMP TABLE one AS SELECT * FROM session")
    rows = db.execute("SELECT COUNT(*) FROM one").fetchone()[0]
    db.execute("DELETE FROM session")
    db.execute(f"WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n LIMIT {500_000 // rows + 1}) "
               f"INSERT INTO session SELECT (SELECT MIN(id) FROM one) + one.rowid * 1000 + n.n, {rest} FROM one, n LIMIT 500000")
    db.commit()
    db.close()
    with Server(folder, about(scratch, "much", kind="sqlite", path=str(copy)), scratch / "php.log") as site:
        csv = site.api(page="sessions", range="all", format="csv", sort="-bytes_in")
        assert csv.status == 200 and csv.body.count(b"\r\n") == 500_001, csv.body.count(b"\r\n")
        rows = json.loads(site.api(page="sessions", range="all").text)["rows"]
        assert len(rows) == 500_000
        assert "more than 10,000" in site.page(page="sessions", range="all", lang="en").text
