/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Options of ACME. */
#include "cli/certopts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "cert/challenge.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "conf/series.h"
#include "os/file.h"

#define FILE_MAX       (256 * 1024)
#define HOOK_MS        180000
#define PROPAGATION_MS 120000

size_t certopts_specs(struct certopts *o, struct option_spec *specs)
{
    *o = (struct certopts){0};
    const struct option_spec fixed[] = {
        {"state", 0, NULL, &o->state},
        {"ca-file", 0, NULL, &o->ca_file},
        {"email", 0, NULL, &o->email},
        {"dns-hook", 0, NULL, &o->dns_hook},
        {"dns-server", 0, NULL, &o->dns_server},
        {"dns-zone", 0, NULL, &o->dns_zone},
        {"tsig-name", 0, NULL, &o->tsig_name},
        {"tsig-algorithm", 0, NULL, &o->tsig_algorithm},
        {"tsig-secret-file", 0, NULL, &o->tsig_secret_file},
        {"profile", 0, NULL, &o->profile},
        {"preferred-chain", 0, NULL, &o->preferred_chain},
        {"eab-kid", 0, NULL, &o->eab_kid},
        {"eab-key-file", 0, NULL, &o->eab_key_file},
        {"http-port", 0, NULL, &o->http_port},
        {"https-port", 0, NULL, &o->https_port},
        {"resolver", 0, NULL, &o->resolver},
        {"rsa", 0, &o->rsa, NULL},
    };
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        specs[n++] = fixed[i];
    for (size_t i = 0; i < CERTKEEP_DIRECTORIES_MAX; i++)
        specs[n++] = (struct option_spec){"directory", 0, NULL, &o->directory[i]};
    for (size_t i = 0; i < CERTOPTS_CHALLENGES_MAX; i++)
        specs[n++] = (struct option_spec){"challenge", 0, NULL, &o->challenge[i]};
    buf_init(&o->ca, FILE_MAX + 1);
    buf_init(&o->tsig, FILE_MAX + 1);
    buf_init(&o->eab, FILE_MAX + 1);
    return n;
}

bool certopts_any(const struct certopts *o)
{
    return o->directory[0] || o->ca_file || o->email || o->challenge[0] || o->dns_hook ||
           o->dns_server || o->rsa || o->profile || o->preferred_chain || o->eab_kid ||
           o->http_port || o->https_port || o->resolver;
}

static void wipe(struct buf *b)
{
    if (b->p)
        mem_wipe(b->p, b->cap);
    buf_done(b);
}

void certopts_done(struct certopts *o)
{
    wipe(&o->ca);
    wipe(&o->tsig);
    wipe(&o->eab);
}

static int refuse(const char *verb, const char *option, const char *value, const char *why)
{
    char shown[200];
    text_escape(slice_cstr(value), shown, sizeof(shown));
    fprintf(stderr, "port443 %s: --%s %s: %s\n  \"port443 %s --help\" describes the options\n",
            verb, option, shown, why, verb);
    return CMD_USAGE;
}

static int take_file(const char *verb, const char *path, struct buf *b, struct slice *ret)
{
    struct fault f = {0};
    if (!path)
        return CMD_GOOD;
    if (file_read(path, FILE_MAX, b, &f)) {
        faults_print_one(verb, &f);
        return CMD_FAILED;
    }
    struct slice s = buf_slice(b);
    while (s.n && s.p[s.n - 1] <= ' ')
        s.n--;
    if (s.n == 0) {
        fprintf(stderr, "port443 %s: %s is empty\n", verb, path);
        return CMD_FAILED;
    }
    *ret = s;
    return CMD_GOOD;
}

static int take_directories(const struct certopts *o, const char *verb, struct slice directory,
                            struct certkeep_settings *s)
{
    for (size_t i = 0; i < CERTKEEP_DIRECTORIES_MAX && o->directory[i]; i++) {
        struct slice url = series_acme_url(slice_cstr(o->directory[i]));
        if (!slice_starts(url, SLICE("https://")))
            return refuse(verb, "directory", o->directory[i],
                          "neither a CA that is known by this name nor an https:// URL");
        s->directories[s->ndirectories++] = url;
    }
    if (!s->ndirectories)
        s->directories[s->ndirectories++] =
            directory.n ? directory : series_acme_url(SLICE("letsencrypt"));
    return CMD_GOOD;
}

