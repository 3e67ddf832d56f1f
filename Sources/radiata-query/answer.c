#include "answer.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "gate.h"

// How long one piece may wait for its reader.
static const int64_t patience = 60000;

static unsigned char buffer[64 << 10];
static size_t filled;
static int64_t waited;

void end_in(int64_t milliseconds) {
    if (milliseconds < 1) milliseconds = 1;
    struct itimerval timer = {{0, 0}, {milliseconds / 1000, milliseconds % 1000 * 1000}};
    setitimer(ITIMER_REAL, &timer, 0);
}

static void send_all(const unsigned char *bytes, size_t count) {
    int64_t started = gate_now();
    struct itimerval before;
    getitimer(ITIMER_REAL, &before);
    end_in(patience);
    while (count > 0) {
        ssize_t sent = write(STDOUT_FILENO, bytes, count);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) _exit(3);  // nobody wants the rest
        bytes += sent;
        count -= (size_t)sent;
    }
    setitimer(ITIMER_REAL, &before, 0);
    waited += gate_now() - started;
}

int64_t answer_waited(void) { return waited; }

void answer_flush(void) {
    send_all(buffer, filled);
    filled = 0;
}

void answer_put(const void *bytes, size_t count) {
    if (count > sizeof buffer - filled) answer_flush();
    if (count > sizeof buffer) return send_all(bytes, count);
    if (count > 0) memcpy(buffer + filled, bytes, count);
    filled += count;
}

void answer_frame(uint8_t kind, uint32_t length) {
    answer_put(&kind, sizeof kind);
    answer_put(&length, sizeof length);
}
