# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""An HTTP/2 client made of single frames, so that it can break every rule it wants to."""

import socket
import ssl
import struct

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = 5, 6, 7, 8, 9
ENHANCE_YOUR_CALM = 11
INITIAL_WINDOW_SIZE = 4

def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    @property
    def code(self):
        """Error code of RST_STREAM and GOAWAY."""
        return struct.unpack(">I", self.payload[4 * (self.kind == GOAWAY):][:4])[0]

    def __repr__(self):
        return f"<{self.kind} flags {self.flags:#x} stream {self.stream} {self.payload[:40]!r}>"


class Answer:
    """What became of one stream: `reset` is the error code of its RST_STREAM."""

    def __init__(self):
        self.status = self.reset = None
        self.fields, self.body, self.trailers, self.informed = [], b"", [], []
        self.ended = False

    def __getitem__(self, name):
        found = [v for n, v in self.fields if n == name]
        return ", ".join(found) if found else None

    def __repr__(self):
        return f"Answer({self.status}, reset {self.reset}, ended {self.ended}, {len(self.body)} bytes, {self.fields})"


class FrameClient:
    """Over one connection of server.tls(alpn=["h2"]). `windows`: gives back every byte that it receives."""

    def __init__(self, link, name="localhost", settings=(), windows=True):
        self.name = name
        self.windows = windows
        self.sock = link.sock
        assert self.sock.selected_alpn_protocol() == "h2"
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.buffer = b""
        self.streams = {}
        self.goaway = None
        self.pongs = []
        self.seen = []
        self.acks = 0
        self.next_id = 1
        self.send(PREFACE + frame(SETTINGS, payload=b"".join(struct.pack(">HI", *s) for s in settings)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        """False when the server is gone."""
        try:
            self.sock.sendall(data)
            return True
        except (ConnectionError, ssl.SSLError):
            return False

    def block(self, fields):
        return self.encoder.encode([hpack.NeverIndexedHeaderTuple(n, v) for n, v in fields])

    def head(self, path="/", method="GET", fields=(), host=None):
        return [(":method", method), (":scheme", "https"), (":authority", host or self.name),
                (":path", path)] + list(fields)

    def new_stream(self):
        stream = self.next_id
        self.next_id += 2
        self.streams[stream] = Answer()
        return stream

    def open(self, fields, end=True):
        """Sends a head exactly as given, in as many frames as it needs; returns the stream."""
        stream = self.new_stream()
        block = self.block(fields)
        pieces = [block[i:i + 16384] for i in range(0, len(block), 16384)]
        out = b""
        for i, piece in enumerate(pieces):
            flags = END_HEADERS if piece is pieces[-1] else 0
            flags |= END_STREAM if end and i == 0 else 0
            out += frame(CONTINUATION if i else HEADERS, flags, stream, piece)
        self.send(out)
        return stream

    def get(self, path="/", **more):
        return self.open(self.head(path, **more))

    def data(self, stream, data, end=False):
        return self.send(frame(DATA, END_STREAM if end else 0, stream, data))

    def window(self, stream, n):
        return self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", n)))

    def reset(self, stream, code=CANCEL):
        return self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))

    def fill(self, n):
        while len(self.buffer) < n:
            try:
                got = self.sock.recv(262144)
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return False
            except ssl.SSLError as e:
                if "EOF" in str(e):
                    return False
                raise
            if not got:
                return False
            self.buffer += got
        return True

    def take(self):
        """The next frame, already accounted for; None at the end of the connection."""
        if not self.fill(9):
            return None
        n = int.from_bytes(self.buffer[:3], "big")
        if not self.fill(9 + n):
            return None
        kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
        f = Frame(kind, flags, stream & 0x7FFFFFFF, self.buffer[9:9 + n])
        self.buffer = self.buffer[9 + n:]
        self.note(f)
        return f

    def note(self, f):
        a = self.streams.get(f.stream)
        if f.kind == SETTINGS:
            if f.flags & ACK:
                self.acks += 1
            else:
                self.send(frame(SETTINGS, ACK))
        elif f.kind == PING:
            self.pongs.append(f.payload) if f.flags & ACK else self.send(frame(PING, ACK, 0, f.payload))
        elif f.kind == GOAWAY:
            self.goaway = f
        elif f.kind == HEADERS:
            assert f.flags & END_HEADERS
            self.note_head(a, self.decoder.decode(f.payload))
        elif f.kind == DATA:
            a.body += f.payload
            if self.windows and f.payload:
                self.window(0, len(f.payload))
                self.window(f.stream, len(f.payload))
        elif f.kind == RST_STREAM:
            a.reset = f.code
        if a and f.kind in (HEADERS, DATA) and f.flags & END_STREAM:
            a.ended = True

    @staticmethod
    def note_head(a, fields):
        status = dict(fields).get(":status")
        if status is None:
            a.trailers = fields
        elif status.startswith("1"):
            a.informed.append(int(status))
        else:
            a.status = int(status)
            a.fields = [f for f in fields if f[0] != ":status"]

    def answer(self, stream):
        """Reads until the stream has ended, or the connection has."""
        a = self.streams[stream]
        while not a.ended and a.reset is None and self.take():
            pass
        return a

    def request(self, path="/", method="GET", fields=(), body=None, host=None):
        s = self.open(self.head(path, method, fields, host), end=body is None)
        if body is not None:
            self.data(s, body, end=True)
        return self.answer(s)

    def pong(self, payload=b"probe---"):
        """True when the server still answers a PING."""
        if not self.send(frame(PING, 0, 0, payload)):
            return False
        while payload not in self.pongs:
            if not self.take():
                return False
        return True

    def to_end(self, within=5):
        """Reads to the end of the connection; the GOAWAY that was seen, if any."""
        self.sock.settimeout(within)
        while self.take():
            pass
        return self.goaway
