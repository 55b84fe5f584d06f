/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hooks of the engine. */
#include "cert/keephook.h"

#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cert/certclock.h"
#include "cert/keepjob.h"
#include "cert/keepname.h"
#include "cert/keeporder.h"
#include "cert/lineagepath.h"

#define INPUT_BYTES (256 * 1024)
#define OUTPUT_SHOW 200          /* bytes of what a program said that are shown */
#define OWN_IDS     (1ULL << 62) /* those of the dns-01 solver are below */
#define TRIES       2
#define RUNNING_MAX 256 /* a program that hangs must not fill the memory */

struct call {
    struct list node;
    struct certkeep *k;
    uint64_t id;
    enum certhost_hook hook;
    struct keepname *n; /* who waits for the answer; NULL: nobody */
    struct slice name;  /* owned */
    struct buf input;
    unsigned tries;
};

static const char *const events[] = {
    [CERTHOST_HOOK_PRE_ISSUE] = "pre_issue",
    [CERTHOST_HOOK_DEPLOYED] = "deployed",
    [CERTHOST_HOOK_FAILED] = "failed",
    [CERTHOST_HOOK_EXPIRING] = "expiring",
    [CERTHOST_HOOK_DNS] = "dns",
};

static void free_call(struct call *c)
{
    list_remove(&c->node);
    mem_free((void *)(uintptr_t)c->name.p);
    buf_done(&c->input);
    mem_free(c);
}

/* ---- what they are told ---- */

static void write_paths(const struct keepname *n, struct json *j)
{
    char entry[LINEAGEPATH_ENTRY], path[CERTSTORE_PATH_BYTES];
    if (n->source != KEEP_ACME || lineagepath_encode(&n->id, entry, NULL))
        return;
    json_object(j, "paths");
    snprintf(path, sizeof(path), "%s/certs/%s/current/chain.pem", n->k->state_dir, entry);
    json_cstr(j, "chain", path);
    snprintf(path, sizeof(path), "%s/certs/%s/current/key.pem", n->k->state_dir, entry);
    json_cstr(j, "key", path);
    json_end(j, '}');
}

static void write_failure(const struct keepname *n, struct json *j)
{
    char until[32];
    json_text(j, "error", n->job.last_error);
    json_text(j, "problem", n->job.last_problem);
    json_uint(j, "failures", n->job.failures);
    json_cstr(j, "next", keepname_time(n->job.next_s, until));
}

static int write_input(const struct keepname *n, enum certhost_hook hook, struct buf *out)
{
    struct json j;
    char time[32];
    json_init(&j, out);
    json_object(&j, NULL);
    json_cstr(&j, "event", events[hook]);
    json_text(&j, "name", n->names[0]);
    json_array(&j, "names");
    for (size_t i = 0; i < n->nnames; i++)
        json_text(&j, NULL, n->names[i]);
    json_end(&j, ']');
    json_cstr(&j, "key", n->id.rsa ? "rsa" : "ecdsa");
    json_cstr(&j, "kind", keepname_source_text(n));
    if (n->pair.chain) {
        const struct certinfo *leaf = certinfo_at(n->pair.chain, 0);
        int64_t left_s = leaf->not_after_s - certclock_now_s(n->k->loop);
        json_text(&j, "serial", leaf->serial);
        json_cstr(&j, "not_before", keepname_time(leaf->not_before_s, time));
        json_cstr(&j, "not_after", keepname_time(leaf->not_after_s, time));
        json_int(&j, "days_left", left_s > 0 ? left_s / 86400 : 0);
    }
    json_text(&j, "directory", n->ca ? n->ca->url : n->meta.directory);
    write_paths(n, &j);
    if (n->job.failures)
        write_failure(n, &j);
    json_end(&j, '}');
    return j.r;
}

/* ---- running ---- */

static void run(struct call *c)
{
    const struct certhost *host = c->k->host;
    c->id = OWN_IDS + ++c->k->hook_id;
    c->tries++;
    const struct certhost_call call = {
        .id = c->id,
        .hook = c->hook,
        .arguments = {slice_cstr(events[c->hook]), c->name},
        .input = buf_slice(&c->input),
        .timeout_ms = c->k->settings.hook_timeout_ms ? c->k->settings.hook_timeout_ms : 60000};
    host->run_hook(host->ctx, &call);
}

static size_t running(const struct certkeep *k)
{
    size_t count = 0;
    LIST_FOREACH (it, &k->hooks)
        count++;
    return count;
}

