/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reloads and certificate changes. One reload at a time; a second one asked for meanwhile is
 * refused with words. Either every worker runs the new configuration or none does. */
#include "serve/change.h"

#include <stdio.h>

#include "base/mem.h"
#include "os/proc.h"
#include "serve/clocks.h"
#include "serve/generation.h"
#include "serve/kept.h"
#include "serve/master_state.h"
#include "serve/message.h"

#define CHANGE_BOUND_MS 15000 /* certificates of new names and every worker's answer */

static int send_bundle(struct child *k, const struct bundle *b)
{
    int r = parcel_send(b, &k->chan, MESSAGE_BUNDLE);
    if (!r)
        k->bundles_due++;
    return r;
}

void change_catch_up(struct master *m, struct child *k)
{
    if (k->config == m->config)
        return;
    k->config = m->config;
    if (send_bundle(k, m->bundle) && proc_kill(k->pid, SIGKILL))
        EVENT(m->events, EVENT_ERROR, "child_unreachable", EV_UINT("pid", k->pid));
}

/* No worker may run what was refused: those that have it go back to what is in use, and one that
 * cannot be told is replaced. */
static void settle_workers(struct master *m, bool ok)
{
    for (uint32_t i = 0; i < m->nworkers; i++) {
        struct child *k = &m->workers[i];
        if (k->change_sent)
            k->config = ok ? m->config : 0;
        k->change_sent = k->change_due = false;
        if (k->state == CHILD_READY)
            change_catch_up(m, k);
    }
}

static void finish(struct master *m, bool ok, const char *text)
{
    struct change *ch = &m->change;
    struct admin_call *call = ch->call;
    m->reload_ok = ok;
    m->reloaded_s = loop_unix_ms(m->loop) / 1000;
    metrics_set_reload(m->metrics, m->reloaded_s, ok);
    if (ok) {
        m->reloads++;
        EVENT(m->events, EVENT_INFO, "reloaded", EV_UINT("sites", m->conf->nsites),
              EV_UINT("reloads", m->reloads));
    } else {
        m->reload_failures++;
        EVENT(m->events, EVENT_ERROR, "reload_refused", EV_CSTR("message", text));
    }
    loop_timer_clear(&ch->bound);
    bundle_unref(ch->bundle);
    conf_free(ch->conf);
    ch->bundle = NULL;
    ch->conf = NULL;
    ch->call = NULL;
    if (m->phase == MASTER_RUNNING && ch->sent)
        settle_workers(m, ok);
    if (m->phase == MASTER_RUNNING && ch->asked && !ok)
        change_ask_certificates(m, m->bundle, m->conf);
    admin_say(call, ok ? 200 : 422, text);
}

void change_cancel(struct master *m)
{
    if (m->change.bundle)
        finish(m, false, "the server is stopping");
}

static bool same_sink(const struct conf_sink *a, const struct conf_sink *b)
{
    return a->kind == b->kind && slice_eq(a->path, b->path);
}

/* What needs other sockets, files, rights or processes cannot change in place. */
static const char *fixed_part_changed(const struct conf *old, const struct conf *new)
{
    if (old->https_port != new->https_port || old->http_port != new->http_port)
        return "https_port and http_port";
    if (old->only_443 != new->only_443)
        return "only_443";
    if (old->workers != new->workers)
        return "workers";
    if (!slice_eq(old->user, new->user) || !slice_eq(old->state, new->state))
        return "user and state";
    if (!same_sink(&old->log.access, &new->log.access) ||
        !same_sink(&old->log.events, &new->log.events) || old->log.format != new->log.format)
        return "log";
    if (old->listen.count != new->listen.count ||
        memcmp(old->listen.items, new->listen.items, old->listen.count * sizeof(struct ip)) != 0)
        return "listen";
    if (memcmp(&old->metrics.listen.ip, &new->metrics.listen.ip, sizeof(struct ip)) != 0 ||
        old->metrics.listen.port != new->metrics.listen.port)
        return "metrics listen";
    return NULL;
}

