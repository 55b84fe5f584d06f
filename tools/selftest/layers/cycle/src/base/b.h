#pragma once
#include "base/c.h"
