# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""`port443 check`: targets in, reports and an exit status out."""

import csv
import io
import json
import ssl
import xml.etree.ElementTree as ET

import pytest
from lib import smallserver
from lib.ports import Ports

SEVERITIES = ["info", "low", "medium", "high", "critical"]


@pytest.fixture(name="good")
def fixture_good(server, certs):
    """Our own server for a.test and b.test, certificates from the scenario's root."""
    pair = certs.leaf("a.test", "b.test")
    s = server("sites:\n" + "".join(f"  {n}.test: {{respond: hello, tls: {{cert: {pair.cert}, key: {pair.key}}}}}\n"
                                    for n in "ab"))
    s.words = ["--ca", certs.root, "--connect", f"127.0.0.1:{s.https_port}", "--http-port", s.http_port, "--timeout", "3s"]
    return s


def closed_port():
    ports = Ports(1)
    number = ports.numbers[0]
    ports.release()
    return number


def ids(report):
    return {f["id"] for f in report["findings"]}


def test_a_good_site(program, good):
    done = program("check", *good.words, "a.test")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "a.test" in done.stdout and "\033[" not in done.stdout
    for word in ("name", "TCP", "TLS", "HTTP", "close", "SSL Labs"):
        assert word in done.stdout


def test_json_contract(program, good):
    done = program("check", "--json", *good.words, "https://a.test/")
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["schema"] == 1
    assert report["target"]["host"] == "a.test"
    assert [s["name"] for s in report["steps"]] == ["dns", "tcp", "tls", "http", "close"]
    assert all(s["ok"] and s["ms"] >= 0 for s in report["steps"])
    cert = report["certificate"]
    assert cert["trusted"] and cert["name_match"] and cert["sans"] == ["a.test", "b.test"]
    assert not set(cert["errors"]) - {"cert-not-strict"}  # the scenario's root is a plain one
    assert 88 <= cert["days_left"] <= 90 and cert["chain"]
    tls = report["tls"]
    assert tls["versions"] == {"ssl2": False, "ssl3": False, "tls1.0": False, "tls1.1": False, "tls1.2": True,
                               "tls1.3": True}
    assert "TLS_AES_128_GCM_SHA256" in tls["suites"]["tls1.3"] and "x25519" in [g.lower() for g in tls["groups"]]
    for f in report["findings"]:
        assert f["severity"] in SEVERITIES and f["title"] and f["fix"] and "evidence" in f
    assert set(report["grades"]) == {"ssllabs", "mozilla", "pci", "observatory"}
    assert not ids(report) & {"tls-no-alpn-h2", "tls-no-resumption", "tls-early-data", "tls-failed"}


def test_untrusted_is_bad(program, good):
    words = good.words[2:]
    assert program("check", *words, "a.test").returncode == 1
    assert program("check", *words, "--fail-on", "critical", "a.test").returncode == 1
    assert program("check", *words, "--fail-on", "never", "a.test").returncode == 0


def test_wrong_name(program, certs):
    tls = smallserver.context(certs.leaf("a.test"))
    with smallserver.running(smallserver.https(tls)) as port:
        done = program("check", "--json", "--ca", certs.root, "--connect", "127.0.0.1", f"c.test:{port}")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and not report["certificate"]["name_match"] and "cert-name-mismatch" in ids(report)


def test_a_name_that_is_not_served(program, good):
    """Our server says so with an alert."""
    done = program("check", "--json", *good.words, "c.test")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and "tls-alert" in ids(report) and report["why"]["verdict"] == "server_alert"


def test_closed_port_is_not_tested(program):
    done = program("check", "--json", "--no-why", f"127.0.0.1:{closed_port()}")
    report = json.loads(done.stdout)
    assert done.returncode == 2 and "tcp-refused" in ids(report)
    assert not report["steps"][1]["ok"] and report["grades"]["ssllabs"]["grade"] is None


def test_why_of_a_closed_port(program):
    done = program("check", "--json", f"127.0.0.1:{closed_port()}")
    assert json.loads(done.stdout)["why"]["verdict"] == "refused"


def test_no_such_name(program):
    """A resolver that does not answer is no proof that the name is missing."""
    done = program("check", "--json", "--no-why", "--resolver", f"127.0.0.1:{closed_port()}", "nothing.example.test")
    assert done.returncode == 2 and "dns-failed" in ids(json.loads(done.stdout))


