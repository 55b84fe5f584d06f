# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""TLS whose bytes a scenario carries itself, so that it decides how they arrive."""

import ssl
import subprocess

from .link import TIMEOUT_S


class TlsBytes:
    """A client session between two memory buffers and a connected socket."""

    def __init__(self, sock, context, sni):
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=sni)

    def hello(self):
        """The bytes of the ClientHello; nothing is sent yet."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def shake(self, write):
        """The rest of the handshake; write(bytes) sends."""
        while True:
            try:
                self.tls.do_handshake()
                write(self.outgoing.read())
                return
            except ssl.SSLWantReadError:
                write(self.outgoing.read())
                data = self.sock.recv(65536)
                if not data:
                    self.incoming.write_eof()
                self.incoming.write(data)

    def sealed(self, data):
        """The records that carry these bytes."""
        self.tls.write(data)
        return self.outgoing.read()

    def read(self):
        """The next bytes of the server; b"" at its close_notify."""
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionError("closed without close_notify") from None
                self.incoming.write(data)
            except ssl.SSLZeroReturnError:
                return b""


def s_client(port, *args, say="", address="127.0.0.1", server_name="localhost"):
    """The openssl program as a client; everything that it printed."""
    name = ["-servername", server_name] if server_name else ["-noservername"]
    done = subprocess.run(["openssl", "s_client", "-connect", f"{address}:{port}", *name, *args], input=say, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S * 2, check=False,
                          errors="replace")
    return done.stdout
