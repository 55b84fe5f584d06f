/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names on demand. */
#include "cert/demandname.h"

#define LABEL_MAX  63
#define NAME_MAX_N 253
#define LABELS_MAX 3 /* below an allowed suffix */

static bool label_ok(struct slice label)
{
    if (!label.n || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++) {
        uint8_t c = label.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

static bool all_digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

/* "a.b." is found by its empty last label, which slice_next does not give. */
bool demandname_ok(struct slice name)
{
    struct slice rest = name, label, last = SLICE_EMPTY;
    size_t labels = 0;
    if (!name.n || name.n > NAME_MAX_N || name.p[name.n - 1] == '.')
        return false;
    while (slice_next(&rest, '.', &label)) {
        if (!label_ok(label) || slice_eq(label, last))
            return false;
        last = label;
        labels++;
    }
    return labels >= 2 && !all_digits(last);
}

static bool below(struct slice suffix, struct slice name)
{
    size_t dots = 0;
    if (!slice_ends(name, suffix) || name.n == suffix.n)
        return false;
    for (size_t i = 0; i + suffix.n < name.n; i++)
        dots += name.p[i] == '.';
    return dots < LABELS_MAX;
}

bool demandname_allowed(const struct slice *allow, size_t nallow, struct slice name)
{
    for (size_t i = 0; i < nallow; i++) {
        bool suffix = slice_starts(allow[i], SLICE("."));
        if (suffix ? below(allow[i], name) : slice_eq(allow[i], name))
            return true;
    }
    return false;
}

bool demandname_is_loopback(struct slice url)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    struct slice plain = SLICE("http://");
    if (!slice_starts(url, plain))
        return false;
    struct slice rest = slice_from(url, plain.n);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct slice host = slice_cstr(hosts[i]);
        uint8_t next = rest.n > host.n ? rest.p[host.n] : '/';
        if (slice_starts(rest, host) && (next == ':' || next == '/' || next == '?'))
            return true;
    }
    return false;
}
