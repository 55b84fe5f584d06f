void *mem_new(size_t n)
{
    return malloc(n);
}
