/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* JSON objects into structs, by the table of the caller. Owns libjansson's side; the writer is
 * apart because base/json uses the same names. */
#include <jansson.h>

#include "cert/record.h"

static int wrong(struct fault *f, const struct record_field *d, const char *expected)
{
    return fault_set(f, ERR_SYNTAX, "\"%s\" is not %s", d->name, expected);
}

static int read_number(const json_t *v, const struct record_field *d, void *at, struct fault *f)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || (d->kind == RECORD_U32 && n > UINT32_MAX))
        return wrong(f, d, "a number in range");
    if (d->kind == RECORD_U32)
        *(uint32_t *)at = (uint32_t)n;
    else if (d->kind == RECORD_U64)
        *(uint64_t *)at = (uint64_t)n;
    else
        *(int64_t *)at = n;
    return OK;
}

static int read_times(const json_t *v, const struct record_field *d, int64_t *at, struct fault *f)
{
    size_t n = json_array_size(v);
    const struct record_field one = {d->name, RECORD_I64, 0, 0, NULL};
    int r = json_is_array(v) && n <= d->count ? OK : wrong(f, d, "a list of times");
    for (size_t i = 0; !r && i < n; i++)
        r = read_number(json_array_get(v, i), &one, at + i, f);
    return r;
}

static int read_word(const json_t *v, const struct record_field *d, int *at, struct fault *f)
{
    const char *word = json_string_value(v);
    for (size_t i = 0; word && i < d->count; i++)
        if (strcmp(word, d->words[i]) == 0) {
            *at = (int)i;
            return OK;
        }
    return wrong(f, d, "a word that is known");
}

static int read_field(const json_t *v, const struct record_field *d, struct arena *a, void *at,
                      struct fault *f)
{
    switch (d->kind) {
    case RECORD_TEXT:
        if (!json_is_string(v))
            return wrong(f, d, "a text");
        return arena_copy(a, slice_of(json_string_value(v), json_string_length(v)), at)
                   ? fault_set(f, ERR_NOMEM, "out of memory")
                   : OK;
    case RECORD_U32:
    case RECORD_U64:
    case RECORD_I64:
        return read_number(v, d, at, f);
    case RECORD_TIMES:
        return read_times(v, d, at, f);
    case RECORD_BOOL:
        if (!json_is_boolean(v))
            return wrong(f, d, "true or false");
        *(bool *)at = json_is_true(v);
        return OK;
    case RECORD_WORD:
        return read_word(v, d, at, f);
    }
    return OK;
}

int record_read(struct slice json, const struct record_field *fields, size_t n, struct arena *a,
                void *object, struct fault *f)
{
    json_error_t e;
    if (json.n == 0)
        return fault_set(f, ERR_SYNTAX, "the file is empty");
    json_t *root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &e);
    if (!root)
        return fault_set(f, ERR_SYNTAX, "no JSON: line %d: %s", e.line, e.text);
    int r = json_is_object(root) ? OK : fault_set(f, ERR_SYNTAX, "no JSON object");
    for (size_t i = 0; !r && i < n; i++) {
        const json_t *v = json_object_get(root, fields[i].name);
        if (v)
            r = read_field(v, &fields[i], a, (uint8_t *)object + fields[i].offset, f);
    }
    json_decref(root);
    return r;
}
