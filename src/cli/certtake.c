/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Takes pairs and accounts, never in the place of newer ones. */
#include "cli/certtake.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/text.h"
#include "cert/accountfile.h"
#include "cert/lineage.h"
#include "os/file.h"

#define PEM_MAX     (256 * 1024)
#define ARENA_BYTES (512 * 1024)
#define DRAW_BELOW  1000000

void certtake_leave(struct certtake *t, const char *what, const char *why)
{
    t->left++;
    printf("left   %s: %s\n", what, why);
}

void certtake_fail(struct certtake *t, const char *what, const struct fault *f)
{
    t->failed++;
    fprintf(stderr, "port443 cert import: %s: %s\n", what, f->what);
}

static int read_pair(const char *chain_path, const char *key_path, struct certstore_pair *ret,
                     struct fault *f)
{
    struct buf b;
    struct certstore_pair p = {0};
    buf_init(&b, PEM_MAX + 1);
    int r = file_read(chain_path, PEM_MAX, &b, f);
    if (!r)
        r = certinfo_parse(buf_slice(&b), &p.chain, f);
    buf_reset(&b);
    if (!r)
        r = file_read(key_path, PEM_MAX, &b, f);
    if (!r)
        r = keystore_load(buf_slice(&b), &p.key, f);
    if (!r)
        r = certinfo_check_key(p.chain, p.key, f);
    if (!r)
        r = certinfo_check(p.chain, f);
    if (b.p)
        mem_wipe(b.p, b.cap);
    buf_done(&b);
    if (r)
        certstore_pair_done(&p);
    else
        *ret = p;
    return r;
}

/* Why the pair has no place here; NULL: it has. */
static const char *reason_against(const struct certtake *t, const struct lineage_id *id,
                                  const struct certstore_pair *p)
{
    const struct certinfo *ci = certinfo_at(p->chain, 0);
    struct lineage_loaded l;
    struct arena a;
    const char *why = NULL;
    if (ci->not_after_s <= t->now_s)
        return "it has expired";
    if (ci->nsans == 0)
        return "it names no host";
    arena_init(&a, ARENA_BYTES);
    if (lineage_peek(t->state, id, &a, &l, NULL) == OK) {
        const struct certinfo *own = certinfo_at(l.pair.chain, 0);
        if (memcmp(own->sha256, ci->sha256, sizeof(own->sha256)) == 0)
            why = "the store has it already";
        else if (own->not_after_s >= ci->not_after_s)
            why = "the store has one that ends later";
        certstore_pair_done(&l.pair);
    }
    arena_done(&a);
    return why;
}

static bool names_it(const struct certinfo *ci, struct slice name)
{
    for (size_t i = 0; i < ci->nsans; i++)
        if (slice_eq(ci->sans[i].name, name))
            return true;
    return false;
}

static int commit(const struct certtake *t, const struct lineage_id *id,
                  const struct certstore_pair *p, struct slice directory, struct fault *f)
{
    const struct certinfo *ci = certinfo_at(p->chain, 0);
    struct lineage_meta meta = {.directory = directory, .issued_s = ci->not_before_s};
    for (size_t i = 0; i < 4; i++)
        meta.draw = meta.draw << 8 | ci->sha256[i];
    meta.draw %= DRAW_BELOW;
    return t->dry_run ? OK : lineage_commit(t->state, id, p, &meta, f);
}

void certtake_certificate(struct certtake *t, struct slice name, const char *chain_path,
                          const char *key_path, struct slice directory)
{
    struct certstore_pair p = {0};
    struct fault f = {0};
    char shown[300];
    text_escape(name.n ? name : slice_cstr(chain_path), shown, sizeof(shown));
    if (read_pair(chain_path, key_path, &p, &f)) {
        certtake_fail(t, shown, &f);
        return;
    }
    const struct certinfo *ci = certinfo_at(p.chain, 0);
    if (ci->nsans && !names_it(ci, name))
        name = ci->sans[0].name;
    const struct lineage_id id = {name, ci->key_kind == KEY_RSA};
    const char *why = reason_against(t, &id, &p);
    if (why) {
        certtake_leave(t, shown, why);
    } else if (commit(t, &id, &p, directory, &f)) {
        certtake_fail(t, shown, &f);
    } else {
        t->taken++;
        printf("%s " SLICE_F " (%s): %lld days left, from " SLICE_F "\n",
               t->dry_run ? "would take" : "took  ", SLICE_A(name),
               keystore_kind_text(ci->key_kind), (long long)(ci->not_after_s - t->now_s) / 86400,
               SLICE_A(directory.n ? directory : ci->issuer));
    }
    certstore_pair_done(&p);
}

void certtake_account(struct certtake *t, struct slice directory, struct slice url,
                      struct slice contact, const struct key *key)
{
    char dir[ACCOUNTFILE_PATH_BYTES], what[400];
    struct fault f = {0};
    struct file_info there;
    snprintf(what, sizeof(what), "account at %.300s", "");
    text_escape(directory, what + 11, sizeof(what) - 11);
    const struct accountfile_record record = {
        .format = 1, .directory = directory, .url = url, .contact = contact, .created_s = t->now_s};
    int r = accountfile_dir(t->state, directory, dir, &f);
    if (!r && file_stat(dir, &there) == OK) {
        certtake_leave(t, what, "the store has an account there already");
        return;
    }
    if (!r && !t->dry_run)
        r = accountfile_save(dir, &record, &f);
    if (!r && !t->dry_run)
        r = accountfile_save_key(dir, key, &f);
    if (r) {
        certtake_fail(t, what, &f);
        return;
    }
    t->taken++;
    printf("%s %s\n", t->dry_run ? "would take" : "took  ", what);
}
