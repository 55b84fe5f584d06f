/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names of sites: their normal form, and which of them no public CA will ever certify. Knows
 * nothing about the file that they come from. */
#include "conf/conf.h"

#include "conf/conf_show.h"

#define NAME_MAX_BYTES  253 /* RFC 1035 2.3.4, without the final dot */
#define LABEL_MAX_BYTES 63

static const char *bad_label(struct slice label)
{
    if (label.n == 0)
        return "it has an empty label (two dots, or a dot at the start)";
    if (label.n > LABEL_MAX_BYTES)
        return "a label is longer than 63 characters";
    if (label.p[0] == '-' || label.p[label.n - 1] == '-')
        return "a label begins or ends with a hyphen";
    for (size_t i = 0; i < label.n; i++) {
        uint8_t ch = slice_lower(label.p[i]);
        bool good = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-';
        if (good)
            continue;
        if (ch == '*')
            return "'*' stands only for the whole left-most label: *.example.com";
        return "only letters, digits, '-' and '.' are allowed";
    }
    return NULL;
}

/* The reasons that are worth words of their own, before the label grammar. */
static const char *bad_shape(struct slice s)
{
    if (s.n == 0)
        return "it is empty";
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 0x80)
            return "write an international name in its ASCII form (xn--...)";
    if (slice_find(s, '/') < s.n)
        return "write the name only, without scheme and path";
    if (slice_find(s, ':') < s.n)
        return "write the name without a port; https_port sets the port";
    if (s.n > NAME_MAX_BYTES)
        return "it is longer than 253 characters";
    return NULL;
}

static bool is_digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static const char *bad_name(struct slice s, bool wildcard)
{
    struct slice rest = s, label = SLICE_EMPTY;
    size_t labels = 0;
    while (slice_next(&rest, '.', &label)) {
        const char *why = bad_label(label);
        if (why)
            return why;
        labels++;
    }
    if (is_digits(label))
        return "it looks like an IPv4 address and is none";
    if (wildcard && labels < 2 && !conf_site_is_local(s) && !slice_eq(s, SLICE("test")) &&
        !slice_eq(s, SLICE("internal")))
        return "a wildcard needs at least two labels behind '*.'";
    return NULL;
}

int conf_site_normal(struct slice text, char *dst, struct slice *ret, enum conf_name_kind *kind,
                     const char **why)
{
    struct ip ip;
    if (cidr_parse_ip(text, &ip) == OK) {
        *ret = slice_of(dst, cidr_format_ip(&ip, dst));
        *kind = CONF_IP;
        return OK;
    }
    if (text.n > 1 && text.p[text.n - 1] == '.')
        text.n--;
    if ((*why = bad_shape(text)))
        return ERR_SYNTAX;
    for (size_t i = 0; i < text.n; i++)
        dst[i] = (char)slice_lower(text.p[i]);
    dst[text.n] = 0;
    struct slice name = slice_of(dst, text.n);
    bool wildcard = slice_starts(name, SLICE("*."));
    if ((*why = bad_name(wildcard ? slice_from(name, 2) : name, wildcard)))
        return ERR_SYNTAX;
    *ret = name;
    *kind = wildcard ? CONF_WILDCARD : CONF_NAME;
    return OK;
}

bool conf_site_is_local(struct slice name)
{
    static const char *const suffixes[] = {".localhost", ".test", ".internal", ".home.arpa"};
    struct ip ip;
    if (cidr_parse_ip(name, &ip) == OK)
        return cidr_is_private(&ip);
    if (slice_eq(name, SLICE("localhost")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        if (slice_ends(name, slice_cstr(suffixes[i])))
            return true;
    return false;
}

uint64_t conf_site_digest(const struct conf_site *site)
{
    return conf_show_digest(SCOPE_SITE, site);
}
