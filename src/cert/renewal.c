/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The arithmetic of renewal. */
#include "cert/renewal.h"

#include "crypt/digest.h"

#define HOUR_S       3600
#define DAY_S        86400
#define SHORT_LIFE_S (10 * DAY_S)
#define DRAWS        1000000 /* draws are 0..999999 */
#define POLL_S       (6 * 3600)
#define POLL_MIN_S   60
#define POLL_MAX_S   DAY_S
#define POLL_SPREAD  10 /* per cent, to both sides */

static int64_t life_of(const struct certinfo *leaf)
{
    return leaf->not_after_s > leaf->not_before_s ? leaf->not_after_s - leaf->not_before_s : 0;
}

/* CAs date notBefore back (an hour at Let's Encrypt); imported ones tell no time of issue. */
static int64_t born_of(const struct certinfo *leaf, const struct lineage_meta *meta)
{
    bool told = meta->issued_s > leaf->not_before_s && meta->issued_s < leaf->not_after_s;
    return told ? meta->issued_s : leaf->not_before_s;
}

/* The centre as Boulder advises, two per cent of life wide. */
static int64_t by_lifetime(const struct certinfo *leaf, uint32_t draw)
{
    int64_t life_s = life_of(leaf);
    int64_t centre_s = life_s < SHORT_LIFE_S ? life_s / 2 : life_s * 2 / 3;
    return leaf->not_before_s + centre_s - life_s / 100 + life_s / 50 * (int64_t)draw / DRAWS;
}

/* Against answers about the certificate before; a CA that has to revoke gives a day (Baseline
 * Requirements 4.9.1.1). */
static int64_t minimum_age(const struct certinfo *leaf)
{
    int64_t tenth_s = life_of(leaf) / 10;
    return tenth_s < HOUR_S ? tenth_s : HOUR_S;
}

void renewal_plan(const struct certinfo *leaf, const struct lineage_meta *meta, struct renewal *ret)
{
    int64_t late_s = leaf->not_after_s - life_of(leaf) / 20;
    int64_t young_until_s = born_of(leaf, meta) + minimum_age(leaf);
    if (meta->revoked) {
        *ret = (struct renewal){leaf->not_before_s, RENEWAL_REVOKED};
        return;
    }
    if (meta->ari_chosen_s)
        *ret = (struct renewal){meta->ari_chosen_s, meta->ari_chosen_s >= meta->ari_end_s
                                                        ? RENEWAL_ARI_PAST
                                                        : RENEWAL_ARI};
    else
        *ret = (struct renewal){by_lifetime(leaf, meta->draw),
                                life_of(leaf) < SHORT_LIFE_S ? RENEWAL_HALF : RENEWAL_LIFETIME};
    if (ret->at_s < young_until_s)
        ret->at_s = young_until_s;
    if (ret->at_s > late_s)
        *ret = (struct renewal){late_s, RENEWAL_LATE};
}

const char *renewal_why_text(enum renewal_why why)
{
    switch (why) {
    case RENEWAL_LIFETIME:
        return "two thirds of its lifetime";
    case RENEWAL_HALF:
        return "half of its lifetime";
    case RENEWAL_ARI:
        return "the window that the CA suggests";
    case RENEWAL_ARI_PAST:
        return "the CA asks for renewal now";
    case RENEWAL_LATE:
        return "less than a twentieth of its lifetime is left";
    case RENEWAL_REVOKED:
        return "it is revoked";
    case RENEWAL_FORCED:
        return "the operator asked for it";
    }
    return "";
}

bool renewal_take_window(struct lineage_meta *meta, const struct certinfo *leaf, int64_t start_s,
                         int64_t end_s, int64_t now_s, bool *suspicious)
{
    bool past = end_s <= now_s;
    bool young = now_s - born_of(leaf, meta) < life_of(leaf) / 10;
    bool known = meta->ari_chosen_s && meta->ari_start_s == start_s && meta->ari_end_s == end_s;
    if (start_s >= end_s || known) {
        *suspicious = false;
        return false;
    }
    if (past && young && !*suspicious) {
        *suspicious = true;
        return false;
    }
    *suspicious = false;
    meta->ari_start_s = start_s;
    meta->ari_end_s = end_s;
    meta->ari_chosen_s = past ? now_s : start_s + (end_s - start_s) * (int64_t)meta->draw / DRAWS;
    return true;
}

int64_t renewal_next_poll(int64_t now_s, int64_t retry_after_s, uint32_t draw)
{
    int64_t wait_s = retry_after_s < 0 ? POLL_S : retry_after_s;
    if (wait_s < POLL_MIN_S)
        wait_s = POLL_MIN_S;
    if (wait_s > POLL_MAX_S)
        wait_s = POLL_MAX_S;
    int64_t spread_s = wait_s * POLL_SPREAD / 100;
    return now_s + wait_s - spread_s + 2 * spread_s * (int64_t)draw / DRAWS;
}

int64_t renewal_next_poll_after_error(int64_t now_s, bool long_term, uint32_t failures)
{
    uint32_t doublings = failures > 1 ? failures - 1 : 0;
    int64_t wait_s = doublings < 9 ? (int64_t)POLL_MIN_S << doublings : POLL_S;
    return now_s + (long_term || wait_s > POLL_S ? POLL_S : wait_s);
}

enum renewal_alarm renewal_alarm(const struct certinfo *leaf, const struct renewal *plan,
                                 int64_t now_s)
{
    int64_t after_s = plan->at_s > leaf->not_before_s ? plan->at_s : leaf->not_before_s;
    if (now_s >= leaf->not_after_s)
        return RENEWAL_EXPIRED;
    if (now_s >= leaf->not_after_s - life_of(leaf) / 10)
        return RENEWAL_CRITICAL;
    return now_s >= after_s + (leaf->not_after_s - after_s) / 2 ? RENEWAL_WARN : RENEWAL_FINE;
}

int renewal_certid(const struct certinfo_chain *chain, struct buf *out)
{
    const struct certinfo *leaf = certinfo_at(chain, 0);
    if (!leaf->aki.n || !leaf->serial_der.n)
        return ERR_NOT_FOUND;
    int r = digest_base64url(leaf->aki, out);
    if (!r)
        r = buf_add(out, SLICE("."));
    return r ? r : digest_base64url(leaf->serial_der, out);
}
