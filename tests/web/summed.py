"""Pages tell the same by what is added up as by all that it is made of: summed.py WEIR WEB-TA WORK"""

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from served import ZONE, Server

BIG = Path(__file__).resolve().parent.parent.parent / "scripts" / "big.py"
# Where the two may differ: what was used in a day is told to the day only.
COARSE = {"first", "last"}


@contextmanager
def made(weir, work, kind, zone):
    """A database of a year with its sums, as web.json of it, and as one that lacks them."""
    folder = work / f"summed-{kind}-{zone.replace('/', '-')}"
    command = [sys.executable, BIG, weir, folder, "--kind", kind, "--scale", "0.005"]
    maker = subprocess.Popen(command, env={**os.environ, "TZ": zone}, stdout=subprocess.PIPE, text=True)
    try:
        assert any("done" in line for line in maker.stdout), "big.py ended"
        store = json.loads((folder / "web.json").read_text())
        plain = folder / "plain.json"
        if kind == "sqlite":
            path = folder / "plain.db"
            db = sqlite3.connect(store["store"]["path"])
            assert db.execute("SELECT COUNT(*) FROM traffic_summed WHERE kinds = 0").fetchone() == (0,)
            assert db.execute("SELECT COUNT(DISTINCT step * 8 + kind) FROM traffic_sum").fetchone() == (9,)
            db.execute("VACUUM INTO ?", [str(path)])
            db.close()
            run = sqlite3.connect(path).executescript
            run("DELETE FROM traffic_summed; DELETE FROM traffic_sum")
            plain.write_text(json.dumps({**store, "store": {**store["store"], "path": str(path)}}))
        else:
            def run(sql):
                return subprocess.check_output(["mariadb", "--no-defaults", "-uroot", f"-S{folder}/mariadb.sock", "-N", "big", "-e", sql], text=True)
            tables = "".join(f"CREATE TABLE plain.{name} LIKE {name}; INSERT INTO plain.{name} SELECT * FROM {name};" for name in run("SHOW TABLES").split())
            run(f"CREATE DATABASE plain; GRANT SELECT ON plain.* TO pages@localhost; {tables} DELETE FROM plain.traffic_summed;")
            plain.write_text(json.dumps({**store, "store": {**store["store"], "database": "plain"}}))
        yield folder / "web.json", plain
    finally:
        maker.send_signal(signal.SIGTERM)
        maker.wait()


def without(value):
    """What both have to tell."""
    if isinstance(value, dict):
        return {key: without(one) for key, one in value.items() if key not in COARSE}
    return [without(one) for one in value] if isinstance(value, list) else value


def asked(site):
    """What is asked for: every page of volumes, of times that begin anywhere, and of some."""
    rows = json.loads(site.api(page="apps", range="30d", sort="-bytes").text)["rows"]
    app, category = (next(row[name] for row in rows if row[name]) for name in ("app", "class"))
    device = json.loads(site.api(page="overview", range="30d").text)["parts"]["top_devices"][0]["device"]
    times = [{"range": name} for name in ("1h", "24h", "7d", "30d", "1y", "all")]
    now = json.loads(site.api(page="overview").text)["to"] // 1_000_000
    for ago, length in [(3 * 86400 + 4020, 86400), (40 * 86400 + 60, 20 * 86400), (100 * 86400, 77 * 86400 + 5 * 3600)]:
        times.append({"q": f"since:{ago // 60}m until:{(ago - length) // 60}m"})
    assert now > 0
    pages = [{"page": "overview"}, {"page": "apps", "sort": "app"}, {"page": "app", "app": app}, {"page": "app", "app": "-"},
             {"page": "device", "device": device}, {"page": "apps", "class": category, "sort": "app"},
             {"page": "overview", "device": device}, {"page": "apps", "device": device, "sort": "app"}]
    for page, time in itertools.product(pages, times):
        yield {**page, **time}
    yield {"page": "overview", "range": "30d", "q": f"device:{device}"}
    for text in [f'app:"{app}"', f"device:{device}", f"-class:{category}", app[:3]]:
        yield {"page": "apps", "range": "1y", "q": text, "sort": "app"}


def both(first, second, params):
    """What both answer within the same minute: it is not over when the first says the same again."""
    while True:
        answers = [site.api(**params) for site in (first, second, first)]
        assert all(answer.status == 200 for answer in answers), (params, answers[0].text[:300], answers[1].text[:300])
        told = [json.loads(answer.text) for answer in answers]
        if told[0] == told[2]:
            return [without(answer) for answer in told[:2]]


def compare(web, log, summed, plain):
    count = 0
    with Server(web, summed, log) as first, Server(web, plain, log) as second:
        for params in asked(first):
            told = both(first, second, params)
            assert told[0].keys() == told[1].keys(), params
            for key in told[0]:
                assert told[0][key] == told[1][key], (params, key, str(told[0][key])[:500], str(told[1][key])[:500])
            count += 1
    return count


def main():
    weir, web, work = (Path(name).resolve() for name in sys.argv[1:4])
    log = work / "php.log"
    # In another zone than the daemon's, days are others.
    for kind, zone in [("sqlite", ZONE), ("sqlite", "Asia/Kathmandu"), ("mariadb", ZONE)]:
        with made(weir, work, kind, zone) as (summed, plain):
            count = compare(web, log, summed, plain)
            print(f"summed: {kind}, a daemon in {zone}: {count} answers are the same", flush=True)


if __name__ == "__main__":
    main()
