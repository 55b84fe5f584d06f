/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Five key exchanges (Boeck, Somorovsky, Young: "Return Of Bleichenbacher's Oracle Threat", 2018,
 * section 3), each with the rest of a handshake behind it and once without: all must be answered
 * alike. A difference counts when it comes again in every round. */
#include "check/auditrobot.h"

#include <string.h>

#include "check/auditask.h"
#include "check/auditsuites.h"
#include "crypt/digest.h"
#include "crypt/rsaraw.h"

#define ROUNDS           3   /* of the same answers, before a difference is believed */
#define BRIEF_TIMEOUT_MS 700 /* a server that waits for the rest says nothing: the usual case */
#define PREMASTER_BYTES  48
#define GARBAGE_BYTES    64 /* as a Finished message that cannot be decrypted */

enum variant { GOOD, NO_TYPE, ZERO_LATE, NO_ZERO, WRONG_VERSION };

static bool rsa_kx(const struct suite *s)
{
    return s->kx == SUITE_KX_RSA && s->auth == SUITE_AUTH_RSA && !s->export;
}

/* PKCS#1 v1.5 (RFC 8017 7.2.1): 00 02, nonzero padding, 00, version and 46 bytes. */
static void pad(uint8_t *p, size_t n, uint16_t version, enum variant variant)
{
    memset(p, 0xab, n);
    p[0] = variant == NO_TYPE ? 0x41 : 0;
    p[1] = variant == NO_TYPE ? 0x17 : 2;
    if (variant == NO_ZERO)
        return;
    p[n - PREMASTER_BYTES - 1] = 0;
    p[n - PREMASTER_BYTES] = (uint8_t)(version >> 8);
    p[n - PREMASTER_BYTES + 1] = variant == WRONG_VERSION ? 0x02 : (uint8_t)version;
    if (variant == WRONG_VERSION)
        p[n - PREMASTER_BYTES] = 0x02;
    if (variant == ZERO_LATE) { /* the end of the padding stands where one byte of secret is left */
        p[n - PREMASTER_BYTES - 1] = p[n - PREMASTER_BYTES] = p[n - PREMASTER_BYTES + 1] = 0xab;
        p[n - 2] = 0;
    }
}

static int key_exchange(struct attack *t, const struct certinfo_chain *chain, struct buf *out)
{
    uint8_t block[RSARAW_BYTES_MAX], body[RSARAW_BYTES_MAX + 6];
    size_t n = rsaraw_bytes(chain);
    if (n < PREMASTER_BYTES + 11)
        return ERR_NOT_FOUND;
    pad(block, n, t->version, (enum variant)t->variant);
    int r = rsaraw_encrypt(chain, slice_of(block, n), body + 6);
    body[0] = 16;
    body[1] = 0;
    body[2] = (uint8_t)((n + 2) >> 8);
    body[3] = (uint8_t)(n + 2);
    body[4] = (uint8_t)(n >> 8);
    body[5] = (uint8_t)n;
    return r ? r : auditattack_record(out, 22, t->version, slice_of(body, n + 6));
}

static struct auditrobot *robot_of(struct attack *t)
{
    return container_of(t - t->variant, struct auditrobot, attacks[0]);
}

static int make(struct attack *t, const struct serverflight *flight, struct buf *out)
{
    struct slice rest = flight->certificates, der;
    struct certinfo_chain *chain;
    if (!serverflight_certificate_next(&rest, &der) || certinfo_ders(&der, 1, &chain, NULL))
        return ERR_NOT_FOUND;
    int r = key_exchange(t, chain, out);
    certinfo_unref(chain);
    if (r || robot_of(t)->brief)
        return r;
    uint8_t garbage[GARBAGE_BYTES];
    r = auditattack_record(out, 20, t->version, slice_of("\1", 1));
    if (!r)
        r = digest_random(garbage, sizeof(garbage));
    return r ? r : auditattack_record(out, 22, t->version, slice_of(garbage, sizeof(garbage)));
}

