/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* An order of the operator to the certificate engine, as JSON on the admin socket:
 * {"do": "renew" | "issue" | "dry-run" | "revoke" | "account", "name": "www.example.com",
 *  "force": true, "reason": 1, "by_key": true, "what": "rollover" | "deactivate" | "update"}. */
#pragma once

#include "base/attr.h"
#include "base/fault.h"
#include "base/slice.h"

enum engineorder_what {
    ENGINEORDER_RENEW,
    ENGINEORDER_DRY_RUN,
    ENGINEORDER_REVOKE,
    ENGINEORDER_ROLLOVER,
    ENGINEORDER_DEACTIVATE,
    ENGINEORDER_UPDATE
};

struct engineorder {
    enum engineorder_what what;
    char text[256];
    struct slice name; /* in text; may be empty */
    bool force, by_key;
    unsigned reason;
};

/* ERR_SYNTAX, ERR_CONFIG (no such order) with f. */
int engineorder_read(struct slice json, struct engineorder *ret, struct fault *f) MUST_USE;
