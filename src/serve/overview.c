/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The status document: facts of the master, then each child's own words. */
#include "serve/overview.h"

#include <stdio.h>

#include "crypt/certinfo.h"
#include "os/proc.h"
#include "serve/kept.h"
#include "serve/master_state.h"
#include "serve/message.h"

#define REPORT_WAIT_MS 1000
#define DOCUMENT_MAX   (32 * 1024 * 1024)

static void describe_chain(struct json *j, const struct certinfo *ci, int64_t now_s,
                           const char *source)
{
    int64_t left_s = ci->not_after_s - now_s;
    json_object(j, NULL);
    json_cstr(j, "source", source);
    json_text(j, "subject", ci->subject);
    json_text(j, "issuer", ci->issuer);
    json_cstr(j, "key", keystore_kind_text(ci->key_kind));
    json_int(j, "not_after", ci->not_after_s);
    json_int(j, "days_left", left_s >= 0 ? left_s / 86400 : -((-left_s + 86399) / 86400));
    json_bool(j, "expired", left_s <= 0);
    json_end(j, '}');
}

static void describe_certificate(struct json *j, struct slice pem, int64_t now_s,
                                 const char *source)
{
    struct certinfo_chain *chain;
    if (certinfo_parse(pem, &chain, NULL))
        return;
    describe_chain(j, certinfo_at(chain, 0), now_s, source);
    certinfo_unref(chain);
}

static const char *action_text(const struct conf_site *s)
{
    static const char *const names[] = {"nothing", "files", "proxy", "redirect", "answer"};
    return s->nroutes == 1 ? names[s->routes[0].action] : "routes";
}

static const char *source_text(struct slice source)
{
    return slice_eq(source, SLICE("local"))       ? "local CA"
           : slice_eq(source, SLICE("temporary")) ? "temporary"
                                                  : "ACME";
}

