# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Readiness for systemd (Type=notify)."""

import socket


def test_ready_and_stopping_are_told(server, site, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(10)
        s = server([f"localhost={site}"], env={"NOTIFY_SOCKET": str(path)})
        assert b"READY=1" in notify.recv(4096).split(b"\n")
        assert s.curl("/").status == 200
        assert s.stop() == 0
        assert b"STOPPING=1" in notify.recv(4096).split(b"\n")


def test_abstract_notify_socket(server, site, tmp_path):
    name = f"port443-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind("\0" + name)
        notify.settimeout(10)
        server([f"localhost={site}"], env={"NOTIFY_SOCKET": "@" + name})
        assert b"READY=1" in notify.recv(4096).split(b"\n")
