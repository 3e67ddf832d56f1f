// One query of a user, in a process of its own (docs/decisions/0002): whatever the statement does, the
// coordinator's memory and threads are not touched, and SIGKILL ends it.
//
// Standard input: the path, then the request, in the order of `read_request`; integers are of this machine.
// The request may come much later: then this process was started ahead. Standard output: frames (answer.h).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "answer.h"
#include "gate.h"

static const uint32_t magic = 0x32515152;  // "RQQ2": raised with every other layout
static const uint32_t longest = 1 << 20;   // of a text in the request

struct request {
    int64_t memory, rows, bytes, row_bytes, milliseconds;
    char **allowed;
    char *sql;
    uint32_t sql_length;
};

static void fail(const char *message) {
    answer_frame(FRAME_ERROR, (uint32_t)strlen(message));
    answer_put(message, strlen(message));
    answer_flush();
    exit(0);
}

static void take(void *bytes, size_t count) {
    unsigned char *place = bytes;
    while (count > 0) {
        ssize_t got = read(STDIN_FILENO, place, count);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) exit(2);
        place += got;
        count -= (size_t)got;
    }
}

static char *take_text(uint32_t *length) {
    take(length, sizeof *length);
    if (*length > longest) fail("the query is longer than a megabyte");
    char *text = malloc((size_t)*length + 1);
    if (!text) exit(2);
    take(text, *length);
    text[*length] = 0;
    return text;
}

static char *read_path(void) {
    uint32_t start = 0, length;
    take(&start, sizeof start);
    if (start != magic) {
        fprintf(stderr, "radiata-query answers the coordinator; people use: radiata query SQL\n");
        exit(2);
    }
    return take_text(&length);
}

static struct request read_request(void) {
    struct request request;
    uint32_t count = 0, length;
    take(&request.memory, sizeof request.memory);
    take(&request.rows, sizeof request.rows);
    take(&request.bytes, sizeof request.bytes);
    take(&request.row_bytes, sizeof request.row_bytes);
    take(&request.milliseconds, sizeof request.milliseconds);
    take(&count, sizeof count);
    if (count > 1000 || !(request.allowed = calloc(count + 1, sizeof *request.allowed))) exit(2);
    for (uint32_t index = 0; index < count; index++) request.allowed[index] = take_text(&length);
    request.sql = take_text(&request.sql_length);
    return request;
}

static void limit(int resource, int64_t most) {
    struct rlimit limit = {(rlim_t)most, (rlim_t)most};
    if (setrlimit(resource, &limit) != 0) fail("the query's limits cannot be set");
}

// The kernel holds what SQLite cannot promise: one step may compute for minutes and ask for gigabytes.
static void confine(const struct request *request) {
    int64_t seconds = request->milliseconds / 1000 + 2;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, seconds);
    limit(RLIMIT_DATA, request->memory);
    limit(RLIMIT_FSIZE, 64 << 20);
    limit(RLIMIT_NOFILE, 16);
    limit(RLIMIT_NPROC, 0);
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        if (write(score, "1000", 4) != 4) fprintf(stderr, "radiata-query: oom_score_adj cannot be set\n");
        close(score);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    end_in(request->milliseconds + 2000);
}

static const char *explain(struct gate *gate, int code) {
    switch (code) {
    case SQLITE_INTERRUPT:
        return "the query ran out of time";
    case SQLITE_NOMEM:
        return "the query needs too much memory";
    default:
        return gate->message[0] ? gate->message : sqlite3_errmsg(gate->db);
    }
}

static void send_columns(sqlite3_stmt *statement, uint32_t count) {
    uint32_t length = sizeof count;
    for (uint32_t index = 0; index < count; index++)
        length += (uint32_t)(sizeof length + strlen(sqlite3_column_name(statement, (int)index)));
    answer_frame(FRAME_COLUMNS, length);
    answer_put(&count, sizeof count);
    for (uint32_t index = 0; index < count; index++) {
        const char *name = sqlite3_column_name(statement, (int)index);
        uint32_t bytes = (uint32_t)strlen(name);
        answer_put(&bytes, sizeof bytes);
        answer_put(name, bytes);
    }
}

