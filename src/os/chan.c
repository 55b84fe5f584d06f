/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* SOCK_SEQPACKET: one sendmsg is one message. Edge-triggered as links are; a bounded number of
 * messages per wake. */
#include "os/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/sysfault.h"

#define MESSAGES_PER_WAKE 16
#define FLAG_BLOB         1u

struct head {
    uint16_t type;
    uint16_t flags;
};

/* Unsent message: head and payload in one block behind it. */
struct unsent {
    struct list node;
    size_t bytes, nfds;
    int fds[CHAN_FDS_MAX];
    uint8_t message[];
};

union control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(int) * CHAN_FDS_MAX)];
};

/* Of the message in progress; handlers do not read channels, so all of the process share it. */
static _Alignas(8) uint8_t received[sizeof(struct head) + CHAN_MESSAGE_MAX];

int chan_pair(int ret_fds[2])
{
    int type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;
    return socketpair(AF_UNIX, type, 0, ret_fds) ? ERR_SYS : OK;
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file_close(fds[i]);
}

static void drop_unsent(struct chan *c, struct unsent *u)
{
    list_remove(&u->node);
    c->queued_bytes -= u->bytes;
    close_all(u->fds, u->nfds);
    mem_free(u);
}

void chan_done(struct chan *c)
{
    if (c->io.fd < 0)
        return;
    if (c->gone)
        *c->gone = true;
    c->gone = NULL;
    while (!list_empty(&c->queue))
        drop_unsent(c, container_of(c->queue.next, struct unsent, node));
    loop_task_cancel(&c->more);
    loop_remove(c->loop, &c->io);
    file_close(c->io.fd);
    c->io.fd = -1;
}

static void closed(struct chan *c)
{
    chan_done(c);
    c->on_closed(c);
}

static int send_now(int fd, struct slice message, const int *fds, size_t nfds)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)message.p, .iov_len = message.n};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    if (nfds) {
        memset(&control, 0, sizeof(control));
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        struct cmsghdr *h = &control.align;
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
        memcpy(CMSG_DATA(h), fds, sizeof(int) * nfds);
    }
    ssize_t n;
    do {
        n = sysfault_hit(NULL) ? -1 : sendmsg(fd, &m, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return OK;
    switch (errno) {
    case EAGAIN:
    case ENOBUFS:
    case ETOOMANYREFS: /* too many descriptors in flight: the peer has to take some first */
        return ERR_AGAIN;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_RESET;
    }
}

static int enqueue(struct chan *c, const struct head *head, struct slice payload, const int *fds,
                   size_t nfds)
{
    size_t bytes = sizeof(*head) + payload.n;
    if (c->queued_bytes + bytes > CHAN_QUEUE_BYTES)
        return ERR_CAP;
    struct unsent *u = mem_alloc(sizeof(*u) + bytes);
    if (!u)
        return ERR_NOMEM;
    u->bytes = bytes;
    memcpy(u->message, head, sizeof(*head));
    if (payload.n)
        memcpy(u->message + sizeof(*head), payload.p, payload.n);
    for (; u->nfds < nfds; u->nfds++) {
        u->fds[u->nfds] = fcntl(fds[u->nfds], F_DUPFD_CLOEXEC, 0);
        if (u->fds[u->nfds] < 0) {
            close_all(u->fds, u->nfds);
            mem_free(u);
            return ERR_CAP;
        }
    }
    list_push(&c->queue, &u->node);
    c->queued_bytes += bytes;
    return OK;
}

static int send_message(struct chan *c, struct head head, struct slice payload, const int *fds,
                        size_t nfds)
{
    if (c->io.fd < 0)
        return ERR_RESET;
    if (payload.n > CHAN_MESSAGE_MAX || nfds > CHAN_FDS_MAX)
        return ERR_CAP;
    if (list_empty(&c->queue)) {
        static uint8_t message[sizeof(struct head) + CHAN_MESSAGE_MAX];
        memcpy(message, &head, sizeof(head));
        if (payload.n)
            memcpy(message + sizeof(head), payload.p, payload.n);
        int r = send_now(c->io.fd, slice_of(message, sizeof(head) + payload.n), fds, nfds);
        if (r != ERR_AGAIN)
            return r;
    }
    return enqueue(c, &head, payload, fds, nfds);
}

int chan_send(struct chan *c, uint16_t type, struct slice payload, const int *fds, size_t nfds)
{
    return send_message(c, (struct head){.type = type}, payload, fds, nfds);
}

int chan_send_blob(struct chan *c, uint16_t type, struct slice payload)
{
    int fd;
    if (payload.n > CHAN_BLOB_MAX)
        return ERR_CAP;
    int r = file_memfd(payload, &fd);
    if (r)
        return r;
    r = send_message(c, (struct head){.type = type, .flags = FLAG_BLOB}, SLICE_EMPTY, &fd, 1);
    file_close(fd);
    return r;
}

static int flush(struct chan *c)
{
    while (!list_empty(&c->queue)) {
        struct unsent *u = container_of(c->queue.next, struct unsent, node);
        int r = send_now(c->io.fd, slice_of(u->message, u->bytes), u->fds, u->nfds);
        if (r)
            return r;
        drop_unsent(c, u);
    }
    return OK;
}

int chan_drain(struct chan *c, int timeout_ms)
{
    uint64_t until = clock_now_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
    int r = ERR_RESET;
    while (c->io.fd >= 0 && (r = flush(c)) == ERR_AGAIN) {
        uint64_t now = clock_now_ms();
        if (now >= until)
            return ERR_TIMEOUT;
        struct pollfd p = {.fd = c->io.fd, .events = POLLOUT};
        poll(&p, 1, (int)(until - now));
    }
    return r;
}

/* False when the descriptor is not what chan_send_blob sends: without the seals the sender could
 * cut the file while it is mapped, and the receiver would die of SIGBUS. */
static bool map_blob(int fd, struct slice *ret)
{
    struct stat st;
    int need = F_SEAL_SHRINK | F_SEAL_WRITE, have = fcntl(fd, F_GET_SEALS);
    if (have < 0 || (have & need) != need || fstat(fd, &st) || st.st_size < 0 ||
        (uint64_t)st.st_size > CHAN_BLOB_MAX)
        return false;
    size_t n = (size_t)st.st_size;
    if (n == 0) {
        *ret = SLICE_EMPTY;
        return true;
    }
    void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return false;
    *ret = slice_of(p, n);
    return true;
}

/* False when the channel is gone afterwards. */
static bool dispatch(struct chan *c, size_t n, int *fds, size_t nfds)
{
    struct head head;
    struct slice payload = slice_of(received + sizeof(head), n - sizeof(head)), blob = SLICE_EMPTY;
    bool gone = false;
    memcpy(&head, received, sizeof(head));
    if (head.flags & FLAG_BLOB) {
        if (nfds != 1 || payload.n || !map_blob(fds[0], &blob)) {
            close_all(fds, nfds);
            closed(c);
            return false;
        }
        close_all(fds, 1);
        payload = blob;
        nfds = 0;
    }
    c->gone = &gone;
    c->on_message(c, head.type, payload, fds, nfds);
    if (blob.n)
        munmap((void *)(uintptr_t)blob.p, blob.n);
    close_all(fds, nfds);
    if (gone)
        return false;
    c->gone = NULL;
    return true;
}

static size_t take_fds(struct msghdr *m, int *fds)
{
    size_t count = 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
            if (count < CHAN_FDS_MAX)
                fds[count++] = fd;
            else
                file_close(fd);
        }
    }
    if (m->msg_flags & MSG_CTRUNC) {
        close_all(fds, count); /* some are missing: the handler shall see that, not guess which */
        count = 0;
    }
    return count;
}

