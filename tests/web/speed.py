#!/usr/bin/env python3
"""How long each page takes: speed.py WEB-TA JSON [--rounds N] [--plans]

Serves the pages with OpenWrt's limits from the database that JSON tells of, which
scripts/big.py makes, asks for every page in many ways, and prints median and worst
of each in milliseconds. With --plans it looks instead at how the database goes
about it, which is the same on a loaded machine: a first page must not look at all
rows of a table.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

from served import Html, Server, php_options

MEDIAN, WORST, OVERVIEW = 300, 1000, 150
LISTS = {"sessions": "-last", "dns": "-time", "tls": "-time", "http": "-time", "logins": "-time", "icmp": "-time",
         "services": "-last", "alerts": "-time", "stops": "-time", "devices": "-last", "apps": "-bytes"}
DEEP = 40  # pages that are gone forth to be deep in a list


class Site:
    """The pages, and how long they took."""

    def __init__(self, server):
        self.server, self.times = server, {}

    def ask(self, name, path, rounds):
        answer = self.server.ask(path)  # once to warm up
        assert answer.status == 200, (path, answer.status, answer.text[:300])
        for _ in range(rounds):
            begun = time.perf_counter()
            self.server.ask(path)
            self.times.setdefault(name, []).append((time.perf_counter() - begun) * 1000)
        return answer.text


def url(script="/", **params):
    return script + "?" + urllib.parse.urlencode(params)


def following(text):
    """The address of the next page of rows, if there is one."""
    found = [link for link in Html(text).links if re.search(r"[?&]after=", link)]
    return "/" + found[-1].removeprefix("./") if found else None


def some(server):
    """A device, an app and a host that there are many rows of, and few."""
    rows = json.loads(server.ask(url("/api.php/v1/sessions", range="30d", p=1)).text)["rows"]
    there = {name: next(row[name] for row in rows if row[name]) for name in ("device", "app", "host")}
    return there | {"id": str(rows[0]["id"]), "rare device": "02:00:00:00:0f:00", "rare host": "x77.0f.rare.example"}


def api(server, there):
    """Every path of the API, as one page of rows where it has pages: a name, and the address."""
    values = {**there, "table": "session", "key": there["id"]}
    for path, there_is in json.loads(server.ask("/api.php/v1/openapi.json").text)["paths"].items():
        parameters = there_is["get"]["parameters"]
        needed = {one["name"]: values[one["name"]] for one in parameters if one.get("required")}
        pages = {"p": 1} if any(one["name"] == "p" for one in parameters) else {}
        for span in ("24h", "30d"):
            name = "overview 30d" if (path, span) == ("/overview", "30d") else f"API {path} {span}"
            yield name, url(f"/api.php/v1{path}", range=span, **needed, **pages)


def queries(server, there):
    """Every way of asking for a page: a name, and parameters."""
    for span in ("24h", "30d", "1y", "all"):
        yield f"overview {span}", {"page": "overview", "range": span}
    for page, usual in LISTS.items():
        for span in ("24h", "30d", "all"):
            yield f"{page} {span}", {"page": page, "range": span}
        yield f"{page} search, found", {"page": page, "range": "30d", "q": "site3"}
        yield f"{page} search, nothing", {"page": page, "range": "30d", "q": "no such name"}
        yield f"{page} device", {"page": page, "range": "30d", "device": there["device"]}
        yield f"{page} rare device", {"page": page, "range": "30d", "device": there["rare device"]}
        yield f"{page} an hour of last week", {"page": page, **hour()}
        for name in sorted_columns(server, page):
            yield f"{page} by each column", {"page": page, "range": "30d", "sort": name}
    for name in ("app", "host", "rare host"):
        for more in ({}, {"device": there["device"]}):
            yield f"sessions {name}" + (" and device" if more else ""), {
                "page": "sessions", "range": "30d", name.split()[-1]: there[name], **more}
    yield "sessions port", {"page": "sessions", "range": "30d", "port": "12345"}
    yield "sessions going on", {"page": "sessions", "range": "30d", "open": "1"}
    yield "dns name", {"page": "dns", "range": "30d", "name": there["host"]}
    yield "dns rare name", {"page": "dns", "range": "30d", "name": there["rare host"]}
    yield "dns result", {"page": "dns", "range": "30d", "rcode": "SERVFAIL"}
    yield "app", {"page": "app", "range": "30d", "app": there["app"]}
    yield "device", {"page": "device", "range": "30d", "device": there["device"]}
    yield "session", {"page": "session", "id": there["id"]}
    yield "row", {"page": "row", "table": "session", "key": there["id"]}


def hour():
    """An hour a week ago, in the pages' zone."""
    begin = time.time() - 7 * 86400
    return {name: time.strftime("%Y-%m-%dT%H:%M", time.gmtime(begin + 8 * 3600 + more)) for name, more in (("from", 0), ("to", 3600))}


def sorted_columns(server, page):
    text = server.ask(url(page=page, range="24h")).text
    return sorted({urllib.parse.unquote(name) for name in re.findall(r"[?&;]sort=([^&\"]+)", text)})


def measure(server, rounds):
    site, there = Site(server), some(server)
    for name, params in queries(server, there):
        site.ask(name, url(**params), rounds)
    for name, path in api(server, there):
        site.ask(name, path, rounds)
    for page in ("sessions", "dns"):
        path = url(page=page, range="30d")
        for _ in range(DEEP):
            text = site.ask(f"{page} going forth", path, 1)
            path = following(text) or path
    exports(site)
    return site.times


def exports(site):
    """The first 64 KB of each export, which stream."""
    for page in ("sessions", "dns", "tls"):
        for form in ("json", "csv", "eve"):
            begun = time.perf_counter()
            site.server.begin(url("/api.php", page=page, range="30d", format=form))
            site.times[f"{page} export, first bytes"] = [*site.times.get(f"{page} export, first bytes", []),
                                                         (time.perf_counter() - begun) * 1000]


def report(times):
    slow = []
    print(f"{'':44} median  worst")
    for name, all_times in times.items():
        median, worst = statistics.median(all_times), max(all_times)
        bound = OVERVIEW if name == "overview 30d" else MEDIAN
        is_slow = median > bound or worst > WORST
        slow += [name] if is_slow else []
        print(f"{name:44} {median:6.0f} {worst:6.0f}{'  slow' if is_slow else ''}")
    return slow


def plans(folder, info):
    """What the database does for the first page of each list, by the statements that PHP gives it."""
    script = Path(__file__).with_name("plans.php")
    store = json.loads(info.read_text())["store"]
    done = subprocess.run(["php", *php_options(), script, folder, info], capture_output=True, text=True, check=True)
    found = [line for line in done.stdout.splitlines() if line]
    assert len(found) > 20, done.stdout + done.stderr
    # A SCAN by an index ends with the first rows; MariaDB's ALL never does.
    whole = r"\bSCAN (session|dns|tls|http)\b(?! USING)|\b(session|dns|tls|http) ALL "
    bad = [line for line in found if re.search(whole, line.split("\t")[1])]
    assert not bad, (store["kind"], bad)
    print(f"plans: {len(found)} of {store['kind']}, none looks at all rows")


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("folder", type=Path)
    args.add_argument("info", type=Path)
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--plans", action="store_true")
    args = args.parse_args()
    if args.plans:
        plans(args.folder, args.info)
        return
    with tempfile.NamedTemporaryFile() as log, Server(args.folder, args.info, log.name) as server:
        slow = report(measure(server, args.rounds))
    print(f"above {MEDIAN} ms in the middle or {WORST} at worst: {', '.join(slow) or 'none'}")
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
