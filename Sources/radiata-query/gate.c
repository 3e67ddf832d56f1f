#define _GNU_SOURCE
#include "gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int64_t gate_now(void) {
    struct timespec reading;
    clock_gettime(CLOCK_MONOTONIC, &reading);
    return (int64_t)reading.tv_sec * 1000 + reading.tv_nsec / 1000000;
}

static int over_deadline(void *context) { return gate_now() > ((struct gate *)context)->deadline; }

static int contains(char *const *names, const char *name) {
    for (; names && *names; names++)
        if (strcasecmp(*names, name) == 0) return 1;
    return 0;
}

static int refuse(struct gate *gate, const char *what, const char *name) {
    if (!gate->is_refused)
        snprintf(gate->message, sizeof gate->message, "%s%s%s is not allowed in a query", what, name ? " " : "", name ? name : "");
    gate->is_refused = 1;
    return SQLITE_DENY;
}

static int authorize_read(struct gate *gate, const char *table, const char *column) {
    if (table && contains(gate->allowed, table)) return SQLITE_OK;
    // A table none of whose columns is used is asked about by the name it has in the statement, and so is a
    // common table expression. Nothing of the schema has such a name; modules beside the JSON tables are gone
    // but for SQLite's pragma tables, which make themselves.
    int is_expression = table && column && !column[0] && !contains(gate->known, table) && strncasecmp(table, "pragma_", 7) != 0 &&
                        strncasecmp(table, "sqlite_", 7) != 0;
    return is_expression ? SQLITE_OK : refuse(gate, "reading table", table);
}

static int authorize(
    void *context, int action, const char *first, const char *second, const char *database, const char *inner) {
    (void)database;
    (void)inner;
    struct gate *gate = context;
    if (!gate->is_closed) return SQLITE_OK;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_READ:
        return authorize_read(gate, first, second);
    case SQLITE_FUNCTION: {
        static const char *const denied[] = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", 0};
        for (const char *const *name = denied; second && *name; name++)
            if (strcasecmp(*name, second) == 0) return refuse(gate, "function", second);
        return SQLITE_OK;
    }
    case SQLITE_PRAGMA:
        return refuse(gate, "PRAGMA", first);
    case SQLITE_ATTACH:
        return refuse(gate, "ATTACH", 0);
    default:
        return refuse(gate, "anything but SELECT", 0);
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
    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
}

static int by_number(const void *a, const void *b) {
    int first = *(const int *)a, second = *(const int *)b;
    return (first > second) - (first < second);
}

// Reads the schema: which names there are, and the root pages of what may be read. It also begins the
// snapshot that all the rest sees.
static int read_schema(struct gate *gate) {
    sqlite3_stmt *rows = 0;
    int code = sqlite3_prepare_v2(gate->db, "SELECT name, tbl_name, rootpage FROM sqlite_schema", -1, &rows, 0);
    size_t names = 0, room = 0;
    while (code == SQLITE_OK && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        if (names + 2 > room) {
            room = room * 2 + 64;
            char **known = realloc(gate->known, room * sizeof *known);
            int *pages = realloc(gate->pages, room * sizeof *pages);
            gate->known = known ? known : gate->known;
            gate->pages = pages ? pages : gate->pages;
            if (!known || !pages) {
                code = SQLITE_NOMEM;
                break;
            }
        }
        const char *name = (const char *)sqlite3_column_text(rows, 0), *table = (const char *)sqlite3_column_text(rows, 1);
        int page = sqlite3_column_int(rows, 2);
        gate->known[names] = strdup(name ? name : "");
        if (!gate->known[names]) {
            code = SQLITE_NOMEM;
            break;
        }
        gate->known[++names] = 0;
        if (page > 0 && table && contains(gate->allowed, table)) gate->pages[gate->page_count++] = page;
        code = SQLITE_OK;
    }
    sqlite3_finalize(rows);
    if (code != SQLITE_DONE) return code == SQLITE_OK ? SQLITE_ERROR : code;
    if (gate->pages) gate->pages[gate->page_count++] = 1;  // sqlite_schema
    qsort(gate->pages, gate->page_count, sizeof *gate->pages, by_number);
    return SQLITE_OK;
}

static int tell(struct gate *gate, int code) {
    if (code != SQLITE_OK)
        snprintf(gate->message, sizeof gate->message, "%s", gate->db ? sqlite3_errmsg(gate->db) : "out of memory");
    return code;
}

int gate_open(struct gate *gate, const char *path) {
    static const char *const modules[] = {"json_each", "json_tree", 0};
    int code = sqlite3_open_v2(path, &gate->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, 0);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(gate->db, 5000);
        code = sqlite3_db_config(gate->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    }
    if (code == SQLITE_OK) code = sqlite3_db_config(gate->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    if (code == SQLITE_OK) code = sqlite3_db_config(gate->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)0);
    // Table-valued functions make themselves known by a statement that the authorizer would refuse.
    if (code == SQLITE_OK)
        code = sqlite3_exec(
            gate->db,
            "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-1024; PRAGMA wal_autocheckpoint=0;"
            "SELECT 1 FROM json_each('[]'), json_tree('[]')",
            0, 0, 0);
    if (code == SQLITE_OK) code = sqlite3_drop_modules(gate->db, (const char **)modules);
    return tell(gate, code);
}

