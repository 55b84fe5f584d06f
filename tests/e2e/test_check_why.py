# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""`check --why`: every verdict is made to happen between three network namespaces, and no other one may come out."""

import datetime
import pathlib
import shutil
import tempfile

import pytest

from lib import netlab
from lib.netlab import TARGET

DAY = datetime.timedelta(days=1)
NAME = ("-m", "string", "--algo", "bm", "--string", TARGET)
TO_443 = ("-p", "tcp", "--dport", "443")
ADDRESS = netlab.ADDRESS[TARGET][0]


@pytest.fixture(name="lab", scope="module")
def fixture_lab():
    reason = netlab.why_not()
    if reason:
        pytest.skip(f"no network namespaces: {reason}")
    place = pathlib.Path(tempfile.mkdtemp(prefix="port443-netlab-"))
    place.chmod(0o755)
    try:
        with netlab.Netlab(place) as lab:
            yield lab
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(name="clean", autouse=True)
def fixture_clean(lab):
    lab.clear()
    yield
    lab.clear()


def expect(why, verdict, *evidence):
    assert why["verdict"] == verdict, why
    text = "\n".join(why["evidence"])
    for words in evidence:
        assert words in text, why


def test_nothing_in_the_way(lab):
    expect(lab.why(TARGET), "ok", "a ServerHello comes back")


def test_closed_port(lab):
    expect(lab.why("closed.lab"), "refused", "the connection is refused", "its port for plain http: it connects")


def test_reset_by_a_firewall_for_this_host(lab):
    lab.forward(*TO_443, "-d", ADDRESS, "-j", "REJECT", "--reject-with", "tcp-reset")
    expect(lab.why(TARGET), "refused")


def test_dropped_for_this_host(lab):
    lab.forward(*TO_443, "-d", ADDRESS, "-j", "DROP")
    expect(lab.why(TARGET), "filtered", "no answer to connecting")


def test_dropped_for_every_host(lab):
    lab.forward(*TO_443, "-j", "DROP")
    expect(lab.why(TARGET), "outbound_filtered", "elsewhere (control1.lab): no answer to connecting")


def test_rejected_for_every_host(lab):
    lab.forward(*TO_443, "-j", "REJECT", "--reject-with", "tcp-reset")
    expect(lab.why(TARGET), "outbound_filtered")


def test_administratively_prohibited(lab):
    lab.forward(*TO_443, "-d", ADDRESS, "-j", "REJECT", "--reject-with", "icmp-admin-prohibited")
    expect(lab.why(TARGET), "admin_prohibited", "ICMP type 3 code 13 from 192.0.2.1")


def test_reset_by_name(lab):
    lab.forward(*TO_443, *NAME, "-j", "REJECT", "--reject-with", "tcp-reset")
    expect(lab.why(TARGET), "sni_reset", "cut after the hello (reset)", "with another name: a ServerHello",
           "the device sits there")


def test_dropped_by_name(lab):
    lab.forward(*TO_443, *NAME, "-j", "DROP")
    expect(lab.why(TARGET), "sni_drop", "the hello is lost", "with another name: a ServerHello")


def test_other_names_are_not_meant(lab):
    lab.forward(*TO_443, *NAME, "-j", "DROP")
    expect(lab.why("other.lab"), "ok")


def test_reset_by_name_at_one_address(lab):
    lab.forward(*TO_443, "-d", ADDRESS, "-m", "string", "--algo", "bm", "--string", "multi.lab", "-j", "REJECT",
                "--reject-with", "tcp-reset")
    expect(lab.why("multi.lab"), "address_specific", "another address of the name")


def test_one_address_of_two_is_dropped(lab):
    lab.forward(*TO_443, "-d", ADDRESS, "-j", "DROP")
    expect(lab.why("multi.lab"), "address_specific")


def test_intercepted_by_name(lab):
    lab.redirect("tcp", 443, 4443)
    expect(lab.why(TARGET), "intercepted", 'by "middlebox root"')


def test_interception_of_another_name_is_not_ours(lab):
    lab.redirect("tcp", 443, 4443)
    expect(lab.why("other.lab"), "ok")


def test_intercepted_everywhere(lab):
    lab.redirect("tcp", 443, 4444)
    expect(lab.why(TARGET), "intercepted", 'by "middlebox root"')


def test_false_address(lab):
    lab.redirect("udp", 53, 4453, netlab.DNS)
    expect(lab.why(TARGET), "dns_tampered", netlab.FALSE_ADDRESS, "second resolver says: " + ADDRESS)


def test_denied_name(lab):
    lab.redirect("udp", 53, 4454, netlab.DNS)
    expect(lab.why(TARGET), "dns_tampered", "there is no such name")


def test_no_such_name(lab):
    expect(lab.why("nowhere.lab"), "no_such_name")


def test_captive_portal(lab):
    lab.redirect("tcp", 80, 4480)
    lab.redirect("tcp", 443, 4444)
    expect(lab.why(TARGET), "captive_portal", "http://login.portal.lab/")


def test_portal_with_443_dropped(lab):
    lab.redirect("tcp", 80, 4480)
    lab.forward(*TO_443, "-j", "DROP")
    expect(lab.why(TARGET), "captive_portal")


@pytest.mark.parametrize("host,service", [("ssh.lab", "an SSH server"), ("http.lab", "web server without TLS")])
def test_not_tls(lab, host, service):
    why = lab.why(host)
    if host == "http.lab":
        expect(why, "not_tls")
    else:
        expect(why, "not_tls", service, "SSH-2.0-OpenSSH")


def test_large_answers_are_lost(lab):
    lab.forward("-p", "tcp", "--sport", "443", "-s", ADDRESS, "-m", "length", "--length", "700:65535", "-j", "DROP")
    expect(lab.why(TARGET), "mtu_hole", "asked for a short answer: a ServerHello")


def test_large_hello(lab):
    expect(lab.why("packet.lab"), "large_hello", "with a hello of two packets")


def test_throttled(lab):
    lab.redirect("tcp", 443, 4445)
    expect(lab.why(f"https://{TARGET}/big"), "throttled", "download with this name")


def test_clock(lab):
    now = datetime.datetime.now(datetime.timezone.utc) + 2000 * DAY
    expect(lab.why(TARGET, "--now", now.strftime("%Y-%m-%dT%H:%M:%SZ")), "clock_wrong", "seconds fast")


def test_clock_before_the_program(lab):
    expect(lab.why(TARGET, "--now", "2001-01-01T00:00:00Z"), "clock_wrong", "before this program was made")


def test_expired_certificate(lab):
    expect(lab.why("expired.lab"), "certificate", "expired")


def test_alert(lab):
    expect(lab.why("alert.lab"), "server_alert", "unrecognized_name")


def test_no_route(lab):
    lab.forward("-d", "203.0.113.9", "-j", "REJECT", "--reject-with", "icmp-host-unreachable")
    expect(lab.why("noroute.lab"), "unreachable", "no route")
