/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Forwarding fields: whom to believe, and what to say ourselves. An entry of X-Forwarded-For counts
 * only when every proxy to its right is trusted; a client can write what it likes to the left. */
#include "wire/forwarded.h"

#include "base/err.h"

bool forwarded_trusts(const struct forwarded_trust *trust, const struct ip *ip)
{
    for (size_t i = 0; i < trust->count; i++)
        if (cidr_contains(&trust->nets[i], ip))
            return true;
    return false;
}

/* The last element of a comma list, cut off *rest; false when none is left. */
static bool last_element(struct slice *rest, struct slice *item)
{
    if (!rest->n)
        return false;
    size_t i = rest->n;
    while (i > 0 && rest->p[i - 1] != ',')
        i--;
    *item = slice_trim(slice_from(*rest, i));
    rest->n = i ? i - 1 : 0;
    return true;
}

/* An address, also as some proxies write it: "192.0.2.1:port", "[2001:db8::1]:port". */
static int parse_entry(struct slice s, struct ip *ret)
{
    if (cidr_parse_ip(s, ret) == OK)
        return OK;
    size_t colon = s.n;
    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (!colon)
        return ERR_SYNTAX;
    struct slice host = slice_first(s, colon - 1);
    bool v6 = slice_find(host, ':') < host.n;
    if (v6 && host.p[0] != '[')
        return ERR_SYNTAX;
    for (size_t i = colon; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_SYNTAX;
    return cidr_parse_ip(host, ret);
}

void forwarded_client(const struct field *fields, size_t count, const struct ip *peer,
                      const struct forwarded_trust *trust, struct ip *ret)
{
    struct ip at = *peer, next;
    *ret = at;
    for (size_t i = count; i-- > 0;) {
        if (fields[i].token != HDR_X_FORWARDED_FOR)
            continue;
        struct slice rest = fields[i].value, item;
        while (last_element(&rest, &item)) {
            if (!forwarded_trusts(trust, &at) || parse_entry(item, &next))
                return;
            *ret = at = next;
        }
    }
}

struct out {
    uint8_t *dst;
    size_t n, cap;
    bool full;
};

static void add(struct out *o, struct slice s)
{
    if (s.n > o->cap - o->n) {
        o->full = true;
        return;
    }
    if (s.n)
        memcpy(o->dst + o->n, s.p, s.n);
    o->n += s.n;
}

static int finish(const struct out *o, struct slice *ret)
{
    if (o->full)
        return ERR_CAP;
    *ret = slice_of(o->dst, o->n);
    return OK;
}

/* A token as it is, anything else as a quoted string (RFC 7239 4). */
static void add_value(struct out *o, struct slice s)
{
    if (field_name_ok(s)) {
        add(o, s);
        return;
    }
    add(o, SLICE("\""));
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            add(o, SLICE("\\"));
        add(o, slice_of(s.p + i, 1));
    }
    add(o, SLICE("\""));
}

int forwarded_format(const struct forwarded_hop *hop, uint8_t *dst, size_t cap, struct slice *ret)
{
    struct out o = {.dst = dst, .cap = cap};
    char text[CIDR_IP_TEXT];
    struct slice ip = slice_of(text, cidr_format_ip(hop->client, text));
    add(&o, SLICE("for="));
    if (cidr_is_v4(hop->client)) {
        add(&o, ip);
    } else {
        /* RFC 7239 6: IPv6 in brackets, and those need quotes. */
        add(&o, SLICE("\"["));
        add(&o, ip);
        add(&o, SLICE("]\""));
    }
    if (hop->host.n) {
        add(&o, SLICE(";host="));
        add_value(&o, hop->host);
    }
    add(&o, hop->https ? SLICE(";proto=https") : SLICE(";proto=http"));
    return finish(&o, ret);
}

int forwarded_via(unsigned major, unsigned minor, struct slice name, uint8_t *dst, size_t cap,
                  struct slice *ret)
{
    struct out o = {.dst = dst, .cap = cap};
    if (major == 1)
        add(&o, minor ? SLICE("1.1 ") : SLICE("1.0 "));
    else
        add(&o, major == 2 ? SLICE("2 ") : SLICE("3 "));
    add(&o, name);
    return finish(&o, ret);
}
