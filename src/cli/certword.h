/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What all words of `port443 cert` begin with: options, the state directory, how many names may
 * follow. Messages go to standard error here. */
#pragma once

#include <stdbool.h>

#include "cli/option.h"
#include "cli/place.h"

#define CERTWORD_NAMES_MAX 100

struct certword {
    const struct option_parse *parse;
    char **names; /* words that are no options, argv's */
    int nnames;
    char state[PLACE_BYTES];
};

/* False: *status is the exit status. */
bool certword_begin(struct certword *w, const struct option_parse *parse, const char **state_option,
                    int argc, char **argv, int *status);
/* Are there so many words? False: *status, the message was printed. */
bool certword_count(const struct certword *w, int min, int max, int *status);
/* "port443 cert issue: text", with the hint at --help. Returns the status of a usage error. */
int certword_usage(const struct certword *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Gives what a command of root has written there to the user that the state directory belongs to:
 * the server's, who must read it. A directory that is new gets its owner when a server starts. */
void certword_hand_over(const char *state);
/* A name as people type it into normal form (lower case, no final dot), in place. False: it is
 * none; the message was printed. */
bool certword_name(const struct certword *w, char *name);
