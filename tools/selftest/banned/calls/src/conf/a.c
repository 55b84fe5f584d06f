int f(char *p, struct ops *ops)
{
    strcpy(p, "free(p)");
    /* malloc(3) in a comment */
    ops->free(p);
    ops->on_end = free;
    p = malloc (3);
    printf("%d", atoi(p));
    signal(SIGPIPE, SIG_IGN);
    mem_free(p);
    sprintf(p, "x"); sleep(1);
    exit(1);
}
