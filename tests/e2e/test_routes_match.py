# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Which route a URL meets, what is taken off its path, and that explain says the same."""

import re

import pytest

ROUTES = """
sites:
  localhost:
    aliases: other.localhost
    routes:
      - {path: /api/deep, respond: deep}
      - {path: /api, respond: api}
      - {path: /a%20b, respond: blank}
      - {path: "/x/y/", respond: xy}
      - {path: /, respond: rest}
  "*.wild.test": {respond: wild}
  exact.wild.test: {respond: exact}
  bare.test:
    routes:
      - {path: /only, respond: only}
"""

TABLE = [
    # name, path, the body or the status
    ("localhost", "/", "rest"),
    ("localhost", "/api", "api"),
    ("localhost", "/api/", "api"),
    ("localhost", "/api/x", "api"),
    ("localhost", "/api?x=/apis", "api"),
    ("localhost", "/apis", "rest"),
    ("localhost", "/API", "rest"),
    ("localhost", "/api/deep", "deep"),
    ("localhost", "/api/deeper", "api"),
    ("localhost", "/api/./deep/x", "deep"),
    ("localhost", "/x/../api/y", "api"),
    ("localhost", "/api/%2e%2e/secret", "rest"),
    ("localhost", "/%61pi", "api"),
    ("localhost", "/api%2Fx", "rest"),
    ("localhost", "/api../x", "rest"),
    ("localhost", "//api", None),
    ("localhost", "/a%20b", "blank"),
    ("localhost", "/x/y/z", "xy"),
    ("localhost", "/x/yz", "rest"),
    ("other.localhost", "/api", "api"),
    ("LOCALHOST", "/api", "api"),
    ("a.wild.test", "/", "wild"),
    ("exact.wild.test", "/", "exact"),
    ("bare.test", "/only/x", "only"),
    ("bare.test", "/else", 404),
]


@pytest.fixture(name="routed")
def fixture_routed(server):
    return server(ROUTES)


def test_table_and_explain(routed, program):
    s = routed
    for name, path, expected in TABLE:
        answer = s.tls(name.lower()).get(path, host=name)
        told = answer.status if answer.status != 200 else answer.text
        if expected is not None:
            assert told == expected, (name, path)
        url = f"https://{name}{path}"
        done = program("explain", url, "-c", s.config)
        if told == 404:
            assert done.returncode != 0 and "none matches: 404" in done.stdout + done.stderr, done
            continue
        assert done.returncode == 0, (url, done.stdout + done.stderr)
        line = int(re.search(r"^  route .*:(\d+)\)", done.stdout, re.M).group(1))
        assert f"respond: {told}" in s.config.read_text().split("\n")[line - 1], (url, told, done.stdout)


def test_explain_unknown_name(routed, program):
    done = program("explain", "https://nobody.test/", "-c", routed.config)
    assert done.returncode != 0 and "unrecognized_name" in done.stdout + done.stderr


def test_explain_plain(routed, program):
    done = program("explain", "http://localhost/x", "-c", routed.config)
    assert done.returncode == 0 and "308" in done.stdout
    assert routed.plain().get("/x").status == 308


def test_strip_prefix(server, upstream, site):
    (site / "f.txt").write_text("file\n")
    app = upstream()
    s = server(f"""
sites:
  localhost:
    routes:
      - {{path: /api, strip_prefix: true, proxy: "{app.url}"}}
      - {{path: /keep, proxy: "{app.url}"}}
      - {{path: /static, strip_prefix: true, root: {site}}}
""")
    link = s.tls()
    for asked, seen in (("/api/x?y=1", "/x?y=1"), ("/api", "/"), ("/api?q", "/?q"), ("/api/", "/"),
                        ("/api/api", "/api"), ("/keep/x", "/keep/x"), ("/api//x", "//x"), ("/api/%2Fx", "/%2Fx")):
        told = link.get(asked).json()
        assert told["target"] == seen, asked
        prefix = dict(told["fields"]).get("X-Forwarded-Prefix")
        assert prefix == ("/api" if asked.startswith("/api") else None), asked
    assert link.get("/static/f.txt").text == "file\n"
    assert link.get("/static/../f.txt").status == 404
    assert link.get("/static../f.txt").status == 404


def test_body_limit_by_route(server, upstream):
    app = upstream()
    s = server(f"""
limits: {{body_bytes: 50}}
sites:
  localhost:
    routes:
      - {{path: /small, proxy: "{app.url}", body_bytes: 10}}
      - {{path: /any, proxy: "{app.url}", body_bytes: 0}}
      - {{path: /, proxy: "{app.url}"}}
""")
    for path, size, status in (("/small", 10, 200), ("/small", 11, 413), ("/any", 100000, 200), ("/", 50, 200), ("/", 51, 413)):
        assert s.tls().get(path, method="POST", body=b"x" * size).status == status, (path, size)
        assert s.h2().get(path, method="POST", body=b"x" * size).status == status, (path, size)
    count = len(app.requests)
    link = s.tls()
    link.send(b"POST /small HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    link.send(b"8\r\nabcdefgh\r\n8\r\nabcdefgh\r\n0\r\n\r\n")
    assert link.response().status == 413
    assert len(app.requests) <= count + 1


def test_explain_names_the_upstreams(server, upstream, program):
    app = upstream()
    s = server(f'sites: {{localhost: {{proxy: ["{app.url}", "unix:/run/x.sock"]}}}}')
    done = program("explain", "https://localhost/", "-c", s.config)
    assert app.url in done.stdout and "unix:/run/x.sock" in done.stdout and "round robin" in done.stdout
