/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the master does by the clock: new ticket keys, a look at every certificate in use. */
#include "serve/clocks.h"

#include "crypt/certinfo.h"
#include "serve/kept.h"
#include "serve/master_state.h"
#include "serve/message.h"

#define CERTIFICATES_MS  (3600u * 1000)
#define EXPIRY_WARNING_S (14 * 86400)

static void on_tickets(struct loop_timer *t)
{
    struct master *m = container_of(t, struct master, tickets);
    struct secret packed = SECRET_EMPTY;
    int r = ticketring_rotate(&m->ring);
    if (!r)
        r = ticketring_pack(&m->ring, &packed);
    bool packed_all = r == OK;
    for (uint32_t i = 0; packed_all && i < m->nworkers; i++) {
        struct child *k = &m->workers[i];
        if (k->state != CHILD_READY && k->state != CHILD_STARTING)
            continue;
        int e = chan_send(&k->chan, MESSAGE_TICKETS, secret_expose(&packed), NULL, 0);
        r = e ? e : r; /* a worker that is dying takes nothing away from the others */
    }
    secret_done(&packed);
    if (r)
        EVENT(m->events, EVENT_ERROR, "ticket_keys_not_rotated", EV_CSTR("error", err_name(r)));
    loop_timer_set(m->loop, t, m->conf->tls.ticket_lifetime_ms);
}

static void look_at(struct master *m, const struct conf_site *s, struct slice pem,
                    struct slice source)
{
    int64_t now_s = loop_unix_ms(m->loop) / 1000;
    struct certinfo_chain *chain;
    if (certinfo_parse(pem, &chain, NULL))
        return;
    int64_t left_s = certinfo_at(chain, 0)->not_after_s - now_s;
    metrics_set_certificate(m->metrics, metrics_assign_site(m->metrics, s->name),
                            certinfo_at(chain, 0)->not_after_s);
    certinfo_unref(chain);
    if (left_s <= 0)
        EVENT(m->events, EVENT_ERROR, "certificate_expired", EV_TEXT("site", s->name),
              EV_UINT("days_ago", (uint64_t)(-left_s / 86400)), EV_TEXT("source", source));
    else if (left_s < EXPIRY_WARNING_S && s->tls.certs.count)
        EVENT(m->events, EVENT_WARN, "certificate_expiring", EV_TEXT("site", s->name),
              EV_UINT("days_left", (uint64_t)(left_s / 86400)), EV_TEXT("source", source));
}

void clocks_look_at_certificates(struct master *m)
{
    struct kept_pair pairs[KEPT_SLOTS];
    struct slice pem;
    for (size_t i = 0; i < m->conf->nsites; i++) {
        const struct conf_site *s = &m->conf->sites[i];
        for (size_t k = 0; k < s->tls.certs.count; k++)
            if (bundle_file(m->bundle, s->tls.certs.items[k].cert, &pem))
                look_at(m, s, pem, s->tls.certs.items[k].cert);
        size_t npairs = s->tls.certs.count ? 0 : kept_pairs(m->bundle, s->name, pairs);
        for (size_t k = 0; k < npairs; k++)
            look_at(m, s, pairs[k].chain, SLICE("keeper"));
    }
    loop_timer_set(m->loop, &m->certificates, CERTIFICATES_MS);
}

static void on_certificates(struct loop_timer *t)
{
    clocks_look_at_certificates(container_of(t, struct master, certificates));
}

void clocks_init(struct master *m)
{
    loop_timer_init(&m->tickets, on_tickets);
    loop_timer_init(&m->certificates, on_certificates);
}

void clocks_begin(struct master *m)
{
    loop_timer_set(m->loop, &m->tickets, m->conf->tls.ticket_lifetime_ms);
}
