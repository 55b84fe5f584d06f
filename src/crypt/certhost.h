/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the certificate engine asks of whoever runs it: the keeper process of the server, or the
 * command line on its own. Everything is asynchronous; answers come through certkeep_published and
 * certkeep_hook_done. */
#pragma once

#include "base/event.h"
#include "base/fault.h"
#include "crypt/keystore.h"

/* A certificate that is ready or was renewed; PEM bytes, a loan. */
struct certhost_pair {
    struct slice name;  /* the first of its names */
    enum key_kind kind; /* one of each kind may be in use for a name at the same time */
    const char *source; /* "acme", "local" or "temporary" */
    struct slice chain_pem, key_pem;
};

/* One answer to a challenge that is being validated. Every worker answers for all of them. */
enum certhost_answer_kind { CERTHOST_HTTP01, CERTHOST_ALPN01 };

struct certhost_answer {
    enum certhost_answer_kind kind;
    struct slice name;    /* identifier; ALPN01: who answers makes the server name of it
                             (alpncert_server_name) */
    struct slice token;   /* HTTP01: last path segment */
    struct slice content; /* HTTP01: key authorization */
    uint8_t digest[32];   /* ALPN01: SHA-256 of the key authorization */
};

/* Arguments of the programs: the event as a word ("pre_issue") and the name; DNS has its own. */
enum certhost_hook {
    CERTHOST_HOOK_PRE_ISSUE, /* another exit status than 0 vetoes the order */
    CERTHOST_HOOK_DEPLOYED,
    CERTHOST_HOOK_FAILED,
    CERTHOST_HOOK_EXPIRING,
    CERTHOST_HOOK_DNS, /* arguments: present|cleanup NAME VALUE; the same in the environment */
    CERTHOST_HOOKS
};

struct certhost_call {
    uint64_t id; /* for certkeep_hook_done */
    enum certhost_hook hook;
    struct slice arguments[4]; /* behind the program's name; unused ones empty */
    struct slice input;        /* JSON for standard input */
    uint64_t timeout_ms;       /* then it is killed */
};

struct certhost {
    void *ctx;
    /* For another engine that finds the store taken: "the server (process 12)". May be NULL. */
    const char *who;
    /* An engine that has the store now is about to end (the predecessor in an upgrade, a command):
     * this one serves what is stored and orders nothing until then. Else it is not opened. */
    bool waits;
    void (*on_certificate)(void *ctx, const struct certhost_pair *p);
    /* The engine gave a name up (removed certificate): the host may drop what it has. May be NULL.
     */
    void (*on_removed)(void *ctx, struct slice name, enum key_kind kind);
    /* A name that was demanded gets no certificate now (refused, or its order failed): nobody need
     * wait for it. Never from inside certkeep_demand with ERR_PERM. May be NULL. */
    void (*on_refused)(void *ctx, struct slice name);
    /* Replaces the whole table of answers. The host calls certkeep_published(version) once
     * everybody answers by it (at once when nobody has to be told). */
    void (*publish)(void *ctx, uint64_t version, const struct certhost_answer *answers, size_t n);
    /* Runs the program that is configured for the hook; certkeep_hook_done follows, never from
     * inside this call: with its exit status, 128 + the signal that ended it, 124 (time over) or
     * 126 (not started, the output says why). Only called for hooks that the settings name. */
    void (*run_hook)(void *ctx, const struct certhost_call *call);
    /* An event of notes 4: order_created, challenge_presented, issued ... */
    void (*on_event)(void *ctx, enum event_level level, const char *name,
                     const struct event_field *fields, size_t n);
    /* Trouble that the owner should know of; the old certificate stays in use. */
    void (*on_trouble)(void *ctx, const struct fault *f);
    /* Something that status and metrics show has changed. May be NULL. */
    void (*on_change)(void *ctx);
};
