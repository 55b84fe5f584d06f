# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A server that cannot start says what, where and what to do, and ends with status 2 (wrong words: 64)."""

import os
import pathlib
import socket

import pytest
from lib.ports import Ports


@pytest.fixture(name="serve")
def fixture_serve(program, tmp_path):
    """serve(*words): the finished program; it must not start."""
    ports = Ports(2)

    def run(*words, config=None, prefix=(), https=None, http=None, state=tmp_path / "state"):
        where = []
        if config is not None:
            (tmp_path / "bad.yaml").write_text(config)
            where = ["-c", tmp_path / "bad.yaml"]
        return program("serve", *where, *words, "--state", state, "--https-port", https or ports.numbers[0],
                       "--http-port", http or ports.numbers[1], "--workers", 1, prefix=prefix)

    yield run
    ports.release()


def refused(done, *texts, status=2):
    assert done.returncode == status, done.stderr
    for text in texts:
        assert text in done.stderr
    told = [line for line in done.stderr.strip().split("\n") if not line.startswith("{")]  # events come here too
    assert len(told) <= 3, done.stderr  # one or two lines, and a hint


@pytest.mark.parametrize("which", ["https", "http"])
def test_port_in_use(serve, site, which):
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]
        done = serve(f"localhost={site}", **{which: port})
    refused(done, "another program listens", f":{port}", f"--{which}-port", "ss -ltnp")


def test_port_of_another_server(server, serve, site, tmp_path):
    """Both would bind with SO_REUSEPORT and share the visitors."""
    first = server([f"localhost={site}"])
    done = serve(f"localhost={site}", state=tmp_path / "second", https=first.https_port)
    refused(done, "another program listens", "--https-port")
    assert first.curl("/").status == 200


def test_state_of_another_server(server, serve, site, tmp_path):
    first = server([f"localhost={site}"])
    refused(serve(f"localhost={site}"), "running already", str(tmp_path / "state"), "--state")
    assert first.curl("/").status == 200


def test_no_permission_for_443(serve, site, tmp_path, nobody):
    first_free = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first_free <= 443 or os.getuid() != 0 and not nobody and "CapEff:\t0000000000000000" not in pathlib.Path(
            "/proc/self/status").read_text():
        pytest.skip("anybody may listen on 443 here")
    tmp_path.chmod(0o777)
    done = serve(f"localhost={site}", prefix=nobody, https=443)
    refused(done, "no permission to listen", ":443", "--https-port", "setcap", "unit")


def test_missing_root_directory(serve, tmp_path):
    refused(serve(f"localhost={tmp_path}/nowhere"), f"{tmp_path}/nowhere")


def test_missing_certificate_file(serve, tmp_path):
    done = serve(config=f"sites: {{localhost: {{tls: {{cert: {tmp_path}/c.pem, key: {tmp_path}/c.key}}, respond: x}}}}")
    refused(done, f"{tmp_path}/c.pem")


def test_bad_certificate_file(serve, tmp_path):
    for name in ("c.pem", "c.key"):
        (tmp_path / name).write_text("no PEM at all\n")
    done = serve(config=f"sites: {{localhost: {{tls: {{cert: {tmp_path}/c.pem, key: {tmp_path}/c.key}}, respond: x}}}}")
    refused(done, f"{tmp_path}/c.pem")


def test_key_of_another_certificate(serve, certs):
    one, other = certs.leaf("localhost"), certs.leaf("localhost")
    done = serve(config=f"sites: {{localhost: {{tls: {{cert: {one.cert}, key: {other.key}}}, respond: x}}}}")
    refused(done, str(other.key))


@pytest.mark.skipif(os.getuid() != 0, reason="only root chooses accounts")
def test_missing_user(serve, site):
    refused(serve(f"localhost={site}", "--user", "nosuchuser"), "nosuchuser", "--user")


def test_error_in_the_file_has_its_place(serve):
    done = serve(config="sites:\n  localhost: {rot: /srv}\n")
    assert done.returncode == 2
    assert "bad.yaml:2:15" in done.stderr and "root" in done.stderr and "^" in done.stderr, done.stderr


def test_missing_file(serve, tmp_path, program):
    done = program("serve", "-c", tmp_path / "none.yaml")
    refused(done, "none.yaml")


def test_wrong_option(serve, site):
    refused(serve(f"localhost={site}", "--htps-port", "1"), "--htps-port", "did you mean --https-port", status=64)


def test_wrong_verb(program):
    done = program("sevre")
    refused(done, "sevre", "did you mean serve", status=64)


@pytest.mark.parametrize("value", ["0", "65536", "44x", ""])
def test_wrong_port_number(program, site, tmp_path, value):
    done = program("serve", f"localhost={site}", "--state", tmp_path / "s", "--https-port", value)
    assert done.returncode in (2, 64) and "https" in done.stderr, done.stderr


def test_nothing_to_serve(program):
    if os.path.exists("/etc/port443/port443.yaml"):
        pytest.skip("this machine has a configuration")
    refused(program("serve"), "nothing to serve", "example.com=/srv/www", "-c FILE", status=64)


def test_unreadable_root(serve, site, tmp_path):
    """The keeper's own words reach the owner, though it has ended by then; the root is left as it was."""
    root = tmp_path / "state" / "ca" / "root.pem"
    root.parent.mkdir(parents=True)
    root.write_text("garbage\n")
    refused(serve(f"localhost={site}"), "no certificate in it", str(root), "repair or move away")
    assert root.read_text() == "garbage\n"
