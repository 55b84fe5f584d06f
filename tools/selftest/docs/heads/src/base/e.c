/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Byte queue over blocks. */
