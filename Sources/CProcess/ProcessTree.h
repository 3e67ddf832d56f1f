// Which processes belong to one attempt, and how all of them are ended. Private to the guard and its keepers.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// A trainer finds this variable in its environment, and so does every program that it starts and that does
// not clear its environment. The value names the program for ever: the path of its record file,
// TREE_MARK_END, the guard's pid and a number.
#define TREE_MARKER "RADIATA_ATTEMPT"
#define TREE_MARK_END "#"

// For tree_kill: no chain of parents, the mark alone.
#define TREE_NO_ROOT (-1)

// State (field 3), parent (4) and start time in clock ticks (22) of /proc/PID/stat. Returns 0, or -1 if there
// is none.
int tree_read_stat(pid_t pid, char *state, pid_t *parent, uint64_t *start);

// Writes `text` over what the file held; `flags` are O_CREAT or 0. Not emptied first: ext4 writes a file that
// was to the disk as soon as it is closed. Returns 0 or the errno.
int tree_write_text(const char *path, const char *text, int flags);

// Writes "PID START". Returns 0 or the errno. Not synced: after a power cut none of them lives.
int tree_write_record(const char *path, pid_t pid, uint64_t start);

// Sends SIGKILL to every descendant of `root` but not to `root`, and, where `mark` is not NULL, to every
// process whose environment has a TREE_MARKER whose value begins with `mark`. Zombies do not count. Returns
// how many were found.
int tree_kill(pid_t root, const char *mark);

// The folder of the control group (version 2) that a keeper makes for its programs, whether it is there or
// not; to be freed. NULL where there are no such groups.
char *tree_group(pid_t keeper);

// Makes that of the calling process; NULL where none can be made.
char *tree_make_group(void);

// Moves the calling process into the group. Called between fork and exec.
void tree_enter_group(const char *group);

// Sends SIGKILL to every process of the group.
void tree_kill_group(const char *group);

// Ends every process of the group and removes it; frees `group`.
void tree_end_group(char *group);
