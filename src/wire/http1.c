/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Message heads, line by line: find the line's end (refusing control bytes on the way), then cut it
 * into slices. Only whole lines are interpreted and only new bytes are searched, so the work is
 * linear however the input is split, and every split gives the same answer. */
#include "wire/http1.h"

#include "base/bug.h"
#include "base/err.h"
#include "base/num.h"
#include "wire/scan.h"

/* Empty lines before a request line: some clients send one behind a form's body (RFC 9112 2.2). */
#define LEADING_LINES_MAX 2

/* Leading empty lines are counted up from STAGE_START. */
enum stage { STAGE_START, STAGE_FIELDS = STAGE_START + LEADING_LINES_MAX + 1 };

static void head_init(struct http1_head *h, struct field *fields, size_t cap)
{
    *h = (struct http1_head){.fields = fields, .cap = cap, .stage = STAGE_START};
}

void http1_request_init(struct http1_request *q, struct field *fields, size_t cap)
{
    *q = (struct http1_request){.method = METHOD_OTHER};
    head_init(&q->head, fields, cap);
}

void http1_response_init(struct http1_response *p, struct field *fields, size_t cap)
{
    *p = (struct http1_response){.status = 0};
    head_init(&p->head, fields, cap);
}

static void rebase(struct slice *s, uintptr_t old_base, const uint8_t *now)
{
    if (s->p)
        s->p = now + ((uintptr_t)s->p - old_base);
}

/* The input moved between two calls: what was cut from it moves along. */
static void head_rebase(struct http1_head *h, struct slice in, struct slice *a, struct slice *b)
{
    if (h->base == (uintptr_t)in.p)
        return;
    rebase(a, h->base, in.p);
    rebase(b, h->base, in.p);
    for (size_t i = 0; i < h->count; i++) {
        rebase(&h->fields[i].name, h->base, in.p);
        rebase(&h->fields[i].value, h->base, in.p);
    }
    h->base = (uintptr_t)in.p;
}

/* The next whole line without its CRLF; h->line moves behind it. At most max_bytes from the line's
 * start are looked at: `too_long` beyond. Only CRLF ends a line (RFC 9112 2.2 lets a server accept
 * a bare LF; two parsers that disagree on it make a smuggling pair). */
static inline int next_line(struct http1_head *h, struct slice in, size_t end_max, int too_long,
                            struct slice *ret)
{
    if (BUG_IF(in.n < h->scanned))
        return ERR_BUG;
    size_t end = in.n < end_max ? in.n : end_max;
    size_t at = scan_ctl(in.p, h->scanned, end);
    h->scanned = at;
    if (at == end)
        return in.n < end_max ? ERR_AGAIN : too_long;
    if (in.p[at] != '\r')
        return ERR_SYNTAX;
    if (at + 1 == end)
        return in.n < end_max ? ERR_AGAIN : too_long;
    if (in.p[at + 1] != '\n')
        return ERR_SYNTAX;
    *ret = slice_of(in.p + h->line, at - h->line);
    h->line = h->scanned = at + 2;
    return OK;
}

static inline bool all_class(struct slice s, unsigned bit)
{
    unsigned all = bit;
    for (size_t i = 0; i < s.n; i++)
        all &= field_class[s.p[i]];
    return all != 0;
}

/* field-line = field-name ":" OWS field-value OWS (RFC 9112 5). No white space before the colon,
 * and none at the start: that would be an obs-fold. */
