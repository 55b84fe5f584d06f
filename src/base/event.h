/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One event as a value: a stable name, a level and fields, so that engines can tell of things
 * without knowing the log that writes them (serve/eventlog) or the terminal that shows them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum event_level { EVENT_DEBUG, EVENT_INFO, EVENT_WARN, EVENT_ERROR };

enum event_kind { EVENT_TEXT, EVENT_UINT, EVENT_BOOL };

struct event_field {
    const char *key;
    enum event_kind kind;
    struct slice text;
    uint64_t number;
};

#define EV_TEXT(k, s) ((struct event_field){(k), EVENT_TEXT, (s), 0})
#define EV_CSTR(k, s) ((struct event_field){(k), EVENT_TEXT, slice_cstr(s), 0})
#define EV_UINT(k, v) ((struct event_field){(k), EVENT_UINT, SLICE_EMPTY, (uint64_t)(v)})
#define EV_BOOL(k, v) ((struct event_field){(k), EVENT_BOOL, SLICE_EMPTY, (v)})
