/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A list of Content-Security-Policies (CSP3 2.2), read for what they allow together: a source
 * counts only when every policy that speaks about its kind allows it. Does not match addresses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define CSP_POLICIES_MAX   16
#define CSP_DIRECTIVES_MAX 64 /* of one policy */

struct csp {
    size_t policies;        /* with at least one directive */
    bool cut;               /* there were more than fit */
    bool twice;             /* a directive appears twice in one policy: the second is ignored */
    bool dynamic_unguarded; /* 'strict-dynamic' without nonce or hash: nothing may run */
    /* What all policies together let through. */
    bool inline_scripts; /* 'unsafe-inline' (no nonce or hash beside it) or data: for scripts */
    bool broad_scripts;  /* any host: "*", https:, http:, or no rule at all for scripts */
    bool broad_objects;  /* the same for plugins */
    bool eval;           /* 'unsafe-eval' for scripts or styles */
    bool inline_styles;  /* 'unsafe-inline', data: or any host for styles */
    bool http_active;    /* http: or ftp: sources other than of images and media */
    bool http_passive;   /* of images or media */
    bool default_none;   /* default-src 'none' */
    bool frame_ancestors, frame_any; /* the directive is there; it allows any site */
    bool upgrade;                    /* upgrade-insecure-requests */
};

/* `list`: the field's values joined with commas. `page`: they stand in <meta>, where some
 * directives do not count (HTML 4.2.5.3). An empty list gives no policies. Adds to what `ret` says
 * when it holds an earlier list (several calls, one zeroed struct). */
void csp_read(struct slice list, bool page, struct csp *ret);