static int take_challenges(const struct certopts *o, const char *verb, struct certkeep_settings *s)
{
    static const unsigned bits[] = {CERTKEEP_HTTP01, CERTKEEP_ALPN01, CERTKEEP_DNS01,
                                    CERTKEEP_PERSIST01};
    for (size_t i = 0; i < CERTOPTS_CHALLENGES_MAX && o->challenge[i]; i++) {
        struct slice rest = slice_cstr(o->challenge[i]), word;
        enum challenge_type type;
        while (slice_next(&rest, ',', &word)) {
            if (challenge_type_parse(word, &type))
                return refuse(verb, "challenge", o->challenge[i],
                              "say http-01, tls-alpn-01, dns-01 or dns-persist-01");
            s->challenges |= bits[type];
        }
    }
    bool dns = o->dns_hook || o->dns_server;
    if (!s->challenges)
        s->challenges = dns ? CERTKEEP_DNS01 : CERTKEEP_HTTP01 | CERTKEEP_ALPN01;
    if ((s->challenges & CERTKEEP_DNS01) && !dns)
        return refuse(verb, "challenge", "dns-01",
                      "say who writes the record: --dns-hook PROGRAM or --dns-server ADDR:PORT");
    return CMD_GOOD;
}

static int take_port(const char *verb, const char *option, const char *value, uint16_t *ret)
{
    uint64_t port;
    if (!value)
        return CMD_GOOD;
    if (num_parse_u64(slice_cstr(value), 1, 65535, &port))
        return refuse(verb, option, value, "a port is a number from 1 to 65535");
    *ret = (uint16_t)port;
    return CMD_GOOD;
}

/* Only the ports that the enabled challenges need. */
static int take_ports(const struct certopts *o, const char *verb, struct certkeep_settings *s)
{
    s->http_port = 80;
    s->https_port = 443;
    int status = take_port(verb, "http-port", o->http_port, &s->http_port);
    if (!status)
        status = take_port(verb, "https-port", o->https_port, &s->https_port);
    if (!(s->challenges & CERTKEEP_HTTP01))
        s->http_port = 0;
    if (!(s->challenges & CERTKEEP_ALPN01))
        s->https_port = 0;
    return status;
}

static void take_words(const struct certopts *o, struct certkeep_settings *s)
{
    s->email = slice_cstr(o->email);
    s->profile = slice_cstr(o->profile);
    s->preferred_chain = slice_cstr(o->preferred_chain);
    s->eab_kid = slice_cstr(o->eab_kid);
    s->resolvers = slice_cstr(o->resolver);
    s->dns_server = slice_cstr(o->dns_server);
    s->dns_zone = slice_cstr(o->dns_zone);
    s->tsig_name = slice_cstr(o->tsig_name);
    s->tsig_algorithm = o->tsig_algorithm ? slice_cstr(o->tsig_algorithm)
                        : o->tsig_name    ? SLICE("hmac-sha256")
                                          : SLICE_EMPTY;
    s->keys = o->rsa ? CERTKEEP_RSA : CERTKEEP_ECDSA;
    s->hooks = o->dns_hook ? 1u << CERTHOST_HOOK_DNS : 0;
    s->hook_timeout_ms = s->dns_hook_timeout_ms = HOOK_MS;
    s->propagation_timeout_ms = PROPAGATION_MS;
}

bool certopts_read(struct certopts *o, const char *verb, struct slice directory,
                   struct certkeep_settings *ret, int *status)
{
    struct certkeep_settings s = {0};
    take_words(o, &s);
    *status = take_directories(o, verb, directory, &s);
    if (!*status)
        *status = take_challenges(o, verb, &s);
    if (!*status)
        *status = take_ports(o, verb, &s);
    if (!*status && !o->eab_kid != !o->eab_key_file)
        *status = refuse(verb, o->eab_kid ? "eab-kid" : "eab-key-file",
                         o->eab_kid ? o->eab_kid : o->eab_key_file,
                         "--eab-kid and --eab-key-file belong together");
    if (!*status && !o->tsig_name != !o->tsig_secret_file)
        *status = refuse(verb, o->tsig_name ? "tsig-name" : "tsig-secret-file",
                         o->tsig_name ? o->tsig_name : o->tsig_secret_file,
                         "--tsig-name and --tsig-secret-file belong together");
    if (!*status)
        *status = take_file(verb, o->ca_file, &o->ca, &s.ca_pem);
    if (!*status)
        *status = take_file(verb, o->eab_key_file, &o->eab, &s.eab_key);
    if (!*status)
        *status = take_file(verb, o->tsig_secret_file, &o->tsig, &s.tsig_secret);
    if (*status)
        return false;
    *ret = s;
    return true;
}
