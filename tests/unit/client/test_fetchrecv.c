/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers as they are read: whole, byte by byte, and cut at every offset; what is refused; bodies,
 * trailers, interim answers. */
#include "client/fetchrecv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/pool.h"
#include "caller.h"
#include "client/resolve.h"
#include "toy.h"

static struct loop *l;
static struct resolver *res;

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    if (loop_new(&l, &f) || resolve_new(l, NULL, &res, &f))
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resolve_free(res);
    loop_free(l);
    return 0;
}

struct answer {
    const char *name, *method;
    const char *bytes; /* the toy closes behind them when `close` is set */
    bool close;
    int error; /* of on_fail or of fetch_read */
    uint16_t status;
    int64_t length;
    const char *fields, *body, *trailers;
    bool pooled; /* the connection is kept */
};

#define H "HTTP/1.1 200 OK\r\n"

static const struct answer answers[] = {
    {"length", "GET", H "Content-Length: 5\r\nX-A: 1\r\n\r\nhello", false, 0, 200, 5, "X-A: 1\n",
     "hello", "", true},
    {"empty", "GET", H "Content-Length: 0\r\n\r\n", false, 0, 200, 0, "", "", "", true},
    {"head", "HEAD", H "Content-Length: 500\r\n\r\n", false, 0, 200, 500, "", "", "", true},
    {"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", false, 0, 204, -1, "", "", "", true},
    {"304", "GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", false, 0, 304, -1,
     "ETag: \"x\"\n", "", "", true},
    {"chunked", "GET", H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
     false, 0, 200, -1, "", "abcdefg", "", true},
    {"trailers", "GET",
     H "Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n1\r\na\r\n0\r\nX-T: v\r\nContent-Length: "
       "9\r\n\r\n",
     false, 0, 200, -1, "", "a", "X-T: v\n", true},
    {"until close", "GET", H "X-A: 1\r\n\r\nsome bytes", true, 0, 200, -1, "X-A: 1\n", "some bytes",
     "", false},
    {"connection close", "GET", H "Connection: close\r\nContent-Length: 2\r\n\r\nok", false, 0, 200,
     2, "", "ok", "", false},
    {"http/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, 0, 200, 2, "",
     "ok", "", false},
    {"named by connection", "GET",
     H "Connection: x-hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-End: "
       "2\r\nContent-Length: 0\r\n\r\n",
     false, 0, 200, 0, "X-End: 2\n", "", "", true},
    {"bytes behind the answer", "GET", H "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", false, 0,
     200, 2, "", "ok", "", false},
    {"bytes behind a chunked answer", "GET",
     H "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx", false, 0, 200, -1, "", "ok", "",
     false},
    {"both lengths", "GET", H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     false, ERR_UPSTREAM_PROTOCOL, 0, 0, "", "", "", false},
    {"two lengths", "GET", H "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", false,
     ERR_UPSTREAM_PROTOCOL, 0, 0, "", "", "", false},
    {"unasked 101", "GET", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
     false, ERR_UPSTREAM_PROTOCOL, 0, 0, "", "", "", false},
    {"no http", "GET", "220 mail.example ESMTP\r\n", false, ERR_UPSTREAM_PROTOCOL, 0, 0, "", "", "",
     false},
    {"folded field", "GET", H "X-A: 1\r\n 2\r\n\r\n", false, ERR_UPSTREAM_PROTOCOL, 0, 0, "", "",
     "", false},
    {"dies before the head", "GET", "", true, ERR_EOF, 0, 0, "", "", "", false},
    {"dies in the head", "GET", "HTTP/1.1 20", true, ERR_EOF, 0, 0, "", "", "", false},
    {"dies in the body", "GET", H "Content-Length: 9\r\n\r\nhello", true, ERR_EOF, 200, 9, "",
     "hello", "", false},
    {"dies in a chunk", "GET", H "Transfer-Encoding: chunked\r\n\r\n9\r\nhello", true, ERR_EOF, 200,
     -1, "", "hello", "", false},
    {"dies between chunks", "GET", H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true,
     ERR_EOF, 200, -1, "", "hello", "", false},
    {"bad chunk", "GET", H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", false,
     ERR_UPSTREAM_PROTOCOL, 200, -1, "", "hello", "", false},
    {"chunk too long", "GET", H "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n", false,
     ERR_UPSTREAM_PROTOCOL, 200, -1, "", "hello", "", false},
};

/* How the toy sends its answer: all at once, dribbled, or cut at `cut`. */
static const struct answer *script;
static size_t cut;
static bool dribbled;
static bool rest_due;

static void say_rest(struct toy_conn *c)
{
    struct slice all = slice_cstr(script->bytes);
    toy_say(c, slice_from(all, cut));
    if (script->close)
        toy_end(c, false);
}

