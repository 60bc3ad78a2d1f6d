#!/usr/bin/env python3
"""What watching a router costs: heads, tap and nothing, over the same traffic
in network namespaces (client - router with NAT - server). Needs root.

Prints CPU time of the daemon above its idling, and of the whole machine above
the same traffic that nobody watches. The whole machine's is of use where nothing
else runs. Ratios are what to compare; medians of some rounds."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WEIR = Path(sys.argv[1]).resolve()
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
# Loads whose name has this in it.
ONLY = sys.argv[3] if len(sys.argv) > 3 else ""
SPACES = [f"weir-b{part}{os.getpid()}" for part in "crs"]
CLIENT, ROUTER, SERVER = SPACES
TICKS = os.sysconf("SC_CLK_TCK")

ANSWER = """
import socket, threading
def serve(to):
    with to:
        to.recv(100)
        to.sendall(BLOB)
BLOB = b'x' * SIZE
listener = socket.create_server(('203.0.113.9', 7000), backlog=1024)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
ASK = """
import socket
for n in range(COUNT):
    with socket.create_connection(('203.0.113.9', 7000), source_address=('', 10000 + n % 50000)) as to:
        to.sendall(b'a question')
        while to.recv(1 << 20): pass
"""

# Name, how many units, what does them at the client, and what answers.
LOADS = [
    ("bulk UDP, 1 M datagrams of 1400 B", 1_000_000, "iperf3 -c 203.0.113.9 -u -b 0 -l 1400 -k 1000000", "iperf3 -s"),
    ("20,000 TCP connections of 4 kB", 20_000, ASK.replace("COUNT", "20000"), ANSWER.replace("SIZE", "4000")),
    ("4,000 TCP connections of 1 MB", 4_000, ASK.replace("COUNT", "4000"), ANSWER.replace("SIZE", "1000000")),
]


def run(line, **more):
    return subprocess.run(line.split(), check=True, capture_output=True, text=True, **more).stdout


# A dump walks the whole hash table, which a router with 128 MB has no more of.
BUCKETS = Path("/proc/sys/net/netfilter/nf_conntrack_buckets")


def setup(folder):
    for space in SPACES:
        run(f"ip netns add {space}")
        run(f"ip -n {space} link set lo up")
    run(f"ip -n {CLIENT} link add c0 type veth peer name lan netns {ROUTER}")
    run(f"ip -n {SERVER} link add s0 type veth peer name wan netns {ROUTER}")
    for space, link, address in ((CLIENT, "c0", "192.168.7.2/24"), (ROUTER, "lan", "192.168.7.1/24"),
                                 (ROUTER, "wan", "203.0.113.1/24"), (SERVER, "s0", "203.0.113.9/24")):
        run(f"ip -n {space} address add {address} dev {link}")
        run(f"ip -n {space} link set {link} up")
        # As on a router, whose packets are those of the wire.
        for feature in ("tso", "gso", "gro"):
            subprocess.run(["ip", "netns", "exec", space, "ethtool", "-K", link, feature, "off"], check=False,
                           capture_output=True)
    run(f"ip -n {CLIENT} route add default via 192.168.7.1")
    for switch in ("net.ipv4.ip_forward=1", "net.netfilter.nf_conntrack_acct=1"):
        run(f"ip netns exec {ROUTER} sysctl -qw {switch}")
    run(f"ip netns exec {CLIENT} sysctl -qw net.ipv4.tcp_tw_reuse=1")
    rules = "table ip nat {\n chain post {\n  type nat hook postrouting priority 100\n  oifname \"wan\" masquerade\n }\n}\n"
    run(f"ip netns exec {ROUTER} nft -f -", input=rules)
    for name in ("tap", "heads"):
        (folder / f"{name}.toml").write_text(
            f'[capture]\ninterfaces = ["lan"]\nsource = "{name}"\nbuffer = "32MiB"\n[sessions]\nmax_sessions = 65536\n'
            f'[store]\nkind = "none"\n[apps]\nfeatures = "{WEIR.parents[2]}/features.txt"\n'
            f'[daemon]\ncontrol = "{folder}/{name}.sock"\nweb_info = "{folder}/{name}.json"\n')


def inside(space, words, **more):
    return subprocess.Popen(["ip", "netns", "exec", space, *words], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, **more)


def machine():
    """CPU seconds of all processors that were no idling."""
    fields = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def of(process):
    """CPU seconds of one process; the scheduler's count is finer than ticks."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9 if process else 0.0


def words_of(what):
    return what.split() if what.startswith("iperf3") else ["python3", "-c", what]


def measure(folder, way, load):
    """Seconds of the daemon and of the machine, and what was lost."""
    _, _, asks, answers = load
    # What stands in it of the last one would be dumped with this one's.
    run(f"ip netns exec {ROUTER} conntrack -F")
    server = inside(SERVER, words_of(answers))
    daemon = None
    if way:
        daemon = inside(ROUTER, [str(WEIR), "run", "-c", f"{folder}/{way}.toml"])
        wait(lambda: (folder / f"{way}.json").exists())
    wait(lambda: subprocess.run(["ip", "netns", "exec", SERVER, "ss", "-Hltn"], capture_output=True,
                                text=True).stdout.strip())
    time.sleep(0.5)
    # What it costs to do nothing, between two dumps.
    own, began = of(daemon and daemon.pid), time.monotonic()
    time.sleep(3)
    idling = (of(daemon and daemon.pid) - own) / (time.monotonic() - began)
    before, own, began = machine(), of(daemon and daemon.pid), time.monotonic()
    subprocess.run(["ip", "netns", "exec", CLIENT, *words_of(asks)], check=True, stdout=subprocess.DEVNULL)
    # What gathers in the kernel is read, and conntrack is asked once more: the
    # more flows it has, the later.
    time.sleep(41 if way == "heads" else 5.5)
    used, own = machine() - before, of(daemon and daemon.pid) - own - idling * (time.monotonic() - began)
    lost = ""
    if daemon:
        status = run(f"{WEIR} status -c {folder}/{way}.toml")
        lost = next((line.split()[-1] for line in status.splitlines() if " lost " in line), "?")
        daemon.terminate()
        daemon.wait()
        (folder / f"{way}.json").unlink(missing_ok=True)
    server.kill()
    server.wait()
    return own, used, lost


def wait(ready):
    for _ in range(200):
        if ready():
            return
        time.sleep(0.05)
    sys.exit("waited in vain")


def main():
    buckets = BUCKETS.read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            setup(folder)
            BUCKETS.write_text("8192")
            for load in (load for load in LOADS if ONLY in load[0]):
                print(f"{load[0]}: microseconds a unit, medians of {ROUNDS}")
                got = {way: [] for way in (None, "tap", "heads")}
                for _ in range(ROUNDS):
                    for way, results in got.items():
                        results.append(measure(folder, way, load))
                base = statistics.median(used for _, used, _ in got[None])
                daemons = {}
                for way in ("tap", "heads"):
                    own = statistics.median(own for own, _, _ in got[way]) / load[1] * 1e6
                    used = (statistics.median(used for _, used, _ in got[way]) - base) / load[1] * 1e6
                    daemons[way] = own
                    lost = max(lost for _, _, lost in got[way])
                    print(f"  {way:<6} daemon {own:9.3f}  machine {used:9.3f}  lost {lost}")
                print(f"  daemon: heads / tap {daemons['heads'] / daemons['tap']:.3f}")
        finally:
            BUCKETS.write_text(buckets)
            for space in SPACES:
                subprocess.run(["ip", "netns", "delete", space], check=False)


main()
