#!/usr/bin/env python3
"""Puts a session into a store, as if it were the latest: newer.py CONFIG HOST. Without a HOST, takes all such out again."""

import json
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

SCHEMA = Path(__file__).resolve().parents[3] / "web-ta/schema.json"
BELOW = "newer.example"


def statement(host):
    if not host:
        return f"DELETE FROM session WHERE host LIKE '%.{BELOW}'"
    names = [column["name"] for column in json.loads(SCHEMA.read_text())["tables"]["session"]["columns"]]
    changed = {"id": "id + 1", "last": "last + 1000000", "host": f"'{host}.{BELOW}'"}
    values = ", ".join(changed.get(name, name) for name in names)
    return f"INSERT INTO session ({', '.join(names)}) SELECT {values} FROM session ORDER BY last DESC LIMIT 1"


def main():
    config = Path(sys.argv[1])
    settings, sql = tomllib.loads(config.read_text()), statement("".join(sys.argv[2:]))
    if "mariadb" in settings:
        store = settings["mariadb"]
        subprocess.run(["mariadb", "--no-defaults", "-uroot", "-S", store["socket"], store["database"], "-e", sql], check=True)
        return
    with sqlite3.connect(config.parent / settings["sqlite"]["path"]) as db:
        db.execute(sql)


if __name__ == "__main__":
    main()
