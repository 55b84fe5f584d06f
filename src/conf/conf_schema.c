/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The table as JSON Schema (draft 2020-12): what an editor needs to complete, explain and check a
 * configuration while it is typed. Looser than the loader where a schema cannot say more. */
#include <stdio.h>

#include "base/json.h"
#include "conf/directive.h"

#define URL_PATTERN "^(https?://|unix:/)"

/* The one-value form of each type: JSON types separated by spaces, and a pattern for texts. */
static const struct shape {
    const char *types; /* NULL: no form of one value */
    const char *pattern;
    bool list; /* a list of such values is allowed too */
    bool ref;  /* a map of the row's block is allowed too */
} shapes[TYPE_COUNT_OF] = {
    [TYPE_BOOL] = {.types = "boolean"},
    [TYPE_COUNT] = {.types = "integer"},
    [TYPE_BYTES] = {.types = "integer string", .pattern = "^[0-9]+[kKmMgGtT]?[bB]?$"},
    [TYPE_MS] = {.types = "integer string", .pattern = "^(0|[0-9]+(ms|s|m|h|d))$"},
    [TYPE_USER] = {.types = "string", .pattern = "^[A-Za-z0-9._-]{1,32}$"},
    [TYPE_PATH] = {.types = "string", .pattern = "^/"},
    [TYPE_WORD] = {.types = ""},
    [TYPE_EMAIL] = {.types = "string", .pattern = "^[^@ ]+@[^@ ]+$"},
    [TYPE_HOST] = {.types = "string"},
    [TYPE_URL_PATH] = {.types = "string", .pattern = "^/"},
    [TYPE_FIELD_VALUE] = {.types = "string", .pattern = "^[^\\r\\n]*$"},
    [TYPE_BODY] = {.types = "string"},
    [TYPE_SINK] = {.types = "boolean string", .pattern = "^(off|stdout|stderr|/.*)$"},
    [TYPE_ADDRESS] = {.types = "string", .pattern = ":[0-9]+$"},
    [TYPE_STATUS_RANGE] = {.types = "integer string",
                           .pattern = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"},
    [TYPE_REDIRECT_STATUS] = {.types = "integer"},
    [TYPE_REDIRECT_URL] = {.types = "string", .pattern = "^(https?://|/)"},
    [TYPE_IPS] = {.types = "string", .list = true},
    [TYPE_CIDRS] = {.types = "string", .list = true},
    [TYPE_NAMES] = {.types = "string", .list = true},
    [TYPE_FILE_NAMES] = {.types = "string", .pattern = "^[^/\\\\]+$", .list = true},
    [TYPE_FIELD_NAMES] = {.types = "string", .list = true},
    [TYPE_FIELDS] = {.types = "object"},
    [TYPE_ACME_URL] = {.types = "string"},
    [TYPE_ACME_URLS] = {.types = "string", .list = true},
    [TYPE_WORDS] = {.types = "", .list = true},
    [TYPE_ADDRESSES] = {.types = "string", .pattern = ":[0-9]+$", .list = true},
    [TYPE_ASK_URL] = {.types = "string", .pattern = "^https?://"},
    [TYPE_SUFFIXES] = {.types = "string", .list = true},
    [TYPE_UPSTREAMS] = {.types = "string", .pattern = URL_PATTERN, .list = true},
    [TYPE_BLOCK] = {.ref = true},
    [TYPE_HSTS] = {.types = "boolean string",
                   .pattern = "^(on|off|yes|no|[0-9]+(ms|s|m|h|d))$",
                   .ref = true},
    [TYPE_PROXY] = {.types = "string", .pattern = URL_PATTERN, .list = true, .ref = true},
    [TYPE_REDIRECT] = {.types = "string", .pattern = "^(https?://|/)", .ref = true},
    [TYPE_RESPOND] = {.types = "string", .ref = true},
    [TYPE_RETURN] = {.types = "integer"},
    [TYPE_CERTS] = {.types = "array"},
    [TYPE_ROUTES] = {.types = "array"},
    [TYPE_SITES] = {.types = "object"},
};

static void put_ref(struct json *j, const char *key, enum directive_scope scope)
{
    char ref[64];
    snprintf(ref, sizeof(ref), "#/$defs/%s", directive_scope_info(scope)->id);
    if (key)
        json_object(j, key);
    json_cstr(j, "$ref", ref);
    if (key)
        json_end(j, '}');
}

static void put_types(struct json *j, struct slice types)
{
    struct slice one;
    if (slice_find(types, ' ') == types.n) {
        json_text(j, "type", types);
        return;
    }
    json_array(j, "type");
    while (slice_next(&types, ' ', &one))
        json_text(j, NULL, one);
    json_end(j, ']');
}

static void put_words(struct json *j, const char *const *words)
{
    json_array(j, "enum");
    for (; *words; words++)
        json_cstr(j, NULL, *words);
    json_end(j, ']');
}

static void put_limits(struct json *j, const struct directive *d)
{
    static const unsigned redirects[] = {301, 302, 303, 307, 308};
    if (d->type == TYPE_MS) /* a bare number has no unit, save 0; texts have no maximum */
        json_uint(j, "maximum", 0);
    if (d->type == TYPE_COUNT || d->type == TYPE_BYTES || d->type == TYPE_RETURN) {
        json_uint(j, "minimum", d->min);
        json_uint(j, "maximum", d->max);
    }
    if (d->type != TYPE_REDIRECT_STATUS)
        return;
    json_array(j, "enum");
    for (size_t i = 0; i < ARRAY_LEN(redirects); i++)
        json_uint(j, NULL, redirects[i]);
    json_end(j, ']');
}

/* The form of one value, into the open object. */
static void put_one(struct json *j, const struct directive *d)
{
    const struct shape *shape = &shapes[d->type];
    if (d->type == TYPE_WORD || d->type == TYPE_WORDS) {
        put_words(j, d->words);
        return;
    }
    put_types(j, slice_cstr(shape->types));
    if (shape->pattern)
        json_cstr(j, "pattern", shape->pattern);
    put_limits(j, d);
    if (d->type == TYPE_CERTS || d->type == TYPE_ROUTES) {
        put_ref(j, "items", d->block);
        json_uint(j, "minItems", 1);
    } else if (d->type == TYPE_SITES) {
        put_ref(j, "additionalProperties", d->block);
    } else if (d->type == TYPE_FIELDS) {
        json_object(j, "additionalProperties");
        put_types(j, SLICE("string number boolean"));
        json_end(j, '}');
    }
}

static void put_forms(struct json *j, const struct directive *d)
{
    const struct shape *shape = &shapes[d->type];
    if (!shape->types) {
        put_ref(j, NULL, d->block);
        return;
    }
    if (!shape->list && !shape->ref) {
        put_one(j, d);
        return;
    }
    json_array(j, "anyOf");
    json_object(j, NULL);
    put_one(j, d);
    json_end(j, '}');
    if (shape->list) {
        json_object(j, NULL);
        json_cstr(j, "type", "array");
        json_uint(j, "minItems", 1);
        json_object(j, "items");
        put_one(j, d);
        json_end(j, '}');
        json_end(j, '}');
    }
    if (shape->ref) {
        json_object(j, NULL);
        put_ref(j, NULL, d->block);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void put_default(struct json *j, const struct directive *d)
{
    struct slice s = slice_cstr(d->fallback);
    if (s.n == 0 || s.p[0] == DIRECTIVE_INHERITS)
        return;
    bool raw = d->type == TYPE_BOOL || d->type == TYPE_COUNT || d->type == TYPE_REDIRECT_STATUS ||
               s.p[0] == '[';
    if (raw)
        json_raw(j, "default", s);
    else
        json_text(j, "default", s);
}

static void put_required(struct json *j, enum directive_scope scope)
{
    static const struct {
        enum directive_scope scope;
        const char *name;
    } rows[] = {{SCOPE_ROUTE, "path"},  {SCOPE_PROXY, "to"},  {SCOPE_REDIRECT, "to"},
                {SCOPE_HEALTH, "path"}, {SCOPE_CERT, "cert"}, {SCOPE_CERT, "key"}};
    static const char *const actions[] = {"root",    "proxy",  "redirect",
                                          "respond", "return", "routes"};
    json_array(j, "required");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].scope == scope)
            json_cstr(j, NULL, rows[i].name);
    json_end(j, ']');
    if (scope != SCOPE_SITE && scope != SCOPE_ROUTE)
        return;
    json_array(j, "oneOf");
    for (size_t i = 0; i < ARRAY_LEN(actions) - (scope == SCOPE_ROUTE); i++) {
        json_object(j, NULL);
        json_array(j, "required");
        json_cstr(j, NULL, actions[i]);
        json_end(j, ']');
        json_end(j, '}');
    }
    json_end(j, ']');
}

/* A map of the language: the members of one schema object. */
static void put_scope(struct json *j, enum directive_scope scope)
{
    json_cstr(j, "title", directive_scope_info(scope)->title);
    json_cstr(j, "type", "object");
    json_bool(j, "additionalProperties", false);
    put_required(j, scope);
    json_object(j, "properties");
    for (; scope != SCOPE_NONE; scope = directive_scope_info(scope)->also) {
        const struct directive_scope_info *info = directive_scope_info(scope);
        for (size_t i = 0; i < info->count; i++) {
            json_object(j, info->rows[i].name);
            json_cstr(j, "description", info->rows[i].help);
            put_default(j, &info->rows[i]);
            put_forms(j, &info->rows[i]);
            json_end(j, '}');
        }
    }
    json_end(j, '}');
}

int conf_schema(struct buf *ret)
{
    struct json j;
    json_init(&j, ret);
    j.pretty = true;
    json_object(&j, NULL);
    json_cstr(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_cstr(&j, "description", "Configuration of port443 " PORT443_VERSION);
    put_scope(&j, SCOPE_SERVER);
    json_object(&j, "$defs");
    for (enum directive_scope scope = SCOPE_SERVER + 1; scope < SCOPE_COUNT; scope++) {
        if (scope == SCOPE_RULE || scope == SCOPE_FILES) /* parts of others, never a map alone */
            continue;
        json_object(&j, directive_scope_info(scope)->id);
        put_scope(&j, scope);
        json_end(&j, '}');
    }
    json_end(&j, '}');
    json_end(&j, '}');
    return j.r;
}
