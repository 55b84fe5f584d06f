/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Lines of evidence, in the order of a visit. */
#include "check/whyevidence.h"

#include <stdarg.h>
#include <stdio.h>

#include "check/whyservice.h"
#include "wire/serverflight.h"

struct page {
    const struct whyjudge_measures *m;
    struct arena *a;
    struct facts_why *to;
};

static void line(struct page *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void line(struct page *p, const char *fmt, ...)
{
    char text[400];
    va_list args;
    if (p->to->nevidence == ARRAY_LEN(p->to->evidence))
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    p->to->nevidence += !arena_copy(p->a, slice_cstr(text), &p->to->evidence[p->to->nevidence]);
}

/* "the connection is cut after the hello (reset; ICMP 3/13 from 192.0.2.1)". */
static void words(const struct whyjudge_hello *h, char *dst, size_t cap)
{
    char from[CIDR_IP_TEXT], seen[100];
    size_t n = (size_t)snprintf(dst, cap, "%s", whyjudge_end_words(h->end));
    if (h->end == WHYJUDGE_CUT)
        n += (size_t)snprintf(dst + n, cap - n, h->by_reset ? " (reset)" : " (closed)");
    if (h->end == WHYJUDGE_ALERT)
        n += (size_t)snprintf(dst + n, cap - n, ": %s (%u)", serverflight_alert_text(h->alert),
                              h->alert);
    if (h->end == WHYJUDGE_UNACKED)
        n += (size_t)snprintf(dst + n, cap - n, " (sent %u times more, never acknowledged)",
                              h->retransmits);
    if (h->end == WHYJUDGE_SILENT && h->received_bytes)
        n += (size_t)snprintf(dst + n, cap - n, " (%llu bytes, then nothing)",
                              (unsigned long long)h->received_bytes);
    if (h->nseen) {
        struct slice bytes = slice_of(h->seen, h->nseen);
        whyservice_show(bytes, seen, sizeof(seen));
        n += (size_t)snprintf(dst + n, cap - n, h->by_proxy ? ": the proxy says \"%s\"" : ": %s",
                              h->by_proxy ? seen : whyservice_name(bytes));
        if (!h->by_proxy)
            n += (size_t)snprintf(dst + n, cap - n, ", it says \"%s\"", seen);
    }
    if (h->icmp) {
        cidr_format_ip(&h->icmp_error.from, from);
        snprintf(dst + n, cap - n, " (ICMP type %u code %u from %s)", h->icmp_error.type,
                 h->icmp_error.code, from);
    }
}

static void hello(struct page *p, const char *what, const struct whyjudge_hello *h)
{
    char text[320];
    if (h->end == WHYJUDGE_NOT_RUN)
        return;
    words(h, text, sizeof(text));
    line(p, "%s: %s", what, text);
}

static void names(struct page *p, const char *who, const struct whyjudge_names *n)
{
    char text[160], ip[CIDR_IP_TEXT];
    size_t at = 0;
    if (!n->asked)
        return;
    if (n->nips == 0) {
        line(p, "%s: %s", who,
             n->r            ? err_text(n->r)
             : n->rcode == 3 ? "there is no such name"
                             : "the name has no address");
        return;
    }
    for (size_t i = 0; i < n->nips && i < 3; i++) {
        cidr_format_ip(&n->ips[i], ip);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", " : "", ip);
    }
    line(p, "%s: %s%s", who, text, n->nips > 3 ? " and more" : "");
}

static void peer(struct page *p, const char *what, const struct whyjudge_peer *c)
{
    if (!c->tried)
        return;
    if (c->has_certificate)
        line(p, "%s: certificate for \"%s\" by \"%s\"%s%s", what, c->subject, c->issuer,
             c->trusted    ? ", good"
             : c->words[0] ? ": "
                           : "",
             c->trusted ? "" : c->words);
    else
        line(p, "%s: %s", what, c->words[0] ? c->words : "no certificate");
}

static void about_names(struct page *p)
{
    const struct whyjudge_measures *m = p->m;
    names(p, "the system's resolver says", &m->system);
    names(p, "the second resolver says", &m->second);
    if (m->random_name.nips)
        names(p, "asked for a name that cannot exist, the system's resolver says", &m->random_name);
    if (m->system.asked && m->system.nips == 0)
        names(p, "for a well-known name the system's resolver says", &m->control_name);
}

