/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Readers of lists of plain values and of header fields; contracts in reader.h. */
#pragma once

#include "conf/reader.h"

reader_type series_ips;         /* struct conf_ips */
reader_type series_cidrs;       /* struct conf_cidrs */
reader_type series_file_names;  /* struct conf_texts */
reader_type series_field_names; /* struct conf_texts */
reader_type series_fields;      /* struct conf_fields */
reader_type series_words;       /* unsigned: bit i for word i */
reader_type series_addresses;   /* struct conf_addresses */
reader_type series_suffixes;    /* struct conf_texts */
reader_type series_acme_one;    /* struct slice */
reader_type series_acme_urls;   /* struct conf_texts */

/* The directory URL that a word of `acme.directory` or `acme.staging` stands for; a URL is itself.
 */
struct slice series_acme_url(struct slice word);