static inline int parse_field(struct http1_head *h, struct slice line)
{
    size_t n = 0;
    while (n < line.n && field_class[line.p[n]] & FIELD_TCHAR)
        n++;
    if (UNLIKELY(n == 0 || n == line.n || line.p[n] != ':'))
        return ERR_SYNTAX;
    if (UNLIKELY(h->count == h->cap))
        return ERR_HEAD_TOO_LARGE;
    struct field *f = &h->fields[h->count++];
    f->name = slice_of(line.p, n);
    const uint8_t *p = line.p + n + 1, *end = line.p + line.n;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (p < end && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    f->value = slice_of(p, (size_t)(end - p));
    f->token = token_of(f->name);
    return OK;
}

/* Field lines to the empty one. */
static int parse_fields(struct http1_head *h, struct slice in, size_t max_bytes)
{
    struct slice line;
    for (;;) {
        int r = next_line(h, in, max_bytes, ERR_HEAD_TOO_LARGE, &line);
        if (r)
            return r;
        if (line.n == 0)
            return OK;
        if ((r = parse_field(h, line)))
            return r;
    }
}

/* "HTTP/1.0" or "HTTP/1.x". */
static int parse_version(struct slice s, uint8_t *ret_minor)
{
    if (s.n != 8 || !slice_starts(s, SLICE("HTTP/")) || s.p[6] != '.')
        return ERR_SYNTAX;
    unsigned major = (unsigned)s.p[5] - '0', minor = (unsigned)s.p[7] - '0';
    if (major > 9 || minor > 9)
        return ERR_SYNTAX;
    if (major != 1)
        return ERR_VERSION;
    *ret_minor = minor > 0;
    return OK;
}

/* method SP request-target SP HTTP-version (RFC 9112 3): single spaces, nothing else. */
static int parse_request_line(struct http1_request *q, struct slice line)
{
    size_t n = slice_find(line, ' ');
    struct slice method = slice_first(line, n), rest = slice_from(line, n + 1);
    size_t m = slice_find(rest, ' ');
    struct slice target = slice_first(rest, m), version = slice_from(rest, m + 1);
    if (!method.n || !all_class(method, FIELD_TCHAR) || !target.n ||
        !all_class(target, FIELD_TARGET))
        return ERR_SYNTAX;
    int r = parse_version(version, &q->minor);
    if (r)
        return r;
    q->method_text = method;
    q->method = method_of(method);
    q->target = target;
    return OK;
}

static int request_line(struct http1_request *q, struct slice in, const struct http1_limits *limits)
{
    struct http1_head *h = &q->head;
    struct slice line;
    for (;;) {
        size_t max = h->line + limits->line_bytes;
        int too_long = ERR_URI_TOO_LONG;
        if (max > limits->head_bytes) {
            max = limits->head_bytes;
            too_long = ERR_HEAD_TOO_LARGE;
        }
        int r = next_line(h, in, max, too_long, &line);
        if (r)
            return r;
        if (line.n)
            return parse_request_line(q, line);
        if (h->stage == STAGE_START + LEADING_LINES_MAX)
            return ERR_SYNTAX;
        h->stage++;
    }
}

int http1_parse_request(struct slice in, const struct http1_limits *limits, struct http1_request *q,
                        size_t *ret_used)
{
    struct http1_head *h = &q->head;
    int r;
    head_rebase(h, in, &q->method_text, &q->target);
    if (h->stage != STAGE_FIELDS) {
        if ((r = request_line(q, in, limits)))
            return r;
        h->stage = STAGE_FIELDS;
    }
    if ((r = parse_fields(h, in, limits->head_bytes)))
        return r;
    *ret_used = h->line;
    return OK;
}

bool http1_request_begun(const struct http1_request *q, struct slice in)
{
    const struct http1_head *h = &q->head;
    return h->stage == STAGE_FIELDS || (in.n > h->line && in.p[h->line] != '\r');
}

/* HTTP-version SP status-code [ SP [ reason-phrase ] ] (RFC 9112 4). */
static int parse_status_line(struct http1_response *p, struct slice line)
{
    int r = parse_version(slice_first(line, 8), &p->minor);
    if (r)
        return r;
    struct slice rest = slice_from(line, 8);
    if (rest.n < 4 || rest.p[0] != ' ' || (rest.n > 4 && rest.p[4] != ' '))
        return ERR_SYNTAX;
    unsigned status = 0;
    for (size_t i = 1; i < 4; i++) {
        unsigned digit = (unsigned)rest.p[i] - '0';
        if (digit > 9)
            return ERR_SYNTAX;
        status = status * 10 + digit;
    }
    if (status < 100)
        return ERR_SYNTAX;
    p->status = (uint16_t)status;
    p->reason = slice_from(rest, 5);
    return OK;
}

static int parse_response(struct slice in, const struct http1_limits *limits,
                          struct http1_response *p)
{
    struct http1_head *h = &p->head;
    int r;
    struct slice line, none = SLICE_EMPTY;
    head_rebase(h, in, &p->reason, &none);
    if (h->stage != STAGE_FIELDS) {
        size_t max =
            limits->line_bytes < limits->head_bytes ? limits->line_bytes : limits->head_bytes;
        if ((r = next_line(h, in, max, ERR_HEAD_TOO_LARGE, &line)) ||
            (r = parse_status_line(p, line)))
            return r;
        h->stage = STAGE_FIELDS;
    }
    return parse_fields(h, in, limits->head_bytes);
}

int http1_parse_response(struct slice in, const struct http1_limits *limits,
                         struct http1_response *p, size_t *ret_used)
{
    int r = parse_response(in, limits, p);
    if (r)
        return r == ERR_AGAIN ? r : ERR_UPSTREAM_PROTOCOL;
    *ret_used = p->head.line;
    return OK;
}

/* What the fields say, before any rule weighs it. */
struct said {
    size_t lengths, codings, hosts;
    bool bad, close, keep_alive, upgrade;
};

static void note_connection(struct slice value, struct said *said)
{
    struct slice one;
    while (field_list_next(&value, &one)) {
        said->close |= slice_eq_nocase(one, SLICE("close"));
        said->keep_alive |= slice_eq_nocase(one, SLICE("keep-alive"));
        said->upgrade |= slice_eq_nocase(one, SLICE("upgrade"));
    }
}

static void note_field(const struct field *f, struct said *said, struct http1_framing *ret)
{
    if (f->token == HDR_CONTENT_LENGTH) {
        said->lengths++;
        /* Digits only, and small enough that sums with it cannot overflow. */
        said->bad |= num_parse_u64(f->value, 0, INT64_MAX, &ret->length_bytes) != OK;
    } else if (f->token == HDR_TRANSFER_ENCODING) {
        said->codings++;
        said->bad |= !slice_eq_nocase(f->value, SLICE("chunked"));
    } else if (f->token == HDR_HOST) {
        said->hosts++;
        ret->host = f->value;
    } else if (f->token == HDR_CONNECTION) {
        note_connection(f->value, said);
    } else if (f->token == HDR_UPGRADE) {
        ret->upgrade = f->value;
    } else if (f->token == HDR_EXPECT) {
        ret->expect_continue |= slice_eq_nocase(f->value, SLICE("100-continue"));
    } else if (f->token == HDR_TE) {
        ret->te_trailers |= field_list_has(f->value, SLICE("trailers"));
    }
}

/* Collects and weighs what requests and responses have in common. ERR_FRAMING for every message
 * that another recipient could frame otherwise. */
static int weigh(const struct http1_head *h, uint8_t minor, struct said *said,
                 struct http1_framing *ret)
{
    *ret = (struct http1_framing){.body = HTTP1_BODY_NONE};
    *said = (struct said){.lengths = 0};
    for (size_t i = 0; i < h->count; i++)
        if (h->fields[i].token != HDR_OTHER)
            note_field(&h->fields[i], said, ret);
    /* RFC 9112 6.1, 6.3: one way to tell the length, told once; no transfer coding before 1.1. */
    if (said->bad || said->lengths + said->codings > 1 || (said->codings && minor == 0))
        return ERR_FRAMING;
    ret->has_length = said->lengths > 0;
    ret->keep_alive = !said->close && (minor > 0 || said->keep_alive);
    if (!said->upgrade || minor == 0)
        ret->upgrade = SLICE_EMPTY;
    if (said->codings)
        ret->body = HTTP1_BODY_CHUNKED;
    else if (ret->length_bytes)
        ret->body = HTTP1_BODY_LENGTH;
    return OK;
}

int http1_request_framing(const struct http1_request *q, struct http1_framing *ret)
{
    struct http1_framing f;
    struct said said;
    int r = weigh(&q->head, q->minor, &said, &f);
    if (r)
        return r;
    if (said.hosts > 1 || (said.hosts == 0 && q->minor > 0))
        return ERR_SYNTAX;
    /* RFC 9110 10.1.1: an expectation in HTTP/1.0 is ignored, and one without a body means nothing.
     */
    f.expect_continue = f.expect_continue && q->minor > 0 && f.body != HTTP1_BODY_NONE;
    *ret = f;
    return OK;
}

int http1_response_framing(const struct http1_response *p, enum http_method request_method,
                           struct http1_framing *ret)
{
    struct http1_framing f;
    struct said said;
    if (weigh(&p->head, p->minor, &said, &f))
        return ERR_UPSTREAM_PROTOCOL;
    bool success = p->status >= 200 && p->status < 300;
    if (p->status < 200 || p->status == 204) {
        /* RFC 9112 6.3: these end with their head. One that announces a body all the same may send
         * it; nothing behind it on the connection can be believed. */
        f.keep_alive &= f.body == HTTP1_BODY_NONE;
        f.body = HTTP1_BODY_NONE;
    } else if (request_method == METHOD_HEAD || p->status == 304 ||
               (request_method == METHOD_CONNECT && success)) {
        f.body = HTTP1_BODY_NONE;
    } else if (f.body == HTTP1_BODY_NONE && !f.has_length) {
        f.body = HTTP1_BODY_UNTIL_CLOSE;
        f.keep_alive = false;
    }
    f.host = SLICE_EMPTY;
    *ret = f;
    return OK;
}
