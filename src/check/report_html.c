/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One page that stands alone: no script, no external resource, good on a phone, on paper and in the
 * dark. The visit is a waterfall, the certificate a line from its begin to its end. */

#include "base/date.h"
#include "check/report.h"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>port443 check</title>\n<style>\n"
    ":root{color-scheme:light "
    "dark;--fg:#1c2024;--dim:#5a6570;--line:#d5dbe1;--bg:#fff;--card:#f6f8fa;"
    "--good:#1a7f37;--bad:#b3261e;--warn:#9a6700;--bar:#3b6fb6}\n"
    "@media(prefers-color-scheme:dark){:root{--fg:#e6e9ec;--dim:#9aa5b0;--line:#39424c;--bg:#"
    "14181c;"
    "--card:#1d2328;--good:#57c273;--bad:#ff8a80;--warn:#e3b341;--bar:#7fb0f5}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);margin:0 auto;"
    "max-width:60rem;padding:1rem}\n"
    "h1{font-size:1.5rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}\n"
    "section{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:0 0 1.5rem;"
    "background:var(--card);break-inside:avoid}\n"
    ".good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.dim{color:var(--dim)}\n"
    ".row{display:grid;grid-template-columns:4.5rem 5.5rem 1fr;gap:.5rem;align-items:center}\n"
    ".row .words{grid-column:1/-1;color:var(--dim);font-size:.9rem;margin:-.2rem 0 .5rem;"
    "overflow-wrap:anywhere}\n"
    ".track{position:relative;height:.9rem;background:var(--line);border-radius:.2rem}\n"
    ".track i{position:absolute;top:0;bottom:0;background:var(--bar);border-radius:.2rem;"
    "min-width:2px}\n.track i.fail{background:var(--bad)}.track "
    "i.now{background:var(--fg);width:3px}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}"
    "dd{margin:0;overflow-wrap:anywhere}dt{color:var(--dim)}\n"
    "ul{list-style:none;margin:0;padding:0}li{border-top:1px solid var(--line);padding:.5rem 0}\n"
    "b.sev{display:inline-block;min-width:4.5rem}p{margin:.2rem 0}\n"
    ".grades{display:flex;flex-wrap:wrap;gap:.5rem 2rem}.grades "
    "strong{font-size:1.6rem;display:block}\n"
    "@media print{body{max-width:none}section{border:0;padding:0}}\n"
    "</style></head><body>\n";

static int html(struct buf *out, struct slice s)
{
    int r = OK;
    for (size_t i = 0; !r && i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            r = buf_printf(out, "&#%u;", c);
        else if (c < 0x20 || c >= 0x7f)
            r = buf_add(out, SLICE("?"));
        else
            r = buf_add(out, slice_of(&c, 1));
    }
    return r;
}

/* "<dt>name</dt><dd>value</dd>" */
static int pair(struct buf *out, const char *name, struct slice value)
{
    int r = buf_printf(out, "<dt>%s</dt><dd>", name);
    if (!r)
        r = html(out, value);
    return r ? r : buf_add(out, SLICE("</dd>\n"));
}

static int title(const struct facts *f, struct buf *out)
{
    enum facts_severity worst = facts_worst(f);
    bool good = facts_works(f);
    int r = buf_add(out, SLICE("<section><h1>"));
    if (!r)
        r = html(out, f->target.text);
    if (!r)
        r = buf_printf(out, "</h1><p class=\"%s\"><b>%s</b></p>\n",
                       !good || worst >= FACTS_HIGH ? "bad"
                       : worst == FACTS_MEDIUM      ? "warn"
                                                    : "good",
                       !good                   ? "does not work"
                       : worst >= FACTS_HIGH   ? "works, with serious problems"
                       : worst == FACTS_MEDIUM ? "works; something should be mended"
                                               : "works well");
    if (!r && f->why.ran && f->why.verdict != FACTS_VERDICT_OK) {
        r = buf_printf(out, "<p>Why: <b>%s</b>, %s</p><ul class=\"dim\">",
                       facts_verdict_text(f->why.verdict), facts_verdict_words(f->why.verdict));
        for (size_t i = 0; !r && i < f->why.nevidence; i++) {
            r = buf_add(out, SLICE("<li>"));
            if (!r)
                r = html(out, f->why.evidence[i]);
        }
        if (!r)
            r = buf_add(out, SLICE("</ul>\n"));
    }
    return r;
}

