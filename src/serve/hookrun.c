/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A call is one allocation with its texts behind it: it waits in a list, runs, is reported, gone.
 */
#include "serve/hookrun.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

#define ARGUMENTS      ARRAY_LEN(((struct certhost_call *)0)->arguments)
#define VARIABLES      (3 + ARGUMENTS)
#define VARIABLE_BYTES 24 /* "PORT443_DNS_ACTION=" */
#define TIMEOUT_MAX_MS (60 * 60 * 1000ULL)

struct call {
    struct list node;
    struct hookrun *h;
    struct program *program; /* NULL: waits, or could not be started */
    bool forgotten;
    int status;
    struct certhost_call what; /* slices into `texts`, each NUL-ended */
    char why[320];             /* it was not started */
    uint8_t texts[];
};

struct hookrun {
    struct loop *loop;
    struct hookrun_host host;
    struct list waiting, running, refused;
    size_t nwaiting, nrunning;
    struct loop_task more;
};

const char *hookrun_word(enum certhost_hook hook)
{
    static const char *const words[CERTHOST_HOOKS] = {
        [CERTHOST_HOOK_PRE_ISSUE] = "pre_issue",
        [CERTHOST_HOOK_DEPLOYED] = "deployed",
        [CERTHOST_HOOK_FAILED] = "failed",
        [CERTHOST_HOOK_EXPIRING] = "expiring",
        [CERTHOST_HOOK_DNS] = "dns",
    };
    return words[hook];
}

static struct slice put(uint8_t **at, struct slice text)
{
    struct slice copy = slice_of(*at, text.n);
    if (text.n)
        memcpy(*at, text.p, text.n);
    (*at)[text.n] = 0;
    *at += text.n + 1;
    return copy;
}

static struct call *copy_of(struct hookrun *h, const struct certhost_call *from)
{
    size_t n = from->input.n + 1;
    for (size_t i = 0; i < ARGUMENTS; i++)
        n += from->arguments[i].n + 1;
    struct call *c = mem_alloc(sizeof(*c) + n);
    if (!c)
        return NULL;
    uint8_t *at = c->texts;
    c->h = h;
    c->what = *from;
    for (size_t i = 0; i < ARGUMENTS; i++)
        c->what.arguments[i] = put(&at, from->arguments[i]);
    c->what.input = put(&at, from->input);
    if (c->what.timeout_ms > TIMEOUT_MAX_MS)
        c->what.timeout_ms = TIMEOUT_MAX_MS;
    return c;
}

static void finish(struct call *c, int status, struct slice output)
{
    struct hookrun *h = c->h;
    list_remove(&c->node);
    if (!c->forgotten)
        h->host.on_done(h->host.ctx, c->what.id, status, output);
    program_free(c->program);
    mem_free(c);
}

static void on_done(void *ctx, struct program *p, int status, struct slice output)
{
    struct call *c = ctx;
    struct hookrun *h = c->h;
    (void)p;
    h->nrunning--;
    finish(c, status, output);
    loop_defer(h->loop, &h->more);
}

/* "NAME=value"; NULL without memory. */
static char *variable(const char *name, struct slice value)
{
    char *text = mem_alloc(VARIABLE_BYTES + value.n + 1);
    if (text)
        snprintf(text, VARIABLE_BYTES + value.n + 1, "%s=" SLICE_F, name, SLICE_A(value));
    return text;
}

