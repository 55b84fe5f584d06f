/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Generations on disk: whatever happens while one is written (death at any file operation, a full
 * disk, a read-only one, damage of any file), a certificate that was there is still found. */
#include "cert/lineage.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cert/job.h"
#include "crypt/localca.h"
#include "os/file.h"
#include "os/filetree.h"
#include "os/sysfault.h"

#define NOW_S 1800000000

static const struct lineage_id id = {SLICE("a.test"), false};
static struct certstore_pair made[5]; /* distinct certificates */

struct rig {
    char dir[64];
    struct arena arena;
};

static int make_pairs(void **state)
{
    (void)state;
    static const struct slice names[] = {SLICE("a.test")};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        if (keystore_generate(KEY_ECDSA_P256, &made[i].key, NULL))
            return -1;
        const struct localca_leaf leaf = {
            .names = names, .nnames = 1, .key = made[i].key, .now_s = NOW_S + (int64_t)i};
        if (localca_selfsigned(&leaf, &made[i].chain, NULL))
            return -1;
    }
    return 0;
}

static int drop_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        certstore_pair_done(&made[i]);
    return 0;
}

static int make(void **state)
{
    struct rig *g = calloc(1, sizeof(*g));
    arena_init(&g->arena, 1024 * 1024);
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-lineage-XXXXXX");
    *state = g;
    return mkdtemp(g->dir) ? 0 : -1;
}

static void clear(const struct rig *g)
{
    char command[192];
    snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s/*", g->dir, g->dir);
    assert_int_equal(system(command), 0);
}

static int unmake(void **state)
{
    struct rig *g = *state;
    clear(g);
    arena_done(&g->arena);
    int r = rmdir(g->dir);
    free(g);
    return r;
}

/* The path of something in the lineage's directory. */
static const char *in(const struct rig *g, const char *what)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/certs/a.test.ecdsa/%s", g->dir, what);
    return path;
}

static int there(const struct rig *g, const char *what)
{
    struct stat st;
    return lstat(in(g, what), &st) == 0;
}

static void put(const char *path, const char *text)
{
    assert_int_equal(file_write_atomic(FILE_CWD, path, slice_cstr(text), 0600, NULL), OK);
}

static void commit(struct rig *g, size_t i)
{
    struct fault f = {0};
    struct lineage_meta meta = {.directory = SLICE("https://ca.test/dir"), .draw = 5};
    int r = lineage_commit(g->dir, &id, &made[i], &meta, &f);
    if (r)
        print_message("%s\n", f.what);
    assert_int_equal(r, OK);
}

/* Which of `made` a loaded pair is. */
static size_t which(const struct certstore_pair *p)
{
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        if (memcmp(certinfo_at(p->chain, 0)->sha256, certinfo_at(made[i].chain, 0)->sha256, 32) ==
            0)
            return i;
    return ARRAY_LEN(made);
}

static size_t loaded(struct rig *g, uint64_t *ret_generation, struct fault *f)
{
    struct lineage_loaded l;
    *f = (struct fault){0};
    int r = lineage_load(g->dir, &id, &g->arena, &l, f);
    if (r)
        print_message("load: %s %s\n", err_text(r), f->what);
    assert_int_equal(r, OK);
    size_t i = which(&l.pair);
    *ret_generation = l.meta.generation;
    certstore_pair_done(&l.pair);
    return i;
}

