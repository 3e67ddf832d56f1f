// One keeper for each program that the guard runs: the program's parent, and the subreaper of everything that
// comes of it. Whatever loses its parent becomes the keeper's child, so the chain of parents always tells
// whose it is, and a keeper without children has nothing left of its program: it takes the next.
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

// Forks a keeper. `*socket` gets the guard's side: the guard writes orders as the worker sent them (Order.h),
// one after the end of the other's program, and an i32 signal for a program's group; end of file makes the
// keeper kill everything and end. Returns the keeper's pid, or -errno.
pid_t keeper_start(int *socket);
