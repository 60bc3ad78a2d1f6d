#!/usr/bin/env python3
"""Writes the captures of all cases: `python3 make.py [NAME...]`.

Each function is one case and returns the bytes of its capture file; CASES
names them. What must be found in it lies beside each capture, written by
hand: README.md in words, expected.json for the test. Nothing here is random
and no clock is asked, so the files are the same each time.
"""

import gzip
import io
import pathlib
import sys

import database_cases
import dns_cases
import lan_cases
import login_cases
import web_cases
from packets import (ACK, FIN, MS, RST, SECOND, SYN, Connection, address,
                     checksum, dns, each, ether, icmp, ip, kind_of, mac,
                     on_lan, pack, pcap, pcapng, question, record,
                     tcp_segment, udp, udp_datagram)

PC, PC6 = "192.168.1.10", "2001:db8:1::a"
WEB, WEB6 = "198.51.100.80", "2001:db8:80::80"


def tcp_whole():
    """A connection from SYN to the last ACK: what every other case bends.

    The round trip is 20 ms to the server and 1 ms to the client.
    """
    c = Connection((PC, 40001), (WEB, 80))
    mss = pack("BBH", 2, 4, 1460)
    request = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    return pcap(on_lan([
        (0, c.out(flags=SYN, options=mss)),
        (20 * MS, c.back(flags=SYN | ACK, options=mss)),
        (21 * MS, c.out()),
        (22 * MS, c.out(request)),
        (42 * MS, c.back()),
        (43 * MS, c.back(response)),
        (44 * MS, c.out()),
        (50 * MS, c.out(flags=FIN | ACK)),
        (70 * MS, c.back(flags=FIN | ACK)),
        (71 * MS, c.out()),
    ]))


def tcp_refused():
    """A SYN and a RST: over at once, and no round trip of a handshake."""
    c = Connection((PC, 40002), (WEB, 81))
    return pcap(on_lan([(0, c.out(flags=SYN)),
                        (300, c.back(flags=RST | ACK))]))


def tcp_unanswered():
    """The same SYN three times: one attempt, not three."""
    c = Connection((PC, 40003), (WEB, 82))
    syn = c.out(flags=SYN)
    return pcap(on_lan([(0, syn), (SECOND, syn), (3 * SECOND, syn)]))


def tcp_mid_stream():
    """A capture that begins within a connection, with the server's words.

    Who sends the first packet seen is not who began: port 110 is.
    """
    c = Connection((PC, 40004), ("203.0.113.110", 110))
    return pcap(on_lan(each([c.back(b"+OK POP3 ready\r\n"), c.out(),
                             c.out(b"USER bob\r\n"), c.back(b"+OK\r\n")])))


def tcp_reuse():
    """Ports that are used again: a SYN with another number is another
    connection; the same SYN once more is not.
    """
    ends = (PC, 40005), (WEB, 80)
    first = Connection(*ends)
    second = Connection(*ends, isn=900_000, server_isn=800_000)
    packets = first.open() + [(3 * MS, first.out(b"one"))]
    syn = second.out(flags=SYN)
    packets += [(SECOND, syn), (SECOND + 200 * MS, syn)]
    rest = [second.back(flags=SYN | ACK), second.out(), second.out(b"two"),
            second.out(flags=FIN | ACK), second.back(flags=FIN | ACK),
            second.out()]
    return pcap(on_lan(packets + each(rest, start=SECOND + 300 * MS)))


