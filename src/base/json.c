/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* JSON writer: string escapes by RFC 8259 7, UTF-8 checked byte by byte. The check walks the text
 * with a stack of brackets, one bit each: its depth costs no stack of ours. */
#include "base/json.h"

#include "base/bug.h"
#include "base/err.h"
#include "base/num.h"

void json_init(struct json *j, struct buf *out)
{
    *j = (struct json){.out = out};
}

static void put(struct json *j, struct slice s)
{
    if (!j->r)
        j->r = buf_add(j->out, s);
}

/* Length of the valid UTF-8 sequence at the start of s, 0 when invalid. */
static size_t utf8_length(struct slice s)
{
    uint8_t a = s.p[0];
    if (a < 0x80)
        return 1;
    size_t n = a >= 0xc2 && a <= 0xdf   ? 2
               : a >= 0xe0 && a <= 0xef ? 3
               : a >= 0xf0 && a <= 0xf4 ? 4
                                        : 0;
    if (n == 0 || s.n < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s.p[i] & 0xc0) != 0x80)
            return 0;
    if ((a == 0xe0 && s.p[1] < 0xa0) || (a == 0xed && s.p[1] > 0x9f) ||
        (a == 0xf0 && s.p[1] < 0x90) || (a == 0xf4 && s.p[1] > 0x8f))
        return 0;
    return n;
}

static void escape(struct json *j, uint8_t ch)
{
    char text[6] = {'\\', 'u', '0', '0', "0123456789abcdef"[ch >> 4], "0123456789abcdef"[ch & 15]};
    switch (ch) {
    case '"':
        put(j, SLICE("\\\""));
        return;
    case '\\':
        put(j, SLICE("\\\\"));
        return;
    case '\n':
        put(j, SLICE("\\n"));
        return;
    default:
        put(j, slice_of(text, sizeof(text)));
    }
}

static void quoted(struct json *j, struct slice s)
{
    put(j, SLICE("\""));
    size_t plain = 0;
    while (plain < s.n) {
        uint8_t ch = s.p[plain];
        size_t n = ch < 0x80 ? 1 : utf8_length(slice_from(s, plain));
        if (n && ch >= 0x20 && ch != '"' && ch != '\\' && ch != 0x7f) {
            plain += n;
            continue;
        }
        put(j, slice_first(s, plain));
        if (n == 0)
            put(j, SLICE("\\ufffd"));
        else
            escape(j, ch);
        s = slice_from(s, plain + 1);
        plain = 0;
    }
    put(j, s);
    put(j, SLICE("\""));
}

static void newline(struct json *j)
{
    if (!j->pretty)
        return;
    put(j, SLICE("\n"));
    for (unsigned i = 0; i < j->depth; i++)
        put(j, SLICE("  "));
}

static void begin(struct json *j, const char *key)
{
    uint32_t bit = 1u << j->depth;
    if (j->has_item & bit)
        put(j, SLICE(","));
    j->has_item |= bit;
    if (j->depth)
        newline(j);
    if (key) {
        quoted(j, slice_cstr(key));
        put(j, j->pretty ? SLICE(": ") : SLICE(":"));
    }
}

static void nest(struct json *j, const char *key, struct slice bracket)
{
    begin(j, key);
    put(j, bracket);
    if (BUG_IF(j->depth + 1 >= JSON_DEPTH)) {
        j->r = ERR_BUG;
        return;
    }
    j->depth++;
    j->has_item &= ~(1u << j->depth);
}

void json_object(struct json *j, const char *key)
{
    nest(j, key, SLICE("{"));
}

void json_array(struct json *j, const char *key)
{
    nest(j, key, SLICE("["));
}

void json_end(struct json *j, char bracket)
{
    if (BUG_IF(j->depth == 0))
        return;
    bool any = j->has_item & 1u << j->depth;
    j->depth--;
    if (any)
        newline(j);
    put(j, slice_of(&bracket, 1));
}

void json_text(struct json *j, const char *key, struct slice value)
{
    begin(j, key);
    quoted(j, value);
}

void json_cstr(struct json *j, const char *key, const char *value)
{
    begin(j, key);
    if (value)
        quoted(j, slice_cstr(value));
    else
        put(j, SLICE("null"));
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
    char text[20];
    begin(j, key);
    put(j, slice_of(text, num_format(value, text)));
}

void json_int(struct json *j, const char *key, int64_t value)
{
    char text[20];
    begin(j, key);
    if (value < 0)
        put(j, SLICE("-"));
    put(j, slice_of(text, num_format(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, text)));
}

