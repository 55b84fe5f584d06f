# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Requests that two programs on their way could cut differently: 400, the connection ends, nothing behind is answered."""

import pytest

from lib.shared import shared_server

CONFIG = """
sites:
  localhost:
    routes:
      - {path: /app, proxy: "{app}"}
      - {path: /, root: "{www}"}
"""
# What an attacker hides: were it taken for a request, the upstream would see it.
HIDDEN = b"GET /app/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    with shared_server(CONFIG) as s:
        yield s


def head(*lines, start=b"POST /app HTTP/1.1\r\n", host=b"Host: localhost\r\n"):
    return start + host + b"".join(lines) + b"\r\n"


HEADS = {
    "length and chunked": head(b"Content-Length: 5\r\n", CHUNKED) + b"0\r\n\r\n",
    "chunked and length": head(CHUNKED, b"Content-Length: 5\r\n") + b"0\r\n\r\n",
    "two different lengths": head(b"Content-Length: 5\r\n", b"Content-Length: 6\r\n") + b"hello",
    "two equal lengths": head(b"Content-Length: 5\r\n", b"Content-Length: 5\r\n") + b"hello",
    "length list": head(b"Content-Length: 5, 5\r\n") + b"hello",
    "length with a plus": head(b"Content-Length: +5\r\n") + b"hello",
    "negative length": head(b"Content-Length: -5\r\n") + b"hello",
    "hexadecimal length": head(b"Content-Length: 0x5\r\n") + b"hello",
    "length with a letter": head(b"Content-Length: 5a\r\n") + b"hello",
    "length with a space inside": head(b"Content-Length: 1 0\r\n") + b"hello",
    "empty length": head(b"Content-Length:\r\n"),
    "length of 2^63": head(b"Content-Length: 9223372036854775808\r\n"),
    "length of 2^64 + 5": head(b"Content-Length: 18446744073709551621\r\n") + b"hello",
    "length with underscore digits": head(b"Content-Length: 1_0\r\n") + b"hello",
    "coding identity": head(b"Transfer-Encoding: identity\r\n"),
    "coding gzip, chunked": head(b"Transfer-Encoding: gzip, chunked\r\n") + b"0\r\n\r\n",
    "coding chunked twice": head(b"Transfer-Encoding: chunked, chunked\r\n") + b"0\r\n\r\n",
    "coding chunked in two lines": head(CHUNKED, CHUNKED) + b"0\r\n\r\n",
    "coding xchunked": head(b"Transfer-Encoding: xchunked\r\n") + b"0\r\n\r\n",
    "coding chunked with a comma": head(b"Transfer-Encoding: chunked,\r\n") + b"0\r\n\r\n",
    "coding quoted": head(b'Transfer-Encoding: "chunked"\r\n') + b"0\r\n\r\n",
    "coding with parameter": head(b"Transfer-Encoding: chunked;q=1\r\n") + b"0\r\n\r\n",
    "coding behind a vertical tab": head(b"Transfer-Encoding: \x0bchunked\r\n") + b"0\r\n\r\n",
    "empty coding": head(b"Transfer-Encoding:\r\n"),
    "chunked in HTTP/1.0": head(CHUNKED, start=b"POST /app HTTP/1.0\r\n") + b"0\r\n\r\n",
    "space before the colon": head(b"Transfer-Encoding : chunked\r\n") + b"0\r\n\r\n",
    "tab before the colon": head(b"Content-Length\t: 5\r\n") + b"hello",
    "obs-fold": head(b"X-A: b\r\n c\r\n"),
    "obs-fold hides chunked": head(b"X-A: b\r\n Transfer-Encoding: chunked\r\n"),
    "obs-fold by tab": head(b"X-A: b\r\n\tc\r\n"),
    "space before the first field": head(host=b" Host: localhost\r\n"),
    "bare LF ends a field": head(b"X-A: b\n"),
    "bare LF ends the request line": head(start=b"GET /app HTTP/1.1\n"),
    "bare LF ends the head": b"GET /app HTTP/1.1\r\nHost: localhost\r\n\n",
    "bare CR in a value": head(b"X-A: b\rc\r\n"),
    "bare CR ends a field": head(b"X-A: b\rX-B: c\r\n"),
    "CR CR LF": head(b"X-A: b\r\r\n"),
    "NUL in a value": head(b"X-A: b\0c\r\n"),
    "NUL in a name": head(b"X\0A: b\r\n"),
    "NUL in the target": head(start=b"GET /app\0 HTTP/1.1\r\n"),
    "control byte in a value": head(b"X-A: b\x01c\r\n"),
    "DEL in a value": head(b"X-A: b\x7fc\r\n"),
    "no colon": head(b"X-A\r\n"),
    "empty name": head(b": value\r\n"),
    "name with a slash": head(b"X/A: b\r\n"),
    "name with a high byte": head(b"X-\xe4: b\r\n"),
    "no host": head(host=b""),
    "two hosts": head(b"Host: localhost\r\n"),
    "host with a path": head(host=b"Host: localhost/x\r\n"),
    "host with user": head(host=b"Host: a@localhost\r\n"),
    "host list": head(host=b"Host: localhost, other\r\n"),
    "host with a bad port": head(host=b"Host: localhost:80a\r\n"),
    "host with port 0": head(host=b"Host: localhost:0\r\n"),
    "two spaces in the request line": head(start=b"GET  /app HTTP/1.1\r\n"),
    "tab in the request line": head(start=b"GET\t/app HTTP/1.1\r\n"),
    "space behind the version": head(start=b"GET /app HTTP/1.1 \r\n"),
    "space in the target": head(start=b"GET /a pp HTTP/1.1\r\n"),
    "no version": head(start=b"GET /app\r\n"),
    "version in lower case": head(start=b"GET /app http/1.1\r\n"),
    "version with two digits": head(start=b"GET /app HTTP/1.10\r\n"),
    "method with a colon": head(start=b"GE:T /app HTTP/1.1\r\n"),
    "fragment in the target": head(start=b"GET /app#x HTTP/1.1\r\n"),
    "high byte in the target": head(start=b"GET /\xe4 HTTP/1.1\r\n"),
    "asterisk for GET": head(start=b"GET * HTTP/1.1\r\n"),
    "relative target": head(start=b"GET app HTTP/1.1\r\n"),
    "absolute target of another scheme": head(start=b"GET ftp://localhost/app HTTP/1.1\r\n"),
    "absolute target with user": head(start=b"GET https://a@localhost/app HTTP/1.1\r\n"),
    "target and host disagree": head(start=b"GET https://other/app HTTP/1.1\r\n"),
    "three empty lines in front": b"\r\n\r\n\r\n" + head(start=b"GET /app HTTP/1.1\r\n"),
    "NUL path": head(start=b"GET /app%00 HTTP/1.1\r\n"),
    "backslash in the path": head(start=b"GET /app\\..\\x HTTP/1.1\r\n"),
    "escaped backslash": head(start=b"GET /app%5Cx HTTP/1.1\r\n"),
    "bad escape": head(start=b"GET /app%zz HTTP/1.1\r\n"),
    "cut escape": head(start=b"GET /app%2 HTTP/1.1\r\n"),
    "dots behind an escaped slash": head(start=b"GET /app%2F..%2Fx HTTP/1.1\r\n"),
    "seventeen names in Connection": head(b"Connection: " + b",".join(b"x%d" % i for i in range(17)) + b"\r\n"),
    "garbage": b"\x80\x00\x01\x03\x01garbage\r\n\r\n",
}

