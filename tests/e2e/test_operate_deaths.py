# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Deaths of processes: the others serve on, the dead are replaced, orphans end."""

import os
import signal

from lib.wait import wait_for


def test_killed_worker_is_replaced(server, site):
    s = server([f"localhost={site}"], workers=2)
    victim, other = s.report()["workers"]
    kept = None
    for _ in range(60):  # a connection in the worker that lives
        link = s.tls()
        assert link.get("/").status == 200
        counts = {w["index"]: w["report"]["connections"] for w in s.report()["workers"]}
        if counts[other["index"]]:
            kept = link
            break
        link.close()
    assert kept
    os.kill(victim["pid"], signal.SIGKILL)
    event = s.events.wait("child_died", pid=victim["pid"])
    assert event["level"] == "error" and event["child"] == "worker"
    assert kept.get("/").text == "hello\n"

    def replaced():
        workers = s.report()["workers"]
        return [w["state"] for w in workers] == ["ready", "ready"] and workers[0]["pid"] != victim["pid"]
    wait_for(replaced, "the new worker")
    for _ in range(12):
        assert s.curl("/").text == "hello\n"
    assert s.report()["workers"][0]["restarts"] == 1
    assert kept.get("/").text == "hello\n"


def test_connections_wait_for_the_new_worker(server, site):
    """With a single worker: clients that come while it is away are served late, not refused."""
    s = server([f"localhost={site}"])
    os.kill(s.worker_pids()[0], signal.SIGKILL)
    assert s.curl("/").text == "hello\n"
    assert len(s.events.find("child_died")) == 1


def test_killed_worker_after_a_reload_has_the_new_configuration(server):
    s = server("sites: {localhost: {respond: old}}")
    s.reload("sites: {localhost: {respond: new}, more.localhost: {respond: more}}")
    os.kill(s.worker_pids()[0], signal.SIGKILL)
    assert s.curl("/").text == "new"
    assert s.curl("/", name="more.localhost").text == "more"


def test_killed_keeper_is_replaced(server):
    s = server("sites: {localhost: {respond: ok}}")
    keeper, workers = s.keeper_pid(), s.worker_pids()
    os.kill(keeper, signal.SIGKILL)
    assert s.events.wait("child_died", pid=keeper)["child"] == "keeper"
    assert s.curl("/").text == "ok"
    wait_for(lambda: (lambda k: k["state"] == "ready" and k["pid"] != keeper)(s.report()["keeper"][0]), "the new keeper")
    assert s.worker_pids() == workers
    s.reload("sites: {localhost: {respond: ok}, fresh.localhost: {respond: fresh}}")
    assert s.curl("/", name="fresh.localhost").text == "fresh"


def test_killed_master_leaves_nobody(server, site):
    s = server([f"localhost={site}"], workers=2)
    with s.tls() as link:
        assert link.get("/").status == 200
        s.kill()
    s.ended(5)
    again = s.verb("status")
    assert again.returncode == 2


def test_start_after_a_killed_master(server, site):
    """What it left (admin socket, lock file) is in nobody's way."""
    s = server([f"localhost={site}"])
    s.kill()
    s.ended(5)
    s._spawn()
    assert s._ready()
    s.killed = False
    assert s.curl("/").text == "hello\n" and s.report()["pid"] == s.pid


def test_a_worker_that_dies_again_and_again(server, site):
    """The restarts slow down, the server goes on."""
    s = server([f"localhost={site}"], workers=2)
    for _ in range(3):
        pid = s.report()["workers"][0]["pid"]
        os.kill(pid, signal.SIGKILL)
        s.events.wait("child_died", pid=pid)
        wait_for(lambda: (lambda w: w["pid"] not in (0, pid) and w["state"] == "ready")(s.report()["workers"][0]),
                 "its successor", 15)
    assert s.curl("/").text == "hello\n"
