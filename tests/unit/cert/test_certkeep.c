/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The keeper's certificates: kept, found again, renewed in time, never at the price of a root that
 * machines trust. */
#include "cert/certkeep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cert/certstore.h"

struct rig {
    char dir[64];
    struct loop *loop;
    struct certkeep *keep;
    struct certhost host;
    unsigned certificates, troubles;
    char name[64], event[64];
    int64_t not_after_s;
};

static void on_certificate(void *ctx, const struct certhost_pair *p)
{
    struct rig *g = ctx;
    struct certinfo_chain *chain;
    g->certificates++;
    snprintf(g->name, sizeof(g->name), SLICE_F, SLICE_A(p->name));
    assert_true(p->key_pem.n > 0);
    assert_int_equal(certinfo_parse(p->chain_pem, &chain, NULL), OK);
    g->not_after_s = certinfo_at(chain, 0)->not_after_s;
    certinfo_unref(chain);
}

static void on_trouble(void *ctx, const struct fault *f)
{
    struct rig *g = ctx;
    (void)f;
    g->troubles++;
}

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-certkeep-XXXXXX");
    g->host =
        (struct certhost){.ctx = g, .on_certificate = on_certificate, .on_trouble = on_trouble};
    *state = g;
    return !mkdtemp(g->dir) || loop_new(&g->loop, NULL);
}

static int unmake(void **state)
{
    struct rig *g = *state;
    char command[192];
    certkeep_close(g->keep);
    loop_free(g->loop);
    snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", g->dir, g->dir);
    int r = system(command);
    free(g);
    unsetenv("PORT443_LEAF_SECONDS");
    return r;
}

static int open_keep(struct rig *g, struct fault *f)
{
    certkeep_close(g->keep);
    g->keep = NULL;
    return certkeep_open(g->loop, g->dir, &g->host, &g->keep, f);
}

static int want(struct rig *g, const struct slice *names, size_t n, bool local)
{
    const struct certkeep_settings settings = {.keys = CERTKEEP_ECDSA};
    const struct certkeep_name name = {names, n, local};
    return certkeep_want(g->keep, &settings, &name, 1, NULL);
}

static const struct slice one[] = {SLICE("a.test"), SLICE("*.b.test")};

