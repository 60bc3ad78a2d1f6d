#!/usr/bin/env python3
"""What Weir costs, beside C programs that do the least one can do.

    bench.py WEIR [--runs N]

Prints user and system CPU time for each packet of `weir read` over large made
captures, into nothing and into SQLite, and the same for the floor programs,
run in turn so that a busy machine slows both: the ratios are what counts.
Then the cost of 10 000 signature lines against 100, the peak of resident
memory with default limits, and the bytes that a live session takes.

Needs the makers of the captures and the floor programs in ../shared/bench.
"""
import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAKERS = ROOT.parent / "shared" / "bench"
WORK = ROOT / "target" / "bench"

# Capture, packets, floor program and level, the most that Weir may take of it.
INTO_NOTHING = [
    ("big_mix", "floor", "flow", 2.5),
    ("big_bulk", "floor", "parse", 1.3),
    ("many_flows", "floor", "flow", 3.0),
    ("dns_heavy", "floor", "flow", 4.0),
]
# With a row for each handshake and each request.
WITH_DETAILS = [("big_mix", "floor", "flow", 3.5)]
# Bytes before the first packet of a pcap file.
FILE_HEADER = 24
INTO_SQLITE = [(name, "floor_meta", "e2e", 2.0) for name in ("big_mix", "many_flows", "dns_heavy")]


