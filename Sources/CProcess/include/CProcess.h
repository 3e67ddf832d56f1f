// Child processes that cannot outlive their worker: a guard process that starts trainers, each in a session
// of its own, and ends all that came of them when its lifeline closes. See Guard.c for the protocol.
#pragma once

#include <stdint.h>
#include <sys/types.h>

enum {
    CPROCESS_STARTED = 1,  // pid, start_ticks
    CPROCESS_REFUSED = 2,  // status is the errno of what failed
    // status as wait(2) gives it, and the resources used; with pid and start_ticks: one that ended at once
    // has no CPROCESS_STARTED before it
    CPROCESS_EXITED = 3,
};

// What the guard tells: one packet each.
struct cprocess_event {
    uint32_t kind;
    uint32_t id;
    int32_t pid;
    int32_t status;
    // When the process started, in clock ticks since boot (/proc/PID/stat field 22): with the pid it names a
    // process for ever.
    uint64_t start_ticks;
    uint64_t user_microseconds;
    uint64_t system_microseconds;
    uint64_t max_resident_kilobytes;
};

// Starts this program again as a guard. `*lifeline` gets this side of a SOCK_SEQPACKET socket; closing it
// ends the guard. `record`: file that gets "PID START_TICKS" of the guard. Returns the guard's pid, or
// -errno.
pid_t cprocess_start_guard(const char *record, int *lifeline);

// Start time of a process in clock ticks, or 0 if there is none of that pid (a zombie counts as none).
uint64_t cprocess_start_ticks(pid_t pid);

// Waits until the process has ended (0), or `milliseconds` have passed (-1).
int cprocess_wait_gone(pid_t pid, uint64_t start_ticks, int milliseconds);

// Kills every process whose environment says that it came of the program with this record file, and waits
// until they are gone, at most 5 s. For what a guard that was killed left behind.
void cprocess_end_marked(const char *record);

// Catches SIGTERM and SIGINT from now on: their numbers come as bytes from the descriptor returned, or
// -errno.
int cprocess_watch_termination(void);

static inline int cprocess_exited(int status) { return (status & 0x7f) == 0; }
static inline int cprocess_exit_code(int status) { return (status >> 8) & 0xff; }
static inline int cprocess_signal(int status) { return status & 0x7f; }
