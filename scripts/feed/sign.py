"""Signatures as usign makes them, which opkg on a router asks for."""

import base64
import hashlib
import pathlib
import struct
import subprocess
import tempfile

from .common import Wrong

# What stands before 32 bytes to make them a secret key of Ed25519 to openssl.
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")


def read_key(path):
    """The number of a secret key without a password, and the key itself."""
    try:
        data = base64.b64decode(pathlib.Path(path).read_text().splitlines()[1], validate=True)
        kind, _, rounds, _, checksum, number, key = struct.unpack(">2s2sI16s8s8s64s", data)
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise Wrong(f"{path} is no secret key of usign: {error}") from None
    if kind != b"Ed" or rounds != 0:
        raise Wrong(f"{path} is no secret key of usign without a password")
    if hashlib.sha512(key).digest()[:8] != checksum:
        raise Wrong(f"{path} is damaged: its checksum is not right")
    return number, key


def sign(path, key_path):
    """Writes PATH.sig; and the public key beside it, as `opkg-key add` takes it."""
    number, key = read_key(key_path)
    with tempfile.TemporaryDirectory() as place:
        secret = pathlib.Path(place, "key")
        secret.touch(0o600)
        secret.write_bytes(PKCS8 + key[:32])
        command = ["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", secret, "-in", path]
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0 or len(done.stdout) != 64:
        raise Wrong(f"openssl does not sign with {key_path}: {done.stderr.decode(errors='replace').strip()}")

    def text(comment, data):
        return f"untrusted comment: {comment}\n{base64.b64encode(b'Ed' + number + data).decode()}\n"

    path.with_name(f"{path.name}.sig").write_text(text(f"signed by key {number.hex()}", done.stdout))
    path.with_name("key.pub").write_text(text(f"public key {number.hex()}", key[32:]))
