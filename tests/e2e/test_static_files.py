# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Files as they are served: names, types, conditions, ranges, codings, error pages, what is hidden."""

import email.utils
import gzip
import os
import re

import pytest

from lib.shared import shared_server
from lib.wait import wait_for

CONFIG = """
sites:
  localhost: {root: "{www}"}
  list.localhost: {root: "{www}", listing: true, index: none.html}
  spa.localhost: {root: "{www}", spa: /index.html}
  own.localhost: {root: "{www}", not_found: /404.html, cache_control: "max-age=60", precompressed: false}
  mounts.localhost:
    routes:
      - {path: /static, root: "{www}/sub", strip_prefix: true}
      - {path: /, root: "{www}"}
"""
TEXT = bytes(range(32, 127)) * 100
PAST = 1700000000


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    files = {"index.html": "hello\n", "404.html": "<h1>own page</h1>", "sub/index.html": "sub\n", "sub/file.txt": "file\n",
             "text.txt": TEXT, "app.js": "js", "app.js.br": "br bytes", "app.js.zst": "zst bytes", "app.js.gz": gzip.compress(b"js"),
             "only.css": "css", "only.css.gz": gzip.compress(b"css"), "empty.txt": "", "secret.txt": "secret of the root",
             ".htpasswd": "secret", ".git/config": "secret", "sub/.env": "secret", ".well-known/security.txt": "contact",
             ".well-known/.hidden": "secret", "a&b <c>.txt": "odd", "plain": "x", "photo.PNG": "x", "x.tar.gz": "x",
             "unreadable.txt": "x", "noindex/x.txt": "x"}
    with shared_server(CONFIG, files=files) as s:
        outside = s.place / "outside.txt"
        outside.write_text("outside")
        (s.www / "link-out").symlink_to(outside)
        (s.www / "link-up").symlink_to("../outside.txt")
        (s.www / "link-dir").symlink_to(s.place)
        (s.www / "link-in").symlink_to("sub/file.txt")
        (s.www / "link-loop").symlink_to("link-loop")
        (s.place / "www-secret").mkdir(mode=0o755)
        (s.place / "www-secret" / "x").write_text("outside")
        os.mkfifo(s.www / "fifo")
        os.chmod(s.www / "unreadable.txt", 0)
        for name in ("text.txt", "index.html", "app.js", "only.css"):
            os.utime(s.www / name, (PAST, PAST))
        yield s


@pytest.fixture(name="ask")
def fixture_ask(shared):
    links = {}

    def ask(target, name="localhost", method="GET", **fields):
        if name not in links:
            links[name] = shared.tls(name)
        return links[name].get(target, host=name, method=method, fields=[(k.replace("_", "-"), v) for k, v in fields.items()])
    return ask


# ---- names ----

def test_index_and_directory_redirect(ask):
    assert ask("/").body == b"hello\n"
    moved = ask("/sub?q=1")
    assert (moved.status, moved.headers["location"]) == (308, "/sub/?q=1")
    assert ask("/sub/").body == b"sub\n"
    assert ask("//sub").headers["location"] == "/sub/", "no link to a host of that name"
    assert ask("/noindex/").status == 404
    assert ask("/text.txt/").status == 404, "a file is no directory"


@pytest.mark.parametrize("path, kind", [("/", "text/html; charset=utf-8"), ("/text.txt", "text/plain; charset=utf-8"),
                                        ("/app.js", "text/javascript; charset=utf-8"), ("/only.css", "text/css; charset=utf-8"),
                                        ("/photo.PNG", "image/png"), ("/x.tar.gz", "application/gzip"),
                                        ("/plain", "application/octet-stream")])
def test_type(ask, path, kind):
    answer = ask(path)
    assert answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"


OUT = ["/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/sub/../../outside.txt", "/..\\outside.txt",
       "/%2e%2e%2foutside.txt", "/..;/outside.txt", "/%c0%ae%c0%ae/outside.txt", "/%252e%252e/outside.txt", "/..%00/outside.txt",
       "/.../outside.txt", "/link-out", "/link-up", "/link-dir/outside.txt", "/link-dir/", "/link-dir", "/link-loop",
       "/../www-secret/x", "/%2e%2e/www-secret/x", "/sub%2Ffile.txt", "/fifo", "/etc/passwd", "//etc/passwd",
       "/%2fetc/passwd", "/./../../../../../../etc/passwd", "/static../secret.txt"]


