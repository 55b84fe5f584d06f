/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The only holder of private keys. Everybody else carries a struct key and asks for what it can do,
 * so that signing can move into another process without touching a caller. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/fault.h"
#include "base/slice.h"
#include "crypt/secret.h"

struct key; /* reference counted, immutable */
struct evp_pkey_st;

enum key_kind { KEY_OTHER, KEY_RSA, KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ECDSA_P521, KEY_ED25519 };

/* Private key from PEM (PKCS#8, SEC1, PKCS#1; text and certificates around it are skipped) or DER.
 * ERR_SYNTAX no private key in it; ERR_CONFIG encrypted, too weak (RSA below 2048 bits) or of a
 * kind that no browser takes; ERR_NOMEM. `f` (may be NULL) tells which and what to do. */
int keystore_load(struct slice bytes, struct key **ret, struct fault *f) MUST_USE;
/* A fresh key: KEY_ECDSA_P256, KEY_ECDSA_P384 or KEY_RSA (2048 bits: takes some 100 ms, keeper
 * only). ERR_TLS, ERR_NOMEM, ERR_NOT_IMPLEMENTED for other kinds. */
int keystore_generate(enum key_kind kind, struct key **ret, struct fault *f) MUST_USE;
struct key *keystore_ref(struct key *k);
/* Accepts NULL. The last reference wipes the key. */
void keystore_unref(struct key *k);
/* PKCS#8 PEM into *ret (replaced). ERR_NOMEM; ERR_TLS when the key cannot leave its holder. */
int keystore_export_pem(const struct key *k, struct secret *ret) MUST_USE;
enum key_kind keystore_kind(const struct key *k);
unsigned keystore_bits(const struct key *k);
/* "ECDSA P-256", "RSA", constant. */
const char *keystore_kind_text(enum key_kind kind);

/* For crypt/ only: the library's handle, a loan while k lives. Signing goes through it. */
struct evp_pkey_st *keystore_pkey(const struct key *k);
/* For crypt/ only: kind and size of a public key. */
enum key_kind keystore_kind_of(const struct evp_pkey_st *pkey);
