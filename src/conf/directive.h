/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table of the configuration language (directive.def) as data. What a type accepts, how it is
 * shown and how it looks in the JSON Schema is told by reader.c, conf_show.c and conf_schema.c,
 * each with one row per type. */
#pragma once

#include "conf/conf.h"

enum directive_type {
#define TYPE(id, takes) TYPE_##id,
#include "conf/directive.def"
#undef TYPE
    TYPE_COUNT_OF
};

enum directive_scope {
#define SCOPE(id, type, first, last, bits_from, also, also_offset, place, title) SCOPE_##id,
#include "conf/directive.def"
#undef SCOPE
    SCOPE_COUNT,
    SCOPE_NONE = SCOPE_COUNT
};

#define DIRECTIVE_QUERY    1  /* .max of a URL_PATH that may have a query */
#define DIRECTIVE_LOOPBACK 1  /* .max of an ADDRESS that must be a loopback one */
#define DIRECTIVE_ROWS_MAX 64 /* of one map, because `set` is 64 bits */
#define DIRECTIVE_INHERITS '='

struct directive {
    enum directive_scope scope;
    const char *name;
    enum directive_type type;
    size_t offset, size; /* of the field in the struct of the scope */
    uint64_t min, max;
    const char *const
        *words; /* ends with NULL; TYPE_WORD: the index is the value, TYPE_WORDS: a bit */
    enum directive_scope block;
    const char *fallback; /* default as YAML, "" none, "=other.directive" inherited */
    const char *help;
};

struct directive_scope_info {
    const char *id; /* "SITE_TLS" */
    const char *place, *title;
    size_t size; /* of its struct; `set` is the first member */
    const struct directive *rows;
    size_t count;              /* rows of its own */
    enum directive_scope also; /* SCOPE_NONE: nothing further */
    size_t also_offset;
};

/* Never NULL for a scope of the table. */
const struct directive_scope_info *directive_scope_info(enum directive_scope scope);
/* The row called name that is allowed in `scope`, with the offset of its struct, or NULL. */
const struct directive *directive_find(enum directive_scope scope, struct slice name,
                                       size_t *ret_offset);
/* What may be written, in words: "a whole number". */
const char *directive_takes(const struct directive *d);
/* Its bit in `set` of the struct that it fills. */
uint64_t directive_bit(const struct directive *d);
/* Names of all rows allowed in `scope` into words (DIRECTIVE_ROWS_MAX); returns how many. */
size_t directive_names(enum directive_scope scope, const char **words);
