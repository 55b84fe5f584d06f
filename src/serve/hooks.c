/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The master's use of serve/hookrun. */
#include "serve/hooks.h"

#include "base/cur.h"
#include "serve/hookrun.h"
#include "serve/master_state.h"
#include "serve/message.h"

#define MESSAGE_MAX (1024 * 1024) /* arguments and input of one call; a keeper gone wild */

int hooks_pack(struct buf *b, const struct certhost_call *call)
{
    uint8_t hook = (uint8_t)call->hook;
    int r;
    if ((r = message_u64(b, call->id)) || (r = message_u64(b, call->timeout_ms)) ||
        (r = buf_add(b, slice_of(&hook, 1))))
        return r;
    for (size_t i = 0; !r && i < ARRAY_LEN(call->arguments); i++)
        r = message_text(b, call->arguments[i]);
    return r ? r : message_text(b, call->input);
}

int hooks_parse(struct slice payload, struct certhost_call *ret)
{
    struct cur c = cur_of(payload);
    struct certhost_call call = {.id = message_next_u64(&c), .timeout_ms = message_next_u64(&c)};
    uint8_t hook = cur_u8(&c);
    for (size_t i = 0; i < ARRAY_LEN(call.arguments); i++)
        call.arguments[i] = message_next(&c);
    call.input = message_next(&c);
    if (c.bad || cur_left(&c) || hook >= CERTHOST_HOOKS || payload.n > MESSAGE_MAX)
        return ERR_SYNTAX;
    call.hook = (enum certhost_hook)hook;
    *ret = call;
    return OK;
}

int hooks_pack_done(struct buf *b, uint64_t id, int status, struct slice output)
{
    uint32_t bits = __builtin_bswap32((uint32_t)status);
    int r = message_u64(b, id);
    if (!r)
        r = buf_add(b, slice_of(&bits, sizeof(bits)));
    return r ? r : message_text(b, output);
}

int hooks_parse_done(struct slice payload, uint64_t *ret_id, int *ret_status,
                     struct slice *ret_output)
{
    struct cur c = cur_of(payload);
    *ret_id = message_next_u64(&c);
    *ret_status = (int)cur_u32(&c);
    *ret_output = message_next(&c);
    return c.bad || cur_left(&c) ? ERR_SYNTAX : OK;
}

static struct slice path_of(void *ctx, enum certhost_hook hook)
{
    const struct master *m = ctx;
    const struct conf_acme *acme = &m->conf->acme;
    switch (hook) {
    case CERTHOST_HOOK_PRE_ISSUE:
        return acme->hooks.pre_issue;
    case CERTHOST_HOOK_DEPLOYED:
        return acme->hooks.deployed;
    case CERTHOST_HOOK_FAILED:
        return acme->hooks.failed;
    case CERTHOST_HOOK_EXPIRING:
        return acme->hooks.expiring;
    case CERTHOST_HOOK_DNS:
        return acme->dns.hook;
    case CERTHOST_HOOKS:
        break;
    }
    return SLICE_EMPTY;
}

static void on_done(void *ctx, uint64_t id, int status, struct slice output)
{
    struct master *m = ctx;
    struct buf b;
    buf_init(&b, MESSAGE_MAX);
    int r = hooks_pack_done(&b, id, status, output);
    if (!r)
        r = chan_send(&m->keeper.chan, MESSAGE_HOOK_DONE, buf_slice(&b), NULL, 0);
    if (r)
        EVENT(m->events, EVENT_WARN, "child_unreachable", EV_UINT("pid", m->keeper.pid),
              EV_UINT("message", MESSAGE_HOOK_DONE));
    buf_done(&b);
}

void hooks_call(struct master *m, struct slice payload)
{
    struct certhost_call call;
    if (hooks_parse(payload, &call)) {
        EVENT(m->events, EVENT_ERROR, "hook_malformed", EV_UINT("bytes", payload.n));
        return;
    }
    int r = hookrun_call(m->hooks, &call);
    if (r)
        on_done(m, call.id, PROGRAM_NOT_STARTED, slice_cstr(err_text(r)));
}

bool hooks_reaped(struct master *m, const struct proc_exit *e)
{
    return m->hooks && hookrun_reaped(m->hooks, e);
}

void hooks_lost(struct master *m)
{
    if (m->hooks)
        hookrun_forget(m->hooks);
}

int hooks_open(struct master *m)
{
    /* Without a user of its own the server is not root: the programs are what it is, less its
     * capabilities (to bind low ports), which are not theirs. */
    const struct hookrun_host host = {.ctx = m,
                                      .drop = true,
                                      .uid = m->user ? m->uid : proc_uid(),
                                      .gid = m->user ? m->gid : proc_gid(),
                                      .path = path_of,
                                      .on_done = on_done};
    return hookrun_new(m->loop, &host, &m->hooks);
}

void hooks_close(struct master *m)
{
    hookrun_free(m->hooks);
    m->hooks = NULL;
}
