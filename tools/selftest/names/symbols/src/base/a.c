int a;
int a_two;
int count;
int ab_three;
static int four;
int *a_four(void);
int *a_four(void)
{
    return &four;
}
