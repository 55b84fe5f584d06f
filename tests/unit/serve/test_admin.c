/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The admin socket from both sides: long answers, late answers, clients that are gone, slow, many,
 * or no HTTP at all. */
#include "serve/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#define LONG_BYTES (8u * 1024 * 1024)

struct rig {
    char dir[64], path[96];
    struct loop *loop;
    struct admin *admin;
    struct admin_call *late; /* not answered yet */
    unsigned calls, gone;
    enum admin_verb verb;
    bool hold;
    struct buf big;
};

static void on_call(void *ctx, struct admin_call *call, enum admin_verb verb, struct slice body)
{
    struct rig *g = ctx;
    g->calls++;
    g->verb = verb;
    if (verb == ADMIN_CERT) {
        g->late = call;
        admin_stream_begin(call, "application/x-ndjson");
        admin_stream(call, SLICE("{\"asked\":"));
        admin_stream(call, body);
        admin_stream(call, SLICE("}\n"));
        return;
    }
    if (g->hold)
        g->late = call;
    else if (verb == ADMIN_STATUS)
        admin_answer(call, 200, "application/json", buf_slice(&g->big));
    else
        admin_say(call, 422, "no \"such\"\nthing");
}

static void on_gone(void *ctx, struct admin_call *call)
{
    struct rig *g = ctx;
    g->gone++;
    g->late = NULL;
    admin_stream_end(call);
}

static int make(void **state)
{
    static const struct admin_ops ops = {on_call, on_gone};
    struct rig *g = calloc(1, sizeof(*g));
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-admin-XXXXXX");
    *state = g;
    if (!mkdtemp(g->dir))
        return -1;
    snprintf(g->path, sizeof(g->path), "%s/s", g->dir);
    buf_init(&g->big, LONG_BYTES);
    assert_int_equal(loop_new(&g->loop, NULL), OK);
    return admin_open(g->loop, g->path, &ops, g, &g->admin, NULL);
}

static int unmake(void **state)
{
    struct rig *g = *state;
    admin_close(g->admin, true);
    loop_free(g->loop);
    buf_done(&g->big);
    assert_int_not_equal(access(g->path, F_OK), 0);
    rmdir(g->dir);
    free(g);
    return 0;
}

static void turn(struct rig *g)
{
    for (int i = 0; i < 20; i++)
        loop_turn(g->loop, 0);
}

static int client(const struct rig *g)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", g->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What waits to be read, NUL-ended; -1 when the other side has ended it. */
static ssize_t hear(int fd, char *dst, size_t cap)
{
    ssize_t n = recv(fd, dst, cap - 1, MSG_DONTWAIT);
    dst[n > 0 ? n : 0] = 0;
    return n;
}

