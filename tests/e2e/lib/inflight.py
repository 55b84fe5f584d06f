# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Work in flight while the server changes under it: a download, an upload and a tunnel, each through the server."""

import hashlib

DOWNLOAD_BYTES = 8 * 1024 * 1024
UPLOAD_BYTES = 2 * 1024 * 1024
BLOCK = bytes(range(256)) * 64


def script(call):
    """The upstream: /download sends much, /upload answers the digest of what came, /tunnel echoes after its 101."""
    while head := call.read_head():
        _, target, fields = head
        if target == "/tunnel":
            call.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
            while data := call.sock.recv(65536):
                call.send(data)
            return
        if target == "/upload":
            call.answer(hashlib.sha256(call.read_body(fields)).hexdigest())
            continue
        call.send(f"HTTP/1.1 200 OK\r\nContent-Length: {DOWNLOAD_BYTES}\r\n\r\n")
        for _ in range(DOWNLOAD_BYTES // len(BLOCK)):
            call.send(BLOCK)


class InFlight:
    """Starts all three; .go_on() moves each a step; .finish() asserts that each ends whole."""

    def __init__(self, server, host="localhost", prefix=""):
        self.down = server.tls(host, receive_bytes=16384)
        self.down.request(f"{prefix}/download", host=host)
        start, fields = self.down.reader.head()
        assert " 200 " in start and int(fields["content-length"]) == DOWNLOAD_BYTES
        self.digest, self.taken = hashlib.sha256(), 0
        self.up = server.tls(host)
        self.up.send(f"POST {prefix}/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n")
        self.sent, self.up_digest = 0, hashlib.sha256()
        self.tunnel = server.tls(host)
        self.tunnel.request(f"{prefix}/tunnel", host=host, fields=[("Upgrade", "echo"), ("Connection", "Upgrade")])
        assert " 101 " in self.tunnel.reader.head()[0]
        self.steps = 0
        self.go_on()

    def _take(self, count):
        data = self.down.reader.exactly(count)
        self.digest.update(data)
        self.taken += count

    def _give(self, count):
        data = BLOCK[:count]
        self.up.send(data)
        self.up_digest.update(data)
        self.sent += count

    def go_on(self):
        self.steps += 1
        self._take(10000)
        self._give(10000)
        said = f"step {self.steps}".encode()
        self.tunnel.send(said)
        assert self.tunnel.reader.exactly(len(said)) == said

    def finish(self):
        while self.taken < DOWNLOAD_BYTES:
            self._take(min(65536, DOWNLOAD_BYTES - self.taken))
        whole = hashlib.sha256(BLOCK * (DOWNLOAD_BYTES // len(BLOCK)))
        assert self.digest.digest() == whole.digest()
        while self.sent < UPLOAD_BYTES:
            self._give(min(len(BLOCK), UPLOAD_BYTES - self.sent))
        assert self.up.response().text == self.up_digest.hexdigest()
        self.tunnel.send(b"end")
        assert self.tunnel.reader.exactly(3) == b"end"

    def close(self):
        for link in (self.down, self.up, self.tunnel):
            link.close()
