/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One writer per type, the mirror image of scalar.c and series.c. */
#include "conf/show_value.h"

#include <string.h>

#include "base/num.h"

void show_value_raw(struct show_value *o, struct slice s)
{
    if (o->buf) {
        if (!o->r)
            o->r = buf_add(o->buf, s);
        return;
    }
    for (size_t i = 0; i < s.n; i++)
        o->digest = (o->digest ^ s.p[i]) * 0x100000001b3u;
}

void show_value_cstr(struct show_value *o, const char *text)
{
    show_value_raw(o, slice_cstr(text));
}

static bool is_plain(struct slice s)
{
    static const char *const words[] = {"true", "false", "on", "off", "yes",
                                        "no",   "null",  "y",  "n"};
    uint8_t first = s.n ? slice_lower(s.p[0]) : 0;
    if (!(first == '/' || (first >= 'a' && first <= 'z')))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = slice_lower(s.p[i]);
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '.' ||
              ch == '_' || ch == '/'))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_eq_nocase(s, slice_cstr(words[i])))
            return false;
    return true;
}

void show_value_text(struct show_value *o, struct slice s)
{
    if (is_plain(s)) {
        show_value_raw(o, s);
        return;
    }
    show_value_cstr(o, "\"");
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = s.p[i];
        char escape[4] = {'\\', 'x', "0123456789abcdef"[ch >> 4], "0123456789abcdef"[ch & 15]};
        if (ch == '"' || ch == '\\')
            show_value_raw(o, slice_of((const char[]){'\\', (char)ch}, 2));
        else if (ch == '\n')
            show_value_cstr(o, "\\n");
        else if (ch < 0x20 || ch == 0x7f)
            show_value_raw(o, slice_of(escape, sizeof(escape)));
        else
            show_value_raw(o, slice_of(&ch, 1));
    }
    show_value_cstr(o, "\"");
}

static void put_number(struct show_value *o, uint64_t value)
{
    char digits[20];
    show_value_raw(o, slice_of(digits, num_format(value, digits)));
}

struct unit {
    uint64_t factor;
    const char *name;
};

/* The largest unit that divides the value: 65536 is 64k, 90000 ms are 90s. */
static void put_amount(struct show_value *o, uint64_t value, const struct unit *units)
{
    while (value && value % units->factor)
        units++;
    put_number(o, value ? value / units->factor : 0);
    if (value)
        show_value_cstr(o, units->name);
}

static uint64_t number(const void *field)
{
    uint64_t value;
    memcpy(&value, field, sizeof(value));
    return value;
}

static struct slice text(const void *field)
{
    struct slice s;
    memcpy(&s, field, sizeof(s));
    return s;
}

/* ---- one writer per type ---- */

typedef void writer(struct show_value *o, const struct directive *d, const void *field);

static void put_bool(struct show_value *o, const struct directive *d, const void *field)
{
    (void)d;
    show_value_cstr(o, *(const bool *)field ? "true" : "false");
}

static void put_count(struct show_value *o, const struct directive *d, const void *field)
{
    (void)d;
    put_number(o, number(field));
}

static void put_bytes(struct show_value *o, const struct directive *d, const void *field)
{
    static const struct unit units[] = {
        {1ull << 40, "t"}, {1 << 30, "g"}, {1 << 20, "m"}, {1 << 10, "k"}, {1, ""}};
    (void)d;
    put_amount(o, number(field), units);
}

