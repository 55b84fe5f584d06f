# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""How hellos arrive, and what is no hello: in pieces, never, in plain text, as garbage."""

import pytest
from lib.http import Ended
from lib.link import tls_context
from lib.tlsbio import TlsBytes
from lib.wait import wait_for

CONFIG = "limits: {handshake_timeout: 300ms}\nsites: {localhost: {respond: ok}}"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def answer_of(link, tls):
    text = b""
    while data := tls.read():
        text += data
    return text


def test_one_byte_at_a_time(server):
    s = server("sites: {localhost: {respond: ok}}")
    with s.tcp() as link:
        tls = TlsBytes(link.sock, tls_context(s.root), "localhost")
        link.drip(tls.hello())
        tls.shake(link.drip)
        link.drip(tls.sealed(REQUEST))
        assert answer_of(link, tls).endswith(b"\r\n\r\nok")


def test_a_hello_in_many_records(server):
    """RFC 8446 5.1: a handshake message may span records."""
    s = server("sites: {localhost: {respond: ok}}")
    with s.tcp() as link:
        tls = TlsBytes(link.sock, tls_context(s.root), "localhost")
        body = tls.hello()[5:]
        pieces = [body[i : i + 50] for i in range(0, len(body), 50)]
        link.send(b"".join(b"\x16\x03\x01" + len(p).to_bytes(2, "big") + p for p in pieces))
        tls.shake(link.send)
        link.send(tls.sealed(REQUEST))
        assert answer_of(link, tls).endswith(b"\r\n\r\nok")


def test_request_in_the_packet_of_the_finished(server):
    s = server("sites: {localhost: {respond: ok}}")
    with s.tcp() as link:
        tls = TlsBytes(link.sock, tls_context(s.root), "localhost")
        last = []
        link.send(tls.hello())
        tls.shake(last.append)
        link.send(b"".join(last) + tls.sealed(REQUEST))
        assert answer_of(link, tls).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("text", ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST /x HTTP/1.1\r\n", "HEAD / HTTP/1.0\r\n\r\n",
                                  "SSH-2.0-OpenSSH_9.2\r\n"])
def test_plain_text_on_the_tls_port(server, text):
    s = server(CONFIG)
    with s.tcp() as link:
        link.send(text)
        answer = link.response()
        assert (answer.status, answer.text, answer.headers["connection"]) == (400, "This port speaks HTTPS.\n", "close")
        assert link.reader.closed()


@pytest.mark.parametrize("data", [b"\x00" * 64, b"\x01\x00\x02 binary", b"\x16\x03\x01\xff\xff" + b"x" * 100,
                                  b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", b"\x15\x03\x01\x00\x02\x02\x28",
                                  b"\x80\x2e\x01\x00\x02"])
def test_garbage_is_closed(server, data):
    s = server("sites: {localhost: {respond: ok}}")
    with s.tcp() as link:
        link.send(data)
        try:
            left = link.reader.rest()
        except ConnectionResetError:
            left = b""
        assert left == b"" or (left[0] == 21 and len(left) == 7)  # at most one alert
    assert s.curl("/").status == 200


def test_a_truncated_hello_then_the_end(server):
    s = server("sites: {localhost: {respond: ok}}")
    hello = TlsBytes(None, tls_context(s.root), "localhost").hello()
    for cut in (1, 5, 6, 43, len(hello) - 1):
        with s.tcp() as link:
            link.send(hello[:cut])
            link.half_close()
            with pytest.raises((Ended, ConnectionResetError)):
                link.reader.exactly(1)
    wait_for(lambda: s.report()["connections"] == 0, "the connections to be forgotten")


def test_handshake_timeout(server):
    s = server(CONFIG)
    hello = TlsBytes(None, tls_context(s.root), "localhost").hello()
    with s.tcp() as link:
        link.send(hello[: len(hello) // 2])
        with pytest.raises((Ended, ConnectionResetError)):
            link.reader.exactly(100)
    with s.tcp() as link:  # a whole hello, then silence: the server's flight comes, then the end
        link.send(hello)
        link.reader.rest()
    with s.tls() as link:  # the bound is that of the handshake only
        assert link.get("/").text == "ok"


def test_a_silent_connection_does_no_harm(server):
    s = server(CONFIG)
    with s.tcp(), s.tcp():
        assert s.curl("/").status == 200
