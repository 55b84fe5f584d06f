/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* signalfd(2) on the loop. */
#include "os/proc_signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/err.h"

static void on_readable(struct loop_io *io, uint32_t events)
{
    struct proc_signals *ps = container_of(io, struct proc_signals, io);
    struct signalfd_siginfo info;
    (void)events;
    /* One a turn: level-triggered, and the callback may close. */
    if (read(io->fd, &info, sizeof(info)) == sizeof(info))
        ps->on_signal(ps, (int)info.ssi_signo, (pid_t)info.ssi_pid);
}

int proc_signals_open(struct proc_signals *ps, struct loop *l, const int *signals,
                      void (*on_signal)(struct proc_signals *ps, int signo, pid_t from))
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals; signals++)
        sigaddset(&set, *signals);
    *ps = (struct proc_signals){
        .io = {.fd = -1, .on_ready = on_readable}, .loop = l, .on_signal = on_signal};
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return ERR_SYS;
    ps->io.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (ps->io.fd < 0)
        return ERR_SYS;
    int r = loop_add_level(l, &ps->io);
    if (r) {
        close(ps->io.fd);
        ps->io.fd = -1;
    }
    return r;
}

void proc_signals_close(struct proc_signals *ps)
{
    if (!ps->loop || ps->io.fd < 0)
        return;
    loop_remove(ps->loop, &ps->io);
    close(ps->io.fd);
    ps->io.fd = -1;
}
