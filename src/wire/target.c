/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Targets are split, paths brought to their one form, hosts to theirs. Every rule that refuses
 * something refuses it because two programs on a request's way are known to read it differently. */
#include "wire/target.h"

#include "base/bug.h"
#include "base/cidr.h"
#include "base/err.h"
#include "base/num.h"
#include "wire/field.h"

enum {
    PLAIN = 1,      /* pchar of RFC 3986 3.3 without "%", and "/" */
    UNRESERVED = 2, /* RFC 3986 2.3 */
    BARE = 4,       /* sent bare by some browsers, escaped in the canonical form */
    HOST = 8,       /* letters, digits, "-", "_" */
};

static const uint8_t classes[256] = {
    ['a' ... 'z'] = PLAIN | UNRESERVED | HOST,
    ['A' ... 'Z'] = PLAIN | UNRESERVED | HOST,
    ['0' ... '9'] = PLAIN | UNRESERVED | HOST,
    ['-'] = PLAIN | UNRESERVED | HOST,
    ['_'] = PLAIN | UNRESERVED | HOST,
    ['.'] = PLAIN | UNRESERVED,
    ['~'] = PLAIN | UNRESERVED,
    ['!'] = PLAIN,
    ['$'] = PLAIN,
    ['&'] = PLAIN,
    ['\''] = PLAIN,
    ['('] = PLAIN,
    [')'] = PLAIN,
    ['*'] = PLAIN,
    ['+'] = PLAIN,
    [','] = PLAIN,
    [';'] = PLAIN,
    ['='] = PLAIN,
    [':'] = PLAIN,
    ['@'] = PLAIN,
    ['/'] = PLAIN,
    ['"'] = BARE,
    ['<'] = BARE,
    ['>'] = BARE,
    ['['] = BARE,
    [']'] = BARE,
    ['^'] = BARE,
    ['`'] = BARE,
    ['{'] = BARE,
    ['|'] = BARE,
    ['}'] = BARE,
};

static bool visible(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(field_class[s.p[i]] & FIELD_TARGET) || s.p[i] == '#')
            return false;
    return true;
}

static void split_query(struct slice s, struct target *t)
{
    size_t at = slice_find(s, '?');
    t->path = slice_first(s, at);
    t->has_query = at < s.n;
    t->query = slice_from(s, at + 1);
}

/* scheme "://" authority path-abempty [ "?" query ] */
static int parse_absolute(struct slice raw, struct target *t)
{
    size_t colon = slice_find(raw, ':');
    t->scheme = slice_first(raw, colon);
    struct slice rest = slice_from(raw, colon);
    if (!slice_starts(rest, SLICE("://")) ||
        (!slice_eq_nocase(t->scheme, SLICE("http")) && !slice_eq_nocase(t->scheme, SLICE("https"))))
        return ERR_SYNTAX;
    rest = slice_from(rest, 3);
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    t->authority = slice_first(rest, end);
    /* RFC 9110 4.2.4: user info is a phishing aid and must be treated as an error. */
    if (!t->authority.n || slice_find(t->authority, '@') < t->authority.n)
        return ERR_SYNTAX;
    split_query(slice_from(rest, end), t);
    if (!t->path.n)
        t->path = SLICE("/");
    return OK;
}

int target_parse(struct slice raw, enum http_method method, struct target *ret)
{
    struct target t = {.form = TARGET_ORIGIN};
    if (!raw.n || !visible(raw))
        return ERR_SYNTAX;
    if (method == METHOD_CONNECT) {
        t.form = TARGET_AUTHORITY;
        t.authority = raw;
        for (size_t i = 0; i < raw.n; i++)
            if (raw.p[i] == '/' || raw.p[i] == '?' || raw.p[i] == '@')
                return ERR_SYNTAX;
    } else if (raw.p[0] == '/') {
        split_query(raw, &t);
    } else if (slice_eq(raw, SLICE("*"))) {
        if (method != METHOD_OPTIONS)
            return ERR_SYNTAX;
        t.form = TARGET_ASTERISK;
        t.path = raw;
    } else {
        t.form = TARGET_ABSOLUTE;
        int r = parse_absolute(raw, &t);
        if (r)
            return r;
    }
    *ret = t;
    return OK;
}

