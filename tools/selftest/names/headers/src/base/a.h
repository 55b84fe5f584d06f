int a(void);
int b_x(struct a *p, int (*f)(int));
static inline int ab(void)
{
    return 1;
}
static inline int a_c(void)
{
    return 1;
}
struct a *a_new(void);