void json_milli(struct json *j, const char *key, uint64_t thousandths)
{
    char text[24];
    size_t n = num_format(thousandths / 1000, text);
    unsigned rest = (unsigned)(thousandths % 1000);
    text[n++] = '.';
    text[n++] = (char)('0' + rest / 100);
    text[n++] = (char)('0' + rest / 10 % 10);
    text[n++] = (char)('0' + rest % 10);
    begin(j, key);
    put(j, slice_of(text, n));
}

void json_bool(struct json *j, const char *key, bool value)
{
    begin(j, key);
    put(j, value ? SLICE("true") : SLICE("false"));
}

void json_raw(struct json *j, const char *key, struct slice value)
{
    begin(j, key);
    put(j, value);
}

/* ---- the check ---- */

static void skip_space(struct slice *s)
{
    while (s->n && (s->p[0] == ' ' || s->p[0] == '\t' || s->p[0] == '\n' || s->p[0] == '\r'))
        *s = slice_from(*s, 1);
}

static bool take(struct slice *s, char ch)
{
    if (!s->n || s->p[0] != (uint8_t)ch)
        return false;
    *s = slice_from(*s, 1);
    return true;
}

/* Length of the escape at the start of s, 0 when there is none like it. */
static size_t escape_length(struct slice s)
{
    if (s.n < 2)
        return 0;
    if (s.p[1] != 'u')
        return slice_find(SLICE("\"\\/bfnrt"), s.p[1]) < 8 ? 2 : 0;
    if (s.n < 6)
        return 0;
    for (size_t i = 2; i < 6; i++) {
        uint8_t ch = slice_lower(s.p[i]);
        if (!(ch >= '0' && ch <= '9') && !(ch >= 'a' && ch <= 'f'))
            return 0;
    }
    return 6;
}

static bool take_string(struct slice *s)
{
    if (!take(s, '"'))
        return false;
    while (s->n && s->p[0] != '"') {
        size_t n = s->p[0] == '\\' ? escape_length(*s) : s->p[0] < 0x20 ? 0 : utf8_length(*s);
        if (n == 0)
            return false;
        *s = slice_from(*s, n);
    }
    return take(s, '"');
}

static bool take_digits(struct slice *s)
{
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    *s = slice_from(*s, n);
    return n > 0;
}

static bool take_number(struct slice *s)
{
    (void)take(s, '-');
    if (!take(s, '0') && !take_digits(s))
        return false;
    if (take(s, '.') && !take_digits(s))
        return false;
    if (!take(s, 'e') && !take(s, 'E'))
        return true;
    if (!take(s, '+'))
        (void)take(s, '-');
    return take_digits(s);
}

static bool take_scalar(struct slice *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slice word = slice_cstr(words[i]);
        if (slice_starts(*s, word)) {
            *s = slice_from(*s, word.n);
            return true;
        }
    }
    return s->n && s->p[0] == '"' ? take_string(s) : take_number(s);
}

/* The name of a member and its colon. */
static bool take_name(struct slice *s)
{
    skip_space(s);
    if (!take_string(s))
        return false;
    skip_space(s);
    return take(s, ':');
}

/* After a value: closes what ends here. False for what may not follow; *more tells whether another
 * value has to come. */
static bool take_ends(struct slice *s, uint32_t *depth, uint32_t objects, bool *more)
{
    *more = false;
    for (skip_space(s); *depth; skip_space(s)) {
        bool object = objects >> (*depth - 1) & 1;
        if (take(s, ',')) {
            *more = true;
            return !object || take_name(s);
        }
        if (!take(s, object ? '}' : ']'))
            return false;
        --*depth;
    }
    return s->n == 0;
}

bool json_valid(struct slice text)
{
    uint32_t depth = 0, objects = 0; /* bit per open bracket: an object */
    bool more = true;
    while (more) {
        skip_space(&text);
        bool object = take(&text, '{');
        if (object || take(&text, '[')) {
            if (depth == JSON_DEPTH)
                return false;
            objects = (objects & ~(1u << depth)) | (uint32_t)object << depth;
            depth++;
            skip_space(&text);
            if (text.n && text.p[0] != (object ? '}' : ']')) {
                if (object && !take_name(&text))
                    return false;
                continue;
            }
        } else if (!take_scalar(&text)) {
            return false;
        }
        if (!take_ends(&text, &depth, objects, &more))
            return false;
    }
    return true;
}
