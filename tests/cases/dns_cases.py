"""The cases that are about DNS; see make.py."""

import base64

from packets import (MS, SECOND, Connection, address, dns, dns_name, each,
                     on_lan, opt, pack, pcap, question, record, udp)

PC, PC6, LAPTOP = "192.168.1.10", "2001:db8:1::a", "192.168.1.11"
RESOLVER = "192.168.1.1"
A, CNAME, SOA, PTR, MX, TXT, AAAA, SRV = 1, 5, 6, 12, 15, 16, 28, 33
NAPTR, DS, RRSIG, NSEC, DNSKEY, SVCB, HTTPS = 35, 43, 46, 47, 48, 64, 65
CAA, PRIVATE = 257, 65280
SAME = b"\xc0\x0c"  # a pointer to the question's name
QUERY, ANSWER = 0x0100, 0x8180


def ask(time, port, message):
    return time, udp(PC, port, RESOLVER, 53, message)


def reply(time, port, message):
    return time, udp(RESOLVER, 53, PC, port, message)


def params(*pairs):
    """The parameters of SVCB (RFC 9460, 2.2)."""
    return b"".join(pack("HH", key, len(value)) + value
                    for key, value in pairs)


def ech_config():
    """A list with one configuration of ECH, 64 bytes long."""
    key = bytes(range(32))
    body = (b"\x07" + pack("HH", 0x20, 32) + key + pack("HHH", 4, 1, 1)
            + b"\0" + dns_name("example-com", b"") + bytes(2))
    config = pack("HH", 0xFE0D, len(body)) + body
    return pack("H", len(config)) + config


def records():
    """(name, type, data...) of every type that has a text of its own. Most
    are the examples of the types' own standards.
    """
    key = base64.b64decode("l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=")
    digest = bytes.fromhex("3aa5ab37efce57f737fc1627013fee07"
                           "bdf241bd10f3b1964ab55c78e79a304b")
    signature = base64.b64decode("oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHp"
                                 "jQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngw"
                                 "crqNAg==")
    bitmap = (b"\0\x06\x40\x01\0\0\0\x03" + b"\x04\x1b" + bytes(26) + b"\x20")
    here = dns_name("foo.example.com")
    alpn, hint = (1, b"\x02h2\x05h3-19"), (4, address("192.0.2.1"))
    regexp = rb"!^(.*)$!sip:\1@example.com!"
    return [
        ("v6.example.com", AAAA, address("2001:db8::80")),
        ("https.example.com", HTTPS, pack("H", 1) + b"\0" + params(
            (1, b"\x02h3\x02h2"),
            (4, address("192.0.2.1") + address("192.0.2.2")),
            (5, ech_config()))),
        ("svcb.example.com", SVCB, pack("H", 0) + here,
         pack("H", 1) + here + params((667, b"hello")),
         pack("H", 16) + here + params((0, pack("HH", 1, 4)), alpn, hint)),
        ("mx.example.com", MX, pack("H", 10) + b"\x04mail" + SAME),
        ("txt.example.com", TXT, b"\x0bv=spf1 -all\x0bsay \"hello\""),
        ("_sip._udp.example.com", SRV, pack("HHH", 20, 1, 5060)
         + dns_name("sip.example.com")),
        ("soa.example.com", SOA, b"\x03ns1" + SAME + b"\x0ahostmaster" + SAME
         + pack("IIIII", 2024010101, 7200, 3600, 1209600, 300)),
        ("80.2.0.192.in-addr.arpa", PTR, dns_name("web.example.com")),
        ("naptr.example.com", NAPTR, pack("HH", 100, 10) + b"\x01u\x07E2U+sip"
         + bytes([len(regexp)]) + regexp + b"\0"),
        ("caa.example.com", CAA, b"\0\x05issueca.example.net"),
        ("ds.example.com", DS, pack("HBB", 3613, 15, 2) + digest),
        ("dnskey.example.com", DNSKEY, pack("HBB", 257, 3, 15) + key),
        ("rrsig.example.com", RRSIG,
         pack("HBBIIIH", MX, 15, 3, 3600, 1440021600, 1438207200, 3613)
         + dns_name("example.com") + signature),
        ("nsec.example.com", NSEC, dns_name("host.example.com") + bitmap),
        ("private.example.com", PRIVATE, address("10.0.0.1"), b""),
    ]


