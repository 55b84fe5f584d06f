# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Several upstreams: whose turn it is, who is put aside, who comes back."""

import collections
import threading

from lib.ports import Ports
from lib.wait import wait_for


def named(name):
    def script(call):
        while head := call.read_head():
            call.read_body(head[2])
            call.answer(name)
    return script


def proxied(urls, more=""):
    listed = ", ".join(f'"{u}"' for u in urls)
    return f"sites: {{localhost: {{proxy: {{to: [{listed}]{', ' + more if more else ''}}}}}}}"


def rows(s):
    return {row["name"]: row for row in s.report()["workers"][0]["report"]["upstreams"]}


def test_round_robin(server, upstream):
    ups = [upstream(named(n)) for n in "abc"]
    s = server(proxied([u.url for u in ups]))
    link = s.tls()
    seen = [link.get().text for _ in range(9)]
    assert collections.Counter(seen) == {"a": 3, "b": 3, "c": 3}
    assert seen[:3] == seen[3:6] == seen[6:]
    assert [u.connections for u in ups] == [1, 1, 1]


def test_least_conn(server, upstream):
    go = threading.Event()

    def slow(call):
        while head := call.read_head():
            if head[1] == "/hold":
                call.wait(go)
            call.answer("slow")
    slow_up, quick = upstream(slow), upstream(named("quick"))
    s = server(proxied([slow_up.url, quick.url], "balance: least_conn"))
    holders = []
    while not any(t == "/hold" for _, t, _ in slow_up.requests):
        holders.append(s.tls())
        holders[-1].request("/hold")
        wait_for(lambda: len(slow_up.requests) + len(quick.requests) >= len(holders), "the request's arrival")
    link = s.tls()
    assert [link.get().text for _ in range(10)] == ["quick"] * 10
    go.set()
    for holder in holders:
        assert holder.response().status == 200


def test_random_reaches_all(server, upstream):
    ups = [upstream(named(n)) for n in "ab"]
    s = server(proxied([u.url for u in ups], "balance: random"))
    link = s.tls()
    assert {link.get().text for _ in range(40)} == {"a", "b"}


def test_passive_mark_and_recovery(server, upstream):
    """Three failures put an upstream aside; after fail_timeout one request tries it again."""
    broken = threading.Event()
    broken.set()

    def script(call):
        while call.read_head():
            if broken.is_set():
                return
            call.answer("b")
    a, b = upstream(named("a")), upstream(script)
    s = server(proxied([a.url, b.url], "max_fails: 3, fail_timeout: 400ms, retries: 0"))
    link = s.tls()
    seen = [link.get().status for _ in range(12)]
    assert seen.count(502) == 3 and seen[-5:] == [200] * 5, seen
    assert len(b.requests) == 3
    assert rows(s)[b.url]["down"] is True and rows(s)[a.url]["down"] is False
    assert rows(s)[b.url]["failures"] == 3 and rows(s)[b.url]["last_error"]
    assert s.events.wait("upstream_failed", down=True)["upstream"] == b.url
    broken.clear()
    wait_for(lambda: link.get().text == "b", "the recovery", 5)
    assert rows(s)[b.url]["down"] is False
    assert {link.get().text for _ in range(4)} == {"a", "b"}
    broken.set()  # the count starts anew: one failure is not enough
    wait_for(lambda: link.get().status == 502, "a failure", 5)
    assert rows(s)[b.url]["down"] is False


def test_trial_that_fails_marks_again(server, upstream):
    down = upstream(lambda call: call.read_head())
    s = server(proxied([down.url], "max_fails: 1, fail_timeout: 300ms, retries: 0"))
    link = s.tls()
    assert link.get().status == 502
    assert link.get().status == 503
    wait_for(lambda: link.get().status == 502, "the trial", 5)
    assert [link.get().status for _ in range(3)] == [503] * 3
    assert len(down.requests) == 2


def test_reload_keeps_marks_and_pools_of_unchanged_upstreams(server, upstream):
    a, b = upstream(named("a")), upstream(lambda call: call.read_head())
    config = proxied([a.url, b.url], "max_fails: 1, fail_timeout: 1m, retries: 0")
    s = server(config)
    link = s.tls()
    assert sorted({link.get().status for _ in range(4)}) == [200, 502]
    s.reload(config + "\nhsts: 1d")
    assert [s.tls().get().status for _ in range(4)] == [200] * 4
    assert a.connections == 1 and len(b.requests) == 1


def test_active_checks(server, upstream):
    """Two bad answers take an upstream out, the first good one brings it back."""
    well = threading.Event()
    well.set()

    def script(call):
        while head := call.read_head():
            if head[1] == "/healthz":
                assert "health check" in head[2]["user-agent"]
                call.answer("", "200 OK" if well.is_set() else "500 Internal Server Error")
            else:
                call.answer("b")
    a, b = upstream(named("a")), upstream(script)
    s = server(proxied([a.url, b.url], "health: {path: /healthz, interval: 100ms, timeout: 1s}"))
    wait_for(lambda: [t for _, t, _ in b.requests].count("/healthz") >= 2, "two checks", 5)
    link = s.tls()
    assert {link.get().text for _ in range(4)} == {"a", "b"}
    well.clear()
    assert s.events.wait("upstream_down", upstream=b.url)["reason"] == "health check: answered 500"
    assert [link.get().text for _ in range(4)] == ["a"] * 4
    row = rows(s)[b.url]
    assert (row["down"], row["healthy"], row["last_error"]) == (True, False, "health check: answered 500")
    told = s.verb("status").stdout
    assert b.url in told
    well.set()
    s.events.wait("upstream_up", upstream=b.url)
    assert {link.get().text for _ in range(4)} == {"a", "b"}
    assert rows(s)[b.url]["healthy"] is True
    assert not [r for r in s.access.rows() if r["target"] == "/healthz"]


def test_active_checks_of_the_dead_and_the_silent(server, upstream):
    ports = Ports(1)
    dead = f"http://127.0.0.1:{ports.numbers[0]}"
    silent = upstream(lambda call: call.reader.rest())
    s = server(proxied([dead, silent.url], "health: {path: /, interval: 100ms, timeout: 150ms}"))
    assert "refused" in s.events.wait("upstream_down", upstream=dead)["reason"]
    assert "in time" in s.events.wait("upstream_down", upstream=silent.url)["reason"]
    assert s.tls().get().status == 503
    assert "down" in s.access.wait(status=503)["reason"]
    ports.release()
