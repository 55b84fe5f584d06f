/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Typed messages between the processes of one server, over a socketpair that keeps message borders,
 * with descriptors. The other end may have been taken over by an attacker (workers face the
 * network): lengths, seals and numbers of descriptors are checked here, meanings by the handler. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "os/loop.h"

#define CHAN_MESSAGE_MAX 49152
#define CHAN_FDS_MAX     16
/* A blob is mapped by the receiver: stops one that eats its address space. */
#define CHAN_BLOB_MAX (256u * 1024 * 1024)
/* Unsent messages: a peer that hangs must not eat the master. */
#define CHAN_QUEUE_BYTES (4u * 1024 * 1024)

/* Embedded in the owner. */
struct chan {
    struct loop_io io;
    struct loop *loop;
    struct loop_task more; /* bounded work per wake continues here */
    struct list queue;     /* messages that the socket has not taken */
    size_t queued_bytes;
    bool *gone; /* set while a callback runs: it may end the channel */
    /* The payload is lent until the return. Descriptors belong to the channel, which closes them on
     * return; a handler keeps one by setting its entry to -1. Count and kind must be checked: when
     * this process is out of descriptors, none arrive. May call chan_done. */
    void (*on_message)(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds);
    /* The peer has gone or sent what no peer of ours sends; the channel is done already (no
     * chan_done is needed) and may be freed. */
    void (*on_closed)(struct chan *c);
};

/* The two ends, close-on-exec: give one to a child. ERR_SYS. */
int chan_pair(int ret_fds[2]) MUST_USE;
/* Takes over fd (closed on error) and registers it. Set on_message and on_closed before. */
int chan_init(struct chan *c, struct loop *l, int fd) MUST_USE;
/* Sends or queues; descriptors are lent (they may be closed right afterwards). ERR_CAP: payload,
 * descriptors or queue too large. ERR_RESET: the peer has gone (on_closed follows). ERR_NOMEM. */
int chan_send(struct chan *c, uint16_t type, struct slice payload, const int *fds,
              size_t nfds) MUST_USE;
/* Any size up to CHAN_BLOB_MAX, through a sealed memory file; the receiver sees one payload. */
int chan_send_blob(struct chan *c, uint16_t type, struct slice payload) MUST_USE;
/* True when everything sent was taken by the socket. */
static inline bool chan_idle(const struct chan *c)
{
    return list_empty(&c->queue);
}
/* Handles at once what the peer, which has ended, still sent: why it failed. Does nothing after the
 * end. */
void chan_last_words(struct chan *c);
/* Waits (blocking) until the queue is sent or timeout_ms have passed: last words before the end of
 * a process. ERR_TIMEOUT, ERR_RESET. */
int chan_drain(struct chan *c, int timeout_ms) MUST_USE;
/* Unregisters, closes, drops the queue. Idempotent. */
void chan_done(struct chan *c);
