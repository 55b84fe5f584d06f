/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reads the root and says what is missing. */
#include "cli/certroot.h"

#include <stdio.h>

#include "cert/certstore.h"
#include "cli/faults.h"

#define ROOT_MAX (256 * 1024)

int certroot_read(const char *state, struct buf *pem)
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
