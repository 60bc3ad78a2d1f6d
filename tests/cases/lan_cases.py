"""Cases of what LANs are run by: ARP, DHCP, names, and ICMP."""

from packets import (MS, SECOND, address, dns, ether, icmp, mac, on_lan, pack, pcap, record, udp)

PC, LAPTOP, PRINTER, ROUTER = ("192.168.1.10", "192.168.1.11", "192.168.1.12", "192.168.1.1")
WEB = "198.51.100.80"
# Made up by a phone, and given by Dell.
PHONE, DELL = b"\x02\0\0\0\0\x0d", b"\0\x1d\x09\0\0\x0e"
ALL = b"\xff" * 6


def arp(operation, sender, src, target, dst):
    """A message of ARP (RFC 826) from the MAC address `sender`."""
    body = pack("HHBBH", 1, 0x0800, 6, 4, operation) + sender + address(src) + target + address(dst)
    return (ALL if operation == 1 else target) + sender + pack("H", 0x0806) + body + bytes(18)


def dhcp(operation, client, given, options):
    """A message of DHCP (RFC 2131, 2); options are (code, value) pairs."""
    head = pack("BBBBIHH", operation, 1, 6, 0, 0x3903F326, 0, 0) + bytes(4) + address(given) + bytes(8)
    body = b"".join(bytes([code, len(value)]) + value for code, value in options)
    return head + client + bytes(10 + 64 + 128) + b"\x63\x82\x53\x63" + body + b"\xff"


def netbios(text, kind):
    """A name as NetBIOS has it (RFC 1001, 14.1)."""
    letters = b"".join(bytes([65 + (b >> 4), 65 + (b & 15)]) for b in text.ljust(15).encode() + bytes([kind]))
    return b"\x20" + letters + b"\0"


def lan():
    """Devices that say who they are, and an address that two of them claim."""
    pc, router = mac(address(PC)), mac(address(ROUTER))
    nobody = bytes(6)
    asks = arp(1, pc, PC, nobody, ROUTER)
    frames = [(n * SECOND, asks) for n in range(6)]
    frames.append((6 * SECOND, arp(2, router, ROUTER, pc, PC)))
    frames.append((7 * SECOND, arp(1, DELL, PC, nobody, PC)))
    # A phone that asks for an address, and gets one.
    wishes = [(53, b"\x03"), (50, address("192.168.1.13")), (12, b"Pixel-7\0"), (60, b"android-dhcp-14"),
              (55, bytes([1, 3, 6, 15, 26, 28, 51, 58, 59, 43]))]
    request = udp("0.0.0.0", 68, "255.255.255.255", 67, dhcp(1, PHONE, "0.0.0.0", wishes))
    frames.append((8 * SECOND, ALL + PHONE + ether(request)[12:]))
    terms = [(53, b"\x05"), (51, pack("I", 3600)), (54, address(ROUTER))]
    ack = udp(ROUTER, 67, "192.168.1.13", 68, dhcp(2, PHONE, "192.168.1.13", terms))
    frames.append((8 * SECOND + MS, PHONE + router + ether(ack)[12:]))
    # A laptop that registers its name, and a printer that announces itself.
    name = netbios("ANNS-LAPTOP", 0)
    registers = pack("HHHHHH", 1, 0x2910, 1, 0, 0, 1) + name + pack("HH", 32, 1)
    registers += b"\xc0\x0c" + pack("HHIHH", 32, 1, 300_000, 6, 0) + address(LAPTOP)
    services = [record("_ipp._tcp.local", 12, b"\x06Office\xc0\x0c"), record("Office.local", 1, address(PRINTER))]
    about = udp(PC, 41900, WEB, 1900, b"hello")
    frames += on_lan([
        (9 * SECOND, udp(LAPTOP, 137, "192.168.1.255", 137, registers)),
        (10 * SECOND, udp(PRINTER, 5353, "224.0.0.251", 5353, dns(0, 0x8400, answers=services))),
        (11 * SECOND, about),
        (11 * SECOND + MS, icmp(ROUTER, PC, 3, 3, bytes(4) + about[:28])),
        (11 * SECOND + 2 * MS, icmp(ROUTER, PC, 3, 3, bytes(4) + about[:28])),
    ])
    advertises = bytearray(icmp("fe80::1", "ff02::1", 134, 0, bytes(12)))
    advertises[7] = 255
    frames += on_lan([(12 * SECOND, bytes(advertises))])
    return pcap(frames)
