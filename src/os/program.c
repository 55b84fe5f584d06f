/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A run is over when the process has ended and its output was read, or a moment after its end: a
 * daemon that it left behind may hold the pipe open for ever. */
#include "os/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/file.h"

#define LINGER_MS  200 /* for output behind the end of the process */
#define READ_BYTES 4096

struct program {
    struct loop *loop;
    struct loop_io output, end; /* pipe; pidfd */
    struct loop_timer bound;
    struct loop_task finish;
    pid_t pid; /* 0: reaped */
    bool timed_out, eof;
    int status;
    void (*on_done)(void *ctx, struct program *p, int status, struct slice output);
    void *ctx;
    uint8_t tail[2 * PROGRAM_OUTPUT_BYTES]; /* the second half is moved down when full */
    size_t tail_n;
};

static void drop_io(struct program *p, struct loop_io *io)
{
    if (io->fd < 0)
        return;
    loop_remove(p->loop, io);
    close(io->fd);
    io->fd = -1;
}

static void on_finish(struct loop_task *t)
{
    struct program *p = container_of(t, struct program, finish);
    struct slice output = slice_of(p->tail, p->tail_n);
    loop_timer_clear(&p->bound);
    drop_io(p, &p->output);
    drop_io(p, &p->end);
    if (output.n > PROGRAM_OUTPUT_BYTES)
        output = slice_from(output, output.n - PROGRAM_OUTPUT_BYTES);
    p->on_done(p->ctx, p, p->status, output);
}

static void ended(struct program *p, const struct proc_exit *e)
{
    p->pid = 0;
    p->status = p->timed_out ? PROGRAM_TIMED_OUT : e->signo ? 128 + e->signo : e->status;
    drop_io(p, &p->end);
    if (p->eof)
        loop_defer(p->loop, &p->finish);
    else
        loop_timer_set(p->loop, &p->bound, LINGER_MS);
}

static void on_end(struct loop_io *io, uint32_t events)
{
    struct program *p = container_of(io, struct program, end);
    struct proc_exit e;
    (void)events;
    if (p->pid && proc_reap_one(p->pid, &e))
        ended(p, &e);
    else
        drop_io(p, io); /* program_reaped is on its way */
}

bool program_reaped(struct program *p, const struct proc_exit *e)
{
    if (!p->pid || p->pid != e->pid)
        return false;
    ended(p, e);
    return true;
}

static void keep(struct program *p, const uint8_t *bytes, size_t n)
{
    if (p->tail_n + n > sizeof(p->tail)) {
        memmove(p->tail, p->tail + p->tail_n - PROGRAM_OUTPUT_BYTES, PROGRAM_OUTPUT_BYTES);
        p->tail_n = PROGRAM_OUTPUT_BYTES;
    }
    memcpy(p->tail + p->tail_n, bytes, n);
    p->tail_n += n;
}

/* Level-triggered, one piece a turn: a program that prints without end does not hold up the loop.
 */
static void on_output(struct loop_io *io, uint32_t events)
{
    struct program *p = container_of(io, struct program, output);
    uint8_t bytes[READ_BYTES];
    (void)events;
    ssize_t n = read(io->fd, bytes, sizeof(bytes));
    if (n > 0) {
        keep(p, bytes, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    p->eof = true;
    drop_io(p, io);
    if (!p->pid)
        loop_defer(p->loop, &p->finish);
}

static void on_bound(struct loop_timer *t)
{
    struct program *p = container_of(t, struct program, bound);
    if (p->pid) {
        p->timed_out = true;
        BEST_EFFORT(proc_kill_group(p->pid, SIGKILL));
    } else {
        loop_defer(p->loop, &p->finish);
    }
}

/* The two ends of its output, and its input from the first byte. */
static int open_streams(struct slice input, int *ret_in, int out[2])
{
    if (pipe2(out, O_CLOEXEC))
        return ERR_SYS;
    if (file_memfd(input, ret_in) == OK && lseek(*ret_in, 0, SEEK_SET) == 0 &&
        fcntl(out[0], F_SETFL, O_NONBLOCK) == 0)
        return OK;
    file_close(*ret_in);
    close(out[0]);
    close(out[1]);
    return ERR_SYS;
}

static int spawn(struct program *p, const struct program_spec *s, struct fault *f)
{
    int in = -1, out[2];
    int r = open_streams(s->input, &in, out);
    if (r)
        return fault_errno(f, r, errno, "cannot start %s", s->argv[0]);
    const struct proc_spec spec = {.argv = s->argv,
                                   .envp = s->envp,
                                   .redirect = true,
                                   .in_fd = in,
                                   .out_fd = out[1],
                                   .own_group = true,
                                   .drop = s->drop,
                                   .uid = s->uid,
                                   .gid = s->gid};
    r = proc_spawn(&spec, &p->pid, f);
    close(in);
    close(out[1]);
    p->output.fd = out[0];
    if (!r && ((r = proc_watch(p->pid, &p->end.fd)) || (r = loop_add_level(p->loop, &p->end)) ||
               (r = loop_add_level(p->loop, &p->output))))
        fault_set(f, r, "cannot watch %s", s->argv[0]);
    return r;
}

int program_start(struct loop *l, const struct program_spec *s,
                  void (*on_done)(void *ctx, struct program *p, int status, struct slice output),
                  void *ctx, struct program **ret, struct fault *f)
{
    struct program *p = mem_alloc(sizeof(*p));
    if (!p)
        return fault_set(f, ERR_NOMEM, "no memory to start %s", s->argv[0]);
    p->loop = l;
    p->on_done = on_done;
    p->ctx = ctx;
    p->output = (struct loop_io){.fd = -1, .on_ready = on_output};
    p->end = (struct loop_io){.fd = -1, .on_ready = on_end};
    loop_timer_init(&p->bound, on_bound);
    loop_task_init(&p->finish, on_finish);
    int r = spawn(p, s, f);
    if (r) {
        program_free(p);
        return r;
    }
    loop_timer_set(l, &p->bound, s->timeout_ms);
    *ret = p;
    return OK;
}

void program_free(struct program *p)
{
    struct proc_exit e;
    if (!p)
        return;
    if (p->pid) {
        BEST_EFFORT(proc_kill_group(p->pid, SIGKILL));
        (void)proc_reap_one(p->pid, &e); /* else whoever reaps all meets a stranger, or init does */
    }
    loop_timer_clear(&p->bound);
    loop_task_cancel(&p->finish);
    drop_io(p, &p->output);
    drop_io(p, &p->end);
    mem_free(p);
}
