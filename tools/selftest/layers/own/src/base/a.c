#include <stdint.h>

#include "base/a.h"
