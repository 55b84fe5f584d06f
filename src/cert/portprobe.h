/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Does anything answer at this address and port over TCP? Opens one connection, sends nothing,
 * closes it. */
#pragma once

#include "os/loop.h"
#include "os/sock.h"

enum portprobe_result {
    PORTPROBE_OPEN,
    PORTPROBE_REFUSED,  /* reached a machine, nothing listens */
    PORTPROBE_FILTERED, /* no answer, or the network says that it lets nothing through */
    PORTPROBE_NO_ROUTE  /* this machine cannot ask (no IPv6 here): says nothing */
};

/* Embedded; zeroed before its first use. */
struct portprobe {
    struct loop *loop; /* NULL: not under way */
    struct sock_addr addr;
    enum portprobe_result result;
    bool own; /* the address is this machine's, so nothing stands between */
    struct loop_io io;
    struct loop_timer timer;
    struct loop_task task;
    void (*on_done)(struct portprobe *p); /* p is over */
};

/* addr and on_done are set by the caller; on_done never comes from inside. */
void portprobe_start(struct portprobe *p, struct loop *l, uint64_t timeout_ms);
void portprobe_cancel(struct portprobe *p);
