"""Cases of TLS and HTTP."""

from packets import ACK, FIN, MS, Connection, on_lan, pack, pcap

PC = "192.168.1.10"
SITE = "198.51.100.80"


def vector(form, data):
    """Data behind its length."""
    return pack(form, len(data)) + data


def extension(kind, data):
    return pack("H", kind) + vector("H", data)


def handshake(kind, body):
    """A message of the handshake in a record of its own."""
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + vector("H", message)


def client_hello(name):
    suites = pack("4H", 0x1301, 0x1302, 0xC02F, 0x009C)
    server_name = vector("H", b"\0" + vector("H", name))
    alpn = vector("H", vector("B", b"h2") + vector("B", b"http/1.1"))
    extensions = (extension(0, server_name)
                  + extension(10, vector("H", pack("2H", 29, 23)))
                  + extension(13, vector("H", pack("2H", 0x0403, 0x0804)))
                  + extension(16, alpn)
                  + extension(43, vector("B", pack("2H", 0x0304, 0x0303))))
    body = (pack("H", 0x0303) + bytes(range(32)) + vector("B", b"")
            + vector("H", suites) + vector("B", b"\0")
            + vector("H", extensions))
    return handshake(1, body)


def server_hello():
    body = (pack("H", 0x0303) + bytes(range(32)) + vector("B", b"")
            + pack("H", 0x1301) + b"\0"
            + vector("H", extension(43, pack("H", 0x0304))))
    return handshake(2, body)


def tls_hello():
    """A handshake of TLS 1.3: the client's hello in two segments, the second
    of which comes first; the rest is encrypted.
    """
    c = Connection((PC, 41000), (SITE, 443))
    hello = client_hello(b"www.example.com")
    begin = c.open()
    first, second = c.out(hello[:100]), c.out(hello[100:])
    return pcap(on_lan(begin + [
        (3 * MS, second),
        (4 * MS, first),
        (20 * MS, c.back(server_hello() + b"\x17\x03\x03\0\x10" + bytes(16))),
        (21 * MS, c.out(b"\x17\x03\x03\0\x20" + bytes(32))),
        (30 * MS, c.out(flags=FIN | ACK)),
        (31 * MS, c.back(flags=FIN | ACK)),
        (32 * MS, c.out()),
    ]))


def http_kept():
    """Two requests on one connection, both sent before the first response,
    whose body comes in chunks; and one that is never answered.
    """
    c = Connection((PC, 41001), (SITE, 8080))
    ask = b"%b %b HTTP/1.1\r\nHost: shop.example.com:8080\r\n\r\n"
    chunked = (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")
    return pcap(on_lan(c.open() + [
        (3 * MS, c.out(ask % (b"GET", b"/one") + ask % (b"HEAD", b"/two"))),
        (20 * MS, c.back(chunked[:60])),
        (21 * MS, c.back(chunked[60:])),
        (22 * MS, c.back(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n")),
        (23 * MS, c.out(ask % (b"POST", b"/three"))),
        (30 * MS, c.out(flags=FIN | ACK)),
        (31 * MS, c.back(flags=FIN | ACK)),
        (32 * MS, c.out()),
    ]))