static void on_request(struct toy_conn *c)
{
    char head[512];
    if (c->ended) {
        toy_end(c, false);
        return;
    }
    if (!toy_head(c, head, sizeof(head)))
        return;
    struct slice all = slice_cstr(script->bytes);
    if (dribbled) {
        toy_dribble(c, all);
        rest_due = script->close;
    } else {
        toy_say(c, slice_first(all, cut));
        rest_due = true;
    }
}

static void play(const struct answer *a, size_t cap)
{
    struct toy t;
    struct caller c;
    toy_open(&t, l, on_request);
    struct upstream *u = caller_upstream(l, res, t.port);
    caller_init(&c, l);
    c.cap = cap;
    c.fickle = cap == 4;
    rest_due = false;
    script = a;
    struct fetch_request q = {.method = slice_cstr(a->method),
                              .target = SLICE("/x?y"),
                              .host = SLICE("a.example"),
                              .timeout_ms = 5000};
    caller_start(&c, u, &q);
    for (int i = 0; i < 1000 && !c.ended && !c.fail && !c.cut; i++) {
        loop_turn(l, 10);
        if (!rest_due || list_empty(&t.conns))
            continue;
        struct toy_conn *last = container_of(t.conns.prev, struct toy_conn, node);
        if (dribbled && last->dribble.n)
            continue;
        rest_due = false;
        if (dribbled) {
            toy_end(last, false);
            continue;
        }
        loop_turn(l, 0); /* the first part is read before the rest leaves */
        loop_turn(l, 0);
        if (!list_empty(&t.conns))
            say_rest(last);
    }
    assert_int_equal(c.fail ? c.fail : c.cut, a->error);
    if (!a->error)
        assert_true(c.ended);
    assert_int_equal(c.head_seen ? c.head.status : 0, a->status);
    if (a->status)
        assert_int_equal(c.head.length, a->length);
    assert_string_equal(c.fields, a->fields);
    assert_int_equal(c.body.n, strlen(a->body));
    if (c.body.n)
        assert_memory_equal(c.body.p + c.body.off, a->body, c.body.n);
    assert_string_equal(c.trailers, a->trailers);
    caller_done(&c);
    struct upstream_stats stats;
    upstream_stats(u, &stats);
    assert_int_equal(stats.idle, a->pooled);
    assert_int_equal(stats.active, 0);
    assert_int_equal(stats.failures, a->error && !a->status);
    upstream_unref(u);
    toy_done(&t);
}

static void answers_whole(void **state)
{
    (void)state;
    dribbled = false;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        print_message("%s\n", answers[i].name);
        cut = strlen(answers[i].bytes);
        play(&answers[i], 0);
        play(&answers[i], 1); /* the owner takes single bytes */
        play(&answers[i], 4);
    }
}

static void answers_byte_by_byte(void **state)
{
    (void)state;
    dribbled = true;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (strstr(answers[i].name, "behind") || !*answers[i].bytes)
            continue; /* what comes later is the pool's: see test_upstream */
        print_message("%s\n", answers[i].name);
        play(&answers[i], 0);
    }
}

static void answers_cut_everywhere(void **state)
{
    (void)state;
    dribbled = false;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (strstr(answers[i].name, "behind"))
            continue;
        print_message("%s\n", answers[i].name);
        for (cut = 0; cut < strlen(answers[i].bytes); cut++)
            play(&answers[i], 0);
    }
}

static void interim_answers(void **state)
{
    (void)state;
    static const struct answer early = {
        "early hints",
        "GET",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\nConnection: "
        "x-b\r\nX-B: 1\r\n\r\n" H "Content-Length: 2\r\n\r\nok",
        false,
        0,
        200,
        2,
        "",
        "ok",
        "",
        true};
    struct toy t;
    struct caller c;
    dribbled = false;
    for (cut = 1; cut < strlen(early.bytes); cut += 7)
        play(&early, 0);
    cut = strlen(early.bytes);
    toy_open(&t, l, on_request);
    struct upstream *u = caller_upstream(l, res, t.port);
    caller_init(&c, l);
    script = &early;
    caller_get(&c, u, "/");
    caller_wait(&c);
    assert_string_equal(c.informs, "100 \n103 Link: </a>\n");
    assert_int_equal(c.head.status, 200);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

static void endless_interim_answers(void **state)
{
    (void)state;
    char many[1024] = "";
    for (int i = 0; i < 20; i++)
        memcpy(many + strlen(many), "HTTP/1.1 102 Processing\r\n\r\n", 28);
    struct answer a = {"endless", "GET", many, false, ERR_UPSTREAM_PROTOCOL, 0, 0,
                       "",        "",    "",   false};
    dribbled = false;
    cut = strlen(many);
    play(&a, 0);
}

static void endless_head(void **state)
{
    (void)state;
    static char many[400000];
    size_t n = (size_t)snprintf(many, sizeof(many), "HTTP/1.1 200 OK\r\n");
    for (int i = 0; n + 64 < sizeof(many); i++)
        n += (size_t)snprintf(many + n, sizeof(many) - n, "X-%d: 0123456789\r\n", i);
    struct answer a = {"fields", "GET", many, false, ERR_UPSTREAM_PROTOCOL, 0, 0,
                       "",       "",    "",   false};
    dribbled = false;
    cut = strlen(many);
    play(&a, 0);
    memset(many, 'a', sizeof(many) - 1);
    memcpy(many, "HTTP/1.1 200 OK\r\nX: ", 20);
    play(&a, 0);
}

static void turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(l, 0);
}

