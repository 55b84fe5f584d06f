/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert list|root|trust`: what the state directory holds. */
#include "cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cert/certstore.h"
#include "cli/faults.h"
#include "cli/option.h"
#include "cli/place.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/proc.h"

#define ROOT_MAX   (256 * 1024)
#define TRUST_DIR  "/usr/local/share/ca-certificates"
#define TRUST_FILE TRUST_DIR "/port443-local-ca.crt"
#define TRUST_TOOL "/usr/sbin/update-ca-certificates"
#define LIST_MAX   (16u * 1024 * 1024)

static const char usage[] =
    "usage: port443 cert list [--json] | root | trust [--yes]   [--state DIR]\n\n"
    "  list   certificates that the server made: names, issuer, end, days left\n"
    "  root   the local CA's root certificate in PEM, on standard output\n"
    "  trust  installs that root into this system's store (asks first; needs root)\n\n"
    "      --json       list for machines\n"
    "      --yes        trust without asking\n"
    "      --state DIR  state directory of the server\n\n"
    "examples:\n"
    "  port443 cert root > root.pem && curl --cacert root.pem https://localhost/\n"
    "  sudo port443 cert trust\n";

/* ---- list ---- */

struct listing {
    const char *state;
    struct json *j; /* NULL: for people */
    size_t count;
};

static void list_one(void *ctx, struct slice name)
{
    struct listing *l = ctx;
    struct fault f = {0};
    struct certinfo_chain *chain;
    if (certstore_chain(l->state, name, &chain, &f)) {
        faults_print_one("cert list", &f);
        return;
    }
    const struct certinfo *ci = certinfo_at(chain, 0);
    long long days = (long long)(ci->not_after_s - clock_unix_ms() / 1000) / 86400;
    l->count++;
    if (l->j) {
        json_object(l->j, NULL);
        json_text(l->j, "name", name);
        json_text(l->j, "issuer", ci->issuer);
        json_cstr(l->j, "key", keystore_kind_text(ci->key_kind));
        json_int(l->j, "not_before", ci->not_before_s);
        json_int(l->j, "not_after", ci->not_after_s);
        json_int(l->j, "days_left", days);
        json_cstr(l->j, "kind", ci->self_signed ? "temporary" : "local");
        json_end(l->j, '}');
    } else {
        printf("%-32.*s %-10s %-12s %4lld days left  %.*s\n", (int)name.n, (const char *)name.p,
               ci->self_signed ? "temporary" : "local", keystore_kind_text(ci->key_kind), days,
               (int)ci->issuer.n, (const char *)ci->issuer.p);
    }
    certinfo_unref(chain);
}

static int list_json(const char *state)
{
    struct buf b;
    struct json j;
    buf_init(&b, LIST_MAX);
    json_init(&j, &b);
    j.pretty = true;
    struct listing l = {state, &j, 0};
    json_array(&j, NULL);
    int r = certstore_each(state, list_one, &l);
    json_end(&j, ']');
    if (r == ERR_NOT_FOUND)
        r = OK; /* an empty list */
    if (!r && !j.r)
        printf("%.*s\n", (int)b.n, (const char *)buf_slice(&b).p);
    buf_done(&b);
    return r || j.r ? CMD_FAILED : CMD_GOOD;
}

static int list(const char *state, bool as_json)
{
    struct listing l = {state, NULL, 0};
    if (as_json)
        return list_json(state);
    int r = certstore_each(state, list_one, &l);
    if (r && r != ERR_NOT_FOUND) {
        fprintf(stderr, "port443 cert list: cannot read %s/local: %s\n", state, err_text(r));
        return CMD_FAILED;
    }
    if (l.count == 0)
        printf("no certificates in %s\n", state);
    return CMD_GOOD;
}

/* ---- root, trust ---- */

static int read_root(const char *state, struct buf *pem)
{
    struct fault f = {0};
    buf_init(pem, ROOT_MAX);
    int r = certstore_root_pem(state, pem, &f);
    if (r == ERR_NOT_FOUND)
        fprintf(stderr,
                "port443 cert: there is no local root in %s yet\n"
                "  the first \"port443 serve\" makes it; another place is named with --state DIR\n",
                state);
    else if (r)
        faults_print_one("cert", &f);
    return r;
}

static int root(const char *state)
{
    struct buf pem;
    int r = read_root(state, &pem);
    bool written =
        !r && fwrite(buf_slice(&pem).p, 1, pem.n, stdout) == pem.n && fflush(stdout) == 0;
    buf_done(&pem);
    return written ? CMD_GOOD : CMD_FAILED;
}

static bool agreed(void)
{
    char line[16];
    if (!proc_is_terminal(0)) {
        fputs("port443 cert trust: nobody to ask here: say --yes\n", stderr);
        return false;
    }
    fputs("Every program of this machine will trust certificates of this local CA (for localhost, "
          ".test,\n"
          ".internal, .home.arpa and private addresses only). Install it as " TRUST_FILE "? [y/N] ",
          stderr);
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int install(struct slice pem)
{
    char *const tool[] = {(char[]){TRUST_TOOL}, NULL};
    struct fault f = {0};
    struct proc_exit end;
    int r = file_mkdir_p(TRUST_DIR, 0755, &f);
    if (!r)
        r = file_write_atomic(FILE_CWD, TRUST_FILE, pem, 0644, &f);
    if (!r)
        r = proc_run(tool, &end, &f);
    if (r) {
        faults_print_one("cert trust", &f);
        if (r == ERR_PERM)
            fputs("  run it as root: sudo port443 cert trust --state DIR\n", stderr);
        return CMD_FAILED;
    }
    if (end.status != 0) {
        fprintf(stderr, "port443 cert trust: " TRUST_TOOL " %s\n", end.words);
        return CMD_FAILED;
    }
    puts("installed; browsers with a store of their own (Firefox) need it imported there:\n"
         "  " TRUST_FILE);
    return CMD_GOOD;
}

static int trust(const char *state, bool yes)
{
    struct buf pem;
    int status = CMD_FAILED;
    if (!read_root(state, &pem) && (yes || agreed()))
        status = install(buf_slice(&pem));
    buf_done(&pem);
    return status;
}

int cmd_cert(int argc, char **argv)
{
    const char *state_option = NULL;
    bool as_json = false, yes = false;
    const struct option_spec specs[] = {
        {"state", 0, NULL, &state_option},
        {"json", 0, &as_json, NULL},
        {"yes", 'y', &yes, NULL},
    };
    const struct option_parse parse = {"cert", specs, ARRAY_LEN(specs), usage};
    char state[PLACE_BYTES];
    int words;
    int r = option_parse(&parse, argc, argv, &words);
    if (r)
        return r == ERR_EOF ? CMD_GOOD : CMD_USAGE;
    const char *what = words == 1 ? argv[1] : "";
    bool known =
        strcmp(what, "list") == 0 || strcmp(what, "root") == 0 || strcmp(what, "trust") == 0;
    if (!known) {
        fprintf(stderr, "port443 cert: say list, root or trust%s%s\n", what[0] ? ", not " : "",
                what);
        fputs("  \"port443 cert --help\" describes them\n", stderr);
        return CMD_USAGE;
    }
    if (place_state(state_option, state))
        return CMD_FAILED;
    if (what[0] == 'l')
        return list(state, as_json);
    return what[0] == 'r' ? root(state) : trust(state, yes);
}
