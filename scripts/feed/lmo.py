"""Translations, as LuCI reads them: the texts one after another, an index of
them sorted by the hash of the original, and where the index begins.
"""

import re
import struct


def read_po(text):
    """Pairs of original and translation, with escapes as they are; the header is under ""."""
    pairs, current = {}, {"msgid": "", "msgstr": ""}
    into = None

    def unescape(part):
        return part.replace('\\"', '"').replace("\\\\", "\\")

    def done():
        if current["msgstr"]:
            pairs[current["msgid"]] = current["msgstr"]

    for line in text.splitlines():
        found = re.fullmatch(r'(?:(msgid|msgstr) )?"(.*)"', line)
        if not found:
            continue
        if found[1] == "msgid":
            done()
            current = {"msgid": "", "msgstr": ""}
        into = found[1] or into
        current[into] += unescape(found[2])
    done()
    return pairs


def sfh_hash(data):
    """Paul Hsieh's SuperFastHash, begun with the length."""
    if not data:
        return 0
    mask = 0xFFFFFFFF

    def signed(byte):
        return byte - 256 if byte > 127 else byte

    value = len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        low, high = struct.unpack_from("<HH", data, at)
        value = (value + low) & mask
        value = (value << 16 & mask) ^ (high << 11 ^ value)
        value = (value + (value >> 11)) & mask
    rest = data[whole:]
    if len(rest) == 3:
        value = (value + struct.unpack_from("<H", rest)[0]) & mask
        value ^= value << 16 & mask
        value ^= signed(rest[2]) << 18 & mask
        value = (value + (value >> 11)) & mask
    elif len(rest) == 2:
        value = (value + struct.unpack_from("<H", rest)[0]) & mask
        value ^= value << 11 & mask
        value = (value + (value >> 17)) & mask
    elif len(rest) == 1:
        value = (value + signed(rest[0])) & mask
        value ^= value << 10 & mask
        value = (value + (value >> 1)) & mask
    for left, right in ((3, 5), (4, 17), (25, 6)):
        value ^= value << left & mask
        value = (value + (value >> right)) & mask
    return value


def make_lmo(pairs):
    texts, index = b"", []
    for original, translation in pairs.items():
        key = sfh_hash(original.encode())
        kind = 1
        if not original:
            plural = re.search(r"Plural-Forms: (.*?)\\n", translation)
            if not plural:
                continue
            translation, key, kind = plural[1], 0, 0
        data = translation.encode()
        # What is the same in both languages is not looked up.
        if original and key == sfh_hash(data):
            continue
        index.append((key, kind, len(texts), len(data)))
        texts += data + bytes(-len(data) % 4)
    return texts + b"".join(struct.pack(">4I", *entry) for entry in sorted(index)) + struct.pack(">I", len(texts))
