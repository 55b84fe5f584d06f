# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A full disk and a store that may not be written: what is there is served on, and the reason is told."""

import os
import subprocess

import pytest
from lib.acme import Store, config, issued, leaf, row
from lib.clock import Clock
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "disk.example.com"


@pytest.fixture(name="clock")
def fixture_clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture(name="ca")
def fixture_ca(clock):
    ca = running_fake(clock=clock)
    yield ca
    stop_fake(ca)


@pytest.fixture(name="small")
def fixture_small(tmp_path):
    """The state directory on a filesystem of one megabyte."""
    place = tmp_path / "state"
    place.mkdir(mode=0o755)
    words = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "port443-e2e", str(place)]
    if os.getuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let the scenario mount a filesystem")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place):
    path = place / "ballast"
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass
    return path


def test_full_disk(small, server, ca, clock, tmp_path):
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports, env=clock.env)
    old = issued(s, NAME, ca.root)
    ballast = fill(small)
    s.verb("cert", "renew", "--force", NAME)
    assert leaf(s, NAME, ca.root).serial_number in ca.serials()
    told = wait_for(lambda: row(s, NAME).get("last_error"), "the reason to be told", 20, s.events.text)
    assert "space" in told.lower(), told
    assert Store(s).current(NAME).serial_number == old.serial_number
    ballast.unlink()
    assert s.verb("cert", "renew", "--force", NAME).returncode == 0
    new = issued(s, NAME, ca.root, 30, other_than=[old.serial_number])
    wait_for(lambda: Store(s).current(NAME).serial_number == new.serial_number, "the store to have it", 20)
    wait_for(lambda: not row(s, NAME).get("last_error"), "the trouble to be over", 20)


def test_store_that_may_not_be_written(server, ca, clock, tmp_path):
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports, env=clock.env)
    old = issued(s, NAME, ca.root)
    store = Store(s)
    if os.getuid() == 0 and os.stat(store.path).st_uid == 0:
        pytest.skip("root may write everywhere")
    os.chmod(store.lineage(NAME), 0o500)
    s.verb("cert", "renew", "--force", NAME)
    told = wait_for(lambda: row(s, NAME).get("last_error"), "the reason to be told", 20, s.events.text)
    assert str(store.lineage(NAME)) in told or "ermission" in told, told
    assert leaf(s, NAME, ca.root).serial_number in ca.serials()
    assert store.current(NAME).serial_number == old.serial_number
    os.chmod(store.lineage(NAME), 0o700)
    assert s.verb("cert", "renew", "--force", NAME).returncode == 0
    issued(s, NAME, ca.root, 30, other_than=[old.serial_number])


def test_torn_store(server, ca, tmp_path):
    """A generation that cannot be read: the one before is served, and the rest of the store is loaded."""
    text = config(tmp_path, ca, NAME, "fine.example.com")
    first = server(text, ports=ca.server_ports)
    old = issued(first, NAME, ca.root)
    issued(first, "fine.example.com", ca.root)
    assert first.verb("cert", "renew", "--force", NAME).returncode == 0
    issued(first, NAME, ca.root, other_than=[old.serial_number])
    assert first.stop() == 0
    store = Store(first)
    (store.lineage(NAME) / "current" / "chain.pem").write_bytes(b"")
    ca.down()
    again = type(first)(text, tmp_path, ports=ca.server_ports).start()
    try:
        assert leaf(again, NAME, ca.root).serial_number == old.serial_number
        leaf(again, "fine.example.com", ca.root)
    finally:
        assert again.look_over() == []
        ca.up()


def test_unreadable_lineage(server, ca, tmp_path):
    """Nothing of it can be read: set aside whole, never deleted, and the name gets a new certificate."""
    text = config(tmp_path, ca, NAME)
    first = server(text, ports=ca.server_ports)
    old = issued(first, NAME, ca.root)
    assert first.stop() == 0
    store = Store(first)
    (store.lineage(NAME) / "current" / "key.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n")
    again = type(first)(text, tmp_path, ports=ca.server_ports).start()
    try:
        issued(again, NAME, ca.root, other_than=[old.serial_number])
        assert list((store.path / "quarantine").iterdir())
    finally:
        assert again.look_over() == []
