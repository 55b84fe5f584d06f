/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* Owns the example that a checker has to judge; knows nothing of the program around it. */
#pragma once

struct a;

int a_bare(void);

/* The count; never fails. */
int a_said(void);
int a_group(struct a *a,
            int n);
int a_group_end(void);

MUST_USE int a_bare_too(int n);
PRINTF(1, 2) void a_print(const char *f, ...);

static inline int a_small(void)
{
    return 1;
}

struct ops {
    int (*go)(int n);
};
extern int a_number;
_Static_assert(sizeof(int) == 4, "size");
