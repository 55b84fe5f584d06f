/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert import`: certificates and accounts of certbot or Caddy, so that a move asks nothing
 * of any CA. */
#include <stdio.h>
#include <stdlib.h>

#include "cert/lineage.h"
#include "cli/caddydir.h"
#include "cli/cert.h"
#include "cli/certbotdir.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/filetree.h"

#define VERB "cert import"

static const char usage[] =
    "usage: port443 cert import [DIR] [--dry-run] [--state DIR]\n\n"
    "Takes over certificates, keys and accounts: of certbot (DIR has live/) or of Caddy (DIR has "
    "certificates/).\n"
    "Nothing is changed there, and nothing newer is replaced here. One line says for each what "
    "was done.\n\n"
    "      --from DIR   the same as DIR; default /etc/letsencrypt, else Caddy's data directory\n"
    "      --dry-run    only says what would be taken\n"
    "      --state DIR  state directory of the server\n\n"
    "examples:\n"
    "  port443 cert import\n"
    "  port443 cert import /var/lib/caddy/.local/share/caddy\n\n"
    "Exit status: 0 all that could be taken was; 1 something could not be read; 2 nothing to "
    "import from.\n";

static const char *const places[] = {"/etc/letsencrypt", "/var/lib/caddy/.local/share/caddy",
                                     "/var/lib/caddy"};

static bool knows(const char *dir)
{
    return certbotdir_is(dir) || caddydir_is(dir);
}

static const char *find_place(void)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (knows(places[i]))
            return places[i];
    return NULL;
}

int cert_import(int argc, char **argv)
{
    const char *state_option = NULL, *from = NULL;
    bool dry_run = false;
    const struct option_spec specs[] = {
        {"state", 0, NULL, &state_option},
        {"from", 0, NULL, &from},
        {"dry-run", 0, &dry_run, NULL},
    };
    const struct option_parse parse = {VERB, specs, ARRAY_LEN(specs), usage};
    struct certword w;
    struct fault f = {0};
    int status;
    if (!certword_begin(&w, &parse, &state_option, argc, argv, &status) ||
        !certword_count(&w, 0, 1, &status))
        return status;
    if (w.nnames && from)
        return certword_usage(&w, "one directory at a time: %s or %s", w.names[0], from);
    if (w.nnames)
        from = w.names[0];
    if (!from)
        from = find_place();
    if (!from || !knows(from) || strlen(from) > 255) {
        fprintf(stderr,
                "port443 " VERB ": %s%s has neither live/ of certbot nor certificates/ of Caddy\n"
                "  name the directory: port443 cert import DIR\n",
                from ? "" : "no usual place ", from ? from : "(/etc/letsencrypt, /var/lib/caddy)");
        return CMD_FAILED;
    }
    filetree_private();
    if (!dry_run && (file_mkdir_p(w.state, 0700, &f) || lineage_open_store(w.state, &f))) {
        faults_print_one(VERB, &f);
        return CMD_FAILED;
    }
    struct certtake t = {.state = w.state, .now_s = clock_unix_ms() / 1000, .dry_run = dry_run};
    if (certbotdir_is(from))
        certbotdir_read(from, &t);
    else
        caddydir_read(from, &t);
    if (!dry_run)
        certword_hand_over(w.state);
    printf("%u taken, %u left, %u failed\n", t.taken, t.left, t.failed);
    return t.failed ? CMD_BAD : CMD_GOOD;
}
