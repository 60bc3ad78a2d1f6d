"""Cases of log-ins. Every secret in them has "hunter2" in it, as it stands or
in base64; tests/secrets.rs looks for that in all that comes out.
"""

import base64
import struct

from packets import ACK, FIN, MS, SECOND, Connection, on_lan, pcap

PC = "192.168.1.10"
MAIL, SHELL, SITE = "203.0.113.25", "192.168.1.2", "198.51.100.80"

CLIENT, SERVER = 0, 1


def b64(data):
    return base64.b64encode(data)


def talk(client, server, said, start, late=False):
    """A connection in which the sides say these one after the other, each line
    as it stands. One that is seen late has no beginning.
    """
    c = Connection(client, server)
    packets = [] if late else c.open(start)
    for turn, (side, data) in enumerate(said):
        packets.append((start + (10 + turn) * MS, c.send(side, ACK, data)))
    end = start + (20 + len(said)) * MS
    return packets + [(end, c.out(flags=FIN | ACK)),
                      (end + MS, c.back(flags=FIN | ACK)),
                      (end + 2 * MS, c.out())]


LETTER = b"""\
From: ann@example.org\r
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r
Content-Type: multipart/mixed; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
Hello\r
--b\r
Content-Type: application/pdf\r
Content-Disposition: attachment; filename*0=long-; filename*1="name.pdf"\r
\r
--b--\r
.\r
"""

SMTP = [
    (SERVER, b"220 mail.example.org ESMTP Exim 4.96\r\n"),
    (CLIENT, b"EHLO pc.example.org\r\n"),
    (SERVER, b"250-mail.example.org\r\n250 AUTH LOGIN PLAIN\r\n"),
    (CLIENT, b"AUTH LOGIN\r\n"),
    (SERVER, b"334 " + b64(b"Username:") + b"\r\n"),
    (CLIENT, b64(b"ann") + b"\r\n"),
    (SERVER, b"334 " + b64(b"Password:") + b"\r\n"),
    # In two segments.
    (CLIENT, b64(b"hunter2!!")[:5]),
    (CLIENT, b64(b"hunter2!!")[5:] + b"\r\n"),
    (SERVER, b"535 5.7.8 no\r\n"),
    (CLIENT, b"AUTH PLAIN " + b64(b"\0ann\0hunter2") + b"\r\n"),
    (SERVER, b"235 2.7.0 yes\r\n"),
    (CLIENT, b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\n"
             b"RCPT TO:<eve@example.net>\r\nDATA\r\n"),
    (SERVER, b"250 ok\r\n250 ok\r\n550 who\r\n354 go on\r\n"),
    (CLIENT, LETTER),
    (SERVER, b"250 2.0.0 queued\r\n"),
    (CLIENT, b"QUIT\r\n"),
    (SERVER, b"221 bye\r\n"),
]

IMAP = [
    (SERVER, b"* OK Cyrus IMAP v3.4.3 ready\r\n"),
    (CLIENT, b"a1 LOGIN \"ann b\" \"hunter2\\\"\"\r\n"),
    (SERVER, b"a1 NO no\r\n"),
    (CLIENT, b"a2 LOGIN {3}\r\n"),
    (SERVER, b"+ go on\r\n"),
    (CLIENT, b"bob {7}\r\n"),
    (SERVER, b"+ go on\r\n"),
    (CLIENT, b"hunter2\r\n"),
    (SERVER, b"a2 OK yes\r\n"),
    (CLIENT, b"a3 LOGOUT\r\n"),
]

POP3 = [
    (SERVER, b"+OK ready <1.2@example.org>\r\n"),
    (CLIENT, b"USER ann\r\n"),
    (SERVER, b"+OK\r\n"),
    (CLIENT, b"PASS hunter2\r\n"),
    (SERVER, b"-ERR no\r\n"),
    (CLIENT, b"APOP bob hunter2hunter2\r\n"),
    (SERVER, b"+OK yes\r\n"),
]

# The end of a password, whose beginning was not captured.
POP3_LATE = [
    (SERVER, b"+OK\r\n"),
    (CLIENT, b"my hunter2\r\n"),
    (SERVER, b"+OK logged in\r\n"),
    (CLIENT, b"STAT\r\n"),
    (SERVER, b"+OK 0 0\r\n"),
]

TELNET = [
    (SERVER, b"\xff\xfd\x18\xff\xfb\x01Welcome\r\nbox login: "),
    (CLIENT, b"\xff\xfb\x18r"),
    (SERVER, b"r"),
    (CLIENT, b"oot\r\0"),
    (SERVER, b"oot\r\nPassword: "),
    (CLIENT, b"hunt"),
    (CLIENT, b"er2\r\0"),
    (SERVER, b"\r\nLogin incorrect\r\nbox login: "),
    (CLIENT, b"root\r\0"),
    (SERVER, b"root\r\nPassword: "),
    (CLIENT, b"hunter2?\r\0"),
    (SERVER, b"\r\n\r\nroot@box:~# "),
    (CLIENT, b"echo hunter2\r\0"),
    (SERVER, b"echo hunter2\r\nhunter2\r\nroot@box:~# "),
]


def ask(authorization=b""):
    return (b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/8\r\n"
            b"Cookie: id=hunter2\r\n%b\r\n" % authorization)


def answer(status, more=b""):
    return (b"HTTP/1.1 %b It\r\nServer: nginx\r\n%bContent-Length: 0\r\n\r\n"
            % (status, more))


def ntlm(domain, user):
    """An AUTHENTICATE_MESSAGE ([MS-NLMP] 2.2.1.3)."""
    parts = [b"hunter2", b"hunter2", domain.encode("utf-16-le"),
             user.encode("utf-16-le"), b"", b""]
    head, at = b"NTLMSSP\0" + struct.pack("<I", 3), 64
    for part in parts:
        head += struct.pack("<HHI", len(part), len(part), at)
        at += len(part)
    return head + struct.pack("<I", 1) + b"".join(parts)


HTTP = [
    (CLIENT, ask()),
    (SERVER, answer(b"401", b"WWW-Authenticate: Basic realm=\"a\"\r\n")),
    (CLIENT, ask(b"Authorization: Basic " + b64(b"ann:hunter2") + b"\r\n")),
    (SERVER, answer(b"401")),
    (CLIENT, ask(b"Authorization: Basic " + b64(b"ann:hunter2!") + b"\r\n")),
    (SERVER, answer(b"200", b"Set-Cookie: id=hunter2\r\n")),
    (CLIENT, ask(b"Authorization: Basic " + b64(b"ann:hunter2!") + b"\r\n")),
    (SERVER, answer(b"200")),
    (CLIENT, ask(b"Authorization: Bearer hunter2\r\n")),
    (SERVER, answer(b"403")),
    (CLIENT, ask(b"Authorization: hunter2\r\n")),
    (SERVER, answer(b"200")),
    (CLIENT, ask(b"Authorization: NTLM " + b64(ntlm("HOME", "eve")) + b"\r\n")),
    (SERVER, answer(b"200")),
]


def logins():
    """Log-ins to mail, a shell and a site, refused and accepted, one of which
    is seen from the middle of its password on.
    """
    talks = [(MAIL, 587, SMTP), (MAIL, 143, IMAP), (MAIL, 110, POP3),
             (SHELL, 23, TELNET), (SITE, 80, HTTP)]
    packets = []
    for number, (host, port, said) in enumerate(talks):
        packets += talk((PC, 42000 + number), (host, port), said,
                        number * SECOND)
    return pcap(on_lan(packets + talk((PC, 42100), (MAIL, 110), POP3_LATE,
                                      9 * SECOND, late=True)))