def tcp_mess():
    """What is a retransmission and what only looks like one."""
    data = b"x" * 100
    again = Connection((PC, 40601), (WEB, 8001))
    packets = again.open()
    start = again.next[0]
    packets += [(10 * MS, again.out(data)),
                (310 * MS, again.out(data, seq=start)),
                (330 * MS, again.back())]
    late = Connection((PC, 40602), (WEB, 8002))
    packets += late.open(SECOND)
    one, two, three = (late.out(data) for _ in range(3))
    at = SECOND + 10 * MS
    packets += [(at, one), (at + 100, three), (at + 900, two)]
    idle = Connection((PC, 40603), (WEB, 8003))
    packets += idle.open(2 * SECOND) + [(2 * SECOND + 10 * MS, idle.out(data))]
    below = idle.next[0] - 1
    packets += [(12 * SECOND, idle.send(0, ACK, seq=below)),
                (12 * SECOND + MS, idle.back()),
                (22 * SECOND, idle.send(0, ACK, b"\0", seq=below)),
                (22 * SECOND + MS, idle.back())]
    wrap = Connection((PC, 40604), (WEB, 8004), isn=2**32 - 150)
    packets += wrap.open(23 * SECOND)
    around = [wrap.out(data) for _ in range(3)]
    packets += each(around + [wrap.back()], start=23 * SECOND + 10 * MS)
    packets.append((23 * SECOND + 500 * MS, around[0]))
    return pcap(on_lan(packets))


def links():
    """Frames of six link types in one file, one packet each, each on an
    interface with a name; a seventh type that nobody reads is stepped over.
    """
    def packet(port):
        return udp(PC, 41200, WEB, port, b"hello")

    mine = mac(address(PC))
    frames = [
        ("eth", 1, ether(packet(1200))),
        ("raw", 101, packet(1201)),
        ("sll", 113, pack("HHH", 0, 1, 6) + mine + pack("HH", 0, 0x0800)
         + packet(1202)),
        ("sll2", 276, pack("HHIHBB", 0x0800, 0, 3, 1, 0, 6) + mine
         + bytes(2) + packet(1203)),
        ("null", 0, b"\2\0\0\0" + packet(1204)),
        ("ppp", 9, b"\xff\x03\0\x21" + packet(1205)),
        ("user", 147, packet(1206)),
    ]
    return pcapng([frame[:2] for frame in frames],
                  [(n * MS, n, frame[2]) for n, frame in enumerate(frames)])


def vlan_pppoe():
    """What may lie between Ethernet and IP; the padding of the first frame
    shows that the length comes from IP and not from around it.
    """
    def packet(port):
        return udp(PC, 41300, WEB, port, b"hello")

    def frame(kind, payload, tags=b""):
        return ether(packet(1))[:12] + tags + pack("H", kind) + payload

    def pppoe(inner):
        return pack("BBHHH", 0x11, 0, 7, len(inner) + 2, 0x21) + inner

    def label(number, last):
        return pack("I", number << 12 | last << 8 | 64)

    snap = b"\xaa\xaa\x03\0\0\0\x08\0" + packet(1308)
    return pcap(each([
        frame(0x0800, packet(1300) + bytes(9), pack("HH", 0x8100, 100)),
        frame(0x0800, packet(1301), pack("HHHH", 0x88A8, 200, 0x8100, 201)),
        frame(0x0800, packet(1302), pack("HH", 0x8100, 5 << 13)),
        frame(0x8864, pppoe(packet(1303))),
        frame(0x8864, pppoe(packet(1304)), pack("HH", 0x8100, 7)),
        frame(0x8847, label(16, True) + packet(1305)),
        frame(0x8847, label(17, False) + label(18, True) + packet(1306)),
        frame(0x8847, label(19, True) + bytes(4) + ether(packet(1307))),
        frame(len(snap), snap),
    ]))


def big_answer(dst, src, port):
    """A datagram of 357 bytes from a name server: 20 addresses."""
    asked = [question("big.example", 1)]
    found = [record(b"\xc0\x0c", 1, address(f"192.0.2.{n}"))
             for n in range(1, 21)]
    return udp_datagram(src, 53, dst, port,
                        dns(port, 0x8180, asked, found))


def fragments(src, dst, cut):
    """Datagrams in pieces, each to a port of its own. `cut` makes pieces."""
    pieces = [cut(big_answer(dst, src, port), port)
              for port in range(41400, 41406)]
    one, two, three = pieces[2]
    late, part, orphans = pieces[3], pieces[4], pieces[5]
    order = (pieces[0] + pieces[1][::-1] + [one, two, two, three]
             + late + late[:1] + part[:2] + orphans[1:])
    return pcap(on_lan(each(order)))