def dns_udp():
    """Questions with their answers: data as text, codes, EDNS, pairing."""
    chain = [record(SAME, CNAME, dns_name("web.example.net"), 600),
             record("web.example.net", CNAME, dns_name("edge.example.org")),
             record("edge.example.org", A, address("192.0.2.80"), 60)]
    asked = [question("wWw.eXample.com", A)]
    packets = [ask(0, 41000, dns(0x1000, 0x0120, asked)),
               reply(7 * MS, 41000, dns(0x1000, ANSWER, asked, chain))]
    for n, (name, kind, *data) in enumerate(records(), 1):
        asked = [question(name, kind)]
        answers = [record(SAME, kind, value) for value in data]
        time, port, ident = n * 100 * MS, 41000 + n, 0x1000 + n
        packets += [ask(time, port, dns(ident, QUERY, asked)),
                    reply(time + 7 * MS, port,
                          dns(ident, ANSWER, asked, answers))]
    none = [question("none.example.com", A)]
    soa = record("example.com", SOA, dns_name("ns1.example.com")
                 + dns_name("hostmaster.example.com")
                 + pack("IIIII", *[9] * 5))
    subnet = pack("HHHBB", 8, 7, 1, 24, 0) + address("203.0.113.0")[:3]
    edns = [question("edns.example.com", A)]
    version = [question("version.example.com", A)]
    twice = [question("twice.example.com", A)]
    answer = [record(SAME, A, address("192.0.2.2"))]
    at = 2 * SECOND
    return pcap(on_lan(packets + [
        ask(at, 41100, dns(1, QUERY, none)),
        reply(at + 9 * MS, 41100, dns(1, 0x8183, none, authority=[soa])),
        ask(at + 20 * MS, 41101,
            dns(2, QUERY, edns, more=[opt(4096, subnet, True)])),
        reply(at + 30 * MS, 41101, dns(2, ANSWER, edns, answer,
                                       more=[opt(1232, b"", True)])),
        ask(at + 40 * MS, 41102, dns(3, QUERY, version,
                                     more=[opt(1400, version=1)])),
        reply(at + 50 * MS, 41102, dns(3, ANSWER, version,
                                       more=[opt(512, rcode=1)])),
        ask(at + 60 * MS, 41103, dns(4, QUERY, twice)),
        ask(at + 70 * MS, 41103, dns(4, QUERY, twice)),
        reply(at + 81 * MS, 41103, dns(4, ANSWER, twice, answer)),
        reply(at + 92 * MS, 41103, dns(4, ANSWER, twice, answer)),
        ask(at + 100 * MS, 41104,
            dns(5, QUERY, [question("silent.example.com", A)])),
        reply(at + 110 * MS, 41105,
              dns(6, ANSWER, [question("unasked.example.com", A)], [
                  record(SAME, A, address("192.0.2.3"))])),
    ]))


def dns_tcp():
    """However TCP cuts its bytes, the messages within are the same."""
    def framed(ident, name, *answer):
        message = dns(ident, ANSWER if answer else QUERY,
                      [question(name, A)],
                      [record(SAME, A, address(text)) for text in answer])
        return pack("H", len(message)) + message

    def begin(n, **numbers):
        c = Connection((PC, 40800 + n), (RESOLVER, 53), **numbers)
        packets.extend(c.open(n * SECOND))
        return c, n * SECOND + 10 * MS

    packets = []
    c, at = begin(0)
    both = framed(1, "one.test") + framed(2, "two.test")
    answers = (framed(1, "one.test", "192.0.2.1")
               + framed(2, "two.test", "192.0.2.2"))
    packets += each([c.out(both), c.back(answers)], start=at)
    c, at = begin(1)
    message = framed(3, "three.test")
    cut = [message[:1], message[1:20], message[20:]]
    packets += each([c.out(part) for part in cut], start=at)
    answer = framed(3, "three.test", "192.0.2.3")
    packets.append((at + 10 * MS, c.back(answer)))
    c, at = begin(2)
    single = [bytes([byte]) for byte in framed(4, "b.test")]
    packets += each([c.out(byte) for byte in single], start=at)
    c, at = begin(3)
    message = framed(5, "five.test")
    cut = [message[:10], message[10:20], message[20:]]
    first, second, third = (c.out(part) for part in cut)
    packets += each([second, first, first, third], start=at)
    c, at = begin(4, isn=2**32 - 10)
    message = framed(6, "six.test")
    packets += each([c.out(message[:15]), c.out(message[15:])], start=at)
    packets.append((at + 10 * MS, c.back(framed(6, "six.test", "192.0.2.6"))))
    return pcap(on_lan(packets))


