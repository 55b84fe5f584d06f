/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The names of localca, csr and alpncert as the library's GENERAL_NAMES. */
#include "crypt/sanlist.h"

#include <openssl/x509v3.h>

#include "base/cidr.h"
#include "base/text.h"
#include "crypt/certinfo.h"

#define NAME_BYTES_MAX  253 /* RFC 1035 2.3.4 */
#define LABEL_BYTES_MAX 63

static bool is_host(struct slice name)
{
    if (slice_starts(name, SLICE("*.")))
        name = slice_from(name, 2);
    if (name.n == 0 || name.n > NAME_BYTES_MAX)
        return false;
    size_t label = 0;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t ch = slice_lower(name.p[i]);
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_';
        if (plain ? label == LABEL_BYTES_MAX : ch != '.' || label == 0)
            return false;
        label = plain ? label + 1 : 0;
    }
    return label > 0;
}

int sanlist_check(const struct slice *names, size_t count, struct fault *f)
{
    if (count == 0 || count > CERTINFO_SANS_MAX)
        return fault_set(f, ERR_CONFIG, "a certificate speaks for 1 to %d names, not %zu",
                         CERTINFO_SANS_MAX, count);
    for (size_t i = 0; i < count; i++) {
        struct ip ip;
        char name[128];
        if (cidr_parse_ip(names[i], &ip) == OK || is_host(names[i]))
            continue;
        text_escape(names[i], name, sizeof(name));
        return fault_set(f, ERR_CONFIG, "\"%s\" is no host name and no address", name);
    }
    return OK;
}

static int push(GENERAL_NAMES *names, struct slice name)
{
    struct ip ip;
    GENERAL_NAME *entry = GENERAL_NAME_new();
    bool is_ip = cidr_parse_ip(name, &ip) == OK;
    ASN1_STRING *value = is_ip ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    struct slice bytes = name;
    if (is_ip)
        bytes = cidr_is_v4(&ip) ? slice_of(ip.bytes + 12, 4) : slice_of(ip.bytes, 16);
    if (!entry || !value || !ASN1_STRING_set(value, bytes.p, (int)bytes.n)) {
        GENERAL_NAME_free(entry);
        ASN1_STRING_free(value);
        return 0;
    }
    GENERAL_NAME_set0_value(entry, is_ip ? GEN_IPADD : GEN_DNS, value);
    if (sk_GENERAL_NAME_push(names, entry))
        return 1;
    GENERAL_NAME_free(entry);
    return 0;
}

struct stack_st_GENERAL_NAME *sanlist_new(const struct slice *names, size_t count)
{
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    for (size_t i = 0; list && i < count; i++)
        if (!push(list, names[i])) {
            GENERAL_NAMES_free(list);
            list = NULL;
        }
    return list;
}
