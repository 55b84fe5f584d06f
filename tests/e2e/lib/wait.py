# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The only way a scenario waits: a condition, a deadline, and what was there when it passed."""

import os
import time

# Sanitized and emulated builds are slow; a deadline only says when to give up.
PATIENCE = float(os.environ.get("PORT443_E2E_PATIENCE", "1"))
STEP_S = 0.01


def wait_for(condition, what, timeout=10.0, shown=None):
    """Calls condition() until it returns something true, which is returned. `shown`() describes the state on failure."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout * PATIENCE:g} s for {what}" + (f"\n{shown()}" if shown else ""))
        time.sleep(STEP_S)  # between two looks at a condition that has no descriptor to wait on