static void about_controls(struct page *p)
{
    char what[160];
    for (size_t i = 0; i < p->m->ncontrols; i++) {
        const struct whyjudge_control *c = &p->m->controls[i];
        snprintf(what, sizeof(what), "elsewhere (%s)", c->name);
        hello(p, what, &c->own);
        snprintf(what, sizeof(what), "elsewhere (%s) with this name", c->name);
        hello(p, what, &c->target);
        if (p->m->peer.has_certificate && !p->m->peer.trusted) {
            snprintf(what, sizeof(what), "%s", c->name);
            peer(p, what, &c->own_peer);
            snprintf(what, sizeof(what), "%s asked for this name", c->name);
            peer(p, what, &c->target_peer);
        }
    }
}

static void about_time(struct page *p)
{
    int64_t s = 0;
    const struct whyjudge_measures *m = p->m;
    if (whyjudge_skew(m, &s) && (s > 60 || s < -60))
        line(p, "the clocks of several hosts agree, and this computer's is %lld seconds %s",
             (long long)(s < 0 ? -s : s), s > 0 ? "slow" : "fast");
    if (m->built_s && m->now_s < m->built_s)
        line(p, "this computer's clock shows a time before this program was made");
}

static void about_speed(struct page *p)
{
    const struct whyjudge_measures *m = p->m;
    for (size_t i = 0; i < ARRAY_LEN(m->speed); i++)
        if (m->speed[i].took_us && m->innocent_speed[i].took_us)
            line(p,
                 "download with this name: %llu bytes in %llu ms; with another name: %llu bytes "
                 "in %llu ms",
                 (unsigned long long)m->speed[i].bytes,
                 (unsigned long long)m->speed[i].took_us / 1000,
                 (unsigned long long)m->innocent_speed[i].bytes,
                 (unsigned long long)m->innocent_speed[i].took_us / 1000);
}

static void about_portal(struct page *p)
{
    const struct whyjudge_measures *m = p->m;
    if (!m->portal_tried)
        return;
    if (m->portal_replaced)
        line(p, "plain http with a known answer is replaced: status %u%s%s", m->portal_status,
             m->portal_location[0] ? ", redirected to " : "", m->portal_location);
    else
        line(p, "plain http with a known answer: %s",
             m->portal_status ? "as it should be" : "no answer");
}

void whyevidence_write(const struct whyjudge_measures *m, struct arena *a, struct facts_why *ret)
{
    struct page p = {m, a, ret};
    char what[SOCK_ADDR_TEXT + 32], ip[CIDR_IP_TEXT];
    about_names(&p);
    snprintf(what, sizeof(what), "%s", m->address[0] ? m->address : "the target");
    hello(&p, what, &m->target);
    if (m->visit_alert)
        line(&p, "the server ended the visit with the alert %s (%u)%s",
             serverflight_alert_text(m->visit_alert), m->visit_alert,
             m->client_certificate ? "; it asks for a client certificate" : "");
    peer(&p, "it shows", &m->peer);
    hello(&p, "the same address with another name", &m->innocent);
    peer(&p, "with another name it shows", &m->innocent_peer);
    hello(&p, "with a hello of two packets", &m->large);
    hello(&p, "asked for a short answer", &m->small_answer);
    hello(&p, "asked without TLS", &m->spoken);
    hello(&p, "its port for plain http", &m->plain);
    for (size_t i = 0; i < m->nothers; i++) {
        cidr_format_ip(&m->other_ips[i], ip);
        snprintf(what, sizeof(what), "another address of the name, %s", ip);
        hello(&p, what, &m->others[i]);
    }
    peer(&p, "the second resolver's address shows", &m->second_peer);
    if (m->hop)
        line(&p, "a hello that lives for %u hop%s is still stopped: the device sits there", m->hop,
             m->hop == 1 ? "" : "s");
    about_time(&p);
    about_speed(&p);
    about_portal(&p);
    about_controls(&p);
}
