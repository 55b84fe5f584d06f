# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What a process costs, from /proc."""

import functools
import os
import pathlib

from .server import BINARY

TICK = os.sysconf("SC_CLK_TCK")


@functools.cache
def sanitized():
    """AddressSanitizer keeps what was freed: the memory of such a build says nothing."""
    return b"__asan_init" in pathlib.Path(BINARY).read_bytes()


def rss_kib(pid):
    """Resident memory; 0 where it would say nothing."""
    if sanitized():
        return 0
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def cpu_seconds(pid):
    """User and system time so far, to a hundredth."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def most_descriptors(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        return next(int(line.split()[3]) for line in f if line.startswith("Max open files"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