static void three_are_kept(void **state)
{
    struct rig *g = *state;
    struct fault f;
    uint64_t generation;
    struct stat st;
    char to[16];
    struct lineage_loaded l;
    assert_int_equal(lineage_load(g->dir, &id, &g->arena, &l, NULL), ERR_NOT_FOUND);
    for (size_t i = 0; i < 5; i++) {
        commit(g, i);
        assert_int_equal(loaded(g, &generation, &f), i);
        assert_int_equal(generation, i + 1);
        assert_int_equal(f.code, OK);
    }
    assert_true(!there(g, "000001") && !there(g, "000002") && there(g, "000003"));
    assert_true(there(g, "000004") && there(g, "000005/meta.json"));
    assert_int_equal(filetree_pointed(in(g, "current"), to, sizeof(to)), OK);
    assert_string_equal(to, "000005");
    assert_int_equal(stat(in(g, "000005/key.pem"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in(g, "000005"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void metadata_stays(void **state)
{
    struct rig *g = *state;
    struct lineage_loaded l;
    struct lineage_meta m = {
        .directory = SLICE("https://ca.test/dir"),
        .account = SLICE("https://ca.test/acct/1"),
        .order = SLICE("https://ca.test/order/1"),
        .profile = SLICE("short"),
        .certificate = SLICE("https://ca.test/cert/1"),
        .issued_s = NOW_S,
        .draw = 999999,
        .ari_start_s = 1,
        .ari_end_s = 2,
        .ari_chosen_s = 3,
        .ari_next_poll_s = 4,
        .ari_explanation = SLICE("why \"so\"\n"),
        .revoked = true,
    };
    assert_int_equal(lineage_commit(g->dir, &id, &made[0], &m, NULL), OK);
    m.staging = true;
    assert_int_equal(lineage_save_meta(g->dir, &id, &m, NULL), OK);
    assert_int_equal(lineage_load(g->dir, &id, &g->arena, &l, NULL), OK);
    assert_true(slice_eq(l.meta.directory, m.directory) && slice_eq(l.meta.account, m.account));
    assert_true(slice_eq(l.meta.order, m.order) && slice_eq(l.meta.profile, m.profile));
    assert_true(slice_eq(l.meta.certificate, m.certificate));
    assert_true(slice_eq(l.meta.ari_explanation, m.ari_explanation));
    assert_int_equal(l.meta.issued_s, NOW_S);
    assert_int_equal(l.meta.draw, 999999);
    assert_int_equal(l.meta.ari_start_s, 1);
    assert_int_equal(l.meta.ari_end_s, 2);
    assert_int_equal(l.meta.ari_chosen_s, 3);
    assert_int_equal(l.meta.ari_next_poll_s, 4);
    assert_true(l.meta.staging && l.meta.revoked);
    assert_int_equal(l.meta.generation, 1);
    certstore_pair_done(&l.pair);
}

static void keys_must_fit(void **state)
{
    struct rig *g = *state;
    struct fault f = {0};
    uint64_t generation;
    struct lineage_meta meta = {0};
    const struct certstore_pair mixed = {made[1].chain, made[2].key};
    commit(g, 0);
    assert_int_equal(lineage_commit(g->dir, &id, &mixed, &meta, &f), ERR_CONFIG);
    assert_int_equal(loaded(g, &generation, &f), 0);
    assert_false(there(g, "000002") || there(g, "new.000002"));
}

/* Damage of the current generation: what is found then, and whether it is told. */
static const struct {
    const char *file, *text;
    size_t found;
} damage[] = {
    {"000002/key.pem", "", 0},
    {"000002/chain.pem", "", 0},
    {"000002/chain.pem", "garbage", 0},
    {"000002/key.pem", "-----BEGIN PRIVATE KEY-----\n", 0},
    {"000002/meta.json", "", 1},
    {"000002/meta.json", "{\"draw\": 1}}", 1},
    {"000002/meta.json", "[]", 1},
    {"000002/meta.json", "{\"draw\": \"x\"}", 1},
    {"000002/meta.json", "{\"draw\": 1000000}", 1},
    {"000002/meta.json", "{\"ari_start_s\": 5, \"ari_end_s\": 4}", 1},
    {"current", "not a link", 1},
};

static void damaged_generations(void **state)
{
    struct rig *g = *state;
    struct fault f;
    uint64_t generation;
    for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
        struct lineage_loaded l;
        commit(g, 0);
        commit(g, 1);
        put(in(g, damage[i].file), damage[i].text);
        print_message("%s: '%s'\n", damage[i].file, damage[i].text);
        assert_int_equal(lineage_peek(g->dir, &id, &g->arena, &l, &f), OK);
        assert_int_equal(which(&l.pair), damage[i].found);
        certstore_pair_done(&l.pair);
        assert_true(there(g, "000002")); /* onlookers move nothing */
        assert_int_equal(loaded(g, &generation, &f), damage[i].found);
        assert_int_not_equal(f.code, OK);
        assert_true(f.what[0]);
        assert_int_equal(there(g, "000002"), damage[i].found);
        if (!damage[i].found) { /* moved away, and the pointer repaired */
            assert_int_equal(loaded(g, &generation, &f), 0);
            assert_int_equal(f.code, OK);
        }
        commit(g, 2);
        assert_int_equal(loaded(g, &generation, &f), 2);
        assert_int_equal(f.code, OK);
        clear(g);
    }
}

static void nothing_readable(void **state)
{
    struct rig *g = *state;
    struct fault f = {0};
    struct lineage_loaded l;
    uint64_t generation;
    struct stat st;
    char path[160];
    struct job j = {.failures = 3}, back;
    commit(g, 0);
    commit(g, 1);
    assert_int_equal(job_save(g->dir, &id, &j, NULL), OK);
    put(in(g, "000001/key.pem"), "");
    put(in(g, "000002/chain.pem"), "");
    assert_int_equal(lineage_load(g->dir, &id, &g->arena, &l, &f), ERR_NOT_FOUND);
    assert_non_null(strstr(f.frames[0], "000002"));
    snprintf(path, sizeof(path), "%s/certs/quarantine/a.test.ecdsa.000002.1/key.pem", g->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_false(there(g, "000001"));
    /* The schedule outlives it: no crash loop may forget how often it asked. */
    assert_int_equal(job_load(g->dir, &id, &g->arena, &back, &f), OK);
    assert_int_equal(back.failures, 3);
    commit(g, 2);
    assert_int_equal(loaded(g, &generation, &f), 2);
}

static void not_looked_at_is_not_broken(void **state)
{
    struct rig *g = *state;
    struct fault f = {0};
    struct lineage_loaded l;
    if (getuid() == 0)
        skip();
    commit(g, 0);
    assert_int_equal(chmod(in(g, "000001/key.pem"), 0), 0);
    assert_int_equal(lineage_load(g->dir, &id, &g->arena, &l, &f), ERR_PERM);
    assert_true(there(g, "000001"));
}

static void pending_keys(void **state)
{
    struct rig *g = *state;
    struct key *k;
    struct fault f = {0};
    struct lineage_loaded l;
    assert_int_equal(lineage_load_pending_key(g->dir, &id, &k, &f), ERR_NOT_FOUND);
    assert_int_equal(lineage_save_pending_key(g->dir, &id, made[3].key, &f), OK);
    assert_int_equal(lineage_load_pending_key(g->dir, &id, &k, &f), OK);
    assert_int_equal(certinfo_check_key(made[3].chain, k, NULL), OK);
    keystore_unref(k);
    f = (struct fault){0};
    assert_int_equal(lineage_load(g->dir, &id, &g->arena, &l, &f), ERR_NOT_FOUND);
    assert_int_equal(f.code, OK); /* a first order is under way: nothing is wrong */
    assert_true(there(g, "pending.key"));
    lineage_drop_pending_key(g->dir, &id);
    assert_int_equal(lineage_load_pending_key(g->dir, &id, &k, &f), ERR_NOT_FOUND);
}

/* ---- death, full and read-only disks ---- */

#if defined(PORT443_ASSERT)

static void after_death(struct rig *g, uint64_t k)
{
    struct fault f;
    uint64_t generation;
    size_t found = loaded(g, &generation, &f);
    print_message("killed at call %d: certificate %d\n", (int)k, (int)found);
    assert_true(found == 2 || found == 3);
    assert_true(there(g, "000002")); /* the one before is there in any case */
    assert_int_equal(f.code, OK);
    commit(g, 4);
    assert_int_equal(loaded(g, &generation, &f), 4);
    assert_int_equal(lineage_open_store(g->dir, &f), OK);
    DIR *d = opendir(in(g, ""));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        assert_null(strstr(e->d_name, "new.0"));
    closedir(d);
}

static void killed_anywhere(void **state)
{
    struct rig *g = *state;
    int status = 0;
    uint64_t k = 0;
    do {
        for (size_t i = 0; i < 3; i++)
            commit(g, i);
        k++;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            struct lineage_meta meta = {0};
            sysfault_at(k, SYSFAULT_KILL);
            _exit(lineage_commit(g->dir, &id, &made[3], &meta, NULL));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        after_death(g, k);
        clear(g);
    } while (WIFSIGNALED(status));
    assert_true(k > 15);
}

static void full_anywhere(void **state)
{
    struct rig *g = *state;
    uint64_t k = 0, generation;
    struct fault f;
    do {
        struct lineage_meta meta = {0};
        commit(g, 2);
        f = (struct fault){0};
        sysfault_at(++k, SYSFAULT_ENOSPC);
        int r = lineage_commit(g->dir, &id, &made[3], &meta, &f);
        bool fired = sysfault_fired();
        sysfault_at(0, SYSFAULT_ENOSPC);
        if (r)
            print_message("full at call %d: %s\n", (int)k, f.what);
        assert_true(!r || strstr(f.what, strerror(ENOSPC)));
        size_t found = loaded(g, &generation, &f);
        assert_true(r ? found == 2 || found == 3 : found == 3);
        commit(g, 4);
        assert_int_equal(loaded(g, &generation, &f), 4);
        clear(g);
        if (!fired)
            break;
    } while (k < 1000);
    assert_true(k > 15 && k < 1000);
}

#else

static void killed_anywhere(void **state)
{
    (void)state;
    skip();
}

static void full_anywhere(void **state)
{
    (void)state;
    skip();
}

#endif

/* A real one: so small that some commit does not fit. */
static void full_disk(void **state)
{
    struct rig *g = *state;
    struct fault f = {0};
    struct lineage_meta meta = {0};
    uint64_t generation;
    if (mount("tmpfs", g->dir, "tmpfs", 0, "size=32k,mode=0700"))
        skip();
    int r = OK;
    size_t last = 0;
    for (size_t i = 0; i < 5 && !r; i++) {
        r = lineage_commit(g->dir, &id, &made[i], &meta, &f);
        last = r ? last : i;
    }
    bool told = r == ERR_SYS && strstr(f.what, strerror(ENOSPC));
    size_t found = loaded(g, &generation, &f);
    int opened = lineage_open_store(g->dir, &f);
    bool read_only = mount(NULL, g->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0;
    struct fault ro = {0};
    int commit_ro = lineage_commit(g->dir, &id, &made[0], &meta, &ro);
    int open_ro = lineage_open_store(g->dir, &ro);
    size_t found_ro = loaded(g, &generation, &f);
    assert_int_equal(umount2(g->dir, MNT_DETACH), 0);
    print_message("full after %d: %s\n", (int)last, err_text(r));
    assert_true(told);
    assert_int_equal(found, last);
    assert_true(opened == OK || opened == ERR_SYS);
    assert_true(read_only);
    assert_int_equal(commit_ro, ERR_PERM);
    assert_int_equal(open_ro, ERR_PERM);
    assert_non_null(strstr(ro.what, strerror(EROFS)));
    assert_int_equal(found_ro, last);
}

/* ---- the store ---- */

static void count(void *ctx, const struct lineage_id *which_id)
{
    size_t *n = ctx;
    *n += slice_eq(which_id->name, id.name) && !which_id->rsa;
}

static const struct {
    const char *path; /* below certs/ */
    const char *text; /* NULL: a directory */
    int expect;
} entries[] = {
    {"quarantine", NULL, OK},
    {"b.test.rsa", NULL, OK},
    {"format.123.new", "", OK},
    {"format", "", OK},
    {"format", "garbage", OK},
    {"format", "1", OK},
    {"format", "2\n", ERR_CONFIG},
    {"README", "x", ERR_CONFIG},
    {"lost+found", NULL, ERR_CONFIG},
    {"a.test.ecdsa.bak", NULL, ERR_CONFIG},
    {"b.test.ecdsa", "a file", ERR_CONFIG},
};

static void stores_open(void **state)
{
    struct rig *g = *state;
    struct fault f = {0};
    size_t n = 0;
    char path[160];
    struct stat st;
    assert_int_equal(lineage_each(g->dir, count, &n), ERR_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        assert_int_equal(lineage_open_store(g->dir, &f), OK);
        commit(g, 0);
        snprintf(path, sizeof(path), "%s/certs", g->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        snprintf(path, sizeof(path), "%s/certs/%s", g->dir, entries[i].path);
        if (entries[i].text)
            put(path, entries[i].text);
        else
            assert_int_equal(mkdir(path, 0700), 0);
        f = (struct fault){0};
        int r = lineage_open_store(g->dir, &f);
        print_message("%s: %s %s\n", entries[i].path, err_text(r), f.what);
        assert_int_equal(r, entries[i].expect);
        if (r)
            assert_non_null(strstr(f.what, entries[i].path));
        n = 0;
        assert_int_equal(lineage_each(g->dir, count, &n), OK);
        assert_int_equal(n, 1);
        clear(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_are_kept, make, unmake),
        cmocka_unit_test_setup_teardown(metadata_stays, make, unmake),
        cmocka_unit_test_setup_teardown(keys_must_fit, make, unmake),
        cmocka_unit_test_setup_teardown(damaged_generations, make, unmake),
        cmocka_unit_test_setup_teardown(nothing_readable, make, unmake),
        cmocka_unit_test_setup_teardown(not_looked_at_is_not_broken, make, unmake),
        cmocka_unit_test_setup_teardown(pending_keys, make, unmake),
        cmocka_unit_test_setup_teardown(killed_anywhere, make, unmake),
        cmocka_unit_test_setup_teardown(full_anywhere, make, unmake),
        cmocka_unit_test_setup_teardown(full_disk, make, unmake),
        cmocka_unit_test_setup_teardown(stores_open, make, unmake),
    };
    return cmocka_run_group_tests(tests, make_pairs, drop_pairs);
}
