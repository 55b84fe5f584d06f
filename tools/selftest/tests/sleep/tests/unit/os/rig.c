/* usleep(1) */
void f(void)
{
    usleep(1);
}
