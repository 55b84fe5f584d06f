/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Taking and giving back cost a few list operations: no system call, no timer, no allocation. */
#include "client/upconn.h"

#include "base/err.h"
#include "base/pool.h"

static void idle_remove(struct upconn *uc)
{
    list_remove(&uc->node);
    uc->pool->idle_count--;
}

void upconn_close(struct upconn *uc)
{
    if (!uc)
        return;
    if (!uc->ops)
        idle_remove(uc);
    struct link *k = &uc->link;
    /* RFC 8446 6.1: close_notify goes out when nothing stands before it. */
    if (k->filter && !uc->dial && k->out.n == 0 && link_shut(k, false) == OK)
        k->broken = link_flush(k);
    dial_free(uc->dial);
    link_close(k, false);
    pool_free(uc);
}

/* Session tickets and key updates of TLS also arrive on idle connections: they leave no bytes. */
static bool still_quiet(struct upconn *uc)
{
    int r;
    while ((r = link_fill(&uc->link)) == OK && link_input(&uc->link).n == 0)
        ;
    if (r != ERR_AGAIN || link_input(&uc->link).n)
        return false;
    r = link_flush(&uc->link);
    return r == OK || r == ERR_AGAIN;
}

static void on_ready(struct link *k)
{
    struct upconn *uc = container_of(k, struct upconn, link);
    if (uc->dial)
        dial_pump(uc->dial);
    else if (uc->ops)
        uc->ops->on_ready(uc);
    else if ((k->ready & LOOP_READ) && !still_quiet(uc))
        upconn_close(uc);
}

static void on_dialled(struct dial *d, int r)
{
    struct upconn *uc = dial_owner(d);
    memcpy(uc->address, dial_address(d), SOCK_ADDR_TEXT);
    uc->stale_name = dial_stale(d);
    if (!r) {
        dial_free(d);
        uc->dial = NULL;
    }
    uc->ops->on_open(uc, r);
}

static const struct dial_ops dialling = {.on_ready = on_ready, .on_done = on_dialled};

static void on_idle_timeout(struct loop_timer *t)
{
    struct upconn_pool *p = container_of(t, struct upconn_pool, timer);
    uint64_t now_ms = loop_now_ms(p->to.loop);
    while (!list_empty(&p->idle)) {
        struct upconn *oldest = container_of(p->idle.prev, struct upconn, node);
        uint64_t end_ms = oldest->idle_since_ms + p->idle_timeout_ms;
        if (end_ms > now_ms) {
            loop_timer_set(p->to.loop, t, end_ms - now_ms);
            return;
        }
        upconn_close(oldest);
    }
}

void upconn_pool_init(struct upconn_pool *p, const struct dial_target *to, uint32_t idle_max,
                      uint32_t idle_timeout_ms)
{
    *p = (struct upconn_pool){.to = *to, .idle_max = idle_max, .idle_timeout_ms = idle_timeout_ms};
    list_init(&p->idle);
    loop_timer_init(&p->timer, on_idle_timeout);
}

void upconn_pool_done(struct upconn_pool *p)
{
    while (!list_empty(&p->idle))
        upconn_close(container_of(p->idle.next, struct upconn, node));
    loop_timer_clear(&p->timer);
}

int upconn_take(struct upconn_pool *p, const struct upconn_ops *ops, void *owner,
                struct upconn **ret)
{
    if (!list_empty(&p->idle)) {
        struct upconn *uc = container_of(p->idle.next, struct upconn, node);
        idle_remove(uc);
        uc->reused = true;
        uc->ops = ops;
        uc->owner = owner;
        p->reuses++;
        *ret = uc;
        return OK;
    }
    struct upconn *uc = pool_alloc(sizeof(*uc));
    if (!uc)
        return ERR_NOMEM;
    *uc = (struct upconn){.link = {.io = {.fd = -1}}, .pool = p, .ops = ops, .owner = owner};
    list_init(&uc->node);
    int r = dial_start(&p->to, &uc->link, &dialling, uc, &uc->dial);
    if (r) {
        pool_free(uc);
        return r;
    }
    p->connects++;
    *ret = uc;
    return OK;
}

void upconn_give(struct upconn *uc)
{
    struct upconn_pool *p = uc->pool;
    /* Only when the last read filled its buffer can something be left in the socket. */
    bool keep = p->idle_max && link_input(&uc->link).n == 0 && uc->link.out.n == 0 &&
                !(uc->link.ready & LOOP_HUP) && (!(uc->link.ready & LOOP_READ) || still_quiet(uc));
    if (!keep) {
        upconn_close(uc);
        return;
    }
    if (p->idle_count >= p->idle_max)
        upconn_close(container_of(p->idle.prev, struct upconn, node));
    uc->ops = NULL;
    uc->owner = NULL;
    uc->idle_since_ms = loop_now_ms(p->to.loop);
    list_push_front(&p->idle, &uc->node);
    p->idle_count++;
    if (!p->timer.deadline_ms)
        loop_timer_set(p->to.loop, &p->timer, p->idle_timeout_ms);
}

void upconn_fault(const struct upconn *uc, struct fault *ret)
{
    if (uc->dial)
        dial_fault(uc->dial, ret);
    else
        *ret = (struct fault){.code = OK};
}
