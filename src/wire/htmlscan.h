/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Start tags of an HTML page and their attributes, in order, as a browser with scripts would see
 * them: comments, scripts, styles and other raw text are passed over, and so is what stands in
 * <template> and <noscript>. No tree, no allocation, one pass. Knows nothing of addresses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define HTMLSCAN_ATTRIBUTES_MAX 32 /* of one tag; further ones are not looked at */

struct htmlscan_attribute {
    struct slice name, value; /* as written, without quotes; entities not resolved */
};

struct htmlscan_tag {
    struct slice name; /* as written */
    struct htmlscan_attribute attributes[HTMLSCAN_ATTRIBUTES_MAX];
    size_t n;
};

struct htmlscan_ops {
    void *ctx;
    void (*on_tag)(void *ctx, const struct htmlscan_tag *tag);
    /* The text of a <style>; may be NULL. */
    void (*on_style)(void *ctx, struct slice text);
};

/* Calls back from inside; tags and texts are loans from the page, valid during the call. */
void htmlscan_run(struct slice page, const struct htmlscan_ops *ops);
/* Attribute of that name (the first one: a second is ignored by browsers), or NULL. */
const struct htmlscan_attribute *htmlscan_attribute(const struct htmlscan_tag *tag,
                                                    struct slice name);
/* Resolves character references: numbers below 128, and the names that occur in addresses and
 * policies. Into dst; what does not fit is left out. Returns the number of bytes. */
size_t htmlscan_text(struct slice value, char *dst, size_t cap);
/* The same for an address: tabs and line ends go, as do control bytes and spaces at both ends, as
 * browsers have it (WHATWG URL 4.4). */
size_t htmlscan_address(struct slice value, char *dst, size_t cap);
