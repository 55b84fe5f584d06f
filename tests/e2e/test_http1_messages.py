# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""HTTP/1.1 as clients speak it: keep-alive, pipelining, bodies of both framings, methods, expectations, ends."""

import hashlib
import json
import subprocess
import threading

import pytest

from lib.http import Ended
from lib.shared import shared_server
from lib.tlsbytes import TlsBytes

CONFIG = """
sites:
  localhost:
    routes:
      - {path: /app, proxy: "{app}"}
      - {path: /, root: "{www}"}
"""
BIG = bytes(range(256)) * 4096


def tell(call):
    """What the upstream saw, trailers too; /app/big answers with a megabyte in chunks and a trailer."""
    while head := call.read_head():
        method, target, fields = head
        chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        body, trailers = call.reader.chunks() if chunked else (call.read_body(fields), None)
        if target.startswith("/app/big"):
            call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
            if method != "HEAD":
                for i in range(0, len(BIG), 65536):
                    call.send(b"10000\r\n" + BIG[i:i + 65536] + b"\r\n")
                call.send(b"0\r\nX-Sum: 42\r\n\r\n")
            continue
        told = {"method": method, "target": target, "fields": fields.lines, "sum": hashlib.sha256(body).hexdigest(),
                "n": len(body), "trailers": trailers.lines if trailers else []}
        call.answer(json.dumps(told), method=method)


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    with shared_server(CONFIG, script=tell, files={"index.html": "hello\n", "a/index.html": "a\n"}) as s:
        yield s


def test_keep_alive_serves_hundred_requests_on_one_connection(shared):
    before = shared.metrics()["port443_connections_accepted_total"]
    with shared.tls() as link:
        for _ in range(100):
            answer = link.get("/")
            assert (answer.status, answer.body) == (200, b"hello\n")
            assert answer.headers.get("connection") is None
    assert shared.metrics()["port443_connections_accepted_total"] == before + 1


def test_close_is_obeyed_and_told(shared):
    with shared.tls() as link:
        assert link.get("/", close=True).headers["connection"] == "close"
        assert link.reader.closed()


def test_http10_closes_unless_asked(shared):
    with shared.tls() as link:
        link.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert link.response().body == b"hello\n"
        assert link.reader.closed()
    with shared.tls() as link:
        for _ in range(2):
            link.send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
            assert link.response().headers["connection"].lower() == "keep-alive"


