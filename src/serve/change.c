/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reloads and certificate changes. One reload at a time; a second one asked for meanwhile is
 * refused with words. */
#include "serve/change.h"

#include <stdio.h>

#include "base/mem.h"
#include "crypt/certinfo.h"
#include "crypt/localca.h"
#include "serve/generation.h"
#include "serve/master_state.h"
#include "serve/message.h"

#define CHANGE_BOUND_MS 15000 /* certificates of new names and every worker's answer */

static void answer(struct master *m, uint16_t status, const char *text)
{
    char body[1400];
    struct buf b;
    struct json j;
    buf_init(&b, sizeof(body) * 6);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_bool(&j, "ok", status == 200);
    json_cstr(&j, "message", text);
    json_end(&j, '}');
    if (m->change.call)
        admin_answer(m->change.call, status, "application/json", buf_slice(&b));
    m->change.call = NULL;
    buf_done(&b);
}

static void finish(struct master *m, bool ok, const char *text)
{
    struct change *ch = &m->change;
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
    answer(m, ok ? 200 : 422, text);
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
    return NULL;
}

bool change_certified(const struct bundle *b, const struct conf *conf)
{
    char key[300];
    struct slice bytes;
    for (size_t i = 0; i < conf->nsites; i++) {
        const struct conf_site *s = &conf->sites[i];
        int n = snprintf(key, sizeof(key), "local:" SLICE_F ":cert", SLICE_A(s->name));
        if (s->tls.certs.count == 0 && !bundle_file(b, slice_of(key, (size_t)n), &bytes))
            return false;
    }
    return true;
}

static int copy_local(struct bundle *to, const struct bundle *from, struct slice name,
                      const char *part)
{
    char key[300];
    struct slice bytes;
    int n = snprintf(key, sizeof(key), "local:" SLICE_F ":%s", SLICE_A(name), part);
    return bundle_file(from, slice_of(key, (size_t)n), &bytes)
               ? bundle_put(to, slice_of(key, (size_t)n), bytes)
               : OK;
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
            continue; /* a new one starts with what is in use by then */
        if (bundle_send(ch->bundle, &k->chan, MESSAGE_BUNDLE))
            change_failed(m, k, SLICE("the configuration could not be sent"));
        else
            ch->answers_due++;
    }
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
        static const char busy[] = "{\"ok\":false,\"message\":\"another reload is under way\"}";
        if (call)
            admin_answer(call, 409, "application/json", slice_cstr(busy));
        return;
    }
    ch->call = call;
    ch->sent = ch->failed = false;
    ch->answers_due = 0;
    if (!acceptable(m))
        return;
    for (size_t i = 0; i < ch->conf->nsites; i++)
        if (copy_local(ch->bundle, m->bundle, ch->conf->sites[i].name, "cert") ||
            copy_local(ch->bundle, m->bundle, ch->conf->sites[i].name, "key")) {
            finish(m, false, "out of memory");
            return;
        }
    loop_timer_set(m->loop, &ch->bound, CHANGE_BOUND_MS);
    change_ask_certificates(m, ch->conf);
    if (change_certified(ch->bundle, ch->conf))
        dispatch(m);
}

static void conclude(struct master *m)
{
    struct change *ch = &m->change;
    if (ch->failed) {
        change_ask_certificates(m, m->conf);
        finish(m, false, ch->failure);
        return;
    }
    bundle_unref(m->bundle);
    conf_free(m->conf);
    m->bundle = ch->bundle;
    m->conf = ch->conf;
    ch->bundle = NULL;
    ch->conf = NULL;
    change_watch(m);
    finish(m, true, "the new configuration is in use");
}

void change_done(struct master *m, struct child *k)
{
    (void)k;
    if (m->change.bundle && m->change.answers_due && --m->change.answers_due == 0)
        conclude(m);
}

void change_failed(struct master *m, struct child *k, struct slice text)
{
    struct change *ch = &m->change;
    EVENT(m->events, EVENT_ERROR, "child_refused", EV_UINT("pid", k->pid),
          EV_TEXT("message", text));
    if (!ch->bundle)
        return;
    ch->failed = true;
    snprintf(ch->failure, sizeof(ch->failure), SLICE_F, SLICE_A(text));
    if (ch->answers_due && --ch->answers_due == 0)
        conclude(m);
}

/* ---- certificates ---- */

static int pack_name(struct buf *b, const struct conf_site *s)
{
    bool local = localca_permits(s->name);
    for (size_t i = 0; i < s->aliases.count; i++)
        local &= localca_permits(s->aliases.items[i]);
    size_t count = 1 + s->aliases.count;
    uint8_t head[3] = {local, (uint8_t)(count >> 8), (uint8_t)count};
    int r = buf_add(b, slice_of(head, sizeof(head)));
    if (!r)
        r = message_text(b, s->name);
    for (size_t i = 0; !r && i < s->aliases.count; i++)
        r = message_text(b, s->aliases.items[i]);
    return r;
}

