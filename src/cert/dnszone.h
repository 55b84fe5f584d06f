/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Where a challenge record must stand and who serves it: CNAMEs of the challenge name to their end,
 * the zone that holds the end (SOA walk), its primary server, the addresses of its name servers.
 * Asks resolvers, changes nothing. */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "client/dns.h"

#define DNSZONE_HOPS_MAX    8  /* CNAMEs */
#define DNSZONE_SERVERS_MAX 16 /* addresses */
#define DNSZONE_NAMES_MAX   8  /* name servers whose addresses are asked for */

struct dnszone {
    struct slice name; /* the end of the CNAMEs: letters, digits, '-', '_' and dots only */
    struct slice zone, primary;
    struct ip primary_ips[4];
    size_t nprimary;
    struct ip servers[DNSZONE_SERVERS_MAX];
    size_t nservers; /* 0: none has an address that we could find */
};

/* Under way; embedded, zeroed before its first use. */
struct dnszone_search {
    struct dns *dns; /* NULL: not under way */
    struct arena *arena;
    struct dns_query q;
    struct dnszone found;
    struct slice at; /* SOA walk: the name asked now */
    struct slice names[DNSZONE_NAMES_MAX + 1];
    size_t nnames, next_name;
    unsigned step, hops;
    bool fixed; /* the zone was given */
    bool named; /* found.name is the end of the CNAMEs, also when the zone is not found */
    bool v6, for_primary;
    struct fault fault;
    /* OK: search->found; the slices stay in the arena. The search is over. */
    void (*on_done)(struct dnszone_search *s, int r, const struct fault *f);
};

/* name: "_acme-challenge.example.com"; zone: empty, or what the settings say; `primary`: its
 * addresses are wanted too. Texts are kept in `arena`, which outlives the search. on_done never
 * comes from inside. */
void dnszone_find(struct dnszone_search *s, struct dns *dns, struct arena *arena, struct slice name,
                  struct slice zone, bool primary);
void dnszone_cancel(struct dnszone_search *s);
