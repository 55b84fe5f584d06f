/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One value at a time. What is accepted is narrow on purpose: whatever passes here is pasted into
 * answers, opened as a file or dialled without another look. */
#include "conf/scalar.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"

/* A complaint that shows the value: "value" and why it is wrong. */
static int wrong(struct reader *rd, const struct node *n, const char *why)
{
    reader_fault(rd, n, "\"%s\": %s", reader_word(n->text).text, why);
    return ERR_CONFIG;
}

int scalar_bool(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    static const char *const words[] = {"true", "false", "on", "off", "yes", "no"};
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!slice_eq_nocase(s, slice_cstr(words[i])))
            continue;
        *(bool *)field = i % 2 == 0;
        return OK;
    }
    const char *near = text_nearest(s, words, ARRAY_LEN(words));
    if (near)
        reader_fault(rd, n, "\"%s\" takes true or false, not \"%s\"; did you mean \"%s\"?", d->name,
                     reader_word(s).text, near);
    else
        reader_fault(rd, n, "\"%s\" takes true or false, not \"%s\"", d->name, reader_word(s).text);
    return ERR_CONFIG;
}

/* The shortest exact way to write a value: 65536 bytes is 64k. */
struct amount {
    char text[32];
};

static struct amount amount(enum directive_type type, uint64_t value)
{
    static const struct {
        enum directive_type type;
        uint64_t factor;
        const char *unit;
    } units[] = {
        {TYPE_BYTES, 1ull << 40, "t"}, {TYPE_BYTES, 1 << 30, "g"}, {TYPE_BYTES, 1 << 20, "m"},
        {TYPE_BYTES, 1 << 10, "k"},    {TYPE_MS, 86400000, "d"},   {TYPE_MS, 3600000, "h"},
        {TYPE_MS, 60000, "m"},         {TYPE_MS, 1000, "s"},       {TYPE_MS, 1, "ms"},
    };
    struct amount a;
    for (size_t i = 0; value && i < ARRAY_LEN(units); i++) {
        if (units[i].type != type || value % units[i].factor)
            continue;
        snprintf(a.text, sizeof(a.text), "%llu%s", (unsigned long long)(value / units[i].factor),
                 units[i].unit);
        return a;
    }
    snprintf(a.text, sizeof(a.text), "%llu", (unsigned long long)value);
    return a;
}

static int out_of_range(struct reader *rd, const struct directive *d, const struct node *n)
{
    reader_fault(rd, n, "\"%s\" must be from %s to %s, not %s", d->name,
                 amount(d->type, d->min).text, amount(d->type, d->max).text,
                 reader_word(n->text).text);
    return ERR_CONFIG;
}

static int number(struct reader *rd, const struct directive *d, const struct node *n, int r)
{
    if (r == ERR_RANGE)
        return out_of_range(rd, d, n);
    uint64_t value;
    struct fault *f = reader_fault(rd, n, "\"%s\" takes %s, not \"%s\"", d->name,
                                   directive_takes(d), reader_word(n->text).text);
    if (d->type == TYPE_MS && num_parse_u64(n->text, 0, UINT64_MAX, &value) == OK)
        fault_next(f, "add the unit: %ss for seconds", reader_word(n->text).text);
    return ERR_CONFIG;
}

int scalar_count(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    r = num_parse_u64(s, d->min, d->max, field);
    return r ? number(rd, d, n, r) : OK;
}

int scalar_bytes(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    r = num_parse_bytes(s, d->min, d->max, field);
    return r ? number(rd, d, n, r) : OK;
}

int scalar_ms(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    r = num_parse_ms(s, d->min, d->max, field);
    return r ? number(rd, d, n, r) : OK;
}

int scalar_choice(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    unsigned i = 0;
    for (; d->words[i]; i++) {
        if (!slice_eq(s, slice_cstr(d->words[i])))
            continue;
        memcpy(field, &i, sizeof(i));
        return OK;
    }
    char what[64];
    snprintf(what, sizeof(what), "value of \"%s\":", d->name);
    return reader_unknown(rd, n, what, d->words, i);
}

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

int scalar_user(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    bool good = s.n <= 32 && s.p[0] != '-';
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = slice_lower(s.p[i]);
        good &= (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' ||
                ch == '.';
    }
    if (!good)
        return wrong(rd, n, "not a user name");
    return reader_copy(rd, s, field);
}

