int a_seven(int a, int b, int c, int d, int e, int f,
            int g) ATTR
{
    return a;
}
