/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hook programs: what they are given, how many run at once, and who hears of their end. */
#include "serve/hookrun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#define CALLS_MAX 300

static struct loop *loop;
static char dir[] = "/tmp/port443-hookrun-XXXXXX";
static char program[64]; /* "": none is configured */

static struct {
    unsigned done;
    uint64_t ids[CALLS_MAX];
    int status[CALLS_MAX];
    char output[PROGRAM_OUTPUT_BYTES + 1];
} seen;

static struct slice path_of(void *ctx, enum certhost_hook hook)
{
    (void)ctx;
    (void)hook;
    return slice_cstr(program);
}

static void on_done(void *ctx, uint64_t id, int status, struct slice output)
{
    (void)ctx;
    seen.ids[seen.done] = id;
    seen.status[seen.done++] = status;
    if (output.n)
        memcpy(seen.output, output.p, output.n);
    seen.output[output.n] = 0;
}

static const struct hookrun_host host = {.path = path_of, .on_done = on_done};

static void configure(const char *script)
{
    snprintf(program, sizeof(program), "%s/hook", dir);
    unlink(program);
    FILE *file = fopen(program, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(program, 0700), 0);
}

static void wait_for(unsigned done)
{
    uint64_t start_ms = loop_now_ms(loop);
    while (seen.done < done && loop_now_ms(loop) < start_ms + 60000)
        loop_turn(loop, 20);
    assert_int_equal(seen.done, done);
}

static void gives_arguments_environment_and_input(void **state)
{
    (void)state;
    static const struct {
        struct certhost_call call;
        const char *output;
    } rows[] = {
        {{.id = 7,
          .hook = CERTHOST_HOOK_DNS,
          .arguments = {SLICE("present"), SLICE("_acme-challenge.a.org"), SLICE("-va lue")},
          .input = SLICE("{\"x\":1}"),
          .timeout_ms = 20000},
         "3|present|_acme-challenge.a.org|-va lue|{\"x\":1}|LANG=C.UTF-8 "
         "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
         "PORT443_DNS_ACTION=present PORT443_DNS_NAME=_acme-challenge.a.org "
         "PORT443_DNS_VALUE=-va lue PORT443_HOOK=dns "},
        {{.id = 8,
          .hook = CERTHOST_HOOK_PRE_ISSUE,
          .arguments = {SLICE("pre_issue"), SLICE("a.org")},
          .timeout_ms = 20000},
         "2|pre_issue|a.org|||LANG=C.UTF-8 "
         "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
         "PORT443_HOOK=pre_issue PORT443_NAME=a.org "},
    };
    configure("printf '%s|' $# \"$1\" \"$2\" \"$3\" \"$(cat)\"; "
              "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort | tr '\\n' ' '");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hookrun *h;
        seen.done = 0;
        assert_int_equal(hookrun_new(loop, &host, &h), OK);
        assert_int_equal(hookrun_call(h, &rows[i].call), OK);
        assert_int_equal(seen.done, 0);
        wait_for(1);
        print_message("%s\n", seen.output);
        assert_int_equal(seen.ids[0], rows[i].call.id);
        assert_int_equal(seen.status[0], 0);
        assert_string_equal(seen.output, rows[i].output);
        hookrun_free(h);
    }
}

static void tells_of_every_end(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int status;
        const char *output;
    } rows[] = {
        {"echo vetoed; exit 3", 3, "vetoed\n"},
        {"sleep 60", PROGRAM_TIMED_OUT, ""},
        {NULL, PROGRAM_NOT_STARTED, "no program is configured for the hook failed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hookrun *h;
        const struct certhost_call call = {
            .id = i, .hook = CERTHOST_HOOK_FAILED, .timeout_ms = i == 1 ? 200 : 20000};
        seen.done = 0;
        if (rows[i].script)
            configure(rows[i].script);
        else
            program[0] = 0;
        assert_int_equal(hookrun_new(loop, &host, &h), OK);
        assert_int_equal(hookrun_call(h, &call), OK);
        wait_for(1);
        print_message("%d %s\n", seen.status[0], seen.output);
        assert_int_equal(seen.status[0], rows[i].status);
        assert_string_equal(seen.output, rows[i].output);
        hookrun_free(h);
    }
    struct hookrun *h;
    const struct certhost_call call = {.id = 9, .timeout_ms = 1000};
    seen.done = 0;
    snprintf(program, sizeof(program), "/nonexistent/hook");
    assert_int_equal(hookrun_new(loop, &host, &h), OK);
    assert_int_equal(hookrun_call(h, &call), OK);
    wait_for(1);
    assert_int_equal(seen.status[0], PROGRAM_NOT_STARTED);
    assert_non_null(strstr(seen.output, "/nonexistent/hook: No such file"));
    hookrun_free(h);
}