@pytest.mark.parametrize("path", OUT)
def test_no_way_out_of_the_root(ask, path):
    answer = ask(path)
    assert answer.status in (400, 403, 404), answer
    assert b"outside" not in answer.body and b"root:" not in answer.body


@pytest.mark.parametrize("path", ["/static../secret.txt", "/static..%2fsecret.txt", "/static/../secret.txt.x", "/static%2e%2e/secret.txt",
                                  "/static//../../outside.txt", "/staticfile.txt", "/static/%2e%2e/outside.txt"])
def test_mount_has_no_way_to_its_neighbours(ask, path):
    """The off-by-slash alias: prefix and root are never glued together as text."""
    assert ask("/static/file.txt", "mounts.localhost").body == b"file\n"
    answer = ask(path, "mounts.localhost")
    assert answer.status in (400, 403, 404) and b"secret of" not in answer.body, answer


def test_link_within_the_root_is_followed(ask):
    assert ask("/link-in").body == b"file\n"


@pytest.mark.parametrize("path", ["/.htpasswd", "/.git/config", "/.git/", "/sub/.env", "/%2ehtpasswd", "/sub/%2eenv",
                                  "/.well-known/.hidden", "/sub/.well-known/x"])
def test_dot_files_are_not_there(ask, path):
    for name in ("localhost", "list.localhost"):
        answer = ask(path, name)
        assert answer.status == 404 and b"secret" not in answer.body


def test_well_known_is_there(ask):
    assert ask("/.well-known/security.txt").body == b"contact"


def test_file_that_may_not_be_read(ask, nobody):
    if not nobody:
        pytest.skip("the server has this account's rights")
    assert ask("/unreadable.txt").status == 403


# ---- conditions ----

DATE = email.utils.formatdate(PAST, usegmt=True)
BEFORE = email.utils.formatdate(PAST - 1, usegmt=True)
AFTER = email.utils.formatdate(PAST + 1, usegmt=True)
CONDITIONS = [
    ({"If_None_Match": "{tag}"}, 304), ({"If_None_Match": "W/{tag}"}, 304), ({"If_None_Match": '"x", {tag}'}, 304),
    ({"If_None_Match": "*"}, 304), ({"If_None_Match": '"x"'}, 200), ({"If_None_Match": "junk"}, 200),
    ({"If_Modified_Since": DATE}, 304), ({"If_Modified_Since": AFTER}, 304), ({"If_Modified_Since": BEFORE}, 200),
    ({"If_Modified_Since": "junk"}, 200), ({"If_None_Match": '"x"', "If_Modified_Since": AFTER}, 200),
    ({"If_None_Match": "{tag}", "If_Modified_Since": BEFORE}, 304),
    ({"If_Match": "{tag}"}, 200), ({"If_Match": "*"}, 200), ({"If_Match": '"x"'}, 412), ({"If_Match": "W/{tag}"}, 412),
    ({"If_Match": '"x", {tag}'}, 200), ({"If_Unmodified_Since": DATE}, 200), ({"If_Unmodified_Since": BEFORE}, 412),
    ({"If_Unmodified_Since": AFTER}, 200), ({"If_Match": "{tag}", "If_Unmodified_Since": BEFORE}, 200),
    ({"If_Match": "{tag}", "If_None_Match": "{tag}"}, 304), ({"If_Match": '"x"', "If_None_Match": "{tag}"}, 412),
]


