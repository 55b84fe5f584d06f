#include <sys/socket.h>
#include <sys/types.h>
#include <stdint.h>
#include <glob.h>
// #include <sys/un.h>
/*
#include <sys/un.h>
*/
