/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Programs run by a loop: input, output, ends of all kinds, and what they may not do to us. */
#include "os/program.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/err.h"

struct run {
    struct program *p;
    int done, status;
    char output[PROGRAM_OUTPUT_BYTES + 1];
    size_t n;
};

static struct loop *loop;

static void on_done(void *ctx, struct program *p, int status, struct slice output)
{
    struct run *run = ctx;
    assert_ptr_equal(p, run->p);
    run->done++;
    run->status = status;
    run->n = output.n;
    assert_true(output.n <= PROGRAM_OUTPUT_BYTES);
    if (output.n)
        memcpy(run->output, output.p, output.n);
    run->output[output.n] = 0;
}

static int begin(struct run *run, const char *script, struct slice input, uint64_t timeout_ms,
                 struct fault *f)
{
    char sh[] = "/bin/sh", c[] = "-c", text[400], path[] = "PATH=/usr/bin:/bin", x[] = "X=set";
    char *const argv[] = {sh, c, text, NULL}, *const envp[] = {path, x, NULL};
    const struct program_spec s = {
        .argv = argv, .envp = envp, .input = input, .timeout_ms = timeout_ms};
    snprintf(text, sizeof(text), "%s", script);
    *run = (struct run){0};
    return program_start(loop, &s, on_done, run, &run->p, f);
}

static void finish(struct run *run)
{
    uint64_t start_ms = loop_now_ms(loop);
    while (!run->done && loop_now_ms(loop) < start_ms + 60000)
        loop_turn(loop, 20);
    assert_int_equal(run->done, 1);
    program_free(run->p);
    struct proc_exit e;
    assert_false(proc_reap(&e)); /* no zombie is left */
}

static void runs_to_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int status;
        const char *output;
    } rows[] = {
        {"exit 0", 0, ""},
        {"cat; exit 3", 3, "{\"a\":1}"},
        {"echo out; echo err >&2", 0, "out\nerr\n"},
        {"echo $X$HOME", 0, "set\n"},
        {"kill -TERM $$", 128 + SIGTERM, ""},
        {"exec 1>&- 2>&-; exit 7", 7, ""},      /* output ends before the process */
        {"(sleep 5) & echo left", 0, "left\n"}, /* a process stays behind with the pipe */
        {"ls /proc/self/fd | wc -l", 0, "4\n"}, /* 0, 1, 2 and its own */
        {"ulimit -n", 0, "1024\n"},
        {"trap '' PIPE; cat /dev/null; echo ok", 0, "ok\n"},
    };
    assert_true(proc_nofile_raise(4096) >= 1024);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run run;
        assert_int_equal(begin(&run, rows[i].script, SLICE("{\"a\":1}"), 20000, NULL), OK);
        assert_int_equal(run.done, 0);
        finish(&run);
        print_message("%s: %d %s\n", rows[i].script, run.status, run.output);
        assert_int_equal(run.status, rows[i].status);
        assert_string_equal(run.output, rows[i].output);
    }
}

static void keeps_the_tail_of_its_output(void **state)
{
    (void)state;
    struct run run;
    assert_int_equal(begin(&run, "i=0; while [ $i -lt 9999 ]; do echo line-$i; i=$((i+1)); done",
                           SLICE_EMPTY, 60000, NULL),
                     OK);
    finish(&run);
    assert_int_equal(run.status, 0);
    assert_int_equal(run.n, PROGRAM_OUTPUT_BYTES);
    assert_string_equal(run.output + run.n - 20, "line-9997\nline-9998\n");
}

static void kills_it_with_its_children_after_the_bound(void **state)
{
    (void)state;
    struct run run;
    assert_int_equal(
        begin(&run, "sh -c 'echo $$; exec sleep 100' & echo $$; wait", SLICE_EMPTY, 300, NULL), OK);
    finish(&run);
    print_message("%s\n", run.output);
    assert_int_equal(run.status, PROGRAM_TIMED_OUT);
    int first = 0, second = 0;
    assert_int_equal(sscanf(run.output, "%d\n%d", &first, &second), 2);
    for (int i = 0; i < 500 && (kill(first, 0) == 0 || kill(second, 0) == 0); i++)
        loop_turn(loop, 10); /* init reaps the orphan */
    char state_of[64];
    snprintf(state_of, sizeof(state_of), "/proc/%d/cmdline", first);
    FILE *cmdline = fopen(state_of, "r");
    assert_true(!cmdline || fgetc(cmdline) == EOF); /* gone, or a zombie */
    if (cmdline)
        fclose(cmdline);
}

static void tells_what_does_not_start(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int r;
    } rows[] = {{"/nonexistent/hook", ERR_NOT_FOUND}, {"/etc/passwd", ERR_PERM}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault f = {0};
        struct run run = {0};
        char path[64];
        snprintf(path, sizeof(path), "%s", rows[i].path);
        char *const argv[] = {path, NULL};
        const struct program_spec s = {.argv = argv, .timeout_ms = 1000};
        assert_int_equal(program_start(loop, &s, on_done, &run, &run.p, &f), rows[i].r);
        print_message("%s\n", f.what);
        assert_non_null(strstr(f.what, rows[i].path));
        loop_turn(loop, 0);
        assert_int_equal(run.done, 0);
    }
}

/* A process that reaps everything may be faster than the loop. */
static void is_told_by_who_reaps_all(void **state)
{
    (void)state;
    struct run run;
    struct proc_exit e;
    assert_int_equal(begin(&run, "echo hello; exit 5", SLICE_EMPTY, 20000, NULL), OK);
    siginfo_t info;
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    assert_true(proc_reap(&e));
    e.pid++;
    assert_false(program_reaped(run.p, &e));
    e.pid--;
    assert_true(program_reaped(run.p, &e));
    assert_false(program_reaped(run.p, &e));
    finish(&run);
    assert_int_equal(run.status, 5);
    assert_string_equal(run.output, "hello\n");
}

static void ends_when_freed(void **state)
{
    (void)state;
    struct run run;
    siginfo_t info;
    assert_int_equal(begin(&run, "sleep 100", SLICE_EMPTY, 200000, NULL), OK);
    program_free(run.p);
    /* Killed: reaped already, or to be reaped now. */
    if (waitid(P_ALL, 0, &info, WEXITED) == 0) {
        print_message("signal %d\n", info.si_status);
        assert_int_equal(info.si_code, CLD_KILLED);
        assert_int_equal(info.si_status, SIGKILL);
    }
    assert_int_equal(run.done, 0);
}

static int set_up(void **state)
{
    (void)state;
    return loop_new(&loop, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_to_the_end),
        cmocka_unit_test(keeps_the_tail_of_its_output),
        cmocka_unit_test(kills_it_with_its_children_after_the_bound),
        cmocka_unit_test(tells_what_does_not_start),
        cmocka_unit_test(is_told_by_who_reaps_all),
        cmocka_unit_test(ends_when_freed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
