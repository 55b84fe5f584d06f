/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Message heads: what is read, what is refused with which error, and that neither depends on how
 * the bytes arrive nor on where they lie. */
#include "wire/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

#include "base/mem.h"

#define FIELDS 8

static const struct http1_limits limits = {.line_bytes = 64, .head_bytes = 256};

struct row {
    const char *in;
    int r;
    const char *target; /* with r == OK: the target, or the reason of a response */
    size_t count;
    size_t left; /* bytes behind the head */
};

static const struct row requests[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", OK, "/", 1, 0},
    {"GET /x?y HTTP/1.0\r\n\r\nGET", OK, "/x?y", 0, 3},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", OK, "/", 1, 0},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", OK, "/", 1, 0},
    {"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"M!#$%&'*+-.^_`|~9 * HTTP/1.9\r\nA:\r\nB: \t \r\nC:\tc c\t\r\n\r\n", OK, "*", 3, 0},
    {"GET / HTTP/1.1\r\nA: \x80\xff\r\n\r\n", OK, "/", 1, 0},
    {"GET / HTTP/1.1\r\n1:1\r\n2:2\r\n3:3\r\n4:4\r\n5:5\r\n6:6\r\n7:7\r\n8:8\r\n\r\n", OK, "/", 8,
     0},
    {"GET / HTTP/1.1\r\n1:1\r\n2:2\r\n3:3\r\n4:4\r\n5:5\r\n6:6\r\n7:7\r\n8:8\r\n9:9\r\n\r\n",
     ERR_HEAD_TOO_LARGE, 0, 0, 0},
    /* start line */
    {"GET  / HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET /  HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1 \r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {" GET / HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET\t/ HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET /\t HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET /\x7f HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"G(T / HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET /\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET HTTP/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / http/1.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/11\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.10\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1,1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/x.1\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/2.0\r\n\r\n", ERR_VERSION, 0, 0, 0},
    {"GET / HTTP/0.9\r\n\r\n", ERR_VERSION, 0, 0, 0},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ERR_VERSION, 0, 0, 0},
    {"\x16\x03\x01\x02", ERR_SYNTAX, 0, 0, 0},
    /* line ends */
    {"GET / HTTP/1.1\nHost: a\n\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\rHost: a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    /* fields */
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\n: a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nH(st: a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nH\xf6st: a\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    {"GET / HTTP/1.1\r\nTransfer-Encoding\x0b: chunked\r\n\r\n", ERR_SYNTAX, 0, 0, 0},
    /* not yet */
    {"", ERR_AGAIN, 0, 0, 0},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r", ERR_AGAIN, 0, 0, 0},
    /* sizes: the line's limit is 64, the head's 256 */
    {"GET /34567890123456789012345678901234567890123456789012 HTTP/1.1\r\n\r\n", ERR_URI_TOO_LONG,
     0, 0, 0},
    {"GET /345678901234567890123456789012345678901234567 HTTP/1.1\r\n\r\n", OK,
     "/345678901234567890123456789012345678901234567", 0, 0},
    {"GET / HTTP/1.1\r\nA: "
     "3456789012345678901234567890123456789012345678901234567890123456789012345"
     "678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
     "9012345678901234567890123456789012345678901234567890123456789012345678901234567890\r\n\r\n",
     ERR_HEAD_TOO_LARGE, 0, 0, 0},
};

static const struct row responses[] = {
    {"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", OK, "OK", 1, 4},
    {"HTTP/1.1 200 \r\n\r\n", OK, "", 0, 0},
    {"HTTP/1.0 200\r\n\r\n", OK, "", 0, 0},
    {"HTTP/1.1 404 Nicht gef\xfc nden\t\r\n\r\n", OK, "Nicht gef\xfc nden\t", 0, 0},
    {"HTTP/1.1 2000 OK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1 20 OK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1 099 OK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1 +20 OK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1  200 OK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1 200\tOK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/2.0 200 OK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/2 200\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"ICY 200 OK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1 200 OK\n\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", ERR_UPSTREAM_PROTOCOL, 0, 0, 0},
    {"HTTP/1.1 200 OK\r\nA: b\r\n", ERR_AGAIN, 0, 0, 0},
};

/* One parse, request or response, told as text so that two can be compared. */
struct result {
    int r;
    size_t used;
    char text[1024];
};

static size_t tell(char *dst, size_t at, struct slice s)
{
    if (s.n)
        memcpy(dst + at, s.p, s.n);
    dst[at + s.n] = '|';
    return at + s.n + 1;
}

union message {
    struct http1_request q;
    struct http1_response p;
};

static void start(union message *m, bool request, struct field *fields)
{
    if (request)
        http1_request_init(&m->q, fields, FIELDS);
    else
        http1_response_init(&m->p, fields, FIELDS);
}

static void step(union message *m, bool request, struct slice in, struct result *res)
{
    res->r = request ? http1_parse_request(in, &limits, &m->q, &res->used)
                     : http1_parse_response(in, &limits, &m->p, &res->used);
    if (res->r)
        return;
    const struct http1_head *h = request ? &m->q.head : &m->p.head;
    size_t n = tell(res->text, 0, request ? m->q.method_text : m->p.reason);
    if (request)
        n = tell(res->text, n, m->q.target);
    for (size_t i = 0; i < h->count; i++) {
        n = tell(res->text, n, h->fields[i].name);
        n = tell(res->text, n, h->fields[i].value);
    }
    res->text[n] = 0;
}

/* Feeds pieces: [0, a), then [0, b), then all; each time at another address with nothing behind. */
static struct result feed(bool request, struct slice all, const size_t *ends, size_t count)
{
    union message m;
    struct field fields[FIELDS];
    struct result res = {.r = ERR_AGAIN, .used = 0};
    uint8_t *held = NULL;
    start(&m, request, fields);
    for (size_t i = 0; i < count && res.r == ERR_AGAIN; i++) {
        uint8_t *now = mem_alloc(ends[i]);
        memcpy(now, all.p, ends[i]);
        if (i > 0)
            memset(held, 'Z', ends[i - 1]); /* a slice left behind is seen */
        mem_free(held);
        held = now;
        step(&m, request, slice_of(now, ends[i]), &res);
    }
    mem_free(held);
    return res;
}

static void same(const char *how, size_t at, const struct row *row, const struct result *a,
                 const struct result *b)
{
    if (a->r != b->r || a->used != b->used || strcmp(a->text, b->text) != 0)
        fail_msg("%s at %zu of <%s>: %s %zu %s, whole: %s %zu %s", how, at, row->in, err_name(b->r),
                 b->used, b->text, err_name(a->r), a->used, a->text);
}

static void check_row(bool request, const struct row *row)
{
    struct slice all = slice_cstr(row->in);
    size_t steps[1024];
    struct result whole = feed(request, all, &all.n, 1);
    if (whole.r != row->r)
        fail_msg("<%s> gives %s, expected %s", row->in, err_name(whole.r), err_name(row->r));
    if (whole.r == OK && all.n - whole.used != row->left)
        fail_msg("<%s> leaves %zu, expected %zu", row->in, all.n - whole.used, row->left);
    for (size_t i = 0; i <= all.n; i++) {
        size_t ends[2] = {i, all.n};
        struct result split = feed(request, all, ends, 2);
        same("split", i, row, &whole, &split);
        steps[i] = i;
    }
    struct result bytes = feed(request, all, steps, all.n + 1);
    same("byte by byte", 0, row, &whole, &bytes);
}

static void reads_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        const struct row *row = &requests[i];
        check_row(true, row);
        if (row->r)
            continue;
        struct http1_request q;
        struct field fields[FIELDS];
        size_t used;
        http1_request_init(&q, fields, FIELDS);
        assert_int_equal(http1_parse_request(slice_cstr(row->in), &limits, &q, &used), OK);
        if (!slice_eq(q.target, slice_cstr(row->target)) || q.head.count != row->count)
            fail_msg("<%s>: target %.*s, %zu fields", row->in, (int)q.target.n,
                     (const char *)q.target.p, q.head.count);
    }
}

