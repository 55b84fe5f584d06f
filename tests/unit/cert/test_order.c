/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Orders against a scripted CA: what is asked in which order, what is refused, and that a death at
 * any moment costs at most a download. */
#include "cert/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakeca.h"
#include "os/file.h"

#define TURNS_MAX 3000 /* of at most 20 ms */
#define HTTP      (1u << CHALLENGE_HTTP01)

static const struct slice ten[] = {
    SLICE("a.test"), SLICE("b.test"), SLICE("c.test"), SLICE("d.test"), SLICE("e.test"),
    SLICE("f.test"), SLICE("g.test"), SLICE("h.test"), SLICE("i.test"), SLICE("j.test")};

struct rig {
    struct fakeca ca;
    struct loop *loop;
    char dir[64];
    struct certhost host;
    struct challenges *challenges;
    struct order_plan plan;
    struct order *order;
    struct job job;
    struct arena arena;
    size_t answers, answers_most; /* published */
    char events[4096];
    bool done;
    struct order_end end; /* copied; texts are in `words` */
    char problem[64];
};

static void on_publish(void *ctx, uint64_t version, const struct certhost_answer *answers, size_t n)
{
    struct rig *g = ctx;
    (void)answers;
    g->answers = n;
    g->answers_most = n > g->answers_most ? n : g->answers_most;
    challenge_published(g->challenges, version);
}

static void on_event(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n)
{
    struct rig *g = ctx;
    (void)level;
    (void)fields;
    assert_true(n > 0);
    size_t at = strlen(g->events);
    snprintf(g->events + at, sizeof(g->events) - at, "%s ", name);
}

static void on_done(void *ctx, struct order_end *end)
{
    struct rig *g = ctx;
    assert_false(g->done);
    g->done = true;
    g->end = *end;
    snprintf(g->problem, sizeof(g->problem), SLICE_F, SLICE_A(end->problem.type));
    loop_stop(g->loop);
}

static void on_progress(void *ctx, const char *phase, struct slice name)
{
    (void)ctx;
    assert_true(phase[0] && name.n > 0);
}

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-order-XXXXXX");
    if (!mkdtemp(g->dir) || loop_new(&g->loop, NULL))
        return -1;
    arena_init(&g->arena, 1024 * 1024);
    g->host = (struct certhost){.ctx = g, .publish = on_publish, .on_event = on_event};
    fakeca_open(&g->ca, g->loop);
    if (challenge_new(g->loop, &g->host, &g->challenges) || lineage_open_store(g->dir, NULL))
        return -1;
    g->plan = (struct order_plan){.state_dir = g->dir,
                                  .id = {SLICE("a.test"), false},
                                  .names = ten,
                                  .nnames = 1,
                                  .account = fakeca_account(&g->ca),
                                  .challenges = g->challenges,
                                  .enabled = HTTP,
                                  .job = &g->job,
                                  .arena = &g->arena,
                                  .host = &g->host};
    *state = g;
    return 0;
}

static int unmake(void **state)
{
    struct rig *g = *state;
    char command[96];
    order_free(g->order);
    certstore_pair_done(&g->end.fresh.pair);
    challenge_free(g->challenges);
    fakeca_close(&g->ca);
    loop_free(g->loop);
    arena_done(&g->arena);
    snprintf(command, sizeof(command), "rm -rf %s", g->dir);
    free(g);
    return system(command);
}

static void start(struct rig *g)
{
    static const struct order_ops ops = {.on_progress = on_progress, .on_done = on_done};
    struct fault f = {0};
    g->done = false;
    fakeca_expect(&g->ca, g->plan.names, g->plan.nnames);
    if (order_start(g->loop, &g->plan, &ops, g, &g->order, &f))
        fail_msg("%s", f.what);
}

static void run(struct rig *g)
{
    start(g);
    for (int i = 0; i < TURNS_MAX && !g->done && !g->ca.dead; i++)
        loop_turn(g->loop, 20);
    if (!g->done && !g->ca.dead)
        fail_msg("the order hangs while %s", order_phase(g->order));
}

/* A new process: nothing but the disk is left. */
static void restart(struct rig *g)
{
    struct fault f = {0};
    order_free(g->order);
    g->order = NULL;
    g->ca.dead = false;
    g->ca.die_at = 0;
    arena_done(&g->arena);
    assert_int_equal(job_load(g->dir, &g->plan.id, &g->arena, &g->job, &f), OK);
    assert_string_equal(f.what, "");
}

