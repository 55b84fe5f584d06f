# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A TLS 1.2 server behind a relay that answers tickets with short session ids as Ticketbleed (CVE-2016-9244) did."""

import os
import socket
import ssl
import struct
import threading

from .responder import Gone, Hello, block, message, record


class TicketRelay:
    """with TicketRelay(pair, bleeds=True) as r: r.port. Good ones echo the id as it was sent."""

    def __init__(self, pair, bleeds):
        self.bleeds = bleeds
        self.tickets = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(pair.cert, pair.key)
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

    def _serve(self, link):
        try:
            link.settimeout(20)
            head = link.recv(65536, socket.MSG_PEEK)
            if head[:1] == b"\x16" and self._answer(link, head):
                return
            with self.context.wrap_socket(link, server_side=True) as tls:
                tls.recv(4096)
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        except (Gone, OSError, IndexError):
            pass
        finally:
            link.close()

    def _answer(self, link, head):
        """True: this hello resumes with a short id, and was answered."""
        hello = Hello(head[9:])
        if not hello.extensions.get(35) or not 0 < len(hello.session_id) < 32:
            return False
        self.tickets += 1
        echoed = hello.session_id + (os.urandom(32 - len(hello.session_id)) if self.bleeds else b"")
        body = b"\3\3" + os.urandom(32) + block(1, echoed) + struct.pack(">HB", hello.suites[0], 0)
        link.sendall(record(22, 0x0303, message(2, body)))
        link.recv(1)
        return True
