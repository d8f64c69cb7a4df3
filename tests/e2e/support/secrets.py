"""What a client proves itself with, and whether a server has kept any of it in its memory."""

import base64
import hashlib
import hmac
import os
import struct

_CHUNK_BYTES = 1 << 20


def find_in_memory(pid, needles):
    """Which of these bytes lie anywhere in the memory that a process can write to."""
    overlap = max(map(len, needles.values()))
    found = set()
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            addresses, modes = line.split()[:2]
            if not modes.startswith("rw"):
                continue
            begin, end = (int(address, 16) for address in addresses.split("-"))
            for at in range(begin, end, _CHUNK_BYTES):
                try:
                    memory.seek(at)
                    data = memory.read(min(_CHUNK_BYTES + overlap, end - at))
                except OSError:  # a device's, or gone meanwhile
                    break
                found |= {name for name, needle in needles.items() if needle in data}
    return found


class ScramPassword:
    """A password and all that SCRAM-SHA-256 makes of it (RFC 5802)."""

    ITERATIONS = 4096

    def __init__(self, password):
        self.password = password
        self._salt = os.urandom(16)
        self.salted = hashlib.pbkdf2_hmac("sha256", password.encode(), self._salt, self.ITERATIONS)
        self.client_key = _hmac(self.salted, b"Client Key")
        self.stored_key = hashlib.sha256(self.client_key).digest()
        self.server_key = _hmac(self.salted, b"Server Key")

    def verifier(self):
        salt, stored, server = (base64.b64encode(value).decode()
                                for value in (self._salt, self.stored_key, self.server_key))
        return f"SCRAM-SHA-256${self.ITERATIONS}:{salt}${stored}:{server}"

    def proof(self, message):
        """Of the exchange so far, as bytes."""
        signature = _hmac(self.stored_key, message)
        return bytes(a ^ b for a, b in zip(self.client_key, signature))


def prove_by_scram(client, secret):
    """Answers the server's AuthenticationSASL; returns the proof that it has sent, as bytes and as
    text. The server's answer to it is the client's to read."""
    assert _request(client) == 10
    bare = f"n=,r={base64.b64encode(os.urandom(18)).decode()}"
    first = f"n,,{bare}".encode()
    client.send("p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
    message = client.receive()
    assert message.type == "R" and message.body[:4] == struct.pack("!I", 11), message
    challenge = message.body[4:].decode()
    nonce = challenge.split(",")[0]
    unproven = f"c=biws,{nonce}"
    proof = secret.proof(f"{bare},{challenge},{unproven}".encode())
    text = base64.b64encode(proof)
    client.send("p", f"{unproven},p=".encode() + text)
    return proof, text


def prove_by_password(client, password, between=None):
    """Answers AuthenticationCleartextPassword; `between` is called in the middle of the message."""
    assert _request(client) == 3
    body = password.encode() + b"\0"
    message = b"p" + struct.pack("!I", 4 + len(body)) + body
    half = len(message) - len(body) // 2
    client.send_raw(message[:half])
    if between:
        between()
    client.send_raw(message[half:])


def prove_by_md5(client, user, password):
    """Answers AuthenticationMD5Password; returns what it has sent."""
    message = client.receive()
    assert message.type == "R" and message.body[:4] == struct.pack("!I", 5), message
    answer = b"md5" + _md5(md5_verifier(user, password)[3:].encode() + message.body[4:])
    client.send("p", answer + b"\0")
    return answer


def md5_verifier(user, password):
    return "md5" + _md5((password + user).encode()).decode()


def _request(client):
    message = client.receive()
    assert message.type == "R", message
    return struct.unpack("!I", message.body[:4])[0]


def _hmac(key, message):
    return hmac.new(key, message, "sha256").digest()


def _md5(data):
    return hashlib.md5(data).hexdigest().encode()
