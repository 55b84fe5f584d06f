extern int c_up(void);
int a_do(void);
int a_do(void)
{
    return c_up();
}
