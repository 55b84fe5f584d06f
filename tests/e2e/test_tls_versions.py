# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""TLS 1.2 and 1.3 only; what is older gets a clean protocol_version alert."""

import ssl
import warnings

import pytest
from lib.link import tls_context
from lib.wait import wait_for

V = ssl.TLSVersion
DESCRIBE = "sites: {localhost: {respond: connection}}"


def old_context(lowest, highest):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return tls_context(None, versions=(lowest, highest), ciphers="ALL:@SECLEVEL=0")


@pytest.mark.parametrize("version", [V.TLSv1, V.TLSv1_1])
def test_older_is_refused_with_an_alert(server, version):
    s = server(DESCRIBE)
    with pytest.raises(ssl.SSLError, match="TLSV1_ALERT_PROTOCOL_VERSION"):
        s.tls(context=old_context(version, version))
    wait_for(lambda: s.metrics()["port443_tls_failed_handshakes_total"] == 1, "the failed handshake to be counted")
    assert s.curl("/").status == 200


def test_ssl3_record_of_old_times(server):
    """A ClientHello of SSL 3.0, made by hand, without a name: that version has no better alert than 40."""
    s = server("sites: {localhost: {respond: x}, 127.0.0.1: {respond: connection}}")
    body = b"\x03\x00" + bytes(32) + b"\x00" + b"\x00\x02\x00\x05" + b"\x01\x00"
    with s.tcp() as link:
        link.send(b"\x16\x03\x00" + (len(body) + 4).to_bytes(2, "big") + b"\x01" + len(body).to_bytes(3, "big") + body)
        assert link.reader.exactly(7) == b"\x15\x03\x00\x00\x02\x02\x28"
        assert link.reader.closed()


@pytest.mark.parametrize("version,name", [(V.TLSv1_2, "TLSv1.2"), (V.TLSv1_3, "TLSv1.3")])
def test_both_versions_work(server, version, name):
    s = server(DESCRIBE)
    with s.tls(versions=(version, version)) as link:
        assert link.get("/").json()["tls"]["version"] == name == link.sock.version()


def test_min_version_of_the_configuration(server):
    s = server("tls: {min_version: '1.3'}\n" + DESCRIBE)
    with pytest.raises(ssl.SSLError, match="TLSV1_ALERT_PROTOCOL_VERSION"):
        s.tls(versions=(V.TLSv1_2, V.TLSv1_2))
    with s.tls() as link:
        assert link.sock.version() == "TLSv1.3"
