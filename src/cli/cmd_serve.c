/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 serve`: arguments to a running server, and the few lines that say it is up. */
#include "cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "cli/engine.h"
#include "cli/faults.h"
#include "cli/option.h"
#include "cli/source.h"
#include "crypt/cryptmem.h"
#include "os/file.h"
#include "serve/master.h"

#define ARGV_MAX 512

static const char usage[] =
    "usage: port443 serve [-c FILE] [NAME=TARGET ...] [OPTION ...]\n\n"
    "Serves every NAME over HTTPS: HTTP/1.1 and HTTP/2, certificate, port-80 redirect, HSTS, "
    "access log.\n\n"
    "  NAME=/DIR               files of a directory\n"
    "  NAME=PORT               an application on this machine\n"
    "  NAME=http://HOST:PORT   an application elsewhere (also https://, unix:/PATH)\n"
    "  NAME=>URL               a redirect\n\n"
    "  -c, --config FILE       configuration (default " SOURCE_DEFAULT_FILE ")\n"
    "      --https-port N      instead of 443\n"
    "      --http-port N       instead of 80\n"
    "      --state DIR         certificates, keys, admin socket\n"
    "      --socket PATH       admin socket (default DIR/port443.sock)\n"
    "      --workers N         worker processes (default: one per core)\n"
    "      --user NAME         account of the workers when started as root (default port443)\n\n"
    "examples:\n"
    "  port443 serve www.example.com=/srv/www app.example.com=3000\n"
    "  port443 serve --https-port 8443 --http-port 8080 localhost=./site\n"
    "  port443 serve -c port443.yaml\n";

/* ---- the banner ---- */

static const char *target_text(const struct conf_site *s, char *dst, size_t cap)
{
    const struct conf_route *r = s->nroutes ? &s->routes[0] : NULL;
    if (s->nroutes != 1 || !r)
        snprintf(dst, cap, "%zu routes", s->nroutes);
    else if (r->action == CONF_FILES)
        snprintf(dst, cap, SLICE_F, SLICE_A(r->files.root));
    else if (r->action == CONF_PROXY)
        snprintf(dst, cap, SLICE_F "%s", SLICE_A(r->proxy.to.items[0].text),
                 r->proxy.to.count > 1 ? " and others" : "");
    else if (r->action == CONF_REDIRECT)
        snprintf(dst, cap, "redirect to " SLICE_F, SLICE_A(r->redirect.to));
    else
        snprintf(dst, cap, "fixed answer");
    return dst;
}

static void print_ready(void *ctx, const struct master_ready *ready)
{
    char port[8] = "", target[300];
    const struct conf *c = ready->conf;
    bool local = false;
    (void)ctx;
    if (ready->https_port != 443)
        snprintf(port, sizeof(port), ":%u", ready->https_port);
    fprintf(stderr, "port443 " PORT443_VERSION " is serving, %u worker%s\n", ready->workers,
            ready->workers == 1 ? "" : "s");
    for (size_t i = 0; i < c->nsites && i < 20; i++) {
        fprintf(stderr, "  https://" SLICE_F "%s  %s\n", SLICE_A(c->sites[i].name), port,
                target_text(&c->sites[i], target, sizeof(target)));
        local |= c->sites[i].local && c->sites[i].tls.certs.count == 0;
    }
    if (c->nsites > 20)
        fprintf(stderr, "  ... and %zu more sites\n", c->nsites - 20);
    if (ready->http_port)
        fprintf(stderr, "  http on port %u redirects to https\n", ready->http_port);
    if (local)
        fprintf(stderr, "  local certificates: trust them with \"port443 cert trust --state %s\"\n",
                ready->state_dir);
    if (ready->warning)
        fprintf(stderr, "  note: %s\n", ready->warning);
    fflush(stderr);
}

/* ---- arguments ---- */

struct arguments {
    const char *config, *https_port, *http_port, *state, *socket, *workers, *user;
};

static size_t as_settings(const struct arguments *a, struct conf_setting *settings)
{
    const struct conf_setting all[] = {{"https_port", a->https_port},
                                       {"http_port", a->http_port},
                                       {"workers", a->workers},
                                       {"user", a->user},
                                       {"state", a->state}};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].value)
            settings[n++] = all[i];
    return n;
}

int cmd_serve(int argc, char **argv)
{
    struct arguments a = {0};
    const struct option_spec specs[] = {
        {"config", 'c', NULL, &a.config},     {"https-port", 0, NULL, &a.https_port},
        {"http-port", 0, NULL, &a.http_port}, {"state", 0, NULL, &a.state},
        {"socket", 0, NULL, &a.socket},       {"workers", 0, NULL, &a.workers},
        {"user", 0, NULL, &a.user},
    };
    const struct option_parse parse = {"serve", specs, ARRAY_LEN(specs), usage};
    struct conf_setting settings[5];
    struct file_info info;
    char *successor_argv[ARGV_MAX + 2] = {NULL};
    int words;
    if (argc >= ARGV_MAX) {
        fputs("port443 serve: too many arguments: put the sites into a file (-c FILE)\n", stderr);
        return CMD_USAGE;
    }
    memcpy(successor_argv + 1, argv, (size_t)argc * sizeof(*argv)); /* before the words are moved */
    int r = option_parse(&parse, argc, argv, &words);
    if (r)
        return r == ERR_EOF ? CMD_GOOD : CMD_USAGE;
    if (!a.config && words == 0) {
        if (file_stat(SOURCE_DEFAULT_FILE, &info)) {
            fputs("port443 serve: nothing to serve: name a site (example.com=/srv/www) or a file "
                  "(-c FILE); "
                  "there is no " SOURCE_DEFAULT_FILE
                  "\n  \"port443 serve --help\" shows examples\n",
                  stderr);
            return CMD_USAGE;
        }
        a.config = SOURCE_DEFAULT_FILE;
    }
    if (source_words("serve", argv + 1, (size_t)words))
        return CMD_FAILED;
    r = cryptmem_install();
    if (r) {
        fputs("port443 serve: the TLS library does not take the program's allocator\n", stderr);
        return CMD_FAILED;
    }
    const struct master_options options = {
        .source = {.path = a.config,
                   .words = (const char *const *)argv + 1,
                   .nwords = (size_t)words,
                   .settings = settings,
                   .nsettings = as_settings(&a, settings)},
        .state_dir = a.state,
        .socket_path = a.socket,
        .argv = successor_argv,
        .keeper = &engine_keeper_ops,
        .on_ready = print_ready,
    };
    static struct conf_faults faults;
    r = master_run(&options, &faults);
    if (r)
        faults_print(&faults);
    return r ? err_exit(r) : CMD_GOOD;
}
