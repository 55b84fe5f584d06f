/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A configuration that travels: whole, and as nobody of ours would send it. */
#include "serve/bundle.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "serve/kept.h"
#include "serve/parcel.h"

struct rig {
    struct loop *loop;
    struct chan from, to;
    struct bundle *partial;
    int r;
    size_t messages;
};

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct rig *g = container_of(c, struct rig, to);
    g->messages++;
    g->r = parcel_receive(&g->partial, type - 100u, payload, fds, nfds);
}

static void nothing(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    (void)c, (void)type, (void)payload, (void)fds, (void)nfds;
}

static void on_closed(struct chan *c)
{
    (void)c;
}

static void it_arrives_as_it_was(void **state)
{
    static const char *const words[] = {"localhost=/tmp", "b.localhost=/"};
    static const struct conf_setting settings[] = {{"workers", "3"}};
    const struct bundle_source src = {
        .words = words, .nwords = 2, .settings = settings, .nsettings = 1};
    struct rig g = {0};
    struct bundle *b;
    struct conf *conf, *again;
    struct conf_faults faults;
    struct kept_pair pair = {
        .source = SLICE("local"), .chain = SLICE("chain"), .key = SLICE("key")};
    struct kept_pair pairs[KEPT_SLOTS];
    int fds[2], roots[8];
    (void)state;
    assert_int_equal(bundle_collect(&src, &b, &conf, &faults), OK);
    assert_int_equal(kept_put(b, SLICE("localhost"), &pair), OK);
    pair.chain = SLICE("chain2");
    pair.key = SLICE_EMPTY;
    assert_int_equal(kept_put(b, SLICE("localhost"), &pair), OK);
    assert_int_equal(loop_new(&g.loop, NULL), OK);
    assert_int_equal(chan_pair(fds), OK);
    g.from.on_message = nothing;
    g.to.on_message = on_message;
    g.from.on_closed = g.to.on_closed = on_closed;
    assert_int_equal(chan_init(&g.from, g.loop, fds[0]), OK);
    assert_int_equal(chan_init(&g.to, g.loop, fds[1]), OK);
    assert_int_equal(parcel_send(b, &g.from, 100), OK);
    for (int i = 0; i < 20; i++)
        loop_turn(g.loop, 0);
    assert_int_equal(g.r, OK);
    assert_int_equal(bundle_conf(g.partial, &again, &faults), OK);
    assert_int_equal(again->nsites, 2);
    assert_int_equal(again->workers, 3);
    assert_int_equal(kept_pairs(g.partial, SLICE("localhost"), pairs), 1);
    assert_true(slice_eq(pairs[0].chain, SLICE("chain2")));
    assert_int_equal(pairs[0].key.n, 0);
    assert_int_equal(kept_pairs(g.partial, SLICE("b.localhost"), pairs), 0);
    assert_int_equal(bundle_roots(g.partial, roots, 8), 2);
    assert_true(bundle_root(g.partial, SLICE("/tmp")) >= 0);
    assert_int_equal(bundle_root(g.partial, SLICE("/nowhere")), -1);
    conf_free(conf);
    conf_free(again);
    bundle_unref(b);
    bundle_unref(g.partial);
    chan_done(&g.from);
    chan_done(&g.to);
    loop_free(g.loop);
}

/* One message to a bundle that has begun (or not): an error, nothing leaked, descriptors left. */
static void refused(bool begun, unsigned message, struct slice payload, int want)
{
    static const uint8_t source[] = "\xff\xff\xff\xff\0\0\0\0\0"; /* no path, no text, 0 and 0 */
    struct bundle *b = NULL;
    int fds[2] = {-1, -1};
    if (begun)
        assert_int_equal(parcel_receive(&b, PARCEL_SOURCE, slice_of(source, 10), NULL, 0),
                         ERR_AGAIN);
    int r = parcel_receive(&b, message, payload, fds, message == PARCEL_ROOT ? 2 : 0);
    if (r != want)
        fail_msg("message %u of %zu bytes: %d, not %d", message, payload.n, r, want);
    if (r != OK && r != ERR_AGAIN)
        assert_null(b);
    bundle_unref(b);
}

static void what_nobody_of_ours_sends(void **state)
{
    static const uint8_t lies[] = "\xff\xff\xff\xfe"
                                  "abc";
    (void)state;
    for (unsigned message = 0; message < PARCEL_MESSAGES; message++)
        if (message != PARCEL_SOURCE)
            refused(false, message, SLICE("\0\0\0\1a"), ERR_SYNTAX);
    refused(true, PARCEL_FILE, slice_of(lies, 7), ERR_SYNTAX);
    refused(true, PARCEL_FILE, SLICE_EMPTY, ERR_SYNTAX);
    refused(true, PARCEL_ROOT, SLICE("/tmp"), ERR_SYNTAX); /* two descriptors */
    refused(true, PARCEL_SOURCE, slice_of(lies, 7), ERR_SYNTAX);
    refused(true, PARCEL_END, SLICE_EMPTY, OK);
}

/* Cut anywhere. */
static void a_source_cut_anywhere(void **state)
{
    static const uint8_t source[] = "\0\0\0\1p\0\0\0\2tt\1\1\0\0\0\1w\0\0\0\1n\0\0\0\1v";
    struct bundle *b = NULL;
    (void)state;
    for (size_t n = 0; n < sizeof(source) - 1; n++) {
        int r = parcel_receive(&b, PARCEL_SOURCE, slice_of(source, n), NULL, 0);
        if (r == ERR_AGAIN || r == OK || b)
            fail_msg("%zu bytes were taken", n);
    }
    assert_int_equal(
        parcel_receive(&b, PARCEL_SOURCE, slice_of(source, sizeof(source) - 1), NULL, 0),
        ERR_AGAIN);
    bundle_unref(b);
}

static void a_root_is_kept_and_closed_with_it(void **state)
{
    struct bundle *b = NULL;
    int fds[1] = {open("/tmp", O_PATH | O_CLOEXEC)}, fd = fds[0];
    (void)state;
    assert_int_equal(
        parcel_receive(&b, PARCEL_SOURCE, SLICE("\xff\xff\xff\xff\0\0\0\0\0\0"), NULL, 0),
        ERR_AGAIN);
    assert_int_equal(parcel_receive(&b, PARCEL_ROOT, SLICE("/tmp"), fds, 1), ERR_AGAIN);
    assert_int_equal(fds[0], -1);
    assert_int_equal(bundle_root(b, SLICE("/tmp")), fd);
    bundle_unref(bundle_ref(b));
    assert_true(fcntl(fd, F_GETFD) >= 0);
    bundle_unref(b);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_arrives_as_it_was),
        cmocka_unit_test(what_nobody_of_ours_sends),
        cmocka_unit_test(a_source_cut_anywhere),
        cmocka_unit_test(a_root_is_kept_and_closed_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
