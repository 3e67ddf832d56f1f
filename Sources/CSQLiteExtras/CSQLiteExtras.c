#define _GNU_SOURCE
#include "CSQLiteExtras.h"

#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int cse_harden(void *database) {
    sqlite3 *db = database;
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)0);
    return code;
}

const char *cse_version(void) { return sqlite3_libversion(); }
int64_t cse_memory_highwater(void) { return sqlite3_memory_highwater(0); }
int cse_version_number(void) { return sqlite3_libversion_number(); }

struct cse_query {
    sqlite3 *db;
    sqlite3_stmt *statement;
    char **allowed;
    char **hidden;
    int64_t memory;    // bytes that SQLite may use in all; 0 for no limit
    int64_t before;    // bytes that SQLite used when it was opened
    int64_t most;      // and at most since, as far as was looked
    int outOfMemory;
    int64_t deadline;  // CLOCK_MONOTONIC, milliseconds; 0 for none
    int refused;       // the authorizer said no: the message names what
    char message[512];
};

static int64_t now_milliseconds(void) {
    struct timespec reading;
    clock_gettime(CLOCK_MONOTONIC, &reading);
    return (int64_t)reading.tv_sec * 1000 + reading.tv_nsec / 1000000;
}

static int over_deadline(void *context) {
    cse_query *query = context;
    int64_t used = sqlite3_memory_used();
    if (used > query->most) query->most = used;
    if (query->memory != 0 && used > query->memory) {
        query->outOfMemory = 1;
        return 1;
    }
    return query->deadline != 0 && now_milliseconds() > query->deadline;
}

static int refuse(cse_query *query, const char *what, const char *name) {
    if (!query->refused) snprintf(query->message, sizeof query->message, "%s%s%s is not allowed in a query", what, name ? " " : "", name ? name : "");
    query->refused = 1;
    return SQLITE_DENY;
}

static int contains(char *const *names, const char *name) {
    for (; *names; names++)
        if (strcasecmp(*names, name) == 0) return 1;
    return 0;
}

static int authorize_read(cse_query *query, const char *table, const char *column) {
    char name[256];
    if (!table || !contains(query->allowed, table)) return refuse(query, "reading table", table);
    snprintf(name, sizeof name, "%s.%s", table, column ? column : "");
    if (contains(query->hidden, name)) return SQLITE_IGNORE;  // reads as NULL, so that SELECT * goes on working
    return SQLITE_OK;
}

static int authorize(
    void *context, int action, const char *first, const char *second, const char *database, const char *inner) {
    (void)database;
    (void)inner;
    cse_query *query = context;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_READ:
        return authorize_read(query, first, second);
    case SQLITE_FUNCTION: {
        // printf: a width of 10⁹ keeps one step busy for seconds, and no limit of SQLite's stops it.
        static const char *const denied[] = {
            "load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "printf", "format", 0};
        for (const char *const *name = denied; second && *name; name++)
            if (strcasecmp(*name, second) == 0) return refuse(query, "function", second);
        return SQLITE_OK;
    }
    case SQLITE_PRAGMA:
        return refuse(query, "PRAGMA", first);
    case SQLITE_ATTACH:
        return refuse(query, "ATTACH", 0);
    default:
        return refuse(query, "anything but SELECT", 0);
    }
}

static void set_limits(sqlite3 *db) {
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 4 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 100000);
    sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 200);
    sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 100);
    sqlite3_limit(db, SQLITE_LIMIT_COMPOUND_SELECT, 50);
    sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, 250000);
    sqlite3_limit(db, SQLITE_LIMIT_FUNCTION_ARG, 32);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
}

static char **copied(const char *const *names) {
    size_t count = 0;
    while (names[count]) count++;
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t index = 0; copy && index < count; index++) copy[index] = strdup(names[index]);
    return copy;
}

static void dropped(char **names) {
    for (char **name = names; name && *name; name++) free(*name);
    free(names);
}