bool change_certified(const struct bundle *b, const struct conf *conf)
{
    struct kept_pair pairs[KEPT_SLOTS];
    for (size_t i = 0; i < conf->nsites; i++) {
        const struct conf_site *s = &conf->sites[i];
        if (s->tls.certs.count == 0 && !kept_pairs(b, s->name, pairs))
            return false;
    }
    return true;
}

static void conclude(struct master *m)
{
    struct change *ch = &m->change;
    if (ch->failed) {
        finish(m, false, ch->failure);
        return;
    }
    bundle_unref(m->bundle);
    conf_free(m->conf);
    m->bundle = ch->bundle;
    m->conf = ch->conf;
    m->config++;
    ch->bundle = NULL;
    ch->conf = NULL;
    change_watch(m);
    finish(m, true, "the new configuration is in use");
}

static void conclude_if_answered(struct master *m)
{
    if (!m->change.bundle || !m->change.sent)
        return;
    for (uint32_t i = 0; i < m->nworkers; i++)
        if (m->workers[i].change_due)
            return;
    conclude(m);
}

static void note_failure(struct change *ch, struct slice text)
{
    ch->failed = true;
    snprintf(ch->failure, sizeof(ch->failure), SLICE_F, SLICE_A(text));
}

/* Sends the whole new configuration to every worker. */
static void dispatch(struct master *m)
{
    struct change *ch = &m->change;
    ch->sent = true;
    for (size_t i = 0; i < ch->conf->nsites; i++)
        (void)metrics_assign_site(m->metrics, ch->conf->sites[i].name);
    for (uint32_t i = 0; i < m->nworkers; i++) {
        struct child *k = &m->workers[i];
        if (k->state != CHILD_READY)
            continue; /* it catches up with what is in use by then */
        k->change_sent = true;
        k->change_due = send_bundle(k, ch->bundle) == OK;
        if (!k->change_due)
            note_failure(ch, SLICE("the configuration could not be sent to a worker"));
    }
    conclude_if_answered(m);
}

static void on_bound(struct loop_timer *t)
{
    struct change *ch = container_of(t, struct change, bound);
    struct master *m = container_of(ch, struct master, change);
    if (ch->bundle)
        finish(m, false,
               ch->sent ? "a worker did not answer in time"
                        : "no certificate for a new name came in time");
}

void change_init(struct change *ch)
{
    loop_timer_init(&ch->bound, on_bound);
}

static void refuse(struct master *m, const struct conf_faults *faults)
{
    char text[1300];
    size_t n = fault_text(&faults->list[0], text, sizeof(text));
    if (faults->count > 1 && n < sizeof(text))
        snprintf(text + n, sizeof(text) - n,
                 "\n  and %zu more; \"port443 config check\" lists them",
                 faults->count - 1 + faults->not_shown);
    finish(m, false, text);
}

static bool acceptable(struct master *m)
{
    static struct conf_faults faults;
    struct change *ch = &m->change;
    char text[200];
    if (bundle_collect(&m->o->source, &ch->bundle, &ch->conf, &faults)) {
        refuse(m, &faults);
        return false;
    }
    const char *fixed = fixed_part_changed(m->conf, ch->conf);
    if (fixed) {
        snprintf(text, sizeof(text),
                 "a reload cannot change %s: use \"port443 upgrade\" or restart", fixed);
        finish(m, false, text);
        return false;
    }
    faults.count = 1;
    if (generation_check(ch->conf, ch->bundle, &faults.list[0])) {
        refuse(m, &faults);
        return false;
    }
    return true;
}

void change_begin(struct master *m, struct admin_call *call)
{
    struct change *ch = &m->change;
    if (ch->bundle || m->phase != MASTER_RUNNING) {
        const char *why = ch->bundle ? "another reload is under way" : "the server is stopping";
        EVENT(m->events, EVENT_WARN, "reload_refused", EV_CSTR("message", why));
        admin_say(call, 409, why);
        return;
    }
    ch->call = call;
    ch->asked = ch->sent = ch->failed = false;
    if (!acceptable(m))
        return;
    if (kept_inherit(ch->bundle, m->bundle, ch->conf)) {
        finish(m, false, "out of memory");
        return;
    }
    loop_timer_set(m->loop, &ch->bound, CHANGE_BOUND_MS);
    ch->asked = true;
    change_ask_certificates(m, ch->bundle, ch->conf);
    if (change_certified(ch->bundle, ch->conf))
        dispatch(m);
}

