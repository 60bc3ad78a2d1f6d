"""Packets and capture files, byte by byte, with nothing but Python.

Addresses are text; IPv4 or IPv6 follows from them. Times are microseconds
after BASE. Every function gives bytes that the next one wraps.
"""

import ipaddress
import struct

BASE = 1_700_000_000  # 2023-11-14T22:13:20Z

MS, SECOND = 1000, 1_000_000
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
IPV4, IPV6 = 0x0800, 0x86DD


def pack(form, *values):
    """Numbers in network byte order."""
    return struct.pack("!" + form, *values)


def address(text):
    return ipaddress.ip_address(text).packed


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def pseudo(src, dst, proto, length):
    """What checksums cover beside the segment (RFC 9293, RFC 8200)."""
    ends = address(src) + address(dst)
    if ":" in src:
        return ends + pack("II", length, proto)
    return ends + pack("HH", proto, length)


def ip(src, dst, proto, payload, ident=0, offset=0, more=False, length=None):
    """An IP packet; `offset` in bytes and `more` are for IPv4's pieces."""
    if ":" in src:
        length = len(payload) if length is None else length
        head = pack("IHBB", 6 << 28, length, proto, 64)
        return head + address(src) + address(dst) + payload
    length = 20 + len(payload) if length is None else length
    fragment = more << 13 | offset // 8
    head = pack("BBHHHBBH", 0x45, 0, length, ident, fragment, 64, proto, 0)
    head += address(src) + address(dst)
    return head[:10] + pack("H", checksum(head)) + head[12:] + payload


def udp_datagram(src, sport, dst, dport, payload=b""):
    """UDP without the IP header, to be cut in pieces or put elsewhere."""
    length = 8 + len(payload)
    head = pack("HHH", sport, dport, length)
    body = pseudo(src, dst, 17, length) + head + bytes(2) + payload
    return head + pack("H", checksum(body) or 0xFFFF) + payload


def udp(src, sport, dst, dport, payload=b""):
    return ip(src, dst, 17, udp_datagram(src, sport, dst, dport, payload))


def tcp_segment(src, sport, dst, dport, flags, seq, ack, payload=b"",
                options=b""):
    """TCP without the IP header; `options` fill words."""
    offset = (20 + len(options)) // 4 << 4
    head = pack("HHIIBBH", sport, dport, seq % 2**32, ack % 2**32, offset,
                flags, 64240)
    rest = bytes(2) + options + payload
    body = pseudo(src, dst, 6, len(head) + 2 + len(rest))
    return head + pack("H", checksum(body + head + bytes(2) + rest)) + rest


def tcp(src, sport, dst, dport, flags, seq, ack, payload=b"", options=b"",
        length=None):
    segment = tcp_segment(src, sport, dst, dport, flags, seq, ack, payload,
                          options)
    return ip(src, dst, 6, segment, length=length)


def icmp(src, dst, kind, code, rest):
    """ICMP or ICMPv6: `rest` is all behind the checksum."""
    proto = 58 if ":" in src else 1
    head = pack("BB", kind, code)
    body = head + bytes(2) + rest
    if proto == 58:
        body = pseudo(src, dst, 58, len(body)) + body
    return ip(src, dst, proto, head + pack("H", checksum(body)) + rest)


def mac(raw):
    """The MAC address of an IP address: a group's, one of the LAN's things
    (192.168.1.0/24, 2001:db8:1::/64 and fe80::/64), or else the router's,
    from the range for documentation (RFC 9542).
    """
    if raw[0] == 0xFF and len(raw) == 16:
        return b"\x33\x33" + raw[12:]
    if raw[0] >> 4 == 0xE and len(raw) == 4:
        return b"\x01\0\x5e" + bytes([raw[1] & 0x7F]) + raw[2:]
    here = (address("192.168.1.0")[:3], address("2001:db8:1::")[:8],
            address("fe80::")[:8])
    last = raw[-1] if raw.startswith(here) else 1
    return b"\0\0\x5e\0\x53" + bytes([last])


def kind_of(packet):
    return IPV4 if packet[0] >> 4 == 4 else IPV6