/* The environment into envp (room for VARIABLES + 1, zeroed). */
static int fill_environment(const struct call *c, char **envp)
{
    static const char *const dns[ARGUMENTS] = {"PORT443_DNS_ACTION", "PORT443_DNS_NAME",
                                               "PORT443_DNS_VALUE"};
    static const char *const others[ARGUMENTS] = {NULL, "PORT443_NAME"};
    const char *const *names = c->what.hook == CERTHOST_HOOK_DNS ? dns : others;
    size_t n = 0;
    envp[n++] =
        variable("PATH", SLICE("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    envp[n++] = variable("LANG", SLICE("C.UTF-8"));
    envp[n++] = variable("PORT443_HOOK", slice_cstr(hookrun_word(c->what.hook)));
    for (size_t i = 0; i < ARGUMENTS; i++)
        if (names[i])
            envp[n++] = variable(names[i], c->what.arguments[i]);
    for (size_t i = 0; i < n; i++)
        if (!envp[i])
            return ERR_NOMEM;
    return OK;
}

/* A loan of the call's own bytes: exec copies them and changes none. */
static char *text_of(struct call *c, struct slice s)
{
    return (char *)c->texts + (s.p - c->texts);
}

static int run(struct call *c, char *path, char **envp, struct fault *f)
{
    struct hookrun *h = c->h;
    char *argv[ARGUMENTS + 2] = {path};
    size_t count = ARGUMENTS;
    while (count && c->what.arguments[count - 1].n == 0)
        count--;
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = text_of(c, c->what.arguments[i]);
    int r = fill_environment(c, envp);
    if (r)
        return fault_set(f, r, "no memory for the environment of a hook");
    const struct program_spec s = {.argv = argv,
                                   .envp = envp,
                                   .input = c->what.input,
                                   .timeout_ms = c->what.timeout_ms,
                                   .drop = h->host.drop,
                                   .uid = h->host.uid,
                                   .gid = h->host.gid};
    return program_start(h->loop, &s, on_done, c, &c->program, f);
}

/* Starts a call that waits in no list; what cannot be started is told later. */
static void start(struct call *c)
{
    struct hookrun *h = c->h;
    struct fault f = {0};
    char *envp[VARIABLES + 1] = {NULL};
    struct slice configured = h->host.path(h->host.ctx, c->what.hook);
    char *path = configured.n ? mem_dup(configured.p, configured.n) : NULL;
    int r = path ? run(c, path, envp, &f)
                 : fault_set(&f, ERR_NOT_FOUND, "no program is configured for the hook %s",
                             hookrun_word(c->what.hook));
    for (size_t i = 0; envp[i]; i++)
        mem_free(envp[i]);
    mem_free(path);
    if (!r) {
        list_push(&h->running, &c->node);
        h->nrunning++;
        return;
    }
    snprintf(c->why, sizeof(c->why), "%s", f.what);
    list_push(&h->refused, &c->node);
    loop_defer(h->loop, &h->more);
}

static void on_more(struct loop_task *t)
{
    struct hookrun *h = container_of(t, struct hookrun, more);
    LIST_FOREACH_SAFE (it, &h->refused) {
        struct call *c = container_of(it, struct call, node);
        finish(c, PROGRAM_NOT_STARTED, slice_cstr(c->why));
    }
    while (h->nrunning < HOOKRUN_RUNNING_MAX && !list_empty(&h->waiting)) {
        struct call *c = container_of(h->waiting.next, struct call, node);
        list_remove(&c->node);
        h->nwaiting--;
        start(c);
    }
}

int hookrun_call(struct hookrun *h, const struct certhost_call *call)
{
    struct call *c = h->nwaiting < HOOKRUN_WAITING_MAX ? copy_of(h, call) : NULL;
    if (!c)
        return h->nwaiting < HOOKRUN_WAITING_MAX ? ERR_NOMEM : ERR_CAP;
    list_push(&h->waiting, &c->node);
    h->nwaiting++;
    loop_defer(h->loop, &h->more);
    return OK;
}

bool hookrun_reaped(struct hookrun *h, const struct proc_exit *e)
{
    LIST_FOREACH_SAFE (it, &h->running) {
        struct call *c = container_of(it, struct call, node);
        if (program_reaped(c->program, e))
            return true;
    }
    return false;
}

static void drop_all(struct list *l)
{
    LIST_FOREACH_SAFE (it, l) {
        struct call *c = container_of(it, struct call, node);
        list_remove(&c->node);
        program_free(c->program);
        mem_free(c);
    }
}

void hookrun_forget(struct hookrun *h)
{
    drop_all(&h->waiting);
    drop_all(&h->refused);
    h->nwaiting = 0;
    LIST_FOREACH_SAFE (it, &h->running)
        container_of(it, struct call, node)->forgotten = true;
}

int hookrun_new(struct loop *l, const struct hookrun_host *host, struct hookrun **ret)
{
    struct hookrun *h = mem_alloc(sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    h->loop = l;
    h->host = *host;
    list_init(&h->waiting);
    list_init(&h->running);
    list_init(&h->refused);
    loop_task_init(&h->more, on_more);
    *ret = h;
    return OK;
}

void hookrun_free(struct hookrun *h)
{
    if (!h)
        return;
    loop_task_cancel(&h->more);
    drop_all(&h->waiting);
    drop_all(&h->refused);
    drop_all(&h->running);
    mem_free(h);
}