int gate_begin(struct gate *gate) {
    int code = sqlite3_exec(gate->db, "BEGIN", 0, 0, 0);
    if (code == SQLITE_OK) code = read_schema(gate);
    if (code != SQLITE_OK) return tell(gate, code);
    set_limits(gate->db);
    gate->is_closed = 1;
    sqlite3_set_authorizer(gate->db, authorize, gate);
    sqlite3_progress_handler(gate->db, 1000, over_deadline, gate);
    return SQLITE_OK;
}

// Past white space, semicolons and comments.
static const char *past_blanks(const char *text, const char *end) {
    while (text < end) {
        if (strchr(" \t\n\r\f;", *text) && *text) {
            text++;
        } else if (text + 1 < end && text[0] == '-' && text[1] == '-') {
            while (text < end && *text != '\n') text++;
        } else if (text + 1 < end && text[0] == '/' && text[1] == '*') {
            const char *close = memmem(text + 2, (size_t)(end - text - 2), "*/", 2);
            text = close ? close + 2 : end;
        } else {
            break;
        }
    }
    return text;
}

static int refuse_pages(struct gate *gate, const char *opcode) {
    snprintf(gate->message, sizeof gate->message, "the query opens a table that may not be read (%s)", opcode);
    gate->is_refused = 1;
    return SQLITE_AUTH;
}

// Whether one instruction of a compiled statement stays with the pages that may be read. Page numbers in
// registers, other files than the ledger, and ways to open something that this program does not know, do not.
static int is_harmless(struct gate *gate, const char *opcode, int page, int database, int flags) {
    static const char *const reading[] = {"OpenRead", "OpenWrite", "ReopenIdx", 0};
    static const char *const own[] = {"OpenDup", "OpenEphemeral", "OpenAutoindex", "OpenPseudo", "VOpen", "SorterOpen", 0};
    static const int page_in_register = 0x10;  // OPFLAG_P2ISREG
    for (const char *const *name = reading; *name; name++) {
        if (strcmp(*name, opcode) != 0) continue;
        if (database != 0 || (flags & page_in_register)) return 0;
        return bsearch(&page, gate->pages, gate->page_count, sizeof page, by_number) != 0;
    }
    for (const char *const *name = own; *name; name++)
        if (strcmp(*name, opcode) == 0) return 1;
    return strncmp(opcode, "Open", 4) != 0 && strncmp(opcode, "Reopen", 6) != 0;
}

// The authorizer is asked about names, and not about all of them: a column that USING or NATURAL joins
// becomes a coalesce() without a call (3.40). What a compiled statement opens is in its program, so the
// program decides.
static int check_pages(struct gate *gate, const char *sql, int length) {
    if (sqlite3_stmt_isexplain(gate->statement)) return SQLITE_OK;  // lists the program instead of running it
    static const char prefix[] = "EXPLAIN ";
    size_t room = sizeof prefix + (size_t)length;
    char *text = malloc(room);
    if (!text) return SQLITE_NOMEM;
    int written = snprintf(text, room, "%s%.*s", prefix, length, sql);
    sqlite3_stmt *program = 0;
    int code = sqlite3_prepare_v2(gate->db, text, written, &program, 0);
    free(text);
    if (code == SQLITE_OK && (!program || sqlite3_stmt_isexplain(program) != 1)) code = SQLITE_INTERNAL;
    while (code == SQLITE_OK && (code = sqlite3_step(program)) == SQLITE_ROW) {
        const char *opcode = (const char *)sqlite3_column_text(program, 1);
        int page = sqlite3_column_int(program, 3), database = sqlite3_column_int(program, 4), flags = sqlite3_column_int(program, 6);
        code = !opcode                                                     ? SQLITE_NOMEM
               : is_harmless(gate, opcode, page, database, flags) ? SQLITE_OK
                                                                           : refuse_pages(gate, opcode);
    }
    sqlite3_finalize(program);
    return code == SQLITE_DONE ? SQLITE_OK : code == SQLITE_OK ? SQLITE_INTERNAL : code;
}

static int fail(struct gate *gate, int code, const char *message) {
    if (!gate->is_refused) snprintf(gate->message, sizeof gate->message, "%s", message);
    return code;
}

int gate_prepare(struct gate *gate, const char *sql, int length) {
    const char *end = sql + length, *start = past_blanks(sql, end), *tail = 0;
    if (memchr(sql, 0, (size_t)length)) return fail(gate, SQLITE_ERROR, "a query has no NUL characters");
    if (start == end) return fail(gate, SQLITE_ERROR, "there is no statement in it");
    int code = sqlite3_prepare_v2(gate->db, start, (int)(end - start), &gate->statement, &tail);
    if (code != SQLITE_OK) return fail(gate, code, sqlite3_errmsg(gate->db));
    if (!gate->statement) return fail(gate, SQLITE_ERROR, "there is no statement in it");
    const char *rest = past_blanks(tail, end);
    if (rest != end) {
        snprintf(gate->message, sizeof gate->message, "only one statement is allowed; a second begins at: %.60s", rest);
        return SQLITE_ERROR;
    }
    if (!sqlite3_stmt_readonly(gate->statement)) return fail(gate, SQLITE_READONLY, "only reading statements are allowed");
    code = check_pages(gate, start, (int)(tail - start));
    return code == SQLITE_OK ? code : fail(gate, code, sqlite3_errmsg(gate->db));
}