static void only_the_owner_may_use_it(void **state)
{
    struct rig *g = *state;
    struct stat st;
    assert_int_equal(stat(g->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_long_answer_arrives_whole(void **state)
{
    struct rig *g = *state;
    uint8_t *p;
    assert_int_equal(buf_reserve(&g->big, LONG_BYTES, &p), OK);
    memset(p, 'x', LONG_BYTES);
    buf_commit(&g->big, LONG_BYTES);
    int fd = client(g);
    say(fd, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
    turn(g); /* the client does not read yet */
    size_t total = 0;
    char part[65536];
    ssize_t n;
    for (int idle = 0; idle < 1000; idle++) {
        while ((n = recv(fd, part, sizeof(part), MSG_DONTWAIT)) > 0) {
            total += (size_t)n;
            idle = 0;
        }
        if (n == 0)
            break;
        loop_turn(g->loop, 0);
    }
    assert_int_equal(n, 0);
    assert_true(total > LONG_BYTES && total < LONG_BYTES + 300);
    close(fd);
}

static void both_sides(void **state)
{
    struct rig *g = *state;
    pid_t pid = fork();
    if (pid == 0) {
        struct buf b;
        uint16_t status = 0;
        buf_init(&b, 65536);
        int r = admin_request(g->path, ADMIN_RELOAD, 5000, &status, &b, NULL);
        static const char want[] = "{\"ok\":false,\"message\":\"no \\\"such\\\"\\nthing\"}";
        _exit(r ? 1 : status != 422 ? 2 : !slice_eq(buf_slice(&b), slice_cstr(want)) ? 3 : 0);
    }
    int status = -1;
    while (waitpid(pid, &status, WNOHANG) == 0)
        loop_turn(g->loop, 5);
    assert_int_equal(status, 0);
    assert_int_equal(g->verb, ADMIN_RELOAD);
}

static void count_line(void *ctx, struct slice line)
{
    unsigned *lines = ctx;
    static const char *const want[] = {"{\"asked\":{\"do\":\"renew\"}}", "{\"ok\":true}"};
    if (*lines < ARRAY_LEN(want) && slice_eq(line, slice_cstr(want[*lines])))
        ++*lines;
}

/* Line by line, while the answer is still being made. */
static void an_order_is_answered_by_lines(void **state)
{
    struct rig *g = *state;
    pid_t pid = fork();
    if (pid == 0) {
        unsigned lines = 0;
        int r = admin_order(g->path, SLICE("{\"do\":\"renew\"}"), 5000, count_line, &lines, NULL);
        _exit(r ? 1 : lines != 2 ? 2 : 0);
    }
    int status = -1;
    while (!g->late)
        loop_turn(g->loop, 5);
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    admin_stream(g->late, SLICE("{\"ok\":true}\n"));
    admin_stream_end(g->late);
    while (waitpid(pid, &status, WNOHANG) == 0)
        loop_turn(g->loop, 5);
    assert_int_equal(status, 0);
    assert_int_equal(g->verb, ADMIN_CERT);
    assert_int_equal(g->gone, 0);
}

static void an_order_waits_for_its_body(void **state)
{
    struct rig *g = *state;
    char text[512];
    int fd = client(g);
    say(fd, "POST /cert HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{\"a");
    turn(g);
    assert_null(g->late);
    say(fd, "}");
    turn(g);
    assert_non_null(g->late);
    assert_true(hear(fd, text, sizeof(text)) > 0);
    assert_non_null(strstr(text, "\r\n\r\n{\"asked\":{\"a}}\n"));
    close(fd);
    turn(g);
    assert_int_equal(g->gone, 1); /* whoever makes the answer is told */
    fd = client(g);
    say(fd, "POST /cert HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n");
    turn(g);
    assert_true(hear(fd, text, sizeof(text)) > 0);
    assert_non_null(strstr(text, "HTTP/1.1 413 "));
    close(fd);
}

static void nobody_there(void **state)
{
    struct fault f = {0};
    uint16_t status;
    struct buf b;
    (void)state;
    buf_init(&b, 100);
    assert_int_equal(admin_request("/nonexistent/s", ADMIN_STATUS, 100, &status, &b, &f),
                     ERR_NOT_FOUND);
    assert_true(f.next[0]);
}

/* The engine answers a call whose client has gone: into nothing, once. */
static void the_client_goes_before_the_answer(void **state)
{
    struct rig *g = *state;
    g->hold = true;
    int fd = client(g);
    say(fd, "POST /reload HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(g);
    assert_non_null(g->late);
    close(fd);
    turn(g);
    admin_say(g->late, 200, "late");
    turn(g);
    assert_int_equal(g->calls, 1);
}

static void the_socket_is_closed_before_the_answer(void **state)
{
    static const struct admin_ops ops = {on_call, on_gone};
    struct rig *g = *state;
    g->hold = true;
    int fd = client(g);
    say(fd, "POST /reload HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(g);
    admin_close(g->admin, true);
    admin_say(g->late, 200, "late");
    turn(g);
    close(fd);
    assert_int_equal(admin_open(g->loop, g->path, &ops, g, &g->admin, NULL), OK);
}

static void strange_requests(void **state)
{
    struct rig *g = *state;
    static char flood[20000];
    memset(flood, 'a', sizeof(flood) - 1);
    const struct {
        const char *text, *status;
    } rows[] = {
        {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404"},
        {"POST /status HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405"},
        {"GET /stop HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405"},
        {"\x16\x03\x01\r\n\r\n", "HTTP/1.1 400"},
        {"POST /stop\r\n\r\n", "HTTP/1.1 400"},
        {flood, "HTTP/1.1 400"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[512];
        int fd = client(g);
        say(fd, rows[i].text);
        turn(g);
        hear(fd, got, sizeof(got));
        if (strncmp(got, rows[i].status, strlen(rows[i].status)) != 0)
            fail_msg("row %zu: want %s, got %s", i, rows[i].status, got);
        close(fd);
    }
    turn(g);
    assert_int_equal(g->calls, 0);
}

/* A hundred that say nothing: the first hold their places, the others are shut out, and when they
 * go the next is heard. */
static void many(void **state)
{
    struct rig *g = *state;
    int fds[100];
    char got[16];
    size_t shut = 0;
    for (size_t i = 0; i < 100; i++) {
        fds[i] = client(g);
        loop_turn(g->loop, 0);
    }
    for (int i = 0; i < 200; i++)
        loop_turn(g->loop, 0);
    for (size_t i = 0; i < 100; i++)
        shut += hear(fds[i], got, sizeof(got)) == 0;
    assert_int_equal(shut, 68);
    for (size_t i = 0; i < 100; i++)
        close(fds[i]);
    for (int i = 0; i < 10; i++)
        turn(g);
    int fd = client(g);
    say(fd, "POST /reopen HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(g);
    assert_int_equal(g->calls, 1);
    close(fd);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* No descriptor is left: the caller waits, the loop sleeps meanwhile, and the caller is heard once
 * there is one again. */
static void out_of_descriptors(void **state)
{
    struct rig *g = *state;
    struct rlimit was, low;
    int fd = client(g);
    say(fd, "POST /reopen HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    low = was;
    low.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    unsigned turns = 0;
    double cpu_s = cpu_seconds();
    for (time_t end = time(NULL) + 2; time(NULL) < end && turns < 1000; turns++)
        loop_turn(g->loop, 50);
    cpu_s = cpu_seconds() - cpu_s;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    if (turns > 200 || cpu_s > 0.5)
        fail_msg("the loop spins: %u turns, %.3f s of processor time", turns, cpu_s);
    assert_int_equal(g->calls, 0);
    for (int i = 0; i < 100 && g->calls == 0; i++)
        loop_turn(g->loop, 20);
    assert_int_equal(g->calls, 1);
    close(fd);
}

static void byte_by_byte(void **state)
{
    struct rig *g = *state;
    const char *text = "POST /upgrade HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = client(g);
    for (; *text; text++) {
        char one[2] = {*text, 0};
        say(fd, one);
        loop_turn(g->loop, 0);
    }
    turn(g);
    assert_int_equal(g->calls, 1);
    assert_int_equal(g->verb, ADMIN_UPGRADE);
    close(fd);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)
    const struct CMUnitTest tests[] = {
        CASE(only_the_owner_may_use_it),
        CASE(a_long_answer_arrives_whole),
        CASE(both_sides),
        CASE(an_order_is_answered_by_lines),
        CASE(an_order_waits_for_its_body),
        cmocka_unit_test(nobody_there),
        CASE(the_client_goes_before_the_answer),
        CASE(the_socket_is_closed_before_the_answer),
        CASE(strange_requests),
        CASE(many),
        CASE(byte_by_byte),
        CASE(out_of_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