/* Each writes a line when it begins and ends when the gate is there. */
static void runs_a_few_at_once(void **state)
{
    (void)state;
    char script[300], gate[80], log[80], line[16];
    struct hookrun *h;
    snprintf(gate, sizeof(gate), "%s/gate", dir);
    snprintf(log, sizeof(log), "%s/log", dir);
    snprintf(script, sizeof(script), "echo x >>%s; while [ ! -e %s ]; do sleep 0.05; done", log,
             gate);
    configure(script);
    seen.done = 0;
    assert_int_equal(hookrun_new(loop, &host, &h), OK);
    for (uint64_t i = 0; i < HOOKRUN_RUNNING_MAX + 3; i++) {
        const struct certhost_call call = {.id = i, .timeout_ms = 60000};
        assert_int_equal(hookrun_call(h, &call), OK);
    }
    uint64_t start_ms = loop_now_ms(loop);
    struct stat st = {0};
    while (st.st_size < 2 * HOOKRUN_RUNNING_MAX && loop_now_ms(loop) < start_ms + 20000) {
        loop_turn(loop, 20);
        BEST_EFFORT(stat(log, &st));
    }
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 20);
    assert_int_equal(stat(log, &st), 0);
    assert_int_equal(st.st_size, 2 * HOOKRUN_RUNNING_MAX);
    assert_int_equal(seen.done, 0);
    FILE *file = fopen(gate, "w");
    assert_non_null(file);
    fclose(file);
    wait_for(HOOKRUN_RUNNING_MAX + 3);
    file = fopen(log, "r");
    unsigned lines = 0;
    while (fgets(line, sizeof(line), file))
        lines++;
    fclose(file);
    assert_int_equal(lines, HOOKRUN_RUNNING_MAX + 3);
    unlink(gate);
    unlink(log);
    hookrun_free(h);
}

static void bounds_what_waits(void **state)
{
    (void)state;
    struct hookrun *h;
    const struct certhost_call call = {.timeout_ms = 1000};
    program[0] = 0;
    seen.done = 0;
    assert_int_equal(hookrun_new(loop, &host, &h), OK);
    for (int i = 0; i < HOOKRUN_WAITING_MAX; i++)
        assert_int_equal(hookrun_call(h, &call), OK);
    assert_int_equal(hookrun_call(h, &call), ERR_CAP);
    wait_for(HOOKRUN_WAITING_MAX);
    assert_int_equal(hookrun_call(h, &call), OK);
    hookrun_free(h);
}

static void forgets(void **state)
{
    (void)state;
    struct hookrun *h;
    struct certhost_call call = {.id = 1, .timeout_ms = 60000};
    configure("exit 0");
    seen.done = 0;
    assert_int_equal(hookrun_new(loop, &host, &h), OK);
    for (int i = 0; i < HOOKRUN_RUNNING_MAX + 2; i++)
        assert_int_equal(hookrun_call(h, &call), OK);
    loop_turn(loop, 0); /* some run, some wait */
    hookrun_forget(h);
    call.id = 2;
    assert_int_equal(hookrun_call(h, &call), OK);
    wait_for(1);
    assert_int_equal(seen.ids[0], 2);
    hookrun_free(h); /* also with programs under way */
    assert_int_equal(seen.done, 1);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(dir) ? loop_new(&loop, NULL) : 1;
}

static int tear_down(void **state)
{
    (void)state;
    snprintf(program, sizeof(program), "%s/hook", dir);
    unlink(program);
    loop_free(loop);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_arguments_environment_and_input),
        cmocka_unit_test(tells_of_every_end),
        cmocka_unit_test(runs_a_few_at_once),
        cmocka_unit_test(bounds_what_waits),
        cmocka_unit_test(forgets),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
