/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Structs as JSON objects, by the table of the caller: what record_read takes back. */
#include "base/json.h"
#include "cert/record.h"

static void write_times(struct json *j, const struct record_field *d, const int64_t *at)
{
    size_t n = d->count;
    while (n && at[n - 1] == 0)
        n--;
    json_array(j, d->name);
    for (size_t i = 0; i < n; i++)
        json_int(j, NULL, at[i]);
    json_end(j, ']');
}

static void write_field(struct json *j, const struct record_field *d, const void *at)
{
    switch (d->kind) {
    case RECORD_TEXT:
        if (((const struct slice *)at)->n)
            json_text(j, d->name, *(const struct slice *)at);
        return;
    case RECORD_U32:
        json_uint(j, d->name, *(const uint32_t *)at);
        return;
    case RECORD_U64:
        json_uint(j, d->name, *(const uint64_t *)at);
        return;
    case RECORD_I64:
        json_int(j, d->name, *(const int64_t *)at);
        return;
    case RECORD_TIMES:
        write_times(j, d, at);
        return;
    case RECORD_BOOL:
        json_bool(j, d->name, *(const bool *)at);
        return;
    case RECORD_WORD:
        json_cstr(j, d->name, d->words[*(const int *)at]);
        return;
    }
}

int record_write(const struct record_field *fields, size_t n, const void *object, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    j.pretty = true;
    json_object(&j, NULL);
    for (size_t i = 0; i < n; i++)
        write_field(&j, &fields[i], (const uint8_t *)object + fields[i].offset);
    json_end(&j, '}');
    return j.r ? j.r : buf_add(out, SLICE("\n"));
}
