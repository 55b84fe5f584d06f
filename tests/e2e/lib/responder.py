# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A server that only says first flights: SSLv2 to TLS 1.2, with suites and faults that no library offers any more.

It signs with noise (who reads only first flights does not verify) and never completes a handshake. What it does is
written in a Conduct; each fault has a good twin that differs in that one field.
"""

import dataclasses
import os
import socket
import struct
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

SSL3, TLS10, TLS11, TLS12 = 0x0300, 0x0301, 0x0302, 0x0303
ALERT_UNEXPECTED, ALERT_MAC, ALERT_FAILURE, ALERT_VERSION, ALERT_FALLBACK = 10, 20, 40, 70, 86
P256 = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                     "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")


@dataclasses.dataclass
class Conduct:
    """What the responder speaks and how it misbehaves."""

    versions: tuple = (TLS12,)
    suites: tuple = (0xC02F, 0x002F)  # in its order of preference
    client_order: bool = False
    ssl2_kinds: bytes = b""           # not empty: it speaks SSLv2
    dh_prime: bytes = b""             # big-endian; for DHE suites
    secure_renegotiation: bool = True
    deflate: bool = False
    extended_master: bool = False
    fallback_scsv: bool = True
    heartbeat: str = ""               # "", "good", "bleeds"
    early_ccs: str = "refuses"        # or "accepts"
    robot: str = "none"               # "strong", "weak", "silent" (no answer to bad padding), "noise"
    refuses_by: str = "alert"         # "reset", "close": how it says no
    intolerant_of: tuple = ()         # "grease", "large": hellos that it ends without a word
    at_once: int = 0                  # more connections than that are reset; 0: any number
    per_second: int = 0               # connections beyond that are reset
    drops_each: int = 0               # every n-th connection is closed without a word
    warning_first: bool = False       # unrecognized_name, then the flight


def block(width, data):
    """A vector with its length in front."""
    return len(data).to_bytes(width, "big") + data


def record(kind, version, data):
    """One record."""
    return struct.pack(">BHH", kind, version, len(data)) + data


def message(kind, data):
    """One handshake message."""
    return bytes([kind]) + block(3, data)


class Hello:
    """The parts of a ClientHello that matter here."""

    def __init__(self, body):
        self.size = len(body)
        self.version = int.from_bytes(body[0:2], "big")
        at = 35 + body[34]
        self.session_id = body[35:at]
        n = int.from_bytes(body[at:at + 2], "big")
        self.suites = [int.from_bytes(body[i:i + 2], "big") for i in range(at + 2, at + 2 + n, 2)]
        at += 2 + n
        n = body[at]
        self.compressions = body[at + 1:at + 1 + n]
        at += 1 + n
        self.extensions = {}
        rest = body[at + 2:]
        while len(rest) >= 4:
            kind, n = struct.unpack(">HH", rest[:4])
            self.extensions[kind] = rest[4:4 + n]
            rest = rest[4 + n:]

    def greases(self):
        """Values of RFC 8701 among the suites."""
        return any(s & 0x0F0F == 0x0A0A and s >> 8 == s & 0xFF for s in self.suites)


class Gone(Exception):
    """The peer, or we, ended the connection."""


class Responder:
    """with Responder(conduct, cert_pem, key_pem) as r: r.port"""

    def __init__(self, conduct, cert_pem, key_pem):
        self.conduct = conduct
        self.der = x509.load_pem_x509_certificate(cert_pem).public_bytes(serialization.Encoding.DER)
        self.key = serialization.load_pem_private_key(key_pem, None)
        self.lock = threading.Lock()
        self.open = 0
        self.seen = 0
        self.times = []
        self.closing = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.thread.join(10)
        self.listener.close()

    def _accept(self):
        while not self.closing:
            link, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    # ---- limits ----

    def _too_much(self):
        c = self.conduct
        now = time.monotonic()
        self.times = [t for t in self.times if now - t < 1] + [now]
        many = c.at_once and self.open > c.at_once
        return many or (c.per_second and len(self.times) > c.per_second)

    def _serve(self, link):
        with self.lock:
            self.open += 1
            self.seen += 1
            number = self.seen
            refused = self._too_much()
        try:
            link.settimeout(20)
            if refused:
                self._reset(link)
            elif self.conduct.drops_each and number % self.conduct.drops_each == 0:
                link.recv(1)
            else:
                self._talk(link)
        except (Gone, OSError, IndexError):
            pass
        finally:
            link.close()
            with self.lock:
                self.open -= 1

    @staticmethod
    def _reset(link):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    # ---- bytes ----

    @staticmethod
    def _exactly(link, n):
        data = b""
        while len(data) < n:
            got = link.recv(n - len(data))
            if not got:
                raise Gone
            data += got
        return data

    def _record(self, link):
        kind, _, n = struct.unpack(">BHH", self._exactly(link, 5))
        return kind, self._exactly(link, n)

    def _refuse(self, link, alert, version=TLS10):
        how = self.conduct.refuses_by
        if how == "reset":
            self._reset(link)
        if how == "alert":
            link.sendall(record(21, version, bytes([2, alert])))
        raise Gone

    # ---- the conversation ----

    def _talk(self, link):
        first = self._exactly(link, 2)
        if first[0] & 0x80:
            self._ssl2(link, self._exactly(link, (first[0] & 0x7F) << 8 | first[1]))
            return
        head = first + self._exactly(link, 3)
        body = self._exactly(link, int.from_bytes(head[3:5], "big"))
        while len(body) < 4 or len(body) < 4 + int.from_bytes(body[1:4], "big"):
            body += self._record(link)[1]
        hello = Hello(body[4:])
        if ("grease" in self.conduct.intolerant_of and hello.greases()) or \
           ("large" in self.conduct.intolerant_of and hello.size > 1500):
            raise Gone
        version, suite = self._choose(link, hello)
        link.sendall(self._flight(hello, version, suite))
        self._second(link, version, hello)

    def _ssl2(self, link, body):
        kinds = self.conduct.ssl2_kinds
        if not kinds or body[0] != 1:
            self._refuse(link, ALERT_VERSION)
        answer = bytes([4, 0, 1]) + struct.pack(">HHHH", 2, len(self.der), len(kinds), 16) + self.der + kinds + bytes(16)
        link.sendall(struct.pack(">H", 0x8000 | len(answer)) + answer)

    def _choose(self, link, hello):
        c = self.conduct
        usable = [v for v in c.versions if v <= hello.version]
        if not usable:
            self._refuse(link, ALERT_VERSION)
        version = max(usable)
        if c.fallback_scsv and 0x5600 in hello.suites and version < max(c.versions):
            self._refuse(link, ALERT_FALLBACK, version)
        order = hello.suites if c.client_order else c.suites
        for suite in order:
            if suite in c.suites and suite in hello.suites:
                return version, suite
        self._refuse(link, ALERT_FAILURE, version)
        return None

    def _extensions(self, hello, version):
        c = self.conduct
        out = b""
        if c.secure_renegotiation and (0xFF01 in hello.extensions or 0x00FF in hello.suites):
            out += struct.pack(">HH", 0xFF01, 1) + b"\0"
        if c.extended_master and 23 in hello.extensions:
            out += struct.pack(">HH", 23, 0)
        if c.heartbeat and 15 in hello.extensions:
            out += struct.pack(">HH", 15, 1) + b"\1"
        return block(2, out) if out and version > SSL3 else b""

    def _key_exchange(self, version, suite):
        ecdhe = 0xC000 <= suite <= 0xC0FF
        dhe = suite in (0x0011, 0x0012, 0x0014, 0x0015, 0x0016, 0x0033, 0x0039, 0x009E)
        if not ecdhe and not dhe:
            return b""
        signature = (b"\4\1" if version >= TLS12 else b"") + block(2, os.urandom(256))
        if ecdhe:
            return message(12, b"\3\0\x17" + block(1, P256) + signature)
        p = self.conduct.dh_prime
        return message(12, block(2, p) + block(2, b"\2") + block(2, p[1:]) + signature)

    def _flight(self, hello, version, suite):
        c = self.conduct
        deflate = 1 if c.deflate and 1 in hello.compressions else 0
        body = struct.pack(">H", version) + os.urandom(32) + block(1, os.urandom(32)) + struct.pack(">HB", suite, deflate)
        flight = message(2, body + self._extensions(hello, version))
        flight += message(11, block(3, block(3, self.der)))
        flight += self._key_exchange(version, suite) + message(14, b"")
        warning = record(21, version, bytes([1, 112])) if c.warning_first else b""
        return warning + record(22, version, flight)

    # ---- after the first flight ----

    def _second(self, link, version, hello):
        c = self.conduct
        while True:
            kind, body = self._record(link)
            if kind == 24 and c.heartbeat == "bleeds" and 15 in hello.extensions:
                claimed = int.from_bytes(body[1:3], "big")
                link.sendall(record(24, version, b"\2" + body[1:3] + os.urandom(min(claimed, 4096))))
            elif kind == 24:
                pass  # a request that says more than it has is dropped (RFC 6520 4)
            elif kind == 20 and c.early_ccs == "accepts":
                self._record(link)
                link.sendall(record(21, version, bytes([2, ALERT_MAC])))
                raise Gone
            elif kind == 22 and body[:1] == b"\x10":
                self._exchanged(link, version, body[6:])
            else:
                link.sendall(record(21, version, bytes([2, ALERT_UNEXPECTED])))
                raise Gone

    def _exchanged(self, link, version, secret):
        """A ClientKeyExchange with RSA: what a good server does not let the client see is in how."""
        numbers = self.key.private_numbers()
        n = numbers.public_numbers.n
        size = (n.bit_length() + 7) // 8
        plain = pow(int.from_bytes(secret, "big"), numbers.d, n).to_bytes(size, "big")
        starts = plain[:2] == b"\0\2"
        ends = starts and 0 in plain[10:]
        whole = ends and plain.index(0, 10) == size - 49
        how = self.conduct.robot
        if how == "strong" and not starts:  # tells the type from everything else
            link.sendall(record(21, version, bytes([2, 51])))
            raise Gone
        if how == "weak" and not whole:
            link.sendall(record(21, version, bytes([2, 47])))
            raise Gone
        if how == "noise":
            link.sendall(record(21, version, bytes([2, os.urandom(1)[0] | 1])))
            raise Gone
        self._record(link)
        self._record(link)
        if how == "silent" and not whole:
            raise Gone
        link.sendall(record(21, version, bytes([2, ALERT_MAC])))
        raise Gone
