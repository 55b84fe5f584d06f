/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The certificate authority in a box, for development and private names: one root whose name
 * constraints keep it from ever speaking for a public site, leaves signed by it, and the temporary
 * self-signed certificate that a public name has until a real one is there. Pure: keys and times
 * in, certificates out; files and clocks are the keeper's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/fault.h"
#include "base/slice.h"
#include "crypt/certinfo.h"
#include "crypt/keystore.h"

#define LOCALCA_ROOT_S     (10 * 365 * 86400LL)
#define LOCALCA_LEAF_S     (90 * 86400LL)
#define LOCALCA_TEMP_S     (7 * 86400LL)
#define LOCALCA_BACKDATE_S 3600 /* clients whose clock is slow */

struct localca_leaf {
    const struct slice *names; /* DNS names (also "*.x") and IP literals */
    size_t nnames;
    const struct key *key; /* the leaf's own */
    int64_t now_s;
    int64_t lifetime_s; /* 0: LOCALCA_LEAF_S; counted from now_s */
};

/* A fresh root for `key` (ECDSA P-256 from keystore_generate): a chain of one. The common name is
 * "port443 local CA <short id>", the id from the key. ERR_TLS, ERR_NOMEM. */
int localca_root(const struct key *key, int64_t now_s, struct certinfo_chain **ret,
                 struct fault *f) MUST_USE;
/* May the root speak for this name (DNS name, wildcard or IP literal)? localhost, .localhost,
 * .test, .internal, .home.arpa, private and loopback addresses. */
bool localca_permits(struct slice name);
/* A leaf signed by the root: a chain of one (the root is left out of what servers send).
 * ERR_CONFIG a name that the root may not speak for (the fault names it), no name, or a root that
 * does not fit its key; ERR_TLS, ERR_NOMEM. */
int localca_issue(const struct certinfo_chain *root, const struct key *root_key,
                  const struct localca_leaf *leaf, struct certinfo_chain **ret,
                  struct fault *f) MUST_USE;
/* A self-signed leaf, organisation "port443 temporary", for names outside the constraints until
 * their real certificate is there; lifetime_s 0: LOCALCA_TEMP_S. Errors as localca_issue. */
int localca_selfsigned(const struct localca_leaf *leaf, struct certinfo_chain **ret,
                       struct fault *f) MUST_USE;

struct x509_st;
/* For crypt/ only: a certificate with version 3, random serial, times (backdated) and the public
 * key; NULL on failure. */
struct x509_st *localca_blank(const struct key *key, int64_t now_s, int64_t lifetime_s) MUST_USE;