# The head is good, so the upstream may have seen it; the body is not.
BODIES = {
    "size is no number": b"x\r\nhello\r\n0\r\n\r\n",
    "size is empty": b"\r\nhello\r\n0\r\n\r\n",
    "size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "size with a blank in front": b" 5\r\nhello\r\n0\r\n\r\n",
    "size and a blank": b"5 \r\nhello\r\n0\r\n\r\n",
    "size of 2^64 + 5": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "size of 2^63": b"8000000000000000\r\nhello\r\n0\r\n\r\n",
    "size with 17 digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "bare LF behind the size": b"5\nhello\r\n0\r\n\r\n",
    "bare CR behind the size": b"5\rhello\r\n0\r\n\r\n",
    "bare LF behind the data": b"5\r\nhello\n0\r\n\r\n",
    "no line end behind the data": b"5\r\nhello0\r\n\r\n",
    "data longer than the size": b"5\r\nhello!\r\n0\r\n\r\n",
    "bare LF in an extension": b"5;a=\nb\r\nhello\r\n0\r\n\r\n",
    "bare CR in an extension": b"5;a=\rb\r\nhello\r\n0\r\n\r\n",
    "extension of 17 KB": b"5;" + b"a" * 17000 + b"\r\nhello\r\n0\r\n\r\n",
    "bare LF ends the body": b"5\r\nhello\r\n0\r\n\n",
    "trailer without a colon": b"5\r\nhello\r\n0\r\nX\r\n\r\n",
    "trailer with a blank before the colon": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    "folded trailer": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "NUL in a trailer": b"5\r\nhello\r\n0\r\nX: \0\r\n\r\n",
}


