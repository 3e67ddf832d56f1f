#define _GNU_SOURCE
#include "CSQLiteExtras.h"

#include <malloc.h>
#include <math.h>
#include <sqlite3.h>

int cse_harden(void *database) {
    sqlite3 *db = database;
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)0);
    return code;
}

int cse_enable_triggers(void *database, int enabled) {
    return sqlite3_db_config((sqlite3 *)database, SQLITE_DBCONFIG_ENABLE_TRIGGER, enabled, (int *)0);
}

int cse_enable_foreign_keys(void *database, int enabled) {
    return sqlite3_db_config((sqlite3 *)database, SQLITE_DBCONFIG_ENABLE_FKEY, enabled, (int *)0);
}

int cse_enable_column_checks(void *database, int enabled) {
    const char *sql = enabled ? "PRAGMA ignore_check_constraints = OFF" : "PRAGMA ignore_check_constraints = ON";
    return sqlite3_exec((sqlite3 *)database, sql, 0, 0, 0);
}

void cse_count_no_memory(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

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

int cse_bind_integer(void *statement, int index, int64_t value) { return sqlite3_bind_int64(statement, index, value); }

int cse_bind_text(void *statement, int index, const char *bytes, int count) {
    return sqlite3_bind_text(statement, index, bytes ? bytes : "", count, SQLITE_TRANSIENT);
}

int cse_bind_null(void *statement, int index) { return sqlite3_bind_null(statement, index); }

int cse_run_once(void *statement) {
    sqlite3_step(statement);
    return sqlite3_reset(statement);  // the result of the step
}

int cse_run_with_cells(
    void *statement, int first, int count, const int64_t *cells, const int32_t *lengths, const uint8_t *bytes) {
    int code = SQLITE_OK;
    for (int index = 0; index < count && code == SQLITE_OK; index++) {
        // An empty text of an empty block has no address, which would be NULL.
        const char *text = bytes && lengths[index] > 0 ? (const char *)bytes + cells[index] : "";
        code = lengths[index] < 0
            ? sqlite3_bind_int64(statement, first + index, cells[index])
            : sqlite3_bind_text(statement, first + index, text, lengths[index], SQLITE_STATIC);
    }
    if (code == SQLITE_OK) {
        sqlite3_step(statement);
        code = sqlite3_reset(statement);
    }
    return code;
}

int cse_step(void *statement, int *is_row) {
    *is_row = sqlite3_step(statement) == SQLITE_ROW;
    return *is_row ? SQLITE_OK : sqlite3_reset(statement);  // the result of the step
}

int cse_reset(void *statement) { return sqlite3_reset(statement); }

int64_t cse_column_integer(void *statement, int column) { return sqlite3_column_int64(statement, column); }

double cse_column_number(void *statement, int column) {
    if (sqlite3_column_type(statement, column) == SQLITE_NULL) return NAN;
    return sqlite3_column_double(statement, column);
}

const void *cse_column_text(void *statement, int column, int *count) {
    const void *bytes = sqlite3_column_text(statement, column);
    *count = sqlite3_column_bytes(statement, column);
    return bytes;
}

typedef struct {
    int64_t step;
    double value;
} Point;

// The four points of a span, in the order of their steps.
static int64_t keep_span(const Point *four, int64_t *steps, double *values) {
    Point sorted[4] = {four[0], four[1], four[2], four[3]};
    for (int i = 1; i < 4; i++)
        for (int j = i; j > 0 && sorted[j].step < sorted[j - 1].step; j--) {
            Point other = sorted[j];
            sorted[j] = sorted[j - 1];
            sorted[j - 1] = other;
        }
    int64_t kept = 0;
    for (int i = 0; i < 4; i++) {
        if (kept > 0 && steps[kept - 1] == sorted[i].step) continue;
        steps[kept] = sorted[i].step;
        values[kept++] = sorted[i].value;
    }
    return kept;
}

typedef struct {
    int64_t width;
    int64_t next;  // the first step of the next span
    int64_t *steps;
    double *values;
    int64_t kept, total, gaps;
    Point span[4];
    int is_open;
} Thinning;

static const char thinning_type[] = "thinning";

static void close_span(Thinning *thinning) {
    if (thinning->is_open)
        thinning->kept += keep_span(thinning->span, thinning->steps + thinning->kept, thinning->values + thinning->kept);
    thinning->is_open = 0;
}

static void thin_point(sqlite3_context *context, int count, sqlite3_value **arguments) {
    enum { FIRST, LEAST, MOST, LAST };
    (void)count;
    Thinning *thinning = sqlite3_value_pointer(arguments[0], thinning_type);
    if (!thinning) return sqlite3_result_error(context, "thin_points is called by cse_thin_points alone", -1);
    thinning->total += 1;
    if (sqlite3_value_type(arguments[2]) == SQLITE_NULL) {
        thinning->gaps += 1;
        return;
    }
    Point point = {sqlite3_value_int64(arguments[1]), sqlite3_value_double(arguments[2])};
    Point *span = thinning->span;
    if (thinning->is_open && point.step <= span[LAST].step)
        return sqlite3_result_error(context, "thin_points wants rows in the order of their steps", -1);
    if (point.step >= thinning->next) {
        close_span(thinning);
        thinning->next += (1 + (point.step - thinning->next) / thinning->width) * thinning->width;
    }
    if (!thinning->is_open) {
        thinning->is_open = 1;
        span[FIRST] = span[LEAST] = span[MOST] = span[LAST] = point;
        return;
    }
    if (point.value < span[LEAST].value) span[LEAST] = point;
    if (point.value > span[MOST].value) span[MOST] = point;
    span[LAST] = point;
}

static void end_thinning(sqlite3_context *context) { sqlite3_result_null(context); }

int cse_prepare_thinning(void *database) {
    return sqlite3_create_function_v2(
        database, "thin_points", 3, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, NULL, thin_point, end_thinning, NULL);
}

int64_t cse_thin_points(
    void *pointer, int64_t first, int64_t width, int64_t *steps, double *values, int64_t *total, int64_t *gaps) {
    sqlite3_stmt *statement = pointer;
    Thinning thinning = {.width = width, .next = first + width, .steps = steps, .values = values};
    int code = sqlite3_bind_pointer(statement, 1, &thinning, thinning_type, NULL);
    if (code == SQLITE_OK) {
        sqlite3_step(statement);
        code = sqlite3_reset(statement);  // the result of the step
    }
    sqlite3_bind_null(statement, 1);
    close_span(&thinning);
    *total = thinning.total;
    *gaps = thinning.gaps;
    return code == SQLITE_OK ? thinning.kept : -code;
}

static int note_pages(void *context, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    *(int *)context = pages;
    return SQLITE_OK;
}

void cse_watch_wal(void *database, int *pages) { sqlite3_wal_hook(database, note_pages, pages); }

void cse_give_back_memory(void) { malloc_trim(0); }

void cse_tame_allocator(int arenas, int mapped, int kept) {
    mallopt(M_ARENA_MAX, arenas);
    mallopt(M_MMAP_THRESHOLD, mapped);  // which otherwise rises to the largest buffer ever freed
    mallopt(M_TRIM_THRESHOLD, kept);
}
