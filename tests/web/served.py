"""The pages as a browser gets them: PHP's own server, answers, and HTML."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.parse
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img", "hr"}

# As on a router: these and nothing else, and little memory. Where PHP has them
# built in, asking for them would only be a warning.
EXTENSIONS = ["pdo", "mysqlnd", "pdo_sqlite", "pdo_mysql"]
ZONE = "Asia/Shanghai"


def php_options():
    """Options for a PHP without a php.ini of the system.

    Errors go to the log, where the tests look for them. A php.ini has to say
    so too: what PHP complains of before the first line runs, no page can hold back.
    """
    built_in = subprocess.run(["php", "-n", "-m"], capture_output=True, text=True).stdout.lower().split()
    options = ["-n", "-d", "memory_limit=8M", "-d", "post_max_size=1M", "-d", "display_errors=0", "-d", "log_errors=1", "-d", f"date.timezone={ZONE}"]
    for name in EXTENSIONS:
        if name not in built_in:
            options += ["-d", f"extension={name}"]
    return options


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8")


class Server:
    """Serves a folder; a context manager. `user` is an id to run as."""

    def __init__(self, folder, info, log, user=None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(log, "ab", buffering=0)
        self.process = subprocess.Popen(
            ["php", *php_options(), "-S", f"127.0.0.1:{self.port}", "-t", folder],
            env={**os.environ, "WEIR_WEB": str(info), "PHP_CLI_SERVER_WORKERS": "4"},
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.PIPE,
            start_new_session=True, user=user, group=user, extra_groups=None if user is None else [])

    def __enter__(self):
        for line in self.process.stderr:
            self.log.write(line)
            if b"started" in line:
                self.copier = threading.Thread(target=shutil.copyfileobj, args=(self.process.stderr, self.log))
                self.copier.start()
                return self
        raise RuntimeError("php -S does not listen")

    def __exit__(self, *_):
        # With its workers, which are a session of their own.
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        self.copier.join()
        self.log.close()

    def ask(self, path, method="GET", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return Answer(answer.status, answer.headers, body)

    def page(self, **params):
        return self.ask("/?" + urllib.parse.urlencode(params))

    def api(self, **params):
        return self.ask("/api.php?" + urllib.parse.urlencode(params))


class Html(HTMLParser):
    """Checks that elements are closed and nothing runs or loads that should not."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.links, self.ids = [], [], [], set()
        self.rows, self.cell, self.in_body = [], None, False
        self.scripts = 0
        self.feed(text)
        self.close()
        if self.open:
            self.wrong.append(f"not closed: {self.open}")

    def handle_starttag(self, tag, attrs):
        self.look(tag, dict(attrs))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tbody":
            self.in_body = True
        elif tag == "tr" and self.in_body:
            self.rows.append([])
        elif tag == "td":
            self.cell = {"text": "", "times": [], "links": []}
            self.rows[-1].append(self.cell)

    def handle_startendtag(self, tag, attrs):
        self.look(tag, dict(attrs))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")
        if tag == "tbody":
            self.in_body = False
        elif tag == "td":
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell["text"] += data
        if self.open and self.open[-1] in ("script", "style") and data.strip():
            self.wrong.append(f"inline {self.open[-1]}")

    def look(self, tag, attrs):
        self.scripts += tag == "script"
        for name, value in attrs.items():
            if name == "style" or name.startswith("on"):
                self.wrong.append(f"{name} on {tag}")
            if name in ("href", "src", "action", "data-src") and (value or "").split("?")[0].find("//") >= 0:
                self.wrong.append(f"another site: {value}")
            if name == "href" and (value or "").lower().startswith(("javascript:", "data:")):
                self.wrong.append(f"a link that runs: {value}")
        if attrs.get("id") in self.ids:
            self.wrong.append(f"id twice: {attrs['id']}")
        self.ids |= {attrs["id"]} if "id" in attrs else set()
        if tag == "th" and attrs.get("scope") != "col":
            self.wrong.append("a heading without scope")
        if tag == "a":
            self.links.append(attrs["href"])
            if self.cell is not None:
                self.cell["links"].append(attrs["href"])
        if tag == "time" and self.cell is not None:
            self.cell["times"].append(attrs["title"])
