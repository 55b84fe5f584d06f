# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""status for people and machines, metrics on the admin socket and on a loopback listener."""

import json
import os
import socket
import stat

import pytest
from lib.http import Reader
from lib.link import Link, tcp
from lib.server import run
from lib.wait import wait_for


def test_status_for_people(server, site, upstream):
    app = upstream()
    s = server([f"localhost={site}", f"app.localhost={app.port}"], workers=2)
    assert s.curl("/", name="app.localhost").status == 200
    done = s.verb("status")
    assert done.returncode == 0
    for text in ("localhost", "app.localhost", "local CA", "days left", str(s.https_port), str(s.http_port), "seconds",
                 f"pid {s.pid}", "1 requests"):
        assert text in done.stdout, done.stdout


def test_status_for_machines(server, site, upstream):
    app = upstream()
    s = server([f"localhost={site}", f"app.localhost={app.port}"], workers=2)
    with s.tls(), s.tls(), s.tls() as link:
        assert link.get("/").status == 200
        assert s.curl("/", name="app.localhost").status == 200
        wait_for(lambda: s.report()["connections"] == 3, "three connections")
        report = s.report()
        assert report["requests"] == 2 and report["pid"] == s.pid and report["state"] == "running"
        assert report["https_port"] == s.https_port and report["http_port"] == s.http_port
        assert {x["name"]: x["action"] for x in report["sites"]} == {"localhost": "files", "app.localhost": "proxy"}
        assert [w["state"] for w in report["workers"]] == ["ready", "ready"]
        upstreams = [u for w in report["workers"] for u in w["report"]["upstreams"]]
        assert sum(u["requests"] for u in upstreams) == 1 and f"127.0.0.1:{app.port}" in upstreams[0]["name"]
        assert report["keeper"][0]["state"] == "ready"


def test_status_tells_a_dead_upstream(server, upstream):
    app = upstream()
    s = server(f"sites: {{localhost: {{proxy: {{to: '{app.url}', max_fails: 1, retries: 0}}}}}}")
    app_url = app.url
    app.stop()
    assert s.curl("/").status == 502
    done = wait_for(lambda: (lambda d: d if d.returncode == 1 else None)(s.verb("status")), "status to tell")
    assert "DOWN" in done.stdout
    assert s.events.wait("upstream_failed", down=True)["upstream"] == app_url


def test_no_server(tmp_path):
    done = run("status", "--state", tmp_path)
    assert done.returncode == 2 and str(tmp_path) in done.stderr and done.stdout == ""
    for verb in ("reload", "stop", "upgrade", "reopen"):
        assert run(verb, "--state", tmp_path).returncode == 2


def test_metrics_on_the_admin_socket(server, site):
    s = server([f"localhost={site}"], workers=2)
    before = s.metrics()
    for _ in range(4):
        assert s.curl("/").status == 200
    assert s.curl("/none").status == 404
    after = s.metrics()
    assert after["port443_requests_total"] - before["port443_requests_total"] == 5
    assert after["port443_responses_2xx_total"] == 4 and after["port443_responses_4xx_total"] == 1
    assert after["port443_broken_invariants_total"] == 0
    text = s.verb("status", "--metrics").stdout
    names = [line.split()[2] for line in text.split("\n") if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) and all(n.startswith("port443_") for n in names)


def test_metrics_listener(server, site):
    s = server(f"metrics: {{listen: '127.0.0.1:{{spare}}'}}\nsites: {{localhost: {{root: {site}}}}}", spare_ports=1)
    assert s.curl("/").status == 200
    with s.tcp(s.spare[0]) as link:
        answer = link.get("/metrics", host="127.0.0.1")
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "\nport443_requests_total" in answer.text
        assert link.get("/", host="127.0.0.1").status == 404
        link.request("/metrics", method="POST", host="127.0.0.1", body=b"x")
        assert link.response().status == 405
    with pytest.raises(ConnectionRefusedError):
        tcp(s.spare[0], "127.0.0.2")


def test_admin_socket_is_the_owners(server, site, nobody):
    s = server([f"localhost={site}"])
    path = s.state / "port443.sock"
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    if nobody:
        done = run("status", "--socket", path, prefix=nobody)
        assert done.returncode == 2 and "only the owner" in done.stderr


def test_admin_socket_elsewhere(server, site, tmp_path):
    s = server([f"localhost={site}"], args=["--socket", str(tmp_path / "control.sock")])
    done = run("status", "--json", "--socket", tmp_path / "control.sock")
    assert json.loads(done.stdout)["pid"] == s.pid
    assert run("stop", "--socket", tmp_path / "control.sock").returncode == 0
    assert s.ended() == 0 and not (tmp_path / "control.sock").exists()


def test_admin_socket_takes_odd_clients(server, site):
    """Half requests, garbage and many clients at once leave it answering."""
    s = server([f"localhost={site}"])
    odd = []
    for data in (b"", b"GET /sta", b"\x00" * 100, b"GET /nothing HTTP/1.1\r\n\r\n", b"DELETE /status HTTP/1.1\r\n\r\n",
                 b"GET / " + b"a" * 20000):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(str(s.state / "port443.sock"))
        try:
            sock.sendall(data)
        except BrokenPipeError:
            pass
        odd.append(sock)
    assert Reader(odd[3]).response().status == 404
    assert Reader(odd[4]).response().status == 405
    assert s.report()["state"] == "running"
    for sock in odd:
        Link(sock).close()
