# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What the end-to-end scenarios are made of: a running server, its clients, its upstreams, its logs."""
