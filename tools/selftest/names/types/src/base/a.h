typedef struct a {
    int n;
} a;
typedef struct b b;
typedef unsigned size_kind_t;
struct list_t {
    int n;
};
typedef void (*a_fn)(struct a *a);
/* typedef struct c c; */
uint32_t a_n(uint8_t b);