/* One message. ERR_AGAIN: none waits. ERR_RESET: the channel is gone. */
static int receive(struct chan *c)
{
    struct iovec part = {.iov_base = received, .iov_len = sizeof(received)};
    union control control;
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    ssize_t n;
    do {
        n = sysfault_hit(NULL) ? -1 : recvmsg(c->io.fd, &m, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return ERR_AGAIN;
    int fds[CHAN_FDS_MAX];
    size_t nfds = n < 0 ? 0 : take_fds(&m, fds);
    if (n < (ssize_t)sizeof(struct head) || m.msg_flags & MSG_TRUNC) {
        close_all(fds, nfds);
        closed(c);
        return ERR_RESET;
    }
    return dispatch(c, (size_t)n, fds, nfds) ? OK : ERR_RESET;
}

void chan_last_words(struct chan *c)
{
    while (c->io.fd >= 0 && !receive(c))
        ;
}

static void receive_some(struct chan *c)
{
    for (int i = 0; i < MESSAGES_PER_WAKE; i++)
        if (receive(c))
            return;
    loop_defer(c->loop, &c->more);
}

static void on_more(struct loop_task *t)
{
    receive_some(container_of(t, struct chan, more));
}

static void on_edge(struct loop_io *io, uint32_t events)
{
    struct chan *c = container_of(io, struct chan, io);
    /* A send error shows as the end of the stream below, behind what the peer sent before it. */
    if (events & LOOP_WRITE && flush(c) == ERR_RESET)
        events |= LOOP_READ;
    if (events & LOOP_READ)
        receive_some(c);
}

int chan_init(struct chan *c, struct loop *l, int fd)
{
    c->io = (struct loop_io){.fd = fd, .on_ready = on_edge};
    c->loop = l;
    c->queued_bytes = 0;
    c->gone = NULL;
    list_init(&c->queue);
    loop_task_init(&c->more, on_more);
    int r = loop_add(l, &c->io);
    if (r) {
        file_close(fd);
        c->io.fd = -1;
    }
    return r;
}
