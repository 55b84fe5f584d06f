/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One value of a row as YAML on one line, into a buffer or into a digest. */
#pragma once

#include "base/buf.h"
#include "conf/directive.h"

/* Where text goes. With buf NULL it is only digested (FNV-1a). */
struct show_value {
    struct buf *buf;
    uint64_t digest;
    int r; /* first error of the buffer; later calls do nothing */
};

#define SHOW_VALUE_DIGEST 0xcbf29ce484222325u /* offset basis of FNV-1a */

/* As it is. Errors stay in o->r. */
void show_value_raw(struct show_value *o, struct slice s);
/* As show_value_raw, for our own words. */
void show_value_cstr(struct show_value *o, const char *text);
/* Quoted where YAML or another reader of it could take the text for something else. */
void show_value_text(struct show_value *o, struct slice s);
/* True when the row holds nothing: an empty text, list or block. */
bool show_value_empty(const struct directive *d, const void *field);
/* True when the row's type is written on one line. */
bool show_value_inline(const struct directive *d, const void *field);
void show_value_put(struct show_value *o, const struct directive *d, const void *field);
