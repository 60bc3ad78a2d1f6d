#!/usr/bin/env python3
"""Tests of the pages: pages.py WEB-TA SQLITE.json MARIADB.json SCRATCH, see run.sh."""

import csv
import inspect
import io
import json
import os
import re
import sys
import time
import urllib.parse
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import hostile
import looks
import paging
import rolled
from served import ZONE, Html, Server

PAGES = ["overview", "alerts", "devices", "apps", "dns", "sessions", "http", "logins", "stops", "tls", "icmp", "services"]
CSP = ("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
       "form-action 'self'; base-uri 'none'; frame-ancestors 'self'")
TIMES = {"time", "start", "last", "ended", "first", "list_version", "not_before", "not_after"}


def check_page(answer, status=200):
    """A page that is well-formed and safe; returns it parsed."""
    assert answer.status == status, (answer.status, answer.text[:500])
    assert answer.headers["Content-Security-Policy"] == CSP
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "X-Powered-By" not in answer.headers
    assert not re.search(r"(Warning|Notice|Deprecated|Fatal error)\b.{0,200}\bon line\b", answer.text), answer.text
    html = Html(answer.text)
    assert not html.wrong, html.wrong[:5]
    for script in re.findall(r"<script[^>]*>", answer.text):
        assert re.fullmatch(r'<script src="static/[\w./]+\.js\?[0-9a-f]+" defer>', script), script
    return html


def rows_of(site, **params):
    answer = site.api(format="json", **params)
    assert answer.status == 200, answer.text[:300]
    return json.loads(answer.text)["rows"]


def single_pages(site):
    """The pages that show one thing, for things that there are."""
    apps = rows_of(site, page="apps", range="all")
    session = next(r for r in rows_of(site, page="sessions", range="all") if r["host"])
    device = next(r["device"] for r in rows_of(site, page="sessions", range="all") if r["app"])
    return [{"page": "app", "app": apps[0]["app"] or "-"}, {"page": "device", "device": device}, {"page": "app", "app": "-"},
            {"page": "session", "id": session["id"]}]


def test_every_page_in_both_languages(site):
    for params in [{"page": page} for page in PAGES] + single_pages(site):
        for span in ["15m", "24h", "1y", "all"]:
            texts = [check_page(site.page(**params, range=span, lang=lang)) and
                     site.page(**params, range=span, lang=lang).text for lang in ("en", "zh")]
            assert 'lang="en"' in texts[0] and 'lang="zh-CN"' in texts[1]
    asked = site.ask("/", headers={"Accept-Language": "fr, zh-CN;q=0.9, en;q=0.8"})
    assert 'lang="zh-CN"' in asked.text
    assert 'lang="en"' in site.ask("/", headers={"Accept-Language": "en-GB, zh;q=0.5"}).text
    assert 'data-theme="dark"' in site.ask("/", headers={"Cookie": "theme=dark"}).text


