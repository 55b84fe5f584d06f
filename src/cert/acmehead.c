/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A value that does not hold what its RFC promises counts as not sent. */
#include "cert/acmehead.h"

#include "base/date.h"
#include "base/err.h"
#include "base/num.h"
#include "wire/field.h"

#define NONCE_MAX   512
#define RETRY_MAX_S (366 * 86400) /* more is no schedule */

void acmehead_init(struct acmehead *h)
{
    *h = (struct acmehead){.retry_after_s = -1};
    arena_init(&h->arena, ACMEHEAD_ARENA_BYTES);
}

void acmehead_done(struct acmehead *h)
{
    arena_done(&h->arena);
}

static bool is_base64url(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!fine && c != '-' && c != '_')
            return false;
    }
    return s.n > 0;
}

bool acmehead_url_ok(struct slice url)
{
    if (url.n > ACMEHEAD_URL_MAX || !slice_starts(url, SLICE("https://")))
        return false;
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] >= 0x7f || memchr("\"<>\\^`{|}", url.p[i], 9))
            return false;
    return acmehead_url_host(url).n > 0;
}

struct slice acmehead_url_host(struct slice url)
{
    size_t n = 0, scheme = slice_find(url, ':') + SLICE("://").n;
    struct slice s = slice_from(url, scheme);
    while (n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
        n++;
    return slice_first(s, n);
}

/* RFC 8288: <URL>;rel="alternate". Relative ones are left out: no CA writes them. */
static int take_link(struct acmehead *h, struct slice item)
{
    size_t end = slice_find(item, '>');
    if (!item.n || item.p[0] != '<' || end == item.n)
        return OK;
    struct slice url = slice_of(item.p + 1, end - 1), rest = slice_from(item, end + 1), name, value;
    bool alternate = false;
    while (field_param_next(&rest, &name, &value))
        alternate |=
            slice_eq_nocase(name, SLICE("rel")) && slice_eq_nocase(value, SLICE("alternate"));
    if (!alternate || !acmehead_url_ok(url) || h->nalternates == ACMEHEAD_LINKS_MAX)
        return OK;
    int r = arena_copy(&h->arena, url, &h->alternates[h->nalternates]);
    h->nalternates += !r;
    return r;
}

/* A URL may hold commas, so the list is cut at those outside of <> and quotes. */
static int take_links(struct acmehead *h, struct slice value)
{
    size_t start = 0;
    bool angle = false, quoted = false;
    if (!value.n)
        return OK;
    for (size_t i = 0; i <= value.n; i++) {
        uint8_t c = i < value.n ? value.p[i] : ',';
        if (c == '"' && !angle)
            quoted = !quoted;
        else if (!quoted && (c == '<' || c == '>'))
            angle = c == '<';
        if (i < value.n && (c != ',' || angle || quoted))
            continue;
        int r = take_link(h, slice_trim(slice_of(value.p + start, i - start)));
        if (r)
            return r;
        start = i + 1;
    }
    return OK;
}

static void take_status(struct acmehead *h, struct slice line)
{
    uint64_t status = 0;
    struct slice rest = slice_trim(slice_from(line, slice_find(line, ' ')));
    if (num_parse_u64(slice_first(rest, 3), 100, 999, &status))
        status = 0;
    arena_done(&h->arena);
    size_t seen = h->seen_bytes;
    acmehead_init(h);
    h->seen_bytes = seen;
    h->status = (unsigned)status;
}

static int take(struct acmehead *h, struct slice name, struct slice value)
{
    if (slice_eq_nocase(name, SLICE("link")))
        return take_links(h, value);
    if (slice_eq_nocase(name, SLICE("replay-nonce"))) /* RFC 8555 6.5.1: others are ignored */
        return is_base64url(value) && value.n <= NONCE_MAX ? arena_copy(&h->arena, value, &h->nonce)
                                                           : OK;
    if (slice_eq_nocase(name, SLICE("location")))
        return acmehead_url_ok(value) ? arena_copy(&h->arena, value, &h->location) : OK;
    if (slice_eq_nocase(name, SLICE("content-type")))
        return arena_copy(&h->arena, value, &h->content_type);
    if (slice_eq_nocase(name, SLICE("retry-after")))
        return arena_copy(&h->arena, value, &h->retry);
    if (slice_eq_nocase(name, SLICE("date")))
        BEST_EFFORT(date_parse_http(value, 0, &h->date_s));
    return OK;
}

int acmehead_line(struct acmehead *h, struct slice line)
{
    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    h->seen_bytes += line.n;
    if (h->seen_bytes > ACMEHEAD_BYTES_MAX)
        return ERR_CAP;
    if (slice_starts(line, SLICE("HTTP/"))) {
        take_status(h, line);
        return OK;
    }
    size_t colon = slice_find(line, ':');
    if (colon == line.n)
        return OK;
    int r = take(h, slice_first(line, colon), slice_trim(slice_from(line, colon + 1)));
    /* The arena says "no memory" for its cap too; a head that fills it is the likelier reason. */
    return r == ERR_NOMEM && h->seen_bytes > ACMEHEAD_ARENA_BYTES / 4 ? ERR_CAP : r;
}

void acmehead_end(struct acmehead *h, int64_t now_s)
{
    uint64_t seconds = 0;
    int64_t at = 0, base = h->date_s > 0 ? h->date_s : now_s;
    int r = num_parse_u64(h->retry, 0, RETRY_MAX_S, &seconds);
    h->retry_after_s = -1;
    if (r == OK)
        h->retry_after_s = (int64_t)seconds;
    else if (r == ERR_RANGE)
        h->retry_after_s = RETRY_MAX_S;
    else if (h->retry.n && !date_parse_http(h->retry, base, &at))
        h->retry_after_s = at <= base ? 0 : at - base > RETRY_MAX_S ? RETRY_MAX_S : at - base;
}
