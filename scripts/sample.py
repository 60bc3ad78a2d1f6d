#!/usr/bin/env python3
"""Makes a capture of a day in the LAN of a household that does not exist.

Weir's pages show little where nobody talks. This gives them people and
things with habits: what they ask DNS for, whom they then talk to, how much
and how long. Nothing is sent anywhere, and servers have addresses that are
set aside for documentation and benchmarks (RFC 5737, RFC 2544, RFC 3849).

The same seed, end and hours give the same file. Bulk is captured as on a
router whose network card joins segments (GRO): frames of up to 44 segments,
of which only the beginning is kept. So gigabytes fit.
"""

import argparse
import hashlib
import ipaddress
import random
import struct
import time
from collections import namedtuple
from functools import partial

# What apps do. Each line is a flow: host (# is a digit, behind / the path of
# HTTP, =host has no name in DNS), protocol and port, kilobytes down and up,
# seconds, and seconds between exchanges. A line without an app goes on with
# the app above. Zero seconds last all day; their volume is that of a day.
APPS = """
wechat      szshort.weixin.qq.com           tls:443      60     25   20   4
            mmbiz.qpic.cn                   tls:443    1500     30   30   6
wechat-line szlong.weixin.qq.com            tls:8080    900    600    0 240
wechat-call =wechat-relay                   stun:8000 16000  15000  480   1
channels    finder.video.qq.com             tls:443   28000    500  300   8
douyin      aweme.snssdk.com                tls:443     900    120  200  15
            v#-web.douyinvod.com            tls:443   42000    700  420   9
tiktok      api16-normal.tiktokv.com        tls:443     700    110  200  15
            v16m.tiktokcdn.com              tls:443   32000    600  320   9
whatsapp    g.whatsapp.net                  tls:5222     90     60  300  45
            media-lhr8-1.cdn.whatsapp.net   quic:443   2400    500   12   3
instagram   i.instagram.com                 quic:443   1500    180  150  15
            scontent.cdninstagram.com       quic:443   9000    200  160   8
facebook    graph.facebook.com              quic:443    900    120  120  10
            video.xx.fbcdn.net              quic:443   8000    200  100   7
x           api.x.com                       tls:443     600     70  120  10
            pbs.twimg.com                   tls:443    2800     90  110   8
reddit      www.reddit.com                  tls:443    3300     90  150  12
telegram    web.telegram.org                tls:443     900    120  180  20
youtube     www.youtube.com                 quic:443   1600    150   60  10
            i.ytimg.com                     quic:443   1200     60   40   8
            rr#---sn-4g5lznes.googlevideo.com quic:443 60000   900  700   8
youtube-tv  www.youtube.com                 tls:443    2400    200   90  10
            rr#---sn-4g5edn6y.googlevideo.com tls:443 300000  3000 2400   8
netflix     www.netflix.com                 tls:443    2600    200   40   6
            occ-0-2773-2774.1.nflxso.net    tls:443    3900     90   60   8
            ipv4-c00#-fra002-ix.1.oca.nflxvideo.net tls:443 480000 4000 2500 7
bilibili    api.bilibili.com                tls:443     800    120   90   9
            i0.hdslb.com                    tls:443    3000     70   40   6
            upos-sz-mirrorali.bilivideo.com tls:443  180000   2000 1800   8
disney      vod-akc-eu.media.dssott.com     tls:443  160000   2000 1500   8
iqiyi       cache.video.iqiyi.com           tls:443  100000   1200  900   7
music       interface3.music.163.com        tls:443     400     50   60   9
            m801.music.126.net              http:80   26000      0  900 120
spotify     audio-fa.scdn.co                quic:443  22000    400 1200  25
weibo       api.weibo.cn                    tls:443    1900     80   90   9
xiaohongshu edith.xiaohongshu.com           tls:443     700     90  120   9
            sns-webpic-qc.xhscdn.com        tls:443    4200     90  110   7
zhihu       www.zhihu.com                   tls:443    1500     80  120  12
taobao      acs.m.taobao.com                tls:443    1100    140  100   8
            gw.alicdn.com                   tls:443    3600     90   90   6
jd          api.m.jd.com                    tls:443    2100    120   90   9
alipay      mobilegw.alipay.com             tls:443     140     60   15   4
amap        m5.amap.com                     tls:443    1600    120  200  14
baidu       www.baidu.com                   tls:443     800     60   25   5
google      www.google.com                  quic:443    900    110   40   8
            fonts.gstatic.com               quic:443    240     20    4   2
gmail       mail.google.com                 quic:443   1900    320  300  20
wikipedia   en.wikipedia.org                tls:443     900     50   60  12
github      github.com                      tls:443    2200    240  120   9
            avatars.githubusercontent.com   tls:443     420     30   10   3
stack       stackoverflow.com               tls:443    1100     70   60  12
            cdn.sstatic.net                 tls:443     600     20    6   2
chatgpt     chatgpt.com                     tls:443    1800    420  300   9
claude      claude.ai                       tls:443    1500    380  300   9
teams       teams.microsoft.com             tls:443    4200   1100 1800  28
teams-call  worldaz.tr.teams.microsoft.com  stun:3479 110000 90000 2400   1
zoom        us04web.zoom.us                 tls:443    2600    300   60   9
            zoomfra131mmr.fra.zoom.us       stun:8801 190000 150000 3600  1
outlook     outlook.office365.com           tls:443    2400    900  900  45
onedrive    onedrive.live.com               tls:443    6000  32000  240   6
slack       wss-primary.slack.com           tls:443     700    300 2400  50
linkedin    www.linkedin.com                tls:443    2400    120   90   9
docker      hub.docker.com                  tls:443  120000    900   40   5
apt         archive.ubuntu.com/noble/InRelease http:80 9000      0    6   2
update      download.windowsupdate.com/d/update.cab http:80 90000 0  60   4
steam       store.steampowered.com          tls:443    4200    160   60   7
            cache1-fra1.steamcontent.com    http:80  240000      0  240   4
discord     gateway.discord.gg              tls:443     900    260 2400  41
roblox      apis.roblox.com                 tls:443    6500    200  200  18
            =roblox-game                    udp:53640 16000   6000 1500   2
minecraft   sessionserver.mojang.com        tls:443      60     20    6   3
            =block-realm                    tcp:25565 12000   3000 1500   2
duolingo    ios-api-2.duolingo.com          tls:443    2600    220  400  14
playstation fus01.gs2.ww.prod.dl.playstation.net http:80 600000 0   900   4
            psn-rsc.prod.dl.playstation.net tls:443    6000    300   60   8
ps-game     =arena-server                   udp:3658  12000   6000 1500   2
tuya        a1.tuyaeu.com                   tls:443      14      8    3   2
tuya-line   m1.tuyaeu.com                   tls:8883    190    160    0 120
mijia       business.smartcamera.api.io.mi.com tls:443  900  18000  240   6
mijia-line  ot.io.mi.com                    udp:8053    240    260    0  40
alexa       avs-alexa-eu.amazon.com         tls:443     600    480   60   6
alexa-line  bob-dispatch-prod-na.amazon.com tls:443     600    480    0 180
dropbox     content.dropboxapi.com          tls:443    2000 300000  900   3
dropbox-line bolt.dropbox.com               tls:443     420    300    0 120
torrent     tracker.opentrackr.org/announce http:80      60      0    4   3
            =peer-#                         bt:51413  40000  16000  600   5
            =peer-#                         bt:6881   24000  16000  600   6
lan-film    nas.lan/MediaItems/22.mp4       http:8200 150000     0 1200   9
print       printer.lan/ipp/print           http:631    120   4000   12   3
printer     chat.hpeprint.com               tls:443      40     30   10   4
apple-line  courier.push.apple.com          tls:5223    420    260    0 600
icloud      gateway.icloud.com              tls:443    6000   9000   60   8
google-line mtalk.google.com                tls:5228    420    260    0 540
check-a     connectivitycheck.gstatic.com/generate_204 http:80 0 0    1   1
check-i     captive.apple.com/hotspot-detect.html http:80   0.4 0     1   1
check-w     www.msftconnecttest.com/connecttest.txt http:80 0.3 0     1   1
time        ntp.aliyun.com                  ntp:123       0      0    1   1
time-i      time.apple.com                  ntp:123       0      0    1   1
ping        www.baidu.com                   ping:0        0      0   10   1
ping-lan    router.lan                      ping:0        0      0    5   1
"""

