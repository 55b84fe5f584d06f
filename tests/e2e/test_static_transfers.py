# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Large files: every byte arrives, whatever happens to the file meanwhile; a cut is seen as one."""

import hashlib
import os
import random

import pytest

from lib.h2frames import FrameClient
from lib.http import Ended
from lib.proc import descriptors, rss_kib
from lib.shared import shared_server
from lib.wait import wait_for

CONFIG = "sites:\n  localhost: {root: '{www}'}\n"
SIZE = 100 << 20


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    with shared_server(CONFIG) as s:
        s.block = random.Random(1).randbytes(1 << 20)
        write(s.www / "big", s.block, 100)
        yield s


def write(path, block, times):
    with open(path, "wb") as f:
        for _ in range(times):
            f.write(block)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_hundred_megabytes(shared, version):
    worker = shared.worker_pids()[0]
    before = rss_kib(worker)
    answer = shared.curl("/big", version)
    want = hashlib.sha256()
    for _ in range(100):
        want.update(shared.block)
    assert len(answer.body) == SIZE and hashlib.sha256(answer.body).digest() == want.digest()
    assert rss_kib(worker) - before < 4096


def started(shared, target):
    """A download that has begun and cannot have ended: the client takes 4 KB at a time."""
    link = shared.tls(receive_bytes=4096)
    link.request(target)
    head = link.reader.until(b"\r\n\r\n")
    assert b"HTTP/1.1 200" in head
    return link


def test_file_replaced_under_a_download(shared):
    """By rename, as every careful tool does: the old content to its end, the new one for the next."""
    path = shared.www / "replaced"
    old, new = b"old!" * (5 << 18), b"new!" * (5 << 18)
    path.write_bytes(old)
    link = started(shared, "/replaced")
    (shared.www / "beside").write_bytes(new)
    os.rename(shared.www / "beside", path)
    wait_for(lambda: shared.curl("/replaced").body == new, "the new content, a second later at most", 5)
    assert link.reader.exactly(len(old)) == old
    assert link.get("/replaced").body == new


def test_file_removed_under_a_download(shared):
    path = shared.www / "removed"
    path.write_bytes(shared.block * 5)
    link = started(shared, "/removed")
    path.unlink()
    assert link.reader.exactly(5 << 20) == shared.block * 5
    wait_for(lambda: link.get("/removed").status == 404, "the removal to be seen", 5)


def test_file_truncated_under_a_download(shared):
    path = shared.www / "truncated"
    path.write_bytes(shared.block * 20)
    link = started(shared, "/truncated")
    os.truncate(path, 1000)
    with pytest.raises((Ended, ConnectionError)):
        link.reader.exactly(20 << 20)
    path.write_bytes(shared.block * 20)
    h2 = FrameClient(shared.tls(alpn=["h2"]), windows=False)
    s = h2.get("/truncated")
    while len(h2.streams[s].body) < 65535:
        assert h2.take()
    os.truncate(path, 1000)
    h2.windows = True
    h2.window(0, 1 << 20)
    h2.window(s, 1 << 20)
    a = h2.answer(s)
    assert a.reset is not None and not a.ended, "END_STREAM would say that this was all"
    assert h2.request("/").body == b"hello\n"


def test_file_that_grows_under_a_download(shared):
    path = shared.www / "grows"
    path.write_bytes(shared.block * 5)
    link = started(shared, "/grows")
    with open(path, "ab") as f:
        f.write(b"more" * 1000)
    assert link.reader.exactly(5 << 20) == shared.block * 5
    assert link.get("/").body == b"hello\n", "not a byte too many"


def test_descriptors_of_files_are_given_back(shared):
    worker = shared.worker_pids()[0]
    before = descriptors(worker)
    for i in range(300):
        (shared.www / f"f{i}").write_bytes(b"x" * (100000 if i % 2 else 10))
    with shared.tls() as link:
        for i in range(300):
            assert link.get(f"/f{i}").status == 200
    links = [started(shared, "/big") for _ in range(10)]
    for link in links:
        link.reset()
    wait_for(lambda: shared.metrics()["port443_requests_open"] == 0, "downloads to end")
    assert descriptors(worker) - before < 250, "bounded, whatever number of files was asked for"


def test_parts_of_a_big_file(shared):
    first = 77 * (1 << 20) + 12345
    answer = shared.curl("/big", "-r", f"{first}-{first + 299999}")
    assert answer.status == 206
    assert answer.body == (shared.block * 2)[12345:312345]
    assert shared.curl("/big", "-r", "-10").body == shared.block[-10:]


def test_interrupted_download_is_resumed(shared, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(shared.block * 3 + shared.block[:1000])
    answer = shared.curl("/big", "-C", str(3 * (1 << 20) + 1000))
    assert answer.status == 206
    assert len(answer.body) + part.stat().st_size == SIZE
    assert answer.body[:1 << 20] == (shared.block * 2)[1000:(1 << 20) + 1000]
