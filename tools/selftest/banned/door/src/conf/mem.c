void *p = realloc(p, 1);
