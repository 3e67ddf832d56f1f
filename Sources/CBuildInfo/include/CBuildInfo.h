// What this program was built from.
#pragma once

// The commit in 12 digits, with "+" where files were changed after it; empty where nobody wrote it down.
const char *cbuild_commit(void);
