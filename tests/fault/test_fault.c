/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Sweeps: one static and one proxied request are repeated with the first, second, third...
 * allocation (in assertion builds also each system call, in four ways) failing, until a run meets
 * no failure. Whatever the failing request gets, the server neither crashes nor hangs, the next
 * request is answered, and at the end nothing is left over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/bug.h"
#include "base/mem.h"
#include "engine.h"
#include "os/sysfault.h"

#define SWEEP_MAX 4000

static struct engine engine;

static int open_engine(void **state)
{
    (void)state;
    engine_open(&engine);
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    engine_close(&engine);
    return 0;
}

static void assert_serves(const char *path)
{
    assert_int_equal(engine_ask(&engine, path), 200);
}

static void allocations(const char *path)
{
    uint64_t k = 1;
    bool fired = true;
    assert_serves(path);
    for (; fired && k < SWEEP_MAX; k++) {
        mem_fail_at(k);
        unsigned status = engine_ask(&engine, path);
        fired = mem_fault_fired();
        mem_fail_at(0);
        if (!fired)
            assert_int_equal(status, 200);
        assert_serves(path);
    }
    print_message("%s: %llu allocations failed in turn\n", path, (unsigned long long)(k - 2));
    assert_true(k < SWEEP_MAX);
    assert_int_equal(bug_count(NULL), 0);
}

static void static_allocations(void **state)
{
    (void)state;
    allocations("/hello.txt");
}

static void proxied_allocations(void **state)
{
    (void)state;
    allocations("/app/x");
}

#if defined(PORT443_ASSERT)
static void calls(const char *path, enum sysfault_kind kind)
{
    uint64_t k = 1;
    bool fired = true;
    assert_serves(path);
    for (; fired && k < SWEEP_MAX; k++) {
        sysfault_at(k, kind);
        unsigned status = engine_ask(&engine, path);
        fired = sysfault_fired();
        sysfault_at(0, kind);
        if (!fired)
            assert_int_equal(status, 200);
        assert_serves(path);
    }
    print_message("%s: %llu calls failed in turn, kind %d\n", path, (unsigned long long)(k - 2),
                  (int)kind);
    assert_true(k < SWEEP_MAX);
}

/* EAGAIN without an edge behind it is no fault that a kernel makes on epoll: left out. */
static void static_calls(void **state)
{
    (void)state;
    calls("/hello.txt", SYSFAULT_EINTR);
    calls("/hello.txt", SYSFAULT_EMFILE);
    calls("/hello.txt", SYSFAULT_SHORT);
}

static void proxied_calls(void **state)
{
    (void)state;
    calls("/app/x", SYSFAULT_EINTR);
    calls("/app/x", SYSFAULT_EMFILE);
    calls("/app/x", SYSFAULT_SHORT);
}
#else
static void static_calls(void **state)
{
    (void)state;
    print_message("system calls fail on order in assertion builds only\n");
    skip();
}

static void proxied_calls(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_allocations), cmocka_unit_test(proxied_allocations),
        cmocka_unit_test(static_calls), cmocka_unit_test(proxied_calls)};
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