static int hex_value(uint8_t ch)
{
    if (!(field_class[ch] & FIELD_HEX))
        return -1;
    return ch <= '9' ? ch - '0' : (ch | 0x20) - 'a' + 10;
}

/* The byte escaped at s.p[i], where a "%" is; -1 when cut or not hexadecimal. */
static int escaped(struct slice s, size_t i)
{
    int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
    int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;
    return low < 0 ? -1 : high << 4 | low;
}

/* Nothing to change: plain bytes only, and no segment that starts with a dot. */
static bool is_canonical(struct slice raw)
{
    uint8_t before = 0, all = PLAIN;
    bool dots = false;
    for (size_t i = 0; i < raw.n; i++) {
        all &= classes[raw.p[i]];
        dots |= before == '/' && raw.p[i] == '.';
        before = raw.p[i];
    }
    return all && !dots;
}

/* Appends one byte of the path in its canonical spelling; -1 when it may not stand in a path. */
static int put(uint8_t *dst, uint8_t byte, bool was_escaped)
{
    unsigned class = classes[byte];
    if (was_escaped ? class & UNRESERVED : class & PLAIN) {
        dst[0] = byte;
        return 1;
    }
    if (byte < 32 || byte == 127 || byte == '\\' || (!was_escaped && !(class & BARE)))
        return -1;
    dst[0] = '%';
    dst[1] = (uint8_t) "0123456789ABCDEF"[byte >> 4];
    dst[2] = (uint8_t) "0123456789ABCDEF"[byte & 15];
    return 3;
}

static bool is_dots(struct slice s)
{
    return slice_eq(s, SLICE(".")) || slice_eq(s, SLICE(".."));
}

/* A canonical segment that some server would read as "..": dots next to an escaped slash, or before
 * path parameters ("..;x", servlet containers). */
static bool is_disguised(struct slice seg)
{
    size_t from = 0;
    for (size_t i = 0; i <= seg.n; i++) {
        bool slash = i + 2 < seg.n && memcmp(seg.p + i, "%2F", 3) == 0;
        bool params =
            i < seg.n && (seg.p[i] == ';' || (i + 2 < seg.n && memcmp(seg.p + i, "%3B", 3) == 0));
        bool ends = slash || params || i == seg.n;
        if (ends && (from || i < seg.n) && is_dots(slice_of(seg.p + from, i - from)))
            return true;
        if (slash)
            from = i + 3;
    }
    return false;
}

/* Removes the segment behind dst[start], a "/", when it is "." or ".." (RFC 3986 5.2.4); returns
 * the new length. At the root ".." stays at the root. */
static size_t resolve_dots(uint8_t *dst, size_t start, size_t n, bool last)
{
    struct slice seg = slice_of(dst + start + 1, n - start - 1);
    if (!is_dots(seg))
        return n;
    bool up = seg.n == 2;
    n = start;
    while (up && n > 0 && dst[--n] != '/')
        continue;
    if (last)
        dst[n++] = '/';
    return n;
}

int target_canonical_path(struct slice raw, uint8_t *dst, size_t cap, struct slice *ret)
{
    if (!raw.n || raw.p[0] != '/')
        return ERR_SYNTAX;
    if (is_canonical(raw)) {
        *ret = raw;
        return OK;
    }
    size_t n = 0, start = 0;
    for (size_t i = 0; i < raw.n; i++) {
        if (n + 3 > cap)
            return ERR_URI_TOO_LONG;
        if (raw.p[i] == '/') {
            start = n;
            dst[n++] = '/';
        } else {
            bool escape = raw.p[i] == '%';
            int byte = escape ? escaped(raw, i) : raw.p[i];
            int width = byte < 0 ? -1 : put(dst + n, (uint8_t)byte, escape);
            if (width < 0)
                return ERR_SYNTAX;
            n += (size_t)width;
            i += escape ? 2 : 0;
        }
        bool last = i + 1 == raw.n;
        if (last || raw.p[i + 1] == '/') {
            if (is_disguised(slice_of(dst + start + 1, n - start - 1)))
                return ERR_SYNTAX;
            n = resolve_dots(dst, start, n, last);
        }
    }
    *ret = slice_of(dst, n);
    return OK;
}

