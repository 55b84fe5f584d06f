/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Words into values, the wrong ones named together with what would be right. */
#include "cli/checkopts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "check/checktarget.h"
#include "check/starttls.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "cli/option.h"
#include "os/file.h"
#include "wire/target.h"

#define PEM_MAX     (4 * 1024 * 1024) /* a whole store of roots */
#define LIST_MAX    (16 * 1024 * 1024)
#define ARENA_MAX   (256u * 1024 * 1024)
#define TIMEOUT_MAX 300000
#define WATCH_MIN   1000
#define WATCH_MAX   (7ull * 24 * 3600 * 1000)

static const char usage[] =
    "usage: port443 check [OPTION ...] TARGET ...\n"
    "       port443 check --expiry FILE [OPTION ...]\n"
    "       port443 check --outbound [FILE] [OPTION ...]\n\n"
    "Visits a site on port 443 in five steps (name, TCP, TLS, HTTP, close), looks at everything\n"
    "that its server offers, and says what is wrong, how bad it is, and what to do next.\n\n"
    "TARGET is NAME, NAME:PORT, https://NAME/PATH, an address, or @FILE with one on each line.\n\n"
    "where:\n"
    "      --connect IP[:PORT]   at this address instead of the name's\n"
    "      --resolve NAME:PORT:ADDR  this name is there; again for more\n"
    "      --sni NAME            name said in TLS, instead of the target's\n"
    "      --proxy URL           through an HTTP proxy: http://proxy.example:3128\n"
    "      --resolver ADDR[:PORT]  name servers instead of the system's; commas between them\n"
    "  -4, -6                    addresses of this kind only\n"
    "      --starttls WORD       smtp, imap, pop3, ftp, xmpp, ldap, postgres, mysql, sieve,\n"
    "                            nntp, lmtp\n"
    "how:\n"
    "      --ca FILE             trust these certificates instead of the system's\n"
    "      --client-cert FILE --client-key FILE  when the server asks for one\n"
    "      --now TIME            judge for this time (2027-01-31T12:00:00Z)\n"
    "      --timeout TIME        for each connection and answer (5s)\n"
    "      --slow, --fast        one connection at a time with pauses; 24 instead of 5 at once\n"
    "      --no-http             only TLS: no page, no port 80\n"
    "      --http-port N         where plain http is looked at (80, for targets on 443)\n"
    "      --api                 the path is one for programs: may port 80 take their keys?\n"
    "      --no-attacks          nothing that an honest client would not send\n"
    "      --no-crl              do not ask authorities for their lists of revoked certificates\n"
    "why a connection fails (looked for when a step fails; asks hosts elsewhere):\n"
    "      --why, --no-why       also when all is well; never\n"
    "      --control-name NAME   innocent name to compare with (www.example.com)\n"
    "      --control-hosts HOST[:PORT],...  hosts elsewhere, at most three\n"
    "      --control-resolver ADDR  another resolver (9.9.9.9)\n"
    "      --portal-url URL      plain http with a known answer; each of these may be \"none\"\n"
    "judgement:\n"
    "      --fail-on SEVERITY    info, low, medium, high (default), critical, never\n"
    "      --profile NAME        also fail unless Mozilla's modern, intermediate or old is kept\n"
    "output:\n"
    "  -v, --verbose             suites and groups too\n"
    "      --json                one object, or one line for each of several targets\n"
    "      --csv, --sarif, --junit, --prometheus\n"
    "      --nagios              one line and the exit status of a plugin (0 to 3)\n"
    "      --html FILE           besides: one page with pictures, for all targets\n"
    "many certificates:\n"
    "      --expiry FILE         only look when the certificates of the hosts in FILE end\n"
    "                            (as text, --json or --prometheus)\n"
    "      --watch INTERVAL      again and again (6h)\n"
    "what does this network let out:\n"
    "      --outbound [FILE]     is each host reached (lines \"kind host[:port]\"; without a file\n"
    "                            a list of well-known ones); as text or --json\n\n"
    "Exit status: 0 good; 1 something is as bad as --fail-on says; 2 a target could not be\n"
    "tested (no address, no connection); 64 wrong usage.\n\n"
    "examples:\n"
    "  port443 check example.com\n"
    "  port443 check --connect 192.0.2.7 https://www.example.com/shop\n"
    "  port443 check --starttls smtp --profile intermediate mail.example.com\n"
    "  port443 check --json @sites.txt >sites.jsonl\n"
    "  port443 check --expiry hosts.txt --prometheus\n";