static void reads_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(responses); i++) {
        const struct row *row = &responses[i];
        check_row(false, row);
        if (row->r)
            continue;
        struct http1_response p;
        struct field fields[FIELDS];
        size_t used;
        http1_response_init(&p, fields, FIELDS);
        assert_int_equal(http1_parse_response(slice_cstr(row->in), &limits, &p, &used), OK);
        if (!slice_eq(p.reason, slice_cstr(row->target)) || p.head.count != row->count)
            fail_msg("<%s>: reason %.*s, %zu fields", row->in, (int)p.reason.n,
                     (const char *)p.reason.p, p.head.count);
    }
}

/* Values are trimmed, tokens set, the method known, the version read. */
static void details(void **state)
{
    (void)state;
    struct http1_request q;
    struct field fields[FIELDS];
    size_t used;
    http1_request_init(&q, fields, FIELDS);
    struct slice in = SLICE("POST /p HTTP/1.0\r\nhOST:  \ta.b \t\r\nX-Own: 1 2\r\n\r\n");
    assert_false(http1_request_begun(&q, slice_first(in, 0)));
    assert_true(http1_request_begun(&q, slice_first(in, 1)));
    assert_int_equal(http1_parse_request(in, &limits, &q, &used), OK);
    assert_int_equal(q.method, METHOD_POST);
    assert_int_equal(q.minor, 0);
    assert_int_equal(fields[0].token, HDR_HOST);
    assert_true(slice_eq(fields[0].name, SLICE("hOST")));
    assert_true(slice_eq(fields[0].value, SLICE("a.b")));
    assert_int_equal(fields[1].token, HDR_OTHER);
    assert_true(slice_eq(fields[1].value, SLICE("1 2")));

    /* What has been searched is not searched again. */
    http1_request_init(&q, fields, FIELDS);
    assert_int_equal(http1_parse_request(slice_first(in, 30), &limits, &q, &used), ERR_AGAIN);
    assert_int_equal(q.head.scanned, 30);

    http1_request_init(&q, fields, FIELDS);
    assert_int_equal(http1_parse_request(SLICE("\r\n"), &limits, &q, &used), ERR_AGAIN);
    assert_false(http1_request_begun(&q, SLICE("\r\n")));
    assert_true(http1_request_begun(&q, SLICE("\r\nG")));

    /* Attack: slowloris in whole lines; each of them leaves nothing behind that is unread. */
    const struct slice lines = SLICE("GET / HTTP/1.1\r\nX: y\r\n");
    http1_request_init(&q, fields, FIELDS);
    assert_int_equal(http1_parse_request(slice_first(lines, 16), &limits, &q, &used), ERR_AGAIN);
    assert_true(http1_request_begun(&q, slice_first(lines, 16)));
    assert_int_equal(http1_parse_request(lines, &limits, &q, &used), ERR_AGAIN);
    assert_true(http1_request_begun(&q, lines));
}

/* Every control byte in a value, at each place of a 16-byte step, is refused; others are not. */
static void every_byte_in_a_value(void **state)
{
    (void)state;
    for (unsigned ch = 0; ch < 256; ch++) {
        for (size_t at = 0; at < 33; at++) {
            char text[128] = "GET / HTTP/1.1\r\nA: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n\r\n";
            size_t n = strlen(text), used;
            text[19 + at] = (char)ch;
            struct http1_request q;
            struct field fields[FIELDS];
            http1_request_init(&q, fields, FIELDS);
            int r = http1_parse_request(slice_of(text, n), &limits, &q, &used);
            bool bad = (ch < 32 && ch != '\t') || ch == 127;
            if ((r != OK) != bad)
                fail_msg("byte %u at %zu: %s", ch, at, err_name(r));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_requests),
        cmocka_unit_test(reads_responses),
        cmocka_unit_test(details),
        cmocka_unit_test(every_byte_in_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
