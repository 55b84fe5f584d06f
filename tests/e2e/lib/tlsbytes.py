# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A TLS client over memory, so that a scenario decides how the ciphertext itself travels."""

import ssl

from .http import Reader
from .link import tcp_nodelay, tls_context


class TlsBytes:
    """Over a connected plain Link. `drip`: every byte in a send of its own, the handshake's too."""

    def __init__(self, link, sni="localhost", drip=False, alpn=("http/1.1",), **how):
        self.sock, self.drip = link.sock, drip
        tcp_nodelay(self.sock)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = tls_context(alpn=list(alpn), **how)
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=sni)
        self.reader = Reader(self)
        self._until_done(self.tls.do_handshake)

    def _push(self):
        data = self.outgoing.read()
        for i in range(0, len(data), 1 if self.drip else max(len(data), 1)):
            self.sock.sendall(data[i:i + 1] if self.drip else data)

    def _until_done(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._push()
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            finally:
                self._push()

    def send(self, data):
        self.tls.write(data.encode() if isinstance(data, str) else data)
        self._push()

    def recv(self, n):
        try:
            return self._until_done(lambda: self.tls.read(n))
        except ssl.SSLZeroReturnError:
            return b""

    def say_end(self):
        """close_notify and a FIN: our direction is over, the other goes on."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self._push()
        self.sock.shutdown(1)

    def response(self, method="GET"):
        return self.reader.response(method)
