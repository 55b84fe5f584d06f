/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Two flights, raw. */
#include "check/auditattack.h"

#include "check/auditask.h"

#define HELLO_MAX  (16 * 1024)
#define SECOND_MAX (8 * 1024)

int auditattack_record(struct buf *out, uint8_t type, uint16_t version, struct slice body)
{
    uint8_t head[5] = {type, (uint8_t)(version >> 8), (uint8_t)version, (uint8_t)(body.n >> 8),
                       (uint8_t)body.n};
    int r = buf_add(out, slice_of(head, sizeof(head)));
    return r ? r : buf_add(out, body);
}

uint8_t auditattack_alert(struct slice after)
{
    return after.n >= 7 && after.p[0] == 21 ? after.p[6] : 0;
}

static void start(struct attack *t);

static void finish(struct attack *t, const struct probe_result *r)
{
    struct audit *a = t->a;
    struct slice after = t->mark ? slice_from(r->received, t->mark) : SLICE_EMPTY;
    a->pending--;
    t->kind->on_end(t, t->mark > 0, after, r);
    loop_defer(a->o.loop, &a->next);
}

static bool on_bytes(struct probe *p, struct slice received)
{
    struct attack *t = p->owner;
    struct serverflight flight;
    struct buf out;
    if (t->mark)
        return t->kind->enough(t, slice_from(received, t->mark));
    int r = serverflight_read(received, true, t->a->scratch, &flight);
    if (r == ERR_AGAIN)
        return false;
    if (r || !flight.done)
        return true;
    buf_init(&out, SECOND_MAX);
    r = t->kind->make(t, &flight, &out);
    if (!r)
        r = probe_say(p, buf_slice(&out));
    buf_done(&out);
    if (!r)
        t->mark = received.n;
    if (!r && t->patience_ms)
        probe_wait(p, t->patience_ms);
    return r != OK;
}

static void on_done(struct probe *p, const struct probe_result *r)
{
    struct attack *t = p->owner;
    bool cut = !t->mark && r->end != PROBE_DONE;
    if (cut && !t->retried) {
        t->retried = true;
        start(t);
        return;
    }
    finish(t, r);
}

static void start(struct attack *t)
{
    struct probe_options o = t->a->o.to;
    o.hello = buf_slice(&t->hello);
    o.max_bytes = SERVERFLIGHT_MAX_BYTES + 64 * 1024;
    o.silence_expected = t->patience_ms > 0;
    t->mark = 0;
    t->probe = (struct probe){.owner = t, .on_bytes = on_bytes, .on_done = on_done};
    probe_start(t->a->o.run, &o, &t->probe);
}

void auditattack_start(struct audit *a, struct attack *t, const struct hellomake *h,
                       const struct attack_kind *kind)
{
    t->a = a;
    t->kind = kind;
    t->version = h->legacy_version;
    t->retried = false;
    a->pending++;
    buf_done(&t->hello);
    buf_init(&t->hello, HELLO_MAX);
    if (!hellomake_write(h, &t->hello)) {
        start(t);
        return;
    }
    struct probe_result none = {.end = PROBE_FAILED};
    t->mark = 0;
    finish(t, &none);
}

void auditattack_drop(struct attack *t)
{
    probe_cancel(&t->probe);
    buf_done(&t->hello);
}