# The names of CDNs that an answer goes through, by suffix; {} is the host.
CNAMES = {
    "www.youtube.com": "youtube-ui.l.google.com",
    "mail.google.com": "googlemail.l.google.com",
    "netflix.com": "www.dradis.netflix.com web.eu-west-1.elb.amazonaws.com",
    "snssdk.com": "{}.bytedns.net aweme-tos.tlb.queniurc.com",
    "douyinvod.com": "{}.w.kunlungr.com",
    "tiktokcdn.com": "{}.akamaized.net a2047.dscw27.akamai.net",
    "qpic.cn": "{}.tc.qq.com ins-r23tsuuf.ias.tencent-cloud.net",
    "bilivideo.com": "{}.w.cdngslb.com",
    "alicdn.com": "{}.danuoyi.alicdn.com",
    "baidu.com": "www.a.shifen.com",
    "reddit.com": "reddit.map.fastly.net",
    "microsoft.com": "{}.trafficmanager.net {}.cloudapp.azure.com",
    "windowsupdate.com": "wu.ec.azureedge.net cs11.wpc.v0cdn.net",
    "playstation.net": "{}.edgesuite.net a1847.dscd.akamai.net",
    "apple.com": "{}.apple.com.akadns.net get-bx.g.aaplimg.com",
}
MISSING = ("wpad.lan isatap.lan www.gogle.example api.old-app.example "
           "tracker.invalid _dns.resolver.arpa weather.example").split()

# How active the hours from midnight on are.
CURVES = {"person": "2100001355443455444679A7",
          "office": "000000002688636787521100",
          "kid": "000000114210113589964100",
          "tv": "30000001211123222347AA95",
          "night": "8A9853210000000000001135",
          "always": "555555555555555555555555"}

