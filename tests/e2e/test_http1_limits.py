# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""431, 414 and 413: by declared length, by what streams in, exactly at the bound."""

import pytest

from lib.h2frames import FrameClient
from lib.http import Ended
from lib.shared import shared_server

CONFIG = """
limits: {header_bytes: 8k, header_fields: 20, line_bytes: 2k, body_bytes: 100k, requests_per_connection: 5}
sites:
  localhost:
    routes:
      - {path: /app/any, proxy: "{app}", body_bytes: 0}
      - {path: /app/one, proxy: "{app}", body_bytes: 1}
      - {path: /app, proxy: "{app}"}
      - {path: /, root: "{www}"}
"""


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    with shared_server(CONFIG) as s:
        yield s


def status_and_end(link):
    status = link.response().status
    return status, link.reader.closed()


def test_line_at_its_bound(shared):
    with shared.tls() as link:
        assert link.get("/?" + "x" * 1500).status == 200
        link.request("/" + "x" * 2100)
        assert status_and_end(link) == (414, True)


def test_line_without_end(shared):
    with shared.tls() as link:
        link.send("GET /" + "x" * 4096)
        assert status_and_end(link) == (414, True)


@pytest.mark.parametrize("fields", [[("X", "y" * 9000)], [(f"X{i}", "y" * 500) for i in range(18)], [(f"X{i}", "") for i in range(21)]])
def test_fields_over_the_bound(shared, fields):
    with shared.tls() as link:
        link.request("/", fields=fields)
        assert status_and_end(link) == (431, True)
    with shared.h2() as h2:
        assert h2.get("/", fields=[(k.lower(), v) for k, v in fields]).status == 431
        assert h2.get("/").status == 200, "the connection goes on"


def test_fields_at_the_bound(shared):
    fields = [(f"X-{i}", "") for i in range(19)]
    with shared.tls() as link:
        assert link.get("/", fields=fields).status == 200, "and Host"
    with shared.h2() as h2:
        assert h2.get("/", fields=[(k.lower(), v) for k, v in fields[:16]]).status == 200, "and four pseudo-fields"


def test_field_without_end(shared):
    with shared.tls() as link:
        link.send("GET / HTTP/1.1\r\nX: " + "y" * 12000)
        assert status_and_end(link) == (431, True)


def test_body_by_its_declared_length(shared):
    """Refused before a byte of it is read."""
    before = len(shared.app.requests)
    with shared.tls() as link:
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 102401\r\n\r\n")
        assert status_and_end(link) == (413, True)
    with shared.tls() as link:
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 102401\r\nExpect: 100-continue\r\n\r\n")
        assert status_and_end(link) == (413, True), "and no 100"
    assert len(shared.app.requests) == before


def test_body_at_its_bound(shared):
    with shared.tls() as link:
        assert len(link.get("/app", method="POST", body=bytes(102400)).json()["body"]) == 102400


def test_body_that_grows_over_the_bound(shared):
    with shared.tls() as link:
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        link.send(b"".join(b"4000\r\n" + bytes(16384) + b"\r\n" for _ in range(7)))
        assert status_and_end(link) == (413, True)


def test_h2_body_over_the_bound(shared):
    with shared.h2() as h2:
        assert h2.response(h2.start("/app", "POST", fields=[("content-length", "102401")], end=False)).status == 413
    with shared.h2() as h2:
        stream = h2.start("/app", "POST", end=False)
        for _ in range(7):
            h2.data(stream, bytes(16384))
        assert h2.response(stream).status == 413
        assert h2.get("/").status == 200


def test_bound_of_a_route(shared):
    with shared.tls() as link:
        assert link.get("/app/any", method="POST", body=bytes(300000)).status == 200
        assert link.get("/app/one", method="POST", body=b"1").status == 200
        assert link.get("/app/one", method="POST", body=b"12").status == 413


def test_requests_of_one_connection(shared):
    with shared.tls() as link:
        for i in range(5):
            answer = link.get("/")
            assert (answer.headers.get("connection") == "close") == (i == 4)
        assert link.reader.closed()
    h2 = FrameClient(shared.tls(alpn=["h2"]))
    for _ in range(5):
        assert h2.request("/").status == 200
    assert h2.to_end().code == 0


def test_refusals_are_logged_and_counted(shared):
    before = shared.metrics()["port443_requests_rejected_total"]
    with shared.tls() as link:
        link.send("GET /logged HTTP/1.1\r\nBad Field: x\r\n\r\n")
        assert status_and_end(link) == (400, True)
    assert shared.access.wait(status=400)
    assert shared.metrics()["port443_requests_rejected_total"] == before + 1


def test_early_answer_reaches_a_client_that_still_sends(shared):
    """The rest of a refused upload is dropped within a bound, so that the answer arrives although bytes are unread."""
    with shared.tls() as link:
        link.send(b"POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n")
        try:
            for _ in range(40):
                link.send(bytes(16384))
        except OSError:
            pass
        try:
            assert link.response().status == 413
        except (Ended, ConnectionError) as e:
            raise AssertionError("the answer was destroyed by a reset") from e