// Bytes of a row's frame; -1 where SQLite had no memory for a value.
static int64_t row_length(sqlite3_stmt *statement, int count) {
    int64_t length = 0;
    for (int column = 0; column < count; column++) {
        int type = sqlite3_column_type(statement, column);
        length += 1;
        if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) length += 8;
        if (type != SQLITE_TEXT && type != SQLITE_BLOB) continue;
        if (type == SQLITE_TEXT && !sqlite3_column_text(statement, column)) return -1;
        length += 4 + sqlite3_column_bytes(statement, column);
    }
    return length;
}

static void send_row(sqlite3_stmt *statement, int count, uint32_t length) {
    answer_frame(FRAME_ROW, length);
    for (int column = 0; column < count; column++) {
        int type = sqlite3_column_type(statement, column);
        uint8_t kind = type == SQLITE_INTEGER ? CELL_INTEGER
                       : type == SQLITE_FLOAT ? CELL_REAL
                       : type == SQLITE_TEXT  ? CELL_TEXT
                       : type == SQLITE_BLOB  ? CELL_BLOB
                                              : CELL_NULL;
        answer_put(&kind, sizeof kind);
        if (kind == CELL_INTEGER) {
            int64_t value = sqlite3_column_int64(statement, column);
            answer_put(&value, sizeof value);
        } else if (kind == CELL_REAL) {
            double value = sqlite3_column_double(statement, column);
            answer_put(&value, sizeof value);
        } else if (kind != CELL_NULL) {
            const void *bytes = kind == CELL_TEXT ? (const void *)sqlite3_column_text(statement, column)
                                                  : sqlite3_column_blob(statement, column);
            uint32_t size = (uint32_t)sqlite3_column_bytes(statement, column);
            answer_put(&size, sizeof size);
            answer_put(bytes, size);
        }
    }
}

// Sends the rows; returns whether a limit cut them.
static uint8_t send_rows(struct gate *gate, const struct request *request) {
    int columns = sqlite3_column_count(gate->statement);
    int64_t rows = 0, bytes = 0, deadline = gate->deadline;
    while (1) {
        gate->deadline = deadline + answer_waited();
        int code = sqlite3_step(gate->statement);
        if (code == SQLITE_DONE) return 0;
        if (code != SQLITE_ROW) fail(explain(gate, code));
        int64_t length = row_length(gate->statement, columns);
        if (length < 0) fail(explain(gate, SQLITE_NOMEM));
        if (length > request->row_bytes) {
            char message[160];
            snprintf(
                message, sizeof message, "a row of %lld bytes; a row of an answer has at most %lld, so ask for parts (substr, LIMIT)",
                (long long)length, (long long)request->row_bytes);
            fail(message);
        }
        bytes += length;
        if (rows == request->rows || bytes > request->bytes) return 1;
        rows += 1;
        send_row(gate->statement, columns, (uint32_t)length);
    }
}

int main(void) {
    // One thread, and nobody asks for SQLite's memory: reading the schema takes three quarters as long.
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    struct gate gate = {0};
    const char *path = read_path();
    int code = gate_open(&gate, path);
    struct request request = read_request();
    // It may have been opened long ago, in worse times.
    if (code != SQLITE_OK) {
        sqlite3_close(gate.db);
        code = gate_open(&gate, path);
    }
    gate.allowed = request.allowed;
    gate.deadline = gate_now() + request.milliseconds;
    confine(&request);
    if (code == SQLITE_OK) code = gate_begin(&gate);
    if (code == SQLITE_OK) code = gate_prepare(&gate, request.sql, (int)request.sql_length);
    if (code != SQLITE_OK) fail(explain(&gate, code));
    send_columns(gate.statement, (uint32_t)sqlite3_column_count(gate.statement));
    uint8_t is_cut = send_rows(&gate, &request);
    answer_frame(FRAME_DONE, sizeof is_cut);
    answer_put(&is_cut, sizeof is_cut);
    answer_flush();
    return 0;
}
