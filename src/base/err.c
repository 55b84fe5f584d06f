/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The error table, spelled out once. */
#include "base/err.h"

struct err_row {
    const char *name, *text;
    int exit_status, alert, http;
};

static const struct err_row rows[] = {
#define ERR(name, text, exit_status, alert, http) {#name, text, exit_status, alert, http},
#include "base/err.def"
#undef ERR
};

static char lower_names[ERR_COUNT][24];

static const struct err_row *row(int r)
{
    return &rows[r >= 0 && r < ERR_COUNT ? r : ERR_BUG];
}

const char *err_text(int r)
{
    return row(r)->text;
}

const char *err_name(int r)
{
    if (r < 0 || r >= ERR_COUNT)
        r = ERR_BUG;
    char *lower = lower_names[r];
    if (!lower[0])
        for (unsigned i = 0; rows[r].name[i] && i < sizeof(lower_names[r]) - 1; i++)
            lower[i] = (char)(rows[r].name[i] == '_' ? '_' : rows[r].name[i] | 0x20);
    return lower;
}

int err_exit(int r)
{
    return row(r)->exit_status;
}

int err_alert(int r)
{
    return row(r)->alert;
}

int err_http(int r)
{
    return row(r)->http;
}
