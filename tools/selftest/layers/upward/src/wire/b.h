#pragma once
#include "os/c.h"
