/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Log files: opened once, opened again after a rotation, handed to a child that may open nothing.
 */
#include "serve/logfiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"

static char dir[] = "/tmp/port443-logfiles-XXXXXX";
static char access_path[64], events_path[64];

static struct conf_log both(void)
{
    return (struct conf_log){.access = {CONF_SINK_FILE, slice_cstr(access_path)},
                             .events = {CONF_SINK_FILE, slice_cstr(events_path)}};
}

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(access_path, sizeof(access_path), "%s/access.log", dir);
    snprintf(events_path, sizeof(events_path), "%s/events.log", dir);
    return 0;
}

static int remove_directory(void **state)
{
    char old[80];
    (void)state;
    snprintf(old, sizeof(old), "%s.1", access_path);
    unlink(old);
    unlink(access_path);
    unlink(events_path);
    return rmdir(dir);
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? -1 : st.st_size;
}

static void a_sink_that_is_no_file_has_no_descriptor(void **state)
{
    struct conf_log conf = both();
    struct logfiles l;
    (void)state;
    conf.access = (struct conf_sink){.kind = CONF_SINK_STDOUT};
    conf.events = (struct conf_sink){.kind = CONF_SINK_OFF};
    assert_int_equal(logfiles_open(&conf, &l, NULL), OK);
    assert_int_equal(l.access.fd, -1);
    assert_int_equal(l.events.fd, -1);
    assert_int_equal(logfiles_reopen(&l, NULL), OK);
    assert_int_equal(logfiles_send(&l, NULL, 1), OK); /* nothing to send: the channel is not used */
    logfiles_done(&l);
}

static void reopening_follows_a_rotation(void **state)
{
    struct conf_log conf = both();
    struct fault f = {0};
    struct logfiles l;
    char old[80];
    size_t taken;
    (void)state;
    assert_int_equal(logfiles_open(&conf, &l, &f), OK);
    assert_int_equal(file_log_write(&l.access, SLICE("before\n"), &taken), OK);
    snprintf(old, sizeof(old), "%s.1", access_path);
    assert_int_equal(rename(access_path, old), 0);
    assert_int_equal(logfiles_reopen(&l, &f), OK);
    assert_int_equal(file_log_write(&l.access, SLICE("after it\n"), &taken), OK);
    assert_int_equal(size_of(old), 7);
    assert_int_equal(size_of(access_path), 9);
    logfiles_done(&l);
    assert_int_equal(l.access.fd, -1);
}

static void what_cannot_be_opened_leaves_nothing_open(void **state)
{
    struct conf_log conf = both();
    struct fault f = {0};
    struct logfiles l;
    (void)state;
    conf.events.path = SLICE("/proc/no/such/place.log");
    assert_int_equal(logfiles_open(&conf, &l, &f), ERR_NOT_FOUND);
    assert_int_equal(l.access.fd, -1);
    assert_int_equal(l.events.fd, -1);
}

struct child {
    struct chan chan;
    int r, access, events;
    bool heard;
};

static void on_message(struct chan *c, uint16_t type, struct slice payload, int *fds, size_t nfds)
{
    struct child *k = container_of(c, struct child, chan);
    assert_int_equal(type, 7);
    k->r = logfiles_receive(payload, fds, nfds, &k->access, &k->events);
    k->heard = true;
    loop_stop(c->loop);
}

static void on_closed(struct chan *c)
{
    loop_stop(c->loop);
}

static void a_child_writes_to_what_it_was_handed(void **state)
{
    struct conf_log conf = both();
    struct fault f = {0};
    struct logfiles l;
    struct loop *loop;
    struct child parent = {.chan = {.on_message = on_message, .on_closed = on_closed}};
    struct child k = {.chan = {.on_message = on_message, .on_closed = on_closed}};
    int fds[2];
    (void)state;
    conf.access.kind = CONF_SINK_OFF;
    assert_int_equal(logfiles_open(&conf, &l, &f), OK);
    assert_int_equal(loop_new(&loop, &f), OK);
    assert_int_equal(chan_pair(fds), OK);
    assert_int_equal(chan_init(&parent.chan, loop, fds[0]), OK);
    assert_int_equal(chan_init(&k.chan, loop, fds[1]), OK);
    assert_int_equal(logfiles_send(&l, &parent.chan, 7), OK);
    loop_run(loop);
    assert_true(k.heard);
    assert_int_equal(k.r, OK);
    assert_int_equal(k.access, -1);
    off_t before = size_of(events_path);
    assert_int_equal(write(k.events, "event\n", 6), 6);
    assert_int_equal(size_of(events_path), before + 6);
    file_close(k.events);
    chan_done(&parent.chan);
    chan_done(&k.chan);
    loop_free(loop);
    logfiles_done(&l);
}

/* Out of descriptors, the kernel delivers the message without them. */
static void a_message_without_its_descriptors_is_refused(void **state)
{
    static const uint8_t which[] = {1, 2, 3};
    int fds[2] = {100, 101};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(which); i++) {
        int access = 5, events = 5;
        size_t carried = which[i] == 3 ? 1 : 0;
        assert_int_equal(logfiles_receive(slice_of(&which[i], 1), fds, carried, &access, &events),
                         ERR_SYNTAX);
        assert_int_equal(access, -1);
        assert_int_equal(events, -1);
        assert_int_equal(fds[0], 100); /* stays the channel's */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sink_that_is_no_file_has_no_descriptor),
        cmocka_unit_test(reopening_follows_a_rotation),
        cmocka_unit_test(what_cannot_be_opened_leaves_nothing_open),
        cmocka_unit_test(a_child_writes_to_what_it_was_handed),
        cmocka_unit_test(a_message_without_its_descriptors_is_refused),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