static void expect_end(struct rig *g, int r)
{
    if (g->end.r != r)
        fail_msg("ended with %s (%s), want %s", err_name(g->end.r), g->end.fault.what, err_name(r));
    loop_turn(g->loop, 0);
    assert_int_equal(g->answers, 0); /* whatever happened, no answer is left behind */
}

static void expect_told(const struct rig *g, const char *words)
{
    if (!strstr(g->end.fault.what, words))
        fail_msg("says \"%s\", without \"%s\"", g->end.fault.what, words);
}

static void expect_event(const struct rig *g, const char *name, bool there)
{
    if ((strstr(g->events, name) != NULL) != there)
        fail_msg("%s %s in: %s", name, there ? "is not" : "is", g->events);
}

/* What is in the store belongs together, and no order is under way. */
static void expect_committed(struct rig *g)
{
    struct lineage_loaded got;
    struct fault f = {0};
    struct key *pending = NULL;
    expect_end(g, OK);
    assert_int_equal(lineage_load(g->dir, &g->plan.id, &g->arena, &got, &f), OK);
    assert_int_equal(certinfo_check_key(got.pair.chain, got.pair.key, NULL), OK);
    assert_memory_equal(certinfo_at(got.pair.chain, 0)->sha256,
                        certinfo_at(g->end.fresh.pair.chain, 0)->sha256, 32);
    assert_true(slice_eq(got.meta.directory, SLICE("https://ca.test/dir")));
    assert_true(slice_eq(got.meta.account, SLICE("https://ca.test/acct/1")));
    assert_true(slice_eq(got.meta.certificate, SLICE("https://ca.test/cert/1")));
    certstore_pair_done(&got.pair);
    assert_int_equal(g->job.step, JOB_NONE);
    restart(g);
    assert_int_equal(g->job.step, JOB_NONE);
    assert_int_equal(lineage_load_pending_key(g->dir, &g->plan.id, &pending, NULL), ERR_NOT_FOUND);
}

static void happy(void **state)
{
    struct rig *g = *state;
    static const char *const want[] = {"new-order", "authz/0",    "chal/0", "authz/0",
                                       "order/1",   "finalize/1", "cert/1"};
    run(g);
    expect_end(g, OK);
    assert_int_equal(g->ca.requests, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_string_equal(g->ca.log[i], want[i]);
    assert_string_equal(g->ca.last_order,
                        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}");
    assert_string_equal(g->events, "order_created challenge_presented issued ");
    assert_int_equal(g->answers_most, 1);
    assert_true(slice_eq(g->job.last_challenge, SLICE("http-01")));
    expect_committed(g);
}

static void valid_at_once(void **state)
{
    struct rig *g = *state;
    g->plan.nnames = 10;
    g->ca.valid_at_once = true;
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.triggers, 0);
    assert_int_equal(fakeca_count(&g->ca, "authz/"), 0); /* the order was ready */
}

static void many_names(void **state)
{
    struct rig *g = *state;
    g->plan.nnames = 10;
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.triggers, 10);
    assert_int_equal(g->answers_most, 8); /* side by side */
}

static void two_of_ten_fail(void **state)
{
    struct rig *g = *state;
    g->plan.nnames = 10;
    g->ca.failing = 1u << 2 | 1u << 9;
    run(g);
    expect_end(g, ERR_ACME);
    assert_int_equal(g->ca.triggers, 10); /* all were tried */
    assert_int_equal(g->end.nfailed, 2);
    assert_true(slice_eq(g->end.failed[0], SLICE("c.test")));
    assert_true(slice_eq(g->end.failed[1], SLICE("j.test")));
    assert_int_equal(g->end.failed_types, HTTP);
    assert_int_equal(g->end.class, BACKOFF_VALIDATION);
    assert_string_equal(g->problem, "connection");
    expect_told(g, "c.test by http-01 failed: no way there (connection); also: j.test");
    assert_int_equal(g->ca.finalized, 0);
    restart(g);
    assert_int_equal(g->job.step, JOB_NONE);
}

static void nothing_to_answer_with(void **state)
{
    struct rig *g = *state;
    g->plan.enabled = 1u << CHALLENGE_ALPN01;
    run(g);
    expect_end(g, ERR_CONFIG);
    expect_told(g, "offered: dns-01, http-01");
    assert_int_equal(g->end.nfailed, 0); /* no validation was wasted */
    assert_int_equal(g->ca.deactivated, 1);
}

