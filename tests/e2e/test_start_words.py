# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Start from NAME=TARGET words: files and a proxied application, over TLS, from the first minute."""


def test_files_and_application_by_words(server, site, upstream):
    app = upstream()
    s = server([f"localhost={site}", f"app.localhost={app.port}", "old.localhost=>https://localhost"])
    assert s.curl("/").text == "hello\n"
    assert s.curl("/x?y=1", name="app.localhost").json()["target"] == "/x?y=1"
    moved = s.curl("/a", name="old.localhost")
    assert (moved.status, moved.headers["location"]) == (308, "https://localhost/a")
    assert s.access.wait(target="/")["status"] == 200


def test_http2_by_alpn(server, site):
    s = server([f"localhost={site}"])
    with s.h2() as h2:
        assert h2.get("/").body == b"hello\n"
    with s.tls(alpn=["http/1.1"]) as link:
        assert link.get("/").text == "hello\n"
