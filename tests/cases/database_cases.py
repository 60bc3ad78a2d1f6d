"""Cases of log-ins to databases."""

from packets import ACK, FIN, MS, SECOND, Connection, each, on_lan, pack, pcap

PC = "192.168.1.10"
DATABASE = "198.51.100.33"

# What clients type; it must be in nothing that is written.
PASSWORD = b"correct-horse"


def talk(port, *said, start=0):
    """A connection in which the server (False) and the client (True) say
    something in turn, and its end.
    """
    c = Connection((PC, 30000 + port), (DATABASE, port))
    begin = c.open(start)
    packets = [c.out(what) if is_client else c.back(what)
               for is_client, what in said]
    packets += [c.out(flags=FIN | ACK), c.back(flags=FIN | ACK), c.out()]
    return begin + each(packets, 10 * MS, start + 10 * MS)


def mysql(number, content):
    """A packet of MySQL."""
    return len(content).to_bytes(3, "little") + bytes([number]) + content


def mysql_log_in(port, user, answer, start):
    greeting = (b"\x0a5.5.5-10.11.6-MariaDB\0" + bytes(4) + bytes(range(1, 9))
                + b"\0\xfe\xf7\x2d\2\0\xff\x81\x15" + bytes(10)
                + bytes(range(1, 13)) + b"\0mysql_native_password\0")
    flags = 1 << 9 | 1 << 15 | 1 << 19
    response = (flags.to_bytes(4, "little") + bytes(28) + user + b"\0"
                + bytes([len(PASSWORD)]) + PASSWORD
                + b"mysql_native_password\0")
    return talk(port, (False, mysql(0, greeting)), (True, mysql(1, response)),
                (False, mysql(2, answer)), start=start)


def pgsql(kind, content):
    """A message of PostgreSQL."""
    return kind + pack("I", len(content) + 4) + content


def pgsql_log_in(port, user, answer, start):
    first = pgsql(b"", pack("I", 0x30000) + b"user\0" + user
                  + b"\0application_name\0psql\0\0")
    return talk(port, (True, pgsql(b"", pack("I", 80877103))), (False, b"N"),
                (True, first), (False, pgsql(b"R", pack("I", 3))),
                (True, pgsql(b"p", PASSWORD + b"\0")), (False, answer),
                start=start)


def redis(*words):
    """A command of Redis."""
    strings = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%s" % (len(words), strings)


def log_ins():
    """Right and wrong ones, and one whose answer is not seen."""
    right = pgsql(b"R", pack("I", 0)) + pgsql(
        b"S", b"server_version\x0016.3\0")
    wrong = pgsql(b"E", b"SFATAL\0C28P01\0Mno\0\0")
    return pcap(on_lan(
        mysql_log_in(3301, b"ann", b"\0\0\0\2\0\0\0", 0)
        + mysql_log_in(3302, b"bob", b"\xff\x15\4#28000no", SECOND)
        + pgsql_log_in(5401, b"ann", right, 2 * SECOND)
        + pgsql_log_in(5402, b"bob", wrong, 3 * SECOND)
        + talk(7001, (True, redis(b"AUTH", PASSWORD)), (False, b"+OK\r\n"),
               (True, redis(b"AUTH", b"ann", PASSWORD)),
               (False, b"-WRONGPASS no\r\n"), start=4 * SECOND)
        + talk(7002, (True, redis(b"HELLO", b"3", b"AUTH", b"bob", PASSWORD)),
               start=5 * SECOND)))
