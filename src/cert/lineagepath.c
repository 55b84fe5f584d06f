/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names as path components. */
#include "cert/lineagepath.h"

#include <stdio.h>

#include "base/cidr.h"
#include "base/text.h"

#define NAME_BYTES_MAX 253
#define LABEL_MAX      63

static bool label_ok(struct slice label)
{
    if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++) {
        uint8_t ch = label.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'))
            return false;
    }
    return true;
}

/* Labels of lower case letters, digits, - and _; IPv4 addresses are of that form too. */
static bool host_ok(struct slice name)
{
    size_t begin = 0;
    if (name.n == 0 || name.n > NAME_BYTES_MAX || name.p[name.n - 1] == '.' ||
        slice_starts(name, SLICE("_.")))
        return false;
    for (size_t i = 0; i <= name.n; i++) {
        if (i < name.n && name.p[i] != '.')
            continue;
        if (!label_ok(slice_of(name.p + begin, i - begin)))
            return false;
        begin = i + 1;
    }
    return true;
}

static bool is_ipv6(struct slice text)
{
    struct ip ip;
    return text.n && text.p[0] != '[' && slice_find(text, ':') < text.n &&
           cidr_parse_ip(text, &ip) == OK;
}

static void exchange(char *text, char from, char to)
{
    for (; *text; text++)
        if (*text == from)
            *text = to;
}

/* The address that the written form stands for, or false. */
static bool ipv6_of(const char *written, char *dst)
{
    struct ip ip;
    char text[CIDR_IP_TEXT];
    if (strlen(written) >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%s", written);
    exchange(text, '-', ':');
    if (!is_ipv6(slice_cstr(text)) || cidr_parse_ip(slice_cstr(text), &ip))
        return false;
    snprintf(dst, CIDR_IP_TEXT, "%s", text);
    return true;
}

static bool normal_ipv6(struct slice text)
{
    struct ip ip;
    char normal[CIDR_IP_TEXT];
    if (!is_ipv6(text) || cidr_parse_ip(text, &ip))
        return false;
    return slice_eq(text, slice_of(normal, cidr_format_ip(&ip, normal)));
}

int lineagepath_encode(const struct lineage_id *id, char dst[LINEAGEPATH_ENTRY], struct fault *f)
{
    char shown[LINEAGEPATH_ENTRY], unused[CIDR_IP_TEXT];
    bool star = slice_starts(id->name, SLICE("*."));
    struct slice host = star ? slice_from(id->name, 2) : id->name;
    bool six = !star && normal_ipv6(host);
    text_escape(id->name, shown, sizeof(shown));
    if (!six && !host_ok(host))
        return fault_set(f, ERR_CONFIG, "%s is no name of a certificate", shown);
    int n = snprintf(dst, LINEAGEPATH_ENTRY, "%s" SLICE_F, star ? "_." : "", SLICE_A(host));
    if (six)
        exchange(dst, ':', '-');
    else if (ipv6_of(dst, unused)) /* a host "fe80--1" would lie where the address does */
        return fault_set(f, ERR_CONFIG, "%s cannot be told from an IPv6 address in the store",
                         shown);
    const char *kind = id->rsa ? ".rsa" : ".ecdsa";
    if (n < 0 || (size_t)n + strlen(kind) >= LINEAGEPATH_ENTRY)
        return fault_set(f, ERR_CAP, "%s is too long for a file name", shown);
    snprintf(dst + n, LINEAGEPATH_ENTRY - (size_t)n, "%s", kind);
    return OK;
}

bool lineagepath_decode(const char *entry, char *dst, struct lineage_id *id)
{
    char again[LINEAGEPATH_ENTRY], name[LINEAGEPATH_ENTRY];
    struct slice e = slice_cstr(entry);
    bool rsa = slice_ends(e, SLICE(".rsa"));
    if (e.n >= LINEAGEPATH_ENTRY || (!rsa && !slice_ends(e, SLICE(".ecdsa"))))
        return false;
    e = slice_first(e, e.n - (rsa ? 4 : 6));
    bool star = slice_starts(e, SLICE("_."));
    snprintf(name, sizeof(name), SLICE_F, SLICE_A(e));
    if (!ipv6_of(name, dst))
        snprintf(dst, LINEAGEPATH_ENTRY, "%s%.253s", star ? "*" : "", name + star);
    *id = (struct lineage_id){slice_cstr(dst), rsa};
    /* Only what encoding gives is ours: one entry for each name. */
    return lineagepath_encode(id, again, NULL) == OK && strcmp(again, entry) == 0;
}
