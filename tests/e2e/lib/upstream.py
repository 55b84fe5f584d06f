# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A scriptable upstream: a listening socket whose connections run a function of the scenario, each in a thread."""

import json
import os
import socket
import ssl
import threading

from .http import Ended, Reader
from .link import TIMEOUT_S, Link


class Call(Link):
    """One connection that the server under test made. Scripts read requests and write whatever they like."""

    def __init__(self, sock, upstream):
        super().__init__(sock)
        self.upstream = upstream
        self.requests = 0

    def read_head(self):
        """(method, target, Fields) of the next request; None at the end of the connection."""
        try:
            start, fields = self.reader.head()
        except Ended as e:
            if e.partial:
                raise
            return None
        method, target, _ = start.split(" ")
        self.requests += 1
        self.upstream.requests.append((method, target, fields))
        return method, target, fields

    def read_body(self, fields):
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return self.reader.chunks()[0]
        return self.reader.exactly(int(fields.get("content-length", "0")))

    def answer(self, body=b"ok", status="200 OK", fields=(), method="GET"):
        """A whole answer with its Content-Length."""
        body = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in fields)]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else body))

    def wait(self, event):
        """Waits for the scenario's threading.Event."""
        assert event.wait(TIMEOUT_S), "the scenario never set the event"


def echo(call):
    """Keep-alive; each answer tells what was asked, as JSON."""
    while head := call.read_head():
        method, target, fields = head
        body = call.read_body(fields)
        told = {"method": method, "target": target, "fields": fields.lines, "body": body.decode("latin-1"),
                "request": call.requests}
        call.answer(json.dumps(told), fields=[("Content-Type", "application/json")], method=method)


class Upstream:
    """Listens at once. .port (or .path), .requests [(method, target, Fields)], .connections (accepted so far)."""

    def __init__(self, script=echo, path=None, pair=None, address="127.0.0.1"):
        self.script = script
        self.path = path
        self.context = None
        if pair:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pair.cert, pair.key)
        self.requests, self.calls, self.troubles = [], [], []
        self.connections = 0
        self.closing = False
        if path:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(str(path))
            os.chmod(path, 0o777)  # the workers have an account of their own
        else:
            self.listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((address, 0))
        self.listener.listen(128)
        self.address = address
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.listener.getsockname()[1]

    @property
    def url(self):
        if self.path:
            return f"unix:{self.path}"
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.context else 'http'}://{host}:{self.port}"

    def _accept(self):
        while not self.closing:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        sock.settimeout(TIMEOUT_S * 3)
        call = None
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            call = Call(sock, self)
            self.calls.append(call)
            self.script(call)
        except (OSError, Ended):
            pass  # the server went away: scenarios see it from their own side
        except Exception as e:  # pylint: disable=broad-except  a script's mistake must not pass in silence
            if not self.closing:
                self.troubles.append(repr(e))
        finally:
            sock.close()

    def stop(self):
        """Closes the listener and every connection; refuses from now on."""
        self.closing = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for call in self.calls:
            try:
                call.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(TIMEOUT_S)