static void what_is_kept_is_found_again(void **state)
{
    struct rig *g = *state;
    struct stat st;
    char path[128];
    assert_int_equal(open_keep(g, NULL), OK);
    assert_int_equal(want(g, one, 2, true), OK);
    assert_int_equal(g->certificates, 1);
    int64_t first = g->not_after_s;
    snprintf(path, sizeof(path), "%s/local/a.test/key.pem", g->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(path, sizeof(path), "%s/ca/root.key", g->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(open_keep(g, NULL), OK);
    assert_int_equal(want(g, one, 2, true), OK);
    assert_int_equal(g->certificates, 2);
    assert_true(g->not_after_s == first);
    /* other names: another certificate */
    assert_int_equal(want(g, one, 1, true), OK);
    assert_int_equal(g->certificates, 3);
    assert_int_equal(want(g, one, 0, true), ERR_CAP);
    assert_int_equal(g->troubles, 0);
}

static void a_root_without_its_key_is_not_replaced(void **state)
{
    struct rig *g = *state;
    struct buf before, after;
    struct fault f = {0};
    char path[128];
    buf_init(&before, 65536);
    buf_init(&after, 65536);
    assert_int_equal(open_keep(g, NULL), OK);
    assert_int_equal(certstore_root_pem(g->dir, &before, NULL), OK);
    snprintf(path, sizeof(path), "%s/ca/root.key", g->dir);
    assert_int_equal(unlink(path), 0);
    assert_int_not_equal(open_keep(g, &f), OK);
    assert_non_null(strstr(f.what, "key"));
    assert_int_equal(certstore_root_pem(g->dir, &after, NULL), OK);
    assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
    buf_done(&before);
    buf_done(&after);
}

static void a_root_that_is_nonsense_is_not_replaced(void **state)
{
    struct rig *g = *state;
    struct buf after;
    struct fault f = {0};
    char path[128];
    assert_int_equal(open_keep(g, NULL), OK);
    snprintf(path, sizeof(path), "%s/ca/root.pem", g->dir);
    FILE *file = fopen(path, "w");
    fputs("nonsense\n", file);
    fclose(file);
    assert_int_not_equal(open_keep(g, &f), OK);
    buf_init(&after, 65536);
    assert_int_equal(certstore_root_pem(g->dir, &after, NULL), OK);
    assert_int_equal(after.n, 9);
    assert_true(f.next[0]);
    buf_done(&after);
}

static void a_short_life_is_renewed(void **state)
{
    struct rig *g = *state;
    setenv("PORT443_LEAF_SECONDS", "3", 1);
    assert_int_equal(open_keep(g, NULL), OK);
    assert_int_equal(want(g, one, 1, true), OK);
    int64_t first = g->not_after_s;
    for (int i = 0; i < 400 && g->certificates < 2; i++)
        loop_turn(g->loop, 20);
    assert_int_equal(g->certificates, 2);
    assert_true(g->not_after_s > first);
}

/* Nothing can be written: the certificate is used all the same, and somebody is told. */
static void a_store_that_takes_nothing(void **state)
{
    struct rig *g = *state;
    char path[128];
    assert_int_equal(open_keep(g, NULL), OK);
    snprintf(path, sizeof(path), "%s/local", g->dir);
    FILE *file = fopen(path, "w"); /* a file where the directory should be: root is refused too */
    fclose(file);
    assert_int_equal(want(g, one, 1, true), OK);
    assert_int_equal(g->certificates, 1);
    assert_int_equal(g->troubles, 1);
}

static void a_public_name_gets_a_temporary_one(void **state)
{
    static const struct slice name[] = {SLICE("www.example.com")};
    struct rig *g = *state;
    struct certinfo_chain *chain;
    assert_int_equal(open_keep(g, NULL), OK);
    assert_int_not_equal(want(g, name, 1, true), OK);
    assert_int_equal(want(g, name, 1, false), OK);
    assert_int_equal(certstore_chain(g->dir, name[0], &chain, NULL), OK);
    assert_true(certinfo_at(chain, 0)->self_signed);
    certinfo_unref(chain);
    assert_int_equal(certstore_remove(g->dir, name[0], NULL), OK);
    assert_int_equal(certstore_chain(g->dir, name[0], &chain, NULL), ERR_NOT_FOUND);
    assert_int_equal(certstore_remove(g->dir, name[0], NULL), OK); /* nothing there */
}

static void on_event(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n)
{
    struct rig *g = ctx;
    (void)level, (void)fields, (void)n;
    snprintf(g->event, sizeof(g->event), "%s", name);
}

static int called;

static void on_done(struct certkeep_call *c, int r, const struct fault *f)
{
    (void)c;
    print_message("order: %s\n", f->what);
    called = r;
}

static int order(struct rig *g, struct certkeep *k)
{
    struct certkeep_call call = {.on_done = on_done};
    called = -1;
    certkeep_renew(k, &call, SLICE("a.test"), true);
    for (int i = 0; i < 100 && called < 0; i++)
        loop_turn(g->loop, 20);
    return called;
}

/* Two processes: a command that finds the store taken says so, a server waits for its predecessor
 * and orders nothing until that has ended. */
static void one_engine_at_a_time(void **state)
{
    struct rig *g = *state;
    struct fault f = {0};
    char story[512];
    struct certkeep *second = NULL;
    struct certhost other = g->host;
    const struct certkeep_settings settings = {.keys = CERTKEEP_ECDSA};
    const struct certkeep_name name = {one, 1, true};
    g->host.who = "the server (process 12)";
    assert_int_equal(open_keep(g, NULL), OK);
    assert_int_equal(want(g, one, 1, true), OK);
    assert_int_equal(certkeep_open(g->loop, g->dir, &other, &second, &f), ERR_EXISTS);
    fault_text(&f, story, sizeof(story));
    print_message("%s\n", story);
    assert_non_null(strstr(story, "the server (process 12) is at work"));
    assert_null(second);
    other.waits = true;
    other.on_event = on_event;
    assert_int_equal(certkeep_open(g->loop, g->dir, &other, &second, &f), OK);
    assert_string_equal(g->event, "store_in_use");
    assert_int_equal(certkeep_want(second, &settings, &name, 1, NULL), OK);
    assert_int_equal(g->certificates, 2);
    assert_int_equal(order(g, second), ERR_AGAIN);
    certkeep_close(g->keep);
    g->keep = second;
    for (int i = 0; i < 200 && strcmp(g->event, "store_taken_over") != 0; i++)
        loop_turn(g->loop, 20);
    assert_string_equal(g->event, "store_taken_over");
    assert_int_equal(order(g, second), OK);
    certkeep_wind_up(second);
    assert_false(certkeep_busy(second));
    assert_int_equal(order(g, second), ERR_AGAIN);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(what_is_kept_is_found_again),
        CASE(a_root_without_its_key_is_not_replaced),
        CASE(a_root_that_is_nonsense_is_not_replaced),
        CASE(a_short_life_is_renewed),
        CASE(a_store_that_takes_nothing),
        CASE(a_public_name_gets_a_temporary_one),
        CASE(one_engine_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
