/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Body bytes are never copied: pieces are loans from the link's input, chunks are joined in place
 * when that moves few bytes. */
#include "client/fetchrecv.h"

#include "base/bug.h"
#include "base/err.h"
#include "base/pool.h"
#include "client/fetchstate.h"

#define LINE_BYTES 8192
#define HEAD_BYTES 65536
#define STATUS_MAX 599 /* RFC 9110 15: what is above means nothing to anybody behind us */
/* Small chunks are moved together, large ones are given one by one. */
#define JOIN_BYTES 4096

static const struct http1_limits limits = {.line_bytes = LINE_BYTES, .head_bytes = HEAD_BYTES};

static int failed(struct fetch *f, int r, const char *what)
{
    f->what = what;
    return r;
}

/* One read. OK: the input may have grown. */
static int fill(struct fetch *f, bool *ret_progress)
{
    struct link *k = &f->uc->link;
    uint64_t before = k->received_bytes;
    size_t had = k->in.n;
    int r = link_fill(k);
    if (k->received_bytes != before)
        *ret_progress = true;
    /* Bytes that came together with the end or an error are looked at first: both are sticky. */
    return k->in.n > had ? OK : r;
}

static int parse_begin(struct fetch *f)
{
    if (!f->parse) {
        f->parse = pool_alloc(sizeof(*f->parse));
        if (!f->parse)
            return ERR_NOMEM;
        http1_response_init(&f->parse->response, f->parse->fields, FETCH_FIELDS_MAX);
    }
    return OK;
}

/* RFC 9110 7.6.1: hop-by-hop fields and what Connection names end here; framing is ours. */
static size_t end_to_end(struct field *fields, size_t n)
{
    struct slice names = SLICE_EMPTY;
    bool listed = false;
    for (size_t i = 0; i < n; i++) {
        if (fields[i].token != HDR_CONNECTION)
            continue;
        names = fields[i].value;
        listed |=
            !slice_eq_nocase(names, SLICE("keep-alive")) && !slice_eq_nocase(names, SLICE("close"));
    }
    if (listed) { /* marked before Connection itself is dropped */
        for (size_t i = 0; i < n; i++)
            if (field_lists_have(fields, n, HDR_CONNECTION, fields[i].name) &&
                fields[i].token != HDR_CONNECTION)
                fields[i].token = HDR_KEEP_ALIVE;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!(token_flags(fields[i].token) & TOKEN_HOP) && fields[i].token != HDR_CONTENT_LENGTH)
            fields[kept++] = fields[i];
    return kept;
}

static struct slice moved(struct slice s, const uint8_t *from, const uint8_t *to)
{
    return s.n ? slice_of(to + (s.p - from), s.n) : SLICE_EMPTY;
}

/* The head's bytes go into the arena once; the slices follow them. */
static int keep_head(struct fetch *f, size_t head_bytes, struct fetch_head *h)
{
    struct slice in = slice_first(link_input(&f->uc->link), head_bytes), copy;
    struct field *fields = arena_alloc(f->arena, (h->nfields ? h->nfields : 1) * sizeof(*fields));
    if (!fields || arena_copy(f->arena, in, &copy))
        return failed(f, ERR_NOMEM, "no memory for the answer's head");
    for (size_t i = 0; i < h->nfields; i++) {
        fields[i].token = h->fields[i].token;
        fields[i].name = moved(h->fields[i].name, in.p, copy.p);
        fields[i].value = moved(h->fields[i].value, in.p, copy.p);
    }
    h->fields = fields;
    h->reason = moved(h->reason, in.p, copy.p);
    h->upgrade = moved(h->upgrade, in.p, copy.p);
    return OK;
}

static int begin_chunked(struct fetch *f)
{
    f->trail = pool_alloc(sizeof(*f->trail));
    if (!f->trail)
        return failed(f, ERR_NOMEM, "no memory for the answer's trailers");
    chunked_init(&f->chunked, f->trail->bytes, sizeof(f->trail->bytes));
    f->answer_framing = FETCH_CHUNKED;
    return OK;
}

