#!/usr/bin/env python3
"""The pages and MariaDB over TLS: tls.py WEB-TA PORT SCRATCH, see run.sh."""

import re
import sys
from pathlib import Path

from hostile import about
from pages import check_page
from served import Server


def main():
    folder, port, scratch = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    account = {"kind": "mariadb", "port": port, "socket": "", "database": "weir", "user": "safe", "password": "secret-of-pages"}
    # The server is who its certificate says, and somebody we trust says so.
    cases = [
        ("right", "127.0.0.1", scratch / "server.pem", 200),
        ("another signer", "127.0.0.1", scratch / "other.pem", 503),
        ("another address", "127.0.0.2", scratch / "server.pem", 503),
        ("no certificates", "127.0.0.1", scratch / "none.pem", 503),
        ("in the clear", "127.0.0.1", "", 503),
    ]
    for name, host, ca, status in cases:
        info = about(scratch, "tls", **account, host=host, ca=str(ca))
        with Server(folder, info, scratch / "tls.log") as site:
            answer = site.page(lang="en")
            assert answer.status == status, (name, re.findall(r"<main.*?</main>", answer.text, re.S), open(scratch / "tls.log").read()[-1500:])
            check_page(answer, status)
            assert "secret" not in answer.text, name
            assert name != "no certificates" or "none.pem" in answer.text
            print(f"web: TLS to MariaDB, {name}: {status}", flush=True)


if __name__ == "__main__":
    main()