/* As written. */
struct words {
    const char *connect, *resolve[CHECKOPTS_PINS_MAX], *sni, *proxy, *resolver, *starttls;
    const char *ca, *client_cert, *client_key, *now, *timeout, *http_port, *fail_on, *profile;
    const char *watch;
    bool v4, v6, slow, fast, no_http, no_attacks;
    bool why, no_why, no_crl, api;
    const char *control_name, *control_hosts, *control_resolver, *portal_url;
    bool json, csv, nagios, prometheus, sarif, junit;
};

#define SPECS_MAX (CHECKOPTS_PINS_MAX + 48)

static bool refuse(const char *option, const char *value, const char *why)
{
    char shown[200];
    text_escape(slice_cstr(value), shown, sizeof(shown));
    fprintf(stderr,
            "port443 check: --%s %s: %s\n  \"port443 check --help\" describes the options\n",
            option, shown, why);
    return false;
}

static int parse_words(struct checkopts *o, struct words *w, int argc, char **argv, int *ret_n)
{
    const struct option_spec fixed[] = {
        {"connect", 0, NULL, &w->connect},
        {"sni", 0, NULL, &w->sni},
        {"proxy", 0, NULL, &w->proxy},
        {"resolver", 0, NULL, &w->resolver},
        {"ipv4", '4', &w->v4, NULL},
        {"ipv6", '6', &w->v6, NULL},
        {"starttls", 0, NULL, &w->starttls},
        {"ca", 0, NULL, &w->ca},
        {"client-cert", 0, NULL, &w->client_cert},
        {"client-key", 0, NULL, &w->client_key},
        {"now", 0, NULL, &w->now},
        {"timeout", 0, NULL, &w->timeout},
        {"slow", 0, &w->slow, NULL},
        {"fast", 0, &w->fast, NULL},
        {"no-http", 0, &w->no_http, NULL},
        {"http-port", 0, NULL, &w->http_port},
        {"no-attacks", 0, &w->no_attacks, NULL},
        {"no-crl", 0, &w->no_crl, NULL},
        {"api", 0, &w->api, NULL},
        {"why", 0, &w->why, NULL},
        {"no-why", 0, &w->no_why, NULL},
        {"control-name", 0, NULL, &w->control_name},
        {"control-hosts", 0, NULL, &w->control_hosts},
        {"control-resolver", 0, NULL, &w->control_resolver},
        {"portal-url", 0, NULL, &w->portal_url},
        {"fail-on", 0, NULL, &w->fail_on},
        {"profile", 0, NULL, &w->profile},
        {"json", 0, &w->json, NULL},
        {"csv", 0, &w->csv, NULL},
        {"nagios", 0, &w->nagios, NULL},
        {"prometheus", 0, &w->prometheus, NULL},
        {"sarif", 0, &w->sarif, NULL},
        {"junit", 0, &w->junit, NULL},
        {"html", 0, NULL, &o->html},
        {"verbose", 'v', &o->verbose, NULL},
        {"expiry", 0, NULL, &o->expiry},
        {"outbound", 0, &o->outbound, NULL},
        {"watch", 0, NULL, &w->watch},
    };
    struct option_spec specs[SPECS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        specs[n++] = fixed[i];
    for (size_t i = 0; i < CHECKOPTS_PINS_MAX; i++)
        specs[n++] = (struct option_spec){"resolve", 0, NULL, &w->resolve[i]};
    const struct option_parse p = {"check", specs, n, usage};
    return option_parse(&p, argc, argv, ret_n);
}

/* ---- where ---- */

/* NAME:PORT:ADDR as curl has it; an IPv6 address may stand in brackets. */
static bool take_pin(const char *text, struct arena *a, struct checkrun_pin *ret)
{
    uint8_t dst[TARGET_HOST_BYTES];
    struct target_host host;
    struct slice rest = slice_cstr(text);
    size_t name_end = slice_find(rest, ':');
    struct slice tail = slice_from(rest, name_end + 1);
    size_t port_end = slice_find(tail, ':');
    struct slice address = slice_from(tail, port_end + 1);
    uint64_t port;
    if (address.n > 2 && address.p[0] == '[' && address.p[address.n - 1] == ']')
        address = slice_of(address.p + 1, address.n - 2);
    if (target_normal_host(slice_first(rest, name_end), dst, &host) ||
        num_parse_u64(slice_first(tail, port_end), 1, 65535, &port) ||
        cidr_parse_ip(address, &ret->ip) || arena_copy(a, host.name, &ret->host))
        return refuse("resolve", text, "write NAME:PORT:ADDRESS");
    ret->port = (uint16_t)port;
    return true;
}

/* IP[:PORT]; without a port the target's. */
static bool take_connect(const char *text, struct sock_addr *ret, bool *ret_has_port)
{
    struct slice s = slice_cstr(text);
    struct ip ip;
    if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = slice_of(s.p + 1, s.n - 2);
    *ret_has_port = cidr_parse_ip(s, &ip) != OK;
    if (!*ret_has_port)
        sock_addr_make(&ip, 0, ret);
    else if (sock_addr_parse(s, ret) || sock_addr_is_unix(ret))
        return refuse("connect", text, "write an address, perhaps with a port: 192.0.2.7:8443");
    return true;
}

static bool take_proxy(const char *text, struct slice *ret)
{
    struct slice s = slice_cstr(text);
    static const struct slice http = SLICE("http://"), https = SLICE("https://");
    if (slice_eq_nocase(slice_first(s, https.n), https))
        return refuse("proxy", text, "a proxy that is spoken to over TLS is not supported");
    if (slice_eq_nocase(slice_first(s, http.n), http))
        s = slice_from(s, http.n);
    if (s.n && s.p[s.n - 1] == '/')
        s.n--;
    if (!s.n || slice_find(s, '/') < s.n || slice_find(s, '@') < s.n)
        return refuse("proxy", text, "write http://proxy.example:3128");
    *ret = s;
    return true;
}

/* What programs of this network go through (as curl reads it). */
static const char *proxy_of_environment(void)
{
    const char *small = getenv("https_proxy"), *large = getenv("HTTPS_PROXY");
    return small && small[0] ? small : large && large[0] ? large : NULL;
}

static bool take_where(struct checkopts *o, const struct words *w, bool *ret_has_port,
                       struct sock_addr *ret_connect)
{
    for (size_t i = 0; i < CHECKOPTS_PINS_MAX && w->resolve[i]; i++)
        if (!take_pin(w->resolve[i], &o->arena, &o->pins[o->run.npins++]))
            return false;
    o->run.pins = o->pins;
    if (w->connect && !take_connect(w->connect, ret_connect, ret_has_port))
        return false;
    const char *proxy = w->proxy ? w->proxy : o->outbound ? proxy_of_environment() : NULL;
    if (proxy && !take_proxy(proxy, &o->run.proxy))
        return false;
    if (w->v4 && w->v6)
        return refuse("ipv4", "--ipv6", "only one of them can be asked for");
    o->run.family = w->v4 ? 4 : w->v6 ? 6 : 0;
    o->run.resolver = w->resolver;
    for (size_t i = 0; w->starttls && starttls_words[i]; i++)
        if (strcmp(starttls_words[i], w->starttls) == 0)
            return true;
    return !w->starttls || refuse("starttls", w->starttls, "is no protocol that is known here");
}

/* ---- how ---- */

static bool take_file(struct checkopts *o, const char *path, struct buf *b)
{
    struct fault f = {0};
    if (!file_read(path, PEM_MAX, b, &f))
        return true;
    faults_print_one("check", &f);
    o->status = CMD_FAILED;
    return false;
}

static bool take_identity(struct checkopts *o, const struct words *w)
{
    struct fault f = {0};
    if (!w->client_cert != !w->client_key)
        return refuse(w->client_cert ? "client-cert" : "client-key",
                      w->client_cert ? w->client_cert : w->client_key,
                      "needs --client-cert and --client-key");
    if (!w->client_cert)
        return true;
    if (!take_file(o, w->client_cert, &o->cert) || !take_file(o, w->client_key, &o->key))
        return false;
    const char *path = w->client_cert;
    int r = certinfo_parse(buf_slice(&o->cert), &o->identity.chain, &f);
    if (!r) {
        path = w->client_key;
        r = keystore_load(buf_slice(&o->key), &o->identity.key, &f);
    }
    if (r) {
        fault_at(&f, path, 0, 0);
        faults_print_one("check", &f);
        o->status = CMD_FAILED;
        return false;
    }
    o->run.identity = &o->identity;
    return true;
}

static bool take_how(struct checkopts *o, const struct words *w)
{
    uint64_t ms, port;
    o->run.timeout_ms = 5000;
    if (w->timeout) {
        if (num_parse_ms(slice_cstr(w->timeout), 100, TIMEOUT_MAX, &ms))
            return refuse("timeout", w->timeout, "write 500ms, 5s or 1m");
        o->run.timeout_ms = (uint32_t)ms;
    }
    if (w->now && date_parse_rfc3339(slice_cstr(w->now), &o->run.now_s))
        return refuse("now", w->now, "write 2027-01-31T12:00:00Z");
    if (w->slow && w->fast)
        return refuse("slow", "--fast", "only one of them can be asked for");
    if (w->http_port && num_parse_u64(slice_cstr(w->http_port), 1, 65535, &port))
        return refuse("http-port", w->http_port, "write a port, 1 to 65535");
    if (w->http_port)
        o->run.plain_port = (uint16_t)port;
    if (w->watch && num_parse_ms(slice_cstr(w->watch), WATCH_MIN, WATCH_MAX, &o->watch_ms))
        return refuse("watch", w->watch, "write 10m, 6h or 1d");
    if (w->watch && !o->expiry)
        return refuse("watch", w->watch, "goes with --expiry");
    o->run.pace = w->slow ? CHECKRUN_SLOW : w->fast ? CHECKRUN_FAST : CHECKRUN_USUAL;
    o->run.http = !w->no_http;
    o->run.audit = true;
    o->run.vulnerabilities = !w->no_attacks;
    if (!take_identity(o, w))
        return false;
    if (w->ca && !take_file(o, w->ca, &o->ca))
        return false;
    o->run.ca_pem = buf_slice(&o->ca);
    return true;
}

/* ---- why ---- */

/* What is compared with: the well-known hosts, others, or none at all. */
static bool take_controls(struct checkopts *o, const struct words *w)
{
    struct why_options *c = &o->run.controls;
    const struct {
        const char *given;
        struct slice *to;
    } rows[] = {{w->control_name, &c->control_name},
                {w->control_hosts, &c->controls},
                {w->control_resolver, &c->second_resolver},
                {w->portal_url, &c->portal_url}};
    if (w->why && w->no_why)
        return refuse("why", "--no-why", "only one of them can be asked for");
    o->run.why = w->why      ? CHECKONE_WHY_ALWAYS
                 : w->no_why ? CHECKONE_WHY_NEVER
                             : CHECKONE_WHY_FAILED;
    o->run.crl = !w->no_crl;
    c->downloads = w->why;
    c->hops = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        *rows[i].to = slice_cstr(rows[i].given);
    why_defaults(c);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (slice_eq(*rows[i].to, SLICE("none")))
            *rows[i].to = SLICE_EMPTY;
    return true;
}

/* ---- judgement ---- */

static bool take_judgement(struct checkopts *o, const struct words *w)
{
    static const char *const profiles[] = {"", "modern", "intermediate", "old"};
    o->fail_on = FACTS_HIGH;
    if (w->fail_on) {
        enum facts_severity s = FACTS_INFO;
        while (s <= FACTS_CRITICAL && strcmp(facts_severity_text(s), w->fail_on) != 0)
            s++;
        o->never_fails = strcmp(w->fail_on, "never") == 0;
        if (s > FACTS_CRITICAL && !o->never_fails)
            return refuse("fail-on", w->fail_on, "say info, low, medium, high, critical or never");
        o->fail_on = o->never_fails ? FACTS_CRITICAL : s;
    }
    for (size_t i = 1; w->profile && i < ARRAY_LEN(profiles); i++)
        if (strcmp(profiles[i], w->profile) == 0)
            o->profile = (enum checkopts_profile)i;
    if (w->profile && !o->profile)
        return refuse("profile", w->profile, "say modern, intermediate or old");
    return true;
}

/* ---- output ---- */

static bool take_shape(struct checkopts *o, const struct words *w)
{
    const struct {
        bool given;
        const char *name;
        enum checkopts_shape shape;
    } shapes[] = {{w->json, "json", CHECKOPTS_JSON},
                  {w->csv, "csv", CHECKOPTS_CSV},
                  {w->nagios, "nagios", CHECKOPTS_NAGIOS},
                  {w->prometheus, "prometheus", CHECKOPTS_PROMETHEUS},
                  {w->sarif, "sarif", CHECKOPTS_SARIF},
                  {w->junit, "junit", CHECKOPTS_JUNIT}};
    const char *first = NULL;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        if (!shapes[i].given)
            continue;
        if (first) {
            fprintf(stderr,
                    "port443 check: --%s and --%s cannot both go to standard output\n"
                    "  \"port443 check --help\" describes the options\n",
                    first, shapes[i].name);
            return false;
        }
        first = shapes[i].name;
        o->shape = shapes[i].shape;
    }
    bool fits = o->shape == CHECKOPTS_TEXT || o->shape == CHECKOPTS_JSON ||
                o->shape == CHECKOPTS_PROMETHEUS;
    fits = fits && !(o->outbound && o->shape == CHECKOPTS_PROMETHEUS);
    if (o->outbound && (o->html || !fits))
        return refuse("outbound", "", "prints text or --json");
    if (o->expiry && (o->html || !fits))
        return refuse("expiry", o->expiry, "prints text, --json or --prometheus");
    return true;
}

