#include "base/a.h"
#include "wire/b.h"
#include "a.h"
#include "base/none.h"
