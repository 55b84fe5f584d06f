/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The report of the keeper within the answer to "status". */
#include "cli/certlive.h"

#include <jansson.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/place.h"
#include "serve/admin.h"

#define ANSWER_MAX (64u * 1024 * 1024)
#define ASK_MS     5000

struct certlive {
    json_t *root;
    const json_t *certificates; /* array, or NULL */
};

struct certlive *certlive_ask(const char *state)
{
    char path[PLACE_BYTES];
    struct buf b;
    uint16_t status;
    struct certlive *l = NULL;
    if (snprintf(path, sizeof(path), "%s/port443.sock", state) >= (int)sizeof(path))
        return NULL;
    buf_init(&b, ANSWER_MAX);
    json_t *root = NULL;
    if (!admin_request(path, ADMIN_STATUS, ASK_MS, &status, &b, NULL) && status == 200)
        root = json_loadb((const char *)buf_slice(&b).p, b.n, 0, NULL);
    buf_done(&b);
    if (root)
        l = mem_alloc(sizeof(*l));
    if (!l) {
        json_decref(root);
        return NULL;
    }
    const json_t *keeper = json_array_get(json_object_get(root, "keeper"), 0);
    l->root = root;
    l->certificates = json_object_get(json_object_get(keeper, "report"), "certificates");
    return l;
}

void certlive_free(struct certlive *l)
{
    if (l)
        json_decref(l->root);
    mem_free(l);
}

static const json_t *find(const struct certlive *l, struct slice name, bool rsa, bool any)
{
    size_t i;
    json_t *c;
    if (!l)
        return NULL;
    json_array_foreach(l->certificates, i, c)
    {
        const char *has = json_string_value(json_object_get(c, "name"));
        const char *key = json_string_value(json_object_get(c, "key"));
        bool is_rsa = key && slice_starts(slice_cstr(key), SLICE("RSA"));
        is_rsa |= key && slice_eq(slice_cstr(key), SLICE("rsa"));
        if (has && slice_eq(slice_cstr(has), name) && (any || is_rsa == rsa))
            return c;
    }
    return NULL;
}

bool certlive_has(const struct certlive *l, struct slice name)
{
    return find(l, name, false, true) != NULL;
}

char *certlive_entry(const struct certlive *l, struct slice name, bool rsa)
{
    const json_t *c = find(l, name, rsa, false);
    size_t n = c ? json_dumpb(c, NULL, 0, JSON_COMPACT) : 0;
    char *text = n ? mem_alloc(n + 1) : NULL;
    if (text)
        json_dumpb(c, text, n, JSON_COMPACT);
    return text;
}

bool certlive_member(const struct certlive *l, struct slice name, bool rsa, const char *member,
                     char *dst, size_t cap)
{
    const json_t *v = json_object_get(find(l, name, rsa, false), member);
    if (json_is_string(v) && json_string_length(v))
        snprintf(dst, cap, "%s", json_string_value(v));
    else if (json_is_integer(v))
        snprintf(dst, cap, "%lld", (long long)json_integer_value(v));
    else
        return false;
    return true;
}