# lan_ms is how far it is from the router. What it asks DNS for tells whether
# it has IPv6, and OPT whether it speaks EDNS. Shown is what its mDNS offers.
# Habits are apps and how often a day; 0 is a flow that is always open.
Device = namedtuple("Device", "name mac ip lan_ms asks curve shown habits")
DEVICES = [
    Device("Anna-iPhone", "f2:18:98:3a:51:07", 101, 4, "A AAAA HTTPS",
           "person", None, "wechat 68 wechat-line 0 wechat-call 1 channels 4 "
           "douyin 9 xiaohongshu 20 weibo 17 alipay 14 taobao 15 amap 5 jd 7 "
           "music 2 zhihu 10 instagram 6 apple-line 0 icloud 6 check-i 20 "
           "time-i 4 baidu 14"),
    Device("Pixel-8", "da:a1:19:6c:20:4e", 102, 6, "A AAAA HTTPS OPT",
           "person", None, "whatsapp 58 instagram 12 youtube 6 tiktok 6 x 24 "
           "facebook 8 reddit 20 telegram 20 spotify 2 google 41 gmail 20 "
           "google-line 0 check-a 16 wechat 10 time 4"),
    Device("Thinkbook", "02:50:f2:71:9d:33", 110, 3, "A AAAA HTTPS OPT",
           "person", None, "github 61 google 68 stack 41 chatgpt 24 claude 17 "
           "zoom 1 wikipedia 20 slack 4 docker 2 apt 4 youtube 2 ping 4 "
           "baidu 10 bilibili 1 steam 1 discord 3 time 4 x 7"),
    Device("WORK-PC", "0a:15:5d:42:8b:19", 111, 0.4, "A AAAA", "office",
           ("WORK-PC", "_workstation._tcp"), "teams 6 teams-call 1 "
           "outlook 20 onedrive 4 linkedin 10 chatgpt 14 google 41 github 10 "
           "update 1 check-w 17 time 3 print 2 ping-lan 3"),
    Device("Living-Room-TV", "66:1c:ae:90:05:d2", 120, 0.5, "A AAAA", "tv",
           ("Living Room", "_airplay._tcp"), "netflix 1 youtube-tv 2 disney 1 "
           "bilibili 2 iqiyi 1 lan-film 1 check-a 6 time 4"),
    Device("Kids-Tablet", "ae:7b:44:18:f0:5c", 121, 7, "A AAAA HTTPS", "kid",
           ("孩子的平板", "_googlecast._tcp"), "youtube 5 roblox 2 minecraft 2 "
           "duolingo 8 google 14 google-line 0 check-a 8"),
    Device("PS5", "2e:9e:75:0b:63:81", 122, 0.5, "A", "tv", None,
           "playstation 1 ps-game 3 youtube-tv 1 check-w 2 time 3"),
    Device("Echo-Kitchen", "76:e3:6d:55:0e:27", 130, 5, "A AAAA", "person",
           ("Echo Kitchen", "_spotify-connect._tcp"), "alexa 24 alexa-line 0 "
           "spotify 2 time 6"),
    Device("Hall-Camera", "7a:11:be:c4:3f:90", 131, 8, "A", "always", None,
           "mijia 16 mijia-line 0 time 12 ping-lan 4"),
    Device("Desk-Bulb", "de:4f:22:08:7c:e1", 132, 9, "A", "always", None,
           "tuya 41 tuya-line 0 time 4"),
    Device("nas", "02:11:32:a8:6e:04", 20, 0.3, "A AAAA OPT", "night",
           ("nas", "_smb._tcp"), "dropbox 2 dropbox-line 0 torrent 4 time 8"),
    Device("printer", "3e:52:82:1f:b7:60", 21, 2, "A", "always",
           ("HP LaserJet 400", "_ipp._tcp"), "printer 20 time 2"),
]
LAN = {device.name.lower() + ".lan": device for device in DEVICES}

DAY = 86400
# Payloads of more than FULL bytes are cut to the first KEEP.
FULL, KEEP = 300, 90
LOSS, REFUSED, SILENT, ABANDONED = 0.004, 0.012, 0.008, 0.05
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLIENT, SERVER = 0, 1
TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "PTR": 12, "TXT": 16, "AAAA": 28,
         "SRV": 33, "OPT": 41, "HTTPS": 65}
IN, FLUSH = 1, 0x8001

End = namedtuple("End", "mac addr port")
Flow = namedtuple("Flow", "host path how port down up seconds every")


def ip(text):
    """The bytes of an address."""
    return ipaddress.ip_address(text).packed


def group(address, port=0):
    """A multicast group; its address gives its MAC address."""
    addr = ip(address)
    if len(addr) == 16:
        return End(b"\x33\x33" + addr[12:], addr, port)
    return End(b"\x01\0\x5e" + bytes([addr[1] & 127]) + addr[2:], addr, port)


ROUTER_MAC = bytes.fromhex("02005e100001")
ROUTER, ROUTER6 = ip("192.168.1.1"), ip("fe80::5eff:fe10:1")
PREFIX, LINK = ip("2001:db8:1::")[:8], ip("fe80::")[:8]
BROADCAST = b"\xff" * 6
MDNS = group("224.0.0.251", 5353), group("ff02::fb", 5353)
LLMNR = group("224.0.0.252", 5355), group("ff02::1:3", 5355)
SSDP = group("239.255.255.250", 1900)


def digest(text):
    """Bytes that depend on `text` alone: a name is always the same place."""
    return hashlib.sha256(text.encode()).digest()


def at(device, port=0, net=None):
    """A device's end; in a `net` of IPv6 with a suffix that says nothing of
    the device (RFC 8981)."""
    own = bytes.fromhex(device.mac.replace(":", ""))
    v4 = ROUTER[:3] + bytes([device.ip])
    return End(own, net + digest(device.name)[:8] if net else v4, port)


def servers(host):
    """The addresses of `host`, of IPv4 and of IPv6."""
    if host.endswith(".lan"):
        return [at(LAN[host]).addr if host in LAN else ROUTER], []
    seed = digest(host)
    net = f"198.{18 + seed[1] % 2}.{seed[2]}"
    if seed[0] < 20:
        net = ["192.0.2", "198.51.100", "203.0.113"][seed[0] % 3]
    last = range(seed[4], seed[4] + 1 + seed[3] % 4)
    has_six = seed[16] % 5 < 3 and not host.startswith("=")
    six = ip("2001:db8::")[:4] + b"\x10" + seed[5:16]
    return [ip(f"{net}.{1 + n % 254}") for n in last], [six] * has_six