static void replaces_refused(void **state)
{
    struct rig *g = *state;
    static const struct {
        const char *type;
        unsigned status;
        int want;
    } cases[] = {{"alreadyReplaced", 409, OK},
                 {"malformed", 404, OK},
                 {"unauthorized", 403, OK},
                 {"malformed", 400, OK},
                 {"rateLimited", 429, ERR_ACME}};
    g->plan.replaces = SLICE("aki.serial");
    g->ca.valid_at_once = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        g->ca.replaces_error = cases[i].type;
        g->ca.replaces_status = cases[i].status;
        g->ca.requests = 0;
        certstore_pair_done(&g->end.fresh.pair);
        run(g);
        /* "cannot be replaced" stands in the detail of all of them: only the limit is no reason. */
        bool once_more = strcmp(cases[i].type, "rateLimited") != 0;
        if (g->end.r != cases[i].want || g->end.replaces_refused != once_more)
            fail_msg("%s: %s", cases[i].type, g->end.fault.what);
        assert_int_equal(fakeca_count(&g->ca, "new-order"), once_more ? 2 : 1);
        assert_true(once_more == !strstr(g->ca.last_order, "replaces"));
        order_free(g->order);
        g->order = NULL;
    }
    g->ca.replaces_error = NULL;
    run(g);
    assert_non_null(strstr(g->ca.last_order, "\"replaces\":\"aki.serial\""));
    expect_committed(g);
}

static void profiles(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->plan.profile = SLICE("shortlived");
    run(g);
    assert_null(strstr(g->ca.last_order, "profile"));
    expect_event(g, "profile_not_offered", true);
    expect_committed(g);
    certstore_pair_done(&g->end.fresh.pair);
    g->ca.profile = "shortlived";
    run(g);
    assert_non_null(strstr(g->ca.last_order, "\"profile\":\"shortlived\""));
    expect_committed(g);
}

static void finalize_too_early(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.not_ready = 2;
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.orders, 1);
    assert_int_equal(fakeca_count(&g->ca, "finalize"), 3);
}

static void slow_processing(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.processing = 1;
    g->ca.retry_after_s = 3;
    uint64_t from_ms = loop_now_ms(g->loop);
    run(g);
    expect_committed(g);
    assert_true(loop_now_ms(g->loop) - from_ms >= 3000 / FAKECA_HASTE);
    assert_int_equal(g->ca.orders, 1);
}

static void cut_after_finalize(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.cut_finalize = 1;
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.orders, 1);
    assert_int_equal(g->ca.finalized, 1);
    assert_int_equal(fakeca_count(&g->ca, "finalize"), 1);
    assert_int_equal(fakeca_count(&g->ca, "order/1"), 1);
}

/* A connection dies under the request and libcurl sends it again: the CA took the first one, what
 * we hear is its answer to the second. */
static void finalize_arrived_twice(void **state)
{
    static const char *const errors[] = {"orderNotReady", "malformed"};
    struct rig *g = *state;
    for (unsigned i = 0; i < 4; i++) {
        g->ca.valid_at_once = true;
        g->ca.twice_finalize = 1;
        g->ca.finalize_error = errors[i % 2];
        g->ca.processing = i / 2;
        g->ca.finalized = g->ca.orders = 0;
        g->ca.retry_after_s = -1;
        print_message("%s, %s\n", errors[i % 2], i / 2 ? "processing" : "valid");
        run(g);
        expect_committed(g);
        certstore_pair_done(&g->end.fresh.pair);
        assert_int_equal(g->ca.orders, 1);
        assert_int_equal(g->ca.finalized, 1);
    }
}

/* What was refused and not taken fails with the CA's own words. */
static void finalize_refused(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.no_finalize = true;
    g->ca.finalize_error = "malformed";
    run(g);
    assert_int_equal(g->end.r, ERR_ACME);
    assert_string_equal(g->problem, "malformed");
    assert_int_equal(g->ca.finalized, 0);
    assert_int_equal(fakeca_count(&g->ca, "finalize"), 1);
    assert_int_equal(fakeca_count(&g->ca, "order/1"), 1);
    assert_int_equal(g->job.step, JOB_NONE);
}

static void finalize_never_arrived(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.lost_finalize = 1;
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.orders, 1);
    assert_int_equal(fakeca_count(&g->ca, "finalize"), 2);
}