def cut_v4(datagram, ident, size=128):
    return [ip("198.51.100.53", PC, 17, datagram[at:at + size], ident, at,
               at + size < len(datagram))
            for at in range(0, len(datagram), size)]


def piece_v6(ident, offset, more, kind, payload):
    """One piece with the fragment header (RFC 8200, 4.5)."""
    head = pack("BBHI", kind, 0, offset | more, ident)
    return ip("2001:db8:53::53", PC6, 44, head + payload)


def cut_v6(datagram, ident, size=128, kind=17):
    return [piece_v6(ident, at, at + size < len(datagram), kind,
                     datagram[at:at + size])
            for at in range(0, len(datagram), size)]


def fragments_v4():
    """Pieces in order, reversed, one twice, one again when all is done, the
    last missing, the first missing. Only the first one has the ports.
    """
    return fragments("198.51.100.53", PC, cut_v4)


def fragments_v6():
    """The same in IPv6, with two things of its own: an extension header in
    the part that is cut, and an overlap, which makes the datagram void.
    """
    src = "2001:db8:53::53"
    options = pack("BBBB", 17, 0, 1, 4) + bytes(4)
    behind = cut_v6(options + big_answer(PC6, src, 41410), 41410, kind=60)
    whole = big_answer(PC6, src, 41411)
    overlap = [piece_v6(41411, 0, 1, 17, whole[:128]),
               piece_v6(41411, 120, 1, 17, b"forged!!" + whole[128:256]),
               piece_v6(41411, 256, 0, 17, whole[256:])]
    common = fragments(src, PC6, cut_v6)
    return common + pcap(on_lan(each(behind + overlap, start=SECOND)))[24:]


def tunnels():
    """A packet within a packet: both are sessions, and both are told."""
    def inner(port):
        return udp("10.1.0.1", 41600, "10.1.0.2", port, b"hello")

    def outer(n, proto, payload):
        return ip("192.0.2.1", f"192.0.2.{n}", proto, payload)

    def over_udp(n, port, payload):
        return udp("192.0.2.1", 41616, f"192.0.2.{n}", port, payload)

    inner6 = udp("2001:db8:a::1", 41600, "2001:db8:a::2", 1602, b"hello")
    keyed = pack("HHHHII", 0xB000, 0x0800, 0, 0, 7, 1) + inner(1601)
    keyed = keyed[:4] + pack("H", checksum(keyed)) + keyed[6:]
    option = pack("HBB", 0x0102, 1, 0)
    gtp = inner(1606)
    teredo = udp("2001:0:c000:201:0:9eef:3fff:fdf8", 41600,
                 "2001:db8:a::3", 1607, b"hello")
    return pcap(on_lan(each([
        outer(100, 47, pack("HH", 0, 0x0800) + inner(1600)),
        outer(101, 47, keyed),
        outer(102, 41, inner6),
        outer(103, 4, inner(1603)),
        over_udp(104, 4789, pack("II", 8 << 24, 99 << 8)
                 + ether(inner(1604))),
        over_udp(105, 6081, pack("BBHI", 1, 0, 0x6558, 99 << 8) + option
                 + ether(inner(1605))),
        over_udp(106, 2152, pack("BBHIHBB", 0x34, 255, len(gtp) + 8, 5, 0, 0,
                                 0x85) + pack("BBBB", 1, 0, 9, 0) + gtp),
        over_udp(107, 3544, teredo),
        over_udp(108, 2152, pack("BBHIHBB", 0x32, 1, 4, 0, 1, 0, 0)),
    ])))


