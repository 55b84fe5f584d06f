# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""End-to-end scenarios: real sockets, real peers, the built program (PORT443_BIN names another).

/usr/bin/python3 -m pytest tests/e2e            as root or as anybody; several runs at once do not meet.
make e2e                                        the same in parallel, then those marked `alone`.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from lib import server as server_module  # noqa: E402
from lib.certs import Certs  # noqa: E402
from lib.upstream import Upstream, echo  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures what other scenarios at the same time would disturb")
    server_module.adopt_orphans()
    if not os.access(server_module.BINARY, os.X_OK):
        pytest.exit(f"{server_module.BINARY} is not there: make build, or name it in PORT443_BIN", returncode=2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.scenario_failed = outcome.get_result().failed


@pytest.fixture(name="tmp_path")
def fixture_tmp_path():
    """The scenario's place, which the server's own account may enter too (pytest's is closed to it)."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="port443-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(name="site")
def fixture_site(tmp_path):
    """A directory of files to serve: / says \"hello\n\"."""
    root = tmp_path / "www"
    root.mkdir(mode=0o755)
    (root / "index.html").write_text("hello\n")
    return root


@pytest.fixture(name="server")
def fixture_server(request, tmp_path):
    """server(config, **options): see lib/server.py. Stopped and looked over at the end of the scenario."""
    made = []

    def make(config, **options):
        place = tmp_path / f"server{len(made)}" if made else tmp_path
        place.mkdir(exist_ok=True, mode=0o755)
        made.append(server_module.Server(config, place, **options))
        return made[-1].start()

    yield make
    wrong = [w for s in made if s.process for w in s.look_over()]
    if wrong or getattr(request.node, "scenario_failed", False):
        for s in made:
            print(s.dump())
    assert not wrong, "\n".join(wrong)


@pytest.fixture(name="upstream")
def fixture_upstream():
    """upstream(script, path=, pair=): see lib/upstream.py. A script's mistakes fail the scenario."""
    made = []

    def make(script=echo, **options):
        made.append(Upstream(script, **options))
        return made[-1]

    yield make
    for u in made:
        u.stop()
    assert not [t for u in made for t in u.troubles]


@pytest.fixture(name="certs")
def fixture_certs(tmp_path):
    """Certificates from a root of the scenario's own."""
    return Certs(tmp_path / "certs")


@pytest.fixture(name="program")
def fixture_program():
    """program("config", "check", ...): runs a verb to its end."""
    return server_module.run


@pytest.fixture(name="nobody")
def fixture_nobody():
    """Words before a program that run it as an ordinary account without capabilities."""
    if os.getuid() != 0:
        return []
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    if subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root become nobody")
    return words
