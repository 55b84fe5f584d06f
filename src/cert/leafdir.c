/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The files of a generation. */
#include "cert/leafdir.h"

#include <stddef.h>
#include <stdio.h>

#include "base/mem.h"
#include "cert/record.h"
#include "os/file.h"

#define PEM_MAX    (256 * 1024)
#define DRAW_BELOW 1000000
#define FIELD(m, k)                                      \
    {                                                    \
#m, k, offsetof(struct lineage_meta, m), 0, NULL \
    }

static const struct record_field fields[] = {
    FIELD(directory, RECORD_TEXT),
    FIELD(account, RECORD_TEXT),
    FIELD(order, RECORD_TEXT),
    FIELD(profile, RECORD_TEXT),
    FIELD(certificate, RECORD_TEXT),
    FIELD(issued_s, RECORD_I64),
    FIELD(draw, RECORD_U32),
    FIELD(ari_start_s, RECORD_I64),
    FIELD(ari_end_s, RECORD_I64),
    FIELD(ari_chosen_s, RECORD_I64),
    FIELD(ari_next_poll_s, RECORD_I64),
    FIELD(ari_explanation, RECORD_TEXT),
    FIELD(staging, RECORD_BOOL),
    FIELD(revoked, RECORD_BOOL),
};

static int join(char *dst, const char *dir, const char *file, struct fault *f)
{
    int n = snprintf(dst, CERTSTORE_PATH_BYTES, "%s/%s", dir, file);
    if (n > 0 && n < CERTSTORE_PATH_BYTES)
        return OK;
    return fault_set(f, ERR_CAP, "the path %.200s... is too long", dir);
}

static int read_chain(const char *path, struct certinfo_chain **ret, struct fault *f)
{
    struct buf b;
    buf_init(&b, PEM_MAX + 1);
    int r = file_read(path, PEM_MAX, &b, f);
    if (!r && (r = certinfo_parse(buf_slice(&b), ret, f)))
        fault_while(f, "while reading %s", path);
    buf_done(&b);
    return r;
}

int leafdir_read_key(const char *path, struct key **ret, struct fault *f)
{
    struct buf b;
    buf_init(&b, PEM_MAX + 1);
    int r = file_read(path, PEM_MAX, &b, f);
    if (!r && (r = keystore_load(buf_slice(&b), ret, f)))
        fault_while(f, "while reading %s", path);
    if (b.p)
        mem_wipe(b.p, b.cap);
    buf_done(&b);
    return r;
}

int leafdir_write_key(const char *path, const struct key *key, struct fault *f)
{
    struct secret pem = SECRET_EMPTY;
    int r = keystore_export_pem(key, &pem);
    if (r)
        fault_set(f, r, "the key cannot be written: %s", err_text(r));
    else
        r = file_write_atomic(FILE_CWD, path, secret_expose(&pem), 0600, f);
    secret_done(&pem);
    return r;
}

int leafdir_read_meta(struct slice json, struct arena *a, struct lineage_meta *ret, struct fault *f)
{
    struct lineage_meta m = {0};
    int r = record_read(json, fields, ARRAY_LEN(fields), a, &m, f);
    if (!r && m.draw >= DRAW_BELOW)
        r = fault_set(f, ERR_SYNTAX, "\"draw\" is not below %d", DRAW_BELOW);
    /* A window that ends before it begins would never be reached, or always. */
    if (!r && m.ari_end_s < m.ari_start_s)
        r = fault_set(f, ERR_SYNTAX, "the renewal window is none");
    if (!r)
        *ret = m;
    return r;
}

/* All that is needed can be told from the certificate; the draw must be the same at each start. */
static void meta_of(const struct certinfo *ci, struct lineage_meta *ret)
{
    uint32_t draw = 0;
    for (size_t i = 0; i < 4; i++)
        draw = draw << 8 | ci->sha256[i];
    *ret = (struct lineage_meta){.issued_s = ci->not_before_s, .draw = draw % DRAW_BELOW};
}

static int load_meta(const char *path, struct arena *a, const struct certinfo *ci,
                     struct lineage_meta *ret, struct fault *f)
{
    struct buf b;
    struct fault own = {0};
    buf_init(&b, RECORD_BYTES_MAX + 1);
    int r = file_read(path, RECORD_BYTES_MAX, &b, &own);
    if (!r && (r = leafdir_read_meta(buf_slice(&b), a, ret, &own)))
        fault_while(&own, "while reading %s", path);
    buf_done(&b);
    if (r && f)
        *f = own;
    if (r == ERR_NOT_FOUND || r == ERR_SYNTAX || r == ERR_CAP) {
        meta_of(ci, ret);
        return OK;
    }
    return r;
}

int leafdir_read(const char *path, struct arena *a, struct lineage_loaded *ret, struct fault *f)
{
    char file[CERTSTORE_PATH_BYTES];
    struct lineage_loaded l = {0};
    int r = join(file, path, "chain.pem", f);
    if (!r)
        r = read_chain(file, &l.pair.chain, f);
    if (!r)
        r = join(file, path, "key.pem", f);
    if (!r)
        r = leafdir_read_key(file, &l.pair.key, f);
    if (!r && (r = certinfo_check_key(l.pair.chain, l.pair.key, f)))
        fault_while(f, "while reading %s", path);
    if (!r)
        r = join(file, path, "meta.json", f);
    if (!r)
        r = load_meta(file, a, certinfo_at(l.pair.chain, 0), &l.meta, f);
    if (r)
        certstore_pair_done(&l.pair);
    else
        *ret = l;
    return r;
}

int leafdir_write_meta(const char *path, const struct lineage_meta *meta, struct fault *f)
{
    char file[CERTSTORE_PATH_BYTES];
    struct buf b;
    buf_init(&b, RECORD_BYTES_MAX);
    int r = join(file, path, "meta.json", f);
    if (!r && (r = record_write(fields, ARRAY_LEN(fields), meta, &b)))
        fault_set(f, r, "%s: %s", file, err_text(r));
    if (!r)
        r = file_write_atomic(FILE_CWD, file, buf_slice(&b), 0600, f);
    buf_done(&b);
    return r;
}

int leafdir_write(const char *path, const struct certstore_pair *pair,
                  const struct lineage_meta *meta, struct fault *f)
{
    char file[CERTSTORE_PATH_BYTES];
    struct buf b;
    buf_init(&b, PEM_MAX);
    int r = certinfo_check_key(pair->chain, pair->key, f);
    if (!r)
        r = join(file, path, "key.pem", f);
    if (!r)
        r = leafdir_write_key(file, pair->key, f);
    if (!r && (r = certinfo_pem(pair->chain, &b)))
        fault_set(f, r, "the chain cannot be written: %s", err_text(r));
    if (!r)
        r = join(file, path, "chain.pem", f);
    if (!r)
        r = file_write_atomic(FILE_CWD, file, buf_slice(&b), 0600, f);
    buf_done(&b);
    return r ? r : leafdir_write_meta(path, meta, f);
}
