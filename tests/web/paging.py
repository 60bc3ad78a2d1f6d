"""Pages of rows, forth and back, while rows come; columns to choose; single rows; EVE."""

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import urllib.parse
from pathlib import Path

from served import Html, Server, php_options

# A list, an order that an index gives, one that it does not, one by text and one that may have no value.
ORDERS = [("sessions", "-last"), ("sessions", "last"), ("sessions", "-duration"), ("sessions", "host"), ("sessions", "-rtt_us"),
          ("dns", "-time"), ("dns", "latency_us"), ("dns", "-rcode"), ("services", "-last"), ("tls", "-time"), ("tls", "version")]


def keys(html):
    return [key.split("~")[0] for key in html.keys]


def link(html, way):
    found = [address for address in html.links if re.search(rf"[?&]{way}=", address)]
    return "/" + found[-1].removeprefix("./") if found else None


def get(site, address):
    answer = site.ask(address)
    assert answer.status == 200, (address, answer.status)
    return Html(answer.text)


def forth(site, address, each=None):
    """The keys of all rows, by following the way to the next page; and the last page."""
    found, html = [], None
    while address:
        html = get(site, address)
        found += keys(html)
        address = link(html, "after")
        if each:
            each()
    return found, html


def back(site, html):
    found = keys(html)
    while (address := link(html, "before")) is not None:
        html = get(site, address)
        found = keys(html) + found
        assert len(keys(html)) == 50, "only the last page is not full"
    return found


def forth_and_back(site):
    device = json.loads(site.api(page="sessions", range="all").text)["rows"][0]["device"]
    for page, sort in ORDERS:
        key = "service" if page == "services" else "id"
        # Only one of them through all rows, to be quick about it.
        params = {"page": page, "range": "all", "sort": sort} | ({} if sort == "latency_us" or page == "services" else {"device": device})
        rows = json.loads(site.api(**params).text)["rows"]
        expected = [str(row[key]) for row in rows]
        found, last = forth(site, "/?" + urllib.parse.urlencode(params))
        assert found == expected, (page, sort, len(found), len(expected))
        assert back(site, last) == expected, (page, sort)
        assert len(set(expected)) == len(expected) > 0


