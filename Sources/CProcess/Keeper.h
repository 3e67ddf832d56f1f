// One keeper for each program that the guard starts: the program's parent, and the subreaper of everything
// that comes of it. Whatever loses its parent becomes the keeper's child, so the chain of parents always
// tells whose it is.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// What a keeper tells the guard: one packet each.
struct keeper_news {
    uint32_t kind;       // CPROCESS_STARTED, CPROCESS_REFUSED, CPROCESS_EXITED
    int32_t pid;         // of the program
    int32_t status;      // errno of what failed, or the status as wait(2) gives it
    uint64_t start_ticks;
    uint64_t user_microseconds;
    uint64_t system_microseconds;
    uint64_t max_resident_kilobytes;
};

// What to start.
struct program {
    char **arguments;
    char **environment;
    const char *path;
    const char *folder;
    const char *log;
    const char *output;  // "" = the log
    const char *record;  // "" = none
    const char *mark;
};

// Forks a keeper that starts the program. `*socket` gets the guard's side: the guard writes an i32 signal for
// the program's group; end of file makes the keeper kill everything. Returns the keeper's pid, or -errno.
pid_t keeper_start(const struct program *program, int *socket);