/* ---- the waterfall ---- */

static int waterfall(const struct facts *f, struct buf *out)
{
    static const char *const names[] = {"1 name", "2 TCP", "3 TLS", "4 HTTP", "5 close"};
    uint64_t end_us = 1;
    for (size_t i = 0; i < FACTS_STEPS; i++)
        if (f->steps[i].ran && f->steps[i].start_us + f->steps[i].took_us > end_us)
            end_us = f->steps[i].start_us + f->steps[i].took_us;
    int r = buf_add(out, SLICE("<h2>The visit</h2>\n"));
    for (size_t i = 0; !r && i < FACTS_STEPS; i++) {
        const struct facts_step *s = &f->steps[i];
        if (!s->ran) {
            r = buf_printf(out, "<div class=\"row dim\"><span>%s</span><span>-</span></div>\n",
                           names[i]);
            continue;
        }
        r = buf_printf(
            out,
            "<div class=\"row\"><span class=\"%s\">%s</span><span>%u.%u ms</span>"
            "<div class=\"track\"><i class=\"%s\" style=\"left:%u.%u%%;width:%u.%u%%\">"
            "</i></div><div class=\"words\">",
            s->ok ? "good" : "bad", names[i], (unsigned)(s->took_us / 1000),
            (unsigned)(s->took_us % 1000 / 100), s->ok ? "" : "fail",
            (unsigned)(s->start_us * 100 / end_us), (unsigned)(s->start_us * 1000 / end_us % 10),
            (unsigned)(s->took_us * 100 / end_us), (unsigned)(s->took_us * 1000 / end_us % 10));
        if (!r)
            r = html(out, slice_cstr(s->ok || !s->fault.what[0] ? s->words : s->fault.what));
        if (!r)
            r = buf_add(out, SLICE("</div></div>\n"));
    }
    return r;
}

/* ---- the certificate ---- */

static int day(struct buf *out, const char *name, int64_t unix_s)
{
    struct date d;
    date_split(unix_s, &d);
    return buf_printf(out, "<dt>%s</dt><dd>%04lld-%02u-%02u</dd>\n", name, (long long)d.year,
                      d.month, d.day);
}

static int timeline(const struct facts *f, const struct certinfo *ci, struct buf *out)
{
    int64_t life = ci->not_after_s - ci->not_before_s, age = f->now_s - ci->not_before_s;
    unsigned at = life <= 0 || age >= life ? 100 : age <= 0 ? 0 : (unsigned)(age * 100 / life);
    return buf_printf(out,
                      "<p><div class=\"track\" role=\"img\" aria-label=\"%u percent of its life is "
                      "over\"><i class=\"%s\" style=\"left:0;width:%u%%\"></i>"
                      "<i class=\"now\" style=\"left:%u%%\"></i></div></p>\n",
                      at, at >= 100 ? "fail" : "", at, at);
}

static int certificate(const struct facts *f, struct buf *out)
{
    if (!f->nchains)
        return OK;
    const struct facts_chain *c = &f->chains[0];
    const struct certinfo *ci = certinfo_at(c->chain, 0);
    int r = buf_add(out, SLICE("<h2>The certificate</h2>\n"));
    if (!r)
        r = timeline(f, ci, out);
    if (!r)
        r = buf_add(out, SLICE("<dl>\n"));
    if (!r)
        r = pair(out, "for", ci->nsans ? ci->sans[0].name : ci->subject);
    if (!r)
        r = pair(out, "from", ci->issuer);
    if (!r)
        r = day(out, "begins", ci->not_before_s);
    if (!r)
        r = day(out, "ends", ci->not_after_s);
    if (!r)
        r = buf_printf(out, "<dt>key</dt><dd>%s, %u bit</dd>\n<dt>verdict</dt><dd class=\"%s\">",
                       keystore_kind_text(ci->key_kind), ci->key_bits,
                       c->trusted && c->name_match ? "good" : "bad");
    if (!r)
        r = html(out, slice_cstr(c->trusted           ? "trusted"
                                 : c->verify_words[0] ? c->verify_words
                                                      : "not trusted"));
    return r ? r
             : buf_printf(out, "%s</dd></dl>\n", c->name_match ? "" : ", and not for this name");
}

