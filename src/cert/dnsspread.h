/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Waits until a TXT record is seen: at every authoritative address, asked directly; where none of
 * them can be reached (hidden behind NAT, a firewall), at the resolvers. */
#pragma once

#include "base/fault.h"
#include "cert/dnszone.h"
#include "client/dns.h"

struct dnsspread_server {
    struct dns_query q;
    struct sock_addr addr;
    struct dnsspread *all;
    unsigned failures; /* in a row */
    bool seen, dead;
};

/* Under way; embedded, zeroed before its first use. */
struct dnsspread {
    struct dns *dns; /* NULL: not under way */
    struct loop *loop;
    struct slice name, value; /* lent until on_done */
    struct dnsspread_server servers[DNSZONE_SERVERS_MAX];
    size_t nservers;
    struct dns_query resolvers;
    bool by_resolvers;
    unsigned asking, round;
    struct loop_timer pause, deadline;
    /* OK; ERR_TIMEOUT: f names who does not have it. `unreachable`: servers that were not asked in
     * the end; by_resolvers tells who was asked instead. Never from inside dnsspread_start. */
    void (*on_done)(struct dnsspread *s, int r, size_t unreachable, const struct fault *f);
};

/* on_done, name, value and servers[].addr are set by the caller. */
void dnsspread_start(struct dnsspread *s, struct loop *l, struct dns *dns, uint64_t timeout_ms);
void dnsspread_cancel(struct dnsspread *s);
