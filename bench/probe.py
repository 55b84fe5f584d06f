# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Looks into a server while it is measured: where its time goes (perf), which system calls it makes (strace). What is
measured under a probe is not a result."""

import signal
import subprocess
import time

from servers import on_core


class Nothing:
    def __init__(self, path, pids, core):
        pass

    def finish(self, answer):
        pass


class Attached:
    """A tool that follows processes until it gets SIGINT."""

    def __init__(self, path, pids, core):
        self.path = path
        self.process = subprocess.Popen(self.command(",".join(map(str, pids))), preexec_fn=on_core(core),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class Perf(Attached):
    def command(self, pids):
        # No hardware counters in most virtual machines: the CPU clock is what there is.
        return ["perf", "record", "-q", "-e", "cpu-clock", "-F", "9999", "-p", pids, "-o", f"{self.path}.data"]

    def finish(self, answer):
        self.stop()
        done = subprocess.run(["perf", "report", "--stdio", "-i", f"{self.path}.data", "--percent-limit", "0.2",
                               "--sort", "dso,symbol"], capture_output=True, text=True)
        self.path.write_text(done.stdout)


class Strace(Attached):
    def command(self, pids):
        return ["strace", "-f", "-c", "-o", str(self.path), *(w for p in pids.split(",") for w in ("-p", p))]

    def finish(self, answer):
        self.stop()
        with open(self.path, "a") as f:
            f.write(f"\noperations: {answer['ops']}\n")
