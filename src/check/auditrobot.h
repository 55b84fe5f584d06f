/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* ROBOT, of an audit. Private to the audit. */
#pragma once

#include "check/auditattack.h"

#define AUDITROBOT_VARIANTS 5

/* Return Of Bleichenbacher's Oracle Threat (CVE-2017-6168 and others): a server that answers
 * differently to well and badly padded RSA key exchanges decrypts for everybody. */
struct auditrobot {
    struct attack attacks[AUDITROBOT_VARIANTS];
    uint32_t answers[AUDITROBOT_VARIANTS], first[AUDITROBOT_VARIANTS];
    unsigned open, round;
    uint32_t rtt_us;
    bool brief, lost;
};

/* Fills vuln[FACTS_ROBOT]; needs suites with RSA key exchange. */
void auditrobot_begin(struct audit *a, struct auditrobot *o);
/* Ends it. */
void auditrobot_drop(struct auditrobot *o);
