"""The texts of the LuCI app: those in the code, in the template and in translations."""

import json
import pathlib
import re

APP = pathlib.Path(__file__).resolve().parents[2] / "openwrt/luci-app-weir"
TEMPLATE = APP / "po/templates/weir.pot"

CALL = re.compile(r"\b_\('((?:[^'\\]|\\.)*)'")
HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n'


def in_code():
    """Each text with the places that use it."""
    texts = {}

    def add(text, path, line):
        place = f"{path.relative_to(APP.parent)}:{line}"
        texts.setdefault(text, []).append(place)

    for path in sorted(APP.glob("htdocs/**/*.js")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for call in CALL.finditer(line):
                add(call[1].replace("\\'", "'"), path, number)
    for path in sorted(APP.glob("root/usr/share/**/*.json")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*"(title|description)": (".*?"),?$', line)
            if found:
                add(json.loads(found[2]), path, number)
    return texts


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def template():
    """The .pot as it should be."""
    parts = [HEAD]
    for text, places in sorted(in_code().items()):
        lines = [f"#: {place}" for place in places]
        parts.append("\n".join([*lines, f"msgid {quoted(text)}", 'msgstr ""', ""]))
    return "\n".join(parts)
