/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert root`: the root certificate on standard output. */
#include <stdio.h>

#include "cli/cert.h"
#include "cli/certroot.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/option.h"

static const char usage[] =
    "usage: port443 cert root [--state DIR]\n\n"
    "The local CA's root certificate in PEM, on standard output. Its key stays where it is.\n\n"
    "      --state DIR  state directory of the server\n\n"
    "example:\n"
    "  port443 cert root > root.pem && curl --cacert root.pem https://localhost/\n";

int cert_root(int argc, char **argv)
{
    const char *state_option = NULL;
    const struct option_spec specs[] = {{"state", 0, NULL, &state_option}};
    const struct option_parse parse = {"cert root", specs, ARRAY_LEN(specs), usage};
    struct certword w;
    int status;
    if (!certword_begin(&w, &parse, &state_option, argc, argv, &status) ||
        !certword_count(&w, 0, 0, &status))
        return status;
    struct buf pem;
    int r = certroot_read(w.state, &pem);
    bool written =
        !r && fwrite(buf_slice(&pem).p, 1, pem.n, stdout) == pem.n && fflush(stdout) == 0;
    buf_done(&pem);
    return written ? CMD_GOOD : CMD_FAILED;
}
