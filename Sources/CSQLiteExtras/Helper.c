#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "CSQLiteExtras.h"

// Default signals, nothing blocked, its own process group: a Ctrl-C at the coordinator's terminal is the
// coordinator's to answer.
static int prepare(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions, int channel) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int code = posix_spawnattr_setsigdefault(attributes, &all);
    if (code == 0) code = posix_spawnattr_setsigmask(attributes, &none);
    if (code == 0) code = posix_spawnattr_setpgroup(attributes, 0);
    if (code == 0)
        code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    if (code == 0) code = posix_spawn_file_actions_adddup2(actions, channel, STDIN_FILENO);
    if (code == 0) code = posix_spawn_file_actions_adddup2(actions, channel, STDOUT_FILENO);
    if (code == 0) code = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return code;
}

pid_t cse_helper_start(const char *program, int *channel) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    char *arguments[] = {(char *)program, 0};
    // Where this program finds its libraries, the helper finds them too.
    char libraries[4096];
    const char *path = getenv("LD_LIBRARY_PATH");
    char *environment[] = {0, 0};
    if (path && (size_t)snprintf(libraries, sizeof libraries, "LD_LIBRARY_PATH=%s", path) < sizeof libraries) environment[0] = libraries;
    pid_t pid = -1;
    int code = prepare(&attributes, &actions, ends[1]);
    if (code == 0) code = posix_spawn(&pid, program, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    if (code != 0) {
        close(ends[0]);
        return -code;
    }
    *channel = ends[0];
    return pid;
}

int cse_helper_send(int channel, const void *bytes, size_t count) {
    const char *place = bytes;
    while (count > 0) {
        ssize_t sent = send(channel, place, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -errno;
        place += sent;
        count -= (size_t)sent;
    }
    return 0;
}

void cse_helper_sent(int channel) { shutdown(channel, SHUT_WR); }

static int64_t now_milliseconds(void) {
    struct timespec reading;
    clock_gettime(CLOCK_MONOTONIC, &reading);
    return (int64_t)reading.tv_sec * 1000 + reading.tv_nsec / 1000000;
}

ssize_t cse_helper_receive(int channel, void *bytes, size_t room, int64_t milliseconds) {
    int64_t deadline = now_milliseconds() + milliseconds;
    while (1) {
        int64_t left = deadline - now_milliseconds();
        struct pollfd wanted = {channel, POLLIN, 0};
        int ready = poll(&wanted, 1, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
        if (ready < 0 && errno != EINTR) return -errno;
        if (ready > 0) {
            ssize_t got = recv(channel, bytes, room, 0);
            if (got >= 0) return got;
            if (errno == ECONNRESET) return 0;
            if (errno != EINTR && errno != EAGAIN) return -errno;
        }
        if (now_milliseconds() >= deadline) return -ETIMEDOUT;
    }
}

void cse_helper_kill(pid_t pid) {
    if (pid > 0) kill(pid, SIGKILL);
}

int cse_helper_reap(pid_t pid, int waits, int *status) {
    pid_t reaped;
    do reaped = waitpid(pid, status, waits ? 0 : WNOHANG);
    while (reaped < 0 && errno == EINTR);
    return reaped != 0;  // also where somebody else has reaped it
}
