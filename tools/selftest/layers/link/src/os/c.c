int c_up(void);
int c_up(void)
{
    return 0;
}