static struct toy_conn *newest(struct toy *t)
{
    while (list_empty(&t->conns))
        loop_turn(l, 50);
    return container_of(t->conns.prev, struct toy_conn, node);
}

static void ignore(struct toy_conn *c)
{
    (void)c;
}

static void until_head(struct toy_conn *c)
{
    char head[1024];
    while (!toy_head(c, head, sizeof(head)))
        loop_turn(l, 50);
}

/* Nothing is read before the owner asks: the upstream's bytes stay in the kernel. */
static void large_download(void **state)
{
    (void)state;
    static uint8_t block[65536];
    for (int chunked = 0; chunked < 2; chunked++) {
        uint64_t pool_before = pool_used_bytes();
        struct toy t;
        struct caller c;
        char text[128];
        toy_open(&t, l, ignore);
        struct upstream *u = caller_upstream(l, res, t.port);
        caller_init(&c, l);
        c.paused = true;
        c.cap = 16384;
        caller_get(&c, u, "/");
        struct toy_conn *k = newest(&t);
        until_head(k);
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
                 chunked ? "Transfer-Encoding: chunked" : "Content-Length: 6553600");
        toy_say(k, slice_cstr(text));
        size_t said = 0;
        while (said < 100 * sizeof(block)) {
            memset(block, (int)(said / sizeof(block)), sizeof(block));
            if (k->link.out.n < 262144) {
                if (chunked)
                    toy_say(k, SLICE("10000\r\n"));
                toy_say(k, slice_of(block, sizeof(block)));
                if (chunked)
                    toy_say(k, SLICE("\r\n"));
                said += sizeof(block);
            }
            loop_turn(l, 0);
            if (said == 30 * sizeof(block)) {
                turns(20);
                assert_int_equal(c.body.n, 0);
                /* What was taken with the head, at most. */
                assert_true(pool_used_bytes() - pool_before - k->link.out.cap < 200000);
                c.paused = false;
                caller_read(&c);
            }
        }
        if (chunked)
            toy_say(k, SLICE("0\r\n\r\n"));
        caller_wait(&c);
        assert_true(c.ended);
        assert_int_equal(c.body.n, 6553600);
        for (size_t i = 0; i < c.body.n; i++)
            if (c.body.p[c.body.off + i] != (uint8_t)(i / sizeof(block)))
                assert_int_equal(i, -1);
        caller_done(&c);
        struct upstream_stats s;
        upstream_stats(u, &s);
        assert_int_equal(s.idle, 1);
        upstream_unref(u);
        toy_done(&t);
    }
}

/* Many small chunks are one piece; the end comes with the last. */
static void small_chunks_are_joined(void **state)
{
    (void)state;
    struct toy t;
    struct caller c;
    toy_open(&t, l, ignore);
    struct upstream *u = caller_upstream(l, res, t.port);
    caller_init(&c, l);
    caller_get(&c, u, "/");
    struct toy_conn *k = newest(&t);
    until_head(k);
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(buf_printf(&b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), OK);
    for (int i = 0; i < 300; i++)
        assert_int_equal(buf_printf(&b, "3\r\n%03d\r\n", i), OK);
    assert_int_equal(buf_printf(&b, "0\r\n\r\n"), OK);
    toy_say(k, buf_slice(&b));
    buf_done(&b);
    caller_wait(&c);
    assert_int_equal(c.body.n, 900);
    assert_memory_equal(c.body.p + 897, "299", 3);
    assert_int_equal(c.pieces, 1);
    caller_done(&c);
    upstream_unref(u);
    toy_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_whole),           cmocka_unit_test(answers_byte_by_byte),
        cmocka_unit_test(answers_cut_everywhere),  cmocka_unit_test(interim_answers),
        cmocka_unit_test(endless_interim_answers), cmocka_unit_test(endless_head),
        cmocka_unit_test(large_download),          cmocka_unit_test(small_chunks_are_joined),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
