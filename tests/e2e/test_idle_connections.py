# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Many connections that ask nothing: their cost, their end, their number, and what happens without descriptors."""

import resource
import socket
import ssl
import time

import pytest

from lib.h2frames import FrameClient
from lib.link import Link, tcp, tls_context, wrap
from lib.proc import cpu_seconds, descriptors, most_descriptors, rss_kib
from lib.wait import wait_for

pytestmark = pytest.mark.alone

IDLE = 10000
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def files(site, limits):
    return f"limits: {{{limits}}}\nsites:\n  localhost: {{root: {site}}}\n"


def served(s):
    """How long a fresh connection with a request takes."""
    start = time.monotonic()
    with s.tls() as link:
        assert link.get("/").body == b"hello\n"
    return time.monotonic() - start


def test_idle_connection_is_closed_politely(server, site):
    s = server(files(site, "idle_timeout: 300ms"))
    for alpn in ("http/1.1", "h2"):
        with s.tls(alpn=[alpn]) as link:
            if alpn == "h2":
                FrameClient(link)
            start = time.monotonic()
            while link.sock.recv(4096):
                pass  # h2: SETTINGS and GOAWAY; without a close_notify at the end this raises
            assert 0.2 < time.monotonic() - start < 3
    assert s.metrics()["port443_tls_failed_handshakes_total"] == 0


def test_idle_timeout_starts_anew_with_each_request(server, site):
    s = server(files(site, "idle_timeout: 600ms"))
    with s.tls() as link:
        start = time.monotonic()
        while time.monotonic() - start < 1.5:
            assert link.get("/").status == 200
            link.sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                link.sock.recv(1)
            link.sock.settimeout(10)
        assert link.reader.closed()


def test_connections_of_one_address_are_capped(server, site):
    s = server(files(site, "connections_per_ip: 5"))
    kept = [s.tls() for _ in range(5)]
    with pytest.raises((OSError, ssl.SSLError)):
        s.tls()
    for link in kept:
        assert link.get("/").status == 200
    assert served_from(s, "127.0.0.2").status == 200, "another address has a count of its own"
    kept.pop().close()
    wait_for(lambda: opens(s), "room after a connection has ended")


def served_from(s, address):
    """A request from another loopback address."""
    sock = socket.create_connection(("127.0.0.1", s.https_port), 10, (address, 0))
    with Link(wrap(sock, tls_context(s.root), "localhost")) as link:
        return link.get("/")


def opens(s):
    try:
        s.tls().close()
        return True
    except OSError:
        return False


def test_connections_of_a_worker_are_capped_and_the_oldest_idle_one_goes(server, site):
    s = server(files(site, "connections: 20"))
    kept = []
    for _ in range(20):
        kept.append(s.tls())
        assert kept[-1].get("/").status == 200
    assert served(s) < 5
    gone = [link for link in kept if ended(link)]
    assert len(gone) in (1, 2) and gone[0] is kept[0]
    assert s.metrics()["port443_connections_shed_total"] >= 1
    for link in kept:
        if link not in gone:
            assert link.get("/").status == 200


def ended(link):
    link.sock.settimeout(0.02)
    try:
        return link.reader.closed()
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        link.sock.settimeout(10)


def test_out_of_descriptors(server, site):
    """Idle clients give way, new ones are served (files still open), nothing spins, everything recovers."""
    (site / "big").write_bytes(bytes(30 << 20))
    s = server(files(site, "connections: 20000"), prefix=["prlimit", "--nofile=64:64"])
    worker = s.worker_pids()[0]
    if most_descriptors(worker) > 64:  # a master with the right to do so has raised its own
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (64, 64))
        s.reload()
    busy = s.tls(receive_bytes=4096)
    busy.request("/big")
    busy.reader.until(b"\r\n\r\n")
    idle, refused = [], 0
    for _ in range(90):
        try:
            idle.append(s.tls())
        except OSError:
            refused += 1
    assert descriptors(worker) <= 64
    cpu, start = cpu_seconds(worker), time.monotonic()
    for _ in range(10):
        assert served(s) < 3
    assert cpu_seconds(worker) - cpu < 0.3 + 0.5 * (time.monotonic() - start), "the worker spins"
    waiting = [tcp(s.https_port) for _ in range(30)]  # more in the queue than can be accepted
    cpu = cpu_seconds(worker)
    time.sleep(1)  # under pressure, with nothing that can be done
    assert cpu_seconds(worker) - cpu < 0.4, "the worker spins"
    assert busy.sock.recv(4096), "who is served goes on"
    for link in idle + waiting:
        link.close()
    busy.reset()
    assert wait_for(lambda: opens(s), "recovery")
    wait_for(lambda: s.metrics()["port443_connections_open"] <= 1, "the end of all others")
    assert served(s) < 2
    assert s.worker_pids() == [worker]
    assert s.metrics()["port443_broken_invariants_total"] == 0


def test_ten_thousand_idle_connections(server, site):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard * 3 // 4 < IDLE + 500:  # a quarter is kept for files and upstreams
        pytest.skip(f"this machine allows {hard} descriptors; {IDLE} connections need more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        hold_ten_thousand(server, site)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def hold_ten_thousand(server, site):
    s = server(files(site, "idle_timeout: 10m, handshake_timeout: 60s, connections: 20000"))
    worker = s.worker_pids()[0]
    context = tls_context(alpn=["http/1.1"])
    assert served(s) < 2
    before = rss_kib(worker)
    socks = []
    try:
        session = None
        for _ in range(IDLE):
            sock = wrap(tcp(s.https_port), context, "localhost", session)
            if session is None:
                sock.sendall(REQUEST)
                assert b"hello" in sock.recv(65536)
                session = sock.session
            socks.append(sock)
        assert s.metrics()["port443_connections_open"] >= IDLE
        each = (rss_kib(worker) - before) * 1024 / IDLE
        assert each < 16000, f"{each:.0f} bytes for an idle connection"
        slow = sorted(served(s) for _ in range(20))
        assert slow[10] < 0.1 and slow[-1] < 1, slow
        cpu = cpu_seconds(worker)
        time.sleep(0.5)  # nothing happens, which is what is measured
        assert cpu_seconds(worker) - cpu < 0.1
        for sock in socks:
            sock.sendall(REQUEST)
        for sock in socks:
            assert b"hello\n" in sock.recv(65536)
        assert s.metrics()["port443_connections_shed_total"] == 0
    finally:
        for sock in socks:
            sock.close()
    wait_for(lambda: s.metrics()["port443_connections_open"] == 0, "all connections to end", 20)
