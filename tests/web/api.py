#!/usr/bin/env python3
"""The API keeps to its own description: api.py WEB-TA SQLITE.json MARIADB.json SCRATCH

Nobody has set a password there yet, so that this machine is let in.
"""

import json
import re
import sys
import time
import urllib.parse
from pathlib import Path

from served import Server

TYPES = {"string": str, "object": dict, "array": list, "null": type(None), "integer": int}


def described(site):
    answer = site.ask("/api.php/v1/openapi.json")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/json"), answer.text
    return json.loads(answer.text)


def misfits(value, schema, root, at="$"):
    """Where a value does not fit a schema, by those words of JSON Schema that the description uses."""
    known = {"type", "const", "enum", "required", "properties", "additionalProperties", "items", "maxItems", "description", "$ref"}
    assert set(schema) <= known, f"this test does not know {set(schema) - known}"
    if "$ref" in schema:
        part = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            part = part[name]
        return misfits(value, part, root, at)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(isinstance(value, TYPES[name]) and not isinstance(value, bool) for name in types):
        return [f"{at}: {value!r} is no {types}"]
    wrong = []
    if "const" in schema and value != schema["const"] or "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{at}: {value!r}")
    if isinstance(value, dict):
        wrong += [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
        others = schema.get("additionalProperties", {})
        for name, member in value.items():
            inner = schema.get("properties", {}).get(name, others)
            wrong += [f"{at}: {name} is too much"] if inner is False else misfits(member, inner, root, f"{at}.{name}")
    if isinstance(value, list):
        wrong += [f"{at}: {len(value)} items"] if len(value) > schema.get("maxItems", len(value)) else []
        for number, item in enumerate(value):
            wrong += misfits(item, schema.get("items", {}), root, f"{at}[{number}]")
    return wrong


def get(site, path, **params):
    answer = site.ask(f"/api.php/v1{path}?" + urllib.parse.urlencode(params))
    return answer.status, json.loads(answer.text)


def needed(site):
    """Values for the parameters that a page can not do without."""
    _, apps = get(site, "/apps", range="all")
    _, sessions = get(site, "/sessions", range="all", p="1")
    values = {name: value for row in sessions["rows"] for name, value in row.items() if value is not None}
    return {"app": next(row["app"] for row in apps["rows"] if row["app"]), "id": values["id"], "device": values["device"],
            "table": "session", "key": values["id"]}


def every_path_answers(site):
    """…with its required parameters alone, in its schema, and all its columns can be sorted by."""
    root = described(site)
    assert root["openapi"] == "3.1.0" and len(root["paths"]) > 8
    values = needed(site)
    for path, item in root["paths"].items():
        operation = item["get"]
        own = {p["name"]: values[p["name"]] for p in operation["parameters"] if p["required"]}
        status, data = get(site, path, range="all", **own)
        assert status == 200, (path, data)
        ok = operation["responses"]["200"]["content"]["application/json"]["schema"]
        wrong = misfits(data, ok, root)
        assert not wrong, (path, wrong[:5])
        assert "next" not in data, "all rows have no next page"
        row = ok["properties"]["rows"]["items"]["properties"]
        for order in next(p for p in operation["parameters"] if p["name"] == "sort")["schema"]["enum"]:
            assert order.removeprefix("-") in row
        status, page = get(site, path, range="all", p="1", **own)
        assert status == 200 and not misfits(page, ok, root) and page["rows"] == data["rows"][:50], path
        for name in own:
            status, data = get(site, path, **{key: value for key, value in own.items() if key != name})
            assert status == 400 and set(data) == {"error"}, (path, name)
    for status in root["components"]["responses"]:
        assert status in ("400", "401", "503")


def parameters_are_as_described(site):
    """A value that the description allows is taken, one that it does not is refused."""
    root, values = described(site), needed(site)
    for path, item in root["paths"].items():
        parameters = item["get"]["parameters"]
        own = {p["name"]: values[p["name"]] for p in parameters if p["required"]}
        for parameter in parameters:
            name, schema = parameter["name"], parameter["schema"]
            if name == "router":  # a database, which SQLite has none of
                continue
            good = schema.get("enum", ["1", "2026-05-28T10:00"])
            good = [text for text in good if re.search(schema.get("pattern", ""), text)] or ["ab"]
            for text in good[-3:]:
                status, data = get(site, path, **(own | {"range": "15m", "format": "json"} | ({} if name == "format" else {name: text})))
                assert status in ((200, 400) if name in own else (200,)), (path, name, text, data)
            bad = "\x07" if schema.get("maxLength") else "no such ☃"
            status, data = get(site, path, **(own | {name: bad}))
            assert status == 400 and "error" in data, (path, name, data)
        for odd in ({"nonsense": "1"}, {"page": "apps"}, {"q[]": "1"}, {"sort[a]": "1"}, {"to": ""}, {"q": " "}):
            status, data = get(site, path, **(own | odd))
            assert status == 400 and "error" in data, (path, odd, data)


def other_addresses(site):
    for path in ("/", "/v1", "/v1/", "/v2/apps", "/v1/nothing", "/v1/../v1/apps/", "/v1/apps/", "/v1/apps.php", "/v1/Apps",
                 "/v1/..%2f..%2fpages%2fapps", "/v1/apps%00", "/v1/openapi.json/x"):
        answer = site.ask(f"/api.php{path}")
        # Some the server refuses itself, in its own words.
        assert answer.status == 404 and '"rows"' not in answer.text, (path, answer.status)
    assert set(json.loads(site.ask("/api.php/v1/nothing").text)) == {"error"}
    for method in ("POST", "PUT", "DELETE"):
        assert site.ask("/api.php/v1/apps", method).status == 405
    assert site.ask("/api.php/v1/apps", "HEAD").body == b""


def pages_follow_each_other(site):
    """The rows of all pages are those of the whole, each once."""
    for path, sort in (("/sessions", "-last"), ("/sessions", "bytes_in"), ("/dns", "qname"), ("/apps", "-bytes")):
        _, whole = get(site, path, range="all", sort=sort)
        rows, address = [], f"{path[1:]}?" + urllib.parse.urlencode({"range": "all", "sort": sort, "p": "1"})
        while address:
            assert re.match(rf"{path[1:]}\?", address), address
            answer = site.ask(f"/api.php/v1/{address}")
            assert answer.status == 200, (address, answer.text)
            page = json.loads(answer.text)
            assert 0 < len(page["rows"]) <= 50
            rows += page["rows"]
            address = page["next"]
        assert rows == whole["rows"], (path, sort)


def the_old_address_has_the_same(site):
    for page in ("sessions", "dns", "apps"):
        _, new = get(site, f"/{page}", range="all")
        assert new == json.loads(site.api(page=page, range="all").text)
    csv = site.ask("/api.php/v1/dns?range=all&format=csv")
    assert csv.headers["Content-Type"].startswith("text/csv") and csv.body == site.api(page="dns", range="all", format="csv").body


def main():
    folder, sqlite, mariadb, scratch = map(Path, sys.argv[1:])
    begun = time.monotonic()
    for name, info in (("SQLite", sqlite), ("MariaDB", mariadb)):
        with Server(folder, info, scratch / "api.log") as site:
            for test in (every_path_answers, parameters_are_as_described, other_addresses, pages_follow_each_other,
                         the_old_address_has_the_same):
                test(site)
                print(f"web: {time.monotonic() - begun:5.1f} s  API, {name}: {test.__name__.replace('_', ' ')}", flush=True)
    trouble = [line for line in open(scratch / "api.log", errors="replace") if re.search(r"PHP (Warning|Notice|Deprecated|Fatal)|weir: ", line)]
    assert not trouble, trouble[:5]


if __name__ == "__main__":
    main()
