/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One header or trailer field as slices, the grammar of names and values (RFC 9110 5), and walks
 * over lists. Shared by HTTP/1, HTTP/2 and the engines. Owns no bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"
#include "wire/token.h"

/* name and value are loans from the buffer that was parsed; value is trimmed of OWS. */
struct field {
    struct slice name, value;
    enum hdr token;
};

/* Classes of one byte: bits of field_class[byte]. */
enum field_class_bit {
    FIELD_TCHAR = 1,  /* token character (RFC 9110 5.6.2) */
    FIELD_VALUE = 2,  /* field-vchar, obs-text, space and tab */
    FIELD_TARGET = 4, /* visible ASCII: may stand in a request target */
    FIELD_HEX = 8,    /* hexadecimal digit */
    FIELD_UPPER = 16, /* upper-case letter: illegal in HTTP/2 names */
};
extern const uint8_t field_class[256];

/* The first field with that token, or NULL. token must not be HDR_OTHER. */
const struct field *field_find(const struct field *fields, size_t count, enum hdr token);
/* The first field of that name (ASCII case ignored), known or not; or NULL. */
const struct field *field_find_name(const struct field *fields, size_t count, struct slice name);
/* How many field lines have that token. */
size_t field_count(const struct field *fields, size_t count, enum hdr token);
/* Value of the only line with that token: OK, ERR_NOT_FOUND, or ERR_SYNTAX when there are more. */
int field_single(const struct field *fields, size_t count, enum hdr token,
                 struct slice *ret) MUST_USE;

/* At least one byte, all tchar. */
bool field_name_ok(struct slice name);
/* The same and no upper-case letter (RFC 9113 8.2.1). */
bool field_name_ok_h2(struct slice name);
/* No control byte but tab, no space or tab at either end (RFC 9113 8.2.1); may be empty. */
bool field_value_ok(struct slice value);

/* Cuts the next element of a comma list off *rest (quoted strings are skipped whole, empty elements
 * left out, RFC 9110 5.6.1). Start with *rest = the value; false at the end. */
bool field_list_next(struct slice *rest, struct slice *item);
/* True when an element of the list equals item, ASCII case ignored. */
bool field_list_has(struct slice value, struct slice item);
/* The same over every line with that token ("Connection: a", "Connection: b"). */
bool field_lists_have(const struct field *fields, size_t count, enum hdr token, struct slice item);
/* Cuts the next ";name=value" off *rest, which starts behind the element's first word; value is
 * without quotes, escapes left in. False at the end or at malformed bytes. */
bool field_param_next(struct slice *rest, struct slice *name, struct slice *value);