int scalar_path(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    if (has_control(s))
        return wrong(rd, n, "a path holds no control characters");
    if (s.p[0] == '~') {
        fault_next(reader_fault(rd, n, "\"%s\": '~' is not expanded", reader_word(s).text),
                   "write the whole path, beginning with '/'");
        return ERR_CONFIG;
    }
    if (s.p[0] != '/') {
        fault_next(reader_fault(rd, n, "\"%s\" takes an absolute path, not \"%s\"", d->name,
                                reader_word(s).text),
                   "write the whole path, beginning with '/'");
        return ERR_CONFIG;
    }
    return reader_copy(rd, s, field);
}

int scalar_email(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    size_t at = slice_find(s, '@');
    bool good = at > 0 && at + 1 < s.n && slice_find(slice_from(s, at + 1), '@') == s.n - at - 1 &&
                s.n <= 254;
    for (size_t i = 0; i < s.n; i++)
        good &= s.p[i] > 0x20 && s.p[i] < 0x7f && s.p[i] != ',' && s.p[i] != '"';
    if (!good || scalar_bad_host(slice_from(s, at + 1)))
        return wrong(rd, n, "not an e-mail address");
    return reader_copy(rd, s, field);
}

const char *scalar_bad_host(struct slice s)
{
    struct ip ip;
    if (cidr_parse_ip(s, &ip) == OK)
        return NULL;
    if (s.n == 0)
        return "the host is missing";
    if (s.n > 253 || s.p[0] == '.' || s.p[0] == '-')
        return "not a host name";
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = slice_lower(s.p[i]);
        /* '_' is not for the web, but containers are called so. */
        bool good = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' ||
                    ch == '.' || ch == '_';
        if (!good)
            return ch >= 0x80 ? "write an international name in its ASCII form (xn--...)"
                              : "not a host name";
        if (ch == '.' && i > 0 && s.p[i - 1] == '.')
            return "not a host name";
    }
    return NULL;
}

int scalar_host(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    const char *why = scalar_bad_host(s);
    return why ? wrong(rd, n, why) : reader_copy(rd, s, field);
}

static int hex_value(uint8_t ch)
{
    uint64_t v;
    return num_parse_hex(slice_of(&ch, 1), 0, 15, &v) == OK ? (int)v : -1;
}

/* RFC 3986 2.3: these are never written in percent form in the normal form. */
static bool unreserved(int ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '-' || ch == '.' || ch == '_' || ch == '~';
}

static const char *bad_percent(struct slice s, size_t i)
{
    int high = i + 1 < s.n ? hex_value(s.p[i + 1]) : -1;
    int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
    if (high < 0 || low < 0)
        return "'%' needs two hexadecimal digits behind it";
    int ch = high * 16 + low;
    if (ch == '/' || ch == '\\' || ch == 0)
        return "an encoded slash, backslash or NUL never matches";
    if (unreserved(ch))
        return "write letters, digits and -._~ plainly, not in percent form";
    return NULL;
}

static const char *bad_segments(struct slice path)
{
    struct slice rest = slice_from(path, 1), part;
    while (slice_next(&rest, '/', &part)) {
        if (slice_eq(part, SLICE(".")) || slice_eq(part, SLICE("..")))
            return "dot segments are resolved before matching: this never matches";
        if (part.n == 0 && rest.p)
            return "a path has no empty segment (//)";
    }
    return NULL;
}

const char *scalar_bad_url_path(struct slice s, bool query)
{
    if (s.n == 0 || s.p[0] != '/')
        return "a path begins with '/'";
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return "write spaces and special characters in percent form (%20)";
        if (s.p[i] == '\\' || s.p[i] == '"' || s.p[i] == '<' || s.p[i] == '>')
            return "backslash, quotes and angle brackets are not allowed";
        if (s.p[i] == '#' || (s.p[i] == '?' && !query))
            return "only the path is matched: leave out '?' and '#'";
        const char *why = s.p[i] == '%' ? bad_percent(s, i) : NULL;
        if (why)
            return why;
    }
    return bad_segments(slice_first(s, slice_find(s, '?')));
}

int scalar_url_path(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    const char *why = scalar_bad_url_path(s, d->max == DIRECTIVE_QUERY);
    return why ? wrong(rd, n, why) : reader_copy(rd, s, field);
}

const char *scalar_bad_field_value(struct slice s)
{
    if (slice_trim(s).n != s.n)
        return "a field value does not begin or end with a space";
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return "a field value holds no line breaks or control characters";
    return NULL;
}

int scalar_field_value(struct reader *rd, const struct directive *d, const struct node *n,
                       void *field)
{
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    const char *why = scalar_bad_field_value(s);
    return why ? wrong(rd, n, why) : reader_copy(rd, s, field);
}

