/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The inside of the certificate engine, shared by its files only:
 *   certkeep.c    the wish list, the one timer, the door to the host
 *   keepset.c     the settings, copied and compared
 *   keeplock.c    one engine writes a store at a time
 *   keepdns.c     solvers of dns-01, those of settings before too
 *   keepca.c      the CAs that the settings name, with their accounts
 *   keepname.c    one wanted certificate: what it has and when something is due
 *   keepjob.c     its schedule and failure counters, on disk
 *   keeporder.c   one attempt to get it; keepend.c how it ends
 *   keeplook.c    preflight
 *   keepari.c     what the CA says about its renewal
 *   keepocsp.c    what its OCSP responder says, where it names one
 *   keeplocal.c   the local root, local and temporary certificates
 *   keephook.c    programs of the owner
 *   keepdemand.c  names that a handshake asked for (demandname.c, demandlist.c)
 *   keepcall.c    what an operator waits for; keeprevoke.c revocation
 *   keepreport.c  status; keepmetrics.c metrics */
#pragma once

#include "base/arena.h"
#include "cert/account.h"
#include "cert/budget.h"
#include "cert/certkeep.h"
#include "cert/certstore.h"
#include "cert/challenge.h"
#include "cert/dnssolve.h"
#include "cert/job.h"
#include "cert/lineage.h"
#include "cert/order.h"
#include "cert/preflight.h"
#include "cert/renewal.h"

#define KEEP_WANTED_MAX  4096
#define KEEP_NAMES_MAX   100          /* in one certificate */
#define KEEP_PEM_MAX     (192 * 1024) /* with an OCSP answer */
#define KEEP_LOOK_MS     3600000      /* the clock may jump: look at least once an hour */
#define KEEP_RETRY_S     60           /* after trouble of our own */
#define KEEP_ARENA_BYTES (64 * 1024)
#define KEEP_WAITERS     4 /* operators who wait for one certificate */
#define KEEP_NEVER       INT64_MAX

enum keep_source { KEEP_NOTHING, KEEP_TEMPORARY, KEEP_LOCAL, KEEP_ACME };

/* Stages of an attempt; the order's own are cert/order's. */
enum keep_stage { KEEP_IDLE, KEEP_DIRECTORY, KEEP_PREFLIGHT, KEEP_HOOK, KEEP_ORDER };

/* A CA of the settings; ca is NULL until it is first needed. */
struct keepca {
    struct certkeep *k;
    struct slice url;
    struct acmeca *ca;
    struct account *account;
    size_t running;      /* attempts */
    bool staging;        /* only for probes */
    int64_t skew_told_s; /* the clock's difference was an event */
    uint64_t attempts, successes;
    uint64_t failures[BACKOFF_LOCAL + 1];
    uint64_t order_ms; /* of successful attempts, for the mean */
};

/* What ended an attempt, or kept it from beginning. */
struct keepfail {
    int r;
    enum backoff_class class;
    const struct fault *fault;
    const struct acmeobj_problem *problem; /* NULL: none */
    int64_t retry_after_s;                 /* -1 */
};

/* One wanted certificate: a set of names and a kind of key. */
struct keepname {
    struct list node;
    struct certkeep *k;
    struct slice *names; /* owned copies */
    size_t nnames;
    struct lineage_id id; /* the first name and the kind */
    bool local;           /* the local CA speaks for it */
    bool temporary;       /* it gets a temporary certificate while there is no better one */
    bool demanded;        /* by a handshake, not by the configuration */
    bool away;            /* on demand: the host was told to forget it until somebody asks */
    int64_t asked_s;      /* on demand: last asked for */
    bool keep;            /* while a new wish list is compared */

    enum keep_source source;
    struct certstore_pair pair; /* what was handed out last */
    int64_t local_renew_s;      /* of a local or temporary pair */
    struct arena meta_arena;
    struct lineage_meta meta; /* of a KEEP_ACME pair */
    struct renewal plan;      /* likewise */
    bool names_differ;        /* the pair speaks for other names than are wanted */
    bool store_trouble;       /* the store could not be read: looked at again before an order */

    struct arena job_arena;
    struct job job;

    /* The attempt under way, and what the next one is to be like. */
    enum keep_stage stage;
    struct keepca *ca;
    struct acmeca_call ready;
    struct preflight *preflight;
    struct order *order;
    struct buf replaces;
    bool staging;          /* this attempt is a probe */
    bool probe;            /* the next one is */
    bool looked;           /* preflight found nothing that forbids the order */
    bool queued;           /* waits for a place at its CA */
    bool forced;           /* an operator asked: schedule and failures do not count */
    bool forced_breaker;   /* nor does the breaker */
    unsigned failed_types; /* challenges that failed last time */
    size_t ca_index, ca_failures;
    int64_t wait_until_s; /* by budget or breaker; wait_why says which */
    const char *wait_why;
    bool wait_clock; /* until_s is by a clock that was wrong */
    uint64_t began_ms;
    char phase[96]; /* of the order, in words */

    struct acmeca_call ari;
    bool ari_running, ari_suspicious;
    uint32_t ari_failures;
    int64_t ari_asked_s, ari_told_s; /* last question, last good answer */

    struct {
        struct acmehttp_call call;
        struct buf answer; /* DER, good */
        bool running;
        uint32_t failures;
        int64_t next_s;
        uint8_t about[32]; /* the certificate that all this is about */
    } ocsp;

    enum renewal_alarm alarm;
    bool mismatch;              /* served is not what is stored */
    struct loop_timer deployed; /* the hook waits for the confirmation */
    struct certkeep_call *waiters[KEEP_WAITERS];
};

struct certkeep {
    struct loop *loop;
    const struct certhost *host;
    char *state_dir;
    int lock_fd;     /* -1: another engine has the store, nothing is ordered */
    bool winding_up; /* nothing is begun any more */
    struct certstore_pair root;
    int64_t leaf_s; /* life of local leaves; 0: the default */
    struct list wanted;
    size_t nwanted;
    struct loop_timer timer;
    struct arena settings_arena;
    struct certkeep_settings settings;
    bool has_settings;

    struct acmehttp *http;                           /* NULL until a CA is needed */
    struct keepca cas[CERTKEEP_DIRECTORIES_MAX + 1]; /* the last one: staging */
    struct challenges *challenges;
    struct dnssolve *dns;   /* NULL: no dns-01 */
    struct list dns_before; /* struct old of keepdns.c */
    size_t ndns_before;
    struct budget *budget;
    size_t ari_running;

    struct list calls; /* of operators */
    struct list hooks; /* under way */
    uint64_t hook_id;
    struct keepdemand *demand; /* NULL: nothing was ever demanded */

    uint64_t hook_failures, served_mismatches, store_errors, preflight_errors, retry_after_waits;
};

/* Looks at everything soon. */
static inline void keepstate_wake(struct certkeep *k)
{
    loop_timer_set(k->loop, &k->timer, 0);
}
