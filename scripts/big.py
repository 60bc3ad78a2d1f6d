#!/usr/bin/env python3
"""A large database to measure the pages with: big.py WEIR FOLDER [--kind sqlite|mariadb] [--scale 1.0]

At scale 1 it has 10,000,000 sessions and 5,000,000 DNS questions of 30 days,
handshakes, requests, log-ins, alerts, messages of ICMP, and volumes by minute,
hour, day and month of a year. The tables come from the daemon itself (`weir
read`), so the schema is the one of the checkout; what this adds are rows.

One day is made here, row by row: few names, apps and devices have most of the
sessions, and few sessions most of the bytes, as in real traffic (Zipf, Pareto).
The other days are made of it by the database, moved in time and with what is rare
named anew for each day, so that it takes minutes and not hours.

FOLDER gets `web.json` for the pages (WEIR_WEB=FOLDER/web.json php -S …). With
--kind mariadb a server is started that lives until this is ended by a signal, or
with --stay 0 at once. Needs some 6 GB at scale 1; the folder is the caller's to
delete.
"""

import argparse
import bisect
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

SESSIONS, QUESTIONS, DAYS = 10_000_000, 5_000_000, 30
SECOND = 1_000_000
DAY = 86_400 * SECOND
# Ids begin with milliseconds and have 11 bits more.
IDS = 2048
DEVICES, HOSTS = 40, 4000
# What is named anew each day: devices that were there once, hosts that nobody else asks for.
RARE = "zz"
COLUMNS_OF_TIME = {"time", "start", "last", "ended", "first"}
TRAFFIC = ["device", "app", "bytes_out", "bytes_in", "packets", "sessions", "active_seconds"]


class Zipf:
    """Picks a number below `count`, the small ones most often."""

    def __init__(self, rng, count, exponent=1.0):
        self.rng = rng
        self.sums = list(itertools.accumulate(1 / (n + 1) ** exponent for n in range(count)))

    def pick(self):
        return bisect.bisect(self.sums, self.rng.random() * self.sums[-1], 0, len(self.sums) - 1)


class Network:
    """Who is there, and what is talked to."""

    def __init__(self, apps):
        self.rng = random.Random(1)
        self.devices = [(f"02:00:00:00:00:{n:02x}", f"192.168.1.{n + 10}") for n in range(DEVICES)]
        self.device_of = Zipf(self.rng, DEVICES, 0.8)
        self.host_of = Zipf(self.rng, HOSTS)
        self.hosts = []
        for n in range(HOSTS):
            # Every fifth host has no app, as in life.
            app = None if n % 5 == 4 else apps[min(int(n ** 0.8), len(apps) - 1)]
            self.hosts.append((f"{'www cdn api img edge'.split()[n % 5]}{n}.site{n // 5}.example", app,
                               f"198.{18 + n % 2}.{n // 250}.{n % 250 + 1}"))

    def device(self):
        if self.rng.random() < 0.002:
            return f"02:00:00:00:{RARE}:00", "192.168.1.250"
        return self.devices[self.device_of.pick()]

    def host(self):
        if self.rng.random() < 0.03:
            n = self.rng.randrange(100_000)
            return f"x{n}.{RARE}.rare.example", None, f"203.0.113.{n % 250 + 1}"
        return self.hosts[self.host_of.pick()]

    def size(self):
        """Bytes: most sessions have few, and few have most."""
        return int(min(self.rng.paretovariate(0.9) * 400, 5e9))

    def moments(self, count, begin):
        """So many times of a day, more of them in the evening."""
        for n in range(count):
            yield begin + int((n + self.rng.random()) / count * DAY)


