/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Channels keep the order: who has a table also has the certificates that were sent before it. So
 * the table is sent once more behind certificates, and one answer of the master stands for both. */
#include "serve/published.h"

#include <stdio.h>

#include "base/mem.h"
#include "crypt/digest.h"
#include "serve/challenges.h"
#include "serve/message.h"

#define NAME_BYTES 256

static int send_table(struct published *p)
{
    struct buf b;
    buf_init(&b, CHALLENGES_TABLE_MAX + sizeof(uint64_t));
    int r = message_u64(&b, ++p->number);
    if (!r)
        r = buf_add(&b, buf_slice(&p->table));
    if (!r)
        r = p->host.send(p->host.ctx, buf_slice(&b));
    buf_done(&b);
    p->behind = false;
    return r;
}

static void on_again(struct loop_task *t)
{
    struct published *p = container_of(t, struct published, again);
    if (p->behind)
        BEST_EFFORT(send_table(p)); /* the sender has told; nothing is looked at then */
}

int published_table(struct published *p, uint64_t version, const struct certhost_answer *answers,
                    size_t n)
{
    buf_reset(&p->table);
    int r = challenges_pack(&p->table, answers, n);
    if (r)
        return r;
    p->version = version;
    p->version_due = true;
    return send_table(p);
}

/* ---- what was looked at ---- */

struct look {
    uint8_t sha256[DIGEST_SHA256_BYTES]; /* of the chain's text; zeroes after a failed look */
};

static struct slice key_of(char dst[NAME_BYTES + 2], struct slice name, enum key_kind kind)
{
    int n = snprintf(dst, NAME_BYTES + 2, "%c" SLICE_F, kind == KEY_RSA ? 'r' : 'e', SLICE_A(name));
    return slice_of(dst, (size_t)n <= NAME_BYTES ? (size_t)n : NAME_BYTES);
}

/* True when it is new. Without memory everything is. */
static bool note(struct published *p, struct slice name, enum key_kind kind, struct slice chain_pem)
{
    char text[NAME_BYTES + 2];
    struct look now, *before;
    struct slice key = key_of(text, name, kind);
    if (digest_sha256(chain_pem, now.sha256))
        return true;
    before = map_get(&p->looked, key);
    if (before && memcmp(before, &now, sizeof(now)) == 0)
        return false;
    if (!before && (before = mem_alloc(sizeof(*before))) && map_put(&p->looked, key, before)) {
        mem_free(before);
        before = NULL;
    }
    if (before)
        *before = now;
    return true;
}

static void on_served(void *ctx, struct slice name, enum key_kind kind, const uint8_t sha256[32],
                      int r)
{
    struct published *p = ctx;
    char text[NAME_BYTES + 2];
    struct look *look = map_get(&p->looked, key_of(text, name, kind));
    if (r && look)
        memset(look, 0, sizeof(*look));
    p->host.on_served(p->host.ctx, name, kind, sha256, r);
}

static void forget(struct published *p)
{
    for (size_t i = 0; i < p->looked.cap; i++)
        if (p->looked.entries[i].key.p)
            mem_free(p->looked.entries[i].value);
    map_done(&p->looked);
}

/* ---- the keeper's side ---- */

void published_certificate(struct published *p, struct slice name, enum key_kind kind,
                           struct slice chain_pem)
{
    if (!note(p, name, kind, chain_pem) || confirm_add(p->confirm, name, kind))
        return; /* only a look is lost */
    p->behind = true;
    loop_defer(p->loop, &p->again);
}

void published_answer(struct published *p, struct slice payload)
{
    struct cur c = cur_of(payload);
    uint64_t number = message_next_u64(&c);
    if (c.bad || number != p->number)
        return; /* a later one is under way and stands for this one too */
    bool certificates = !p->behind;
    if (p->version_due) {
        p->version_due = false;
        p->host.on_published(p->host.ctx, p->version);
    }
    if (certificates)
        confirm_begin(p->confirm);
}

void published_address(struct published *p, const struct ip *listen, size_t n, uint16_t port)
{
    confirm_address(p->confirm, listen, n, port);
}

int published_init(struct published *p, struct loop *l, const struct published_host *host)
{
    const struct confirm_host ch = {.ctx = p, .on_served = on_served};
    *p = (struct published){.loop = l, .host = *host};
    buf_init(&p->table, CHALLENGES_TABLE_MAX);
    map_init(&p->looked);
    loop_task_init(&p->again, on_again);
    int r = challenges_pack(&p->table, NULL, 0);
    return r ? r : confirm_new(l, &ch, &p->confirm);
}

void published_done(struct published *p)
{
    if (!p->loop)
        return;
    loop_task_cancel(&p->again);
    confirm_free(p->confirm);
    buf_done(&p->table);
    forget(p);
}
