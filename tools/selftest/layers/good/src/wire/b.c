#include "wire/b.h"

#include "base/a.h"
