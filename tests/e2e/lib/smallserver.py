# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Small servers in threads for what is looked at: HTTPS with a context of one's own, SMTP with STARTTLS, a CONNECT proxy."""

import contextlib
import socket
import ssl
import threading

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


def _until(sock, end):
    data = b""
    while not data.endswith(end):
        piece = sock.recv(4096)
        if not piece:
            break
        data += piece
    return data


def context(pair, client_ca=None, lowest=ssl.TLSVersion.TLSv1_2):
    """A server's context; client_ca: clients must show a certificate of it."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pair.cert, pair.key)
    made.minimum_version = lowest
    if client_ca:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(client_ca)
    return made


def https(tls):
    """One request, one answer."""
    def serve(sock):
        with tls.wrap_socket(sock, server_side=True) as secure:
            if _until(secure, b"\r\n\r\n"):
                secure.sendall(ANSWER)
                secure.unwrap()
    return serve


def smtp(tls):
    """Says what a mail server says, as far as STARTTLS."""
    def serve(sock):
        sock.sendall(b"220 mail.test ESMTP\r\n")
        assert _until(sock, b"\n").startswith(b"EHLO ")
        sock.sendall(b"250-mail.test\r\n250 STARTTLS\r\n")
        assert _until(sock, b"\n").upper() == b"STARTTLS\r\n"
        sock.sendall(b"220 go\r\n")
        with tls.wrap_socket(sock, server_side=True) as secure:
            secure.recv(1)
    return serve


def _copy(source, to):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_WR)


def proxy(port, asked):
    """CONNECT to whatever leads to `port` of this machine; `asked` collects the hosts."""
    def serve(sock):
        line = _until(sock, b"\r\n\r\n").split(b" ")
        asked.append(line[1].decode())
        with socket.create_connection(("127.0.0.1", port)) as to:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(to, sock), daemon=True)
            back.start()
            _copy(sock, to)
            back.join()
    return serve


@contextlib.contextmanager
def running(serve):
    """The port on 127.0.0.1 where serve(socket) is called for every connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        def one(sock):
            with sock, contextlib.suppress(OSError, ssl.SSLError):
                serve(sock)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = listener.accept()
                    threading.Thread(target=one, args=(sock,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
