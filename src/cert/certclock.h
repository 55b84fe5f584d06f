/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Wall time of the certificate engine: seconds since 1970. The environment variable
 * PORT443_TEST_CLOCK names a file with a number of seconds that is added to the clock and read
 * again at each look, so that tests can let weeks pass; engines then look every
 * CERTCLOCK_TEST_LOOK_MS. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "os/loop.h"

#define CERTCLOCK_TEST_LOOK_MS 50

/* Seconds since 1970 as tests have turned them. */
int64_t certclock_now_s(const struct loop *l);
/* A test turns the clock: timers cannot wait for the wall clock alone. */
bool certclock_is_turned(void);