def local(micros):
    time = datetime.fromtimestamp(micros // 1_000_000, ZoneInfo(ZONE))
    return f"{time:%Y-%m-%d %H:%M:%S}.{micros // 1000 % 1000:03}"


def as_csv(name, value):
    """What a value of JSON looks like in CSV."""
    if value is None:
        return ""
    if name in TIMES:
        return local(value)
    return "'" + value if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else str(value)


def test_csv_has_the_rows_of_json(site):
    for params in [{"page": page, "range": "all"} for page in PAGES] + single_pages(site):
        rows = rows_of(site, **params)
        answer = site.api(format="csv", **params)
        assert answer.headers["Content-Type"].startswith("text/csv")
        table = list(csv.reader(io.StringIO(answer.text, newline="")))
        assert len(table) == len(rows) + 1, params
        assert rows or params.get("app") == "-", params  # what has no name has no uses
        for row, line in zip(rows, table[1:]):
            assert [as_csv(name, row[name]) for name in table[0]] == line, (row, line)


def identity(page, cells):
    """What tells which row of the data a row of the table is."""
    if page == "sessions":
        link = next(l for cell in cells for l in cell["links"] if "page=session" in l)
        return int(urllib.parse.parse_qs(urllib.parse.urlparse(link).query)["id"][0])
    return (cells[0]["times"][0], cells[2]["text"]) if page == "dns" else cells[0]["text"].strip()[1:].strip()


def identity_of_data(page, row):
    if page == "sessions":
        return row["id"]
    return (local(row["time"]), row["qname"] or "without a question") if page == "dns" else row["app"] or "Not recognised"


def all_pages(site, **params):
    """The rows on all pages of a list, by following the link to the next one."""
    rows, number = [], 0
    url = "/?" + urllib.parse.urlencode(params)
    while url:
        html = check_page(site.ask(url))
        rows += html.rows
        number += 1
        following = [l for l in html.links if re.search(rf"[?&]p={number + 1}(&|$)", l)]
        url = "/" + following[0].removeprefix("./") if following else None
    return rows


def test_paging_covers_all_rows_once(site):
    for page, sort in [("sessions", "-last"), ("sessions", "bytes_in"), ("dns", "qname"), ("apps", "-bytes")]:
        data = rows_of(site, page=page, range="all", sort=sort)
        shown = all_pages(site, page=page, range="all", sort=sort)
        assert [identity(page, r) for r in shown] == [identity_of_data(page, r) for r in data], (page, sort)


def test_each_column_sorts_both_ways(site):
    few = {"sessions": {"min": "100000"}, "dns": {"qtype": "AAAA"}}  # to be quick about it
    for params in [{"page": page, "range": "all", **few.get(page, {})} for page in PAGES] + single_pages(site)[:1]:
        for name in rows_of(site, **params)[0]:
            for sign in ("", "-"):
                values = [r[name] for r in rows_of(site, **params, sort=sign + name)]
                if name in ("answers", "alpn_offered"):  # is ignored, and said so
                    assert "sort" in site.page(**params, sort=name).text
                    continue
                if (params["page"], name) in (("dns", "time"), ("http", "time"), ("logins", "time"), ("tls", "time"), ("app", "start")):
                    values = [v // 1000 for v in values]  # sorted by ids, which begin with the milliseconds
                ordered = sorted(values, key=lambda v: (v is not None, v if v is not None else 0), reverse=sign == "-")
                assert values == ordered, (params, sign + name)
            html = site.page(**params, sort=name).text
            assert f"sort=-{name}\"" not in html or 'aria-sort="ascending"' in html, (params, name)


def test_each_filter_narrows_down(site):
    sessions = rows_of(site, page="sessions", range="all")
    some = next(r for r in sessions if r["app"] and r["host"])
    for name, column, value in [
            ("app", "app", some["app"]), ("app", "app", None), ("host", "host", some["host"]),
            ("server", "server", some["server"]), ("proto", "proto", some["proto"]),
            ("port", "server_port", some["server_port"]), ("device", "device", some["device"])]:
        found = rows_of(site, page="sessions", range="all", **{name: "-" if value is None else value})
        assert found == [r for r in sessions if r[column] == value], (name, value)
    assert rows_of(site, page="sessions", range="all", open=1) == [r for r in sessions if r["reason"] is None]
    assert rows_of(site, page="sessions", range="all", min=100000) == \
        [r for r in sessions if r["bytes_in"] + r["bytes_out"] >= 100000]

    dns = rows_of(site, page="dns", range="all")
    for name, column in [("rcode", "rcode"), ("qtype", "qtype"), ("kind", "kind"), ("name", "qname"),
                         ("server", "server"), ("device", "device")]:
        for value in sorted({r[column] for r in dns} - {None})[:12]:
            found = rows_of(site, page="dns", range="all", **{name: value})
            assert found == [r for r in dns if r[column] == value], (name, value)
    assert rows_of(site, page="dns", range="all", rcode="-") == [r for r in dns if r["rcode"] is None]

    apps = rows_of(site, page="apps", range="all")
    for value in {r["class"] for r in apps}:
        found = rows_of(site, page="apps", range="all", **{"class": value or "-"})
        assert found == [r for r in apps if r["class"] == value and (value or r["app"] is None)], value


def test_search_finds_what_people_type(site):
    sessions = rows_of(site, page="sessions", range="all")
    some = next(r for r in sessions if r["app"] and r["host"] and r["host"].lower() != r["host"].upper())
    for text in [some["host"].upper()[2:], some["server"], some["client"], some["device"], some["app"][:4]]:
        columns = ["host", "app", "app_proto", "client", "server", "device"]
        expected = [r for r in sessions if any(text.lower() in (r[c] or "").lower() for c in columns)]
        assert rows_of(site, page="sessions", range="all", q=text) == expected, text
    for text in ["%", "_", "!", "a%b"]:
        expected = [r for r in sessions if any(text in (r[c] or "") for c in columns)]
        assert rows_of(site, page="sessions", range="all", q=text) == expected, text
    answered = next(r for r in rows_of(site, page="dns", range="all") if r["qtype"] == "A" and r["answers"])
    address = json.loads(answered["answers"])[-1]["rdata"]
    assert answered in rows_of(site, page="dns", range="all", q=address)
    assert rows_of(site, page="apps", range="all", q=some["app"])[0]["app"] is not None


def test_time_is_by_what_was_chosen(site):
    sessions = rows_of(site, page="sessions", range="all")
    times = sorted(r["start"] for r in sessions)
    middle = times[len(times) // 2]
    clock = datetime.fromtimestamp(middle // 1_000_000, ZoneInfo(ZONE)).replace(second=0)
    start = int(clock.timestamp()) * 1_000_000
    text = f"{clock:%Y-%m-%dT%H:%M}"
    assert rows_of(site, page="sessions", **{"from": text}) == [r for r in sessions if r["last"] >= start]
    assert rows_of(site, page="sessions", to=text) == [r for r in sessions if r["start"] < start]
    assert rows_of(site, page="dns", to=text) == [r for r in rows_of(site, page="dns", range="all") if r["time"] < start]


def test_other_methods_and_head(site):
    for path in ["/", "/api.php?page=sessions"]:
        for method in ["POST", "PUT", "DELETE", "OPTIONS"]:
            answer = site.ask(path, method)
            assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD", (path, method, answer.status)
        answer = site.ask(path, "HEAD")
        assert answer.status == 200 and answer.body == b"" and answer.headers["Content-Security-Policy"] == CSP


def test_files_of_the_inside_show_nothing(site, folder):
    for file in sorted(folder.glob("*/*.php")):
        answer = site.ask("/" + str(file.relative_to(folder)))
        assert (answer.status, answer.body) == (404, b""), (file, answer.status)


def test_both_databases_say_the_same(one, other):
    for params in [{"page": page, "range": "all"} for page in PAGES] + single_pages(one):
        for more in [{}, {"q": "goo"}, {"sort": "-bytes_in"}]:
            if params["page"] == "overview":
                # "Now" is another time for each of the two.
                first, second = [json.loads(s.api(**params, **more).text) for s in (one, other)]
                first["parts"]["now"] = second["parts"]["now"] = None
                assert first == second
            else:
                assert one.api(**params, **more).text == other.api(**params, **more).text, (params, more)


def test_every_text_is_translated(folder):
    known = set(re.findall(r"^    '((?:[^'\\]|\\.)+)' =>", (folder / "lang/zh.php").read_text(), re.M))
    used = set()
    for file in [*folder.glob("*.php"), *folder.glob("lib/*.php"), *folder.glob("pages/*.php")]:
        text = file.read_text()
        used |= set(re.findall(r"(?:\bt|\bsay|new Column)\(\s*'((?:[^'\\]|\\.)+)'", text))
        used |= set(re.findall(r"^    'title' => '([^']+)'", text, re.M))
        for line in re.findall(r"^    'chips' => .*", text, re.M):
            used |= set(re.findall(r"=> '([^']+)'", line))
        for block in re.findall(r"^    'controls' => \[.*?^    \],", text, re.S | re.M):
            used |= set(re.findall(r"^        '\w+' => \['([^']+)'", block, re.M))
        for block in re.findall(r"^const SESSION_CARDS = \[.*?^\];", text, re.S | re.M):
            used |= set(re.findall(r"^    '([^']+)' =>", block, re.M))
    assert used == known, ("missing", used - known, "not used", known - used)


def test_pages_go_forth_and_back(site):
    paging.forth_and_back(site)


def test_columns_are_chosen(site):
    paging.columns(site, check_page)


def main():
    folder, sqlite, mariadb, scratch = map(Path, sys.argv[1:])
    log = scratch / "php.log"
    both = [test for name, test in globals().items()
            if name.startswith("test_") and list(inspect.signature(test).parameters) == ["site"]]
    begun = time.monotonic()

    def done(name):
        print(f"web: {time.monotonic() - begun:5.1f} s  {name.replace('_', ' ')}", flush=True)

    with Server(folder, sqlite, log) as one, Server(folder, mariadb, log) as other:
        for name, site in [("SQLite", one), ("MariaDB", other)]:
            for test in both:
                test(site)
                done(f"{name}: {test.__name__[5:]}")
        test_files_of_the_inside_show_nothing(one, folder)
        test_both_databases_say_the_same(one, other)
        test_every_text_is_translated(folder)
        done("files of the inside, both databases alike, translations")
        for site in (one, other):
            paging.single_rows(site, check_page, folder)
            paging.eve(site, scratch / "eve.ndjson")
        done("single rows, EVE")
        hostile.parameters(one, hostile.COMMON + hostile.RARE, check_page)
        hostile.parameters(other, hostile.COMMON, check_page, False)
        done("nonsense in every parameter")
    rolled.pages(folder, sqlite, mariadb, scratch, log, check_page, hostile.about)
    done("volumes that are rolled up")
    rolled.flash(folder, sqlite, scratch, log, check_page, hostile.about)
    done("what is written to lasting storage")
    looks.static(folder)
    looks.pages(folder, sqlite, mariadb, scratch, log, check_page)
    done("changes, devices and apps")
    hostile.data(folder, sqlite, scratch, check_page)
    done("names by strangers")
    hostile.away(folder, sqlite, mariadb, scratch, check_page)
    hostile.at_rest(folder, sqlite, scratch, check_page)
    done("a database that is away, or at rest")
    hostile.much(folder, sqlite, scratch)
    done("half a million rows")
    with Server(folder, sqlite, log) as one, Server(folder, mariadb, log) as other:
        *inserts, undo = paging.inserts(sqlite, mariadb)
        for site, insert in zip((one, other), inserts):
            paging.while_rows_come(site, insert)
        undo()
    paging.of_one_moment(folder, sqlite, scratch)
    done("pages while rows come")
    paging.bounded(folder, scratch / "big" / "web.json", log, check_page)
    done("a search in many rows")
    trouble = [line for line in open(log, errors="replace") if re.search(r"PHP (Warning|Notice|Deprecated|Fatal)|weir: ", line)]
    trouble = [line for line in trouble if "Input variables exceeded" not in line]  # PHP's own, of 1500 parameters
    assert not trouble, trouble[:5]


if __name__ == "__main__":
    main()