def ones(data):
    """The sum of 16-bit words that checksums are made of (RFC 1071)."""
    return int.from_bytes(data + b"\0" * (len(data) & 1), "big") % 65535


class Capture:
    """Collects frames; times are seconds since the capture began."""

    def __init__(self, seed, span):
        self.random = random.Random(seed)
        self.span = span
        self.noise = self.random.randbytes(1 << 16)
        self.frames = []
        self.size = 24
        self.port = 0

    def bytes(self, count):
        """Some of the noise that stands for what is encrypted."""
        start = self.random.randrange(len(self.noise) - count)
        return self.noise[start:start + count]

    def client_port(self):
        """The next port; not one that is still in use (RFC 6335, 6)."""
        self.port = (self.port + self.random.randrange(1, 4)) % 16384
        return 49152 + self.port

    def frame(self, t, data, cut=0):
        """One frame, of which `cut` bytes at the end are not kept."""
        if 0 <= t < self.span:
            self.frames.append((int(t * 1e6), len(data) + cut, data))
            self.size += 16 + len(data)

    def ip(self, t, src, dst, proto, body, length=0, ttl=64):
        """A packet whose payload `body` was `length` bytes on the wire. What
        is cut keeps a checksum that nobody can check."""
        length = length or len(body)
        if len(body) == length:
            where = {1: 2, 6: 16, 17: 6, 58: 2}[proto]
            total = ones(body[:where] + b"\0\0" + body[where + 2:])
            if proto != 1:
                total += ones(src.addr + dst.addr) + proto + length
            check = 65535 - total % 65535
            body = body[:where] + check.to_bytes(2, "big") + body[where + 2:]
        if len(src.addr) == 4:
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length,
                               self.random.getrandbits(16), 0x4000, ttl,
                               proto, 0, src.addr, dst.addr)
            check = (65535 - ones(head)).to_bytes(2, "big")
            head = b"\x08\0" + head[:10] + check + head[12:]
        else:
            head = b"\x86\xdd" + struct.pack(
                "!IHBB16s16s", 6 << 28, length, proto, ttl, src.addr, dst.addr)
        self.frame(t, dst.mac + src.mac + head + body, length - len(body))

    def udp(self, t, src, dst, data, length=0, ttl=64):
        """A datagram that begins with `data`."""
        length = 8 + (length or len(data))
        head = struct.pack("!HHHH", src.port, dst.port, length, 0xffff)
        self.ip(t, src, dst, 17, head + data, length, ttl)

    def write(self, path, start):
        """Writes all as a pcap file that begins at `start`."""
        self.frames.sort(key=lambda frame: frame[0])
        with open(path, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0,
                                  262144, 1))
            for when, length, data in self.frames:
                secs, micros = divmod(int(start * 1e6) + when, 1000000)
                out.write(struct.pack("<IIII", secs, micros, len(data),
                                      length) + data)


def dns(txid, flags, questions, records=()):
    """A message (RFC 1035, 4.1). Questions are name and type, records section,
    name, type, class, TTL and the data: bytes, and names as text."""
    out = bytearray(struct.pack("!HHH", txid, flags, len(questions)))
    for section in (1, 2, 3):
        out += sum(r[0] == section for r in records).to_bytes(2, "big")
    places = {}

    def put(part):
        """Appends bytes, or a name, whose end may have been there before."""
        labels = part.split(".") if isinstance(part, str) and part else []
        for n, label in enumerate(labels):
            rest = ".".join(labels[n:])
            if rest in places:
                out.extend(struct.pack("!H", 0xc000 | places[rest]))
                return
            places[rest] = len(out)
            out.extend(vector(label.encode(), 1))
        out.extend(b"\0" if isinstance(part, str) else part)

    for name, kind in questions:
        put(name)
        put(struct.pack("!HH", TYPES[kind], IN))
    for _, name, kind, klass, ttl, *data in records:
        put(name)
        put(struct.pack("!HHIH", TYPES[kind], klass, ttl, 0))
        start = len(out)
        for part in data:
            put(part)
        out[start - 2:start] = (len(out) - start).to_bytes(2, "big")
    return bytes(out)


def nothing(name):
    """The answer that there is no such record: the SOA of its zone."""
    zone = ".".join(name.split(".")[-2:])
    numbers = struct.pack("!5I", 2025010101, 7200, 900, DAY, 300)
    return [(2, zone, "SOA", IN, 300, "ns1." + zone, "admin." + zone, numbers)]


def question(net, device, t, name, kind, records, rcode=0):
    """Asks the router, who answers with `records`; with None, nobody does.
    Returns when it is over."""
    client = at(device, net.client_port())
    router = End(ROUTER_MAC, ROUTER, 53)
    txid, asked = net.random.getrandbits(16), [(name, kind)]
    edns = [(3, "", "OPT", 1232, 0)] if "OPT" in device.asks else []
    net.udp(t, client, router, dns(txid, 0x0100, asked, edns))
    if records is None:
        return t + 5
    cached = net.random.random() < 0.35
    t += 0.0004 if cached else net.random.lognormvariate(-4, 0.7)
    net.udp(t, router, client, dns(txid, 0x8180 | rcode, asked,
                                   records + edns))
    return t


