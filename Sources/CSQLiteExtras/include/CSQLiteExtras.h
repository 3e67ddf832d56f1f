// What Swift cannot call (variadic functions) or what GRDB keeps for itself (the authorizer): a small C face
// on the system's SQLite.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Turns on SQLITE_DBCONFIG_DEFENSIVE and turns off trusted schema, double-quoted strings and loadable
// extensions on a connection. `database` is a `sqlite3 *`. Returns an SQLite result code.
int cse_harden(void *database);

// Whether triggers run for what this connection changes. Statements that were prepared before are prepared
// anew. Returns an SQLite result code.
int cse_enable_triggers(void *database, int enabled);
// The same for its foreign keys, also in a transaction, where the pragma does nothing.
int cse_enable_foreign_keys(void *database, int enabled);
// The same for its CHECK conditions.
int cse_enable_column_checks(void *database, int enabled);

// Before SQLite is used for the first time: it counts no memory, which takes every allocation a lock. Later
// it does nothing.
void cse_count_no_memory(void);

// "3.40.1"
const char *cse_version(void);
// 3040001
int cse_version_number(void);

// A child process that answers one query of a user (Sources/radiata-query), talked to by a socket that is its
// standard input and output. `program` is run without arguments and without this process's environment and
// descriptors. `*channel` gets this side of the socket. Returns its pid, or -errno.
pid_t cse_helper_start(const char *program, int *channel);
// Sends all bytes. Returns 0 or -errno.
int cse_helper_send(int channel, const void *bytes, size_t count);
// Says that nothing more will be sent.
void cse_helper_sent(int channel);
// Waits at most `milliseconds` for bytes. Returns how many came, 0 at the end, -ETIMEDOUT when the time is
// over, or -errno.
ssize_t cse_helper_receive(int channel, void *bytes, size_t room, int64_t milliseconds);
// SIGKILL; harmless for a process that has ended and was not yet reaped.
void cse_helper_kill(pid_t pid);
// Reaps it. Returns 1 with the status as wait(2) gives it, 0 if it has not ended yet (only without `waits`).
int cse_helper_reap(pid_t pid, int waits, int *status);

// Runs a prepared statement once for each of `count` points: parameters 1 and 2 are `first` and `second`, 3
// the step, 4 the value (NaN is bound as NULL). `statement` is a `sqlite3_stmt *`. Returns 0 or the SQLite
// result code of the first run that failed.
int cse_insert_points(
    void *statement, int64_t first, int64_t second, const int64_t *steps, const double *values, int64_t count);

// A prepared statement, its parameters (texts of `count` bytes are copied) and the columns of its row.
// `statement` is a `sqlite3_stmt *`. Those that return int return an SQLite result code, SQLITE_OK for a row
// or the end.
int cse_bind_integer(void *statement, int index, int64_t value);
int cse_bind_text(void *statement, int index, const char *bytes, int count);
int cse_bind_null(void *statement, int index);
// To its end, and resets it.
int cse_run_once(void *statement);
// Binds values from parameter `first` on, runs it to its end and resets it. Where lengths[i] is not negative,
// cells[i] is the place in `bytes` of a text so long; the texts are not copied, so all must be bound anew
// before it runs again.
int cse_run_with_cells(
    void *statement, int first, int count, const int64_t *cells, const int32_t *lengths, const uint8_t *bytes);
// To its next row, where `*is_row` is 1, or to its end, where it is 0 and the statement reset.
int cse_step(void *statement, int *is_row);
int cse_reset(void *statement);
int64_t cse_column_integer(void *statement, int column);
// NaN for NULL.
double cse_column_number(void *statement, int column);
// NULL for NULL; valid until the next step.
const void *cse_column_text(void *statement, int column, int *count);

// Adds the aggregate thin_points(thinning, step, value) to a connection, for cse_thin_points alone. It sees a
// point for two thirds of what a row takes that is handed out. Returns an SQLite result code.
int cse_prepare_thinning(void *database);

// Runs SELECT thin_points(?1, step, value) over rows that come in the order of their steps, and keeps of each
// span of `width` steps, counted from `first`: the first point, the smallest, the largest and the last, in
// the order of their steps and none twice. `steps` and `values` have room for four points of each span.
// Values that are NULL are only counted, in `*gaps`; `*total` gets the number of all points. `statement` is a
// `sqlite3_stmt *` whose other parameters are bound. Returns how many points were kept, or minus the SQLite
// result code.
int64_t cse_thin_points(
    void *statement, int64_t first, int64_t width, int64_t *steps, double *values, int64_t *total, int64_t *gaps);

// Gives what the C library's allocator keeps of freed memory back to the system.
void cse_give_back_memory(void);

// The C library's allocator in a process that runs for weeks: threads made from now on share `arenas` arenas
// (by default there are eight a core), buffers of `mapped` bytes or more are mapped for themselves, and an
// arena keeps at most `kept` bytes free at its end.
void cse_tame_allocator(int arenas, int mapped, int kept);

// From now on `*pages` is the number of pages in the write-ahead log after every commit on this connection.
// It replaces SQLite's own automatic checkpoint. `pages` must outlive the connection.
void cse_watch_wal(void *database, int *pages);
