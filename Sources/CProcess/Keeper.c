#define _GNU_SOURCE
#include "Keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CProcess.h"
#include "ProcessTree.h"

// RECORD.exit gets the wait status: it outlives the worker, which may not be there to be told.
static void write_ending(const char *record, int status) {
    char text[32], *path = NULL;
    if (asprintf(&path, "%s.exit", record) < 0) return;
    int length = snprintf(text, sizeof text, "%d\n", status);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file >= 0) {
        if (write(file, text, (size_t)length) != length) unlink(path);
        close(file);
    }
    free(path);
}

static void remove_ending(const char *record) {
    char *path = NULL;
    if (asprintf(&path, "%s.exit", record) < 0) return;
    unlink(path);
    free(path);
}

static void tell(int socket, struct keeper_news news) {
    while (send(socket, &news, sizeof news, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

// In the program's process, between fork and exec.
static void become(const struct program *program, const char *group, int go, int report) {
    int failure;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // of use here: the keeper that forks has one thread
    if (setsid() < 0) goto failed;
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (group) tree_enter_group(group);
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        // Memory is short because of a trainer, so a trainer goes, not the worker.
        if (write(score, "500", 3) < 0) errno = 0;
        close(score);
    }
    int null = open("/dev/null", O_RDONLY);
    int logs = open(program->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (null < 0 || logs < 0) goto failed;
    int out = program->output[0] ? open(program->output, O_WRONLY | O_CREAT | O_TRUNC, 0644) : logs;
    if (out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(logs, 2) < 0) goto failed;
    if (program->folder[0] && chdir(program->folder) != 0) goto failed;
    char byte;
    ssize_t got;
    while ((got = read(go, &byte, 1)) < 0 && errno == EINTR) {}
    if (got != 1) _exit(127);
    // `go` and `report` are closed by exec; the rest that is open above 2 is closed here.
    for (int file = 3; file < 256; file++)
        if (file != report) close(file);
    execvpe(program->path, program->arguments, program->environment);
failed:
    failure = errno;
    if (write(report, &failure, sizeof failure) < 0) _exit(126);
    _exit(127);
}

// Forks the program: recorded on disk first, then exec. So a record exists for every program that ever ran.
static int start_program(const struct program *program, const char *group, pid_t *pid, uint64_t *start) {
    int go[2], report[2];
    if (pipe2(go, O_CLOEXEC) != 0) return errno;
    if (pipe2(report, O_CLOEXEC) != 0) {
        int failure = errno;
        close(go[0]);
        close(go[1]);
        return failure;
    }
    if (program->record[0]) remove_ending(program->record);  // of the program before this one
    *pid = fork();
    if (*pid == 0) {
        close(go[1]);
        close(report[0]);
        become(program, group, go[0], report[1]);
    }
    int failure = *pid < 0 ? errno : 0;
    close(go[0]);
    close(report[1]);
    *start = *pid > 0 ? cprocess_start_ticks(*pid) : 0;
    if (!failure && program->record[0]) failure = tree_write_record(program->record, *pid, *start);
    if (!failure && write(go[1], "g", 1) != 1) failure = errno;
    close(go[1]);  // without a byte before it, the child gives up
    if (!failure) {
        int reported = 0;
        ssize_t got;
        while ((got = read(report[0], &reported, sizeof reported)) < 0 && errno == EINTR) {}
        if (got == sizeof reported) failure = reported;
    }
    close(report[0]);
    if (failure && *pid > 0) waitpid(*pid, NULL, 0);
    return failure;
}

// Collects what became the keeper's child and ended; never the program itself, whose number must stay its
// own.
static void reap_others(pid_t program) {
    siginfo_t info;
    for (;;) {
        memset(&info, 0, sizeof info);
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
        if (info.si_pid == program) return;
        waitpid(info.si_pid, NULL, 0);
    }
}

static bool has_ended(pid_t program) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    return waitid(P_PID, (id_t)program, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == program;
}

// Passes signals on until the program has ended or the guard is gone.
static void watch(int socket, int signals, pid_t program) {
    while (!has_ended(program)) {
        reap_others(program);
        struct pollfd waits[2] = {{.fd = socket, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR) return;
        if (waits[1].revents) {
            struct signalfd_siginfo ignored;
            while (read(signals, &ignored, sizeof ignored) > 0) {}
        }
        if (!waits[0].revents) continue;
        int32_t number = 0;
        ssize_t length = recv(socket, &number, sizeof number, MSG_DONTWAIT);
        if (length == sizeof number) {
            kill(-program, number);
        } else if (length == 0 || (errno != EINTR && errno != EAGAIN)) {
            return;
        }
    }
}

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

// Ends what is left of the attempt, whatever session it lives in, for at most five seconds: a process that
// waits for a disk that does not answer cannot be ended.
static void end_tree(pid_t program, char *group, const char *mark) {
    kill(-program, SIGKILL);
    if (group) tree_end_group(group);
    for (int round = 0; round < 500 && tree_kill(getpid(), mark) > 0; round++) {
        usleep(round < 10 ? 1000 : 10000);
        reap_others(program);
    }
}

static void keep(const struct program *program, int socket) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "radiata-keeper");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    char *group = tree_make_group();
    pid_t pid = 0;
    uint64_t start = 0;
    int failure = signals < 0 ? errno : start_program(program, group, &pid, &start);
    if (failure) {
        if (group) tree_end_group(group);
        tell(socket, (struct keeper_news){.kind = CPROCESS_REFUSED, .status = failure});
        return;
    }
    tell(socket, (struct keeper_news){.kind = CPROCESS_STARTED, .pid = pid, .start_ticks = start});
    watch(socket, signals, pid);
    end_tree(pid, group, program->mark);
    int status = 0;
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    if (wait4(pid, &status, 0, &usage) != pid) status = SIGKILL;
    while (waitpid(-1, NULL, WNOHANG) > 0) {}  // the end is told when nothing is left, not even a zombie
    if (program->record[0]) write_ending(program->record, status);
    tell(socket, (struct keeper_news){.kind = CPROCESS_EXITED,
        .pid = pid,
        .status = status,
        .user_microseconds = microseconds(usage.ru_utime),
        .system_microseconds = microseconds(usage.ru_stime),
        .max_resident_kilobytes = (uint64_t)usage.ru_maxrss});
}

// Only the keeper's own socket stays open: a copy of another would keep the worker or a keeper from seeing
// its end.
static int keep_only(int socket) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0) return -1;
    int own = socket == 3 ? 3 : dup2(socket, 3);
    if (own < 0) return -1;
    fcntl(own, F_SETFD, FD_CLOEXEC);
    if (close_range(4, ~0U, 0) != 0)
        for (int file = 4; file < 4096; file++) close(file);
    return own;
}

pid_t keeper_start(const struct program *program, int *socket) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        int own = keep_only(ends[1]);
        if (own >= 0) keep(program, own);
        _exit(0);
    }
    int failure = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -failure;
    }
    *socket = ends[0];
    return pid;
}
