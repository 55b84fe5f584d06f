/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The cipher suites that were ever given a number (IANA registry), with what a grader must know of
 * them, and the named groups and signature schemes. Tables only (suite.def). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum suite_kx {
    SUITE_KX_NULL,
    SUITE_KX_RSA,
    SUITE_KX_DH,
    SUITE_KX_DHE,
    SUITE_KX_ECDH,
    SUITE_KX_ECDHE,
    SUITE_KX_PSK,
    SUITE_KX_SRP,
    SUITE_KX_KRB5,
    SUITE_KX_GOST,
    SUITE_KX_ANY
};
enum suite_auth {
    SUITE_AUTH_ANON,
    SUITE_AUTH_RSA,
    SUITE_AUTH_DSS,
    SUITE_AUTH_ECDSA,
    SUITE_AUTH_PSK,
    SUITE_AUTH_KRB5,
    SUITE_AUTH_GOST,
    SUITE_AUTH_ANY
};
enum suite_cipher {
    SUITE_NULL,
    SUITE_RC4,
    SUITE_RC2,
    SUITE_DES,
    SUITE_3DES,
    SUITE_IDEA,
    SUITE_SEED,
    SUITE_AES,
    SUITE_CAMELLIA,
    SUITE_ARIA,
    SUITE_CHACHA20,
    SUITE_GOST28147
};
enum suite_mode { SUITE_STREAM, SUITE_CBC, SUITE_GCM, SUITE_CCM, SUITE_POLY1305 };

struct suite {
    uint16_t code;
    const char *name;    /* IANA: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" */
    const char *openssl; /* "ECDHE-RSA-AES128-GCM-SHA256"; NULL: it has none */
    enum suite_kx kx;
    enum suite_auth auth;
    enum suite_cipher cipher;
    enum suite_mode mode;
    uint16_t bits; /* effective strength of the cipher: 3DES 112, export 40 or 56 */
    bool export;
    bool tls13;   /* TLS 1.3 only */
    bool since12; /* TLS 1.2 and up only (AEAD, SHA-2) */
};

#define SUITE_FALLBACK_SCSV      0x5600
#define SUITE_RENEGOTIATION_SCSV 0x00ff

/* By its number, or NULL. */
const struct suite *suite_find(uint16_t code);
/* All of them, sorted by code; *ret_n how many. */
const struct suite *suite_all(size_t *ret_n);
/* Forward secrecy and authenticated encryption. */
bool suite_forward_secret(const struct suite *s);
bool suite_aead(const struct suite *s);

struct suite_group {
    uint16_t code;
    const char *name;  /* "X25519MLKEM768" */
    uint16_t bits;     /* of a finite field or curve */
    uint16_t strength; /* comparable RSA bits, as SSL Labs counts; 0: hybrid */
    bool pq;
};
/* By number, or NULL; all of them. */
const struct suite_group *suite_group_find(uint16_t code);
const struct suite_group *suite_groups(size_t *ret_n);
/* "rsa_pss_rsae_sha256", or NULL. */
const char *suite_sigalg_name(uint16_t code);
/* Scheme i of the table, 0 behind its end. */
uint16_t suite_sigalg_at(size_t i);
/* "TLS 1.3" of 0x0304, "SSL 3.0"; "unknown". */
const char *suite_version_name(uint16_t version);