def resolve(net, device, host, t):
    """Asks for `host` all that the device asks for. Returns when the answers
    are there, and the addresses in them."""
    four, six = servers(host)
    if host.startswith("="):
        return t, four, six
    chain = [host] + next((names.format(*[host.replace(".", "-")] * 2).split()
                           for suffix, names in CNAMES.items()
                           if ("." + host).endswith("." + suffix)), [])
    ttl = net.random.choice([20, 60, 120, 300, 600])
    cnames = [(1, name, "CNAME", IN, ttl * 5, target)
              for name, target in zip(chain, chain[1:])]
    luck = net.random.random()
    if luck < 0.02:
        servfail = [] if luck < 0.01 else None
        t = question(net, device, t, host, "A", servfail, rcode=2)
    alpn = b"\0\1\0\0\1\0\6\2h3\2h2"
    known = {"A": four, "AAAA": six, "HTTPS": [alpn] if six else []}
    done = t
    for kind, data in known.items():
        if kind in device.asks.split():
            found = [(1, chain[-1], kind, IN, ttl, one) for one in data]
            answer = cnames + (found or nothing(chain[-1]))
            t += 0.0003
            done = max(done, question(net, device, t, host, kind, answer))
    return done + 0.001, four, six if "AAAA" in device.asks else []


def vector(data, size=2):
    """`data` behind its length."""
    return len(data).to_bytes(size, "big") + data


def client_hello(net, host):
    """The record that opens TLS, with the server's name (RFC 8446, 4.1.2)."""
    extensions = {
        0: vector(b"\0" + vector(host.encode())), 23: b"",
        10: vector(bytes.fromhex("001d00170018")), 11: b"\1\0", 35: b"",
        13: vector(bytes.fromhex("04030804040105030805050108060601")),
        16: vector(b"\2h2\x08http/1.1"), 5: b"\1\0\0\0\0", 45: b"\1\1",
        43: b"\4\3\4\3\3", 51: vector(b"\0\x1d" + vector(net.bytes(32)))}
    packed = b"".join(kind.to_bytes(2, "big") + vector(data)
                      for kind, data in extensions.items())
    padding = vector(bytes(max(0, 400 - len(packed))))
    ciphers = bytes.fromhex("130113021303c02bc02fc02cc030cca9cca8c013c014")
    body = (b"\3\3" + net.bytes(32) + vector(net.bytes(32), 1)
            + vector(ciphers) + b"\1\0" + vector(packed + b"\0\x15" + padding))
    return b"\x16\3\1" + vector(b"\1" + vector(body, 3))


def server_hello(net, size):
    """The beginning of the answer of `size` bytes; its rest is encrypted."""
    extensions = struct.pack("!7H", 43, 2, 0x0304, 51, 36, 29, 32)
    body = (b"\3\3" + net.bytes(32) + vector(net.bytes(32), 1) + b"\x13\1\0"
            + vector(extensions + net.bytes(32)))
    hello = b"\x16\3\3" + vector(b"\2" + vector(body, 3)) + b"\x14\3\3\0\1\1"
    sealed = (size - len(hello) - 5).to_bytes(2, "big")
    return hello + b"\x17\3\3" + sealed + net.bytes(40)


def http_message(flow, side, size):
    """The head of a request or response, and the size of the body."""
    if side == SERVER:
        first = "HTTP/1.1 200 OK" if size else "HTTP/1.1 204 No Content"
    elif flow.up:
        first = f"POST /{flow.path} HTTP/1.1\r\nHost: {flow.host}"
    else:
        first = f"GET /{flow.path} HTTP/1.1\r\nHost: {flow.host}"
        size = 0
    head = f"{first}\r\nContent-Length: {size}\r\n\r\n"
    return head.encode(), size


