# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""An HTTP/2 client on python3-h2 whose every frame a scenario may decide itself."""

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from .http import Fields, Response


class H2Client:
    """Over a connected (TLS) socket. Without `strict`, headers go out unchecked and unnormalised."""

    def __init__(self, sock, strict=True):
        self.sock = sock
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="utf-8", validate_outbound_headers=strict,
            normalize_outbound_headers=strict, validate_inbound_headers=True))
        self.events = []
        self.ended = False  # the peer closed the connection
        self.auto_window = True  # give flow-control credit back as data comes
        self.bodies = {}
        self.conn.initiate_connection()
        self.flush()

    def flush(self):
        data = self.conn.data_to_send()
        if data:
            self.sock.sendall(data)

    def raw(self, data):
        """Bytes past python3-h2: malformed frames."""
        self.flush()
        self.sock.sendall(data)

    def start(self, path="/", method="GET", authority="localhost", fields=(), end=True, pseudo=None):
        """Sends HEADERS; the new stream's id."""
        stream = self.conn.get_next_available_stream_id()
        first = pseudo if pseudo is not None else [(":method", method), (":scheme", "https"),
                                                   (":authority", authority), (":path", path)]
        self.conn.send_headers(stream, [*first, *fields], end_stream=end)
        self.flush()
        return stream

    def data(self, stream, data, end=False):
        """Sends DATA as flow control lets it go."""
        while data:
            room = min(self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size)
            if room <= 0:
                if not self.pump():
                    raise ConnectionError("closed while the window was shut")
                continue
            self.conn.send_data(stream, data[:room])
            data = data[room:]
            self.flush()
        if end:
            self.conn.end_stream(stream)
            self.flush()

    def pump(self):
        """One read; False once the peer has closed. New events are appended to .events."""
        data = self.sock.recv(65536)
        if not data:
            self.ended = True
            return False
        for event in self.conn.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                if self.auto_window and event.flow_controlled_length:
                    self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return True

    def find(self, kind, stream=None):
        """Events of a class name (\"StreamReset\") so far, of one stream if given."""
        return [e for e in self.events
                if type(e).__name__ == kind and (stream is None or getattr(e, "stream_id", None) == stream)]

    def wait(self, kind, stream=None):
        """The first such event, reading until it comes."""
        while not self.find(kind, stream):
            if not self.pump():
                raise ConnectionError(f"closed before {kind}; saw {self.events}")
        return self.find(kind, stream)[0]

    def response(self, stream):
        """The whole answer on a stream. A reset raises ConnectionResetError with its code."""
        while not self.find("StreamEnded", stream):
            reset = self.find("StreamReset", stream)
            if reset:
                raise ConnectionResetError(f"stream reset, code {int(reset[0].error_code)}")
            if not self.pump():
                raise ConnectionError(f"closed before the answer's end; saw {self.events}")
        fields = [h for h in self.wait("ResponseReceived", stream).headers]
        status = int(dict(fields)[":status"])
        trailers = self.find("TrailersReceived", stream)
        return Response(status, Fields(f for f in fields if not f[0].startswith(":")), self.bodies.get(stream, b""),
                        "HTTP/2", trailers=Fields(trailers[0].headers if trailers else ()))

    def get(self, path="/", **how):
        """Request and answer. A body goes with `body=`."""
        body = how.pop("body", b"")
        stream = self.start(path, end=not body, **how)
        if body:
            self.data(stream, body, end=True)
        return self.response(stream)

    def closed(self):
        """Reads to the end of the connection; the GOAWAY's error code, or None without one."""
        try:
            while self.pump():
                pass
        except (ConnectionError, h2.exceptions.ProtocolError):
            self.ended = True
        away = self.find("ConnectionTerminated")
        return int(away[-1].error_code) if away else None

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