static bool configured(const struct certkeep *k, enum certhost_hook hook)
{
    return (k->settings.hooks & 1u << hook) && k->host->run_hook;
}

static struct call *begin(struct keepname *n, enum certhost_hook hook)
{
    struct certkeep *k = n->k;
    struct call *c = running(k) < RUNNING_MAX ? mem_alloc(sizeof(*c)) : NULL;
    if (!c)
        return NULL;
    c->k = k;
    c->hook = hook;
    list_init(&c->node);
    list_push(&k->hooks, &c->node);
    buf_init(&c->input, INPUT_BYTES);
    c->name = slice_of(mem_dup(n->names[0].p, n->names[0].n), n->names[0].n);
    if (c->name.p && !write_input(n, hook, &c->input))
        return c;
    free_call(c);
    return NULL;
}

int keephook_ask(struct keepname *n)
{
    if (!configured(n->k, CERTHOST_HOOK_PRE_ISSUE))
        return ERR_NOT_FOUND;
    struct call *c = begin(n, CERTHOST_HOOK_PRE_ISSUE);
    if (!c)
        return ERR_NOMEM;
    c->n = n;
    run(c);
    return OK;
}

static void tell(struct keepname *n, enum certhost_hook hook)
{
    struct call *c = configured(n->k, hook) ? begin(n, hook) : NULL;
    if (c)
        run(c);
}

void keephook_deployed(struct keepname *n)
{
    loop_timer_clear(&n->deployed);
    tell(n, CERTHOST_HOOK_DEPLOYED);
}

void keephook_failed(struct keepname *n)
{
    tell(n, CERTHOST_HOOK_FAILED);
}

void keephook_expiring(struct keepname *n)
{
    static const char *const words[] = {"fine", "warning", "critical", "expired"};
    const struct certinfo *leaf = certinfo_at(n->pair.chain, 0);
    int64_t now_s = certclock_now_s(n->k->loop), told_s = n->job.warned_s;
    char until[32];
    const struct event_field fields[] = {
        EV_CSTR("level", words[n->alarm]),
        EV_CSTR("not_after", keepname_time(leaf->not_after_s, until)),
        EV_UINT("failures", n->job.failures), EV_TEXT("error", n->job.last_error)};
    keepname_event(n, n->alarm == RENEWAL_WARN ? EVENT_WARN : EVENT_ERROR, "certificate_expiring",
                   fields, ARRAY_LEN(fields));
    /* A restart begins with no alarm: what was told then is known by its time. */
    if (told_s > leaf->not_before_s && renewal_alarm(leaf, &n->plan, told_s) >= n->alarm)
        return;
    n->job.warned_s = now_s;
    if (configured(n->k, CERTHOST_HOOK_EXPIRING))
        keepjob_save(n);
    tell(n, CERTHOST_HOOK_EXPIRING);
}

/* ---- the end of one ---- */

static void event(const struct call *c, int status, struct slice output)
{
    const struct certhost *host = c->k->host;
    char said[4 * OUTPUT_SHOW + 1];
    text_escape(slice_first(output, OUTPUT_SHOW), said, sizeof(said));
    const struct event_field fields[] = {EV_TEXT("name", c->name), EV_CSTR("hook", events[c->hook]),
                                         EV_UINT("status", status < 0 ? 255 : status),
                                         EV_UINT("try", c->tries), EV_CSTR("output", said)};
    c->k->hook_failures++;
    host->on_event(host->ctx, EVENT_WARN, "hook_failed", fields, ARRAY_LEN(fields));
}

static struct call *find(const struct certkeep *k, uint64_t id)
{
    LIST_FOREACH (it, &k->hooks) {
        struct call *c = container_of(it, struct call, node);
        if (c->id == id)
            return c;
    }
    return NULL;
}

void keephook_done(struct certkeep *k, uint64_t id, int status, struct slice output)
{
    struct call *c = find(k, id);
    if (!c)
        return;
    if (status)
        event(c, status, output);
    if (c->hook != CERTHOST_HOOK_PRE_ISSUE && status && c->tries < TRIES) {
        run(c);
        return;
    }
    struct keepname *n = c->n;
    free_call(c);
    if (n)
        keeporder_allowed(n, status, output);
}

void keephook_name_gone(struct keepname *n)
{
    LIST_FOREACH (it, &n->k->hooks) {
        struct call *c = container_of(it, struct call, node);
        if (c->n == n)
            c->n = NULL;
    }
}

void keephook_drop_all(struct certkeep *k)
{
    LIST_FOREACH_SAFE (it, &k->hooks)
        free_call(container_of(it, struct call, node));
}
