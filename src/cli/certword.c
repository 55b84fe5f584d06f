/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Beginnings of certificate words. */
#include "cli/certword.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cidr.h"
#include "base/err.h"
#include "cert/lineagepath.h"
#include "cli/cmd.h"
#include "os/file.h"
#include "os/filetree.h"
#include "os/proc.h"

bool certword_begin(struct certword *w, const struct option_parse *parse, const char **state_option,
                    int argc, char **argv, int *status)
{
    *w = (struct certword){.parse = parse, .names = argv + 1};
    int r = option_parse(parse, argc, argv, &w->nnames);
    if (r) {
        *status = r == ERR_EOF ? CMD_GOOD : CMD_USAGE;
        return false;
    }
    *status = CMD_FAILED;
    return place_state(*state_option, w->state) == OK;
}

int certword_usage(const struct certword *w, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "port443 %s: ", w->parse->verb);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n  \"port443 %s --help\" describes it\n", w->parse->verb);
    return CMD_USAGE;
}

bool certword_count(const struct certword *w, int min, int max, int *status)
{
    if (w->nnames < min)
        *status = certword_usage(w, "which name? Say it behind the word");
    else if (w->nnames > max && max == 0)
        *status = certword_usage(w, "takes no words, only options: %s", w->names[0]);
    else if (w->nnames > max)
        *status = certword_usage(w, "too many words: %s", w->names[max]);
    return w->nnames >= min && w->nnames <= max;
}

void certword_hand_over(const char *state)
{
    struct file_info info;
    if (proc_uid() != 0 || file_stat(state, &info) || info.uid == 0)
        return;
    int r = filetree_give(state, info.uid, info.gid);
    if (r)
        fprintf(stderr, "port443 cert: cannot give the files in %s to their owner: %s\n", state,
                err_text(r));
}

bool certword_name(const struct certword *w, char *name)
{
    char path[LINEAGEPATH_ENTRY], normal[CIDR_IP_TEXT];
    struct fault f = {0};
    struct ip ip;
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        name[i] = (char)slice_lower((uint8_t)name[i]);
    if (n > 1 && name[n - 1] == '.')
        name[--n] = 0;
    if (cidr_parse_ip(slice_of(name, n), &ip) == OK && cidr_format_ip(&ip, normal) <= n)
        memcpy(name, normal, strlen(normal) + 1);
    const struct lineage_id id = {slice_cstr(name), false};
    if (lineagepath_encode(&id, path, &f) == OK)
        return true;
    fprintf(stderr, "port443 %s: %s\n", w->parse->verb, f.what);
    fputs("  a name is a host name, *.HOST or an IP address, without https:// and path\n", stderr);
    return false;
}