int cse_query_open(
    const char *path, const char *const *allowed, const char *const *hidden, int64_t memory, cse_query **out) {
    cse_query *query = calloc(1, sizeof *query);
    if (!query) return SQLITE_NOMEM;
    *out = query;
    query->allowed = copied(allowed);
    query->hidden = copied(hidden);
    if (!query->allowed || !query->hidden) return SQLITE_NOMEM;
    query->before = query->most = sqlite3_memory_used();
    query->memory = memory == 0 ? 0 : query->before + memory;
    int code = sqlite3_open_v2(path, &query->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, 0);
    if (code != SQLITE_OK) return code;
    sqlite3_busy_timeout(query->db, 5000);
    code = cse_harden(query->db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(
            query->db, "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-1024; PRAGMA wal_autocheckpoint=0", 0, 0, 0);
    // Table-valued functions make themselves known by a statement that the authorizer would refuse.
    if (code == SQLITE_OK) code = sqlite3_exec(query->db, "SELECT 1 FROM json_each('[]'), json_tree('[]')", 0, 0, 0);
    set_limits(query->db);
    sqlite3_set_authorizer(query->db, authorize, query);
    sqlite3_progress_handler(query->db, 100, over_deadline, query);
    return code;
}

int cse_query_prepare(cse_query *query, const char *sql, int length) {
    const char *tail = 0;
    int code = sqlite3_prepare_v2(query->db, sql, length, &query->statement, &tail);
    if (code != SQLITE_OK) {
        if (!query->refused) snprintf(query->message, sizeof query->message, "%s", sqlite3_errmsg(query->db));
        return code;
    }
    if (!query->statement) {
        snprintf(query->message, sizeof query->message, "there is no statement in it");
        return SQLITE_ERROR;
    }
    for (; tail && tail < sql + length; tail++) {
        if (*tail != ' ' && *tail != '\t' && *tail != '\n' && *tail != '\r' && *tail != ';') {
            snprintf(query->message, sizeof query->message, "only one statement is allowed; a second begins at: %.60s", tail);
            return SQLITE_ERROR;
        }
    }
    if (!sqlite3_stmt_readonly(query->statement)) {
        snprintf(query->message, sizeof query->message, "only reading statements are allowed");
        return SQLITE_READONLY;
    }
    return SQLITE_OK;
}

int cse_query_step(cse_query *query, int64_t deadline_milliseconds) {
    query->deadline = now_milliseconds() + deadline_milliseconds;
    int code = sqlite3_step(query->statement);
    if (code == SQLITE_ROW) return CSE_ROW;
    if (code == SQLITE_DONE) return CSE_DONE;
    if (code == SQLITE_INTERRUPT && query->outOfMemory)
        snprintf(query->message, sizeof query->message, "the query needs too much memory");
    else if (code == SQLITE_INTERRUPT)
        snprintf(query->message, sizeof query->message, "the query ran out of time");
    else
        snprintf(query->message, sizeof query->message, "%s", sqlite3_errmsg(query->db));
    return code;
}

const char *cse_query_message(cse_query *query) {
    return query->message[0] ? query->message : query->db ? sqlite3_errmsg(query->db) : "out of memory";
}

int cse_query_columns(cse_query *query) { return sqlite3_column_count(query->statement); }
const char *cse_query_name(cse_query *query, int column) { return sqlite3_column_name(query->statement, column); }

int cse_query_type(cse_query *query, int column) {
    switch (sqlite3_column_type(query->statement, column)) {
    case SQLITE_INTEGER:
        return CSE_INTEGER;
    case SQLITE_FLOAT:
        return CSE_REAL;
    case SQLITE_TEXT:
        return CSE_TEXT;
    case SQLITE_BLOB:
        return CSE_BLOB;
    default:
        return CSE_NULL;
    }
}

int64_t cse_query_integer(cse_query *query, int column) { return sqlite3_column_int64(query->statement, column); }
double cse_query_real(cse_query *query, int column) { return sqlite3_column_double(query->statement, column); }

const void *cse_query_bytes(cse_query *query, int column, int *count) {
    const void *bytes = sqlite3_column_type(query->statement, column) == SQLITE_TEXT
                            ? (const void *)sqlite3_column_text(query->statement, column)
                            : sqlite3_column_blob(query->statement, column);
    *count = sqlite3_column_bytes(query->statement, column);
    return bytes;
}

void cse_query_close(cse_query *query) {
    if (!query) return;
    sqlite3_finalize(query->statement);
    sqlite3_close_v2(query->db);
    dropped(query->allowed);
    dropped(query->hidden);
    // What sorts and groups takes a small piece of memory for every row, and would leave holes of the size of the ledger in every arena.
    int isLarge = query->most - query->before > 512 << 10;
    free(query);
    if (isLarge) cse_give_back_memory();
}

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
