/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The keeper process: unprivileged owner of the state directory. It runs the certificate engine,
 * which serve/ does not know: the command line joins the two through struct keeper_ops. */
#pragma once

#include "base/fault.h"
#include "base/json.h"
#include "conf/conf.h"
#include "crypt/certhost.h"
#include "os/chan.h"
#include "os/loop.h"
#include "serve/bundle.h"
#include "serve/eventlog.h"
#include "serve/logfiles.h"
#include "serve/metrics.h"

/* What the engine needs of the configuration. */
struct keeper_plan {
    const struct conf *conf;    /* lives until the next plan */
    const struct bundle *files; /* with the files that acme names, which only the master may read */
    uint16_t http_port, https_port; /* as bound; http 0: none */
};

/* An order of the operator (admin socket): one line of JSON, {"do": "renew", "name": ..., ...}. */
struct keeper_command {
    void *ctx;
    struct slice text;
    /* One line of JSON for the terminal each; never from inside keeper_ops.command. */
    void (*on_progress)(struct keeper_command *c, struct slice line);
    /* The last one: {"ok": ..., "message": ...}. The command may be freed. */
    void (*on_done)(struct keeper_command *c, struct slice line);
};

/* The certificate engine, as the keeper sees it. Filled by cli/ from cert/. */
struct keeper_ops {
    /* Opens the store below state_dir. `host` lives as long as the engine. */
    int (*open)(struct loop *l, const char *state_dir, const struct certhost *host, void **ret,
                struct fault *f);
    /* The configuration from now on: which names need a certificate, which CA. */
    int (*want)(void *engine, const struct keeper_plan *plan, struct fault *f);
    void (*published)(void *engine, uint64_t version);
    void (*hook_done)(void *engine, uint64_t id, int status, struct slice output);
    /* A handshake asked for a name without certificate. */
    int (*demand)(void *engine, struct slice name, struct slice client_address);
    void (*served)(void *engine, struct slice name, enum key_kind kind, const uint8_t sha256[32],
                   int r);
    /* The command lives until on_done. */
    void (*command)(void *engine, struct keeper_command *c);
    /* The operator went away before on_done. */
    void (*cancel)(void *engine, struct keeper_command *c);
    /* Certificates with their state, as members of an open JSON object. */
    void (*report)(void *engine, struct json *j);
    /* Prometheus text, appended. */
    int (*metrics)(void *engine, struct buf *out);
    /* The end is near: orders are left for the next start, what stands for validations is taken
     * away. Busy: as long as that needs the loop and hooks. */
    void (*wind_up)(void *engine);
    bool (*busy)(void *engine);
    void (*close)(void *engine);
};

struct keeper_options {
    const char *state_dir;
    bool drop; /* rights, to this user and group */
    uint32_t uid, gid;
    uint16_t http_port, https_port; /* as bound; http 0: none */
    const struct conf_sink *events;
    const struct logfiles *logs;
    struct metrics *metrics;
    const struct keeper_ops *ops;
};

/* Runs in the forked child until the master says so or dies; the exit status. `fd`: its end of the
 * channel. */
int keeper_main(const struct keeper_options *o, int fd);