def refused(shared, data):
    """Sends, and returns the statuses that came before the connection's end."""
    link = shared.tls()
    link.send(data)
    statuses = []
    while True:
        if not link.reader.buffer and link.reader.closed():
            return statuses
        statuses.append(link.response().status)


@pytest.mark.parametrize("case", HEADS)
def test_ambiguous_head(shared, case):
    assert refused(shared, HEADS[case] + HIDDEN) == [400]
    assert [r[1] for r in shared.app.requests if "hidden" in r[1]] == []


@pytest.mark.parametrize("case", BODIES)
def test_ambiguous_chunked_body(shared, case):
    assert refused(shared, head(CHUNKED) + BODIES[case] + HIDDEN) == [400]
    assert [r[1] for r in shared.app.requests if "hidden" in r[1]] == []


def test_split_at_every_byte_is_refused_the_same(shared):
    data = head(b"Content-Length: 5\r\n", CHUNKED) + HIDDEN
    for at in range(1, len(data), 7):
        link = shared.tls()
        link.send(data[:at])
        link.send(data[at:])
        assert link.response().status == 400
        assert link.reader.closed()


@pytest.mark.parametrize("start, status", [(b"GET / HTTP/2.0\r\n", 505), (b"GET / HTTP/0.9\r\n", 505),
                                           (b"CONNECT localhost:443 HTTP/1.1\r\n", 501)])
def test_other_protocols(shared, start, status):
    assert refused(shared, head(start=start) + HIDDEN) == [status]


def test_body_of_a_refused_method_is_no_request(shared):
    """0.CL: files answer POST before they read the body, which must not become the next request."""
    with shared.tls() as link:
        link.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
                  + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert link.response().status == 405
        assert link.response().body == b"hello\n"
    assert [r[1] for r in shared.app.requests if "hidden" in r[1]] == []


def test_expectation_answered_early_ends_the_connection(shared):
    """Whether the body still comes is unknown: what follows must not be taken for a request."""
    assert refused(shared, head(b"Content-Length: 5\r\nExpect: 100-continue\r\n", start=b"POST / HTTP/1.1\r\n")
                   + HIDDEN) == [405]


def test_what_looks_odd_but_is_clear(shared):
    """Two empty lines in front, a chunk extension, blanks around a value, a lower-case coding name."""
    with shared.tls() as link:
        link.send(b"\r\n\r\nPOST /app HTTP/1.1\r\nhost:   localhost \t\r\ntransfer-encoding: Chunked\r\n\r\n"
                  b"00005;name=value\r\nhello\r\n0\r\nX-T: 1\r\n\r\n")
        assert link.response().json()["body"] == "hello"
        assert link.get("/").status == 200
