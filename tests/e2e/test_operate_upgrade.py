# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Upgrade: a new program takes over the sockets; no connection is refused, no transfer is cut."""

import os
import shutil
import threading

import pytest
from lib import inflight
from lib.server import BINARY
from lib.wait import wait_for


@pytest.fixture(name="own")
def fixture_own(tmp_path):
    """A copy of the program, to be replaced."""
    (tmp_path / "bin").mkdir(mode=0o755)
    path = tmp_path / "bin" / "port443"
    shutil.copy(BINARY, path)
    return path


def install(source, target):
    """As a package manager does it: beside, then renamed."""
    beside = target.with_name("port443.new")
    shutil.copy(source, beside)
    beside.rename(target)


class Load(threading.Thread):
    """New connections, one request each, for as long as it runs; what failed is in .failures."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.done, self.failures, self.ended = server, 0, [], threading.Event()

    def run(self):
        while not self.ended.is_set():
            try:
                with self.server.tls() as link:
                    answer = link.get("/word", close=True)
                    assert answer.status == 200 and answer.text == "word"
                self.done += 1
            except Exception as e:  # pylint: disable=broad-except  every failure counts
                self.failures.append(repr(e))

    def stop(self):
        self.ended.set()
        self.join(20)


@pytest.mark.parametrize("workers", [1, 2])
def test_upgrade_under_load(server, site, own, workers):
    s = server("sites: {localhost: {respond: word}}", binary=str(own), workers=workers)
    old_pid = s.pid
    loads = [Load(s), Load(s)]
    for load in loads:
        load.start()
    for round_ in range(2):
        before = [load.done for load in loads]
        wait_for(lambda: all(x.done > b + 5 for x, b in zip(loads, before)), "some load")
        pid = s.pid
        install(BINARY, own)
        done = s.verb("upgrade")
        assert done.returncode == 0, done.stderr
        wait_for(lambda: s.pid != pid, f"the successor, round {round_}")
        before = [load.done for load in loads]
        wait_for(lambda: all(x.done > b + 5 for x, b in zip(loads, before)), "some load after it")
    for load in loads:
        load.stop()
    assert not [f for load in loads for f in load.failures]
    assert s.pid != old_pid and s.report()["pid"] == s.pid
    s.process.wait(10)
    assert s.process.returncode == 0  # the first master ended well


def test_work_in_flight_survives(server, upstream, own):
    app = upstream(inflight.script)
    s = server(f"sites: {{localhost: {{proxy: '{app.url}'}}}}", binary=str(own))
    work = inflight.InFlight(s)
    assert s.verb("upgrade").returncode == 0
    work.go_on()
    work.finish()
    work.close()
    s.process.wait(10)
    assert s.process.returncode == 0
    with s.tls() as link:
        link.request("/upload", method="POST", body=b"x")
        assert link.response().status == 200


def test_state_goes_over(server, own):
    """Certificate, admin socket and lock are the successor's."""
    s = server("sites: {localhost: {respond: word}}", binary=str(own))
    with s.tls() as link:
        serial = link.sock.getpeercert()["serialNumber"]
    assert s.verb("upgrade").returncode == 0
    s.process.wait(10)
    with s.tls() as link:
        assert link.sock.getpeercert()["serialNumber"] == serial
    s.reload()
    second = s.verb("serve", "localhost=1", "--https-port", s.https_port, "--http-port", s.http_port)
    assert second.returncode == 2 and "running already" in second.stderr


def test_configuration_of_now_is_used(server, own):
    """What a reload refuses (other listeners) an upgrade may bring."""
    s = server("sites: {localhost: {respond: one}}", binary=str(own))
    s.write_config("only_443: true\nsites: {localhost: {respond: two}}")
    assert s.verb("reload").returncode == 2
    assert s.verb("upgrade").returncode == 0
    s.process.wait(10)
    assert s.curl("/").text == "two"
    def refused():
        try:
            s.plain(timeout=0.5).close()
            return False
        except ConnectionRefusedError:
            return True
    wait_for(refused, "port 80 to be closed")


def broken_program(own, s):
    del s
    install("/bin/false", own)


def no_program_at_all(own, s):
    del s
    own.unlink()


def bad_configuration(own, s):
    del own
    s.write_config("sites: {localhost: {rspond: x}}")


def keeper_cannot_start(own, s):
    """Late: the successor has its sockets already when its keeper fails."""
    del own
    for path in (s.state / "ca").iterdir():
        path.write_bytes(b"garbage")


@pytest.mark.parametrize("spoil", [broken_program, no_program_at_all, bad_configuration, keeper_cannot_start])
def test_failed_upgrade_keeps_the_old(server, own, spoil):
    s = server("sites: {localhost: {respond: word}}", binary=str(own))
    pid, workers = s.pid, s.worker_pids()
    spoil(own, s)
    done = s.verb("upgrade")
    assert done.returncode == 2 and "old one goes on" in done.stderr or "event log" in done.stderr, done.stderr
    assert s.events.wait("upgrade_failed")["level"] == "error"
    assert s.curl("/").text == "word"
    report = s.report()  # the admin socket still leads to the old one
    assert report["pid"] == pid and [w["pid"] for w in report["workers"]] == workers
    if spoil in (broken_program, no_program_at_all):
        install(BINARY, own)
        done = s.verb("upgrade")
        assert done.returncode == 0, done.stderr
        wait_for(lambda: s.report()["pid"] != pid, "the successor at the admin socket")
        assert s.curl("/").text == "word"


def test_two_upgrades_at_once(server, own):
    s = server("sites: {localhost: {respond: word}}", binary=str(own))
    results = []
    threads = [threading.Thread(target=lambda: results.append(s.verb("upgrade").returncode)) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert 0 in results
    wait_for(lambda: s.process.poll() is not None, "the first master to end")
    assert s.curl("/").text == "word"
    assert os.path.exists(s.state / "port443.sock")
