/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* directive.def expanded to rows, and lookup by name. */
#include "conf/directive.h"

static const char *const log_format[] = {"json", "combined", NULL};
static const char *const tls_version[] = {"1.2", "1.3", NULL};
static const char *const balance[] = {"round_robin", "least_conn", "random", NULL};
static const char *const proxy_host[] = {"preserve", "upstream", NULL};
static const char *const challenges[] = {"http-01", "tls-alpn-01", "dns-01", "dns-persist-01",
                                         NULL};
static const char *const keys[] = {"ecdsa", "rsa", NULL};
static const char *const tsig_algorithm[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512", NULL};

static const char *const takes_words[TYPE_COUNT_OF] = {
#define TYPE(id, takes) [TYPE_##id] = (takes),
#include "conf/directive.def"
#undef TYPE
};

/* Positions of the rows, so that scopes and bits can be counted by the compiler. */
enum {
#define DIRECTIVE(scope, name, type, field, limits, fallback, help) ROW_##scope##_##name,
#include "conf/directive.def"
#undef DIRECTIVE
    ROW_COUNT
};

/* Only the types of these are used: offsetof needs one for every scope. */
#define SCOPE(id, type, first, last, bits_from, also, also_offset, place, title) \
    extern type struct_of_##id;
#include "conf/directive.def"
#undef SCOPE

#define NONE            .min = 0
#define RANGE(from, to) .min = (from), .max = (to)
#define WORDS(list)     .words = (list)
#define BLOCK(id)       .block = SCOPE_##id
#define QUERY           .max = DIRECTIVE_QUERY
#define LOOPBACK        .max = DIRECTIVE_LOOPBACK

static const struct directive rows[ROW_COUNT] = {
#define DIRECTIVE(scope_id, row_name, row_type, field, limits, row_fallback, row_help) \
    {                                                                                  \
        .scope = SCOPE_##scope_id,                                                     \
        .name = #row_name,                                                             \
        .type = TYPE_##row_type,                                                       \
        .offset = offsetof(__typeof__(struct_of_##scope_id), field),                   \
        .size = sizeof(struct_of_##scope_id.field),                                    \
        .fallback = row_fallback,                                                      \
        .help = row_help,                                                              \
        limits,                                                                        \
    },
#include "conf/directive.def"
#undef DIRECTIVE
};

struct scope_row {
    struct directive_scope_info info;
    unsigned bits_first;
};

static const struct scope_row scopes[SCOPE_COUNT] = {
#define SCOPE(scope_id, type, first, last, bits_from, also_id, offset, scope_place, scope_title) \
    [SCOPE_##                                                                                    \
        scope_id] = {.info = {.id = #scope_id,                                                   \
                              .place = scope_place,                                              \
                              .title = scope_title,                                              \
                              .size = sizeof(type),                                              \
                              .rows = &rows[ROW_##scope_id##_##first],                           \
                              .count = ROW_##scope_id##_##last - ROW_##scope_id##_##first + 1,   \
                              .also = SCOPE_##also_id,                                           \
                              .also_offset = offset},                                            \
                     .bits_first = ROW_##bits_from},
#include "conf/directive.def"
#undef SCOPE
};

const struct directive_scope_info *directive_scope_info(enum directive_scope scope)
{
    return &scopes[scope].info;
}

const struct directive *directive_find(enum directive_scope scope, struct slice name,
                                       size_t *ret_offset)
{
    size_t offset = 0;
    for (; scope != SCOPE_NONE;
         offset += scopes[scope].info.also_offset, scope = scopes[scope].info.also) {
        const struct directive_scope_info *info = &scopes[scope].info;
        for (size_t i = 0; i < info->count; i++) {
            if (!slice_eq(slice_cstr(info->rows[i].name), name))
                continue;
            *ret_offset = offset;
            return &info->rows[i];
        }
    }
    return NULL;
}

const char *directive_takes(const struct directive *d)
{
    return takes_words[d->type];
}

uint64_t directive_bit(const struct directive *d)
{
    return 1ull << ((unsigned)(d - rows) - scopes[d->scope].bits_first);
}

size_t directive_names(enum directive_scope scope, const char **words)
{
    size_t n = 0;
    for (; scope != SCOPE_NONE; scope = scopes[scope].info.also)
        for (size_t i = 0; i < scopes[scope].info.count && n < DIRECTIVE_ROWS_MAX; i++)
            words[n++] = scopes[scope].info.rows[i].name;
    return n;
}
