/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A YAML text as a tree of nodes, each with its exact place. Owns the bounds on foreign YAML:
 * anchors, aliases and tags are refused (a kilobyte of aliases expands to gigabytes: "billion
 * laughs"), and so are deep nesting, many nodes and large texts. Knows no directive. */
#pragma once

#include "base/arena.h"
#include "base/fault.h"
#include "base/slice.h"

#define NODE_TEXT_MAX \
    (4u << 20)            /* bytes of one file: an endless /dev/zero is not a configuration */
#define NODE_DEPTH_MAX 12 /* the language needs 7; readers may recurse */
#define NODE_COUNT_MAX 400000u

/* Where nodes come from: a file, one word of the command line, or a default of the table. */
struct node_origin {
    struct slice name; /* NUL-ended */
    struct slice text;
    bool is_file; /* false: messages give no line number */
};

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool quoted;           /* scalar in quotes or a block scalar */
    unsigned line, column; /* 1-based; columns count characters */
    const struct node_origin *origin;
    struct slice text;  /* scalar, or the key itself */
    struct node *first; /* items of a list, keys of a map */
    struct node *value; /* of a key */
    struct node *next;  /* next item or key */
    size_t count;       /* items or keys */
};

/* Parses one document. Nodes live in the arena and borrow origin. *ret is NULL for a text without
 * content. ERR_CONFIG with f filled, ERR_NOMEM. */
int node_parse(struct arena *a, const struct node_origin *origin, struct node **ret,
               struct fault *f) MUST_USE;
/* The key of a map, or NULL. */
const struct node *node_key(const struct node *map, const char *name);
/* A scalar that stands at `column` of its origin, or a map with that one pair; NULL without memory.
 */
struct node *node_scalar(struct arena *a, const struct node_origin *origin, struct slice text,
                         unsigned column);
struct node *node_pair(struct arena *a, struct node *key, struct node *value);
/* Adds place and source line to f. */
void node_place(const struct node *n, struct fault *f);
/* "a map", "a list", "an empty value" or "a single value". */
const char *node_what(const struct node *n);