def test_now_is_another_time(program, good):
    for now, finding in (("2045-01-01T00:00:00Z", "cert-expired"), ("2001-01-01T00:00:00+01:00", "cert-not-yet-valid")):
        done = program("check", "--json", *good.words, "--now", now, "a.test")
        report = json.loads(done.stdout)
        assert done.returncode == 1 and finding in ids(report), (now, ids(report))


@pytest.mark.parametrize("profile,status", [("modern", 1), ("intermediate", 0), ("old", 1)])
def test_profile(program, good, profile, status):
    done = program("check", *good.words, "--no-http", "--profile", profile, "--fail-on", "never", "a.test")
    assert done.returncode == status, done.stdout


def test_many_targets_from_a_file(program, good, tmp_path):
    (tmp_path / "list").write_text("a.test # the first\n\nhttps://b.test/x\n  127.0.0.1\n")
    words = [*good.words, "--fail-on", "never", f"@{tmp_path}/list", "a.test:443"]
    done = program("check", *words)
    assert done.returncode == 0, done.stderr
    heads = [line.split()[0] for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert heads == ["a.test", "https://b.test/x", "127.0.0.1", "a.test:443"]
    lines = program("check", "--json", *words).stdout.splitlines()
    assert sorted(json.loads(line)["target"]["text"] for line in lines) == sorted(heads)


def test_shapes(program, good, tmp_path):
    def run(*words):
        done = program("check", *good.words, *words, "a.test", "b.test")
        assert done.returncode == 0, done.stderr
        return done.stdout

    rows = list(csv.DictReader(io.StringIO(run("--csv"))))
    assert [r["target"] for r in rows] == ["a.test", "b.test"]
    assert json.loads(run("--sarif"))["version"] == "2.1.0"
    assert len(ET.fromstring(run("--junit")).findall("testsuite")) == 2
    assert run("--prometheus").count("\nport443_check_up{") == 2
    nagios = program("check", "--nagios", *good.words, "a.test")
    assert nagios.returncode in (0, 1) and len(nagios.stdout.splitlines()) == 1
    assert run("--html", tmp_path / "report.html", "--csv")
    page = (tmp_path / "report.html").read_text()
    assert page.lower().startswith("<!doctype html>") and "a.test" in page and "b.test" in page


@pytest.mark.parametrize("words,says", [
    ([], "say what to look at"),
    (["http://example.com"], "https://"),
    (["a.test", "--fail-on", "bad"], "say info, low"),
    (["a.test", "--profile", "best"], "say modern"),
    (["a.test", "--timeout", "5"], "write 500ms"),
    (["a.test", "--now", "tomorrow"], "write 2027"),
    (["a.test", "--starttls", "https"], "no protocol"),
    (["a.test", "--connect", "a.test"], "write an address"),
    (["a.test", "--resolve", "a.test:127.0.0.1"], "write NAME:PORT:ADDRESS"),
    (["a.test", "--proxy", "https://p:1"], "not supported"),
    (["a.test", "--json", "--csv"], "cannot both"),
    (["a.test", "--slow", "--fast"], "only one"),
    (["a.test", "-4", "-6"], "only one"),
    (["a.test", "--client-cert", "x"], "needs --client-cert and --client-key"),
    (["a.test", "--watch", "1h"], "goes with --expiry"),
    (["--expiri", "x"], "did you mean --expiry"),
])
def test_usage(program, words, says):
    done = program("check", *words)
    assert done.returncode == 64 and says in done.stderr and done.stdout == "", done.stderr


def test_files_that_are_not_there(program):
    for words in (["--ca", "/none/ca.pem", "a.test"], ["@/none/list"], ["--expiry", "/none/list"]):
        done = program("check", *words)
        assert done.returncode == 2 and "/none/" in done.stderr


def test_proxy(program, certs):
    pair, asked = certs.leaf("a.test"), []
    with smallserver.running(smallserver.https(smallserver.context(pair))) as port, \
            smallserver.running(smallserver.proxy(port, asked)) as door:
        done = program("check", "--json", "--ca", certs.root, "--proxy", f"http://127.0.0.1:{door}", f"a.test:{port}")
    report = json.loads(done.stdout)
    assert report["steps"][2]["ok"] and report["certificate"]["trusted"], done.stdout
    assert set(asked) == {f"a.test:{port}"}


def test_starttls(program, certs):
    pair = certs.leaf("mail.test")
    with smallserver.running(smallserver.smtp(smallserver.context(pair))) as port:
        words = ["--ca", certs.root, "--starttls", "smtp", "--connect", "127.0.0.1", f"mail.test:{port}"]
        done = program("check", "--json", *words)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["certificate"]["trusted"], done.stdout
    assert report["tls"]["versions"]["tls1.3"] and "http-failed" not in ids(report)


def test_client_certificate(program, certs):
    pair, mine = certs.leaf("a.test"), certs.client("someone")
    tls = smallserver.context(pair, client_ca=certs.root)
    with smallserver.running(smallserver.https(tls)) as port:
        words = ["--json", "--ca", certs.root, "--connect", "127.0.0.1", f"a.test:{port}"]
        without = json.loads(program("check", *words).stdout)
        with_it = json.loads(program("check", "--client-cert", mine.cert, "--client-key", mine.key, *words).stdout)
    assert "tls-client-cert-required" in ids(without)
    assert "tls-client-cert-required" not in ids(with_it) and with_it["steps"][3]["ok"]


def test_expiry(program, certs, tmp_path):
    ages = {"good.test": (90, 1), "third.test": (29, 61), "tenth.test": (8, 82), "gone.test": (-1, 90)}
    listed = []
    with smallserver.running(lambda sock: sock.sendall(b"220 hello\r\n")) as noise:
        doors = []
        for i, (name, (days, age)) in enumerate(ages.items()):
            lowest = ssl.TLSVersion.TLSv1_3 if i % 2 else ssl.TLSVersion.TLSv1_2
            tls = smallserver.context(certs.leaf(name, days=days, age_days=age), lowest=lowest)
            doors.append(smallserver.running(smallserver.https(tls)))
            listed.append((name, doors[-1].__enter__()))
        (tmp_path / "hosts").write_text("".join(f"{n}:{p}\n" for n, p in listed) + f"127.0.0.1:{noise}\n")
        pins = [w for n, p in listed for w in ("--resolve", f"{n}:{p}:127.0.0.1")]
        words = ["check", "--expiry", tmp_path / "hosts", *pins]
        text, lines, metrics = (program(*words, *shape) for shape in ([], ["--json"], ["--prometheus"]))
        (tmp_path / "hosts").write_text("".join(f"{n}:{p}\n" for n, p in listed[:2]))
        fine, strict = program(*words), program(*words, "--fail-on", "medium")
        for door in doors:
            door.__exit__(None, None, None)
    assert text.returncode == 2 and text.stderr == ""
    assert [line.split()[0] for line in text.stdout.splitlines()[:5]] == ["expired", "critical", "unseen", "warn", "good"]
    rows = {json.loads(line)["target"]["host"]: json.loads(line) for line in lines.stdout.splitlines()}
    assert rows["gone.test"]["state"] == "expired" and rows["good.test"]["name_match"]
    assert "not speak TLS" in rows["127.0.0.1"]["why"]
    assert metrics.stdout.count("port443_check_not_after_seconds{") == 4
    assert fine.returncode == 0 and strict.returncode == 1


def test_outbound(program, certs, tmp_path):
    tls, closed = smallserver.context(certs.leaf("127.0.0.1")), closed_port()
    with smallserver.running(smallserver.https(tls)) as port:
        (tmp_path / "hosts").write_text(f"payment 127.0.0.1:{port}\napi 127.0.0.1:{closed} # down\n")
        words = ["check", "--outbound", tmp_path / "hosts", "--ca", certs.root]
        text, lines = program(*words), program(*words, "--json")
        (tmp_path / "hosts").write_text(f"payment 127.0.0.1:{port}\n")
        fine = program(*words)
    assert text.returncode == 1 and "1 of 2 hosts are reached" in text.stdout, text.stderr
    rows = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [(r["kind"], r["ok"]) for r in rows] == [("payment", True), ("api", False)] and rows[1]["verdict"] == "refused"
    assert fine.returncode == 0, fine.stdout
    assert program("check", "--outbound", "/none/list").returncode == 2