/* ---- targets ---- */

struct gathering {
    struct checkopts *o;
    const struct words *w;
    struct sock_addr connect;
    bool connect_has_port;
    size_t room;
};

static bool add_target(struct gathering *g, struct slice text)
{
    struct checkopts *o = g->o;
    struct fault f = {0};
    if (o->ntargets == g->room) {
        size_t room = g->room ? g->room * 2 : 16;
        struct facts_target *grown = mem_array(room, sizeof(*grown));
        if (!grown || room > CHECKOPTS_TARGETS_MAX * 2) {
            mem_free(grown);
            fputs("port443 check: too many targets\n", stderr);
            return false;
        }
        if (o->ntargets)
            memcpy(grown, o->targets, o->ntargets * sizeof(*grown));
        mem_free(o->targets);
        o->targets = grown;
        g->room = room;
    }
    struct facts_target *t = &o->targets[o->ntargets];
    if (checktarget_parse(&o->arena, text, g->w->starttls, t, &f)) {
        faults_print_one("check", &f);
        return false;
    }
    t->sni = g->w->sni ? slice_cstr(g->w->sni) : SLICE_EMPTY;
    t->api = g->w->api;
    struct ip ip;
    uint16_t port;
    if (g->w->connect && sock_addr_ip(&g->connect, &ip, &port))
        sock_addr_make(&ip, g->connect_has_port ? port : t->port, &t->connect);
    o->ntargets++;
    return true;
}