def dns_hostile():
    """Messages that lie about themselves: each on a port of its own, none
    may hang the reader, and no name may come of what is none.
    """
    tail = pack("HH", A, 1)

    def raw(ident, body, flags=QUERY, counts=(1, 0, 0, 0)):
        return pack("HHHHHH", ident, flags, *counts) + body

    good = dns_name("bound.test")
    # Each link points to the one before it; the first to the question.
    chain, start = SAME, 12 + len(good) + 4 + 2 + 10
    for n in range(99):
        chain += pack("H", 0xC000 | start + 2 * n)
    links = record(SAME, PRIVATE, chain)
    end = pack("H", 0xC000 | start + 2 * 99)
    labels = [bytes([size]) + b"x" * size for size in (63, 63, 63, 61)]
    truth = [question("t.test", A)]
    whole = dns(30, ANSWER, truth, [record(SAME, A, address("192.0.2.99"))])
    broken = record(SAME, A, address("192.0.2.66"))[:-6] + b"\xff\xff\xc0\0"
    real, spoof = [question("real.test", A)], [question("spoof.test", A)]
    messages = [
        raw(1, SAME + tail),
        raw(2, b"\xc0\x0e" + SAME + tail),
        dns(3, ANSWER, [good + tail],
            [links, record(end, A, address("192.0.2.67"))]),
        raw(4, good + tail, counts=[65535] * 4),
        raw(5, b"\x40" + b"x" * 64 + b"\0" + tail),
        raw(6, b"".join(labels[:3] + labels[:2]) + b"\0" + tail),
        raw(7, b"".join(labels) + b"\0" + tail),
        raw(8, b"\xc0\x12" + tail + b"\x07forward\x04test\0"),
        b"",
        raw(9, b"", counts=[0] * 4),
    ] + [whole[:size] for size in range(len(whole))]
    packets = []
    for n, message in enumerate(messages):
        send = reply if message[2:3] >= b"\x80" else ask
        packets.append(send(n * 10 * MS, 40900 + n, message))
    asked = [question("broken.test", A)]
    return pcap(on_lan(packets + [
        ask(SECOND, 40990, dns(60, QUERY, asked)),
        reply(SECOND + 4 * MS, 40990, dns(60, ANSWER, asked, [broken])),
        ask(SECOND + 10 * MS, 40991, dns(61, QUERY, real)),
        reply(SECOND + 14 * MS, 40991, dns(61, ANSWER, spoof)),
    ]))


def mdns_llmnr():
    """Names on the local network: events of their own, with no DNS server.

    Announcements answer nothing that was asked, and names are UTF-8 with
    spaces (RFC 6762, 16; RFC 6763, 4.1.1).
    """
    def mdns(host, message, group="224.0.0.251"):
        return udp(host, 5353, group, 5353, message)

    airplay, chinese = "_airplay._tcp.local", "小佛專機.local"
    unique = 0x8001  # the top bit of the class: one owner, or answer to me
    asked = [question(airplay, PTR), question("_ipp._tcp.local", PTR),
             question(chinese, A, unique)]
    told = [record(airplay, PTR, dns_name("living room." + airplay), 4500),
            record(chinese, A, address("192.168.1.21"), 120, unique)]
    nas = [question("nas", A)]
    found = [record(SAME, A, address("192.168.1.23"), 30)]
    return pcap(on_lan(each([
        mdns("192.168.1.20", dns(0, 0, asked)),
        mdns("192.168.1.21", dns(0, 0x8400, (), told)),
        mdns("fe80::14", dns(0, 0, asked[1:2]), "ff02::fb"),
        udp("192.168.1.22", 50001, "224.0.0.252", 5355, dns(77, 0, nas)),
        udp("192.168.1.23", 5355, "192.168.1.22", 50001,
            dns(77, 0x8000, nas, found)),
    ])))


def names():
    """A session has the name by which its own device found its address.

    An address has many names, so another device's session has none; and an
    answer for a name that was not asked for names nothing.
    """
    def session(time, client, port, server):
        c = Connection((client, port), (server, 443))
        return c.open(time)

    asked = [question("www.example.com", A)]
    edge = "edge.example.net"
    answers = [record(SAME, CNAME, dns_name(edge)),
               record(edge, A, address("203.0.113.5")),
               record("other.example.org", A, address("203.0.113.66"))]
    asked6 = [question("www.example.com", AAAA)]
    answers6 = [record(SAME, AAAA, address("2001:db8:5::5"))]
    return pcap(on_lan([
        ask(0, 41300, dns(1, QUERY, asked)),
        reply(5 * MS, 41300, dns(1, ANSWER, asked, answers)),
        ask(6 * MS, 41300, dns(2, QUERY, asked6)),
        reply(9 * MS, 41300, dns(2, ANSWER, asked6, answers6)),
    ] + session(20 * MS, PC, 40101, "203.0.113.5")
      + session(40 * MS, PC6, 40102, "2001:db8:5::5")
      + session(60 * MS, LAPTOP, 40103, "203.0.113.5")
      + session(80 * MS, PC, 40104, "203.0.113.66")))