def of_one_moment(folder, sqlite, scratch):
    """An export has each row once, whatever goes on meanwhile."""
    path = scratch / "moment.db"
    shutil.copy(json.loads(sqlite.read_text())["store"]["path"], path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        count = db.execute("SELECT COUNT(*) FROM session").fetchone()[0]
    script = Path(__file__).with_name("snapshot.php")
    done = subprocess.run(["php", *php_options(), script, folder, path], capture_output=True, text=True, check=True)
    assert count > 2000 and done.stdout.split() == [str(count)] * 2, (count, done.stdout)


def while_rows_come(site, insert):
    """Each row that was there is shown once, whatever comes meanwhile; the newest are what a tail gets."""
    some = "/?page=sessions&range=all&proto=udp"
    before = [str(row["id"]) for row in json.loads(site.api(page="sessions", range="all", proto="udp").text)["rows"]]
    newest = get(site, "/?page=sessions&range=all").keys[0]
    found, last = forth(site, some, insert)
    assert [key for key in found if key in set(before)] == before
    assert len(set(found)) == len(found)
    assert [key for key in back(site, last) if key in set(before)] == before
    tail = get(site, "/?" + urllib.parse.urlencode({"page": "sessions", "range": "all", "before": newest, "tail": 1}))
    assert 0 < len(tail.keys) <= 50 and not set(keys(tail)) & set(before)
    # Nearest first: a script that goes on from the top of these gets the rest.
    more = get(site, "/?" + urllib.parse.urlencode({"page": "sessions", "range": "all", "before": tail.keys[0], "tail": 1}))
    assert not set(keys(more)) & set(keys(tail))


COPY = """INSERT INTO session SELECT id + 2048 * 60000 * {n}, start + 60000000 * {n}, last + 60000000 * {n}, {rest} FROM session
    ORDER BY last DESC LIMIT 30"""


def inserts(sqlite, mariadb):
    """Functions that add thirty newer sessions to each of the databases, and one that takes all of them out again."""
    path = json.loads(sqlite.read_text())["store"]["path"]
    socket = json.loads(mariadb.read_text())["store"]["socket"]
    with sqlite3.connect(path) as db:
        rest = ", ".join(row[1] for row in db.execute("PRAGMA table_info(session)"))
        newest = db.execute("SELECT MAX(last) FROM session").fetchone()[0]
    rest = rest.removeprefix("id, start, last, ")
    counts = [0, 0]

    def statement(which):
        # A prime, so that no id of one round is one of another's.
        counts[which] += 7
        return COPY.format(n=counts[which], rest=rest)

    def to_sqlite():
        db = sqlite3.connect(path, timeout=20)
        db.execute(statement(0).replace("ORDER BY", "WHERE true ORDER BY") + " ON CONFLICT DO NOTHING")
        db.commit()
        db.close()

    def in_mariadb(sql):
        subprocess.run(["mariadb", "--no-defaults", "-uroot", "-S", socket, "weir", "-e", sql], check=True)

    def to_mariadb():
        in_mariadb(statement(1).replace("INSERT INTO", "INSERT IGNORE INTO"))

    def undo():
        # Who looks at the pages after this would see a day on which there is nothing else.
        sql = f"DELETE FROM session WHERE last > {newest}"
        with sqlite3.connect(path, timeout=20) as db:
            db.execute(sql)
        in_mariadb(sql)

    return to_sqlite, to_mariadb, undo


def columns(site, check_page):
    """Chosen by the form's boxes, kept in links, remembered by a cookie, given back."""
    answer = site.ask("/?page=dns&range=all&cols=time&cols=qname&cols=answer_count")
    html = check_page(answer)
    assert html.heads == ["Time", "Name", "Answers in all"], html.heads
    assert any("cols=time%2Cqname%2Canswer_count" in address for address in html.links)
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    remembered = Html(site.ask("/?page=dns&range=all", headers={"Cookie": cookie}).text)
    assert remembered.heads == html.heads
    usual = site.ask("/?page=dns&range=all&cols=-", headers={"Cookie": cookie})
    assert len(Html(usual.text).heads) > 3 and "expires=Thu, 01" in usual.headers["Set-Cookie"].replace("01-Jan", "01 Jan")
    for nonsense in ["cols=%3Cb%3E", "cols=nothing", "cols[]=time", "cols=" + "a" * 900]:
        assert len(check_page(site.ask("/?page=dns&range=all&" + nonsense)).heads) > 3, nonsense
    evil = {"Cookie": "cols-dns=%3Cscript%3E,qname"}
    assert check_page(site.ask("/?page=dns&range=all", headers=evil)).heads == ["Name"]


def single_rows(site, check_page, folder):
    """Every list leads to a row with all columns of its table, and what they mean."""
    schema = json.loads((folder / "schema.json").read_text())["tables"]
    for page, table in [("dns", "dns"), ("tls", "tls"), ("http", "http"), ("logins", "auth"), ("icmp", "icmp"), ("services", "service"),
                        ("alerts", "alert"), ("stops", "stop")]:
        html = check_page(site.page(page=page, range="all"))
        address = next(a for a in html.links if "page=row" in a)
        text = site.ask("/" + address.removeprefix("./"))
        check_page(text)
        for column in schema[table]["columns"]:
            assert f"<code>{column['name']}</code>" in text.text, (page, column)
        # Its exports have them too.
        names = [column["name"] for column in schema[table]["columns"]]
        query = dict(urllib.parse.parse_qsl(address.partition("?")[2]))
        assert list(json.loads(site.api(**query, format="json").text)["rows"][0]) == ["number", *names], page
        assert site.api(**query, format="csv").text.splitlines()[0] == ",".join(["number", *names]), page
    for params in [{"table": "meta", "key": "1"}, {"table": "dns", "key": "0"}, {"table": "dns"}, {}]:
        check_page(site.page(page="row", **params), 400)


def eve(site, lines):
    """Exports of EVE are what the daemon itself writes of the same capture."""
    ours, theirs = {}, {}
    for line in lines.read_text().splitlines():
        event = json.loads(line)
        theirs.setdefault(event["event_type"], []).append(json.dumps(event, sort_keys=True))
    for page in ["sessions", "dns", "tls"]:
        answer = site.api(page=page, range="all", format="eve")
        assert answer.headers["Content-Type"].startswith("application/x-ndjson")
        for line in answer.text.splitlines():
            event = json.loads(line)
            ours.setdefault(event["event_type"], []).append(json.dumps(event, sort_keys=True))
    assert {"flow", "dns", "tls"} <= set(ours)
    for kind, events in ours.items():
        assert sorted(events) == sorted(theirs[kind]), kind
    assert site.api(page="overview", format="eve").status == 400


def bounded(folder, info, log, check_page):
    """In a large table a search says how far back it looked, and goes on from there until all was seen."""
    with Server(folder, info, log) as site:
        address, looks = "/?page=sessions&range=all&q=no+such+name", 0
        while address:
            answer = site.ask(address)
            html = check_page(answer)
            looks += 1
            assert looks < 50
            address = link(html, "until") if "Look further back" in answer.text else None
        assert looks >= 1
        text = site.page(page="sessions", range="all", sort="-bytes_in").text
        assert "Looked at: 50,000 rows" in text
        ordered = json.loads(site.api(page="sessions", range="15m", sort="-bytes_in").text)
        assert ordered["sorted"] == "-bytes_in"
        text = site.begin("/api.php?page=sessions&range=all&sort=-bytes_in").text
        assert '"sorted":"-last"' in text, "too many to be sorted come as they are kept"
