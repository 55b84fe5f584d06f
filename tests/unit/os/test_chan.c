/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Channels: messages with descriptors, blobs, a full socket, an end in a callback, a peer that
 * lies. */
#include "os/chan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "os/file.h"

struct end {
    struct chan chan;
    unsigned messages, closed;
    uint16_t type;
    struct buf payload; /* of the last message */
    size_t nfds;
    int kept; /* first descriptor of the last message, when keep is set */
    bool keep, ends, numbered;
};

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct end *e = container_of(c, struct end, chan);
    if (e->numbered) {
        assert_memory_equal(payload.p, &e->messages, sizeof(e->messages));
        assert_int_equal(nfds, 1);
    }
    e->messages++;
    e->type = type;
    e->nfds = nfds;
    buf_done(&e->payload);
    assert_int_equal(buf_add(&e->payload, payload), OK);
    if (e->keep && nfds) {
        e->kept = fds[0];
        fds[0] = -1;
    }
    if (e->ends)
        chan_done(c);
}

static void on_closed(struct chan *c)
{
    container_of(c, struct end, chan)->closed++;
}

struct bench {
    struct loop *loop;
    struct end a, b;
    size_t open_before;
};

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

static void end_init(struct end *e, struct loop *l, int fd)
{
    *e = (struct end){.chan = {.on_message = on_message, .on_closed = on_closed}, .kept = -1};
    buf_init(&e->payload, 1u << 24);
    assert_int_equal(chan_init(&e->chan, l, fd), OK);
}

static void start(struct bench *t)
{
    int fds[2];
    struct fault f = {0};
    t->open_before = open_fds();
    assert_int_equal(loop_new(&t->loop, &f), OK);
    assert_int_equal(chan_pair(fds), OK);
    end_init(&t->a, t->loop, fds[0]);
    end_init(&t->b, t->loop, fds[1]);
    loop_turn(t->loop, 0);
}

static void finish(struct bench *t)
{
    chan_done(&t->a.chan);
    chan_done(&t->b.chan);
    chan_done(&t->b.chan);
    buf_done(&t->a.payload);
    buf_done(&t->b.payload);
    loop_free(t->loop);
    assert_int_equal(open_fds(), t->open_before); /* nothing leaked */
}

static void wait_for(struct bench *t, const unsigned *counter, unsigned n)
{
    while (*counter < n)
        loop_turn(t->loop, -1);
}

static void assert_payload(const struct end *e, struct slice want)
{
    struct slice have = buf_slice(&e->payload);
    assert_int_equal(have.n, want.n);
    if (want.n)
        assert_memory_equal(have.p, want.p, want.n);
}

static void messages_keep_borders(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    assert_int_equal(chan_send(&t.a.chan, 1, SLICE("one"), NULL, 0), OK);
    assert_int_equal(chan_send(&t.a.chan, 2, SLICE_EMPTY, NULL, 0), OK);
    assert_int_equal(chan_send(&t.b.chan, 3, SLICE("back"), NULL, 0), OK);
    wait_for(&t, &t.b.messages, 2);
    assert_int_equal(t.b.type, 2);
    assert_payload(&t.b, SLICE_EMPTY);
    wait_for(&t, &t.a.messages, 1);
    assert_int_equal(t.a.type, 3);
    assert_payload(&t.a, SLICE("back"));
    static uint8_t big[CHAN_MESSAGE_MAX + 1];
    memset(big, 'b', sizeof(big));
    assert_int_equal(chan_send(&t.a.chan, 4, slice_of(big, sizeof(big)), NULL, 0), ERR_CAP);
    assert_int_equal(chan_send(&t.a.chan, 4, slice_of(big, CHAN_MESSAGE_MAX), NULL, 0), OK);
    wait_for(&t, &t.b.messages, 3);
    assert_payload(&t.b, slice_of(big, CHAN_MESSAGE_MAX));
    finish(&t);
}

