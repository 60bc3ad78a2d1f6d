#!/usr/bin/env python3
"""Takes pictures of the pages in headless Chromium.

    screenshots.py URL FOLDER    every page at a desk's and at a phone's width

URL is where `make run` serves them. Those of the README are made by
`make run PCAP=sample` and this.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

WIDTHS = {"wide": (1360, 1500), "phone": (390, 1700)}


def pages(url):
    """The query of each page by its name."""
    def rows(page):
        query = urlencode({"page": page, "format": "json"})
        with urllib.request.urlopen(f"{url}api.php?{query}") as answer:
            return json.load(answer)["rows"]

    app = next(row["app"] for row in rows("apps") if row["app"])
    device = next(row["device"] for row in rows("devices") if row["name"])
    session = next(row["id"] for row in rows("sessions") if row["app"] and row["host"] and row["proto"] == "tcp")
    device = rows("devices")[0]["device"]
    return {"overview": {}, "device": {"page": "device", "device": device}, "apps": {"page": "apps"}, "app": {"page": "app", "app": app},
            "device": {"page": "device", "device": device}, "dns": {"page": "dns"},
            "sessions": {"page": "sessions"}, "session": {"page": "session", "id": session}}


def take(address, path, size):
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
             f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", f"--screenshot={path}", address],
            check=True, capture_output=True, timeout=60)


def main():
    url, folder = sys.argv[1].rstrip("/") + "/", Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, query in pages(url).items():
        for width, size in WIDTHS.items():
            for look in ({"lang": "en", "theme": "light"}, {"lang": "zh", "theme": "dark"}):
                path = folder / f"{name}-{width}-{look['lang']}-{look['theme']}.png"
                take(f"{url}?{urlencode(query | look)}", path, size)
                print(path)


if __name__ == "__main__":
    main()