static int begin_body(struct fetch *f, const struct http1_framing *framing)
{
    f->keep_alive = framing->keep_alive;
    switch (framing->body) {
    case HTTP1_BODY_NONE:
        f->answer_framing = FETCH_NONE;
        return OK;
    case HTTP1_BODY_LENGTH:
        f->answer_framing = FETCH_LENGTH;
        f->answer_left = framing->length_bytes;
        return OK;
    case HTTP1_BODY_CHUNKED:
        return begin_chunked(f);
    case HTTP1_BODY_UNTIL_CLOSE:
        f->answer_framing = FETCH_CLOSE;
        f->keep_alive = false;
        return OK;
    }
    return ERR_BUG;
}

static int begin_tunnel(struct fetch *f)
{
    if (!f->upgrade)
        return failed(f, ERR_UPSTREAM_PROTOCOL, "101 without an upgrade in the request");
    f->answer_framing = f->request_framing = FETCH_RAW;
    f->request_done = false;
    f->keep_alive = false;
    return OK;
}

static int final_head(struct fetch *f, size_t used, struct fetch_head *h,
                      const struct http1_framing *framing)
{
    int r = h->tunnel ? begin_tunnel(f) : begin_body(f, framing);
    if (!r)
        r = keep_head(f, used, h);
    if (r)
        return r;
    pool_free(f->parse);
    f->parse = NULL;
    link_consume(&f->uc->link, used);
    f->stage = f->answer_framing == FETCH_NONE ? FETCH_DONE : FETCH_BODY;
    return OK;
}

static int parsed(struct fetch *f, size_t used, struct fetch_head *h)
{
    struct http1_response *p = &f->parse->response;
    struct http1_framing framing;
    int r = http1_response_framing(p, f->method, &framing);
    if (r)
        return failed(f, r, "the answer's framing is ambiguous");
    if (p->status > STATUS_MAX)
        return failed(f, ERR_UPSTREAM_PROTOCOL, "the answer's status is of an unknown class");
    *h = (struct fetch_head){
        .status = p->status,
        .reason = p->reason,
        .fields = p->head.fields,
        .tunnel = p->status == 101,
        .no_body = f->method == METHOD_HEAD || p->status == 204 || p->status == 304,
        .length = -1,
        .upgrade = framing.upgrade,
    };
    if (framing.has_length)
        h->length = (int64_t)framing.length_bytes;
    else if (framing.body == HTTP1_BODY_NONE && !h->no_body && !h->tunnel)
        h->length = 0;
    h->nfields = end_to_end(p->head.fields, p->head.count);
    if (h->status >= 200 || h->tunnel)
        return final_head(f, used, h, &framing);
    if (++f->informs > FETCH_INFORMS_MAX)
        return failed(f, ERR_UPSTREAM_PROTOCOL, "interim answers without end");
    f->loan = used;
    return OK;
}

void fetchrecv_inform_done(struct fetch *f)
{
    fetchrecv_release(f);
    http1_response_init(&f->parse->response, f->parse->fields, FETCH_FIELDS_MAX);
}

int fetchrecv_head(struct fetch *f, struct fetch_head *ret, bool *ret_progress)
{
    int r = parse_begin(f);
    if (r)
        return failed(f, r, "no memory for the answer's head");
    for (;;) {
        struct slice in = link_input(&f->uc->link);
        size_t used;
        if (in.n) {
            f->answer_begun = true;
            r = http1_parse_response(in, &limits, &f->parse->response, &used);
            if (r == OK)
                return parsed(f, used, ret);
            if (r != ERR_AGAIN)
                return failed(f, r, "the answer's head is malformed");
        }
        r = fill(f, ret_progress);
        if (r == ERR_AGAIN)
            return r;
        if (r)
            return failed(f, r,
                          f->answer_begun ? "closed in the middle of the answer's head"
                                          : "closed before an answer came");
    }
}

static void lend(struct fetch *f, size_t n, struct slice piece, struct slice *ret)
{
    f->loan = n;
    *ret = piece;
}

static void take_length(struct fetch *f, struct slice in, struct slice *ret, bool *ret_end)
{
    if (f->answer_framing == FETCH_LENGTH) {
        if (in.n > f->answer_left)
            in.n = (size_t)f->answer_left;
        f->answer_left -= in.n;
        *ret_end = f->answer_left == 0;
    }
    lend(f, in.n, in, ret);
}