def test_http10_gets_no_chunks(shared):
    with shared.tls() as link:
        link.send("GET /app/big HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = link.response()
        assert "transfer-encoding" not in answer.headers
        assert answer.body == BIG


def test_pipelined_requests_are_answered_in_order(shared):
    """Also behind bodies of both framings, and when one of them goes to an upstream."""
    with shared.tls() as link:
        link.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  b"POST /app/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
                  b"POST /app/2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                  b"3\r\nabc\r\n0\r\n\r\n"
                  b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  b"GET /a/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert link.response().body == b"hello\n"
        assert (lambda t: (t["target"], t["n"]))(link.response().json()) == ("/app/1", 5)
        assert (lambda t: (t["target"], t["n"]))(link.response().json()) == ("/app/2", 3)
        assert link.response("HEAD").headers["content-length"] == "6"
        assert link.response().status == 404
        assert link.response().body == b"a\n"


def test_five_hundred_pipelined_requests(shared):
    with shared.tls() as link:
        sender = threading.Thread(target=link.send, args=("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500,))
        sender.start()
        for _ in range(500):
            assert link.response().body == b"hello\n"
        sender.join()


def test_chunked_body_arrives_with_its_trailers(shared):
    with shared.tls() as link:
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        for piece in (BIG[:1], BIG[1:70000], BIG[70000:]):
            link.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        link.send("0\r\nX-Sum: 7\r\nContent-Length: 1\r\nHost: other\r\nAuthorization: x\r\n\r\n")
        told = link.response().json()
        assert (told["n"], told["sum"]) == (len(BIG), hashlib.sha256(BIG).hexdigest())
        assert told["trailers"] == [["X-Sum", "7"]], "what frames, routes or authorises has no place behind the body"
        assert link.get("/").status == 200


def test_chunked_answer_keeps_its_trailer(shared):
    with shared.tls() as link:
        answer = link.get("/app/big")
        assert (answer.body, answer.trailers.get("x-sum")) == (BIG, "42")
        assert "content-length" not in answer.headers


def test_upload_with_a_length(shared):
    with shared.tls() as link:
        told = link.get("/app", method="POST", body=BIG).json()
        assert told["sum"] == hashlib.sha256(BIG).hexdigest()
        assert ["Content-Length", str(len(BIG))] in [[k.title(), v] for k, v in told["fields"]]


@pytest.mark.parametrize("target", ["/", "/none", "/a", "/app/x", "/app/big"])
def test_head_is_get_without_its_body(shared, target):
    with shared.tls() as link:
        head, get = link.get(target, method="HEAD"), link.get(target)
        drop = ("date", "transfer-encoding", "trailer", "content-length" if target == "/app/x" else "")
        assert head.status == get.status
        assert [f for f in head.headers.lines if f[0].lower() not in drop] == \
               [f for f in get.headers.lines if f[0].lower() not in drop]
        assert link.get("/").body == b"hello\n", "not a byte too many came before"


def test_options(shared):
    with shared.tls() as link:
        answer = link.get("/", method="OPTIONS")
        assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
        assert link.get("/app/x", method="OPTIONS").json()["method"] == "OPTIONS"


def test_options_asterisk_is_about_the_server(shared):
    with shared.tls() as link:
        answer = link.get("*", method="OPTIONS")
        assert answer.status in (200, 204)
        assert "GET" in answer.headers["allow"]
        assert link.get("/").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "GETX"])
def test_files_take_no_other_method(shared, method):
    with shared.tls() as link:
        answer = link.get("/", method=method)
        assert answer.status in (405, 501)
        assert answer.status != 405 or answer.headers["allow"].startswith("GET, HEAD")


def test_expect_continue(shared):
    with shared.tls() as link:
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert link.response().status == 100
        link.send("hello")
        assert link.response().json()["n"] == 5
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert link.response().status == 100
        link.send("5\r\nhello\r\n0\r\n\r\n")
        assert link.response().json()["n"] == 5


def test_expect_continue_is_not_sent_to_one_that_did_not_wait(shared):
    with shared.tls() as link:
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
        first = link.response()
        final = first if first.status == 200 else link.response()
        assert first.status in (100, 200) and final.json()["n"] == 5
        assert link.get("/").body == b"hello\n"


def test_curl_uploads_and_downloads(shared, tmp_path):
    """curl as it comes: Expect on a large upload, HTTP/1.1 and 2, compressed answers asked for."""
    (tmp_path / "up").write_bytes(BIG * 3)
    for version in ("--http1.1", "--http2"):
        told = shared.curl("/app", version, "--data-binary", f"@{tmp_path}/up", "-H", "Expect: 100-continue").json()
        assert told["sum"] == hashlib.sha256(BIG * 3).hexdigest()
        assert shared.curl("/app/big", version).body == BIG


def test_half_close_behind_a_request_still_gets_the_answer(shared):
    for target, body in (("/", b"hello\n"), ("/app/big", BIG)):
        link = TlsBytes(shared.tcp())
        link.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        link.say_end()
        assert link.response().body == body
        assert link.reader.closed()


def test_openssl_s_client(shared):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{shared.https_port}", "-servername", "localhost",
                           "-quiet"], check=False, capture_output=True, timeout=10,
                          input=b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert done.stdout.startswith(b"HTTP/1.1 200") and done.stdout.endswith(b"hello\n")


@pytest.mark.parametrize("how", ["reset", "half_close", "close"])
def test_body_that_never_ends_is_no_request(shared, how):
    """The client leaves in mid body: the upstream must not take what came for the whole."""
    with shared.tls() as link:
        link.send(b"POST /app/cut?%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" % how.encode()
                  + bytes(300000))
        getattr(link, how)()
        if how == "half_close":
            with pytest.raises((Ended, ConnectionError)):
                link.response()
    row = shared.access.wait(target=f"/app/cut?{how}")
    assert row["status"] in (0, 400) and row["end"], row
    assert shared.curl("/").status == 200


def test_client_that_leaves_in_mid_download(shared):
    with shared.tls(receive_bytes=4096) as link:
        link.request("/app/big")
        link.reader.until(b"\r\n\r\n")
        link.reset()
    shared.access.wait(target="/app/big", bytes_out=lambda n: n < len(BIG))
    assert shared.curl("/app/big").body == BIG


def test_every_answer_has_a_date_and_a_request_id_in_the_log(shared):
    with shared.tls() as link:
        assert link.get("/?date").headers["date"].endswith(" GMT")
    row = shared.access.wait(target="/?date")
    assert row["status"] == 200