/* Channels keep the order: the answer to the change is the last one that is due. */
static bool answers_change(struct child *k)
{
    if (k->bundles_due)
        k->bundles_due--;
    if (k->bundles_due || !k->change_due)
        return false;
    k->change_due = false;
    return true;
}

void change_done(struct master *m, struct child *k)
{
    if (answers_change(k))
        conclude_if_answered(m);
}

void change_failed(struct master *m, struct child *k, struct slice text)
{
    struct change *ch = &m->change;
    EVENT(m->events, EVENT_ERROR, "child_refused", EV_UINT("pid", k->pid),
          EV_TEXT("message", text));
    if (k->keeper && ch->bundle && !ch->sent) {
        note_failure(ch, text);
        finish(m, false, ch->failure);
    } else if (!k->keeper && answers_change(k)) {
        note_failure(ch, text);
        conclude_if_answered(m);
    }
}

void change_lost(struct master *m, struct child *k)
{
    k->bundles_due = 0;
    k->change_sent = false;
    if (!k->change_due)
        return;
    k->change_due = false;
    note_failure(&m->change, SLICE("a worker died during the reload"));
    conclude_if_answered(m);
}

/* ---- certificates ---- */

void change_ask_certificates(struct master *m, const struct bundle *b, const struct conf *conf)
{
    struct bundle *plan = NULL;
    if (m->keeper.state != CHILD_READY)
        return; /* it is told when it is */
    int r = bundle_plan(b, conf, &plan);
    if (!r)
        r = parcel_send(plan, &m->keeper.chan, MESSAGE_BUNDLE);
    bundle_unref(plan);
    if (r)
        EVENT(m->events, EVENT_ERROR, "plan_not_sent", EV_CSTR("error", err_name(r)));
}

static void tell_workers(struct master *m, uint16_t type, struct slice payload, struct slice of)
{
    for (uint32_t i = 0; i < m->nworkers; i++) {
        struct child *k = &m->workers[i];
        if ((k->state == CHILD_READY || k->state == CHILD_STARTING) &&
            chan_send_blob(&k->chan, type, payload))
            EVENT(m->events, EVENT_ERROR, "certificate_not_sent", EV_TEXT("of", of),
                  EV_UINT("pid", k->pid));
    }
}

static int keep(struct master *m, struct slice name, const struct kept_pair *p)
{
    int r = kept_put(m->bundle, name, p);
    return r || !m->change.bundle ? r : kept_put(m->change.bundle, name, p);
}

void change_certificate(struct master *m, struct slice payload)
{
    struct kept_pair p;
    struct slice name;
    struct change *ch = &m->change;
    if (kept_unpack(payload, &name, &p)) {
        EVENT(m->events, EVENT_ERROR, "certificate_malformed", EV_UINT("bytes", payload.n));
        return;
    }
    /* Every plan makes the keeper hand out all it has; most of it is in use already. */
    if (!kept_has(m->bundle, name, &p) || !kept_has(ch->bundle, name, &p)) {
        if (keep(m, name, &p))
            EVENT(m->events, EVENT_ERROR, "certificate_not_kept", EV_TEXT("of", name));
        tell_workers(m, MESSAGE_CERTIFICATE, payload, name);
    }
    if (m->phase == MASTER_CERTIFYING && change_certified(m->bundle, m->conf))
        master_state_certified(m);
    else if (ch->bundle && !ch->sent && change_certified(ch->bundle, ch->conf))
        dispatch(m);
}

void change_certificate_gone(struct master *m, struct slice payload)
{
    struct cur c = cur_of(payload);
    struct slice name = message_next(&c);
    unsigned slot = cur_u8(&c);
    if (c.bad || slot >= KEPT_SLOTS) {
        EVENT(m->events, EVENT_ERROR, "certificate_malformed", EV_UINT("bytes", payload.n));
        return;
    }
    kept_remove(m->bundle, name, (enum kept_slot)slot, kept_may_go(m->conf, name));
    if (m->change.bundle)
        kept_remove(m->change.bundle, name, (enum kept_slot)slot,
                    kept_may_go(m->change.conf, name));
    tell_workers(m, MESSAGE_CERTIFICATE_GONE, payload, name);
}

