# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Certificates from files: swapped live when they change, kept when the change is broken."""

import pytest
from lib.certs import replace
from lib.wait import wait_for


def config(pair):
    return f"sites: {{localhost: {{respond: ok, tls: {{cert: {pair.cert}, key: {pair.key}}}}}}}"


def shown(s, certs):
    """Serial number of the certificate that a new connection is shown."""
    with s.tls(cafile=certs.root) as link:
        serial = int(link.sock.getpeercert()["serialNumber"], 16)
        assert link.get("/").text == "ok"
        return serial


def test_chain_with_its_intermediate(server, certs):
    pair = certs.leaf("localhost", through_intermediate=True)
    s = server(config(pair))
    assert shown(s, certs) == pair.x509.serial_number
    report = s.report()["sites"][0]["certificates"][0]
    assert report["days_left"] in (89, 90) and not report["expired"] and str(pair.cert) in report["source"]


def test_swapped_when_both_files_change(server, certs):
    pair, fresh = certs.leaf("localhost"), certs.leaf("localhost", days=30)
    s = server(config(pair), workers=2)
    assert shown(s, certs) == pair.x509.serial_number
    with s.tls(cafile=certs.root) as old:
        old.get("/")
        replace(pair.key, fresh.key.read_bytes())
        replace(pair.cert, fresh.cert.read_bytes())
        s.events.wait("certificate_replaced", site="localhost")
        wait_for(lambda: shown(s, certs) == fresh.x509.serial_number, "the new certificate")
        assert {shown(s, certs) for _ in range(8)} == {fresh.x509.serial_number}  # in every worker
        assert old.get("/").text == "ok"  # a connection of before lives on
    assert s.report()["sites"][0]["certificates"][0]["days_left"] in (29, 30)


def test_key_and_certificate_one_after_the_other(server, certs):
    pair, fresh = certs.leaf("localhost"), certs.leaf("localhost")
    s = server(config(pair))
    replace(pair.cert, fresh.cert.read_bytes())
    s.events.wait("certificate_files_do_not_fit_yet")
    assert shown(s, certs) == pair.x509.serial_number
    replace(pair.key, fresh.key.read_bytes())
    s.events.wait("certificate_replaced", site="localhost")
    wait_for(lambda: shown(s, certs) == fresh.x509.serial_number, "the new certificate")


def test_written_in_place(server, certs):
    """Careless tools write into the file itself."""
    pair = certs.leaf("localhost")
    fresh = certs.leaf("localhost")
    s = server(config(pair))
    pair.key.write_bytes(fresh.key.read_bytes())
    pair.cert.write_bytes(fresh.cert.read_bytes())
    wait_for(lambda: shown(s, certs) == fresh.x509.serial_number, "the new certificate")


def test_symbolic_link_switched(server, certs, tmp_path):
    """As Kubernetes does it: files are links through ..data, a link to a directory that is replaced."""
    old, fresh = certs.leaf("localhost"), certs.leaf("localhost")
    live = tmp_path / "live"
    for name, pair in (("..one", old), ("..two", fresh)):
        (live / name).mkdir(parents=True)
        (live / name / "c.pem").write_bytes(pair.cert.read_bytes())
        (live / name / "k.pem").write_bytes(pair.key.read_bytes())
    (live / "..data").symlink_to("..one")
    for name in ("c.pem", "k.pem"):
        (live / name).symlink_to(f"..data/{name}")
    s = server(f"sites: {{localhost: {{respond: ok, tls: {{cert: {live}/c.pem, key: {live}/k.pem}}}}}}")
    assert shown(s, certs) == old.x509.serial_number
    (live / "..next").symlink_to("..two")
    (live / "..next").rename(live / "..data")
    wait_for(lambda: shown(s, certs) == fresh.x509.serial_number, "the certificate behind the new link")


def test_file_link_switched(server, certs, tmp_path):
    """As certbot does it: live/ holds links into archive/."""
    old, fresh = certs.leaf("localhost"), certs.leaf("localhost")
    live = tmp_path / "live"
    live.mkdir()
    for name, path in (("c.pem", old.cert), ("k.pem", old.key)):
        (live / name).symlink_to(path)
    s = server(f"sites: {{localhost: {{respond: ok, tls: {{cert: {live}/c.pem, key: {live}/k.pem}}}}}}")
    for name, path in (("k.pem", fresh.key), ("c.pem", fresh.cert)):
        (live / "next").symlink_to(path)
        (live / "next").rename(live / name)
    wait_for(lambda: shown(s, certs) == fresh.x509.serial_number, "the certificate behind the new links")


@pytest.mark.parametrize("broken", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"no PEM\n"])
def test_broken_replacement_keeps_the_old(server, certs, broken):
    pair = certs.leaf("localhost")
    s = server(config(pair))
    replace(pair.cert, broken)
    event = s.events.wait(lambda name: name.startswith("certificate_file"))
    assert event["level"] == "warning" and str(pair.cert) in str(event)
    assert shown(s, certs) == pair.x509.serial_number
    fresh = certs.leaf("localhost")
    replace(pair.key, fresh.key.read_bytes())
    replace(pair.cert, fresh.cert.read_bytes())
    wait_for(lambda: shown(s, certs) == fresh.x509.serial_number, "the repaired certificate")


def test_removed_files_keep_the_old(server, certs):
    pair, fresh = certs.leaf("localhost"), certs.leaf("localhost")
    s = server(config(pair))
    pair.cert.unlink()
    pair.key.unlink()
    assert shown(s, certs) == pair.x509.serial_number
    refused = s.verb("reload")
    assert refused.returncode == 2 and str(pair.cert) in refused.stderr
    assert shown(s, certs) == pair.x509.serial_number
    replace(pair.key, fresh.key.read_bytes())
    replace(pair.cert, fresh.cert.read_bytes())
    wait_for(lambda: shown(s, certs) == fresh.x509.serial_number, "the files that are back")


def test_resumed_sessions_after_a_swap(server, certs):
    """A new certificate does not throw away the sessions of the same name, nor break them."""
    pair, fresh = certs.leaf("localhost"), certs.leaf("localhost")
    s = server(config(pair))
    with s.tls(cafile=certs.root) as link:
        link.get("/")
        session, context = link.sock.session, link.sock.context
    replace(pair.key, fresh.key.read_bytes())
    replace(pair.cert, fresh.cert.read_bytes())
    s.events.wait("certificate_replaced")
    wait_for(lambda: shown(s, certs) == fresh.x509.serial_number, "the new certificate")
    with s.tls(context=context, session=session) as link:
        assert link.get("/").text == "ok"
