#!/usr/bin/env python3
"""Databases on file systems that lack what SQLite's write-ahead log needs:
run.py WEIR. Mounts FUSE and overlayfs, so it has to be root; otherwise it says
what it leaves out."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/web"))
from served import Server  # noqa: E402

WEIR = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/weir").resolve()
CAPTURE = ROOT / "tests/cases/dns-udp/capture.pcap"


@contextlib.contextmanager
def poor(folder, *lacks):
    """A folder on a file system without these."""
    backing, point = folder / "backing", folder / "poor"
    backing.mkdir()
    point.mkdir()
    program = [sys.executable, Path(__file__).parent / "poor.py", backing, point, *lacks]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as served:
        assert served.stdout.readline() == b"ready\n"
        try:
            yield point, backing
        finally:
            subprocess.run(["umount", point], check=True)


@contextlib.contextmanager
def overlay(folder):
    """A folder on overlayfs, whose changes go to a tmpfs."""
    upper, point = folder / "upper", folder / "overlay"
    for path in (upper, point, folder / "lower"):
        path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", upper], check=True)
    try:
        (upper / "up").mkdir()
        (upper / "work").mkdir()
        options = f"lowerdir={folder}/lower,upperdir={upper}/up,workdir={upper}/work"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", point], check=True)
        try:
            yield point
        finally:
            subprocess.run(["umount", point], check=True)
    finally:
        subprocess.run(["umount", upper], check=True)


def read(folder, database, copy=""):
    """Reads a capture into that database; returns what it lacks, if anything, and all that was said."""
    config = folder / "config.toml"
    config.write_text(f"""[capture]
interfaces = ["lo"]
[sqlite]
path = "{database}"
copy = "{copy}"
[apps]
features = "{ROOT}/features.txt"
[daemon]
control = "c.sock"
web_info = "web.json"
""")
    done = subprocess.run([WEIR, "read", "-c", config, CAPTURE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if f"{database}: on " in line]
    assert len(lines) <= 1, done.stderr
    return lines[0].split(f"{database}: on ")[1] if lines else "", done.stderr


def questions(database):
    with contextlib.closing(sqlite3.connect(database)) as db:
        return db.execute("SELECT COUNT(*) FROM dns").fetchone()[0]


def page(folder):
    with Server(ROOT / "web-ta", folder / "web.json", folder / "php.log") as site:
        answer = site.page(page="dns", range="all", lang="en")
    return answer.status, answer.text


def no_shared_memory(folder):
    with poor(folder, "mmap") as (point, backing):
        for _ in range(2):
            said, _ = read(folder, point / "w.db")
            assert said.startswith("fuse.poor: written by a rollback journal, for which pages wait"), said
            assert questions(backing / "w.db") > 5
        assert page(folder)[0] == 200
        assert sorted(os.listdir(backing)) == ["w.db", "w.db-journal"], os.listdir(backing)
        # One that was written in a better place before.
        with contextlib.closing(sqlite3.connect(backing / "w.db")) as db:
            assert db.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
        read(folder, point / "w.db")
        assert page(folder)[0] == 200


def no_locks(folder):
    with poor(folder, "mmap", "locks") as (point, backing):
        for _ in range(2):
            said, _ = read(folder, point / "w.db")
            assert said.startswith("fuse.poor: written by a rollback journal without locks"), said
            assert questions(backing / "w.db") > 5
        status, text = page(folder)
        assert status == 503 and "has no locks" in text, text[:300]
        # Its copy needs neither.
        before = questions(backing / "w.db")
        memory = folder / "memory.db"
        _, said = read(folder, memory, point / "copy/w.db")
        assert "copies of the database, on fuse.poor" in said and "a copy of the database" in said, said
        assert questions(backing / "copy/w.db") == before
        memory.unlink()
        assert "read back from" in read(folder, memory, point / "copy/w.db")[1]
        assert questions(memory) == before


def an_overlay(folder):
    with overlay(folder) as point:
        assert read(folder, point / "w.db")[0] == "", "nothing is lacking"
        with subprocess.Popen([WEIR, "run", "-c", folder / "config.toml"], stderr=subprocess.PIPE, text=True) as daemon:
            said = next(line for line in daemon.stderr if "w.db: on " in line)
            daemon.terminate()
            daemon.stderr.read()
        assert "on overlay on tmpfs: written by a write-ahead log" in said, said
        assert json.loads((folder / "web.json").read_text())["store"]["shared"] is True


def main():
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK):
        print("places: left out, they need root and /dev/fuse")
        return
    # Where mounting is not allowed, there is nothing to try.
    with tempfile.TemporaryDirectory() as point:
        tried = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point], capture_output=True)
        if tried.returncode != 0:
            print("places: left out, nothing can be mounted here")
            return
        subprocess.run(["umount", point], check=True)
    for test in (no_shared_memory, no_locks, an_overlay):
        with tempfile.TemporaryDirectory() as folder:
            test(Path(folder))
        print(f"places: {test.__name__.replace('_', ' ')}", flush=True)


if __name__ == "__main__":
    main()
