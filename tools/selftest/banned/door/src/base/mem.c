void mem_say(void)
{
    printf("hello");
}
