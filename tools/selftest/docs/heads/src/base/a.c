/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* Owns the example that a checker has to judge; knows nothing of the program around it. */
