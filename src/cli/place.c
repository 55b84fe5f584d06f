/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Default places. */
#include "cli/place.h"

#include <stdio.h>

#include "base/err.h"
#include "serve/startup.h"

int place_state(const char *state_option, char *dst)
{
    int r = OK;
    if (state_option && snprintf(dst, PLACE_BYTES, "%s", state_option) >= PLACE_BYTES)
        r = ERR_CAP;
    else if (!state_option)
        r = startup_state_dir(dst, PLACE_BYTES);
    if (r)
        fputs("port443: no state directory: name one with --state DIR\n", stderr);
    return r;
}

int place_socket(const char *state_option, const char *socket_option, char *dst)
{
    char state[PLACE_BYTES];
    int r = socket_option ? OK : place_state(state_option, state);
    if (r)
        return r;
    int n = socket_option ? snprintf(dst, PLACE_BYTES, "%s", socket_option)
                          : snprintf(dst, PLACE_BYTES, "%s/port443.sock", state);
    if (n < PLACE_BYTES)
        return OK;
    fputs("port443: the path of the admin socket is too long\n", stderr);
    return ERR_CAP;
}
