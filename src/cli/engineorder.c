/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Apart from engine.c because libjansson and base/json.h have functions of the same names. */
#include "cli/engineorder.h"

#include <jansson.h>
#include <string.h>

#include "base/err.h"

#define REASON_MAX 10 /* RFC 5280 5.3.1 */

static const struct {
    const char *does, *what;
    enum engineorder_what order;
} orders[] = {
    {"renew", NULL, ENGINEORDER_RENEW},
    {"issue", NULL, ENGINEORDER_RENEW},
    {"dry-run", NULL, ENGINEORDER_DRY_RUN},
    {"revoke", NULL, ENGINEORDER_REVOKE},
    {"account", "rollover", ENGINEORDER_ROLLOVER},
    {"account", "deactivate", ENGINEORDER_DEACTIVATE},
    {"account", "update", ENGINEORDER_UPDATE},
};

static bool is(const json_t *args, const char *key, const char *want)
{
    const char *have = json_string_value(json_object_get(args, key));
    return !want || (have && strcmp(have, want) == 0);
}

static int read_args(const json_t *args, struct engineorder *ret, struct fault *f)
{
    size_t i = 0;
    while (i < ARRAY_LEN(orders) &&
           !(is(args, "do", orders[i].does) && is(args, "what", orders[i].what)))
        i++;
    if (i == ARRAY_LEN(orders))
        return fault_set(f, ERR_CONFIG, "there is no such order");
    const char *name = json_string_value(json_object_get(args, "name"));
    size_t n = name ? strlen(name) : 0;
    json_int_t reason = json_integer_value(json_object_get(args, "reason"));
    if (n >= sizeof(ret->text))
        return fault_set(f, ERR_CONFIG, "the name is too long");
    if (reason < 0 || reason > REASON_MAX)
        return fault_set(f, ERR_CONFIG, "the reason is a number from 0 to %d", REASON_MAX);
    ret->what = orders[i].order;
    memcpy(ret->text, name ? name : "", n + 1);
    ret->name = slice_of(ret->text, n);
    ret->force = json_is_true(json_object_get(args, "force"));
    ret->by_key = json_is_true(json_object_get(args, "by_key"));
    ret->reason = (unsigned)reason;
    return OK;
}

int engineorder_read(struct slice json, struct engineorder *ret, struct fault *f)
{
    json_t *args = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    int r = json_is_object(args) ? read_args(args, ret, f)
                                 : fault_set(f, ERR_SYNTAX, "the order is not a JSON object");
    json_decref(args);
    return r;
}