class Talk:
    """What a client and a server say to each other, seen by the router: `lan`
    seconds to the client and back, `rtt` to the server and back."""

    def __init__(self, net, flow, client, server, lan, rtt):
        self.net, self.flow, self.ends = net, flow, (client, server)
        self.lan, self.rtt = lan, rtt
        self.tcp = flow.how in ("tls", "http", "bt", "tcp")
        mss = 1460 if len(client.addr) == 4 else 1440
        self.unit, self.joined = (mss, 44) if self.tcp else (1350, 40)
        self.seq = [net.random.getrandbits(32) for _ in self.ends]
        self.tag = net.bytes(8)

    def send(self, t, side, data=b"", length=0, flags=ACK):
        """One datagram, or one segment with the numbers that are due."""
        length = length or len(data)
        src, dst = self.ends[side], self.ends[1 - side]
        if not self.tcp:
            self.net.udp(t, src, dst, data, length)
            return
        options = b""
        if flags & SYN:
            options = struct.pack("!HH", 0x0204, self.unit)
            options += b"\1\3\3\x08\1\1\4\2"
        size = 20 + len(options)
        ack = self.seq[1 - side] if flags & ACK else 0
        window = 0 if flags & RST else 65535
        head = struct.pack("!HHIIBBHHH", src.port, dst.port, self.seq[side],
                           ack, size << 2, flags, window, 0, 0) + options
        self.net.ip(t, src, dst, 6, head + data, size + length)
        self.skip(side, length + (1 if flags & (SYN | FIN) else 0))

    def skip(self, side, count):
        """The numbers of one side go on, or back."""
        self.seq[side] = (self.seq[side] + count) & 0xffffffff

    def head(self, side, length):
        """What frames of `length` bytes begin with."""
        how = self.flow.how
        if how == "tls":
            return b"\x17\3\3" + min(length - 5, 16401).to_bytes(2, "big")
        if how == "bt":
            return (length - 4).to_bytes(4, "big") + b"\7"
        if how == "quic":
            return b"\x4a" + (self.tag if side == CLIENT else b"")
        # The first is that of RTP.
        return {"stun": b"\x80\x60", "udp": b"\7\1" + self.tag}.get(how, b"")

    def data(self, t, side, length, head, flags=ACK, sent=0):
        """A frame of data, cut when it is long. With `sent`, only that much of
        it, which is sent again."""
        keep = length if length <= FULL else max(KEEP, len(head))
        body = head + self.net.bytes(max(0, keep - len(head)))
        self.send(t, side, body[:sent or keep], sent or length, flags)

    def transfer(self, t, side, size, rate):
        """Sends `size` bytes at `rate` bytes a second. Returns when they are
        through."""
        head = b""
        if self.flow.how == "http":
            head, size = http_message(self.flow, side, size)
            size += len(head)
        back = self.lan if side == SERVER else self.rtt
        most = self.unit * self.joined
        if not head and size % most < 40:
            size += 40  # A last frame holds what frames begin with.
        for n, done in enumerate(range(0, size, most), 1):
            length, last = min(most, size - done), done + most >= size
            head = head or self.head(side, length)
            self.data(t, side, length, head, ACK | PSH if last else ACK)
            if self.tcp and self.net.random.random() < LOSS:
                t += self.lan + self.rtt + 0.04
                again = min(length, self.unit)
                self.skip(side, -length)
                self.data(t, side, length, head, sent=again)
                self.skip(side, length - again)
            if n % 4 == 0 or last and (side == SERVER or n > 1):
                if self.tcp:
                    self.send(t + back, 1 - side)
                elif self.flow.how == "quic":
                    self.data(t + back, 1 - side, 36, self.head(1 - side, 36))
            t += length / rate * self.net.random.uniform(0.8, 1.3)
            head = b""
        return t

    def greet(self, t, asks, answers, length=0):
        """A question and its answer, before data. Returns when it is there."""
        self.send(t, CLIENT, asks, flags=ACK | PSH)
        self.send(t + self.rtt, SERVER, answers, length, ACK | PSH)
        return t + self.rtt + self.lan

    def open(self, t):
        """The handshakes. Returns when data may follow."""
        net, how = self.net, self.flow.how
        if self.tcp:
            self.send(t, CLIENT, flags=SYN)
            self.send(t + self.rtt, SERVER, flags=SYN | ACK)
            t += self.rtt + self.lan
            self.send(t, CLIENT)
        if how == "tls":
            size = net.random.randrange(2600, 4200)
            t = self.greet(t + 0.001, client_hello(net, self.flow.host),
                           server_hello(net, size), size)
            self.send(t, CLIENT, b"\x14\3\3\0\1\1\x17\3\3\0\x35"
                      + net.bytes(53), flags=ACK | PSH)
        elif how == "bt":
            hello = b"\x13BitTorrent protocol" + net.bytes(48)
            t = self.greet(t + 0.001, hello, hello[:48] + self.tag * 2)
        elif how == "quic":
            # Long headers (RFC 9000, 17.2): the length is a varint.
            hello = b"\xc3\0\0\0\1\x08" + net.bytes(8) + b"\0\0"
            hello += struct.pack("!H", 0x4000 | 1232) + net.bytes(1232)
            answer = b"\xc1\0\0\0\1\0\x08" + self.tag + b"\0"
            answer += struct.pack("!H", 0x4000 | 1182) + net.bytes(1182)
            t = self.greet(t, hello, answer)
            self.data(t, CLIENT, 80, self.head(CLIENT, 80))
        elif how == "stun":
            # A binding request (RFC 8489, 5), as calls begin.
            txid = b"\x21\x12\xa4\x42" + net.bytes(12)
            t = self.greet(t, b"\0\1\0\0" + txid, b"\1\1\0\x0c" + txid
                           + b"\0\x20\0\x08\0\1" + net.bytes(6))
        return t + 0.002

    def fail(self, t, refused):
        """A SYN that is refused, or that nobody answers. Returns when the
        client has given up."""
        for wait in [0] if refused else [0, 1, 3]:
            self.send(t + wait, CLIENT, flags=SYN)
            self.skip(CLIENT, -1)
        if not refused:
            return t + 3.5
        self.skip(CLIENT, 1)
        self.send(t + self.rtt, SERVER, flags=RST | ACK)
        return t + self.rtt + 0.2

    def close(self, t):
        """Both ends finish, or one just leaves; datagrams only stop."""
        luck = self.net.random.random()
        if not self.tcp or luck < ABANDONED:
            return
        if luck < 0.2:
            self.send(t, int(luck > 0.15), flags=RST | ACK)
            return
        first = int(luck > 0.8)
        wait = self.lan if first == SERVER else self.rtt
        self.send(t, first, flags=FIN | ACK)
        self.send(t + wait, 1 - first, flags=FIN | ACK)
        self.send(t + self.lan + self.rtt, first)


def clock_or_ping(net, flow, client, server, t, rtt):
    """Asks what time it is (RFC 5905), or whether anybody is there."""
    if flow.how == "ntp":
        net.udp(t, client, server, b"\x23\0\6\xec" + net.bytes(44))
        net.udp(t + rtt, server, client, b"\x24\2\6\xe7" + net.bytes(44))
        return
    tag = net.bytes(2)
    for n in range(int(flow.seconds)):
        echo = b"\0\0\0" + tag + n.to_bytes(2, "big") + bytes(56)
        net.ip(t + n, client, server, 1, b"\x08" + echo)
        net.ip(t + n + rtt, server, client, 1, b"\0" + echo)


