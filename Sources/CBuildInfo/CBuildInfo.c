#include "CBuildInfo.h"

// `make` writes this file (.ci/write-commit). Only this file is compiled anew when the commit changes.
#if __has_include("commit.inc")
#include "commit.inc"
#endif
#ifndef RADIATA_COMMIT
#define RADIATA_COMMIT ""
#endif

const char *cbuild_commit(void) { return RADIATA_COMMIT; }
