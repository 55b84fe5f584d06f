/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of challenge answers: what goes in comes out, what is malformed changes nothing. */
#include "serve/challenges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#define NOW_S 1800000000

static const struct certhost_answer good[] = {
    {.kind = CERTHOST_HTTP01,
     .name = SLICE("a.example"),
     .token = SLICE("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"),
     .content = SLICE("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.thumb-print_9")},
    {.kind = CERTHOST_ALPN01, .name = SLICE("b.example"), .digest = {1, 2, 3}},
    {.kind = CERTHOST_ALPN01, .name = SLICE("192.0.2.7"), .digest = {4}},
};

static struct challenges *filled(void)
{
    struct challenges *c = challenges_new();
    struct buf b;
    buf_init(&b, CHALLENGES_TABLE_MAX);
    assert_int_equal(challenges_pack(&b, good, ARRAY_LEN(good)), OK);
    assert_int_equal(challenges_replace(c, buf_slice(&b)), OK);
    buf_done(&b);
    return c;
}

static void http_by_token(void **state)
{
    static const struct {
        const char *token;
        bool known;
    } rows[] = {
        {"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", true},
        {"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX", false},
        {"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0/", false},
        {"loqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", false},
        {"b.example", false},
        {"", false},
    };
    struct challenges *c = filled();
    struct slice content;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (challenges_http(c, slice_cstr(rows[i].token), &content) != rows[i].known)
            fail_msg("\"%s\" is %sknown", rows[i].token, rows[i].known ? "not " : "");
    assert_true(challenges_http(c, good[0].token, &content));
    assert_true(slice_eq(content, good[0].content));
    challenges_free(c);
}

static void alpn_by_server_name(void **state)
{
    static const struct {
        const char *name;
        int r;
    } rows[] = {
        {"b.example", OK},
        {"7.2.0.192.in-addr.arpa", OK}, /* RFC 8738 6 */
        {"a.example", ERR_NOT_FOUND},   /* its challenge is http-01 */
        {"192.0.2.7", ERR_NOT_FOUND},
        {"c.example", ERR_NOT_FOUND},
    };
    struct challenges *c = filled();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tlsctx *ctx = NULL, *again = NULL;
        int r = challenges_alpn(c, slice_cstr(rows[i].name), NOW_S, &ctx, NULL);
        if (r != rows[i].r)
            fail_msg("%s: %s, not %s", rows[i].name, err_name(r), err_name(rows[i].r));
        assert_int_equal(challenges_alpn(c, slice_cstr(rows[i].name), NOW_S, &again, NULL), r);
        assert_ptr_equal(ctx, again); /* made once */
        assert_int_equal(ctx != NULL && tlsctx_gives_tickets(ctx), false);
    }
    challenges_free(c);
}

static void malformed_tables_change_nothing(void **state)
{
    static const struct certhost_answer bad[] = {
        {.kind = CERTHOST_HTTP01, .token = SLICE("a/b"), .content = SLICE("a.b")},
        {.kind = CERTHOST_HTTP01, .token = SLICE(""), .content = SLICE("a.b")},
        {.kind = CERTHOST_HTTP01, .token = SLICE("ab"), .content = SLICE("a.b\r\n")},
        {.kind = CERTHOST_HTTP01, .token = SLICE("ab"), .content = SLICE("<script>")},
        {.kind = CERTHOST_HTTP01, .token = SLICE("ab"), .content = SLICE("")},
        {.kind = CERTHOST_ALPN01, .name = SLICE("")},
        {.kind = (enum certhost_answer_kind)2, .name = SLICE("a")},
    };
    struct challenges *c = filled();
    struct slice content;
    struct buf b;
    (void)state;
    buf_init(&b, CHALLENGES_TABLE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        buf_reset(&b);
        assert_int_equal(challenges_pack(&b, &bad[i], 1), OK);
        if (challenges_replace(c, buf_slice(&b)) != ERR_SYNTAX)
            fail_msg("row %zu was taken", i);
    }
    buf_reset(&b);
    assert_int_equal(challenges_pack(&b, good, 1), OK);
    for (size_t n = 1; n < b.n; n++)
        assert_int_equal(challenges_replace(c, slice_first(buf_slice(&b), n)), ERR_SYNTAX);
    assert_int_equal(challenges_count(c), ARRAY_LEN(good));
    assert_true(challenges_http(c, good[0].token, &content));
    assert_int_equal(challenges_replace(c, SLICE_EMPTY), OK);
    assert_int_equal(challenges_count(c), 0);
    assert_false(challenges_http(c, good[0].token, &content));
    buf_done(&b);
    challenges_free(c);
}

static void long_content_is_refused(void **state)
{
    char text[CHALLENGES_CONTENT_MAX + 1];
    struct certhost_answer a = {.kind = CERTHOST_HTTP01, .token = SLICE("t")};
    struct challenges *c = challenges_new();
    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t n = CHALLENGES_CONTENT_MAX; n <= sizeof(text); n++) {
        struct buf b;
        a.content = slice_of(text, n);
        buf_init(&b, 4096);
        assert_int_equal(challenges_pack(&b, &a, 1), OK);
        assert_int_equal(challenges_replace(c, buf_slice(&b)),
                         n > CHALLENGES_CONTENT_MAX ? ERR_SYNTAX : OK);
        buf_done(&b);
    }
    challenges_free(c);
}

static void the_number_is_bounded(void **state)
{
    static struct certhost_answer many[CHALLENGES_MAX + 1];
    struct buf b;
    struct challenges *c = challenges_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = good[1];
    buf_init(&b, CHALLENGES_TABLE_MAX);
    assert_int_equal(challenges_pack(&b, many, CHALLENGES_MAX + 1), ERR_CAP);
    buf_reset(&b);
    assert_int_equal(challenges_pack(&b, many, CHALLENGES_MAX), OK);
    assert_int_equal(challenges_replace(c, buf_slice(&b)), OK);
    assert_int_equal(challenges_pack(&b, many, 1), OK);
    assert_int_equal(challenges_replace(c, buf_slice(&b)), ERR_CAP);
    assert_int_equal(challenges_count(c), CHALLENGES_MAX);
    buf_done(&b);
    challenges_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_by_token),
        cmocka_unit_test(alpn_by_server_name),
        cmocka_unit_test(malformed_tables_change_nothing),
        cmocka_unit_test(long_content_is_refused),
        cmocka_unit_test(the_number_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