/* ---- findings and grades ---- */

static const char *class_of(enum facts_severity s)
{
    return s >= FACTS_HIGH ? "bad" : s == FACTS_MEDIUM ? "warn" : s == FACTS_LOW ? "" : "dim";
}

static int finding(const struct facts_finding *x, struct buf *out)
{
    int r = buf_printf(out, "<li id=\"%s\"><p><b class=\"sev %s\">%s</b> ", x->id,
                       class_of(x->severity), facts_severity_text(x->severity));
    if (!r)
        r = html(out, slice_cstr(x->title));
    if (!r)
        r = buf_add(out, SLICE("</p><p class=\"dim\">"));
    if (!r)
        r = html(out, x->evidence);
    if (!r)
        r = buf_add(out, SLICE("</p><p>"));
    if (!r)
        r = html(out, slice_cstr(x->fix));
    return r ? r : buf_add(out, SLICE("</p></li>\n"));
}

static int findings(const struct facts *f, struct buf *out)
{
    int r = f->nfindings ? buf_add(out, SLICE("<h2>What to do</h2>\n<ul>\n")) : OK;
    for (int s = FACTS_CRITICAL; s >= FACTS_INFO; s--)
        for (size_t i = 0; !r && i < f->nfindings; i++)
            if ((int)f->findings[i].severity == s)
                r = finding(&f->findings[i], out);
    return r || !f->nfindings ? r : buf_add(out, SLICE("</ul>\n"));
}

static int grades(const struct facts *f, struct buf *out)
{
    const struct facts_profile *m = &f->mozilla;
    int r = buf_add(out, SLICE("<h2>Grades</h2><div class=\"grades\">\n"));
    if (!r && f->ssllabs.given)
        r = buf_printf(out, "<div><strong>%s</strong>SSL Labs 2009r</div>\n", f->ssllabs.grade);
    if (!r && m->given)
        r = buf_printf(out, "<div><strong>%s</strong>Mozilla profile</div>\n",
                       m->modern         ? "modern"
                       : m->intermediate ? "intermediate"
                       : m->old          ? "old"
                                         : "none");
    if (!r && f->pci.given)
        r = buf_printf(out, "<div><strong>%s</strong>PCI DSS 4.0.1, remote part</div>\n",
                       f->pci.pass ? "pass" : "fail");
    if (!r && f->observatory.given)
        r = buf_printf(out, "<div><strong>%s</strong>HTTP Observatory, %d</div>\n",
                       f->observatory.grade, f->observatory.score);
    if (!r)
        r = buf_add(out, SLICE("</div>"));
    for (size_t i = 0; !r && i < f->ssllabs.ncaps; i++) {
        r = buf_add(out, SLICE("<p class=\"dim\">"));
        if (!r)
            r = html(out, f->ssllabs.caps[i]);
        if (!r)
            r = buf_add(out, SLICE("</p>"));
    }
    return r;
}

static int one(const struct facts *f, struct buf *out)
{
    int r = title(f, out);
    if (!r)
        r = waterfall(f, out);
    if (!r)
        r = certificate(f, out);
    if (!r)
        r = findings(f, out);
    if (!r)
        r = grades(f, out);
    return r ? r : buf_add(out, SLICE("</section>\n"));
}

int report_html(const struct facts *const *list, size_t n, struct buf *out)
{
    int r = buf_add(out, slice_of(head, sizeof(head) - 1));
    for (size_t i = 0; !r && i < n; i++)
        r = one(list[i], out);
    return r ? r
             : buf_printf(out, "<p class=\"dim\">port443 check %s</p></body></html>\n",
                          PORT443_VERSION);
}
