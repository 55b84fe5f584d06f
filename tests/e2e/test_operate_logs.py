# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Access log in both forms, event log, rotation."""

import os
import re
import signal

import pytest
from lib.logs import AccessLog, EventLog
from lib.wait import wait_for


def test_json_fields(server, upstream):
    app = upstream()
    s = server(f"sites: {{localhost: {{routes: [{{path: /app, proxy: '{app.url}'}}, {{path: /, respond: hello}}]}}}}")
    with s.tls(alpn=["http/1.1"]) as link:
        link.get("/a?b=c", fields=[("User-Agent", "tester \"quoted\" \u00e9"), ("Referer", "https://x.example/")])
        link.request("/app", method="POST", body=b"12345")
        link.response()
    row = s.access.wait(target="/a?b=c")
    assert row["client"] == "127.0.0.1" and row["host"] == "localhost" and row["method"] == "GET"
    assert (row["protocol"], row["status"], row["bytes_out"], row["bytes_in"]) == ("HTTP/1.1", 200, 5, 0)
    assert (row["tls"], row["suite"], row["resumed"]) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256", False)
    assert row["user_agent"].startswith('tester "quoted"') and row["referer"] == "https://x.example/"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["time"])
    proxied = s.access.wait(target="/app")
    assert (proxied["upstream"], proxied["upstream_status"]) == (f"127.0.0.1:{app.port}", 200)
    assert proxied["bytes_in"] == 5 and proxied["connection"] == row["connection"]
    assert proxied["request"] != row["request"]


def test_combined_format_cannot_be_forged(server):
    s = server("log: {format: combined}\nsites: {localhost: {respond: hello}}")
    with s.tls() as link:
        link.get("/x%22y", fields=[("User-Agent", 'a" 200 1 "forged')])
    assert s.stop() == 0
    lines = s.access.text().strip().split("\n")
    assert len(lines) == 1
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /x%22y HTTP/1\.1" 200 5 '
                        r'"-" "a\\x22 200 1 \\x22forged"', lines[0]), lines[0]


def test_malformed_requests_are_logged(server):
    s = server("sites: {localhost: {respond: hello}}")
    with s.tls() as link:
        link.send("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
        assert link.response().status == 400
    assert s.access.wait(status=400)["client"] == "127.0.0.1"


def test_site_without_log(server):
    s = server("sites: {localhost: {respond: hello}, quiet.localhost: {respond: quiet, log: false}}")
    assert s.curl("/", name="quiet.localhost").text == "quiet"
    assert s.curl("/last").text == "hello"
    s.access.wait(target="/last")
    assert len(s.access.rows()) == 1


def test_events_have_a_stable_form(server):
    s = server("sites: {localhost: {respond: hello}}")
    s.stop()
    for row in s.events.rows():
        assert {"time", "level", "event", "role", "pid"} <= set(row)
        assert row["level"] in ("debug", "info", "warning", "error")
    assert [e["event"] for e in s.events.rows() if e["event"] != "start_note"] == ["started", "stopping"]


@pytest.fixture(name="logged")
def fixture_logged(server, tmp_path):
    """A server that logs into files of a directory that only its starter may write to."""
    (tmp_path / "log").mkdir(mode=0o755)
    s = server("log: {access: {dir}/log/access.log, events: {dir}/log/events.log}\n"
               "sites: {localhost: {respond: hello}}", workers=2, event_file="log/events.log")
    s.log = AccessLog(tmp_path / "log" / "access.log")
    return s


def reopen_by_verb(s):
    done = s.verb("reopen")
    assert done.returncode == 0, done.stderr


def reopen_by_signal(s):
    os.kill(s.pid, signal.SIGUSR1)


@pytest.mark.parametrize("reopen", [reopen_by_verb, reopen_by_signal])
def test_rotation(logged, tmp_path, reopen):
    s = logged
    assert s.curl("/before").status == 200
    s.log.wait(target="/before")
    old = tmp_path / "log" / "access.log.1"
    old_events = tmp_path / "log" / "events.log.1"
    (tmp_path / "log" / "access.log").rename(old)
    (tmp_path / "log" / "events.log").rename(old_events)
    reopen(s)
    wait_for(lambda: (tmp_path / "log" / "access.log").exists() and (tmp_path / "log" / "events.log").exists(),
             "new files", 5, lambda: old_events.read_text()[-1500:])

    def in_new():
        s.curl("/after")
        return s.log.find(target="/after")
    wait_for(in_new, "lines in the new file")
    for _ in range(8):  # both workers
        s.curl("/all")
    s.log.wait(count=8, target="/all")
    assert AccessLog(old).find(target="/before") and not AccessLog(old).find(target="/all")
    s.reload()
    EventLog(tmp_path / "log" / "events.log").wait("reloaded")
    assert not EventLog(old_events).find("reloaded")
    assert s.log.path.stat().st_mode & 0o007 == 0
