/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every error of the program is one row of err.def: name, text, exit status, TLS alert, HTTP
 * status. Functions return it as int; 0 is success. */
#pragma once

enum err {
#define ERR(name, text, exit_status, alert, http) ERR_##name,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

#define OK ERR_OK

/* Plain words, constant; never NULL. */
const char *err_text(int r);
/* The symbolic name in lower case ("upstream_timeout"), for logs and JSON. */
const char *err_name(int r);
/* Exit status of the command line (DESIGN 5). */
int err_exit(int r);
/* TLS alert code to send for it, 0 when none fits. */
int err_alert(int r);
/* HTTP status to answer with, 0 when no answer is possible. */
int err_http(int r);
