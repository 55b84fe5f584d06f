/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Classes of failure and their patience. */
#include "cert/backoff.h"

#include <stddef.h>

#define MINUTE_S    60
#define HOUR_S      3600
#define DAY_S       86400
#define PATIENCE_S  (7 * DAY_S) /* after that once a day: never near a CA's pause of a name */
#define OBEDIENCE_S (8 * DAY_S) /* the longest limit of a CA is a week */
#define HASTE       3           /* failures that a short Retry-After may drive */
#define JITTER      4           /* a quarter to both sides */
#define DRAWS       1000000

struct kind {
    const char *type;
    enum backoff_class class;
};

/* Types of RFC 8555 6.7, RFC 9773 and the profiles draft; others are judged by their status. */
static const struct kind kinds[] = {
    {"connection", BACKOFF_VALIDATION},
    {"dns", BACKOFF_VALIDATION},
    {"tls", BACKOFF_VALIDATION},
    {"unauthorized", BACKOFF_VALIDATION},
    {"incorrectResponse", BACKOFF_VALIDATION},
    {"rateLimited", BACKOFF_RATE},
    {"serverInternal", BACKOFF_NETWORK},
    {"badNonce", BACKOFF_NETWORK},
    {"orderNotReady", BACKOFF_NETWORK},
    {"accountDoesNotExist", BACKOFF_NETWORK},
    {"alreadyReplaced", BACKOFF_NETWORK},
};

static enum backoff_class by_status(unsigned status)
{
    if (status == 429)
        return BACKOFF_RATE;
    return status >= 500 || status < 400 ? BACKOFF_NETWORK : BACKOFF_PERMANENT;
}

static enum backoff_class by_problem(const struct acmeobj_problem *p)
{
    enum backoff_class worst = BACKOFF_VALIDATION;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (slice_eq(p->type, slice_cstr(kinds[i].type)))
            return p->status == 429 ? BACKOFF_RATE : kinds[i].class;
    if (!slice_eq(p->type, SLICE("compound")) || !p->nsub)
        return by_status(p->type.n && !p->status ? 400 : p->status);
    for (size_t i = 0; i < p->nsub; i++) {
        enum backoff_class c = by_problem(&p->sub[i]);
        worst = c > worst ? c : worst;
    }
    return worst;
}

enum backoff_class backoff_class_of(int r, const struct acmeobj_problem *p)
{
    if (p && (p->type.n || p->status))
        return by_problem(p);
    switch (r) {
    case ERR_ACME:
    case ERR_RESOLVE:
    case ERR_REFUSED:
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
    case ERR_RESET:
    case ERR_TLS:
    case ERR_VERIFY:
    case ERR_SYNTAX:
    case ERR_EOF:
        return BACKOFF_NETWORK;
    default:
        return BACKOFF_LOCAL;
    }
}

const char *backoff_class_text(enum backoff_class c)
{
    static const char *const texts[] = {
        [BACKOFF_NETWORK] = "network", [BACKOFF_VALIDATION] = "validation",
        [BACKOFF_RATE] = "rate limit", [BACKOFF_PERMANENT] = "permanent",
        [BACKOFF_LOCAL] = "local",
    };
    return texts[c];
}

static int64_t growing(int64_t first_s, int64_t by, int64_t most_s, uint32_t failures)
{
    for (uint32_t i = 1; i < failures && first_s < most_s; i++)
        first_s *= by;
    return first_s < most_s ? first_s : most_s;
}

static int64_t base_of(const struct backoff_input *in)
{
    switch (in->class) {
    case BACKOFF_NETWORK:
        return growing(MINUTE_S, 2, HOUR_S, in->failures);
    case BACKOFF_VALIDATION: /* as Let's Encrypt asks for in its integration guide */
        return growing(MINUTE_S, 10, 6 * HOUR_S, in->failures);
    case BACKOFF_RATE:
        return growing(HOUR_S, 2, DAY_S, in->failures);
    case BACKOFF_PERMANENT:
        return DAY_S;
    case BACKOFF_LOCAL:
        return growing(5 * MINUTE_S, 2, HOUR_S, in->failures);
    }
    return DAY_S;
}

/* Certificates that live for minutes cannot wait for one. */
static int64_t floor_of(int64_t life_s)
{
    int64_t floor_s = life_s > 0 ? life_s / 100 : MINUTE_S;
    if (floor_s < 1)
        return 1;
    return floor_s < MINUTE_S ? floor_s : MINUTE_S;
}

static int64_t obeyed(const struct backoff_input *in)
{
    int64_t wait_s = in->retry_after_s < OBEDIENCE_S ? in->retry_after_s : OBEDIENCE_S;
    int64_t least_s = in->failures > HASTE ? MINUTE_S : 1;
    return in->now_s + (wait_s > least_s ? wait_s : least_s);
}

int64_t backoff_next(const struct backoff_input *in)
{
    int64_t wait_s = base_of(in), floor_s = floor_of(in->life_s), cap_s = in->left_s / 10;
    if (in->retry_after_s >= 0)
        return obeyed(in);
    if (in->first_failure_s && in->now_s - in->first_failure_s >= PATIENCE_S)
        wait_s = DAY_S;
    wait_s += wait_s / JITTER * (2 * (int64_t)in->draw - DRAWS) / DRAWS;
    if (in->left_s > 0 && wait_s > cap_s)
        wait_s = cap_s;
    return in->now_s + (wait_s > floor_s ? wait_s : floor_s);
}
