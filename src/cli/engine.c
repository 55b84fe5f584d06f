/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Where serve/ and cert/ meet. Decides nothing: every value is the configuration's, every order the
 * operator's. */
#include "cli/engine.h"

#include "base/mem.h"
#include "cli/engineorder.h"
#include "crypt/localca.h"

#define WISHES_BYTES ((size_t)64 << 20) /* a configuration that a generator made */
#define LINE_BYTES   16384

_Static_assert(CONF_HTTP01 == CERTKEEP_HTTP01 && CONF_ALPN01 == CERTKEEP_ALPN01 &&
                   CONF_DNS01 == CERTKEEP_DNS01 && CONF_PERSIST01 == CERTKEEP_PERSIST01,
               "challenges are the same bits on both sides");
_Static_assert(CONF_ECDSA == CERTKEEP_ECDSA && CONF_RSA == CERTKEEP_RSA,
               "keys are the same bits on both sides");

/* ---- configuration to wishes ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What stands in a file that holds a key, without the blanks around it. */
static int take_file(const struct bundle *files, struct slice path, struct slice *ret,
                     struct fault *f)
{
    if (path.n == 0 || !files)
        return OK;
    if (!bundle_file(files, path, ret))
        return fault_set(f, ERR_NOT_FOUND, "%s is missing", (const char *)path.p);
    while (ret->n && is_blank(ret->p[ret->n - 1]))
        ret->n--;
    while (ret->n && is_blank(ret->p[0]))
        *ret = slice_from(*ret, 1);
    return ret->n ? OK : fault_set(f, ERR_CONFIG, "%s is empty", (const char *)path.p);
}

static int put_address(struct arena *a, const char *before, const struct conf_address *from,
                       struct slice *ret)
{
    char ip[CIDR_IP_TEXT];
    size_t n = cidr_format_ip(&from->ip, ip);
    bool v4 = cidr_is_v4(&from->ip);
    return arena_printf(a, ret, "%s%s%.*s%s:%u", before, v4 ? "" : "[", (int)n, ip, v4 ? "" : "]",
                        from->port);
}

static int put_resolvers(struct arena *a, const struct conf_addresses *list, struct slice *ret)
{
    int r = OK;
    *ret = SLICE_EMPTY;
    for (size_t i = 0; !r && i < list->count; i++) {
        struct slice one, before = *ret;
        r = put_address(a, i ? "," : "", &list->items[i], &one);
        if (!r)
            r = arena_printf(a, ret, SLICE_F SLICE_F, SLICE_A(before), SLICE_A(one));
    }
    return r;
}

static unsigned hooks_of(const struct conf_acme *a)
{
    const struct slice paths[CERTHOST_HOOKS] = {
        [CERTHOST_HOOK_PRE_ISSUE] = a->hooks.pre_issue,
        [CERTHOST_HOOK_DEPLOYED] = a->hooks.deployed,
        [CERTHOST_HOOK_FAILED] = a->hooks.failed,
        [CERTHOST_HOOK_EXPIRING] = a->hooks.expiring,
        [CERTHOST_HOOK_DNS] = a->dns.hook,
    };
    unsigned mask = 0;
    for (unsigned i = 0; i < CERTHOST_HOOKS; i++)
        mask |= paths[i].n ? 1u << i : 0;
    return mask;
}

static bool any_on_demand(const struct conf *conf)
{
    bool any = false;
    for (size_t i = 0; i < conf->nsites; i++)
        any |= conf->sites[i].on_demand;
    return any;
}

