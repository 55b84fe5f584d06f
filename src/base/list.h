/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Intrusive doubly linked list. A node that is in no list points to itself, so removal is always
 * safe. */
#pragma once

#include <stdbool.h>

#include "base/attr.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Puts node n at the end of l; n must be in no list. */
static inline void list_push(struct list *l, struct list *n)
{
    n->prev = l->prev;
    n->next = l;
    l->prev->next = n;
    l->prev = n;
}

static inline void list_push_front(struct list *l, struct list *n)
{
    list_push(l->next, n);
}

static inline void list_remove(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

/* First node, taken out, or NULL. */
static inline struct list *list_pop(struct list *l)
{
    struct list *n = l->next;
    if (n == l)
        return NULL;
    list_remove(n);
    return n;
}

/* Moves all nodes of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_take(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define LIST_FOREACH(it, l) for (struct list *it = (l)->next; it != (l); it = it->next)
/* Allows removal of `it` itself inside the loop. */
#define LIST_FOREACH_SAFE(it, l)                                        \
    for (struct list *it = (l)->next, *it##_next = it->next; it != (l); \
         it = it##_next, it##_next = it->next)