static void descriptors(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    int fds[CHAN_FDS_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = 0;
    int memfd;
    assert_int_equal(file_memfd(SLICE("secret"), &memfd), OK);
    fds[0] = memfd;
    t.b.keep = true;
    assert_int_equal(chan_send(&t.a.chan, 1, SLICE("x"), fds, CHAN_FDS_MAX + 1), ERR_CAP);
    assert_int_equal(chan_send(&t.a.chan, 1, SLICE("x"), fds, CHAN_FDS_MAX), OK);
    close(memfd);
    wait_for(&t, &t.b.messages, 1);
    assert_int_equal(t.b.nfds, CHAN_FDS_MAX);
    assert_int_equal(fcntl(t.b.kept, F_GETFD), FD_CLOEXEC);
    buf_done(&t.b.payload);
    assert_int_equal(file_read_fd(t.b.kept, 100, &t.b.payload), OK);
    assert_payload(&t.b, SLICE("secret"));
    close(t.b.kept);
    finish(&t); /* the other fifteen were closed */
}

static void no_descriptors_left(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    int two[2] = {0, 0};
    assert_int_equal(chan_send(&t.a.chan, 1, SLICE("x"), two, 2), OK);
    int probe = dup(0);
    close(probe);
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){.rlim_cur = (rlim_t)probe + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    wait_for(&t, &t.b.messages, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(t.b.nfds, 0); /* one fitted: it was closed, not handed over as the first */
    assert_payload(&t.b, SLICE("x"));
    finish(&t);
}

static void blobs(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    static uint8_t big[3000000];
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 31 + i / 997);
    assert_int_equal(chan_send_blob(&t.a.chan, 9, slice_of(big, sizeof(big))), OK);
    assert_int_equal(chan_send_blob(&t.a.chan, 10, SLICE_EMPTY), OK);
    wait_for(&t, &t.b.messages, 1);
    wait_for(&t, &t.b.messages, 2);
    assert_int_equal(t.b.type, 10);
    assert_payload(&t.b, SLICE_EMPTY);
    assert_int_equal(chan_send_blob(&t.a.chan, 11, slice_of(big, sizeof(big))), OK);
    wait_for(&t, &t.b.messages, 3);
    assert_payload(&t.b, slice_of(big, sizeof(big)));
    assert_int_equal(t.b.nfds, 0);
    finish(&t);
}

/* Nobody reads: messages queue in order up to the cap, with their descriptors. */
static void full_socket(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    static uint8_t block[40000];
    int r, zero = 0;
    unsigned sent = 0;
    do {
        memcpy(block, &sent, sizeof(sent));
        r = chan_send(&t.a.chan, 5, slice_of(block, sizeof(block)), &zero, 1);
        sent += r == OK;
    } while (!r);
    assert_int_equal(r, ERR_CAP);
    assert_false(chan_idle(&t.a.chan));
    assert_true(sent > 100);
    t.b.numbered = true; /* on_message checks the order */
    wait_for(&t, &t.b.messages, sent);
    assert_int_equal(t.b.messages, sent);
    assert_true(chan_idle(&t.a.chan));
    assert_int_equal(chan_drain(&t.a.chan, 0), OK);
    finish(&t);
}

static void drain_times_out(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    static uint8_t block[40000];
    while (chan_idle(&t.a.chan))
        assert_int_equal(chan_send(&t.a.chan, 5, slice_of(block, sizeof(block)), NULL, 0), OK);
    assert_int_equal(chan_drain(&t.a.chan, 1), ERR_TIMEOUT);
    finish(&t);
}

static void end_of_peer(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    assert_int_equal(chan_send(&t.a.chan, 1, SLICE("last words"), NULL, 0), OK);
    chan_done(&t.a.chan);
    assert_int_equal(chan_send(&t.a.chan, 1, SLICE("x"), NULL, 0), ERR_RESET);
    wait_for(&t, &t.b.closed, 1);
    assert_payload(&t.b, SLICE("last words"));
    assert_int_equal(t.b.closed, 1);
    assert_int_equal(t.b.chan.io.fd, -1);
    assert_int_equal(t.a.closed, 0); /* who ends it knows */
    finish(&t);
}

static void end_in_callback(void **state)
{
    (void)state;
    struct bench t;
    start(&t);
    t.b.ends = true;
    assert_int_equal(chan_send(&t.a.chan, 1, SLICE("one"), NULL, 0), OK);
    assert_int_equal(chan_send(&t.a.chan, 1, SLICE("two"), NULL, 0), OK);
    wait_for(&t, &t.b.messages, 1);
    loop_turn(t.loop, 0);
    assert_int_equal(t.b.messages, 1);
    assert_int_equal(t.b.closed, 0);
    wait_for(&t, &t.a.closed, 1);
    finish(&t);
}

/* What a taken-over worker might send; each must end the channel. */
struct lie {
    const char *what;
    uint16_t head[2];
    size_t head_bytes;
    bool memfd, sealed, zero;
};

static const struct lie lies[] = {
    {"shorter than a head", {1, 0}, 3, false, false, false},
    {"blob without a descriptor", {1, 1}, 4, false, false, false},
    {"blob that can still be cut", {1, 1}, 4, true, false, false},
    {"blob that is no memory file", {1, 1}, 4, false, false, true},
};

static void lying_peer(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        const struct lie *lie = &lies[i];
        struct bench t;
        start(&t);
        uint16_t head[2] = {lie->head[0], lie->head[1]};
        struct iovec part = {head, lie->head_bytes};
        struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
        union {
            struct cmsghdr h;
            uint8_t bytes[CMSG_SPACE(sizeof(int))];
        } control = {.bytes = {0}};
        int fd = lie->memfd  ? memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                 : lie->zero ? open("/dev/zero", O_RDONLY | O_CLOEXEC)
                             : -1;
        if (fd >= 0) {
            assert_int_equal(lie->memfd ? ftruncate(fd, 4096) : 0, 0);
            m.msg_control = &control;
            m.msg_controllen = sizeof(control);
            control.h.cmsg_level = SOL_SOCKET;
            control.h.cmsg_type = SCM_RIGHTS;
            control.h.cmsg_len = CMSG_LEN(sizeof(int));
            memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
        }
        assert_int_equal(sendmsg(t.a.chan.io.fd, &m, 0), lie->head_bytes);
        if (fd >= 0)
            close(fd);
        print_message("%s\n", lie->what);
        wait_for(&t, &t.b.closed, 1);
        assert_int_equal(t.b.messages, 0);
        finish(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_keep_borders),
        cmocka_unit_test(descriptors),
        cmocka_unit_test(no_descriptors_left),
        cmocka_unit_test(blobs),
        cmocka_unit_test(full_socket),
        cmocka_unit_test(drain_times_out),
        cmocka_unit_test(end_of_peer),
        cmocka_unit_test(end_in_callback),
        cmocka_unit_test(lying_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