@pytest.mark.parametrize("fields, status", CONDITIONS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_condition(ask, fields, status, method):
    whole = ask("/text.txt", method=method)
    tag = whole.headers["etag"]
    assert re.fullmatch(r'"[!-~]+"', tag) and whole.headers["last-modified"] == DATE
    answer = ask("/text.txt", method=method, **{k: v.replace("{tag}", tag) for k, v in fields.items()})
    assert answer.status == status
    if status == 304:
        assert answer.body == b"" and answer.headers["etag"] == tag and "content-type" not in answer.headers
    if status == 200 and method == "GET":
        assert answer.body == TEXT


def test_tag_changes_with_the_file(shared, ask):
    path = shared.www / "changing.txt"
    path.write_text("one")
    first = ask("/changing.txt")
    path.write_text("two")
    second = wait_for(lambda: (lambda a: a if a.status != 304 else None)(ask("/changing.txt", If_None_Match=first.headers["etag"])),
                      "the change to be seen, a second later at most", 5)
    assert (first.body, second.status, second.body) == (b"one", 200, b"two")
    path.unlink()
    wait_for(lambda: ask("/changing.txt").status == 404, "the removal to be seen", 5)


# ---- ranges ----

SIZE = len(TEXT)
SINGLE = [("bytes=0-0", 0, 0), ("bytes=0-99", 0, 99), ("bytes=100-", 100, SIZE - 1), ("bytes=-1", SIZE - 1, SIZE - 1),
          ("bytes=-99999999", 0, SIZE - 1), (f"bytes={SIZE - 1}-{SIZE + 10}", SIZE - 1, SIZE - 1), ("BYTES=5-6", 5, 6)]


@pytest.mark.parametrize("text, first, last", SINGLE)
def test_range(ask, text, first, last):
    answer = ask("/text.txt", Range=text)
    assert (answer.status, answer.headers["content-range"]) == (206, f"bytes {first}-{last}/{SIZE}")
    assert answer.body == TEXT[first:last + 1]
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("text", [f"bytes={SIZE}-", "bytes=-0", f"bytes={SIZE + 5}-{SIZE + 9}"])
def test_range_beyond_the_end(ask, text):
    answer = ask("/text.txt", Range=text)
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize("text", ["bytes=", "bytes=5-4", "bytes=a-b", "chars=0-1", "bytes 0-1", "bytes=0-1x", "bytes=--1",
                                  "bytes=18446744073709551616-18446744073709551617",
                                  "bytes=" + ",".join(["0-"] * 500)])
def test_range_that_is_none_is_ignored_or_refused(ask, text):
    answer = ask("/text.txt", Range=text)
    assert answer.status in (200, 416)
    assert answer.status == 416 or answer.body == TEXT


def test_range_of_an_empty_file(ask):
    assert ask("/empty.txt").body == b""
    assert ask("/empty.txt", Range="bytes=0-").status in (200, 416)


def test_multiple_ranges(ask):
    answer = ask("/text.txt", Range="bytes=0-9, 500-509, -10")
    assert answer.status == 206
    kind, boundary = answer.headers["content-type"].split("; boundary=")
    assert kind == "multipart/byteranges" and "content-range" not in answer.headers
    parts = answer.body.split(b"--" + boundary.strip('"').encode())
    assert parts[0].strip() == b"" and parts[-1].strip() == b"--" and len(parts) == 5
    for part, (first, last) in zip(parts[1:-1], [(0, 9), (500, 509), (SIZE - 10, SIZE - 1)]):
        head, body = part.split(b"\r\n\r\n", 1)
        assert f"bytes {first}-{last}/{SIZE}".encode() in head and b"text/plain" in head
        assert body[:-2] == TEXT[first:last + 1]


def test_overlapping_ranges_send_no_byte_twice_over(ask):
    answer = ask("/text.txt", Range="bytes=" + ",".join(f"{i}-" for i in range(20)))
    assert len(answer.body) < 2 * SIZE


@pytest.mark.parametrize("value, status", [("{tag}", 206), ("W/{tag}", 200), ('"x"', 200), (DATE, 206), (BEFORE, 200), (AFTER, 200)])
def test_if_range(ask, value, status):
    tag = ask("/text.txt").headers["etag"]
    assert ask("/text.txt", Range="bytes=0-9", If_Range=value.replace("{tag}", tag)).status == status


def test_range_is_for_get(ask):
    answer = ask("/text.txt", method="HEAD", Range="bytes=0-9")
    assert (answer.status, answer.headers["content-length"]) == (200, str(SIZE))


# ---- codings ----

@pytest.mark.parametrize("accept, coding", [("br", "br"), ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, br, zstd", "br"),
                                            ("br;q=0, gzip", "gzip"), ("gzip;q=0.5, zstd;q=0.9", "zstd"), ("*", "br"), ("deflate", None),
                                            ("identity", None), ("", None), ("br;q=0, *;q=0", None), ("GZIP", "gzip"),
                                            ("gzip;q=0", None), ("x-gzip", "gzip")])
def test_precompressed(ask, accept, coding):
    plain = ask("/app.js")
    answer = ask("/app.js", Accept_Encoding=accept)
    assert answer.status in (200, 406)
    assert answer.headers.get("content-encoding") == coding
    assert "accept-encoding" in answer.headers["vary"].lower() and "accept-encoding" in plain.headers["vary"].lower()
    assert answer.headers["content-type"] == plain.headers["content-type"]
    if coding:
        assert answer.headers["etag"] != plain.headers["etag"]
        assert answer.body == {"br": b"br bytes", "zstd": b"zst bytes"}.get(coding, answer.body)
    if coding == "gzip":
        assert gzip.decompress(answer.body) == b"js"
    if coding is None and answer.status == 200:
        assert answer.body == b"js"


def test_precompressed_validators_are_their_own(ask):
    tag = ask("/app.js", Accept_Encoding="br").headers["etag"]
    assert ask("/app.js", Accept_Encoding="br", If_None_Match=tag).status == 304
    assert ask("/app.js", If_None_Match=tag).status == 200
    assert ask("/app.js", Accept_Encoding="gzip", If_None_Match=tag).status == 200
    ranged = ask("/app.js", Accept_Encoding="br", Range="bytes=0-1")
    assert (ranged.status, ranged.body, ranged.headers["content-encoding"]) == (206, b"br", "br")


def test_precompressed_can_be_switched_off(ask):
    answer = ask("/app.js", "own.localhost", Accept_Encoding="br")
    assert (answer.body, answer.headers.get("content-encoding")) == (b"js", None)


def test_file_that_is_compressed_itself_is_no_coding(ask):
    answer = ask("/only.css.gz", Accept_Encoding="gzip")
    assert "content-encoding" not in answer.headers and answer.headers["content-type"] == "application/gzip"


# ---- pages for what is not there ----

def test_own_page_for_404(ask):
    answer = ask("/none", "own.localhost")
    assert (answer.status, answer.body) == (404, b"<h1>own page</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8" and "etag" not in answer.headers
    assert ask("/none", "own.localhost", If_None_Match="*", Range="bytes=0-1").status == 404
    assert ask("/text.txt", "own.localhost").headers["cache-control"] == "max-age=60"


def test_single_page_application(ask):
    assert ask("/settings/user", "spa.localhost").body == b"hello\n"
    assert ask("/settings/user", "spa.localhost").status == 200
    assert ask("/text.txt", "spa.localhost").body == TEXT
    assert ask("/missing.js", "spa.localhost").status == 404, "a script must not become a page"
    assert ask("/.git/config", "spa.localhost").status == 404


def test_listing(ask):
    page = ask("/", "list.localhost")
    text = page.body.decode()
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert "text.txt" in text and 'href="./sub/"' in text
    assert "a&#38;b &#60;c&#62;.txt" in text and 'href="./a%26b%20%3Cc%3E.txt"' in text
    assert ".htpasswd" not in text and ".git" not in text and "link-out" not in text and "<c>" not in text
    assert ask("/a%26b%20%3Cc%3E.txt", "list.localhost").body == b"odd"
    assert ask("/noindex/").status == 404, "only where it was asked for"


# ---- HEAD and HTTP/2 tell the same ----

@pytest.mark.parametrize("path", ["/", "/text.txt", "/app.js", "/none", "/sub", "/empty.txt"])
def test_head_equals_get_and_http2_equals_http1(shared, ask, path):
    get, head = ask(path), ask(path, method="HEAD")
    with shared.h2() as h2:
        over = h2.get(path)
    assert head.status == get.status == over.status
    assert [f for f in head.headers.lines if f[0] != "Date"] == [f for f in get.headers.lines if f[0] != "Date"]
    assert sorted((k.lower(), v) for k, v in get.headers.lines if k != "Date") == \
           sorted((k, v) for k, v in over.headers.lines if k != "date")
    assert over.body == get.body and head.body == b""
