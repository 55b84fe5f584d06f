# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Stop: nothing new, the old ends by itself, or is cut at the bound."""

import os
import signal
import threading
import time

import pytest
from lib.wait import wait_for

SIZE = 3 * 1024 * 1024


@pytest.fixture(name="big")
def fixture_big(site):
    (site / "big.bin").write_bytes(os.urandom(1024) * (SIZE // 1024))
    return site


def test_stop_by_verb_and_by_signal(server, site):
    for stop in (lambda s: s.verb("stop"), lambda s: os.kill(s.pid, signal.SIGTERM), lambda s: os.kill(s.pid, signal.SIGINT)):
        s = server([f"localhost={site}"], workers=2)
        assert s.curl("/").status == 200
        stop(s)
        assert s.ended() == 0
        assert s.events.find("stopping")
        assert not (s.state / "port443.sock").exists()


def test_a_slow_download_finishes(server, big):
    s = server([f"localhost={big}"])
    with s.tls(receive_bytes=16384) as link:
        link.request("/big.bin")
        start, fields = link.reader.head()
        assert " 200 " in start
        assert s.verb("stop").returncode == 0
        s.events.wait("stopping")
        body = link.reader.exactly(int(fields["content-length"]))
        assert body == (big / "big.bin").read_bytes()
        link.close()
    assert s.ended() == 0
    assert not s.events.find("drain_cut")


def test_no_new_connection_meanwhile(server, big):
    s = server([f"localhost={big}"])
    with s.tls(receive_bytes=16384) as link:
        link.request("/big.bin")
        link.reader.head()
        s.verb("stop")
        s.events.wait("stopping")

        def refused():
            try:
                s.tcp(timeout=0.2).close()
                return False
            except ConnectionRefusedError:
                return True
        wait_for(refused, "new connections to be refused while the old one drains", 5)
        assert link.reader.exactly(1000)


def test_idle_connections_end_at_once(server, site):
    s = server([f"localhost={site}"])
    h1, h2 = s.tls(), s.h2()
    assert h1.get("/").status == 200 and h2.get("/").status == 200
    s.verb("stop")
    assert h1.reader.closed()
    assert h2.closed() == 0  # GOAWAY without an error
    h1.close()
    h2.close()
    assert s.ended(5) == 0


def test_a_client_that_has_just_come_may_ask(server, site):
    """Its request is on the way already when the stop comes."""
    s = server([f"localhost={site}"])
    fresh = s.tls()
    s.verb("stop")
    s.events.wait("stopping")
    answer = fresh.get("/")
    assert answer.text == "hello\n" and answer.headers["connection"] == "close"
    fresh.close()
    assert s.ended(5) == 0


def test_a_silent_client_does_not_hold_the_stop_up(server, site):
    s = server([f"localhost={site}"])
    with s.tls() as link, s.plain() as plain:
        s.verb("stop")
        assert link.reader.closed() and plain.reader.closed()
    assert s.ended(5) == 0


def test_the_request_under_way_gets_its_answer_and_the_close(server, upstream):
    go = threading.Event()

    def script(call):
        call.read_head()
        call.wait(go)
        call.answer(b"late")
    s = server([f"localhost={upstream(script).port}"])
    with s.tls() as link:
        link.request("/")
        wait_for(lambda: s.report()["requests_open"] == 1, "the request to be under way")
        s.verb("stop")
        s.events.wait("stopping")
        go.set()
        answer = link.response()
        assert answer.text == "late" and answer.headers["connection"] == "close"
        assert link.reader.closed()
    assert s.ended(5) == 0


def test_an_endless_download_is_cut_at_the_bound(server, upstream):
    def script(call):
        call.read_head()
        call.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            call.send("3\r\nabc\r\n")
            time.sleep(0.02)  # an endless stream at its own pace
    s = server(f"drain_timeout: 400ms\nsites: {{localhost: {{proxy: '{upstream(script).url}'}}}}")
    with s.tls() as link:
        link.request("/")
        assert " 200 " in link.reader.head()[0]
        began = time.monotonic()
        s.verb("stop")
        assert s.ended(10) == 0
        assert 0.3 < time.monotonic() - began < 5
    assert s.events.find("drain_cut")[0]["connections"] == 1


def test_a_second_stop_changes_nothing(server, big):
    s = server([f"localhost={big}"])
    with s.tls(receive_bytes=16384) as link:
        link.request("/big.bin")
        _, fields = link.reader.head()
        s.verb("stop")
        s.events.wait("stopping")
        os.kill(s.pid, signal.SIGTERM)
        assert len(link.reader.exactly(int(fields["content-length"]))) == SIZE
    assert s.ended() == 0


def test_start_again_at_once(server, site, tmp_path):
    """The same ports and state directory are free as soon as the program has ended."""
    first = server([f"localhost={site}"])
    assert first.curl("/").status == 200
    assert first.stop() == 0
    words = ["serve", f"localhost={site}", "--state", tmp_path / "state", "--https-port", first.https_port,
             "--http-port", first.http_port, "--workers", 1]
    first._spawn()  # the same words on the same ports
    assert first._ready(), words
    assert first.curl("/").status == 200