int target_file_path(struct slice path, uint8_t *dst, size_t cap, struct slice *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++) {
        int byte = path.p[i];
        if (byte == '/' && (n == 0 || dst[n - 1] == '/'))
            continue;
        if (n == cap)
            return ERR_URI_TOO_LONG;
        if (byte == '%') {
            byte = escaped(path, i);
            /* Control bytes are not in a canonical path; no file is reached if they are. */
            if (byte < 32 || byte == '/' || byte == 127)
                return ERR_NOT_FOUND;
            i += 2;
        }
        dst[n++] = (uint8_t)byte;
    }
    *ret = slice_of(dst, n);
    return OK;
}

/* One byte of a canonical path with its escape taken away, but an escaped slash stays distinct.
 * *i moves behind it. */
static int unit(struct slice s, size_t *i)
{
    int byte = s.p[*i] == '%' ? escaped(s, *i) : -1;
    if (byte < 0)
        return s.p[(*i)++];
    *i += 3;
    return byte == '/' ? 256 : byte;
}

bool target_segment_prefix(struct slice path, struct slice prefix)
{
    size_t i = 0, j = 0;
    while (prefix.n && prefix.p[prefix.n - 1] == '/')
        prefix.n--;
    while (j < prefix.n) {
        if (i == path.n)
            return false;
        bool slash = prefix.p[j] == '/';
        if (unit(path, &i) != unit(prefix, &j))
            return false;
        while (slash && i < path.n && path.p[i] == '/')
            i++;
        while (slash && j < prefix.n && prefix.p[j] == '/')
            j++;
    }
    return i == path.n || path.p[i] == '/';
}

/* Lower case and label rules; returns the length without a final dot, 0 when malformed. */
static size_t copy_name(struct slice host, uint8_t *dst)
{
    if (host.n && host.p[host.n - 1] == '.')
        host.n--;
    if (host.n > 253)
        return 0;
    size_t label = 0;
    for (size_t i = 0; i < host.n; i++) {
        uint8_t ch = host.p[i];
        if (ch == '.' ? label == 0 : !(classes[ch] & HOST) || label == 63)
            return 0;
        label = ch == '.' ? 0 : label + 1;
        dst[i] = slice_lower(ch);
    }
    return label ? host.n : 0;
}

static int host_address(const struct ip *ip, uint8_t *dst, struct target_host *h)
{
    char text[CIDR_IP_TEXT];
    size_t n = cidr_format_ip(ip, text);
    if (BUG_IF(n == 0))
        return ERR_BUG;
    memcpy(dst, text, n);
    h->kind = cidr_is_v4(ip) ? TARGET_IPV4 : TARGET_IPV6;
    h->name = slice_of(dst, n);
    return OK;
}

static int host_port(struct slice rest, struct target_host *h)
{
    uint64_t port;
    if (!rest.n)
        return OK;
    if (rest.p[0] != ':' || num_parse_u64(slice_from(rest, 1), 1, 65535, &port))
        return ERR_SYNTAX;
    h->has_port = true;
    h->port = (uint16_t)port;
    return OK;
}

int target_normal_host(struct slice host, uint8_t *dst, struct target_host *ret)
{
    struct target_host h = {.kind = TARGET_NAME};
    struct ip ip;
    bool bracket = host.n && host.p[0] == '[';
    size_t end = slice_find(host, bracket ? ']' : ':') + bracket;
    int r = host_port(slice_from(host, end), &h);
    if (r)
        return r;
    if (bracket) {
        if (end > host.n || cidr_parse_ip(slice_first(host, end), &ip))
            return ERR_SYNTAX;
        r = host_address(&ip, dst, &h);
    } else {
        h.name = slice_of(dst, copy_name(slice_first(host, end), dst));
        if (!h.name.n)
            return ERR_SYNTAX;
        uint8_t last = h.name.p[h.name.n - 1];
        if (last >= '0' && last <= '9' && cidr_parse_ip(h.name, &ip) == OK)
            r = host_address(&ip, dst, &h);
    }
    if (r)
        return r;
    *ret = h;
    return OK;
}