def run(net, device, flow, t):
    """One flow of a device, from the question for the name to the end."""
    rand = net.random
    host = flow.host.replace("#", str(rand.randrange(1, 6)))
    flow = flow._replace(host=host)
    t, four, six = resolve(net, device, host, t)
    v6 = bool(six) and flow.how != "ping" and rand.random() < 0.6
    to = at(LAN[host]).mac if host in LAN else ROUTER_MAC
    server = End(to, rand.choice(six if v6 else four), flow.port)
    lan = device.lan_ms / 1000 * rand.uniform(0.6, 1.8)
    far = 0.006 + digest(host)[20] ** 2 / 5e5
    rtt = (0.0008 if host.endswith(".lan") else far) * rand.uniform(0.9, 1.3)

    def client():
        """Another port of the device."""
        return at(device, net.client_port(), PREFIX if v6 else None)

    if flow.how in ("ntp", "ping"):
        clock_or_ping(net, flow, client(), server, t, rtt)
        return
    talk, luck = Talk(net, flow, client(), server, lan, rtt), rand.random()
    if talk.tcp and luck < REFUSED + SILENT:
        t = talk.fail(t, luck < REFUSED)
        talk = Talk(net, flow, client(), server, lan, rtt)
    seconds = flow.seconds * rand.uniform(0.6, 1.4)
    share = rand.uniform(0.5, 1.6)
    if not seconds:
        seconds, share = net.span - t, (net.span - t) / DAY
    rounds = max(1, round(seconds / flow.every))
    t = talk.open(t)
    for _ in range(rounds):
        if t > net.span:
            return
        part = share * 1000 / rounds * rand.uniform(0.5, 1.5)
        done = talk.transfer(t, CLIENT, max(60, int(flow.up * part)), 4e6)
        done += rtt + rand.uniform(0.002, 0.03)
        done = talk.transfer(done, SERVER, int(flow.down * part), 7e6)
        t = max(done, t + flow.every * rand.uniform(0.7, 1.3))
    talk.close(t)


def visit(net, device, app, t):
    """A device uses an app: its flows begin one after the other."""
    for flow in app:
        run(net, device, flow, t)
        t += net.random.uniform(0.2, 1.5)