void change_ask_certificates(struct master *m, const struct conf *conf)
{
    struct buf b;
    int r = OK;
    buf_init(&b, 16 * 1024 * 1024);
    for (size_t i = 0; !r && i < conf->nsites; i++)
        if (conf->sites[i].tls.certs.count == 0)
            r = pack_name(&b, &conf->sites[i]);
    if (!r && m->keeper.state == CHILD_READY)
        r = chan_send_blob(&m->keeper.chan, MESSAGE_NAMES, buf_slice(&b));
    if (r)
        EVENT(m->events, EVENT_ERROR, "names_not_sent", EV_CSTR("error", err_name(r)));
    buf_done(&b);
}

static void keep(struct bundle *b, struct slice name, struct slice chain, struct slice key)
{
    char path[300];
    if (!b)
        return;
    int n = snprintf(path, sizeof(path), "local:" SLICE_F ":key", SLICE_A(name));
    if (bundle_put(b, slice_of(path, (size_t)n), key))
        return;
    n = snprintf(path, sizeof(path), "local:" SLICE_F ":cert", SLICE_A(name));
    if (bundle_put(b, slice_of(path, (size_t)n), chain))
        return;
}

void change_certificate(struct master *m, struct slice payload)
{
    struct cur c = cur_of(payload);
    struct slice name = message_next(&c), chain = message_next(&c), key = message_next(&c);
    if (c.bad || name.n > 255) {
        EVENT(m->events, EVENT_ERROR, "certificate_malformed", EV_UINT("bytes", payload.n));
        return;
    }
    keep(m->bundle, name, chain, key);
    keep(m->change.bundle, name, chain, key);
    for (uint32_t i = 0; i < m->nworkers; i++)
        if (m->workers[i].state == CHILD_READY || m->workers[i].state == CHILD_STARTING)
            if (chan_send_blob(&m->workers[i].chan, MESSAGE_CERTIFICATE, payload))
                EVENT(m->events, EVENT_ERROR, "certificate_not_sent", EV_TEXT("name", name));
    if (m->phase == MASTER_CERTIFYING && change_certified(m->bundle, m->conf))
        master_state_certified(m);
    else if (m->change.bundle && !m->change.sent &&
             change_certified(m->change.bundle, m->change.conf))
        dispatch(m);
}

static void send_file(struct master *m, struct slice path)
{
    struct buf b;
    struct slice bytes;
    if (!bundle_file(m->bundle, path, &bytes))
        return;
    buf_init(&b, 4 * 1024 * 1024);
    int r = message_text(&b, path);
    if (!r)
        r = message_text(&b, bytes);
    for (uint32_t i = 0; !r && i < m->nworkers; i++)
        if (m->workers[i].state == CHILD_READY)
            r = chan_send_blob(&m->workers[i].chan, MESSAGE_FILE_CHANGED, buf_slice(&b));
    if (r)
        EVENT(m->events, EVENT_ERROR, "certificate_not_sent", EV_TEXT("path", path));
    if (b.p)
        mem_wipe(b.p, b.cap);
    buf_done(&b);
}

/* Key and chain are replaced one after the other by most tools: nothing is sent until they fit
 * again, then all files of the site at once. */
static void use_files_of(struct master *m, const struct conf_site *s)
{
    struct fault f = {0};
    if (generation_check_site(m->conf, s, m->bundle, &f)) {
        eventlog_fault(m->events, EVENT_WARN, "certificate_files_do_not_fit_yet", &f);
        return;
    }
    for (size_t i = 0; i < s->tls.certs.count; i++) {
        send_file(m, s->tls.certs.items[i].key);
        send_file(m, s->tls.certs.items[i].cert);
    }
    EVENT(m->events, EVENT_INFO, "certificate_replaced", EV_TEXT("site", s->name));
}

void change_file(struct master *m, const char *path)
{
    struct fault f = {0};
    bool changed;
    if (bundle_reread(m->bundle, path, &changed, &f)) {
        eventlog_fault(m->events, EVENT_WARN, "certificate_file_unreadable", &f);
        return;
    }
    if (!changed)
        return;
    for (size_t i = 0; i < m->conf->nsites; i++) {
        const struct conf_site *s = &m->conf->sites[i];
        for (size_t k = 0; k < s->tls.certs.count; k++)
            if (slice_eq(s->tls.certs.items[k].cert, slice_cstr(path)) ||
                slice_eq(s->tls.certs.items[k].key, slice_cstr(path))) {
                use_files_of(m, s);
                break;
            }
    }
    master_state_look_at_certificates(m);
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
