/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A whole handshake, then: does the server let the client begin another one, as often as it likes
 * (CVE-2011-1473)? And with its ticket: does it echo more of a short session id than was sent
 * (Ticketbleed, CVE-2016-9244)? */
#include "check/auditreneg.h"

#include "base/mem.h"
#include "check/auditask.h"
#include "check/auditsuites.h"
#include "crypt/session.h"
#include "crypt/tlsctx.h"

#define DEFAULT_TIMEOUT_MS 5000
#define TICKET_MAX         4096
#define TRIES              3 /* of Ticketbleed: an id of 4 bytes may be echoed by chance */

static const uint8_t short_id[4] = {0x8c, 0x5a, 0x31, 0x77};

struct auditreneg {
    struct audit *a;
    struct tlsctx *ctx;
    struct probe probe;
    struct link link;
    struct session *session; /* owned by the link once it is its filter */
    struct loop_timer deadline;
    struct loop_task ended;
    bool linked, asked, over;
};

/* ---- Ticketbleed ---- */

static void on_echo(struct ask *q, const struct serverflight *flight, const struct probe_result *r)
{
    enum facts_answer *ret = &q->a->f->tls.vuln[FACTS_TICKETBLEED];
    (void)r;
    if (!auditask_accepted(flight, auditsuites_version(auditsuites_best_clear(q->a))))
        return;
    struct slice id = flight->session_id, sent = slice_of(short_id, sizeof(short_id));
    if (id.n > sent.n && slice_starts(id, sent))
        *ret = FACTS_YES;
    else if (*ret == FACTS_UNKNOWN)
        *ret = FACTS_NO;
}

static const struct ask_kind echo_kind = {on_echo, false};

static void try_ticket(struct auditreneg *n)
{
    enum facts_version v = auditsuites_best_clear(n->a);
    uint16_t codes[AUDITSTATE_CODES_MAX];
    uint8_t ticket[TICKET_MAX];
    struct hellomake h;
    size_t bytes = session_kept_ticket(n->session, ticket, sizeof(ticket));
    if (bytes == 0) {
        n->a->f->tls.vuln[FACTS_TICKETBLEED] = FACTS_NO;
        return;
    }
    auditask_base(n->a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_kind(n->a, v, auditsuites_any, codes);
    h.ems = true; /* as in the handshake that the ticket is of (RFC 7627 5.3) */
    h.session_ticket = true;
    h.ticket = slice_of(ticket, bytes);
    h.session_id = slice_of(short_id, sizeof(short_id));
    for (unsigned i = 0; i < TRIES; i++)
        (void)auditask_hello(n->a, &h, &echo_kind, NULL);
}

/* ---- renegotiation ---- */

static void stop(struct auditreneg *n)
{
    loop_timer_clear(&n->deadline);
    if (n->linked)
        link_close(&n->link, true);
    n->linked = false;
    n->session = NULL;
}

/* From inside the link's callback it may not be closed by surprise: a task does it. */
static void end(struct auditreneg *n, enum facts_answer answer)
{
    n->a->f->tls.vuln[FACTS_RENEGOTIATION_CLIENT] = answer;
    n->over = true;
    loop_timer_clear(&n->deadline);
    loop_defer(n->a->o.loop, &n->ended);
}

static void on_ended(struct loop_task *t)
{
    struct auditreneg *n = container_of(t, struct auditreneg, ended);
    stop(n);
    n->a->pending--;
    loop_defer(n->a->o.loop, &n->a->next);
}

/* The handshake is complete: the ticket is used by other connections, then a new one is begun. */
static int begin_again(struct auditreneg *n)
{
    n->asked = true;
    try_ticket(n);
    return session_renegotiate(n->session, &n->link.out);
}

static void on_link(struct link *k)
{
    struct auditreneg *n = container_of(k, struct auditreneg, link);
    int r = OK;
    if (n->over)
        return;
    do {
        r = link_fill(k);
        link_consume(k, link_input(k).n);
        if (session_ready(n->session) && !n->asked && begin_again(n)) {
            end(n, FACTS_NO);
            return;
        }
    } while (!r);
    BEST_EFFORT(link_flush(k));
    if (n->asked && session_renegotiated(n->session))
        end(n, FACTS_YES);
    else if (r != ERR_AGAIN) /* alert or close: refused, if it came so far at all */
        end(n, n->asked ? FACTS_NO : FACTS_UNKNOWN);
}

static void on_deadline(struct loop_timer *t)
{
    struct auditreneg *n = container_of(t, struct auditreneg, deadline);
    end(n, n->asked ? FACTS_NO : FACTS_UNKNOWN); /* ignored */
}

static uint32_t timeout_ms(const struct auditreneg *n)
{
    uint32_t t = n->a->o.to.timeout_ms ? n->a->o.to.timeout_ms : DEFAULT_TIMEOUT_MS;
    return t < 2000 ? t : 2000;
}

static void on_connected(struct probe *p, const struct probe_result *r)
{
    struct auditreneg *n = container_of(p, struct auditreneg, probe);
    const struct facts_target *t = &n->a->f->target;
    int e = r->end == PROBE_DONE ? probe_take_link(r, &n->link, on_link) : ERR_RESET;
    n->linked = !e;
    if (!e)
        e = session_connect(n->ctx, t->sni.n ? t->sni : t->host, &n->session);
    if (!e)
        e = link_set_filter(&n->link, &session_filter, n->session);
    if (!e || e == ERR_AGAIN)
        e = link_flush(&n->link);
    loop_timer_set(n->a->o.loop, &n->deadline, timeout_ms(n));
    if (e && e != ERR_AGAIN)
        end(n, FACTS_UNKNOWN);
}

struct auditreneg *auditreneg_begin(struct audit *a)
{
    struct tlsctx_client o = {.insecure = true, .renegotiates = true};
    struct fault f;
    struct auditreneg *n;
    if (auditsuites_best_clear(a) < FACTS_TLS10 || !(n = mem_alloc(sizeof(*n))))
        return NULL;
    n->a = a;
    n->probe.on_done = on_connected;
    n->link.io.fd = -1;
    loop_timer_init(&n->deadline, on_deadline);
    loop_task_init(&n->ended, on_ended);
    if (tlsctx_client_new(&o, &n->ctx, &f)) {
        mem_free(n);
        return NULL;
    }
    struct probe_options to = a->o.to;
    to.hello = SLICE_EMPTY;
    a->pending++;
    probe_start(a->o.run, &to, &n->probe);
    return n;
}

void auditreneg_drop(struct auditreneg *n)
{
    if (!n)
        return;
    probe_cancel(&n->probe);
    loop_task_cancel(&n->ended);
    stop(n);
    tlsctx_unref(n->ctx);
    mem_free(n);
}
