#define _GNU_SOURCE
#include "CSQLiteExtras.h"

#include <malloc.h>
#include <sqlite3.h>

int cse_harden(void *database) {
    sqlite3 *db = database;
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)0);
    return code;
}

const char *cse_version(void) { return sqlite3_libversion(); }
int cse_version_number(void) { return sqlite3_libversion_number(); }

int cse_insert_points(
    void *pointer, int64_t first, int64_t second, const int64_t *steps, const double *values, int64_t count) {
    sqlite3_stmt *statement = pointer;
    int code = sqlite3_reset(statement);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(statement, 1, first);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(statement, 2, second);
    for (int64_t index = 0; code == SQLITE_OK && index < count; index++) {
        code = sqlite3_bind_int64(statement, 3, steps[index]);
        if (code == SQLITE_OK) code = sqlite3_bind_double(statement, 4, values[index]);
        if (code == SQLITE_OK) {
            sqlite3_step(statement);
            code = sqlite3_reset(statement);  // the result of the step
        }
    }
    return code;
}

static int note_pages(void *context, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    *(int *)context = pages;
    return SQLITE_OK;
}

void cse_watch_wal(void *database, int *pages) { sqlite3_wal_hook(database, note_pages, pages); }

void cse_give_back_memory(void) { malloc_trim(0); }

void cse_tame_allocator(int arenas, int mapped) {
    mallopt(M_ARENA_MAX, arenas);
    mallopt(M_MMAP_THRESHOLD, mapped);  // which otherwise rises to the largest buffer ever freed
    mallopt(M_TRIM_THRESHOLD, 2 * mapped);
}