def number_rows(times):
    """An id for each time: milliseconds, and a number that no two share."""
    before = 0
    for moment in times:
        before = max(before + 1, moment // 1000 * IDS)
        yield before, moment


def ends(net, device, host):
    return dict(client=device[1], client_port=net.rng.randrange(1024, 65536), server=host[2], device=device[0])


def sessions(net, count, begin):
    for number, written in number_rows(net.moments(count, begin)):
        device, host, kind = net.device(), net.host(), net.rng.random()
        length = int(min(net.rng.paretovariate(0.7) * 100_000, 6 * 3600 * SECOND))
        # The id is from when a session was first written: after 30 s, or at its end.
        start = written - min(length, 30 * SECOND)
        last = min(start + length, begin + DAY)
        received, sent = net.size(), net.size() // 8
        row = dict(id=number, start=start, last=last, **ends(net, device, host), client_mac=device[0], iface="br-lan",
                   packets_out=sent // 600 + 2, packets_in=received // 1200 + 2, bytes_out=sent, bytes_in=received,
                   retransmissions=0, country="US", asn=64496)
        if kind < 0.35:
            row |= dict(proto="udp", server_port=53, server="192.168.1.1", state="established", app_proto="dns",
                        tcp_flags_out=0, tcp_flags_in=0, reason="timeout", host=host[0], app=host[1], app_line=7)
        elif kind < 0.9:
            row |= dict(proto="tcp", server_port=443, state="closed", app_proto="tls", tcp_flags_out=27, tcp_flags_in=27,
                        rtt_us=net.rng.randrange(3000, 90000), reason="fin", host=host[0], host_source="sni",
                        host_confidence=95, app=host[1], app_line=7)
        else:
            row |= dict(proto="udp", server_port=net.rng.randrange(1024, 65536), state="established", tcp_flags_out=0,
                        tcp_flags_in=0, reason="timeout")
        if last == begin + DAY:
            row["reason"] = None
        yield row


def questions(net, count, begin):
    for number, moment in number_rows(net.moments(count, begin)):
        device, host = net.device(), net.host()
        row = dict(id=number, time=moment, kind="dns", proto="udp", **ends(net, device, host), server_port=53,
                   txid=number % 65536, qname=host[0], qtype="AAAA" if number % 3 == 0 else "A", flags=256, asked=1,
                   answer_count=0)
        row["server"] = "192.168.1.1"
        fate = net.rng.random()
        if fate < 0.9:
            answers = json.dumps([{"rrtype": "A", "ttl": 120, "rdata": host[2]}] * 2, separators=(",", ":"))
            row |= dict(rcode="NOERROR", answers=answers, answer_count=2)
        elif fate < 0.98:
            row |= dict(rcode="NXDOMAIN")
        if fate < 0.98:
            row |= dict(answer_flags=33152, latency_us=net.rng.randrange(200, 60000))
        yield row


def handshakes(net, count, begin):
    for number, moment in number_rows(net.moments(count, begin)):
        device, host = net.device(), net.host()
        yield dict(id=number, time=moment, kind="quic" if number % 4 == 0 else "tls", proto="udp" if number % 4 == 0 else "tcp",
                   **ends(net, device, host), server_port=443, sni=host[0], alpn_offered='["h2","http/1.1"]', alpn="h2",
                   version_offered="TLS 1.3", version="TLS 1.3", cipher=0x1301, ja3="cd08e31494f9531f560d64c695473da9",
                   ja4=f"t13d1516h2_8daaf6152771_{host[2].replace('.', '')[:12]}", extensions="[0,16,43]", ech=0, resumed=0)


def requests(net, count, begin):
    for number, moment in number_rows(net.moments(count, begin)):
        device, host = net.device(), net.host()
        yield dict(id=number, time=moment, proto="tcp", **ends(net, device, host), server_port=80, host=host[0], method="GET",
                   uri=f"/a/{number % 9999}", version="HTTP/1.1", status=(200, 200, 304, 404)[number % 4],
                   user_agent="Browser/1.0", content_type="text/html", response_length=net.size())


def logins(net, count, begin):
    for number, moment in number_rows(net.moments(count, begin)):
        device, host = net.device(), net.host()
        yield dict(id=number, time=moment, proto="tcp", **ends(net, device, host), server_port=22, service="ssh",
                   user=f"user{number % 17}", method="password", outcome="refused" if number % 5 else "accepted",
                   estimated=1, encrypted=1)


def unreachables(net, count, begin):
    for number, moment in number_rows(net.moments(count, begin)):
        device, host = net.device(), net.host()
        yield dict(id=number, time=moment, proto="icmp", src=host[2], dst=device[1], device=device[0], kind=3, code=number % 4,
                   meaning="unreachable: port", about_proto="udp", about_client=device[1], about_client_port=40000,
                   about_server=host[2], about_server_port=123, count=1)


def alerts(net, count, begin):
    for number, moment in number_rows(net.moments(count, begin)):
        device, host = net.device(), net.host()
        yield dict(id=number, time=moment, last=moment + SECOND, kind="threat" if number % 2 else "scan", severity=1 + number % 3,
                   device=device[0], src=device[1], dst=host[2], port=443, what=host[0], text="a name on a list", count=1)


def services(net, count, begin):
    for n in range(count):
        address, port = f"192.168.1.{n % 200 + 2}", 20 + n // 200
        yield dict(service=f"tcp{port}@{address}", proto="tcp", ip=address, port=port, app_proto="http", product="a server",
                   version="1.0", first=begin, last=begin + n % DAY)


# What a day has, for each million sessions of the whole.
OF_A_DAY = {"session": (sessions, 1.0), "dns": (questions, QUESTIONS / SESSIONS), "tls": (handshakes, 0.05), "http": (requests, 0.02),
            "auth": (logins, 0.005), "icmp": (unreachables, 0.01), "alert": (alerts, 0.0005)}


def pairs(net):
    """Devices with their apps, 40 each."""
    named = list(dict.fromkeys(app for _, app, _ in net.hosts))[:41]
    return [(device, app) for device, _ in net.devices for app in named]


def volume(net):
    size = net.size()
    return [size // 8, size, size // 900 + 1, 3, net.rng.randrange(1, 60)]


def uses(net, scale, newest):
    """Each app of each device twice a day."""
    all_pairs = [pair for pair in pairs(net) if pair[1]]
    count = max(int(len(all_pairs) * 2 * min(scale * 10, 1)), 10)
    for number, start in number_rows(net.moments(count, newest - DAY)):
        device, app = net.rng.choice(all_pairs)
        sent, received, _, begun, active = volume(net)
        yield dict(id=number, device=device, app=app, start=start, last=start + 60 * SECOND, ended=start + 60 * SECOND,
                   bytes_out=sent, bytes_in=received, sessions=begun, active_seconds=active)


def minutes(net, scale, newest):
    """Two days by minute: some of the pairs each."""
    all_pairs, number = pairs(net), 0
    at_once = max(int(50 * scale), 3)
    newest -= newest % (60 * SECOND)
    for n in range(2 * 1440, 0, -1):
        moment = newest - n * 60 * SECOND
        for k, (device, app) in enumerate(net.rng.sample(all_pairs, at_once)):
            number = moment // 1000 * IDS + k
            yield dict(zip(["id", "time", *TRAFFIC], [number, moment, device, app, *volume(net)]))


def rolled(net, scale, newest):
    """Table, and rows of it: 30 days by hour, a year by day, ten months before by month."""
    names = {name: n + 1 for n, name in enumerate(dict.fromkeys(itertools.chain(*pairs(net)))) if name}
    yield "rollup_name", [dict(id=n, name=name) for name, n in names.items()]
    all_pairs = [(names[device], names.get(app, 0)) for device, app in pairs(net)]
    all_pairs = all_pairs[:max(int(len(all_pairs) * min(scale * 10, 1)), 20)]
    ahead = time.localtime().tm_gmtoff // 60
    newest = (newest // (60 * SECOND) + ahead) // 1440 * 1440 - ahead
    steps = [("traffic_hour", 60, 2880, 30 * 1440, 6), ("traffic_day", 1440, 30 * 1440, 365 * 1440, 1),
             ("traffic_month", 43200, 365 * 1440, 665 * 1440, 1)]
    for table, step, first, end, part in steps:
        yield table, sums(net, all_pairs, newest, range(first + step, end + 1, step), part)


def sums(net, all_pairs, newest, agos, part):
    """One of `part` of the pairs at each time."""
    for turn, ago in enumerate(agos):
        for n, (device, app) in enumerate(all_pairs):
            if (n + turn) % part == 0:
                yield dict(zip(["time", *TRAFFIC], [newest - ago, device, app, *volume(net)]))


class Sqlite:
    """The day is made in memory beside the file."""
    beside = "beside"

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; PRAGMA threads=2;"
                              f"ATTACH ':memory:' AS {self.beside}")

    def run(self, sql):
        return self.db.execute(sql).fetchall()

    def tables(self):
        return {table: [row[1] for row in self.run(f'PRAGMA table_info("{table}")')]
                for (table,) in self.run("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def needed(self, table):
        """Columns that may not be empty and are text."""
        return {row[1] for row in self.run(f'PRAGMA table_info("{table}")') if row[3] and row[2] == "TEXT"}

    def make_like(self, table):
        self.run(f'CREATE TABLE {self.beside}."{table}" AS SELECT * FROM main."{table}" WHERE 0')
        return f'{self.beside}."{table}"'

    def load(self, target, columns, rows):
        self.db.execute("BEGIN")
        self.db.executemany(f"INSERT INTO {target} VALUES ({','.join('?' * len(columns))})", rows)
        self.db.execute("COMMIT")

    def drop_indexes(self):
        found = self.run("SELECT name, sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        for name, _ in found:
            self.run(f'DROP INDEX "{name}"')
        return [sql for _, sql in found]

    def text(self, *parts):
        return " || ".join(parts)

    def close(self):
        self.db.execute("DETACH beside")
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.close()


class Mariadb:
    beside = "beside"

    def __init__(self, socket, scratch):
        self.client = ["mariadb", "--no-defaults", "-uroot", f"-S{socket}", "--local-infile=1", "-N", "-B"]
        self.file = scratch / "rows.tsv"
        self.run(f"CREATE DATABASE {self.beside}")

    def run(self, sql):
        text = subprocess.run([*self.client, "big"], input=sql, capture_output=True, text=True)
        if text.returncode:
            sys.exit(f"{sql[:300]}: {text.stderr}")
        return [line.split("\t") for line in text.stdout.splitlines()]

    def tables(self):
        tables = {}
        for table, column in self.run("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'big'"
                                      " ORDER BY table_name, ordinal_position"):
            tables.setdefault(table, []).append(column)
        return tables

    def needed(self, table):
        return {column for (column,) in self.run(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'big' AND is_nullable = 'NO'"
            f" AND table_name = '{table}' AND data_type IN ('varchar', 'mediumtext')")}

    def make_like(self, table):
        self.run(f"CREATE TABLE {self.beside}.`{table}` ENGINE=Aria AS SELECT * FROM `{table}` WHERE 0")
        return f"{self.beside}.`{table}`"

    def load(self, target, columns, rows):
        with open(self.file, "w", encoding="utf-8") as out:
            for row in rows:
                out.write("\t".join("\\N" if value is None else str(value) for value in row) + "\n")
        target = target.replace('"', "`")
        self.run(f"SET sql_mode=''; LOAD DATA LOCAL INFILE '{self.file}' INTO TABLE {target} CHARACTER SET utf8mb4")
        self.file.unlink()

    def drop_indexes(self):
        """The sorted way of making an index is far quicker than row by row."""
        found = self.run("SELECT table_name, index_name, GROUP_CONCAT('`', column_name, '`',"
                         " COALESCE(CONCAT('(', sub_part, ')'), '') ORDER BY seq_in_index) FROM"
                         " information_schema.statistics WHERE table_schema = 'big' AND index_name != 'PRIMARY'"
                         " GROUP BY table_name, index_name")
        for table, index, _ in found:
            self.run(f"DROP INDEX `{index}` ON `{table}`")
        return [f"CREATE INDEX `{index}` ON `{table}` ({columns})" for table, index, columns in found]

    def text(self, *parts):
        return f"CONCAT({', '.join(parts)})"

    def close(self):
        self.run(f"DROP DATABASE {self.beside}")
        self.run("ANALYZE TABLE session, dns, tls, traffic_hour, traffic_day")


def tuples(rows, columns, needed):
    """Rows in the order of the table; numbers that are not given are 0 where there has to be one."""
    for row in rows:
        yield [row.get(column, "" if column in needed else None) for column in columns]


def moved(db, columns, target, table, ago):
    """The statement that writes the made day once more, so many days earlier."""
    values = []
    for column in columns:
        if column == "id":
            values.append(f"id - {ago * DAY // 1000 * IDS}")
        elif column in COLUMNS_OF_TIME:
            values.append(f"{column} - {ago * DAY}")
        elif column in ("device", "host", "qname", "sni", "client_mac", "what"):
            values.append(f"REPLACE({column}, '{RARE}', '{ago:02x}')")
        elif column == "reason" and table == "session" and ago:
            # Only the last day's are still going on.
            values.append("COALESCE(reason, 'timeout')")
        else:
            values.append(f"`{column}`")
    return f"INSERT INTO `{table}` SELECT {', '.join(values)} FROM {target}"


def say(text, begun=time.monotonic()):
    print(f"big: {time.monotonic() - begun:6.1f} s  {text}", flush=True)


def fill(db, scale, newest):
    tables = db.tables()
    apps = [app for (app,) in db.run("SELECT app FROM catalog ORDER BY app")]
    net = Network(random.Random(2).sample(apps, min(300, len(apps))))
    indexes = db.drop_indexes()
    for table, (make, part) in OF_A_DAY.items():
        count = max(int(SESSIONS * scale * part / DAYS), 5)
        columns, target = tables[table], db.make_like(table)
        db.load(target, columns, tuples(make(net, count, newest - DAY), columns, db.needed(table)))
        for ago in reversed(range(DAYS)):
            db.run(moved(db, columns, target, table, ago))
        db.run(f"DROP TABLE {target}")
        say(f"{table}: {count * DAYS:,}")
    devices = [dict(device=device, mac=device, ipv4=address, vendor="A maker", name=f"device-{n}", name_source="lease",
                    first=newest - DAYS * DAY, last=newest) for n, (device, address) in enumerate(net.devices)]
    others = [("device", devices), ("service", services(net, max(int(5000 * scale), 20), newest - DAY)),
              ("traffic", minutes(net, scale, newest)), *rolled(net, scale, newest)]
    for table, rows in others:
        db.load(f'"{table}"', tables[table], tuples(rows, tables[table], db.needed(table)))
        say(table)
    target = db.make_like("app")
    db.load(target, tables["app"], tuples(uses(net, scale, newest), tables["app"], db.needed("app")))
    for ago in reversed(range(DAYS)):
        db.run(moved(db, tables["app"], target, "app", ago))
    db.run(f"DROP TABLE {target}")
    say("app")
    for sql in indexes:
        db.run(sql)
        say(sql)
    db.close()


def settings(kind, folder):
    """The daemon's configuration for a store of this kind."""
    lines = ["[store]", f'kind = "{kind}"', "max_mb = 100000", 'keep_days = 36500', "[daemon]", 'control = "c.sock"',
             'web_info = "web.json"']
    if kind == "sqlite":
        lines += ["[sqlite]", 'path = "w.db"']
    else:
        lines += ["[mariadb]", f'socket = "{folder}/mariadb.sock"', 'database = "big"', 'user = "writer"', 'password = "w"',
                  'web_user = "pages"', 'web_password = "p"']
    return "\n".join(lines) + "\n"


def start_server(folder, scale):
    """A MariaDB of its own, reachable by a socket in the folder only."""
    log = open(folder / "mariadb.log", "ab")
    data, socket = folder / "mariadb.data", folder / "mariadb.sock"
    user = subprocess.check_output(["id", "-un"], text=True).strip()
    subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                    "--force", f"--user={user}"], check=True, stdout=log, stderr=log)
    pool = "1G" if scale > 0.1 else "64M"
    server = subprocess.Popen(
        ["mariadbd", "--no-defaults", f"--user={user}", f"--datadir={data}", f"--socket={socket}", "--skip-networking",
         f"--innodb-buffer-pool-size={pool}", "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=512M",
         "--innodb-doublewrite=0", "--local-infile=1", f"--pid-file={folder}/mariadb.pid"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    subprocess.run(["mariadb-admin", "--no-defaults", "-uroot", f"-S{socket}", "--wait=30", "ping"], check=True, stdout=log, stderr=log)
    root = ["mariadb", "--no-defaults", "-uroot", f"-S{socket}", "-e"]
    subprocess.run([*root, "CREATE DATABASE big; CREATE USER writer@localhost IDENTIFIED BY 'w'; GRANT ALL ON big.* TO writer@localhost;"
                           "CREATE USER pages@localhost IDENTIFIED BY 'p'; GRANT SELECT ON big.* TO pages@localhost"], check=True)
    return server


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("weir", type=Path)
    args.add_argument("folder", type=Path)
    args.add_argument("--kind", choices=["sqlite", "mariadb"], default="sqlite")
    args.add_argument("--scale", type=float, default=1.0)
    args.add_argument("--plans", type=Path, help="tests/web/speed.py: to look at plans as soon as the rows are there, and end")
    args.add_argument("--stay", type=int, default=1, help="1: the server is kept until a signal comes")
    args = args.parse_args()
    # Days are those of the pages that the tests serve, unless somebody wants others.
    os.environ.setdefault("TZ", "Asia/Shanghai")
    time.tzset()
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    server = start_server(folder, args.scale) if args.kind == "mariadb" else None
    try:
        features = Path(__file__).resolve().parent.parent / "features.txt"
        (folder / "config.toml").write_text(settings(args.kind, folder) + f'[apps]\nfeatures = "{features}"\n')
        # A capture of nothing makes the tables and tells what apps there are.
        empty = folder / "empty.pcap"
        empty.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        subprocess.run([args.weir.resolve(), "read", "-c", folder / "config.toml", empty], check=True)
        db = Sqlite(folder / "w.db") if server is None else Mariadb(folder / "mariadb.sock", folder)
        fill(db, args.scale, int(time.time()) * SECOND)
        subprocess.run([args.weir.resolve(), "read", "-c", folder / "config.toml", empty], check=True)
        say("summed up, done")
        if args.plans:
            pages = Path(__file__).resolve().parent.parent / "web-ta"
            subprocess.run([sys.executable, args.plans, pages, folder / "web.json", "--plans"], check=True)
        elif server is not None and args.stay:
            ends = {signal.SIGTERM, signal.SIGINT}
            # Otherwise they end this at once, and the server stays behind.
            signal.pthread_sigmask(signal.SIG_BLOCK, ends)
            signal.sigwait(ends)
    finally:
        if server is not None:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