static int end_chunked(struct fetch *f)
{
    int r = chunked_trailers(&f->chunked, f->trail->fields, FETCH_TRAILERS_MAX, &f->ntrailers);
    return r ? failed(f, ERR_UPSTREAM_PROTOCOL, "too many trailers") : OK;
}

/* Decodes as far as one contiguous piece of at most cap bytes goes, and looks at what follows, so
 * that the end comes with the last piece. OK, ERR_AGAIN (all input used, nothing to give), or an
 * error, which waits in f->error while there is a piece to give first. */
static int take_chunked(struct fetch *f, size_t cap, struct slice *ret, bool *ret_end)
{
    struct buf *b = &f->uc->link.in;
    uint8_t *base = b->p + b->off, *piece = base;
    size_t n = f->ahead_n, used = f->ahead, total = b->n;
    if (n)
        piece = base + used - n;
    if (n > cap) { /* the owner wants less than it did when this was decoded */
        f->ahead = used - (size_t)(piece - base) - cap;
        f->ahead_n = n - cap;
        lend(f, (size_t)(piece - base) + cap, slice_of(piece, cap), ret);
        return OK;
    }
    f->ahead = f->ahead_n = 0;
    int r = ERR_AGAIN;
    while (n < cap && used < total && (r == OK || r == ERR_AGAIN)) {
        struct slice in = slice_first(slice_of(base + used, total - used), cap), data;
        size_t taken;
        r = chunked_feed(&f->chunked, in, &taken, &data);
        used += taken;
        if (r != OK)
            continue;
        if (n == 0) {
            piece = base + used - data.n;
            n = data.n;
        } else if (data.n <= JOIN_BYTES && data.n <= cap - n) {
            memmove(piece + n, data.p, data.n);
            n += data.n;
        } else {
            f->ahead = taken;
            f->ahead_n = data.n;
            used -= taken;
            break;
        }
    }
    lend(f, used, slice_of(piece, n), ret);
    if (r == ERR_EOF) {
        *ret_end = true;
        return end_chunked(f);
    }
    if (r && r != ERR_AGAIN) {
        f->what = "a chunk of the answer is malformed";
        f->error = ERR_UPSTREAM_PROTOCOL;
        return n ? OK : f->error;
    }
    return n ? OK : ERR_AGAIN;
}

static int take(struct fetch *f, size_t cap, struct slice *ret, bool *ret_end)
{
    struct slice in = link_input(&f->uc->link);
    if (f->answer_framing == FETCH_CHUNKED)
        return take_chunked(f, cap, ret, ret_end);
    take_length(f, slice_first(in, cap), ret, ret_end);
    return OK;
}

static int ended(struct fetch *f, int r, struct slice *ret, bool *ret_end)
{
    bool until_close = f->answer_framing == FETCH_CLOSE || f->answer_framing == FETCH_RAW;
    if (r != ERR_EOF || !until_close)
        return failed(f, r, "closed in the middle of the answer's body");
    f->stage = FETCH_DONE;
    *ret = SLICE_EMPTY;
    *ret_end = true;
    return OK;
}

int fetchrecv_body(struct fetch *f, size_t cap, struct slice *ret, bool *ret_end,
                   bool *ret_progress)
{
    for (;;) {
        fetchrecv_release(f);
        if (link_input(&f->uc->link).n) {
            bool end = false;
            int r = take(f, cap, ret, &end);
            if (r == OK) {
                *ret_end = end;
                if (end)
                    f->stage = FETCH_DONE;
            }
            if (r != ERR_AGAIN)
                return r;
            fetchrecv_release(f);
        }
        int r = fill(f, ret_progress);
        if (r == ERR_AGAIN)
            return r;
        if (r)
            return ended(f, r, ret, ret_end);
    }
}

void fetchrecv_release(struct fetch *f)
{
    if (f->loan)
        link_consume(&f->uc->link, f->loan);
    f->loan = 0;
}

void fetchrecv_done(struct fetch *f)
{
    pool_free(f->parse);
    pool_free(f->trail);
    f->parse = NULL;
    f->trail = NULL;
}
