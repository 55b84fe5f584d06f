/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The wall clock and the file that turns it. */
#include "cert/certclock.h"

#include <stdlib.h>

#include "base/num.h"
#include "os/file.h"

#define OFFSET_MAX_S (100LL * 366 * 86400)

static const char *turned_by(void)
{
    return getenv("PORT443_TEST_CLOCK");
}

bool certclock_is_turned(void)
{
    return turned_by() != NULL;
}

/* "86400" or "-7200"; anything else (being written just now) leaves the offset of the last look. */
static int64_t offset_s(const char *path)
{
    static int64_t last_s;
    uint64_t number;
    struct buf b;
    buf_init(&b, 64);
    if (!file_read(path, 64, &b, NULL) && b.n) {
        struct slice text = buf_slice(&b);
        while (text.n && text.p[text.n - 1] <= ' ')
            text.n--;
        bool minus = slice_starts(text, SLICE("-"));
        if (!num_parse_u64(slice_from(text, minus), 0, OFFSET_MAX_S, &number))
            last_s = minus ? -(int64_t)number : (int64_t)number;
    }
    buf_done(&b);
    return last_s;
}

int64_t certclock_now_s(const struct loop *l)
{
    const char *path = turned_by();
    return loop_unix_ms(l) / 1000 + (path ? offset_s(path) : 0);
}