static void busy_ca(void **state)
{
    struct rig *g = *state;
    g->ca.hiccups = 2;
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.orders, 1);
    certstore_pair_done(&g->end.fresh.pair);
    g->ca.hiccups = 9;
    run(g);
    expect_end(g, ERR_ACME);
    assert_int_equal(g->end.class, BACKOFF_NETWORK);
    assert_int_equal(g->job.step, JOB_ORDERED); /* to be gone on with */
}

static const struct {
    const char *label;
    enum fakeca_chain chain;
    int r;
    const char *told;
    enum job_step step; /* what is left */
} refusals[] = {
    {"cut off", FAKECA_CUT, ERR_SYNTAX, "damaged or cut off", JOB_FINALIZED},
    {"wrong key", FAKECA_OTHER_KEY, ERR_VERIFY, "another key", JOB_NONE},
    {"wrong names", FAKECA_OTHER_NAMES, ERR_VERIFY, "other names than asked for: a.test", JOB_NONE},
    {"expired", FAKECA_EXPIRED, ERR_VERIFY, "expired at", JOB_NONE},
    {"a CA", FAKECA_A_CA, ERR_VERIFY, "another key", JOB_NONE},
    {"loose chain", FAKECA_LOOSE, ERR_VERIFY, "does not fit together", JOB_NONE},
};

static void bad_certificates(void **state)
{
    struct rig *g = *state;
    struct lineage_loaded got;
    g->ca.valid_at_once = true;
    g->plan.nnames = 2;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        g->ca.chain = refusals[i].chain;
        run(g);
        if (g->end.r != refusals[i].r || g->job.step != refusals[i].step)
            fail_msg("%s: %s, left %s", refusals[i].label, g->end.fault.what,
                     job_step_text(g->job.step));
        expect_told(g, refusals[i].told);
        assert_int_equal(lineage_load(g->dir, &g->plan.id, &g->arena, &got, NULL), ERR_NOT_FOUND);
        restart(g);
    }
}

/* A damaged download is repaired by another one. */
static void cut_off_once(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.chain = FAKECA_CUT;
    run(g);
    expect_end(g, ERR_SYNTAX);
    restart(g);
    g->ca.chain = FAKECA_GOOD;
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.orders, 1);
    assert_int_equal(g->ca.finalized, 1);
}

static void alternate_chains(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.alternates = true;
    static const struct {
        int root; /* preferred; -1: one that nobody has */
        unsigned downloads;
        int want;
    } cases[] = {{0, 1, 0}, {1, 2, 1}, {-1, 2, 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *roots[] = {"Nobody's Root", g->ca.root1, g->ca.root2};
        g->plan.preferred_chain = slice_cstr(roots[cases[i].root + 1]);
        g->ca.downloads = 0;
        g->events[0] = 0;
        run(g);
        expect_end(g, OK);
        assert_int_equal(g->ca.downloads, cases[i].downloads);
        assert_string_equal((const char *)certinfo_at(g->end.fresh.pair.chain, 0)->issuer.p,
                            roots[cases[i].want + 1]);
        expect_event(g, "preferred_chain_missing", cases[i].root < 0);
        expect_committed(g);
        certstore_pair_done(&g->end.fresh.pair);
    }
}

static void account_does_not_exist(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.lost_account = 1;
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.lost, 1);
    expect_event(g, "account_lost", true);
    certstore_pair_done(&g->end.fresh.pair);
    g->ca.lost_account = 2;
    run(g);
    expect_end(g, ERR_ACME);
    assert_string_equal(g->problem, "accountDoesNotExist");
    assert_int_equal(g->ca.lost, 2); /* once in an attempt */
}

/* Death when the request has arrived: the CA has acted, the client does not know. */
static void dies_everywhere(void **state)
{
    struct rig *g = *state;
    g->plan.nnames = 2;
    g->ca.processing = 1;
    unsigned deaths = 0;
    for (unsigned at = 1; at < 40; at++) {
        struct fakeca *ca = &g->ca;
        ca->requests = ca->orders = ca->finalized = 0;
        ca->processing = 1;
        ca->die_at = at;
        run(g);
        if (!ca->dead)
            break;
        deaths++;
        unsigned before = ca->requests;
        bool finalized = ca->finalized > 0;
        const char *last = ca->log[before - 1];
        restart(g);
        run(g);
        expect_end(g, OK);
        /* Only an order whose URL never reached us is made again. */
        bool unknown = strcmp(last, "new-order") == 0;
        if (ca->orders != (unknown ? 2u : 1u) || ca->finalized != 1)
            fail_msg("death at %u (%s): %u orders, %u finalized", at, last, ca->orders,
                     ca->finalized);
        /* Behind finalize: one look at the order (or two while it is processed), one download. */
        if (finalized && ca->requests - before > 3)
            fail_msg("death at %u (%s): %u requests more", at, last, ca->requests - before);
        expect_committed(g);
        certstore_pair_done(&g->end.fresh.pair);
    }
    assert_true(deaths >= 9);
}