def ipv6_extensions():
    """Headers between IPv6 and TCP. One that says "a piece" of a datagram
    that is whole is no piece (RFC 6946); behind 59 there is nothing.
    """
    options = pack("BBBB", 0, 0, 1, 4) + bytes(4)
    route = pack("BBBBBBH", 0, 2, 4, 0, 0, 0, 0) + address(WEB6)
    atomic = pack("BBHI", 0, 0, 0, 99)

    def packet(port, *headers, proto=6):
        """`headers` are numbers with bytes, whose first one is overwritten
        with the number of what follows.
        """
        segment = tcp_segment(PC6, 41700, WEB6, port, SYN, 1, 0)
        kinds = [kind for kind, _ in headers] + [proto]
        data = b"".join(bytes([kind]) + header[1:] for kind, (_, header)
                        in zip(kinds[1:], headers))
        return ip(PC6, WEB6, kinds[0], data + segment)

    return pcap(on_lan(each([
        packet(1700, (0, options)),
        packet(1701, (43, route)),
        packet(1702, (60, options)),
        packet(1703, (44, atomic)),
        packet(1704, (0, options), (60, options), (43, route), (44, atomic),
               (60, options)),
        packet(1705, (0, options), proto=59),
    ])))


def icmp_messages():
    """An echo and its reply are one session, by its identifier; errors and
    what neighbours say to each other answer nothing.
    """
    lost = udp(PC, 41800, WEB, 1800, b"hello")
    packets = []
    for n in (1, 2):
        body = pack("HH", 7, n) + b"abcdefgh"
        packets += [icmp(PC, WEB, 8, 0, body), icmp(WEB, PC, 0, 0, body)]
    body = pack("HH", 8, 1) + b"abcdefgh"
    here, there = "fe80::a", "fe80::b"
    return pcap(on_lan(each(packets + [
        icmp(PC, WEB, 8, 0, body),
        lost,
        icmp(WEB, PC, 3, 3, bytes(4) + lost),
        icmp(PC6, WEB6, 128, 0, body),
        icmp(WEB6, PC6, 129, 0, body),
        icmp(here, "ff02::1:ff00:b", 135, 0, bytes(4) + address(there)
             + b"\1\1" + mac(address(here))),
        icmp(there, here, 136, 0, b"\x60\0\0\0" + address(there)
             + b"\2\1" + mac(address(there))),
    ])))


def snapped():
    """Frames cut at 68 bytes: the headers say how long they were.

    Options push TCP's header out of reach, and IPv6 leaves 14 bytes of it.
    """
    c = Connection((PC, 41900), (WEB, 443))
    options = (pack("BBHBBBBII", 2, 4, 1460, 4, 2, 8, 10, 1, 0)
               + pack("BBBB", 1, 3, 3, 7))
    sixth = Connection((PC6, 41901), (WEB6, 443))
    return pcap(on_lan(c.open(options=options) + [
        (10 * MS, c.out(bytes(1000))), (11 * MS, c.out(bytes(1000))),
        (20 * MS, c.back(bytes(1400))),
        (30 * MS, c.out(flags=FIN | ACK)), (40 * MS, c.back(flags=FIN | ACK)),
        (50 * MS, sixth.out(bytes(500))), (51 * MS, sixth.out(bytes(500))),
        (60 * MS, udp(PC, 41902, WEB, 1902, bytes(1200))),
    ]), snaplen=68)


def padding():
    """Small frames are padded to 60 bytes, some keep their four bytes of
    checksum: neither is data nor volume, in whatever bytes it comes.
    """
    c = Connection((PC, 42000), (WEB, 8080))
    packets = c.open() + [(5 * MS, c.out(b"a")), (6 * MS, c.back()),
                          (7 * MS, c.out(b"b")), (8 * MS, c.back(b"c")),
                          (9 * MS, c.out()),
                          (10 * MS, udp(PC, 42001, WEB, 2001, b"x"))]
    return pcap([(time, frame + b"\xee" * (60 - len(frame)) + bytes(4))
                 for time, frame in on_lan(packets)])


