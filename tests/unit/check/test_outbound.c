/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Lists of hosts: what is a line and what is none, and a run against closed ports of this machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check/outbound.h"

struct world {
    struct loop *loop;
    struct proberun *run;
    struct resolver *res;
    struct tlsctx *verifying, *lenient;
    unsigned rows;
    bool done;
};

static int setup(void **state)
{
    static struct world w;
    struct fault f = {0};
    struct tlsctx_client c = {.insecure = true};
    struct resolve_options r = {.servers = "127.0.0.1:1", .timeout_ms = 50, .tries = 1};
    w = (struct world){.rows = 0};
    *state = &w;
    return loop_new(&w.loop, &f) || probe_run_new(w.loop, NULL, &w.run) ||
           resolve_new(w.loop, &r, &w.res, &f) || tlsctx_client_new(&c, &w.verifying, &f) ||
           tlsctx_client_new(&c, &w.lenient, &f);
}

static int teardown(void **state)
{
    struct world *w = *state;
    probe_run_free(w->run);
    resolve_free(w->res);
    tlsctx_unref(w->verifying);
    tlsctx_unref(w->lenient);
    loop_free(w->loop);
    return 0;
}

static void on_row(void *ctx, const struct outbound_row *row)
{
    ((struct world *)ctx)->rows += row->host.n > 0;
}

static void on_done(void *ctx)
{
    ((struct world *)ctx)->done = true;
}

static int start(struct world *w, struct slice list, struct outbound **ret, struct fault *f)
{
    struct outbound_options o = {.loop = w->loop,
                                 .run = w->run,
                                 .res = w->res,
                                 .verifying = w->verifying,
                                 .lenient = w->lenient,
                                 .timeout_ms = 1000};
    struct outbound_ops ops = {w, on_row, on_done};
    return outbound_start(&o, list, &ops, ret, f);
}

static void test_lines(void **state)
{
    static const struct {
        struct slice list;
        int r, line;
        const char *host;
        uint16_t port;
    } rows[] = {
        {SLICE("payment api.example.com\n"), OK, 0, "api.example.com", 443},
        {SLICE("# none\n\n  api\thost.example:8443  # mine\r\n"), OK, 0, "host.example", 8443},
        {SLICE("host.example"), OK, 0, "host.example", 443},
        {SLICE("x 192.0.2.1:444"), OK, 0, "192.0.2.1", 444},
        {SLICE("x [2001:db8::1]:444"), OK, 0, "2001:db8::1", 444},
        {SLICE("x 2001:db8::1"), OK, 0, "2001:db8::1", 443},
        {SLICE("x a\ny b c\n"), ERR_CONFIG, 2, NULL, 0},
        {SLICE("x a:0"), ERR_CONFIG, 1, NULL, 0},
        {SLICE("x a:65536"), ERR_CONFIG, 1, NULL, 0},
        {SLICE("x :443"), ERR_CONFIG, 1, NULL, 0},
        {SLICE("# nothing\n"), ERR_CONFIG, 0, NULL, 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outbound *b = NULL;
        struct fault f = {0};
        size_t n;
        assert_int_equal(start(w, rows[i].list, &b, &f), rows[i].r);
        assert_int_equal(f.line, rows[i].line);
        if (!rows[i].r) {
            const struct outbound_row *row = outbound_rows(b, &n);
            assert_int_equal(n, 1);
            assert_true(slice_eq(row->host, slice_cstr(rows[i].host)));
            assert_int_equal(row->port, rows[i].port);
        }
        outbound_free(b);
    }
}

static void test_closed(void **state)
{
    struct world *w = *state;
    struct outbound *b = NULL;
    struct fault f = {0};
    size_t n;
    assert_int_equal(start(w, SLICE("a 127.0.0.1:1\nb nowhere.example:1\n"), &b, &f), OK);
    while (!w->done)
        loop_turn(w->loop, 100);
    const struct outbound_row *rows = outbound_rows(b, &n);
    assert_int_equal(n, 2);
    assert_int_equal(w->rows, 2);
    assert_string_equal(facts_verdict_text(rows[0].verdict), "refused");
    assert_false(rows[0].ok);
    assert_string_equal(rows[0].address, "127.0.0.1");
    assert_string_equal(facts_verdict_text(rows[1].verdict), "no_such_name");
    assert_int_equal(outbound_status(b), 1);
    outbound_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
