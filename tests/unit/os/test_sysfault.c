/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Each scenario is rerun with its k-th system call failing in each way: whatever happens, no
 * descriptor leaks, nothing hangs, and what was reported as done is done. Assertion builds only. */
#include "os/sysfault.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "os/chan.h"
#include "os/file.h"
#include "os/file_log.h"
#include "os/link.h"
#include "os/sock.h"

#if defined(PORT443_ASSERT)

static size_t open_fds(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void ready(struct link *k)
{
    (void)k;
}

/* 100 bytes from one link to another. An injected EAGAIN has no edge behind it: then the bytes may
 * stay where they are, but not come twice or wrong. */
static void over_links(void)
{
    struct loop *l;
    struct fault f = {0};
    int fds[2];
    struct link a, b;
    uint8_t sent[100];
    memset(sent, 's', sizeof(sent));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(loop_new(&l, &f), OK);
    assert_int_equal(link_open(&a, l, fds[0], ready), OK);
    assert_int_equal(link_open(&b, l, fds[1], ready), OK);
    assert_int_equal(link_write(&a, slice_of(sent, sizeof(sent))), OK);
    int r = link_flush(&a);
    for (int i = 0; i < 4; i++) {
        loop_turn(l, 0);
        while (link_fill(&b) == OK)
            ;
    }
    struct slice got = link_input(&b);
    assert_true(got.n <= sizeof(sent));
    if (got.n)
        assert_memory_equal(got.p, sent, got.n);
    if (!sysfault_fired())
        assert_true(r == OK && got.n == sizeof(sent));
    link_close(&a, false);
    link_close(&b, false);
    loop_free(l);
}

static void over_sockets(void)
{
    struct sock_addr a;
    struct fault f = {0};
    int listener = -1, client = -1, fd = -1;
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:0"), &a), OK);
    int r = sock_listen(&a, false, 4, &listener, &f);
    if (!r)
        r = sock_local_addr(listener, &a);
    if (!r)
        r = sock_connect(&a, &client);
    for (int i = 0; !r && i < 10000; i++)
        if ((r = sock_accept(listener, &fd, NULL, NULL)) == ERR_AGAIN)
            r = OK;
        else
            break;
    if (!sysfault_fired())
        assert_int_equal(r, OK);
    assert_true(r == OK || r == ERR_CAP || r == ERR_SYS || r == ERR_RESET);
    sock_close(fd);
    sock_close(client);
    sock_close(listener);
}

static void over_files(void)
{
    struct fault f = {0};
    struct buf b;
    struct file_info info;
    int root, fd;
    buf_init(&b, 1000);
    assert_int_equal(file_unlink(FILE_CWD, "f"), OK);
    bool written = file_write_atomic(FILE_CWD, "f", SLICE("contents"), 0600, &f) == OK;
    int r = file_read("f", 100, &b, &f);
    if (!sysfault_fired())
        assert_true(written && r == OK);
    if (written && r == OK) {
        assert_int_equal(b.n, 8);
        assert_memory_equal(buf_slice(&b).p, "contents", 8);
    }
    if (!written)
        assert_true(b.n == 0 || b.n == 8); /* all or nothing */
    assert_int_equal(file_open_root(".", &root, &f), OK);
    if (file_open_beneath(root, "f", &fd, &info) == OK)
        file_close(fd);
    file_close(root);
    buf_done(&b);
}

static void over_logs(void)
{
    struct fault f = {0};
    struct file_log log;
    size_t n = 0;
    assert_int_equal(file_log_open(&log, "f", 0600, &f), OK);
    int r = file_log_write(&log, SLICE("line\n"), &n);
    assert_int_equal(r == OK, n == 5);
    file_log_done(&log);
}

struct end {
    struct chan chan;
    unsigned messages;
};

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    (void)fds;
    assert_int_equal(type, 1);
    assert_int_equal(payload.n, 4);
    assert_true(nfds <= 1);
    container_of(c, struct end, chan)->messages++;
}

static void on_closed(struct chan *c)
{
    (void)c;
}

static void over_channels(void)
{
    struct loop *l;
    struct fault f = {0};
    int fds[2], zero = 0;
    struct end a = {.chan = {.on_message = on_message, .on_closed = on_closed}}, b = a;
    assert_int_equal(loop_new(&l, &f), OK);
    assert_int_equal(chan_pair(fds), OK);
    assert_int_equal(chan_init(&a.chan, l, fds[0]), OK);
    assert_int_equal(chan_init(&b.chan, l, fds[1]), OK);
    bool sent = chan_send(&a.chan, 1, SLICE("text"), &zero, 1) == OK;
    if (chan_send_blob(&a.chan, 1, SLICE("blob")))
        sent = false;
    for (int i = 0; i < 6; i++)
        loop_turn(l, 0);
    assert_true(b.messages <= 2);
    if (!sysfault_fired())
        assert_true(sent && b.messages == 2);
    chan_done(&a.chan);
    chan_done(&b.chan);
    loop_free(l);
}

static void (*const scenarios[])(void) = {over_links, over_sockets, over_files, over_logs,
                                          over_channels};

static void sweep(void **state)
{
    (void)state;
    char dir[] = "/tmp/port443-fault-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        scenarios[i]();
        for (int kind = SYSFAULT_EINTR; kind <= SYSFAULT_SHORT; kind++) {
            uint64_t k = 0;
            do {
                size_t before = open_fds();
                sysfault_at(++k, (enum sysfault_kind)kind);
                scenarios[i]();
                assert_int_equal(open_fds(), before);
            } while (sysfault_fired());
            print_message("scenario %d kind %d: %d calls\n", (int)i, kind, (int)k - 1);
            assert_true(k > 1);
        }
        sysfault_at(0, SYSFAULT_EINTR);
    }
    unlink("f");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(dir), 0); /* no temporary was left */
}

#else

static void sweep(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sweep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
