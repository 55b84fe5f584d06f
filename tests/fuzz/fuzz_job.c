/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* job.json and meta.json as a damaged disk may hold them: refused or read, never believed half. */
#include "cert/job.h"
#include "cert/leafdir.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct job j = {.failures = 9};
    struct lineage_meta m = {.draw = 9};
    struct fault f = {0};
    uint8_t *copy = fuzz_copy(data, size);
    arena_init(&arena, 1024 * 1024);
    int r = job_read(slice_of(copy, size), &arena, &j, &f);
    FUZZ_CHECK(r == OK || (f.what[0] && j.failures == 9));
    FUZZ_CHECK(r != OK || j.step == JOB_NONE || j.order.n);
    r = leafdir_read_meta(slice_of(copy, size), &arena, &m, &f);
    FUZZ_CHECK(r == OK || m.draw == 9);
    FUZZ_CHECK(m.draw < 1000000 && m.ari_end_s >= m.ari_start_s);
    arena_done(&arena);
    mem_free(copy);
    return 0;
}
