int main(void)
{
    printf("hello");
    exit(0);
}
