#!/usr/bin/env python3
"""Queries: the pages and `weir query` find the same, in both databases, and nothing
that one can write breaks them: query.py WEIR WEB-TA WORK, see run.sh."""

import ipaddress
import json
import os
import random
import subprocess
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from served import ZONE, Html, Server

VIEWS = ["sessions", "dns", "http", "logins", "alerts", "stops", "devices"]


def rows(site, page, query, **params):
    answer = site.api(page=page, format="json", q=query, **{"range": "all", **params})
    assert answer.status == 200, (page, query, answer.text[:300])
    return json.loads(answer.text)["rows"]


class Both:
    """The pages and the command on one database."""

    def __init__(self, weir, folder, place, log):
        self.weir, self.config = weir, place / "config.toml"
        self.site = Server(folder, place / "web.json", log)

    def ask(self, view, query, *options):
        return subprocess.run([self.weir, "query", "-c", self.config, *options, view, "--", query], capture_output=True,
                              text=True, env={**os.environ, "TZ": ZONE})

    def count(self, view, query):
        done = self.ask(view, query, "--count")
        assert done.returncode == 0, (view, query, done.stderr)
        return int(done.stdout)


def known(site):
    """Values that there are, and queries made of them: [view, query, what a row has to be]."""
    sessions = rows(site, "sessions", "")
    some = next(r for r in sessions if r["app"] and r["host"] and ":" not in r["server"])
    app, host, port = some["app"], some["host"], some["server_port"]
    device = next(r for r in rows(site, "devices", "") if r["name"] and r["ipv4"] and r["mac"] == r["device"])
    total = sorted(r["bytes_in"] + r["bytes_out"] for r in sessions)[len(sessions) // 2]
    end = host.split(".", 1)[1]
    protocol = lambda r, name: name in (r["app_proto"], r["proto"])
    queries = [
        ("sessions", "", lambda r: True),
        ("sessions", f'app:"{app}"', lambda r: r["app"] == app),
        ("sessions", f'app:"{app.upper()}"', lambda r: r["app"] == app),
        ("sessions", f'-app:"{app}"', lambda r: r["app"] != app),
        ("sessions", "app:-", lambda r: r["app"] is None),
        ("sessions", "-app:-", lambda r: r["app"] is not None),
        ("sessions", f"host:{host.upper()}", lambda r: r["host"] == host),
        ("sessions", f"host:*.{end}", lambda r: (r["host"] or "").endswith("." + end)),
        ("sessions", f"-host:*.{end}", lambda r: not (r["host"] or "").endswith("." + end)),
        ("sessions", "dns", lambda r: protocol(r, "dns")),
        ("sessions", "-dns", lambda r: not protocol(r, "dns")),
        ("sessions", "-udp -tls", lambda r: not protocol(r, "udp") and not protocol(r, "tls")),
        ("sessions", f"port:{port}", lambda r: r["server_port"] == port),
        ("sessions", "port:1-1023,8000-8999", lambda r: 1 <= r["server_port"] < 1024 or 8000 <= r["server_port"] < 9000),
        ("sessions", f"bytes>{total}", lambda r: r["bytes_in"] + r["bytes_out"] > total),
        ("sessions", f"bytes<={total}", lambda r: r["bytes_in"] + r["bytes_out"] <= total),
        ("sessions", "in>1M out<100k", lambda r: r["bytes_in"] > 1_000_000 and r["bytes_out"] < 100_000),
        ("sessions", "duration>=5min", lambda r: r["duration"] >= 300_000_000),
        ("sessions", "rtt:-", lambda r: r["rtt_us"] is None),
        ("sessions", "packets:1-3", lambda r: 1 <= r["packets_in"] + r["packets_out"] <= 3),
        ("sessions", f"device:{device['mac'].upper()}", lambda r: r["device"] == device["device"]),
        ("sessions", f"device:{device['ipv4']}", lambda r: r["device"] in (device["device"], device["ipv4"])),
        ("sessions", f'device:"{device["name"].upper()}"', lambda r: r["device"] == device["device"]),
        ("sessions", f"{host[1:6]} -{host[1:7].upper()}", lambda r: False if host[1:6] == host[1:7] else
         has(r, ["host", "app", "app_proto", "client", "server", "device"], host[1:6])
         and not has(r, ["host", "app", "app_proto", "client", "server", "device"], host[1:7])),
        ("dns", "rcode:nxdomain,servfail", lambda r: r["rcode"] in ("NXDOMAIN", "SERVFAIL")),
        ("dns", "-qtype:A,AAAA name:*.com", lambda r: r["qtype"] not in ("A", "AAAA") and (r["qname"] or "").endswith(".com")),
        ("dns", "-dns", lambda r: r["kind"] != "dns"),
        ("dns", "latency>20ms", lambda r: (r["latency_us"] or 0) > 20_000),
        ("http", "method:post status:400-499", lambda r: r["method"] == "POST" and 400 <= (r["status"] or 0) < 500),
        ("http", "-status:200", lambda r: r["status"] != 200),
        ("logins", "user:ANN outcome:refused", lambda r: r["user"] == "ann" and r["outcome"] == "refused"),
        ("logins", "-ssh", lambda r: r["service"] != "ssh"),
        ("alerts", 'kind:threat severity<=2 list:"a list"', lambda r: r["kind"] == "threat" and r["severity"] <= 2),
        ("stops", "policy:bedtime -reason:quota", lambda r: r["policy"] == "bedtime" and r["reason"] != "quota"),
        ("devices", f"mac:{device['mac']}", lambda r: r["mac"] == device["mac"]),
        ("devices", "-name:-", lambda r: r["name"] is not None),
    ]
    return queries + nets(sessions)


def has(row, columns, text):
    return any(text.lower() in (row[c] or "").lower() for c in columns)


def nets(sessions):
    """Prefixes of every length around addresses that there are."""
    servers = sorted({r["server"] for r in sessions})
    chosen = random.Random(1).sample([s for s in servers if ":" not in s], 3) + \
        random.Random(1).sample([s for s in servers if ":" in s], 4)
    queries = []
    for server in chosen:
        most = 128 if ":" in server else 32
        for length in [*range(0, most, 7), 8, 16, 24, most]:
            net = ipaddress.ip_network(f"{server}/{length}", strict=False)
            queries.append(("sessions", f"dst:{server}/{length}", lambda r, net=net: ipaddress.ip_address(r["server"]) in net))
            queries.append(("sessions", f"-ip:{net}", lambda r, net=net: not any(
                ipaddress.ip_address(r[end]) in net for end in ("client", "server"))))
    return queries


def test_what_is_found_is_what_was_asked_for(both):
    site = both.site
    whole = {view: rows(site, view, "") for view in VIEWS}
    some = 0
    for view, query, is_meant in known(site):
        expected = [r for r in whole[view] if is_meant(r)]
        assert rows(site, view, query) == expected, (view, query)
        assert both.count(view, query) == len(expected), (view, query)
        some += 0 < len(expected) < len(whole[view])
    assert some > 60, "queries that find some and not all"
    for view in VIEWS:
        for word in ["goo", "a", "192.168", '"a l"', "%", "2*0"]:
            assert both.count(view, word) == len(rows(site, view, word)), (view, word)


def test_volumes_are_of_the_devices_and_apps_asked_for(both):
    apps = rows(both.site, "apps", "")
    names = [r["app"] for r in apps if r["app"]][:3]
    quoted = ",".join(f'"{name}"' for name in names)
    assert sorted(r["app"] for r in rows(both.site, "apps", f"app:{quoted}")) == sorted(names)
    rest = [r for r in apps if r["app"] not in names]
    assert rows(both.site, "apps", f"-app:{quoted}") == rest
    assert [r["app"] for r in rows(both.site, "apps", "app:-")] == [None]
    kind = next(r["class"] for r in apps if r["class"])
    assert rows(both.site, "apps", f"class:{kind}") == [r for r in apps if r["class"] == kind]
    assert rows(both.site, "apps", f"-class:{kind}") == [r for r in apps if r["class"] != kind]


def test_time_in_the_query_wins(both):
    times = sorted(r["start"] for r in rows(both.site, "sessions", ""))
    from datetime import datetime
    from zoneinfo import ZoneInfo
    clock = datetime.fromtimestamp(times[len(times) // 2] // 1_000_000, ZoneInfo(ZONE)).replace(second=0)
    minute = int(clock.timestamp()) * 1_000_000
    for view, is_later, is_earlier in [
            ("sessions", lambda r: r["last"] >= minute, lambda r: r["start"] < minute),
            ("dns", lambda r: r["time"] >= minute, lambda r: r["time"] < minute)]:
        whole = rows(both.site, view, "")
        for name, is_meant in [("since", is_later), ("until", is_earlier)]:
            for span in ["15m", "all"]:
                query = f"{name}:{clock:%Y-%m-%dT%H:%M}"
                expected = [r for r in whole if is_meant(r)]
                assert rows(both.site, view, query, range=span) == expected and expected, (view, query)
            assert both.count(view, query) == len(expected), (view, query)
    day = f"{clock:%Y-%m-%d}"
    assert len(rows(both.site, "sessions", f"since:{day} until:{day}")) == both.count("sessions", f"since:{day} until:{day}") > 0
    page = both.site.page(page="sessions", q=f"x since:{day} y", lang="en").text
    assert "range=7d" in page and "q=x++y" not in page, "the choice of a range takes the time out of the query"
    assert f"since%3A{day}" not in page.split('class="spans"')[1].split("</div>")[0]


def test_a_mistake_is_shown_with_its_place_and_no_rows(both):
    for query, column, length in [("app:x bytes>10Q", 13, 3), ('"', 1, 1), ("foo:1", 1, 3), ("app:", 1, 4),
                                  ("since:2d until:3d", 10, 5), ("since:2999-01-01", 1, 5)]:
        answer = both.site.api(page="sessions", q=query)
        told = json.loads(answer.text)
        assert (answer.status, told["column"], told["length"]) == (400, column, length), (query, told)
        page = both.site.page(page="sessions", q=query, lang="en", range="all")
        html = Html(page.text)
        assert page.status == 400 and not html.wrong and html.rows == [] and "<mark>" in page.text, query
        done = both.ask("sessions", query, "--count")
        assert done.returncode == 1 and done.stdout == "", (query, done)
        assert told["error"] in done.stderr, (query, told, done.stderr)


def test_the_command_prints_what_the_pages_have(both):
    lines = both.ask("sessions", "-dns", "--json").stdout.splitlines()
    expected = rows(both.site, "sessions", "-dns")
    assert [json.loads(line)["id"] for line in lines] == [r["id"] for r in expected]
    for line, row in list(zip(map(json.loads, lines), expected))[:200]:
        assert all(line[name] == row[name] for name in line if name in row), (line, row)
    csv = both.ask("dns", "", "--csv", "-n", "7").stdout
    assert csv.count("\n") == 8 and csv.startswith("id,time,kind,")
    table = both.ask("dns", "", "-n", "3")
    assert len(table.stdout.splitlines()) == 4 and "latest 3" in table.stderr


def test_links_write_into_the_query(both):
    page = both.site.page(page="sessions", range="all", q="tls", lang="en")
    links = [urllib.parse.parse_qs(urllib.parse.urlparse(link).query) for link in Html(page.text).links]
    queries = {q for link in links for q in link.get("q", []) if q.startswith("tls ")}
    assert any(q.startswith("tls -") for q in queries) and any(q.startswith("tls host:") for q in queries), queries
    for query in sorted(queries)[:40]:
        assert rows(both.site, "sessions", query) or query.startswith("tls -"), query


SQL = ["' OR 1=1 --", "'; DROP TABLE session; --", '" OR "1"="1', "1) UNION SELECT * FROM auth --", "%' OR '%'='", "\\", "\\'", "`",
       "x'00'", "0x41", "NULL", "?", ":1", "$1", "sleep(9)", "char(0)", "a\x00b", "\u202e", "*" * 300, "%" * 300, "_", "!" * 50]


def test_nothing_one_can_write_breaks_it(both):
    whole = len(rows(both.site, "sessions", ""))
    queries = []
    for text in SQL:
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for field in ["app", "device", "host", "class", "dst", "port", "bytes", "country", "since", "until", "duration", "protocol"]:
            queries += [f"{field}:{text}", f"{field}:{quoted}", f"-{field}:{quoted}", f"{field}>{text}"]
        queries += [text, quoted, f"-{quoted}", f"{text}:x", f"app:{quoted},{quoted}"]
    queries += ["a " * 10_000, "app:" + "x," * 10_000, "-" * 1000, '"' * 999, "(" * 500, "a:" * 400, "," * 500, " " * 900,
                "bytes>" + "9" * 500, "dst:" + ":" * 500, "since:" + "9" * 15 + "w", "until:9999-12-31", "host:" + "*a" * 300]
    raw = [b"\xff", b"app:\xff", b"\"\xc3\"", b"\xed\xa0\x80", b"-\x80", b"\xf4\x90\x80\x80"]

    def ask(query):
        data = urllib.parse.quote_from_bytes(query if isinstance(query, bytes) else query.encode())
        for page in ("sessions", "apps", "overview"):
            answer = both.site.ask(f"/api.php?page={page}&range=all&q={data}")
            assert answer.status in (200, 400, 414), (answer.status, page, query)
            if answer.status == 200 and page == "sessions":
                assert len(json.loads(answer.text)["rows"]) <= whole
            page = both.site.ask(f"/?page={page}&range=all&q={data}")
            assert page.status in (200, 400, 414), (page.status, query)
            assert page.status == 414 or not Html(page.text).wrong, query
            assert len(page.body) < 1_000_000, (len(page.body), query)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, queries + raw))
    for query in queries[::23]:
        if "\x00" not in query:
            assert both.ask("sessions", query, "--count").returncode in (0, 1), query
    assert both.site.ask("/api.php?page=sessions&q[]=x").status == 400
    assert len(rows(both.site, "sessions", "")) == whole


def main():
    weir, folder, work = map(Path, sys.argv[1:])
    log = work / "php.log"
    one, other = (Both(weir, folder, work / kind, log) for kind in ("sqlite", "mariadb"))
    with one.site, other.site:
        for name, test in globals().copy().items():
            if name.startswith("test_"):
                for kind, both in [("SQLite", one), ("MariaDB", other)]:
                    test(both)
                    print(f"web: {kind}: {name[5:].replace('_', ' ')}", flush=True)
        for view, query, _ in known(one.site):
            assert rows(one.site, view, query) == rows(other.site, view, query), (view, query)
    trouble = [line for line in open(log, errors="replace") if "PHP Warning" in line or "PHP Fatal" in line or "weir: " in line]
    assert not trouble, trouble[:5]


if __name__ == "__main__":
    main()