static void describe_sites(struct json *j, const struct master *m)
{
    int64_t now_s = loop_unix_ms(m->loop) / 1000;
    struct kept_pair pairs[KEPT_SLOTS];
    struct slice pem;
    json_array(j, "sites");
    for (size_t i = 0; i < m->conf->nsites; i++) {
        const struct conf_site *s = &m->conf->sites[i];
        json_object(j, NULL);
        json_text(j, "name", s->name);
        json_cstr(j, "action", action_text(s));
        json_array(j, "certificates");
        for (size_t k = 0; k < s->tls.certs.count; k++)
            if (bundle_file(m->bundle, s->tls.certs.items[k].cert, &pem))
                describe_certificate(j, pem, now_s, (const char *)s->tls.certs.items[k].cert.p);
        size_t npairs = s->tls.certs.count ? 0 : kept_pairs(m->bundle, s->name, pairs);
        for (size_t k = 0; k < npairs; k++)
            describe_certificate(j, pairs[k].chain, now_s, source_text(pairs[k].source));
        json_end(j, ']');
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void describe_reload(struct json *j, const struct master *m)
{
    json_object(j, "reload");
    json_uint(j, "count", m->reloads);
    json_uint(j, "refused", m->reload_failures);
    json_int(j, "last", m->reloaded_s);
    json_bool(j, "last_ok", m->reload_ok);
    json_end(j, '}');
}

static void describe_child(struct json *j, const struct child *k)
{
    static const char *const states[] = {"down", "starting", "ready", "ending"};
    uint64_t memory_bytes;
    json_object(j, NULL);
    if (!k->keeper)
        json_uint(j, "index", k->index);
    json_uint(j, "pid", (uint64_t)k->pid);
    json_cstr(j, "state", states[k->state]);
    json_uint(j, "restarts", k->restarts);
    if (k->pid && !proc_memory(k->pid, &memory_bytes))
        json_uint(j, "memory_bytes", memory_bytes);
    if (k->report.n)
        json_raw(j, "report", buf_slice(&k->report));
    json_end(j, '}');
}

static void describe(struct json *j, const struct master *m)
{
    json_object(j, NULL);
    json_cstr(j, "version", PORT443_VERSION);
    json_uint(j, "pid", (uint64_t)proc_pid());
    json_int(j, "started", m->started_s);
    json_int(j, "now", loop_unix_ms(m->loop) / 1000);
    json_cstr(j, "state",
              m->phase == MASTER_RUNNING    ? "running"
              : m->phase == MASTER_STOPPING ? "stopping"
                                            : "starting");
    json_cstr(j, "state_dir", m->state_dir);
    json_text(j, "config", m->conf->file);
    json_uint(j, "https_port", m->ports.https_port);
    json_uint(j, "http_port", m->ports.http_port);
    json_uint(j, "connections", metrics_sum(m->metrics, METRIC_CONN_OPEN));
    json_uint(j, "requests", metrics_sum(m->metrics, METRIC_REQUESTS));
    json_uint(j, "requests_open", metrics_sum(m->metrics, METRIC_REQUESTS_OPEN));
    describe_reload(j, m);
    describe_sites(j, m);
    json_array(j, "workers");
    for (uint32_t i = 0; i < m->nworkers; i++)
        describe_child(j, &m->workers[i]);
    json_end(j, ']');
    json_array(j, "keeper");
    describe_child(j, &m->keeper);
    json_end(j, ']');
    json_end(j, '}');
}

static void conclude(struct master *m)
{
    struct buf b;
    struct json j;
    buf_init(&b, DOCUMENT_MAX);
    json_init(&j, &b);
    describe(&j, m);
    loop_timer_clear(&m->overview_bound);
    for (size_t i = 0; i < m->nwaiting; i++)
        admin_answer(m->waiting[i], j.r ? 500 : 200, "application/json",
                     j.r ? SLICE("{}") : buf_slice(&b));
    m->nwaiting = 0;
    buf_done(&b);
}

static bool still_due(const struct master *m)
{
    bool due = m->keeper.report_due;
    for (uint32_t i = 0; i < m->nworkers; i++)
        due |= m->workers[i].report_due;
    return due;
}

static void on_bound(struct loop_timer *t)
{
    conclude(container_of(t, struct master, overview_bound));
}

void overview_init(struct master *m)
{
    loop_timer_init(&m->overview_bound, on_bound);
}

static void ask(struct child *k)
{
    k->report_due = k->state == CHILD_READY;
    buf_reset(&k->report);
    child_tell(k, MESSAGE_STATUS);
}

void overview_begin(struct master *m, struct admin_call *call)
{
    if (m->nwaiting == MASTER_CALLS_MAX) {
        admin_say(call, 503, "too many ask at once");
        return;
    }
    m->waiting[m->nwaiting++] = call;
    if (m->nwaiting > 1)
        return;
    for (uint32_t i = 0; i < m->nworkers; i++)
        ask(&m->workers[i]);
    ask(&m->keeper);
    loop_timer_set(m->loop, &m->overview_bound, REPORT_WAIT_MS);
    if (!still_due(m))
        conclude(m);
}

/* It goes into the document as it is: a worker in foreign hands must not forge what stands around
 * it. */
static bool is_report(struct slice json)
{
    return json.n && json.p[0] == '{' && json_valid(json);
}

void overview_report(struct master *m, struct child *k, struct slice json)
{
    buf_reset(&k->report);
    bool good = is_report(json);
    if (!good && k->report_due) /* one for each question: no worker floods the log */
        EVENT(m->events, EVENT_ERROR, "report_malformed",
              EV_CSTR("child", k->keeper ? "keeper" : "worker"), EV_UINT("pid", k->pid),
              EV_UINT("bytes", json.n));
    if (good && buf_add(&k->report, json))
        buf_reset(&k->report);
    k->report_due = false;
    if (m->nwaiting && !still_due(m))
        conclude(m);
}