/* One on each line; empty lines and what follows # are skipped. */
static bool add_file(struct gathering *g, const char *path)
{
    struct fault f = {0};
    struct buf b;
    struct slice line;
    bool good = true;
    buf_init(&b, LIST_MAX);
    if (file_read(path, LIST_MAX, &b, &f)) {
        faults_print_one("check", &f);
        g->o->status = CMD_FAILED;
        buf_done(&b);
        return false;
    }
    struct slice rest = buf_slice(&b);
    while (good && slice_next(&rest, '\n', &line)) {
        line = slice_first(line, slice_find(line, '#'));
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        line = slice_trim(line);
        if (line.n)
            good = add_target(g, line);
    }
    buf_done(&b);
    return good;
}

static bool take_targets(struct gathering *g, int n, char **words)
{
    if (g->o->outbound && n <= 1 && !g->o->expiry) {
        g->o->outbound_list = n ? words[0] : NULL;
        return true;
    }
    if (g->o->outbound)
        return refuse("outbound", words[0], "takes one file of hosts and no targets");
    for (int i = 0; i < n; i++)
        if (words[i][0] == '@' ? !add_file(g, words[i] + 1) : !add_target(g, slice_cstr(words[i])))
            return false;
    if (g->o->expiry && !add_file(g, g->o->expiry))
        return false;
    if (g->o->ntargets)
        return true;
    fputs("port443 check: say what to look at, such as example.com\n"
          "  \"port443 check --help\" shows examples\n",
          stderr);
    return false;
}

bool checkopts_read(struct checkopts *o, int argc, char **argv, int *status)
{
    struct words w = {0};
    int n;
    *o = (struct checkopts){0};
    arena_init(&o->arena, ARENA_MAX);
    buf_init(&o->ca, PEM_MAX);
    buf_init(&o->cert, PEM_MAX);
    buf_init(&o->key, PEM_MAX);
    struct gathering g = {.o = o, .w = &w};
    int r = parse_words(o, &w, argc, argv, &n);
    o->status = r == ERR_EOF ? CMD_GOOD : CMD_USAGE;
    bool good = !r && take_where(o, &w, &g.connect_has_port, &g.connect) && take_how(o, &w) &&
                take_controls(o, &w) && take_judgement(o, &w) && take_shape(o, &w) &&
                take_targets(&g, n, argv + 1);
    *status = o->status;
    return good;
}

void checkopts_done(struct checkopts *o)
{
    keystore_unref(o->identity.key);
    certinfo_unref(o->identity.chain);
    if (o->key.p)
        mem_wipe(o->key.p, o->key.cap);
    buf_done(&o->ca);
    buf_done(&o->cert);
    buf_done(&o->key);
    mem_free(o->targets);
    arena_done(&o->arena);
}
