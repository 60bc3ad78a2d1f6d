"""Pages of volumes that are rolled up show what they show of minutes."""

import json
import shutil
import sqlite3
import subprocess

from served import Server

HOUR, DAY = 3_600_000_000, 86_400_000_000
# The pages' zone, by which days begin.
AHEAD = 8 * HOUR
SUMS = ["bytes_out", "bytes_in", "packets", "sessions", "active_seconds"]
TABLES = ["session", "dns", "app", "traffic", "device", "label", "catalog", "health", "coverage", "stop", "alert", "rollup_name", "traffic_hour", "traffic_day",
          "traffic_month", "traffic_sum", "traffic_summed", "meta"]


def fold(number, run):
    """Makes the oldest quarter of the minutes a month, the next days, the next hours; as the daemon would in time.

    `number(sql)` gives a number, `run(sql)` runs statements.
    """
    for table in ("traffic_summed", "traffic_sum", "rollup_name"):
        run(f"DELETE FROM {table}")
    oldest, newest = number("SELECT MIN(time) FROM traffic"), number("SELECT MAX(time) FROM traffic")
    run("INSERT INTO rollup_name (id, name) SELECT 3 * (SELECT COUNT(*) FROM (SELECT DISTINCT name FROM (SELECT device AS name"
        " FROM traffic UNION SELECT app FROM traffic WHERE app IS NOT NULL) AS n) AS m WHERE m.name <= names.name) + 1, name FROM"
        " (SELECT device AS name FROM traffic UNION SELECT app FROM traffic WHERE app IS NOT NULL) AS names")
    sums = ", ".join(f"SUM({name})" for name in SUMS)
    for n, (table, begin) in enumerate([
            ("traffic_month", f"{oldest - (oldest + AHEAD) % DAY - 9 * DAY}"),
            ("traffic_day", f"time - (time + {AHEAD}) % {DAY}"), ("traffic_hour", f"time - time % {HOUR}")]):
        end = oldest + (newest - oldest) * (n + 1) // 4
        end -= end % HOUR
        run(f"INSERT INTO {table} (time, device, app, {', '.join(SUMS)}) SELECT ({begin}) / 60000000 AS begin, d.id,"
            f" COALESCE(a.id, 0) AS app_id, {sums} FROM traffic LEFT JOIN rollup_name AS d ON d.name = traffic.device"
            f" LEFT JOIN rollup_name AS a ON a.name = traffic.app WHERE time < {end} GROUP BY begin, d.id, app_id")
        run(f"DELETE FROM traffic WHERE time < {end}")


def sqlite_copy(folder, info, scratch):
    path = scratch / "rolled.db"
    shutil.copy(json.loads(info.read_text())["store"]["path"], path)
    db = sqlite3.connect(path)
    fold(lambda sql: db.execute(sql).fetchone()[0], db.execute)
    db.commit()
    # As a Weir that did not know them left it.
    db.executescript("DROP TABLE traffic_sum; DROP TABLE traffic_summed; PRAGMA user_version = 1")
    db.close()
    return {"kind": "sqlite", "path": str(path)}


def mariadb_copy(folder, info, scratch):
    store = json.loads(info.read_text())["store"]

    def run(sql, database="rolled"):
        done = subprocess.run(["mariadb", "--no-defaults", "-uroot", "-S", store["socket"], "-N", "-e", sql, *[database][:bool(database)]],
                              capture_output=True, text=True)
        assert done.returncode == 0, (sql, done.stderr)
        return done.stdout

    run("CREATE DATABASE rolled; GRANT SELECT ON rolled.* TO pages@localhost", "")
    for table in TABLES:
        run(f"CREATE TABLE {table} LIKE weir.{table}; INSERT INTO {table} SELECT * FROM weir.{table}")
    fold(lambda sql: int(run(sql)), run)
    return {**store, "database": "rolled"}


def shown(site, **params):
    answer = site.api(range="all", **params)
    assert answer.status == 200, answer.text[:300]
    return json.loads(answer.text)


def total(rows, name):
    return sum(row[name] or 0 for row in rows)


def compare(before, after, check_page):
    """The same sums; only the times are coarser."""
    first, second = [shown(site, page="overview") for site in (before, after)]
    for name in ["bytes_in", "bytes_out", "packets", "sessions"]:
        assert total(first["rows"], name) == total(second["rows"], name) > 0, name
    for name in ["devices", "top_devices", "apps", "top_apps", "classes"]:
        assert first["parts"][name] == second["parts"][name], name
    assert second["parts"]["sessions"] == total(second["rows"], "sessions")
    app = next(row["app"] for row in shown(before, page="apps")["rows"] if row["app"])
    device = first["parts"]["top_devices"][0]["device"]
    category = next(row["class"] for row in first["parts"]["classes"] if row["class"])
    for params in [{}, {"device": device}, {"q": app[:4]}, {"q": device[:8]}, {"class": category}, {"class": "-"}, {"q": "192.168"}]:
        rows = [shown(site, page="apps", sort="app", **params)["rows"] for site in (before, after)]
        names = ["app", "class", "devices", "used", "sessions", "bytes_in", "bytes_out", "bytes"]
        assert [[row[name] for name in names] for row in rows[0]] == [[row[name] for name in names] for row in rows[1]], params
        assert rows[0], params
    for name in [app, "-"]:
        devices = [shown(site, page="app", app=name)["parts"]["devices"] for site in (before, after)]
        for row in devices[0] + devices[1]:
            del row["last"]
        assert devices[0] == devices[1] and devices[0], name
        assert name != "-" or devices[0][0]["used"] is None
    for span in ["24h", "30d", "1y", "all"]:
        for page in ["overview", "apps", "sessions", "dns"]:
            for lang in ("en", "zh"):
                check_page(after.page(page=page, range=span, lang=lang))
    assert "volumes by device and app go further back" in after.page(range="all", lang="en").text
    assert "per 30 days" in after.page(range="all", lang="en").text


def pages(folder, sqlite, mariadb, scratch, log, check_page, about):
    for name, info, copy in [("sqlite", sqlite, sqlite_copy), ("mariadb", mariadb, mariadb_copy)]:
        rolled = about(scratch, f"rolled-{name}", **copy(folder, info, scratch))
        with Server(folder, info, log) as before, Server(folder, rolled, log) as after:
            compare(before, after, check_page)


def flash(folder, info, scratch, log, check_page, about):
    """What wears flash out is told, with the budget, and that writing is put off."""
    path = scratch / "flash.db"
    shutil.copy(json.loads(info.read_text())["store"]["path"], path)
    db = sqlite3.connect(path)
    now = int(subprocess.check_output(["date", "+%s"]))
    for n, held in enumerate([0, 1]):
        db.execute("INSERT INTO health (id, time, stage, offered, lost, flash_bytes, flash_held) VALUES (?, ?, 'store', 5, 0, ?, ?)",
                   [(now * 1000 + n) * 2048, now * 1_000_000, 3_500_000, held])
    db.commit()
    db.close()
    web = about(scratch, "flash", kind="sqlite", path=str(path))
    web.write_text(json.dumps({**json.loads(web.read_text()), "write_budget": 8_000_000}))
    with Server(folder, web, log) as site:
        html = site.page(lang="en")
        check_page(html)
        assert "7.00 MB today, of 8.00 MB that a day may write" in html.text and "Writing is put off" in html.text
        check_page(site.page(lang="zh"))
        assert shown(site, page="overview")["parts"]["flash"] == {"today": 7_000_000, "budget": 8_000_000, "held": True}