def offload():
    """What a network card will cut has a length of 0 in its IP header: then
    the frame's own length is what there was.
    """
    c = Connection((PC, 42100), (WEB, 8080))
    sixth = Connection((PC6, 42101), (WEB6, 8080))
    return pcap(on_lan(c.open() + [
        (5 * MS, c.out(bytes(5000), length=0)), (6 * MS, c.back()),
        (7 * MS, c.out(bytes(100))),
    ] + sixth.open(10 * MS) + [
        (15 * MS, sixth.out(bytes(6000), length=0)), (16 * MS, sixth.back()),
    ]))


def truncated():
    """A file that ends within its third packet, as after a full disk."""
    packets = [udp(PC, 42200, WEB, 2200, b"one"),
               udp(WEB, 2200, PC, 42200, b"two!"),
               udp(PC, 42201, WEB, 2201, b"three")]
    return pcap(on_lan(each(packets)))[:-10]


def gzipped():
    """The capture of tcp-whole, compressed."""
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=out, mtime=0) as file:
        file.write(tcp_whole())
    return out.getvalue()


def nanoseconds():
    """A classic file of the other byte order, with finer times."""
    packets = [(123_456_789, udp(PC, 42400, WEB, 2400, b"there")),
               (1_987_654_321, udp(WEB, 2400, PC, 42400, b"back"))]
    return pcap(on_lan(packets), order=">", nanoseconds=True)


def timeouts():
    """Silence of less than a minute is a pause in a session of UDP; of more,
    its end.
    """
    packet = udp(PC, 42500, WEB, 2500, b"tick")
    return pcap(on_lan([(at * SECOND, packet) for at in (0, 59, 120)]))


def loopback():
    """A host that talks to itself: only the ports tell the two sides."""
    c = Connection(("127.0.0.1", 42600), ("127.0.0.1", 12600))
    packets = c.open() + [
        (5 * MS, c.out(b"there")), (6 * MS, c.back(b"and back")),
        (7 * MS, c.out(flags=FIN | ACK)), (8 * MS, c.back(flags=FIN | ACK)),
        (9 * MS, c.out()),
        (10 * MS, udp("::1", 42601, "::1", 12601, b"six")),
    ]
    family = {0x0800: b"\2\0\0\0", 0x86DD: b"\x1e\0\0\0"}
    return pcap([(time, family[kind_of(packet)] + packet)
                 for time, packet in packets], link=0)


CASES = {
    "tcp-whole": tcp_whole,
    "tcp-refused": tcp_refused,
    "tcp-unanswered": tcp_unanswered,
    "tcp-mid-stream": tcp_mid_stream,
    "tcp-reuse": tcp_reuse,
    "tcp-mess": tcp_mess,
    "dns-udp": dns_cases.dns_udp,
    "dns-tcp": dns_cases.dns_tcp,
    "dns-hostile": dns_cases.dns_hostile,
    "mdns-llmnr": dns_cases.mdns_llmnr,
    "names": dns_cases.names,
    "tls-hello": web_cases.tls_hello,
    "http-kept": web_cases.http_kept,
    "logins": login_cases.logins,
    "logins-databases": database_cases.log_ins,
    "links": links,
    "vlan-pppoe": vlan_pppoe,
    "fragments-v4": fragments_v4,
    "fragments-v6": fragments_v6,
    "tunnels": tunnels,
    "ipv6-extensions": ipv6_extensions,
    "icmp": icmp_messages,
    "lan": lan_cases.lan,
    "snapped": snapped,
    "padding": padding,
    "offload": offload,
    "truncated": truncated,
    "gzip": gzipped,
    "nanoseconds": nanoseconds,
    "timeouts": timeouts,
    "loopback": loopback,
}


def main(wanted):
    here = pathlib.Path(__file__).resolve().parent
    for name in wanted or CASES:
        data = CASES[name]()
        kinds = {b"\x0a\x0d\x0d\x0a": "pcapng", b"\x1f\x8b\x08\0": "pcap.gz"}
        path = here / name / f"capture.{kinds.get(data[:4], 'pcap')}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
