#include "CSQLiteExtras.h"