def dhcp(net, device, renews, t):
    """Gets an address, or keeps it (RFC 2131)."""
    got, router = at(device, 68), End(ROUTER_MAC, ROUTER, 67)
    nobody = End(got.mac, bytes(4), 68)
    asks = [(got, router)] if renews else [
        (nobody, End(BROADCAST, b"\xff" * 4, 67))] * 2
    xid, lease = net.bytes(4), struct.pack("!I", DAY // 2)
    name = b"\x0c" + vector(device.name.encode(), 1) + b"\x37\4\1\3\6\x0f"
    terms = (b"\x36\4" + ROUTER + b"\x33\4" + lease + b"\1\4\xff\xff\xff\0"
             b"\3\4" + ROUTER + b"\6\4" + ROUTER + b"\x0f\3lan")
    for n, (src, dst) in enumerate(asks):
        wants = b"\x32\4" + got.addr if n else b""
        last = n + 1 == len(asks)
        for op, kind, options in ((1, 3 if last else 1, wants + name),
                                  (2, 5 if last else 2, terms)):
            body = struct.pack("!4B4sI", op, 1, 6, 0, xid, 0)
            body += src.addr + (got.addr if op == 2 else bytes(4)) + bytes(8)
            body += got.mac + bytes(202) + b"\x63\x82\x53\x63\x35\1"
            body += bytes([kind]) + options + b"\xff"
            one, other = (src, dst) if op == 1 else (router, got)
            t += 0.02
            net.udp(t, one, other, body.ljust(300, b"\0"))


def neighbours(net, device, t):
    """Finds the router's MAC address, by ARP (RFC 826) or NDP (RFC 4861)."""
    own = at(device)
    head = b"\x08\6" + struct.pack("!HHBB", 1, 0x0800, 6, 4)
    net.frame(t, BROADCAST + own.mac + head + b"\0\1" + own.mac + own.addr
              + bytes(6) + ROUTER)
    net.frame(t + 0.0003, own.mac + ROUTER_MAC + head + b"\0\2" + ROUTER_MAC
              + ROUTER + own.mac + own.addr)
    if "AAAA" in device.asks:
        router, own = End(ROUTER_MAC, ROUTER6, 0), at(device, net=LINK)
        net.ip(t + 0.2, own, group("ff02::1:ff10:1"), 58, b"\x87" + bytes(7)
               + ROUTER6 + b"\1\1" + own.mac, ttl=255)
        net.ip(t + 0.201, router, own, 58, b"\x88\0\0\0\xe0\0\0\0" + ROUTER6
               + b"\2\1" + ROUTER_MAC, ttl=255)


def advertise(net, t):
    """The router tells of the prefix (RFC 4861, 4.2)."""
    body = struct.pack("!B3xBBHII", 0x86, 64, 0, 1800, 0, 0) + b"\1\1"
    body += ROUTER_MAC + struct.pack("!BBBBIII", 3, 4, 64, 0xc0, DAY, DAY, 0)
    net.ip(t, End(ROUTER_MAC, ROUTER6, 0), group("ff02::1"), 58,
           body + PREFIX + bytes(8), ttl=255)


def to_all(net, device, t, port, groups, message, ttl):
    """Sends to the groups of IPv4 and of IPv6."""
    net.udp(t, at(device, port), groups[0], message, ttl=ttl)
    net.udp(t, at(device, port, LINK), groups[1], message, ttl=ttl)


def announce(net, device, t):
    """mDNS: what a device offers, and where (RFC 6763)."""
    name, service = device.shown
    kind, host = service + ".local", device.name + ".local"
    name = f"{name}.{kind}"
    to_all(net, device, t, 5353, MDNS, dns(0, 0x8400, [], [
        (1, kind, "PTR", IN, 4500, name),
        (3, name, "SRV", FLUSH, 120, struct.pack("!HHH", 0, 0, 7000), host),
        (3, name, "TXT", FLUSH, 4500, b"\x09txtvers=1"),
        (3, host, "A", FLUSH, 120, at(device).addr)]), 255)


def search(net, device, t):
    """Looks for what is there, by mDNS and SSDP."""
    to_all(net, device, t, 5353, MDNS, dns(0, 0, [
        (service + "._tcp.local", "PTR")
        for service in ("_googlecast", "_airplay", "_ipp")]), 255)
    src = at(device, net.client_port())
    net.udp(t + 1, src, SSDP, b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:"
            b"1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n")
    for n, other in enumerate(DEVICES[-2:]):
        answer = ("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: "
                  f"http://{other.name}.lan:8200/root.xml\r\n\r\n")
        net.udp(t + 1.4 + n, at(other, 1900), src, answer.encode())


def notify(net, device, t):
    """SSDP: a device is there and stays."""
    net.udp(t, at(device, 1900), SSDP, b"NOTIFY * HTTP/1.1\r\nHOST: 239.255."
            b"255.250:1900\r\nNTS: ssdp:alive\r\nNT: upnp:rootdevice\r\n\r\n")


def llmnr(net, device, t):
    """Windows asks its neighbours, who are silent (RFC 4795)."""
    name = net.random.choice(["wpad", "files", "scanner"])
    message = dns(net.random.getrandbits(16), 0, [(name, "A")])
    to_all(net, device, t, net.client_port(), LLMNR, message, 1)


def stray(net, device, t):
    """A question that leads nowhere, or one for the name of an address."""
    if net.random.random() < 0.6:
        name = net.random.choice(MISSING)
        question(net, device, t, name, "A", nothing(name), rcode=3)
        return
    other = net.random.choice(DEVICES)
    name = ".".join(map(str, at(other).addr[::-1])) + ".in-addr.arpa"
    found = (1, name, "PTR", IN, 0, other.name.lower() + ".lan")
    question(net, device, t, name, "PTR", [found])


def read_apps():
    """The flows of each app in the table."""
    apps, app = {}, ""
    for line in APPS.strip().splitlines():
        *name, place, how, down, up, seconds, every = line.split()
        app = name[0] if name else app
        host, _, path = place.partition("/")
        how, port = how.split(":")
        flow = Flow(host, path, how, int(port), *map(float, (down, up)),
                    *map(float, (seconds, every)))
        apps.setdefault(app, []).append(flow)
    return apps


def plan(net, first_hour):
    """All that happens, as calls that want the time; in no order, but for what
    the capture begins with."""
    apps, begin, rest = read_apps(), [], []

    def often(per_day, curve, work, *args):
        """Does `work` at times that follow a curve."""
        weights = [int(hour, 16) for hour in CURVES[curve]]
        due = net.random.random()
        for begin_at in range(0, int(net.span), 3600):
            length = min(3600, net.span - begin_at)
            weight = weights[int(first_hour + begin_at / 3600) % 24]
            due += per_day * weight / sum(weights) * length / 3600
            while due >= 1:
                due -= 1
                t = begin_at + net.random.uniform(0, length)
                rest.append(partial(work, net, *args, t))

    often(48, "always", advertise)
    often(24, "office", llmnr, DEVICES[3])
    for device in DEVICES:
        start = net.random.uniform(0, 90)
        begin += [partial(dhcp, net, device, False, start),
                  partial(neighbours, net, device, start + 0.5)]
        rest += [partial(dhcp, net, device, True, start + n * DAY / 4)
                 for n in range(1, int(net.span / DAY * 4) + 1)]
        often(16, "always", neighbours, device)
        often(14, device.curve, stray, device)
        if device.shown:
            begin.append(partial(announce, net, device, start + 2))
            often(12, "always", announce, device)
        if device.curve != "always":
            often(10, device.curve, search, device)
        words = device.habits.split()
        for name, per_day in zip(words[::2], map(int, words[1::2])):
            if per_day:
                often(per_day, device.curve, visit, device, apps[name])
            else:
                begin.append(partial(visit, net, device, apps[name],
                                     start + 3))
    for device in DEVICES[-2:]:
        often(48, "always", notify, device)
    net.random.shuffle(rest)
    return begin + rest


def main():
    """Reads the command line and writes the file."""
    parser = argparse.ArgumentParser(description="Makes a sample capture.")
    parser.add_argument("out", metavar="OUT.pcap")
    parser.add_argument("--end", type=float, default=time.time(),
                        metavar="UNIX_SECONDS", help="when it ends (now)")
    parser.add_argument("--hours", type=float, default=24, help="(24)")
    parser.add_argument("--seed", type=int, default=7, help="of chance (7)")
    parser.add_argument("--size", type=float, default=80, metavar="MB",
                        help="about the most the file may have (80)")
    parser.add_argument("--utc-offset", type=float, metavar="HOURS",
                        default=time.localtime().tm_gmtoff / 3600,
                        help="where the household lives (here)")
    args = parser.parse_args()
    net = Capture(args.seed, args.hours * 3600)
    start = args.end - net.span
    # What does not fit is missing all over the day, since there is no order.
    for work in plan(net, (start / 3600 + args.utc_offset) % 24):
        if net.size > args.size * 1e6:
            break
        work()
    net.write(args.out, start)
    print(f"{args.out}: {len(net.frames)} packets, {net.size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