static int make_settings(const struct conf *conf, const struct bundle *files,
                         struct engine_wishes *w, struct fault *f)
{
    static const char *const algorithms[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512"};
    const struct conf_acme *a = &conf->acme;
    struct certkeep_settings *s = &w->settings;
    *s = (struct certkeep_settings){
        .staging = a->staging_url,
        .email = a->email,
        .profile = a->profile,
        .preferred_chain = a->preferred_chain,
        .challenges = a->offered,
        .keys = a->keys,
        .reuse_key = a->reuse_key,
        .preflight = a->preflight,
        .eab_kid = a->eab.kid,
        .dns_zone = a->dns.zone,
        .tsig_name = a->dns.tsig_name,
        .tsig_algorithm = slice_cstr(algorithms[a->dns.tsig_algorithm]),
        .propagation_timeout_ms = a->dns.propagation_timeout_ms,
        .hook_timeout_ms = a->hooks.timeout_ms,
        .dns_hook_timeout_ms = a->dns.hook_timeout_ms,
        .hooks = hooks_of(a),
        .on_demand = any_on_demand(conf),
        .on_demand_allow = a->on_demand.allow.items,
        .nallow = a->on_demand.allow.count,
        .on_demand_ask = a->on_demand.ask,
    };
    if (a->urls.count > CERTKEEP_DIRECTORIES_MAX)
        return fault_set(f, ERR_CONFIG, "acme.directory names more than %d CAs",
                         CERTKEEP_DIRECTORIES_MAX);
    for (size_t i = 0; i < a->urls.count; i++)
        s->directories[s->ndirectories++] = a->urls.items[i];
    int r = take_file(files, a->ca_file, &s->ca_pem, f);
    if (!r)
        r = take_file(files, a->eab.key_file, &s->eab_key, f);
    if (!r)
        r = take_file(files, a->dns.tsig_secret_file, &s->tsig_secret, f);
    if (!r &&
        ((r = put_resolvers(&w->arena, &a->resolver, &s->resolvers)) ||
         (a->dns.server.port && (r = put_address(&w->arena, "", &a->dns.server, &s->dns_server)))))
        fault_set(f, r, "out of memory");
    return r;
}

static int add_site(struct engine_wishes *w, const struct conf_site *s)
{
    struct slice *names = arena_alloc(&w->arena, (1 + s->aliases.count) * sizeof(*names));
    if (!names)
        return ERR_NOMEM;
    bool local = localca_permits(names[0] = s->name);
    for (size_t i = 0; i < s->aliases.count; i++)
        local &= localca_permits(names[i + 1] = s->aliases.items[i]);
    w->names[w->nnames++] = (struct certkeep_name){names, 1 + s->aliases.count, local};
    return OK;
}

int engine_wishes(const struct conf *conf, const struct bundle *files, struct engine_wishes *ret,
                  struct fault *f)
{
    ret->nnames = 0;
    arena_init(&ret->arena, WISHES_BYTES);
    ret->names = arena_alloc(&ret->arena, (conf->nsites + 1) * sizeof(*ret->names));
    int r = ret->names ? OK : fault_set(f, ERR_NOMEM, "out of memory");
    if (!r)
        r = make_settings(conf, files, ret, f);
    for (size_t i = 0; !r && i < conf->nsites; i++)
        if (conf->sites[i].tls.certs.count == 0 && !conf->sites[i].on_demand &&
            (r = add_site(ret, &conf->sites[i])))
            fault_set(f, r, "out of memory");
    return r;
}

void engine_wishes_done(struct engine_wishes *w)
{
    arena_done(&w->arena);
}

/* ---- the keeper's table ---- */

static const struct conf *in_use; /* of the one engine of this process */

static int open_engine(struct loop *l, const char *state_dir, const struct certhost *host,
                       void **ret, struct fault *f)
{
    struct certkeep *made;
    int r = certkeep_open(l, state_dir, host, &made, f);
    if (!r)
        *ret = made;
    return r;
}

static int want(void *engine, const struct keeper_plan *plan, struct fault *f)
{
    struct engine_wishes w;
    int r = engine_wishes(plan->conf, plan->files, &w, f);
    w.settings.http_port = plan->http_port;
    w.settings.https_port = plan->https_port;
    in_use = plan->conf;
    if (!r)
        r = certkeep_want(engine, &w.settings, w.names, w.nnames, f);
    engine_wishes_done(&w);
    return r;
}

static void published(void *engine, uint64_t version)
{
    certkeep_published(engine, version);
}

static void hook_done(void *engine, uint64_t id, int status, struct slice output)
{
    certkeep_hook_done(engine, id, status, output);
}

/* A worker may be in foreign hands: only names that a site asks for. */
static bool is_demanded(struct slice name)
{
    struct slice parent = slice_from(name, slice_find(name, '.'));
    bool found = false;
    for (size_t i = 0; in_use && i < in_use->nsites; i++) {
        const struct conf_site *s = &in_use->sites[i];
        found |= s->on_demand && slice_eq(slice_from(s->name, 1), parent);
        for (size_t k = 0; s->on_demand && k < s->aliases.count; k++)
            found |= slice_eq(slice_from(s->aliases.items[k], 1), parent);
    }
    return found;
}

static int demand(void *engine, struct slice name, struct slice client_address)
{
    return is_demanded(name) ? certkeep_demand(engine, name, client_address) : ERR_PERM;
}

static void served(void *engine, struct slice name, enum key_kind kind, const uint8_t sha256[32],
                   int r)
{
    certkeep_served(engine, name, kind, sha256, r);
}

static void report(void *engine, struct json *j)
{
    certkeep_report(engine, j);
}

static int metrics(void *engine, struct buf *out)
{
    return certkeep_metrics(engine, out);
}

static void wind_up(void *engine)
{
    certkeep_wind_up(engine);
}

static bool busy(void *engine)
{
    return certkeep_busy(engine);
}

static void close_engine(void *engine)
{
    certkeep_close(engine);
}

/* ---- orders ---- */

struct order {
    struct certkeep_call call;
    struct keeper_command *command;
    struct list node;
};

static struct list orders; /* under way */

static void tell_progress(struct certkeep_call *c, const char *phase, struct slice name)
{
    struct order *o = container_of(c, struct order, call);
    struct buf b;
    struct json j;
    buf_init(&b, LINE_BYTES);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_cstr(&j, "phase", phase);
    json_text(&j, "name", name);
    json_end(&j, '}');
    if (!j.r)
        o->command->on_progress(o->command, buf_slice(&b));
    buf_done(&b);
}

static void tell_end(struct keeper_command *command, int r, const struct fault *f)
{
    char text[2048];
    struct buf b;
    struct json j;
    buf_init(&b, LINE_BYTES);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_bool(&j, "ok", r == OK);
    if (r) {
        size_t n = f ? fault_text(f, text, sizeof(text)) : 0;
        json_cstr(&j, "error", err_name(r));
        json_text(&j, "message", n ? slice_of(text, n) : slice_cstr(err_text(r)));
    }
    json_end(&j, '}');
    command->on_done(command, j.r ? SLICE("{\"ok\":false}") : buf_slice(&b));
    buf_done(&b);
}

static void on_done(struct certkeep_call *c, int r, const struct fault *f)
{
    struct order *o = container_of(c, struct order, call);
    tell_end(o->command, r, f);
    list_remove(&o->node);
    mem_free(o);
}

static void begin(struct certkeep *k, struct order *o, const struct engineorder *e)
{
    switch (e->what) {
    case ENGINEORDER_RENEW:
        certkeep_renew(k, &o->call, e->name, e->force);
        return;
    case ENGINEORDER_DRY_RUN:
        certkeep_dry_run(k, &o->call, e->name);
        return;
    case ENGINEORDER_REVOKE:
        certkeep_revoke(k, &o->call, e->name, e->reason, e->by_key);
        return;
    case ENGINEORDER_ROLLOVER:
        certkeep_account(k, &o->call, CERTKEEP_ROLLOVER);
        return;
    case ENGINEORDER_DEACTIVATE:
        certkeep_account(k, &o->call, CERTKEEP_DEACTIVATE);
        return;
    case ENGINEORDER_UPDATE:
        certkeep_account(k, &o->call, CERTKEEP_UPDATE);
        return;
    }
}

static void command(void *engine, struct keeper_command *c)
{
    struct engineorder e;
    struct fault f = {0};
    int r = engineorder_read(c->text, &e, &f);
    struct order *o = r ? NULL : mem_alloc(sizeof(*o));
    if (!o) {
        r = r ? r : fault_set(&f, ERR_NOMEM, "out of memory");
        tell_end(c, r, &f);
        return;
    }
    if (!orders.next)
        list_init(&orders);
    o->command = c;
    o->call.on_progress = tell_progress;
    o->call.on_done = on_done;
    list_push(&orders, &o->node);
    begin(engine, o, &e);
}

static void cancel(void *engine, struct keeper_command *c)
{
    (void)engine;
    if (!orders.next)
        return;
    LIST_FOREACH_SAFE (it, &orders) {
        struct order *o = container_of(it, struct order, node);
        if (o->command != c)
            continue;
        certkeep_cancel(&o->call);
        list_remove(&o->node);
        mem_free(o);
    }
}

const struct keeper_ops engine_keeper_ops = {
    .open = open_engine,
    .want = want,
    .published = published,
    .hook_done = hook_done,
    .demand = demand,
    .served = served,
    .command = command,
    .cancel = cancel,
    .report = report,
    .metrics = metrics,
    .wind_up = wind_up,
    .busy = busy,
    .close = close_engine,
};
