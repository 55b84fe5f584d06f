/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Writer of JSON text into a buf: logs, status, reports. Commas, quoting and escapes are its
 * business; bytes that are not UTF-8 are written as \\ufffd so the output always parses. And a
 * check of text that somebody else wrote, which builds nothing. */
#pragma once

#include "base/buf.h"

#define JSON_DEPTH 32

struct json {
    struct buf *out;
    unsigned depth;
    int r;             /* first error of the buffer; later calls do nothing */
    uint32_t has_item; /* bit per depth: a comma is due */
    bool pretty;       /* two-space indentation */
};

/* libjansson has functions of the same names (json_object, json_array): where it calls its own
 * through the dynamic linker, it would find ours in the program. */
#pragma GCC visibility push(hidden)
/* Appends to out, which is lent until the last call. */
void json_init(struct json *j, struct buf *out);
/* key NULL inside arrays and at the top. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
/* Ends the innermost object or array. */
void json_end(struct json *j, char bracket);
void json_text(struct json *j, const char *key, struct slice value);
void json_cstr(struct json *j, const char *key, const char *value); /* NULL writes null */
void json_uint(struct json *j, const char *key, uint64_t value);
void json_int(struct json *j, const char *key, int64_t value);
/* Milli-units as a decimal: json_milli(j, "ms", 1234) writes 1.234. */
void json_milli(struct json *j, const char *key, uint64_t thousandths);
void json_bool(struct json *j, const char *key, bool value);
/* `value` is JSON already (a worker's report inserted whole). */
void json_raw(struct json *j, const char *key, struct slice value);
/* True when `text` is one whole value by the grammar of RFC 8259, nested at most JSON_DEPTH deep,
 * with nothing but white space around it and strings in valid UTF-8. */
bool json_valid(struct slice text);
#pragma GCC visibility pop