static void put_ms(struct show_value *o, const struct directive *d, const void *field)
{
    static const struct unit units[] = {
        {86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    (void)d;
    put_amount(o, number(field), units);
}

static void put_text(struct show_value *o, const struct directive *d, const void *field)
{
    (void)d;
    show_value_text(o, text(field));
}

static void put_word(struct show_value *o, const struct directive *d, const void *field)
{
    unsigned i;
    memcpy(&i, field, sizeof(i));
    show_value_text(o, slice_cstr(d->words[i]));
}

static void put_sink(struct show_value *o, const struct directive *d, const void *field)
{
    static const char *const words[] = {"\"off\"", "stdout", "stderr"};
    const struct conf_sink *sink = field;
    (void)d;
    if (sink->kind == CONF_SINK_FILE)
        show_value_text(o, sink->path);
    else
        show_value_cstr(o, words[sink->kind]);
}

static void put_ip(struct show_value *o, const struct ip *ip)
{
    char ip_text[CIDR_IP_TEXT];
    show_value_raw(o, slice_of(ip_text, cidr_format_ip(ip, ip_text)));
}

static void put_address(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_address *a = field;
    (void)d;
    show_value_cstr(o, cidr_is_v4(&a->ip) ? "\"" : "\"[");
    put_ip(o, &a->ip);
    show_value_cstr(o, cidr_is_v4(&a->ip) ? ":" : "]:");
    put_number(o, a->port);
    show_value_cstr(o, "\"");
}

static void put_addresses(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_addresses *list = field;
    for (size_t i = 0; i < list->count; i++) {
        show_value_cstr(o, i ? ", " : "[");
        put_address(o, d, &list->items[i]);
    }
    show_value_cstr(o, "]");
}

static void put_words(struct show_value *o, const struct directive *d, const void *field)
{
    unsigned mask;
    const char *before = "[";
    memcpy(&mask, field, sizeof(mask));
    for (unsigned i = 0; d->words[i]; i++) {
        if (!(mask & (1u << i)))
            continue;
        show_value_cstr(o, before);
        show_value_text(o, slice_cstr(d->words[i]));
        before = ", ";
    }
    show_value_cstr(o, "]");
}

static void put_status_range(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_range *range = field;
    (void)d;
    put_number(o, range->min);
    show_value_cstr(o, "-");
    put_number(o, range->max);
}

static void put_ips(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_ips *list = field;
    (void)d;
    for (size_t i = 0; i < list->count; i++) {
        show_value_cstr(o, i ? ", \"" : "[\"");
        put_ip(o, &list->items[i]);
        show_value_cstr(o, "\"");
    }
    show_value_cstr(o, "]");
}

static void put_cidrs(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_cidrs *list = field;
    (void)d;
    for (size_t i = 0; i < list->count; i++) {
        unsigned bits = list->items[i].bits;
        show_value_cstr(o, i ? ", \"" : "[\"");
        put_ip(o, &list->items[i].net);
        show_value_cstr(o, "/");
        put_number(o, cidr_is_v4(&list->items[i].net) ? bits - 96 : bits);
        show_value_cstr(o, "\"");
    }
    show_value_cstr(o, "]");
}

static void put_texts(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_texts *list = field;
    (void)d;
    for (size_t i = 0; i < list->count; i++) {
        show_value_cstr(o, i ? ", " : "[");
        show_value_text(o, list->items[i]);
    }
    show_value_cstr(o, "]");
}

static void put_fields(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_fields *list = field;
    (void)d;
    for (size_t i = 0; i < list->count; i++) {
        show_value_cstr(o, i ? ", " : "{");
        show_value_text(o, list->items[i].name);
        show_value_cstr(o, ": ");
        show_value_text(o, list->items[i].value);
    }
    show_value_cstr(o, "}");
}

static void put_upstreams(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_upstreams *list = field;
    (void)d;
    for (size_t i = 0; i < list->count; i++) {
        show_value_cstr(o, i ? ", " : "[");
        show_value_text(o, list->items[i].text);
    }
    show_value_cstr(o, "]");
}

static void put_certs(struct show_value *o, const struct directive *d, const void *field)
{
    const struct conf_certs *list = field;
    (void)d;
    for (size_t i = 0; i < list->count; i++) {
        show_value_cstr(o, i ? ", {cert: " : "[{cert: ");
        show_value_text(o, list->items[i].cert);
        show_value_cstr(o, ", key: ");
        show_value_text(o, list->items[i].key);
        show_value_cstr(o, "}");
    }
    show_value_cstr(o, "]");
}

static void put_hsts(struct show_value *o, const struct directive *d, const void *field)
{
    (void)d;
    show_value_cstr(o, ((const struct conf_hsts *)field)->mode == CONF_HSTS_OFF ? "off" : "on");
}

static void put_connection(struct show_value *o, const struct directive *d, const void *field)
{
    (void)d;
    (void)field;
    show_value_cstr(o, "connection");
}

/* NULL: several lines, written by conf_show.c. */
static writer *const writers[TYPE_COUNT_OF] = {
    [TYPE_BOOL] = put_bool,
    [TYPE_COUNT] = put_count,
    [TYPE_BYTES] = put_bytes,
    [TYPE_MS] = put_ms,
    [TYPE_USER] = put_text,
    [TYPE_PATH] = put_text,
    [TYPE_WORD] = put_word,
    [TYPE_EMAIL] = put_text,
    [TYPE_HOST] = put_text,
    [TYPE_URL_PATH] = put_text,
    [TYPE_FIELD_VALUE] = put_text,
    [TYPE_BODY] = put_text,
    [TYPE_SINK] = put_sink,
    [TYPE_ADDRESS] = put_address,
    [TYPE_STATUS_RANGE] = put_status_range,
    [TYPE_REDIRECT_STATUS] = put_count,
    [TYPE_REDIRECT_URL] = put_text,
    [TYPE_IPS] = put_ips,
    [TYPE_CIDRS] = put_cidrs,
    [TYPE_NAMES] = put_texts,
    [TYPE_FILE_NAMES] = put_texts,
    [TYPE_FIELD_NAMES] = put_texts,
    [TYPE_FIELDS] = put_fields,
    [TYPE_ACME_URL] = put_text,
    [TYPE_ACME_URLS] = put_texts,
    [TYPE_WORDS] = put_words,
    [TYPE_ADDRESSES] = put_addresses,
    [TYPE_ASK_URL] = put_text,
    [TYPE_SUFFIXES] = put_texts,
    [TYPE_UPSTREAMS] = put_upstreams,
    [TYPE_HSTS] = put_hsts,
    [TYPE_RESPOND] = put_connection,
    [TYPE_CERTS] = put_certs,
};

bool show_value_inline(const struct directive *d, const void *field)
{
    if (d->type == TYPE_HSTS)
        return ((const struct conf_hsts *)field)->mode != CONF_HSTS_FIXED;
    if (d->type == TYPE_RESPOND)
        return ((const struct conf_respond *)field)->connection;
    return writers[d->type] != NULL;
}

void show_value_put(struct show_value *o, const struct directive *d, const void *field)
{
    writers[d->type](o, d, field);
}

static bool block_empty(enum directive_scope scope, const void *base)
{
    const struct directive_scope_info *info = directive_scope_info(scope);
    for (size_t i = 0; i < info->count; i++)
        if (!show_value_empty(&info->rows[i], (const uint8_t *)base + info->rows[i].offset))
            return false;
    return true;
}

/* Blocks whose timeouts mean nothing while what they belong to is not configured. */
static bool optional_empty(enum directive_scope scope, const void *base, bool *ret)
{
    const struct conf_health *health = base;
    const struct conf_acme_dns *dns = base;
    const struct conf_acme_hooks *hooks = base;
    if (scope == SCOPE_HEALTH)
        *ret = health->path.n == 0;
    else if (scope == SCOPE_ACME_DNS)
        *ret = dns->server.port == 0 && dns->hook.n == 0;
    else if (scope == SCOPE_ACME_HOOKS)
        *ret = !hooks->pre_issue.n && !hooks->deployed.n && !hooks->failed.n && !hooks->expiring.n;
    else
        return false;
    return true;
}

bool show_value_empty(const struct directive *d, const void *field)
{
    bool empty;
    if (d->type == TYPE_BLOCK)
        return optional_empty(d->block, field, &empty) ? empty : block_empty(d->block, field);
    if (d->type == TYPE_WORDS)
        return *(const unsigned *)field == 0;
    if (d->type == TYPE_ADDRESS)
        return ((const struct conf_address *)field)->port == 0;
    writer *w = writers[d->type];
    /* Texts and lists alike are a pointer and a count. */
    bool list = w == put_text || w == put_texts || w == put_ips || w == put_cidrs ||
                w == put_fields || w == put_upstreams || w == put_certs || w == put_addresses;
    return list && text(field).n == 0;
}
