typedef enum { ONE } one;
