/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Lines of JSON from the server, for people. */
#include "cli/certserver.h"

#include <jansson.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/faults.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "serve/admin.h"

#define SILENCE_MS 600000 /* an order may wait for the CA that long without a word */

struct order {
    const char *verb;
    bool findings, ended, ok, refused; /* refused: by the CA or a hook */
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static void on_line(void *ctx, struct slice line)
{
    struct order *o = ctx;
    json_t *root = json_loadb((const char *)line.p, line.n, 0, NULL);
    const json_t *ok = json_object_get(root, "ok");
    if (ok) {
        const char *message = text_of(root, "message");
        progress_clear();
        o->ended = true;
        o->ok = json_is_true(ok);
        o->refused = strcmp(text_of(root, "error"), err_name(ERR_ACME)) == 0 ||
                     strcmp(text_of(root, "error"), err_name(ERR_HOOK)) == 0;
        if (o->ok)
            puts(message[0] ? message : "done");
        else
            fprintf(stderr, "port443 %s: %s\n", o->verb,
                    message[0] ? message : "the server refused");
    } else if (root) {
        const char *phase = text_of(root, "phase");
        progress_show(slice_cstr(text_of(root, "name")),
                      phase[0] ? phase : text_of(root, "progress"), o->findings);
    }
    json_decref(root);
}

int certserver_order(const char *verb, const char *state, struct slice order, bool findings)
{
    char path[PLACE_BYTES];
    struct fault f = {0};
    struct order o = {.verb = verb, .findings = findings};
    if (snprintf(path, sizeof(path), "%s/port443.sock", state) >= (int)sizeof(path))
        return -1;
    int r = admin_order(path, order, SILENCE_MS, on_line, &o, &f);
    if (!o.ended && (r == ERR_NOT_FOUND || r == ERR_REFUSED))
        return -1;
    progress_clear();
    if (r && !o.ended)
        faults_print_one(verb, &f);
    else if (!o.ended)
        fprintf(stderr, "port443 %s: the server ended before the order did\n", verb);
    if (!o.ended)
        return CMD_FAILED;
    return o.ok ? CMD_GOOD : o.refused ? CMD_BAD : CMD_FAILED;
}