def cost(command):
    """User and system seconds, and the peak of resident memory in KiB."""
    null = os.open(os.devnull, os.O_WRONLY)
    child = os.posix_spawn(command[0], command, os.environ,
                           file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
    os.close(null)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def prepare():
    """Builds the floor programs and makes the captures that are not there."""
    WORK.mkdir(parents=True, exist_ok=True)
    for name, libraries in (("floor", ["-lpcap"]), ("floor_meta", ["-lpcap", "-lsqlite3"])):
        subprocess.run(["cc", "-O2", "-w", "-o", WORK / name, MAKERS / f"{name}.c", *libraries], check=True)
    if not (WORK / "big_mix.pcap").exists():
        subprocess.run([sys.executable, MAKERS / "gen_mix.py", WORK / "big_mix.pcap"], check=True)
    if not (WORK / "dns_heavy.pcap").exists():
        subprocess.run([sys.executable, MAKERS / "gen_synth.py", WORK], check=True)


def config(name, **settings):
    """A configuration file with the given settings: section_key=value."""
    sections = {"daemon": [f'web_info = "{WORK}/web.json"'], "apps": [], "store": [], "sqlite": [], "sessions": []}
    sections["apps"].append(f'features = "{settings.pop("features", ROOT / "features.txt")}"')
    for key, value in settings.items():
        section, _, setting = key.partition("_")
        sections[section].append(f"{setting} = {value}")
    path = WORK / f"{name}.toml"
    path.write_text("".join(f"[{s}]\n" + "".join(f"{line}\n" for line in lines) for s, lines in sections.items()))
    return path


def packets(name):
    """How many packets a capture holds."""
    out = subprocess.run([WORK / "floor", "count", WORK / f"{name}.pcap"], capture_output=True, text=True, check=True)
    return int(out.stdout.split()[1])


def compare(title, cases, weir, settings, runs):
    """Prints a table of Weir against the floor; True when all are within their bounds."""
    print(f"\n{title} (median of {runs}, user + system)")
    print(f"{'capture':12} {'weir ns':>8} {'floor ns':>9} {'ratio':>6} {'bound':>6} {'weir MiB':>9}")
    good = True
    for name, program, level, bound in cases:
        capture = str(WORK / f"{name}.pcap")
        database, other = WORK / "weir.db", WORK / "floor.db"
        ours, floor, memory = [], [], 0
        for _ in range(runs):
            for path in WORK.glob("*.db*"):
                path.unlink()
            seconds, peak = cost([weir, "read", "-c", str(settings), capture])
            ours.append(seconds)
            memory = max(memory, peak)
            floor.append(cost([str(WORK / program), level, capture, str(other)])[0])
        count = packets(name)
        weir_ns, floor_ns = (statistics.median(times) / count * 1e9 for times in (ours, floor))
        ratio = weir_ns / floor_ns
        good &= ratio <= bound and memory < 24 * 1024
        mark = "" if ratio <= bound and memory < 24 * 1024 else "  over its bound"
        print(f"{name:12} {weir_ns:8.0f} {program[5:] + level:>4} {floor_ns:4.0f} {ratio:6.2f} {bound:6.1f} "
              f"{memory / 1024:9.1f}{mark}")
        database.unlink(missing_ok=True)
    return good


def features(count):
    """A file of `count` lines: names, addresses, first bytes and ports, as real ones mix them."""
    numbers = random.Random(count)
    lines = []
    for n in range(count):
        kind = numbers.random()
        if kind < 0.6:
            feature = f";;;app{n}.example{numbers.randrange(500)}.com;"
        elif kind < 0.7:
            third, length = numbers.randrange(256), numbers.choice((24, 24, 26))
            feature = f";;;{numbers.randrange(1, 224)}.{numbers.randrange(256)}.{third}.0/{length};"
        elif kind < 0.85:
            offset = numbers.choice((0, 0, 0, 1, 2, 4, -1))
            length = 1 if offset < 0 else 4
            value = "".join(f"{numbers.randrange(256):02x}" for _ in range(length))
            feature = f"udp;;;;{offset}:{value}|5:{numbers.randrange(256):02x}"
        else:
            feature = f"tcp;;{numbers.randrange(1024, 65000)};;"
        lines.append(f"App{n}:[{feature}]")
    path = WORK / f"features{count}.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def signatures(weir, runs):
    """Prints what many signatures cost; reading the file itself is taken off."""
    spent = {}
    empty = WORK / "empty.pcap"
    # Not the whole file: a child's peak of memory begins with its parent's.
    with open(WORK / "big_mix.pcap", "rb") as whole:
        empty.write_bytes(whole.read(FILE_HEADER))
    settings = {n: config(f"features{n}", store_kind='"none"', features=features(n)) for n in (100, 10_000)}
    times = {n: ([], []) for n in settings}
    for _ in range(runs):
        for n, path in settings.items():
            times[n][0].append(cost([weir, "read", "-c", str(path), str(WORK / "big_mix.pcap")])[0])
            times[n][1].append(cost([weir, "read", "-c", str(path), str(empty)])[0])
    for n, (whole, start) in times.items():
        spent[n] = statistics.median(whole) - statistics.median(start)
    ratio = spent[10_000] / spent[100]
    print(f"\nsignatures: 10 000 lines cost {ratio:.2f} of 100 lines on big_mix (bound 1.1)")
    return ratio <= 1.1


def bytes_of_a_session(weir):
    """Prints the resident memory that each live session takes."""
    wide = config("wide", store_kind='"none"', sessions_max_sessions=600_000)
    narrow = config("narrow", store_kind='"none"', sessions_max_sessions=64)
    capture = str(WORK / "many_flows.pcap")
    more = cost([weir, "read", "-c", str(wide), capture])[1] - cost([weir, "read", "-c", str(narrow), capture])[1]
    # A quarter of the flows are over and gone before the last one begins.
    live = 375_000
    each = more * 1024 / live
    print(f"memory: {each:.0f} bytes for each of {live} live sessions (bound 400)")
    return each <= 400


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weir")
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    if not MAKERS.exists():
        print("The makers of the captures are not beside the checkout (../shared/bench): nothing to measure.")
        return 0
    prepare()
    weir = str(pathlib.Path(args.weir).resolve())
    good = compare("into nothing: sessions, DNS, names, apps", INTO_NOTHING, weir,
                   config("nothing", store_kind='"none"'), args.runs)
    good &= compare("the same with details of TLS, QUIC and HTTP", WITH_DETAILS, weir,
                    config("details", store_kind='"none"', store_details="true"), args.runs)
    sqlite = config("sqlite", store_keep_days=36_500, store_max_mb=1_000, sqlite_path=f'"{WORK}/weir.db"')
    good &= compare("into SQLite", INTO_SQLITE, weir, sqlite, args.runs)
    good &= signatures(weir, args.runs)
    good &= bytes_of_a_session(weir)
    print("\nall within their bounds" if good else "\nnot all within their bounds")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
