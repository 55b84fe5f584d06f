/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Pages of any bytes: tags and texts lie in the page, in order, and addresses fit. */
#include "wire/htmlscan.h"

#include "fuzz.h"

struct seen {
    struct slice page;
    const uint8_t *last;
};

static void within(const struct seen *s, struct slice part)
{
    FUZZ_CHECK(fuzz_within(part, s->page.p, s->page.n));
}

static void on_tag(void *ctx, const struct htmlscan_tag *tag)
{
    struct seen *s = ctx;
    char address[40], text[40];
    FUZZ_CHECK(tag->name.n > 0 && tag->name.p > s->last && tag->n <= HTMLSCAN_ATTRIBUTES_MAX);
    s->last = tag->name.p;
    within(s, tag->name);
    for (size_t i = 0; i < tag->n; i++) {
        const struct htmlscan_attribute *a = &tag->attributes[i];
        within(s, a->name);
        within(s, a->value);
        FUZZ_CHECK(a->name.n > 0 && a->name.p > tag->name.p);
        size_t n = htmlscan_text(a->value, text, sizeof(text));
        FUZZ_CHECK(n <= sizeof(text) && n <= a->value.n);
        n = htmlscan_address(a->value, address, sizeof(address));
        FUZZ_CHECK(n <= sizeof(address) && n <= a->value.n);
        for (size_t k = 0; k < n; k++)
            FUZZ_CHECK(address[k] != '\n' && address[k] != '\t' && address[k] != '\r');
        FUZZ_CHECK(htmlscan_attribute(tag, a->name) != NULL);
    }
}

static void on_style(void *ctx, struct slice text)
{
    within(ctx, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct seen s = {slice_of(copy, size), copy};
    const struct htmlscan_ops ops = {&s, on_tag, on_style};
    htmlscan_run(s.page, &ops);
    mem_free(copy);
    return 0;
}
