# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""One HTTP/1 answer, read strictly from a socket or from curl's output."""

import dataclasses
import json as json_module


class Fields:
    """Field lines in their order; names compare without case."""

    def __init__(self, lines=()):
        self.lines = list(lines)

    def all(self, name):
        return [v for k, v in self.lines if k.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return ", ".join(values) if values else default

    def __getitem__(self, name):
        value = self.get(name)
        if value is None:
            raise KeyError(f"{name} is not among {self.lines}")
        return value

    def __contains__(self, name):
        return bool(self.all(name))

    def __repr__(self):
        return repr(self.lines)


@dataclasses.dataclass
class Response:
    status: int
    headers: Fields
    body: bytes = b""
    version: str = ""
    reason: str = ""
    trailers: Fields = dataclasses.field(default_factory=Fields)

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json_module.loads(self.body)


class Ended(Exception):
    """The peer closed before the message was complete; what had come is in .partial."""

    def __init__(self, what, partial=b""):
        super().__init__(f"{what}: {partial[:300]!r}")
        self.partial = partial


class Reader:
    """Reads messages from one stream socket, keeping what belongs to the next one."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def _more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def until(self, mark):
        while mark not in self.buffer:
            if not self._more():
                raise Ended(f"no {mark!r}", self.buffer)
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def exactly(self, n):
        while len(self.buffer) < n:
            if not self._more():
                raise Ended(f"{len(self.buffer)} of {n} bytes", self.buffer)
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def rest(self):
        while self._more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def head(self):
        """(start line, Fields) of the next message."""
        text = self.until(b"\r\n\r\n").decode("latin-1")
        start, *lines = text.split("\r\n")
        pairs = [line.split(":", 1) for line in lines]
        return start, Fields((k, v.strip(" \t")) for k, v in pairs)

    def chunks(self):
        """(body, trailer Fields) of a chunked body."""
        body = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"
        lines = []
        while True:
            line = self.until(b"\r\n").decode("latin-1")
            if not line:
                return body, Fields(lines)
            name, value = line.split(":", 1)
            lines.append((name, value.strip()))

    def response(self, method="GET"):
        """The next response with its body; interim answers (100) are responses of their own."""
        start, fields = self.head()
        version, status, reason = (start.split(" ", 2) + [""])[:3]
        answer = Response(int(status), fields, b"", version, reason)
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        if fields.get("transfer-encoding", "").lower() == "chunked":
            answer.body, answer.trailers = self.chunks()
        elif "content-length" in fields:
            answer.body = self.exactly(int(fields["content-length"]))
        else:
            answer.body = self.rest()
        return answer

    def closed(self):
        """Whether the peer ends the stream here, without a further byte. Resets raise."""
        return self.buffer == b"" and self.sock.recv(1) == b""
