/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* certbot's configuration directory (/etc/letsencrypt): live/NAME, renewal/NAME.conf and
 * accounts/HOST/.../ID. Only reads there. */
#pragma once

#include "base/fault.h"
#include "cli/certtake.h"

/* Is this such a directory? */
bool certbotdir_is(const char *dir);
/* Gives everything in it to t. */
void certbotdir_read(const char *dir, struct certtake *t);
/* The value of `key` in a renewal file ("server = https://..."); empty: it is not in it. */
struct slice certbotdir_value(struct slice text, struct slice key);
