# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Reload in place: what is under way goes on, what is wrong is refused."""

import os
import signal

import pytest
from lib import inflight
from lib.wait import wait_for


def config(app, word, extra=""):
    return f"""
sites:
  localhost:
    routes:
      - {{path: /word, respond: {word}}}
      - {{path: /, proxy: "{app.url}"}}
{extra}
"""


def test_work_in_flight_survives_ten_reloads(server, upstream):
    app = upstream(inflight.script)
    s = server(config(app, "word0"), workers=2)
    pids = s.worker_pids()
    work = inflight.InFlight(s)
    with s.tls() as kept:
        for i in range(1, 11):
            s.reload(config(app, f"word{i}"))
            work.go_on()
            assert s.curl("/word").text == f"word{i}"
        assert kept.get("/word").status == 200
    work.finish()
    assert s.worker_pids() == pids
    report = s.report()["reload"]
    assert (report["count"], report["refused"], report["last_ok"]) == (10, 0, True)
    assert len(s.events.find("reloaded")) == 10


def test_old_connections_keep_their_generation(server, upstream):
    app = upstream()
    s = server(config(app, "old"))
    with s.tls() as link:
        assert link.get("/word").text == "old"
        s.reload(config(app, "new"))
        with s.tls() as fresh:
            assert fresh.get("/word").text == "new"
        try:
            assert link.get("/word").text in ("old", "new")
        except (ConnectionError, AssertionError):
            raise AssertionError("a reload broke a kept-alive connection") from None


def test_reload_by_signal(server, upstream):
    app = upstream()
    s = server(config(app, "old"))
    s.write_config(config(app, "new"))
    os.kill(s.pid, signal.SIGHUP)
    s.events.wait("reloaded")
    assert s.curl("/word").text == "new"


@pytest.mark.parametrize("bad,texts", [
    ("sites:\n  localhost: {respnd: x}\n", ["port443.yaml:2:", "respnd", "respond"]),
    ("sites: {localhost: {respond: x}\n", ["port443.yaml:"]),
    ("", ["port443.yaml"]),
    ("sites: {localhost: {root: /nowhere/at/all}}\n", ["/nowhere/at/all"]),
    ("sites: {localhost: {respond: x, tls: {cert: /nowhere/c.pem, key: /nowhere/k.pem}}}\n", ["/nowhere/c.pem"]),
])
def test_bad_file_is_refused(server, upstream, bad, texts):
    app = upstream()
    s = server(config(app, "old"))
    s.write_config(bad)
    done = s.verb("reload")
    assert done.returncode == 2 and done.stdout == ""
    for text in texts:
        assert text in done.stderr, done.stderr
    assert s.curl("/word").text == "old"
    assert s.events.wait("reload_refused")["level"] == "error"
    status = s.verb("status")
    assert status.returncode == 1 and "REFUSED" in status.stdout
    s.reload(config(app, "repaired"))
    assert s.curl("/word").text == "repaired" and s.verb("status").returncode == 0


def test_bad_file_touches_no_transfer(server, upstream):
    app = upstream(inflight.script)
    s = server(config(app, "old"))
    work = inflight.InFlight(s)
    s.write_config("sites: 5\n")
    assert s.verb("reload").returncode == 2
    work.go_on()
    work.finish()


def test_new_local_name_gets_its_certificate(server, upstream):
    app = upstream()
    s = server(config(app, "x"))
    s.reload(config(app, "x", "  fresh.localhost: {respond: fresh}\n  '*.wide.test': {respond: wide}"))
    assert s.curl("/", name="fresh.localhost").text == "fresh"
    assert s.curl("/", name="a.wide.test").text == "wide"
    s.reload(config(app, "x"))
    with pytest.raises(OSError, match="(?i)unrecognized.name"):
        s.tls("fresh.localhost")


@pytest.mark.parametrize("line,what", [("only_443: true", "only_443"), ("listen: 127.0.0.1", "listen"), ("workers: 2", "workers"),
                                       ("user: daemon", "user")])
def test_fixed_parts_are_refused(server, upstream, line, what):
    app = upstream()
    s = server("workers: 1\n" + config(app, "old"), workers=0)
    s.write_config(("" if what == "workers" else "workers: 1\n") + f"{line}\n" + config(app, "new"))
    done = s.verb("reload")
    assert done.returncode == 2 and what in done.stderr and "upgrade" in done.stderr, done.stderr
    assert s.curl("/word").text == "old"


def test_upstream_pool_and_counters_survive(server, upstream):
    app = upstream()
    s = server(config(app, "x"))
    for _ in range(3):
        assert s.curl("/a").status == 200
    s.reload(config(app, "y"))
    assert s.curl("/a").status == 200
    assert app.connections == 1
    counted = s.report()["workers"][0]["report"]["upstreams"]
    assert [u["requests"] for u in counted] == [4], counted
    metrics = s.metrics()
    assert metrics["port443_upstream_requests_total"] == 4 and metrics["port443_requests_total"] == 4


def test_an_upstream_put_aside_stays_aside(server, upstream):
    """Health is not forgotten by a reload."""
    good, dead = upstream(), upstream()
    dead_url = dead.url
    dead.stop()

    def text(word):
        return (f"sites: {{localhost: {{routes: [{{path: /word, respond: {word}}}, {{path: /, proxy: "
                f"{{to: ['{dead_url}', '{good.url}'], max_fails: 1, fail_timeout: 60s}}}}]}}}}")
    s = server(text("a"))
    for _ in range(2):
        assert s.curl("/x").status == 200
    failures = s.metrics()["port443_upstream_failures_total"]
    assert failures == 1
    s.reload(text("b"))
    for _ in range(4):
        assert s.curl("/x").status == 200
    assert s.metrics()["port443_upstream_failures_total"] == failures


def test_reload_of_words_reads_files_again(server, site):
    """Without a file there is nothing to change, and nothing breaks."""
    s = server([f"localhost={site}"])
    s.reload()
    assert s.curl("/").text == "hello\n"


def test_many_reloads_leak_no_memory_or_descriptors(server, upstream):
    app = upstream()
    s = server(config(app, "x"))
    for _ in range(5):
        s.reload()
    pid = s.worker_pids()[0]
    descriptors = len(os.listdir(f"/proc/{pid}/fd")) if os.getuid() == 0 else 0
    for _ in range(20):
        s.reload()
        assert s.curl("/word").status == 200
    if descriptors:
        wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= descriptors, "descriptors to be closed", 5)
