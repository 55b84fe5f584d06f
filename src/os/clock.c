/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Clocks of the kernel. */
#include "os/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

uint64_t clock_now_ms(void)
{
    return (uint64_t)read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_now_us(void)
{
    return (uint64_t)read_us(CLOCK_MONOTONIC);
}

int64_t clock_unix_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

uint64_t clock_cpu_us(void)
{
    return (uint64_t)read_us(CLOCK_PROCESS_CPUTIME_ID);
}
