/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Listening sockets from a predecessor: what fits is taken, what does not is closed, what is no
 * listening socket of that address is left alone. */
#include "serve/ports.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "os/sock.h"

static struct ip loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}};

static struct conf one_address(void)
{
    struct conf c = {.only_443 = true};
    c.listen.items = &loopback;
    c.listen.count = 1;
    return c;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Copies of the descriptors, as a successor has them: open across exec. */
static void hand_over(const struct ports *p, char *text, size_t cap, int *fds)
{
    size_t n = 0;
    text[0] = 0;
    for (size_t i = 0; i < p->n; i++) {
        fds[i] = dup(p->list[i].fd);
        n += (size_t)snprintf(text + n, cap - n, "%s=%d;", p->names[i], fds[i]);
    }
}

static bool same_socket(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino;
}

static void what_fits_is_taken_and_the_rest_closed(void **state)
{
    struct conf conf = one_address();
    struct ports old, fresh;
    char text[1024];
    int fds[4];
    (void)state;
    assert_int_equal(ports_open(&conf, 3, NULL, &old, NULL), OK);
    assert_int_equal(old.n, 3);
    hand_over(&old, text, sizeof(text), fds);
    assert_int_equal(ports_open(&conf, 2, text, &fresh, NULL), OK);
    assert_int_equal(fresh.n, 2);
    assert_int_equal(fresh.https_port, old.https_port);
    for (size_t i = 0; i < 2; i++) {
        assert_true(same_socket(fresh.list[i].fd, old.list[i].fd));
        assert_true(fcntl(fresh.list[i].fd, F_GETFD) & FD_CLOEXEC);
    }
    for (size_t i = 0; i < 3; i++)
        assert_false(
            is_open(fds[i])); /* the third worker's would swallow a third of the visitors */
    ports_done(&old);
    ports_done(&fresh);
}

static void a_socket_of_another_address_is_not_taken(void **state)
{
    struct conf conf = one_address();
    struct ports old, fresh;
    char text[256];
    (void)state;
    assert_int_equal(ports_open(&conf, 1, NULL, &old, NULL), OK);
    int lie = dup(old.list[0].fd);
    conf.https_port = old.https_port == 65000 ? 65001 : 65000;
    snprintf(text, sizeof(text), "127.0.0.1:%u/https/0=%d;", (unsigned)conf.https_port, lie);
    int r = ports_open(&conf, 1, text, &fresh, NULL);
    assert_false(is_open(lie));
    if (!r) { /* the port may be somebody else's on this machine */
        assert_false(same_socket(fresh.list[0].fd, old.list[0].fd));
        ports_done(&fresh);
    }
    ports_done(&old);
}

static void a_list_that_is_nobodys(void **state)
{
    struct conf conf = one_address();
    struct ports p;
    char text[256];
    int pipes[2];
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    snprintf(text, sizeof(text), ";;=;127.0.0.1:0/https/0=%d;x=1;y=99999999999;z", pipes[0]);
    assert_int_equal(ports_open(&conf, 1, text, &p, NULL), OK);
    assert_true(is_open(pipes[0]));
    assert_true(is_open(1));
    char *exported = ports_export(&p);
    char want[128];
    snprintf(want, sizeof(want), "127.0.0.1:0/https/0=%d;", p.list[0].fd);
    assert_string_equal(exported, want);
    mem_free(exported);
    ports_done(&p);
    close(pipes[0]);
    close(pipes[1]);
}

static void another_server_is_seen(void **state)
{
    struct conf conf = one_address();
    struct ports first, second;
    struct fault f = {0};
    (void)state;
    assert_int_equal(ports_open(&conf, 1, NULL, &first, NULL), OK);
    conf.https_port = first.https_port;
    assert_int_equal(ports_open(&conf, 1, NULL, &second, &f), ERR_EXISTS);
    assert_non_null(strstr(f.what, "listens"));
    ports_done(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_taken_and_the_rest_closed),
        cmocka_unit_test(a_socket_of_another_address_is_not_taken),
        cmocka_unit_test(a_list_that_is_nobodys),
        cmocka_unit_test(another_server_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