static void resumes_only_its_own(void **state)
{
    struct rig *g = *state;
    g->ca.die_at = 2; /* behind the order */
    run(g);
    restart(g);
    g->plan.nnames = 2; /* other names now */
    run(g);
    expect_committed(g);
    assert_int_equal(g->ca.orders, 2);
    certstore_pair_done(&g->end.fresh.pair);

    for (int gone = 0; gone < 2; gone++) {
        g->ca.requests = g->ca.orders = 0;
        g->ca.die_at = 2;
        run(g);
        restart(g);
        g->ca.no_order = !gone;
        g->ca.order_invalid = gone;
        g->ca.valid_at_once = true; /* so that nobody asks for the new one */
        run(g);
        expect_committed(g);
        expect_event(g, "order_resumed", true);
        assert_int_equal(g->ca.orders, 2);
        certstore_pair_done(&g->end.fresh.pair);
        g->ca.valid_at_once = g->ca.no_order = g->ca.order_invalid = false;
    }
}

static void pending_key_gone(void **state)
{
    struct rig *g = *state;
    g->ca.valid_at_once = true;
    g->ca.die_at = 3; /* at the download */
    run(g);
    restart(g);
    lineage_drop_pending_key(g->dir, &g->plan.id);
    run(g);
    expect_committed(g);
    expect_event(g, "pending_key_lost", true);
    assert_int_equal(g->ca.orders, 2);
}

static void reused_key(void **state)
{
    struct rig *g = *state;
    struct key *key = NULL;
    struct fault f;
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &key, &f), OK);
    g->ca.valid_at_once = true;
    g->plan.reuse = key;
    run(g);
    assert_int_equal(certinfo_check_key(g->end.fresh.pair.chain, key, NULL), OK);
    expect_committed(g);
    keystore_unref(key);
}

static void probe(void **state)
{
    struct rig *g = *state;
    struct lineage_loaded got;
    struct job before = {.failures = 3, .step = JOB_ORDERED, .order = SLICE("https://ca.test/x")};
    g->job = before;
    g->plan.staging = true;
    run(g);
    expect_end(g, OK);
    assert_int_equal(g->ca.downloads, 1);
    assert_null(g->end.fresh.pair.chain);
    assert_memory_equal(&g->job, &before, sizeof(before));
    assert_int_equal(lineage_load(g->dir, &g->plan.id, &g->arena, &got, NULL), ERR_NOT_FOUND);
    restart(g);
    assert_int_equal(g->job.failures, 0); /* nothing on disk */
}

static void read_only_store(void **state)
{
    struct rig *g = *state;
    char path[96];
    g->ca.valid_at_once = true;
    snprintf(path, sizeof(path), "%s/certs/a.test.ecdsa", g->dir);
    assert_int_equal(file_write_atomic(FILE_CWD, path, SLICE("in the way"), 0600, NULL), OK);
    run(g);
    assert_int_not_equal(g->end.r, OK);
    assert_int_equal(g->end.class, BACKOFF_LOCAL);
    assert_int_equal(fakeca_count(&g->ca, "finalize"), 0); /* no step without its record */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(happy),
        CASE(valid_at_once),
        CASE(many_names),
        CASE(two_of_ten_fail),
        CASE(nothing_to_answer_with),
        CASE(replaces_refused),
        CASE(profiles),
        CASE(finalize_too_early),
        CASE(slow_processing),
        CASE(cut_after_finalize),
        CASE(finalize_arrived_twice),
        CASE(finalize_refused),
        CASE(finalize_never_arrived),
        CASE(busy_ca),
        CASE(bad_certificates),
        CASE(cut_off_once),
        CASE(alternate_chains),
        CASE(account_does_not_exist),
        CASE(dies_everywhere),
        CASE(resumes_only_its_own),
        CASE(pending_key_gone),
        CASE(reused_key),
        CASE(probe),
        CASE(read_only_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
