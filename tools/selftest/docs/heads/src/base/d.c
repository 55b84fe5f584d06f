/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* d.c */
