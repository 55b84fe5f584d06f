/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The report for people: a verdict on top, the five steps, what the server is, then each finding
 * with what was seen and the one thing to do. */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "check/report.h"

#define DAY_S 86400

static const char *const step_names[FACTS_STEPS] = {"name", "TCP", "TLS", "HTTP", "close"};

struct pen {
    const struct facts *f;
    const struct report_style *style;
    struct buf *out;
    int r; /* sticky */
};

static void write_text(struct pen *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void write_text(struct pen *p, const char *fmt, ...)
{
    char text[1200];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    if (!p->r)
        p->r = buf_add(p->out, slice_of(text, bytes));
}

static void paint(struct pen *p, const char *code, const char *text)
{
    if (p->style->color)
        write_text(p, "\033[%sm%s\033[0m", code, text);
    else
        write_text(p, "%s", text);
}

static void write_peer(struct pen *p, struct slice s)
{
    char shown[600];
    text_escape(s, shown, sizeof(shown));
    write_text(p, "%s", shown);
}

static const char *color_of(enum facts_severity s)
{
    static const char *const colors[] = {"2", "36", "33", "31", "1;31"};
    return colors[s];
}

static size_t count(const struct facts *f, enum facts_severity s)
{
    size_t n = 0;
    for (size_t i = 0; i < f->nfindings; i++)
        n += f->findings[i].severity == s;
    return n;
}

/* ---- verdict ---- */

static void write_counts(struct pen *p)
{
    bool any = false;
    for (enum facts_severity s = FACTS_CRITICAL; s > FACTS_INFO; s--) {
        size_t n = count(p->f, s);
        char words[60];
        if (!n)
            continue;
        snprintf(words, sizeof(words), "%zu %s", n, facts_severity_text(s));
        write_text(p, "%s", any ? ", " : "");
        paint(p, color_of(s), words);
        any = true;
    }
    if (!any)
        paint(p, "32", "nothing to complain about");
    write_text(p, "\n");
}

static void write_grades(struct pen *p)
{
    const struct facts *f = p->f;
    const char *sep = "grades   ";
    if (f->ssllabs.given) {
        write_text(p, "%sSSL Labs %s (%u)", sep, f->ssllabs.grade, f->ssllabs.score);
        sep = ", ";
    }
    if (f->mozilla.given) {
        write_text(p, "%sMozilla %s", sep,
                   f->mozilla.modern         ? "modern"
                   : f->mozilla.intermediate ? "intermediate"
                   : f->mozilla.old          ? "old"
                                             : "none");
        sep = ", ";
    }
    if (f->pci.given) {
        write_text(p, "%sPCI DSS %s", sep, f->pci.pass ? "passed" : "failed");
        sep = ", ";
    }
    if (f->observatory.given) {
        write_text(p, "%sObservatory %s (%d)", sep, f->observatory.grade, f->observatory.score);
        sep = ", ";
    }
    if (sep[0] == ',')
        write_text(p, "\n");
    for (size_t i = 0; i < f->ssllabs.ncaps; i++) {
        write_text(p, "         ");
        write_peer(p, f->ssllabs.caps[i]);
        write_text(p, "\n");
    }
    if (!f->ssllabs.given && f->ssllabs.missing.n) {
        write_text(p, "grades   none: ");
        write_peer(p, f->ssllabs.missing);
        write_text(p, "\n");
    }
}

/* ---- steps ---- */

static void write_step(struct pen *p, enum facts_step_id id)
{
    const struct facts_step *s = &p->f->steps[id];
    if (!s->ran)
        return;
    write_text(p, "  ");
    paint(p, s->ok ? "32" : "31", s->ok ? "ok  " : "FAIL");
    write_text(p, " %-5s %6u.%u ms  ", step_names[id], (unsigned)(s->took_us / 1000),
               (unsigned)(s->took_us / 100 % 10));
    write_peer(p, slice_cstr(s->ok || !s->fault.what[0] ? s->words : s->fault.what));
    write_text(p, "\n");
}

/* ---- what the server is ---- */

static void write_certificate(struct pen *p)
{
    const struct facts *f = p->f;
    if (!f->nchains)
        return;
    const struct certinfo *leaf = certinfo_at(f->chains[0].chain, 0);
    int64_t days = (leaf->not_after_s - f->now_s) / DAY_S;
    write_text(p, "certificate  ");
    write_peer(p, leaf->nsans ? leaf->sans[0].name : leaf->subject);
    if (leaf->nsans > 1)
        write_text(p, " and %zu more", leaf->nsans - 1);
    write_text(p, ", by ");
    write_peer(p, leaf->issuer);
    write_text(p, ", %s %u bits, %lld days left\n", keystore_kind_text(leaf->key_kind),
               leaf->key_bits, (long long)days);
}

static void write_versions(struct pen *p)
{
    const struct facts_tls *t = &p->f->tls;
    const char *sep = "versions     ";
    for (enum facts_version v = FACTS_SSL2; v < FACTS_VERSIONS; v++)
        if (t->version[v] == FACTS_YES) {
            write_text(p, "%s%s", sep, facts_version_text(v));
            sep = ", ";
        }
    if (sep[0] == ',')
        write_text(p, "\n");
}

/* ---- findings ---- */

static void write_finding(struct pen *p, const struct facts_finding *f)
{
    char word[16];
    snprintf(word, sizeof(word), "%-8s", facts_severity_text(f->severity));
    paint(p, color_of(f->severity), word);
    write_text(p, " %s  [%s]\n", f->title, f->id);
    if (f->evidence.n) {
        write_text(p, "         seen: ");
        write_peer(p, f->evidence);
        write_text(p, "\n");
    }
    write_text(p, "         do:   %s\n", f->fix);
}

static void write_why(struct pen *p)
{
    const struct facts_why *w = &p->f->why;
    if (!w->ran)
        return;
    write_text(p, "\nwhy      %s: %s\n", facts_verdict_text(w->verdict),
               facts_verdict_words(w->verdict));
    for (size_t i = 0; i < w->nevidence; i++) {
        write_text(p, "         ");
        write_peer(p, w->evidence[i]);
        write_text(p, "\n");
    }
    if (w->next.n) {
        write_text(p, "         do:   ");
        write_peer(p, w->next);
        write_text(p, "\n");
    }
}

int report_terminal(const struct facts *f, const struct report_style *style, struct buf *out)
{
    struct pen p = {f, style, out, OK};
    write_peer(&p, f->target.text);
    write_text(&p, ": ");
    write_counts(&p);
    write_grades(&p);
    for (enum facts_step_id i = FACTS_DNS; i < FACTS_STEPS; i++)
        write_step(&p, i);
    write_certificate(&p);
    write_versions(&p);
    for (enum facts_severity s = FACTS_CRITICAL;; s--) {
        for (size_t i = 0; i < f->nfindings; i++)
            if (f->findings[i].severity == s)
                write_finding(&p, &f->findings[i]);
        if (s == FACTS_INFO)
            break;
    }
    write_why(&p);
    return p.r;
}
