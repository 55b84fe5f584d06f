/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The run-time form of a configuration inside one worker. A generation is built whole from a struct
 * conf and the files it names, then published by one pointer store; connections keep the generation
 * that they started with, so a reload never changes a request under way. Upstream groups whose
 * digest is unchanged are carried over, with their pools and health. */
#pragma once

#include "base/fault.h"
#include "base/map.h"
#include "conf/conf.h"
#include "conn/conn.h"
#include "crypt/certinfo.h"
#include "crypt/tlsctx.h"

struct accesslog;
struct balance;
struct bundle;
struct challenges;
struct demand;
struct eventlog;
struct filecache;
struct metrics;
struct metrics_slot;
struct resolver;
struct worker;

/* One rule of a site, ready to run. */
struct route {
    const struct conf_route *conf;
    struct site *site;
    int root_fd; /* CONF_FILES: handle of the root; owned; -1 when it could not be opened */
    struct balance *balance; /* CONF_PROXY: the upstream group; a reference */
};

/* One site. Its position in generation.sites is stable for the life of the generation. */
struct site {
    const struct conf_site *conf;
    struct generation *gen;
    struct route *routes;
    size_t nroutes;
    struct tlsctx *tls;   /* replaced when its certificate changes; old connections keep theirs */
    struct certinfo cert; /* of the first certificate: dates for HSTS, status and alarms */
    bool cert_known;
    bool cert_local;        /* issued by the local CA, or temporary */
    uint32_t metrics_index; /* slot of this name in the shared metrics */
};

struct generation {
    uint32_t refs;   /* connections + the worker's own */
    uint64_t number; /* counts reloads from 1 */
    struct worker *worker;
    struct conf *conf;   /* owned */
    struct map names;    /* normal host name -> struct site; wildcards under their "*." name */
    struct map demanded; /* name -> struct tlsctx, of names below sites on demand; a reference */
    struct site *sites;
    size_t nsites;
    struct list exchanges; /* all exchanges under way (struct exchange.node) */
};

/* What one worker process has one of. */
struct worker {
    struct loop *loop;
    struct conn_pool *pool;
    struct resolver *resolver;
    struct generation *now;
    struct accesslog *access;
    struct eventlog *events;
    struct filecache *files;
    struct challenges *challenges; /* answers for certificate authorities */
    struct bundle *bundle;         /* of the generation in use */
    struct demand *demand;         /* handshakes that wait for a certificate */
    struct metrics *shared;        /* the segment of all workers */
    struct metrics_slot *metrics;  /* this worker's slot in it */
    struct ticketring *ring;       /* session ticket keys, the same in all workers */
    uint64_t next_id;              /* request ids */
    uint32_t index;                /* 0.. */
    uint16_t https_port;           /* as clients see them, for redirects and absolute links */
    uint16_t http_port;
    bool draining;
};

/* First route whose path is a whole-segment prefix of `path`, or NULL. */
struct route *site_route(const struct site *s, struct slice path);
