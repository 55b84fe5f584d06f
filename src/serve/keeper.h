/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The keeper process: unprivileged owner of the state directory. It runs the certificate engine,
 * which serve/ does not know: the command line joins the two through struct keeper_ops. */
#pragma once

#include "base/fault.h"
#include "base/json.h"
#include "os/chan.h"
#include "os/loop.h"
#include "serve/eventlog.h"
#include "serve/logfiles.h"

/* One certificate that the configuration needs: the site's name first, then its aliases. */
struct keeper_name {
    const struct slice *names;
    size_t nnames;
    bool local; /* every name may be signed by the local CA; else a temporary certificate (until
                   ACME) */
};

/* What the engine may call back. */
struct keeper_host {
    void *ctx;
    /* A certificate is ready or was renewed. PEM; the bytes are copied. */
    void (*on_certificate)(void *ctx, struct slice name, struct slice chain_pem,
                           struct slice key_pem);
    /* Trouble that the owner should know of; the old certificate stays in use. */
    void (*on_trouble)(void *ctx, const struct fault *f);
};

/* The certificate engine, as the keeper sees it. Filled by cli/ from cert/. */
struct keeper_ops {
    /* Opens the store below state_dir. `host` lives as long as the engine. */
    int (*open)(struct loop *l, const char *state_dir, const struct keeper_host *host, void **ret,
                struct fault *f);
    /* The names that are wanted from now on; called at start and after each reload. on_certificate
     * follows for each (at once when the store has it). */
    int (*want)(void *engine, const struct keeper_name *names, size_t n, struct fault *f);
    /* Certificates with their state, as members of an open JSON object. */
    void (*report)(void *engine, struct json *j);
    void (*close)(void *engine);
};

struct keeper_options {
    const char *state_dir;
    bool drop; /* rights, to this user and group */
    uint32_t uid, gid;
    const struct conf_sink *events;
    const struct logfiles *logs;
    const struct keeper_ops *ops;
};

/* Runs in the forked child until the master says so or dies; the exit status. `fd`: its end of the
 * channel. */
int keeper_main(const struct keeper_options *o, int fd);
