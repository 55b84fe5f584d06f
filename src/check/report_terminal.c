/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The page that people read: verdict first, then the five steps, what to do, and the details for
 * those who want them. Colour is never the only bearer of a meaning. */
#include <stdarg.h>
#include <stdio.h>

#include "check/report.h"
#include "wire/suite.h"

#define LINE 400

enum tint { PLAIN, BOLD, DIM, GREEN, YELLOW, RED };

struct page {
    struct buf *out;
    const struct report_style *style;
    int r;
};

static void put(struct page *p, enum tint tint, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void put(struct page *p, enum tint tint, const char *fmt, ...)
{
    static const char *const on[] = {"", "\33[1m", "\33[2m", "\33[32m", "\33[33m", "\33[31m"};
    char raw[LINE], line[LINE];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    if (p->r || n < 0)
        return;
    /* Names and errors come from strangers: nothing of theirs may steer the terminal. */
    size_t used = 0;
    for (const char *c = raw; *c && used + 1 < sizeof(line); c++)
        line[used++] = ((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f ? '?' : *c;
    bool tinted = p->style->color && tint != PLAIN, ends = used && line[used - 1] == '\n';
    p->r = buf_add(p->out, slice_cstr(tinted ? on[tint] : ""));
    if (!p->r)
        p->r = buf_add(p->out, slice_of(line, used - ends));
    if (!p->r && tinted)
        p->r = buf_add(p->out, SLICE("\33[0m"));
    if (!p->r && ends) /* outside of the colour, which some terminals else draw to the margin */
        p->r = buf_add(p->out, SLICE("\n"));
}

static unsigned columns(const struct page *p)
{
    return p->style->columns >= 40 ? p->style->columns : 80;
}

/* Text in lines of the page's width, each behind `indent` spaces. */
static void wrapped(struct page *p, enum tint tint, unsigned indent, struct slice text)
{
    unsigned width = columns(p) - indent;
    while (text.n) {
        size_t n = text.n;
        if (n > width) {
            n = width;
            while (n > width / 2 && text.p[n] != ' ')
                n--;
            if (text.p[n] != ' ')
                n = width;
        }
        put(p, tint, "%*s" SLICE_F "\n", (int)indent, "", SLICE_A(slice_first(text, n)));
        text = slice_from(text, n < text.n && text.p[n] == ' ' ? n + 1 : n);
    }
}

static enum tint tint_of(enum facts_severity s)
{
    return s >= FACTS_HIGH ? RED : s == FACTS_MEDIUM ? YELLOW : s == FACTS_LOW ? PLAIN : DIM;
}

/* ---- the top: one sentence ---- */

static const struct facts_step *first_failure(const struct facts *f)
{
    for (size_t i = 0; i < FACTS_STEPS; i++)
        if (f->steps[i].ran && !f->steps[i].ok && i != FACTS_CLOSE)
            return &f->steps[i];
    return NULL;
}

static void verdict(struct page *p, const struct facts *f)
{
    enum facts_severity worst = facts_worst(f);
    const struct facts_step *bad = first_failure(f);
    put(p, BOLD, SLICE_F, SLICE_A(f->target.text));
    put(p, PLAIN, "  ");
    if (bad)
        put(p, RED, "does not work: %s\n", bad->fault.what[0] ? bad->fault.what : bad->words);
    else if (worst >= FACTS_HIGH)
        put(p, RED, "works, with serious problems\n");
    else if (worst == FACTS_MEDIUM)
        put(p, YELLOW, "works; something should be mended\n");
    else
        put(p, GREEN, "works well\n");
    if (f->why.ran && f->why.verdict != FACTS_VERDICT_OK) {
        put(p, BOLD, "  why: %s", facts_verdict_text(f->why.verdict));
        put(p, PLAIN, " (%s)\n", facts_verdict_words(f->why.verdict));
        for (size_t i = 0; i < f->why.nevidence; i++)
            wrapped(p, DIM, 4, f->why.evidence[i]);
        if (f->why.next.n)
            wrapped(p, PLAIN, 4, f->why.next);
    }
    put(p, PLAIN, "\n");
}

/* ---- the five steps ---- */

static void steps(struct page *p, const struct facts *f)
{
    static const char *const names[] = {"1 name ", "2 TCP  ", "3 TLS  ", "4 HTTP ", "5 close"};
    for (size_t i = 0; i < FACTS_STEPS; i++) {
        const struct facts_step *s = &f->steps[i];
        if (!s->ran) {
            put(p, DIM, "  -    %s  not reached\n", names[i]);
            continue;
        }
        put(p, s->ok ? GREEN : RED, "  %s", s->ok ? "ok  " : "FAIL");
        put(p, PLAIN, " %s %6u.%01u ms  ", names[i], (unsigned)(s->took_us / 1000),
            (unsigned)(s->took_us % 1000 / 100));
        put(p, PLAIN, "%s\n", s->ok || !s->fault.what[0] ? s->words : s->fault.what);
    }
    put(p, PLAIN, "\n");
}

static void addresses(struct page *p, const struct facts *f)
{
    const struct facts_dns *d = &f->dns;
    char ip[CIDR_IP_TEXT];
    if (d->naddresses < 2 && !d->ncnames)
        return;
    for (size_t i = 0; i < d->ncnames; i++)
        put(p, DIM, "  alias of " SLICE_F "\n", SLICE_A(d->cnames[i]));
    for (size_t i = 0; i < d->naddresses; i++) {
        const struct facts_address *a = &d->addresses[i];
        cidr_format_ip(&a->ip, ip);
        put(p, a->tried && a->end != PROBE_DONE ? YELLOW : DIM, "  %s %-39s %s\n",
            a->chosen ? ">" : " ", ip, !a->tried ? "not tried" : probe_end_words(a->end));
    }
    put(p, PLAIN, "\n");
}

/* ---- certificate ---- */

static void certificate(struct page *p, const struct facts *f)
{
    if (!f->nchains)
        return;
    const struct facts_chain *c = &f->chains[0];
    const struct certinfo *ci = certinfo_at(c->chain, 0);
    long long days = (long long)(ci->not_after_s - f->now_s) / 86400;
    put(p, BOLD, "  certificate\n");
    put(p, PLAIN, "    for      " SLICE_F "%s\n",
        SLICE_A(ci->nsans ? ci->sans[0].name : ci->subject), ci->nsans > 1 ? " and others" : "");
    put(p, PLAIN, "    from     " SLICE_F "\n", SLICE_A(ci->issuer));
    put(p, days < 0 ? RED : PLAIN, "    ends     %s%lld days%s\n", days < 0 ? "" : "in ",
        days < 0 ? -days : days, days < 0 ? " ago" : "");
    put(p, PLAIN, "    key      %s %u bit, signed with " SLICE_F "\n",
        keystore_kind_text(ci->key_kind), ci->key_bits, SLICE_A(ci->sigalg));
    put(p, c->trusted && c->name_match ? GREEN : RED, "    verdict  %s%s\n",
        c->trusted           ? "trusted"
        : c->verify_words[0] ? c->verify_words
                             : "not trusted",
        c->name_match ? "" : ", and not for this name");
    put(p, PLAIN, "\n");
}

/* ---- what to do ---- */

static void findings(struct page *p, const struct facts *f)
{
    size_t shown = 0;
    for (int s = FACTS_CRITICAL; s >= FACTS_INFO; s--)
        for (size_t i = 0; i < f->nfindings; i++) {
            const struct facts_finding *x = &f->findings[i];
            if ((int)x->severity != s || (s == FACTS_INFO && !p->style->verbose))
                continue;
            if (shown++ == 0)
                put(p, BOLD, "  what to do\n");
            put(p, tint_of(x->severity), "    %-8s ", facts_severity_text(x->severity));
            put(p, PLAIN, "%s", x->title);
            put(p, DIM, "  [%s]\n", x->id);
            if (x->evidence.n)
                wrapped(p, DIM, 13, x->evidence);
            wrapped(p, PLAIN, 13, slice_cstr(x->fix));
        }
    if (shown)
        put(p, PLAIN, "\n");
}

/* ---- grades ---- */

static void grades(struct page *p, const struct facts *f)
{
    const struct facts_profile *m = &f->mozilla;
    bool any = f->ssllabs.given || m->given || f->pci.given || f->observatory.given;
    if (!any && !f->ssllabs.missing.n)
        return;
    put(p, BOLD, "  grades\n");
    if (f->ssllabs.given)
        put(p, PLAIN,
            "    SSL Labs 2009r   %-3s score %u (protocol %u, key exchange %u, cipher %u)\n",
            f->ssllabs.grade, f->ssllabs.score, f->ssllabs.protocol, f->ssllabs.key_exchange,
            f->ssllabs.cipher);
    else if (f->ssllabs.missing.n)
        put(p, DIM, "    SSL Labs 2009r   not given: " SLICE_F "\n", SLICE_A(f->ssllabs.missing));
    for (size_t i = 0; i < f->ssllabs.ncaps; i++)
        wrapped(p, DIM, 21, f->ssllabs.caps[i]);
    if (m->given)
        put(p, PLAIN, "    Mozilla          modern %s, intermediate %s, old %s\n",
            m->modern ? "yes" : "no", m->intermediate ? "yes" : "no", m->old ? "yes" : "no");
    if (f->pci.given)
        put(p, PLAIN, "    PCI DSS 4.0.1    %s (what a remote test can see)\n",
            f->pci.pass ? "pass" : "fail");
    if (f->observatory.given)
        put(p, PLAIN, "    Observatory      %-3s score %d\n", f->observatory.grade,
            f->observatory.score);
    put(p, PLAIN, "\n");
}

/* ---- details ---- */

static void versions(struct page *p, const struct facts_tls *t)
{
    put(p, BOLD, "  versions");
    for (enum facts_version v = FACTS_SSL2; v < FACTS_VERSIONS; v++)
        if (t->version[v] != FACTS_NO)
            put(p, v < FACTS_TLS12 && t->version[v] == FACTS_YES ? YELLOW : PLAIN, "  %s%s",
                facts_version_text(v), t->version[v] == FACTS_UNKNOWN ? " (unknown)" : "");
    put(p, PLAIN, "\n");
}

static void details(struct page *p, const struct facts_tls *t)
{
    versions(p, t);
    for (int v = FACTS_TLS13; v >= FACTS_SSL3; v--) {
        const struct facts_suites *s = &t->suites[v];
        if (!s->n)
            continue;
        put(p, BOLD, "  %s", facts_version_text((enum facts_version)v));
        put(p, DIM, " %s\n",
            t->server_order[v] == FACTS_YES ? "(in the server's order)" : "(client chooses)");
        for (size_t i = 0; i < s->n; i++) {
            const struct suite *known = suite_find(s->codes[i]);
            if (known)
                put(p, known->bits < 112 ? RED : PLAIN, "    %-46s %3u bit%s\n", known->name,
                    known->bits, suite_forward_secret(known) ? "" : ", no forward secrecy");
        }
    }
    put(p, BOLD, "  groups");
    for (size_t i = 0; i < t->ngroups; i++) {
        const struct suite_group *g = suite_group_find(t->groups[i]);
        if (g)
            put(p, PLAIN, " %s", g->name);
    }
    put(p, PLAIN, "\n");
    put(p, BOLD, "  signatures");
    for (size_t i = 0; i < t->nsigalgs; i++) {
        const char *name = suite_sigalg_name(t->sigalgs[i]);
        if (name)
            put(p, PLAIN, " %s", name);
    }
    put(p, PLAIN, "\n\n");
}

int report_terminal(const struct facts *f, const struct report_style *style, struct buf *out)
{
    struct page p = {out, style, OK};
    verdict(&p, f);
    steps(&p, f);
    addresses(&p, f);
    certificate(&p, f);
    findings(&p, f);
    if (style->verbose)
        details(&p, &f->tls);
    else if (f->tls.connections)
        versions(&p, &f->tls);
    grades(&p, f);
    if (f->tls.backed_off)
        put(&p, YELLOW, "  The server slowed down or cut probes; --slow gives surer answers.\n");
    return p.r;
}
