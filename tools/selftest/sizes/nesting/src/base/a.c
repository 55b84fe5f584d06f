static int deep(int a)
{
    struct x t[] = {{{{{{1}}}}}};
    x = (struct y){.z = {{{{{2}}}}}};
    if (a) {
        for (;;) {
            while (a) {
                switch (a) {
                case 1: {
                    a++;
                }
                }
            }
        }
    }
    return a;
}

static int flat(int a)
{
    if (a) {
        a = 1;
    } else if (a == 2) {
        a = 2;
    } else if (a == 3) {
        a = 3;
    } else if (a == 4) {
        a = 4;
    } else if (a == 5) {
        a = 5;
    } else {
        LIST_FOREACH(a, b) {
            do {
                {
                    return (struct z){{{{{{a}}}}}};
                }
            } while (a);
        }
    }
    return a;
}
