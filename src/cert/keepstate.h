/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The inside of the certificate engine, shared by its files only:
 *   certkeep.c    the wish list, the one timer, the door to the host
 *   keepset.c     the settings, copied and compared
 *   keepname.c    one wanted certificate
 *   keeplocal.c   the local root, local and temporary certificates */
#pragma once

#include "base/arena.h"
#include "cert/certkeep.h"
#include "cert/certstore.h"
#include "cert/lineage.h"

#define KEEP_WANTED_MAX 4096
#define KEEP_NAMES_MAX  100 /* in one certificate */
#define KEEP_PEM_MAX    (64 * 1024)
#define KEEP_LOOK_MS    3600000 /* the clock may jump: look at least once an hour */
#define KEEP_RETRY_S    60      /* after trouble of our own */

enum keep_source { KEEP_NOTHING, KEEP_TEMPORARY, KEEP_LOCAL, KEEP_ACME };

/* One wanted certificate: a set of names and a kind of key. */
struct keepname {
    struct list node;
    struct certkeep *k;
    struct slice *names; /* owned copies */
    size_t nnames;
    struct lineage_id id; /* the first name and the kind */
    bool local;           /* the local CA speaks for it */
    bool keep;            /* while a new wish list is compared */
    enum keep_source source;
    struct certstore_pair pair; /* what was handed out last */
    int64_t local_renew_s;      /* of a local or temporary pair */
};

struct certkeep {
    struct loop *loop;
    const struct certhost *host;
    char *state_dir;
    struct certstore_pair root;
    int64_t leaf_s; /* life of local leaves; 0: the default */
    struct list wanted;
    size_t nwanted;
    struct list calls; /* of operators */
    struct loop_timer timer;
    struct arena settings_arena;
    struct certkeep_settings settings;
};
