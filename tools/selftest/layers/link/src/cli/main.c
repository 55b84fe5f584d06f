int a_do(void);
int c_up(void);
int main(void)
{
    return a_do() + c_up();
}
