// What Swift cannot call (variadic functions) or what GRDB keeps for itself (the authorizer): a small C face on the system's SQLite.
#pragma once

#include <stdint.h>

// Turns on SQLITE_DBCONFIG_DEFENSIVE and turns off trusted schema, double-quoted strings and loadable extensions on a connection.
// `database` is a `sqlite3 *`. Returns an SQLite result code.
int cse_harden(void *database);

// "3.40.1"
const char *cse_version(void);
// 3040001
int cse_version_number(void);

// A read-only statement of a user on a connection of its own, fenced in by an authorizer, limits and a deadline.
typedef struct cse_query cse_query;

enum { CSE_ROW = 100, CSE_DONE = 101 };
enum { CSE_NULL = 0, CSE_INTEGER = 1, CSE_REAL = 2, CSE_TEXT = 3, CSE_BLOB = 4 };

// Opens `path` read-only. `allowed` names the tables and views that may be read, `hidden` columns of them ("table.column") that read as NULL
// (NULL-terminated arrays, copied). `memory` bounds what SQLite may take beyond what it has now, in bytes.
// Returns 0 and a handle, or an SQLite result code with a handle that only serves `cse_query_message` and `cse_query_close`.
int cse_query_open(
    const char *path, const char *const *allowed, const char *const *hidden, int64_t memory, cse_query **query);
// Compiles exactly one read-only statement. Returns 0 or an SQLite result code; `cse_query_message` says what is wrong.
int cse_query_prepare(cse_query *query, const char *sql, int length);
// Steps until the next row. `deadline_milliseconds` is the time left for this call and all later ones.
int cse_query_step(cse_query *query, int64_t deadline_milliseconds);
const char *cse_query_message(cse_query *query);
int cse_query_columns(cse_query *query);
const char *cse_query_name(cse_query *query, int column);
int cse_query_type(cse_query *query, int column);
int64_t cse_query_integer(cse_query *query, int column);
double cse_query_real(cse_query *query, int column);
// Bytes of a text or blob value, valid until the next step; `count` gets their number.
const void *cse_query_bytes(cse_query *query, int column, int *count);
void cse_query_close(cse_query *query);

// Runs a prepared statement once for each of `count` points: parameters 1 and 2 are `first` and `second`, 3 the step, 4 the value (NaN is
// bound as NULL). `statement` is a `sqlite3_stmt *`. Returns 0 or the SQLite result code of the first run that failed.
int cse_insert_points(
    void *statement, int64_t first, int64_t second, const int64_t *steps, const double *values, int64_t count);

// Most bytes SQLite has held at once in this process.
int64_t cse_memory_highwater(void);

// Gives what the C library's allocator keeps of freed memory back to the system.
void cse_give_back_memory(void);

// The C library's allocator in a process that runs for weeks: threads made from now on share `arenas` arenas (by default there are eight a
// core), and buffers of `mapped` bytes or more are mapped for themselves.
void cse_tame_allocator(int arenas, int mapped);

// From now on `*pages` is the number of pages in the write-ahead log after every commit on this connection. It replaces SQLite's own
// automatic checkpoint. `pages` must outlive the connection.
void cse_watch_wal(void *database, int *pages);