/* Puts one file of the site into `to`, if it is there at all, and into the message. */
static int take_file(struct bundle *to, const struct bundle *fresh, struct slice path,
                     struct buf *message)
{
    struct slice bytes, old;
    if (!to || !bundle_file(fresh, path, &bytes) || !bundle_file(to, path, &old))
        return OK;
    int r = bundle_put(to, path, bytes);
    if (!r && message)
        r = message_text(message, path);
    return r || !message ? r : message_text(message, bytes);
}

static void take_files(struct master *m, const struct conf_site *s, const struct bundle *fresh)
{
    struct buf b;
    int r = OK;
    buf_init(&b, CHAN_BLOB_MAX);
    for (size_t i = 0; !r && i < s->tls.certs.count; i++) {
        const struct slice paths[] = {s->tls.certs.items[i].key, s->tls.certs.items[i].cert};
        for (size_t k = 0; !r && k < ARRAY_LEN(paths); k++) {
            r = take_file(m->bundle, fresh, paths[k], &b);
            if (!r)
                r = take_file(m->change.bundle, fresh, paths[k], NULL);
        }
    }
    if (r)
        EVENT(m->events, EVENT_ERROR, "certificate_not_sent", EV_TEXT("of", s->name),
              EV_CSTR("error", err_name(r)));
    else
        tell_workers(m, MESSAGE_FILES_CHANGED, buf_slice(&b), s->name);
    if (b.p)
        mem_wipe(b.p, b.cap);
    buf_done(&b);
}

static bool same_files(const struct bundle *a, const struct bundle *b, const struct conf_site *s)
{
    struct slice x, y;
    for (size_t i = 0; i < s->tls.certs.count; i++) {
        const struct slice paths[] = {s->tls.certs.items[i].key, s->tls.certs.items[i].cert};
        for (size_t k = 0; k < ARRAY_LEN(paths); k++)
            if (!bundle_file(a, paths[k], &x) || !bundle_file(b, paths[k], &y) || !slice_eq(x, y))
                return false;
    }
    return true;
}

/* Key and chain are replaced one after the other by most tools: nothing is used, neither by workers
 * nor for new ones, until they fit again. */
static void look_at_files(struct master *m, const struct conf_site *s)
{
    struct fault f = {0};
    struct bundle *fresh;
    if (bundle_reread(s, &fresh, &f)) {
        eventlog_fault(m->events, EVENT_WARN, "certificate_file_unreadable", &f);
        return;
    }
    if (same_files(m->bundle, fresh, s)) {
        bundle_unref(fresh);
        return;
    }
    if (generation_check_site(m->conf, s, fresh, &f)) {
        eventlog_fault(m->events, EVENT_WARN, "certificate_files_do_not_fit_yet", &f);
    } else {
        take_files(m, s, fresh);
        EVENT(m->events, EVENT_INFO, "certificate_replaced", EV_TEXT("site", s->name));
    }
    bundle_unref(fresh);
}

static bool names_file(const struct conf_site *s, struct slice path)
{
    for (size_t k = 0; k < s->tls.certs.count; k++)
        if (slice_eq(s->tls.certs.items[k].cert, path) || slice_eq(s->tls.certs.items[k].key, path))
            return true;
    return false;
}

void change_file(struct master *m, const char *path)
{
    for (size_t i = 0; i < m->conf->nsites; i++)
        if (names_file(&m->conf->sites[i], slice_cstr(path)))
            look_at_files(m, &m->conf->sites[i]);
    clocks_look_at_certificates(m);
}

static void watch_one(void *ctx, const char *path)
{
    struct master *m = ctx;
    if (filewatch_add(m->watch, path))
        EVENT(m->events, EVENT_WARN, "file_not_watched", EV_CSTR("path", path));
}

void change_watch(struct master *m)
{
    filewatch_clear(m->watch);
    bundle_each_file(m->bundle, watch_one, m);
}
