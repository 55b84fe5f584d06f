# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""config check, show, schema and explain: offline, exact, and in agreement with the server."""

import json

import pytest

GOOD = """
sites:
  www.example.com: {root: /srv/www}
  app.example.com: {proxy: "http://127.0.0.1:3000"}
  api.example.com:
    api: true
    proxy: {to: ["http://10.0.0.1:8080", "http://10.0.0.2:8080"], balance: least_conn, health: {path: /healthz}}
  shop.example.com:
    headers: {set: {X-Shop: yes}}
    routes:
      - {path: /api, proxy: "http://127.0.0.1:4000", strip_prefix: true}
      - {path: /health, respond: ok}
      - {path: /shop, redirect: "https://www.example.com"}
  "*.wild.localhost": {respond: wild}
"""


@pytest.fixture(name="file")
def fixture_file(tmp_path):
    path = tmp_path / "port443.yaml"
    path.write_text(GOOD)
    return path


def test_check_of_a_good_file(program, file):
    done = program("config", "check", "-c", file)
    assert (done.returncode, done.stderr) == (0, "") and "ok, 5 sites" in done.stdout


def test_check_names_every_error_with_its_place(program, file):
    file.write_text("sites:\n  a.example.com: {rot: /srv}\n  b.example.com: {proxy: 'htp://x'}\nworkes: 2\n")
    done = program("config", "check", "-c", file)
    assert done.returncode == 1
    for text in (f"{file}:2:19", "rot", "root", f"{file}:3:", "htp", f"{file}:4:1", "workes", "workers", "^"):
        assert text in done.stderr, done.stderr


def test_check_of_a_missing_file(program, tmp_path):
    done = program("config", "check", "-c", tmp_path / "none.yaml")
    assert done.returncode == 2 and "none.yaml" in done.stderr


def test_show_is_a_configuration_again(program, file, tmp_path):
    shown = program("config", "show", "-c", file)
    assert shown.returncode == 0 and "# default" in shown.stdout
    (tmp_path / "shown.yaml").write_text(shown.stdout)
    again = program("config", "show", "-c", tmp_path / "shown.yaml")
    assert again.returncode == 0, again.stderr

    def bare(text):
        return [line.split("  #")[0] for line in text.split("\n") if not line.startswith("#")]
    assert bare(again.stdout) == bare(shown.stdout)


def test_schema_is_json_and_knows_the_directives(program):
    done = program("config", "schema")
    schema = json.loads(done.stdout)
    text = json.dumps(schema)
    assert "$schema" in schema and {"sites", "tls", "limits", "only_443"} <= set(schema["properties"])
    for word in ("strip_prefix", "drain_timeout", "insecure_skip_verify"):
        assert word in text


def test_unknown_word(program):
    done = program("config", "shwo")
    assert done.returncode == 64 and "did you mean show?" in done.stderr


@pytest.mark.parametrize("url,texts,status", [
    ("https://www.example.com/x", ["www.example.com", "files below /srv/www"], 0),
    ("app.example.com", ["proxy", "http://127.0.0.1:3000"], 0),
    ("https://shop.example.com/api/users", ["/api", "http://127.0.0.1:4000", "prefix", "X-Shop: yes", "at most 67108864 bytes"], 0),
    ("https://shop.example.com/health", ["answer 200"], 0),
    ("https://shop.example.com/shop/a", ["redirect 308 to https://www.example.com"], 0),
    ("https://shop.example.com/apix", ["none matches: 404"], 1),
    ("https://a.wild.localhost/", ["*.wild.localhost", "local CA"], 0),
    ("https://unknown.example.com/", ["unrecognized_name"], 1),
    ("http://api.example.com/v1", ["403"], 0),
    ("http://www.example.com/a", ["308"], 0),
    ("https://api.example.com/", ["http://10.0.0.2:8080", "least connections"], 0),
])
def test_explain(program, file, url, texts, status):
    done = program("explain", "-c", file, url)
    assert done.returncode == status, done.stdout + done.stderr
    for text in texts:
        assert text in done.stdout + done.stderr, done.stdout + done.stderr


def test_explain_of_no_url(program, file):
    assert program("explain", "-c", file).returncode == 64
    assert program("explain", "-c", file, "https://exa mple/").returncode == 64


def test_explain_agrees_with_the_server(server, program):
    s = server("""
sites:
  localhost:
    routes:
      - {path: /a/b, respond: deep}
      - {path: /a, respond: shallow}
""")
    for path, text, route in [("/a/b", "deep", "/a/b"), ("/a/bc", "shallow", "/a"), ("/a/x/../b/c", "deep", "/a/b"),
                              ("/%61/b", "deep", "/a/b")]:
        assert s.curl(path, "--path-as-is").text == text
        assert f"route      {route}  " in program("explain", "-c", s.config, f"https://localhost{path}").stdout
