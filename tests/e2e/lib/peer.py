# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Another program of the distribution that runs for a scenario and ends with it."""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def need(program):
    """Its path; skips the scenario visibly where the program is not installed."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        pytest.skip(f"{program} is not installed (packaging/install-packages test)")
    return path


def _end_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Peer:
    """A process whose output goes to a file. It dies with the process that started it."""

    def __init__(self, words, log, env=None, cwd=None):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn
                [str(w) for w in words], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=cwd,
                env=os.environ | (env or {}), preexec_fn=_end_with_parent)

    def text(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def stop(self, signo=signal.SIGKILL):
        if self.alive():
            self.process.send_signal(signo)
        self.process.wait(20)
