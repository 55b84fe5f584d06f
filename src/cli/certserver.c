/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Orders to the server: it must be stopped for them as long as its admin socket takes none. */
#include "cli/certserver.h"

#include <stdio.h>

#include "cli/certlive.h"
#include "cli/cmd.h"

int certserver_order(const char *verb, const char *state, struct slice order, bool findings)
{
    struct certlive *live = certlive_ask(state);
    bool answers = live != NULL;
    (void)order, (void)findings;
    certlive_free(live);
    if (!answers)
        return -1;
    fprintf(stderr,
            "port443 %s: the running server takes no orders\n"
            "  stop it for the time of this command\n",
            verb);
    return CMD_FAILED;
}
