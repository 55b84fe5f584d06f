/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Clocks for code that has no loop at hand; with one, its cached times are cheaper. */
#pragma once

#include <stdint.h>

/* Monotonic milliseconds, the scale of loop_now_ms. */
uint64_t clock_now_ms(void);
/* Monotonic microseconds. */
uint64_t clock_now_us(void);
/* Wall clock: milliseconds since 1970. */
int64_t clock_unix_ms(void);
/* Processor time that this process has used, in microseconds. */
uint64_t clock_cpu_us(void);
