/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Facts from the first to the last, and the tables of findings, severities and words. */
#include "check/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define ARENA_BYTES \
    (8u * 1024 * 1024) /* texts of one target: a hostile server must not fill memory */
#define EVIDENCE_BYTES 400

static const struct {
    const char *id;
    enum facts_severity severity;
    const char *title, *fix;
} findings[] = {
#define FINDING(id, severity, title, fix) {id, FACTS_##severity, title, fix},
#include "check/finding.def"
#undef FINDING
};

static const struct {
    const char *word, *words;
} verdicts[] = {
#define VERDICT(id, word, words) {word, words},
#include "check/verdict.def"
#undef VERDICT
};

static const char *const severities[] = {"info", "low", "medium", "high", "critical"};
static const char *const versions[] = {"ssl2", "ssl3", "tls1.0", "tls1.1", "tls1.2", "tls1.3"};
static const char *const vulns[FACTS_VULNS] = {
    [FACTS_HEARTBLEED] = "heartbleed",
    [FACTS_CCS_INJECTION] = "ccs_injection",
    [FACTS_ROBOT] = "robot",
    [FACTS_TICKETBLEED] = "ticketbleed",
    [FACTS_POODLE_SSL3] = "poodle_ssl3",
    [FACTS_POODLE_TLS] = "poodle_tls",
    [FACTS_SWEET32] = "sweet32",
    [FACTS_FREAK] = "freak",
    [FACTS_LOGJAM] = "logjam",
    [FACTS_RC4] = "rc4",
    [FACTS_CRIME] = "crime",
    [FACTS_DROWN] = "drown",
    [FACTS_BEAST] = "beast",
    [FACTS_LUCKY13] = "lucky13",
    [FACTS_RENEGOTIATION_INSECURE] = "renegotiation_insecure",
    [FACTS_RENEGOTIATION_CLIENT] = "renegotiation_client",
};

uint16_t facts_target_port(const struct facts_target *t)
{
    struct ip ip;
    uint16_t port = 0;
    bool elsewhere = t->connect.raw_bytes && sock_addr_ip(&t->connect, &ip, &port) && port;
    return elsewhere ? port : t->port;
}

struct facts *facts_new(const struct facts_target *t, int64_t now_s)
{
    struct facts *f = mem_alloc(sizeof(*f));
    if (!f)
        return NULL;
    arena_init(&f->arena, ARENA_BYTES);
    f->now_s = now_s;
    f->target = *t;
    int r = arena_copy(&f->arena, t->text, &f->target.text);
    if (!r)
        r = arena_copy(&f->arena, t->host, &f->target.host);
    if (!r)
        r = arena_copy(&f->arena, t->path, &f->target.path);
    if (!r && t->sni.n)
        r = arena_copy(&f->arena, t->sni, &f->target.sni);
    if (!r)
        return f;
    facts_free(f);
    return NULL;
}

void facts_free(struct facts *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->nchains; i++) {
        certinfo_unref(f->chains[i].chain);
        certinfo_unref(f->chains[i].verified);
    }
    arena_done(&f->arena);
    mem_free(f);
}

bool facts_has(const struct facts *f, const char *id)
{
    for (size_t i = 0; i < f->nfindings; i++)
        if (strcmp(f->findings[i].id, id) == 0)
            return true;
    return false;
}

void facts_find(struct facts *f, const char *id, const char *evidence, ...)
{
    size_t row = 0;
    while (row < ARRAY_LEN(findings) && strcmp(findings[row].id, id) != 0)
        row++;
    if (row == ARRAY_LEN(findings) || f->nfindings == FACTS_FINDINGS_MAX || facts_has(f, id))
        return;
    char text[EVIDENCE_BYTES];
    va_list args;
    va_start(args, evidence);
    int n = vsnprintf(text, sizeof(text), evidence, args);
    va_end(args);
    struct facts_finding *found = &f->findings[f->nfindings];
    *found = (struct facts_finding){findings[row].id, findings[row].severity, findings[row].title,
                                    SLICE_EMPTY, findings[row].fix};
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    if (!arena_copy(&f->arena, slice_of(text, bytes), &found->evidence))
        f->nfindings++;
}

enum facts_severity facts_worst(const struct facts *f)
{
    enum facts_severity worst = FACTS_INFO;
    for (size_t i = 0; i < f->nfindings; i++)
        if (f->findings[i].severity > worst)
            worst = f->findings[i].severity;
    return worst;
}

const char *facts_severity_text(enum facts_severity s)
{
    return severities[s];
}

const char *facts_version_text(enum facts_version v)
{
    return versions[v];
}

const char *facts_vuln_text(enum facts_vuln v)
{
    return vulns[v];
}

const char *facts_verdict_text(enum facts_verdict v)
{
    return verdicts[v].word;
}

const char *facts_verdict_words(enum facts_verdict v)
{
    return verdicts[v].words;
}

static const struct facts_step *first_failure(const struct facts *f)
{
    for (size_t i = 0; i < FACTS_STEPS; i++)
        if (f->steps[i].ran && !f->steps[i].ok && i != FACTS_CLOSE)
            return &f->steps[i];
    return NULL;
}

bool facts_works(const struct facts *f)
{
    return !first_failure(f);
}

const char *facts_reason(const struct facts *f)
{
    static const char *const steps[] = {"dns", "tcp", "tls", "http", "close"};
    const struct facts_step *bad = first_failure(f);
    if (f->why.ran)
        return facts_verdict_text(f->why.verdict);
    return bad ? steps[bad - f->steps] : "ok";
}
