# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Client connections: plain and TLS sockets of every odd kind, slow readers and slow writers."""

import socket
import ssl

from .http import Reader

TIMEOUT_S = 10.0


class Link:
    """One connection: the socket, its reader, and the shorthands scenarios use."""

    def __init__(self, sock):
        self.sock = sock
        self.reader = Reader(sock)

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def request(self, target="/", method="GET", host="localhost", fields=(), body=b"", close=False):
        """Writes a request; a body gets its Content-Length."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{k}: {v}" for k, v in fields)]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        if close:
            lines.append("Connection: close")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def response(self, method="GET"):
        return self.reader.response(method)

    def get(self, target="/", **how):
        self.request(target, **how)
        return self.response(how.get("method", "GET"))

    def drip(self, data, size=1):
        """Writes a few bytes at a time, each as a packet (and TLS record) of its own."""
        tcp_nodelay(self.sock)
        for i in range(0, len(data), size):
            self.sock.sendall(data[i : i + size])

    def half_close(self):
        """Ends our direction only; the other goes on. On TLS this is close_notify at TCP's level: a FIN."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends with a TCP reset instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.sock.close()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def tcp_nodelay(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def tcp(port, address="127.0.0.1", receive_bytes=0, timeout=TIMEOUT_S):
    """A connected plain socket; receive_bytes makes a small window (a slow reader)."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.connect((address, port))
        tcp_nodelay(sock)  # as all real clients do; else every request behind a handshake waits 40 ms
    except OSError:
        sock.close()
        raise
    return sock


def tls_context(cafile=None, alpn=None, versions=None, ciphers=None, curve=None):
    """A client context. cafile None: no verification. versions: (lowest, highest) of ssl.TLSVersion."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if cafile is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cafile=str(cafile))
    if versions:
        context.minimum_version, context.maximum_version = versions
    if alpn:
        context.set_alpn_protocols(alpn)
    if ciphers:
        context.set_ciphers(ciphers)
    if curve:
        context.set_ecdh_curve(curve)
    return context


def wrap(sock, context, sni, session=None):
    """The handshake over a connected socket; sni None sends no name."""
    if sni is None:
        context.check_hostname = False
    try:
        return context.wrap_socket(sock, server_hostname=sni, session=session)
    except (OSError, ssl.SSLError):
        sock.close()
        raise
