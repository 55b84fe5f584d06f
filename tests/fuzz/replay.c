/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Driver of a fuzz target in normal builds: runs it on every file of the folders named, and on
 * every beginning of the short ones. Fails when there is nothing to replay. */
#include <dirent.h>
#include <stdio.h>

#include "fuzz.h"

#define FILE_MAX_BYTES  (1 << 20)
#define SHORT_MAX_BYTES 512

static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    mem_free(copy);
}

static int replay_file(const char *folder, const char *name)
{
    static uint8_t data[FILE_MAX_BYTES];
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t n = fread(data, 1, sizeof(data), f);
    fclose(f);
    run(data, n);
    for (size_t i = 0; n <= SHORT_MAX_BYTES && i < n; i++)
        run(data, i);
    return 1;
}

static int replay_folder(const char *folder)
{
    int files = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        if (e->d_name[0] != '.')
            files += replay_file(folder, e->d_name);
    if (d)
        closedir(d);
    return files;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++)
        files += replay_folder(argv[i]);
    printf("%d files\n", files);
    return files ? 0 : 1;
}
