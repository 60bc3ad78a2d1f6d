#!/usr/bin/env python3
"""`make run` as its user has it: the page it prints shows what was captured,
and Ctrl-C stops everything that it started."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORT = 18080


class Run:
    """`make run` in a session of its own, as in a terminal; a context manager."""

    def __init__(self, **settings):
        words = [f"{name}={value}" for name, value in settings.items()]
        self.process = subprocess.Popen(
            ["make", "--no-print-directory", "run", f"PORT={PORT}", *words], cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.said = []
        self.url = None
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"open (http://\S+)", line):
                self.url = found[1]
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        self.said += self.process.stdout.readlines()
        self.process.wait()

    def get(self, path):
        with urllib.request.urlopen(self.url + path) as answer:
            return answer.read().decode()

    def rows(self, page):
        return json.loads(self.get(f"api.php?page={page}&range=all&format=json"))["rows"]


def nothing_left(run):
    """Every process of that session is gone."""
    left = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == run.process.pid and fields[0] != "Z":
            left.append(stat.parent.name)
    assert not left, left


def a_sample():
    with Run(PCAP="sample") as run:
        assert run.url, run.said
        assert "<h1>Overview</h1>" in run.get("?lang=en")
        assert len(run.rows("sessions")) > 1000 and len(run.rows("dns")) > 1000 and len(run.rows("apps")) > 10
    nothing_left(run)


def cut_off(capture, least):
    """The first bytes of a pcap file, to the middle of a packet."""
    at = 24
    while at < least:
        at += 16 + int.from_bytes(capture[at + 8:at + 12], "little")
    return capture[:at + 20]


def a_damaged_capture():
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "cut off.pcap"
        cut.write_bytes(cut_off((ROOT / "target/run/sample.pcap").read_bytes(), 1_000_000))
        with Run(PCAP=cut) as run:
            assert run.url, run.said
            assert any("cut off.pcap" in line and "byte" in line for line in run.said), run.said
            assert len(run.rows("sessions")) > 10
    nothing_left(run)


def sessions_at(port):
    """How many sessions with that port the database of the live capture holds."""
    database = ROOT / "target/run/live.db"
    if not database.exists():
        return 0
    with contextlib.closing(sqlite3.connect(database)) as db:
        return db.execute("SELECT COUNT(*) FROM session WHERE server_port = ?", [port]).fetchone()[0]


def an_interface():
    before = sessions_at(PORT)
    with Run(IFACE="lo") as run:
        assert run.url == f"http://127.0.0.1:{PORT}/", run.said
        for _ in range(3):
            assert "<h1>Overview</h1>" in run.get("?lang=en")
    nothing_left(run)
    # The questions to the pages themselves; a daemon that ends writes what is open.
    assert sessions_at(PORT) >= before + 3


def mistakes():
    with Run(PCAP="/does/not/exist.pcap") as run:
        pass
    assert run.process.returncode != 0 and any("no such capture" in line for line in run.said), run.said
    with Run(IFACE="nosuch0") as run:
        pass
    assert run.process.returncode != 0 and any("nosuch0" in line for line in run.said), run.said
    nothing_left(run)


if __name__ == "__main__":
    # What runs in the background is started without Ctrl-C, and would hand that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for test in (a_sample, a_damaged_capture, an_interface, mistakes):
        test()
        print(f"run: {test.__name__.replace('_', ' ')}", flush=True)
