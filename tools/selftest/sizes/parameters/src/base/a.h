int a_six(int a, int b, int c, int d, int e, int (*f)(int x, int y));
int a_seven(int a, int b, int c, int d, int e, int f, int g);
