// What the worker asks the guard to start, and the guard a keeper: see Guard.c for the bytes.
#pragma once

#include <stdint.h>
#include <sys/types.h>

enum { LONGEST_MESSAGE = 1 << 18, MOST_TEXTS = 8192 };

struct order {
    uint32_t id;
    int32_t stop_signal;
    uint32_t grace;
    const char *path;
    const char *folder;
    const char *log;
    const char *output;  // "" = the log
    const char *record;  // "" = none
    char **arguments;
    char **environment;  // has room for one more
    char *texts[MOST_TEXTS + 3];
};

// Reads an 'S' message that ends with a NUL behind its last byte; the texts stay in it. Returns 0 or the
// errno; `id` is set also then.
int order_read(struct order *order, char *message, ssize_t length);

// The mark of the order's program (TREE_MARKER); to be freed.
char *order_mark(const struct order *order, pid_t guard);

// Adds a variable, "NAME=VALUE", to its environment; not copied.
void order_add(struct order *order, char *variable);