def ether(packet, tags=b""):
    """An Ethernet frame; `tags` lie between the addresses and the type."""
    size, at = (4, 12) if packet[0] >> 4 == 4 else (16, 8)
    src, dst = packet[at:at + size], packet[at + size:at + 2 * size]
    return mac(dst) + mac(src) + tags + pack("H", kind_of(packet)) + packet


def on_lan(packets):
    """Frames of (time, packet) pairs."""
    return [(time, ether(packet)) for time, packet in packets]


def each(packets, step=MS, start=0):
    """Packets at even distances."""
    return [(start + n * step, packet) for n, packet in enumerate(packets)]


class Connection:
    """A TCP connection that counts its own sequence numbers."""

    def __init__(self, client, server, isn=1000, server_isn=70000):
        self.ends = [client, server]
        self.next = [isn, server_isn]

    def send(self, side, flags, payload=b"", seq=None, **how):
        """A segment from the client (side 0) or the server (1).

        With `seq` it is one out of turn, which leaves the count alone.
        """
        here, there = self.ends[side], self.ends[1 - side]
        ack = self.next[1 - side] if flags & ACK else 0
        at = self.next[side] if seq is None else seq
        if seq is None:
            grown = len(payload) + bool(flags & SYN) + bool(flags & FIN)
            self.next[side] += grown
        return tcp(*here, *there, flags, at, ack, payload, **how)

    def out(self, payload=b"", flags=0, **how):
        return self.send(0, flags or ACK | (PSH if payload else 0), payload,
                         **how)

    def back(self, payload=b"", flags=0, **how):
        return self.send(1, flags or ACK | (PSH if payload else 0), payload,
                         **how)

    def open(self, start=0, step=1000, **how):
        """The three segments of the handshake, with times."""
        segments = [self.out(flags=SYN, **how),
                    self.back(flags=SYN | ACK, **how), self.out()]
        return each(segments, step, start)


def dns_name(text, end=b"\0"):
    """Labels of a name; a dot within a label is not needed here."""
    labels = [label.encode() for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + end


def question(text, kind, klass=1):
    return dns_name(text) + pack("HH", kind, klass)


def record(name, kind, data, ttl=300, klass=1):
    """A resource record; `name` as text, or bytes for a pointer."""
    name = dns_name(name) if isinstance(name, str) else name
    return name + pack("HHIH", kind, klass, ttl, len(data)) + data


def opt(size=1232, options=b"", dnssec_ok=False, rcode=0, version=0):
    """EDNS (RFC 6891, 6.1.2)."""
    ttl = rcode << 24 | version << 16 | dnssec_ok << 15
    return record("", 41, options, ttl, size)


def dns(ident, flags, questions=(), answers=(), authority=(), more=()):
    """A message of DNS (RFC 1035, 4.1)."""
    parts = [list(part) for part in (questions, answers, authority, more)]
    head = pack("HHHHHH", ident, flags, *map(len, parts))
    return head + b"".join(sum(parts, []))


def pcap(frames, link=1, order="<", nanoseconds=False, snaplen=262144):
    """A classic capture file from (time, frame) pairs, in `order`."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)
    for time, frame in frames:
        secs, part = divmod(time, 10**9 if nanoseconds else 10**6)
        data += struct.pack(order + "IIII", BASE + secs, part,
                            min(len(frame), snaplen), len(frame))
        data += frame[:snaplen]
    return data


def pcapng(interfaces, frames):
    """A pcapng file: (name, link) and (time, interface, frame) items."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = len(body) + 12
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    def option(code, value):
        head = struct.pack("<HH", code, len(value))
        return head + value + bytes(-len(value) % 4)

    data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    for name, link in interfaces:
        head = struct.pack("<HHI", link, 0, 262144)
        data += block(1, head + option(2, name.encode()) + option(0, b""))
    for time, interface, frame in frames:
        ticks = BASE * 10**6 + time
        head = struct.pack("<IIIII", interface, ticks >> 32,
                           ticks & 0xFFFFFFFF, len(frame), len(frame))
        data += block(6, head + frame)
    return data
