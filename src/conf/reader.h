/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Nodes to typed values by the directive table: which keys a map may hold, their defaults, and
 * every complaint about them. The types themselves are read by scalar.c (one value), series.c
 * (lists), action.c (proxy, redirect, respond, hsts) and reader_site.c (sites, routes).
 *
 * A read function returns OK, ERR_NOMEM, or ERR_CONFIG after it has reported; the caller goes on
 * with the next value, so that one run shows every error. */
#pragma once

#include "base/map.h"
#include "conf/directive.h"
#include "conf/node.h"

struct reader_site; /* one site in reading order, see reader_site.h */

struct reader {
    struct arena *arena; /* of the configuration */
    struct arena *tree;  /* of the nodes; ends with the load */
    struct conf *conf;
    struct conf_faults *faults;
    const void *fresh[SCOPE_COUNT]; /* a struct of each scope with every default in it */
    struct map names;               /* normal form of every site name to its struct conf_place */
    struct reader_site *sites, *last_site;
    size_t nsites;
};

/* Reads one value of row d into its field. */
typedef int reader_type(struct reader *rd, const struct directive *d, const struct node *n,
                        void *field);

struct reader_word {
    char text[96];
};

/* A word of the file, fit for a message: escaped and cut. By value: it needs no owner. */
struct reader_word reader_word(struct slice s);

/* Adds a complaint about n and returns it for fault_next (a scratch one beyond CONF_FAULTS_MAX;
 * never NULL). */
struct fault *reader_fault(struct reader *rd, const struct node *n, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Reports that n is none of `words`, with the nearest of them. Returns ERR_CONFIG. */
int reader_unknown(struct reader *rd, const struct node *n, const char *what,
                   const char *const *words, size_t count);
/* Reports that the kind of n does not fit row d. Returns ERR_CONFIG. */
int reader_mismatch(struct reader *rd, const struct directive *d, const struct node *n);
/* The text of a scalar that is not empty. */
int reader_scalar(struct reader *rd, const struct directive *d, const struct node *n,
                  struct slice *ret) MUST_USE;
/* NUL-ended copy in the arena of the configuration. ERR_NOMEM. */
int reader_copy(struct reader *rd, struct slice s, struct slice *ret) MUST_USE;
/* One item, or a list of items that is not empty, into a struct {items, count} at field. */
int reader_list(struct reader *rd, const struct directive *d, const struct node *n,
                reader_type *read_item, size_t item_size, void *field) MUST_USE;
/* A struct of `scope` with every default in it. ERR_NOMEM. */
int reader_fresh(struct reader *rd, enum directive_scope scope, void *dst) MUST_USE;
/* The keys of map n into base, a struct of `scope` that holds its defaults. */
int reader_map(struct reader *rd, enum directive_scope scope, const struct node *n,
               void *base) MUST_USE;
/* One value by its type; sets no bit. */
int reader_value(struct reader *rd, const struct directive *d, const struct node *n,
                 void *field) MUST_USE;
/* Copies every field of `scope` that is not set in dst from src (structs of that scope). */
void reader_inherit(enum directive_scope scope, void *dst, const void *src);
/* Where n stands. ERR_NOMEM. */
int reader_place(struct reader *rd, const struct node *n, struct conf_place *ret) MUST_USE;