int scalar_body(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    if (n->kind != NODE_SCALAR)
        return reader_mismatch(rd, d, n);
    return reader_copy(rd, n->text, field);
}

int scalar_sink(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    static const char *const words[] = {"off", "stdout", "stderr"}; /* enum conf_sink_kind */
    struct conf_sink *sink = field;
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    *sink = (struct conf_sink){CONF_SINK_FILE, SLICE_EMPTY};
    if (s.p[0] == '/')
        return scalar_path(rd, d, n, &sink->path);
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        if (!slice_eq(s, slice_cstr(words[i])))
            continue;
        sink->kind = (enum conf_sink_kind)i;
        return OK;
    }
    const char *near = text_nearest(s, words, ARRAY_LEN(words));
    struct fault *f = reader_fault(rd, n, "\"%s\" takes %s, not \"%s\"", d->name,
                                   directive_takes(d), reader_word(s).text);
    if (near)
        fault_next(f, "did you mean \"%s\"?", near);
    return ERR_CONFIG;
}

int scalar_address(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    static const char *const loopback[] = {"127.0.0.0/8", "::1/128"};
    struct conf_address *a = field;
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    size_t colon = s.n;
    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    uint64_t port;
    if (colon == 0 || cidr_parse_ip(slice_first(s, colon - 1), &a->ip) ||
        num_parse_u64(slice_from(s, colon), 1, 65535, &port)) {
        fault_next(reader_fault(rd, n, "\"%s\" takes %s, not \"%s\"", d->name, directive_takes(d),
                                reader_word(s).text),
                   "for example 127.0.0.1:9443 or \"[::1]:9443\"");
        return ERR_CONFIG;
    }
    a->port = (uint16_t)port;
    if (d->max != DIRECTIVE_LOOPBACK)
        return OK;
    struct cidr net;
    for (size_t i = 0; i < ARRAY_LEN(loopback); i++)
        if (cidr_parse(slice_cstr(loopback[i]), &net) == OK && cidr_contains(&net, &a->ip))
            return OK;
    fault_next(reader_fault(rd, n, "\"%s\": metrics listen on a loopback address only",
                            reader_word(s).text),
               "use 127.0.0.1 or [::1]; a proxy route with access rules can publish it");
    return ERR_CONFIG;
}

int scalar_ask_url(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct slice s, host = SLICE_EMPTY;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    if (slice_starts(s, SLICE("https://")))
        host = slice_from(s, 8);
    else if (slice_starts(s, SLICE("http://")))
        host = slice_from(s, 7);
    host = slice_first(host, slice_find(host, '/'));
    bool good = host.n > 0 && slice_find(host, '@') == host.n;
    for (size_t i = 0; i < s.n; i++)
        good &= s.p[i] > 0x20 && s.p[i] < 0x7f && s.p[i] != '#';
    if (!good)
        return wrong(rd, n, "not an http:// or https:// URL");
    if (slice_find(s, '?') < s.n)
        return wrong(rd, n, "leave the query out: ?domain=NAME is added");
    return reader_copy(rd, s, field);
}

int scalar_status_range(struct reader *rd, const struct directive *d, const struct node *n,
                        void *field)
{
    struct conf_range *range = field;
    struct slice s;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    size_t dash = slice_find(s, '-');
    struct slice high = dash < s.n ? slice_from(s, dash + 1) : s;
    if (num_parse_u64(slice_first(s, dash), d->min, d->max, &range->min) ||
        num_parse_u64(high, range->min, d->max, &range->max)) {
        reader_fault(rd, n, "\"%s\" takes %s, not \"%s\"", d->name, directive_takes(d),
                     reader_word(s).text);
        return ERR_CONFIG;
    }
    return OK;
}

int scalar_redirect_status(struct reader *rd, const struct directive *d, const struct node *n,
                           void *field)
{
    static const uint64_t good[] = {301, 302, 303, 307, 308};
    struct slice s;
    uint64_t value = 0;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    r = num_parse_u64(s, d->min, d->max, &value);
    for (size_t i = 0; r == OK && i < ARRAY_LEN(good); i++) {
        if (value != good[i])
            continue;
        *(uint64_t *)field = value;
        return OK;
    }
    fault_next(reader_fault(rd, n, "%s is not a redirect status", reader_word(s).text),
               "use 308 (permanent) or 307 (temporary); also 301, 302, 303");
    return ERR_CONFIG;
}
