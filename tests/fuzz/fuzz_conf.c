/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Configuration files: any text is refused with at least one complaint that has words, or it is
 * shown as a text that means the same when it is read back. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf_faults faults;

static int load(struct slice text, struct conf **ret)
{
    struct conf_source src = {.file = "fuzz.yaml", .text = text};
    int r = conf_load(&src, ret, &faults);
    if (r == ERR_CONFIG && faults.count == 0)
        abort();
    for (size_t i = 0; i < faults.count; i++) {
        char story[1600];
        fault_text(&faults.list[i], story, sizeof(story));
        if (faults.list[i].what[0] == 0 || strlen(faults.list[i].snippet) >= 160)
            abort();
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf *first, *again;
    if (load(slice_of(data, size), &first))
        return 0;
    struct buf b;
    buf_init(&b, 64 << 20);
    if (conf_show(first, &b))
        abort();
    if (load(buf_slice(&b), &again))
        abort();
    if (first->nsites != again->nsites)
        abort();
    for (size_t i = 0; i < first->nsites; i++)
        if (conf_site_digest(&first->sites[i]) != conf_site_digest(&again->sites[i]))
            abort();
    buf_done(&b);
    conf_free(first);
    conf_free(again);
    return 0;
}