static bool enough(struct attack *t, struct slice after)
{
    (void)t;
    return after.n >= 7;
}

/* What an attacker can tell apart: the alert, another record, how the connection ended. */
static uint32_t answer_of(struct slice after, const struct probe_result *r)
{
    uint32_t first = after.n ? after.p[0] : 0, end = after.n >= 7 ? 0 : 1u + (uint32_t)r->end;
    return first << 16 | (uint32_t)auditattack_alert(after) << 8 | end;
}

static void next_round(struct audit *a, struct auditrobot *o);

static void on_end(struct attack *t, bool said, struct slice after, const struct probe_result *r)
{
    struct auditrobot *o = robot_of(t);
    o->lost |= !said;
    o->rtt_us = r->rtt_us;
    o->answers[t->variant] = answer_of(after, r);
    if (--o->open == 0)
        next_round(t->a, o);
}

static const struct attack_kind kind = {make, enough, on_end};

/* A server that waits for the rest says nothing, the usual case: many round trips are enough. */
static uint32_t patience_ms(const struct auditrobot *o)
{
    uint32_t ms = o->rtt_us / 1000 * 8;
    return ms < 250 ? 250 : ms < 2000 ? ms : 2000;
}

static void ask_all(struct audit *a, struct auditrobot *o)
{
    uint16_t codes[AUDITSTATE_CODES_MAX];
    enum facts_version v = auditsuites_best_clear(a);
    struct hellomake h;
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_kind(a, v, rsa_kx, codes);
    o->open = AUDITROBOT_VARIANTS;
    for (unsigned i = 0; i < AUDITROBOT_VARIANTS; i++) {
        o->attacks[i].variant = i;
        o->attacks[i].patience_ms = o->brief ? patience_ms(o) : 0;
    }
    for (unsigned i = 0; i < AUDITROBOT_VARIANTS; i++)
        auditattack_start(a, &o->attacks[i], &h, &kind);
}

static bool all_alike(const struct auditrobot *o)
{
    for (unsigned i = 1; i < AUDITROBOT_VARIANTS; i++)
        if (o->answers[i] != o->answers[0])
            return false;
    return true;
}

/* Rounds of one flow until all answers are alike, or a difference has come ROUNDS times. */
static void next_round(struct audit *a, struct auditrobot *o)
{
    enum facts_answer *ret = &a->f->tls.vuln[FACTS_ROBOT];
    bool first = o->round == 0;
    if (o->lost)
        return; /* stays unknown */
    if (first && all_alike(o)) {
        if (o->brief) {
            *ret = FACTS_NO;
            return;
        }
        o->brief = true;
        ask_all(a, o);
        return;
    }
    if (first)
        memcpy(o->first, o->answers, sizeof(o->first));
    else if (memcmp(o->first, o->answers, sizeof(o->first)) != 0)
        return; /* differences that do not repeat prove nothing, neither way */
    if (++o->round == ROUNDS) {
        *ret = FACTS_YES;
        a->f->tls.robot_strong =
            !(o->first[NO_TYPE] == o->first[ZERO_LATE] && o->first[ZERO_LATE] == o->first[NO_ZERO]);
        return;
    }
    ask_all(a, o);
}

void auditrobot_begin(struct audit *a, struct auditrobot *o)
{
    uint16_t codes[AUDITSTATE_CODES_MAX];
    enum facts_version v = auditsuites_best_clear(a);
    if (v < FACTS_SSL3 || !auditsuites_kind(a, v, rsa_kx, codes)) {
        a->f->tls.vuln[FACTS_ROBOT] = FACTS_NO;
        return;
    }
    ask_all(a, o);
}

void auditrobot_drop(struct auditrobot *o)
{
    for (unsigned i = 0; i < AUDITROBOT_VARIANTS; i++)
        auditattack_drop(&o->attacks[i]);
}
