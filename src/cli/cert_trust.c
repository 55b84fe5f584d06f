/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert trust`: the local root into this system's store, after asking. */
#include <stdio.h>
#include <string.h>

#include "cli/cert.h"
#include "cli/certroot.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "cli/option.h"
#include "os/file.h"
#include "os/proc.h"

#define TRUST_DIR  "/usr/local/share/ca-certificates"
#define TRUST_FILE TRUST_DIR "/port443-local-ca.crt"
#define TRUST_TOOL "/usr/sbin/update-ca-certificates"

static const char usage[] =
    "usage: port443 cert trust [--yes] [--state DIR]\n\n"
    "Installs the local CA's root into this system's store (asks first; needs root).\n\n"
    "  -y, --yes        without asking\n"
    "      --state DIR  state directory of the server\n\n"
    "example:\n"
    "  sudo port443 cert trust\n";

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

int cert_trust(int argc, char **argv)
{
    const char *state_option = NULL;
    bool yes = false;
    const struct option_spec specs[] = {
        {"state", 0, NULL, &state_option},
        {"yes", 'y', &yes, NULL},
    };
    const struct option_parse parse = {"cert trust", specs, ARRAY_LEN(specs), usage};
    struct certword w;
    int status;
    if (!certword_begin(&w, &parse, &state_option, argc, argv, &status) ||
        !certword_count(&w, 0, 0, &status))
        return status;
    struct buf pem;
    status = CMD_FAILED;
    if (!certroot_read(w.state, &pem) && (yes || agreed()))
        status = install(buf_slice(&pem));
    buf_done(&pem);
    return status;
}
