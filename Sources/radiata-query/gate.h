// What a user's statement may do: an authorizer, SQLite's own limits, and the pages it opens.
#pragma once

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct gate {
    sqlite3 *db;
    sqlite3_stmt *statement;
    char **allowed;     // tables and views that may be read, NULL-terminated
    int *pages;         // root pages of those tables and of their indices, ascending
    size_t page_count;
    char **known;       // every name in the schema, NULL-terminated
    int is_closed;      // from here on the authorizer decides
    int is_refused;     // it said no: `message` names what
    int64_t deadline;   // CLOCK_MONOTONIC, milliseconds
    char message[512];
};

int64_t gate_now(void);

// Opens the file read-only and reads its schema. Returns 0 or an SQLite result code; `message` says what is
// wrong.
int gate_open(struct gate *gate, const char *path);

// Begins one read transaction for all that follows; from here on the authorizer decides. Returns as the
// above.
int gate_begin(struct gate *gate);

// Compiles exactly one reading statement, of which every page it opens belongs to an allowed table.
int gate_prepare(struct gate *gate, const char *sql, int length);
