/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Address text through inet_pton and inet_ntop (pure functions of libc), networks by bit count. */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int cidr_parse_ip(struct slice s, struct ip *ret)
{
    char text[CIDR_IP_TEXT];
    struct ip ip;
    bool bracketed = s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
    if (bracketed)
        s = slice_of(s.p + 1, s.n - 2);
    if (s.n == 0 || s.n >= sizeof(text) || slice_find(s, 0) < s.n)
        return ERR_SYNTAX;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (!bracketed && inet_pton(AF_INET, text, ip.bytes + 12) == 1)
        memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
    else if (inet_pton(AF_INET6, text, ip.bytes) != 1)
        return ERR_SYNTAX;
    *ret = ip;
    return OK;
}

bool cidr_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool cidr_contains(const struct cidr *c, const struct ip *ip)
{
    unsigned whole = c->bits / 8, rest = c->bits % 8;
    if (memcmp(c->net.bytes, ip->bytes, whole) != 0)
        return false;
    return rest == 0 || (c->net.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}

int cidr_parse(struct slice s, struct cidr *ret)
{
    struct cidr c;
    size_t slash = slice_find(s, '/');
    int r = cidr_parse_ip(slice_first(s, slash), &c.net);
    if (r)
        return r;
    unsigned width = cidr_is_v4(&c.net) ? 32 : 128;
    uint64_t bits = width;
    if (slash < s.n && (r = num_parse_u64(slice_from(s, slash + 1), 0, width, &bits)))
        return r;
    c.bits = (unsigned)bits + (128 - width);
    struct ip masked = c.net;
    for (unsigned i = c.bits; i < 128; i++)
        masked.bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
    if (memcmp(&masked, &c.net, sizeof(masked)) != 0)
        return ERR_RANGE;
    *ret = c;
    return OK;
}

bool cidr_is_private(const struct ip *ip)
{
    static const char *const nets[] = {"127.0.0.0/8",    "10.0.0.0/8",     "172.16.0.0/12",
                                       "192.168.0.0/16", "169.254.0.0/16", "::1/128",
                                       "fc00::/7",       "fe80::/10"};
    struct cidr c;
    for (size_t i = 0; i < ARRAY_LEN(nets); i++)
        if (cidr_parse(slice_cstr(nets[i]), &c) == OK && cidr_contains(&c, ip))
            return true;
    return false;
}

size_t cidr_format_ip(const struct ip *ip, char *dst)
{
    bool v4 = cidr_is_v4(ip);
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->bytes + 12 : ip->bytes, dst, CIDR_IP_TEXT))
        dst[0] = 0;
    return strlen(dst);
}
