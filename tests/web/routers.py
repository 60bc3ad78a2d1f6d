#!/usr/bin/env python3
"""Two routers that write to one server: routers.py WEB-TA SCRATCH, see run.sh."""

import json
import re
import sys
from pathlib import Path

from pages import check_page
from served import Server


def main():
    folder, scratch = Path(sys.argv[1]), Path(sys.argv[2])
    with Server(folder, scratch / "mariadb/web.json", scratch / "routers.log") as site:
        home, barn = (site.page(page="sessions", range="all", lang="en", **more)
                      for more in ({}, {"router": "weir_barn"}))
        for answer in (home, barn):
            check_page(answer, 200)
            choice = re.search(r'<select name="router".*?</select>', answer.text, re.S)[0]
            assert ">home<" in choice and "barn&lt;b&gt; · clock 12 s ahead" in choice, choice
        assert 'value="weir_barn" selected' in barn.text and "selected" not in re.search(
            r'<select name="router".*?</select>', home.text, re.S)[0]
        # Other records, and links that stay with them.
        rows = [json.loads(site.api(page="sessions", range="all", **more).text) for more in ({}, {"router": "weir_barn"})]
        assert 0 < len(rows[1]["rows"]) < len(rows[0]["rows"])
        links = re.findall(r'<nav.*?</nav>', barn.text, re.S)[0]
        assert links.count("router=weir_barn") == links.count("<li><a "), links
        # What is no name of a database is left out, what is not ours says nothing.
        assert site.page(page="sessions", lang="en", router="a`b").status == 200
        for name in ("mysql", "information_schema", "weir_none"):
            answer = site.page(page="sessions", lang="en", router=name)
            check_page(answer, 503)
            assert "secret" not in answer.text
    print("web: two routers, one server", flush=True)


if __name__ == "__main__":
    main()
