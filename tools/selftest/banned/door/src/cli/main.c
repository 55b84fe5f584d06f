int main(void)
{
    return !malloc(1);
}
