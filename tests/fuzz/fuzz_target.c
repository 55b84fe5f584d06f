/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Targets: a canonical path stays what it is when made canonical again, holds no dot segment and no
 * byte that servers disagree on; the file path below a root never climbs; a normal host is stable.
 */
#include "wire/target.h"

#include "base/err.h"
#include "fuzz.h"

#define MAX_BYTES 1024

static void no_dot_segments(struct slice path)
{
    while (path.n) {
        size_t end = slice_find(path, '/');
        struct slice part = slice_first(path, end);
        FUZZ_CHECK(!slice_eq(part, SLICE(".")) && !slice_eq(part, SLICE("..")));
        path = slice_from(path, end + 1);
    }
}

static void check_path(struct slice raw)
{
    uint8_t dst[3 * MAX_BYTES], again[3 * MAX_BYTES], file[3 * MAX_BYTES];
    struct slice path, twice, name;
    int r = target_canonical_path(raw, dst, 3 * raw.n, &path);
    FUZZ_CHECK(r == OK || r == ERR_SYNTAX);
    if (r)
        return;
    FUZZ_CHECK(path.n > 0 && path.p[0] == '/' && path.n <= 3 * raw.n);
    for (size_t i = 0; i < path.n; i++)
        FUZZ_CHECK(path.p[i] > 32 && path.p[i] < 127 && path.p[i] != '\\' && path.p[i] != '?');
    no_dot_segments(path);
    FUZZ_CHECK(target_canonical_path(path, again, sizeof(again), &twice) == OK);
    FUZZ_CHECK(slice_eq(path, twice));
    FUZZ_CHECK(target_segment_prefix(path, path) && target_segment_prefix(path, SLICE("/")));
    if (target_file_path(path, file, path.n, &name))
        return;
    FUZZ_CHECK(name.n == 0 || name.p[0] != '/');
    FUZZ_CHECK(slice_find(name, 0) == name.n);
    no_dot_segments(name);
}

static void check_host(struct slice host)
{
    uint8_t dst[TARGET_HOST_BYTES], again[TARGET_HOST_BYTES];
    struct target_host h, twice;
    if (target_normal_host(host, dst, &h))
        return;
    FUZZ_CHECK(h.name.n > 0 && h.name.n <= 253);
    if (h.kind == TARGET_IPV6)
        return;
    FUZZ_CHECK(target_normal_host(h.name, again, &twice) == OK);
    FUZZ_CHECK(slice_eq(h.name, twice.name) && h.kind == twice.kind && !twice.has_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum http_method methods[] = {METHOD_GET, METHOD_OPTIONS, METHOD_CONNECT};
    struct slice raw = slice_of(data, size);
    if (size > MAX_BYTES)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        struct target t;
        if (target_parse(raw, methods[i], &t))
            continue;
        FUZZ_CHECK(fuzz_within(t.authority, data, size) && fuzz_within(t.query, data, size));
        if (t.path.n)
            check_path(t.path);
        check_host(t.authority);
    }
    check_path(raw);
    check_host(raw);
    size_t half = size / 2;
    (void)target_segment_prefix(slice_first(raw, half), slice_from(raw, half));
    return 0;
}
