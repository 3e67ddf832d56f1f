#define _GNU_SOURCE
#include "Keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include <time.h>
#include <unistd.h>

#include "CProcess.h"
#include "Order.h"
#include "ProcessTree.h"

// A program that has ended by then is told of as one that has started and ended.
enum { SOON_MILLISECONDS = 3 };

// RECORD.exit gets the wait status: it outlives the worker, which may not be there to be told.
static void write_ending(const char *record, const char *text, int flags) {
    char *path = NULL;
    if (asprintf(&path, "%s.exit", record) < 0) return;
    int failure = tree_write_text(path, text, flags);
    if (failure && failure != ENOENT) unlink(path);
    free(path);
}

static void tell(int socket, struct keeper_news news) {
    while (send(socket, &news, sizeof news, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

static void close_above(int last) {
    if (close_range((unsigned)last + 1, ~0U, 0) == 0) return;
    for (int file = last + 1; file < 4096; file++) close(file);  // before Linux 5.9
}

// Signals that are ignored here: a program gets them.
static int ignored[NSIG], ignored_count;

static void find_ignored(void) {
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) ignored[ignored_count++] = number;
    }
}

// Where a name stands in PATH, looked for once a second: a place that has it not costs as much as the exec.
//
// Returns NULL for a path, and for a name that is not found: the C library's exec has the reason.
static const char *place_in_path(const char *name) {
    static char found[PATH_MAX], found_name[NAME_MAX + 1];
    static time_t found_at;
    const char *path = getenv("PATH");
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (found_at == now.tv_sec && strcmp(name, found_name) == 0) return found;
    found_name[0] = 0;
    if (path == NULL || strchr(name, '/') || strlen(name) > NAME_MAX) return NULL;
    for (const char *end; *path; path = *end ? end + 1 : end) {
        end = strchrnul(path, ':');
        if (end == path || snprintf(found, sizeof found, "%.*s/%s", (int)(end - path), path, name) >= PATH_MAX) return NULL;
        if (access(found, X_OK) != 0) continue;
        strcpy(found_name, name);
        found_at = now.tv_sec;
        return found;
    }
    return NULL;
}

// In the program's process, between vfork and exec: it has the keeper's memory, and the keeper waits.
// Recorded first, then exec: so a record exists for every program that ever ran.
//
// `start` gets its start time, `failure` the errno of what failed.
static void become(
    const struct order *order, const char *place, const char *group, pid_t keeper, volatile uint64_t *start,
    volatile int *failure) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // of use here: the keeper that forks has one thread
    if (getppid() != keeper) _exit(127);
    if (setsid() < 0) goto failed;
    for (int index = 0; index < ignored_count; index++) signal(ignored[index], SIG_DFL);
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
    int logs = open(order->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (logs < 0) goto failed;
    int out = order->output[0] ? open(order->output, O_WRONLY | O_CREAT | O_TRUNC, 0644) : logs;
    if (out < 0 || dup2(out, 1) < 0 || dup2(logs, 2) < 0) goto failed;
    if (order->folder[0] && chdir(order->folder) != 0) goto failed;
    *start = cprocess_start_ticks(getpid());
    if (order->record[0] && (errno = tree_write_record(order->record, getpid(), *start)) != 0) goto failed;
    close_above(2);
    if (place) execve(place, order->arguments, order->environment);
    execvpe(order->path, order->arguments, order->environment);
failed:
    *failure = errno ? errno : EIO;
    _exit(127);
}

// Returns when the program runs: 0, or the errno.
static int start_program(const struct order *order, const char *group, pid_t *pid, uint64_t *start) {
    volatile int failure = 0;
    volatile uint64_t started = 0;
    pid_t keeper = getpid();
    if (order->record[0]) write_ending(order->record, "-\n", 0);  // where a program before this one has left its
    const char *place = place_in_path(order->path);
    pid_t child = vfork();
    if (child == 0) become(order, place, group, keeper, &started, &failure);
    if (child < 0) return errno;
    if (failure) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        return failure;
    }
    *pid = child;
    *start = started;
    return 0;
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

static void empty(int signals) {
    struct signalfd_siginfo ignored;
    while (read(signals, &ignored, sizeof ignored) > 0) {}
}

// Passes signals on until the program has ended or the guard is gone.
static void watch(int socket, int signals, pid_t program) {
    while (!has_ended(program)) {
        reap_others(program);
        struct pollfd waits[2] = {{.fd = socket, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR) return;
        if (waits[1].revents) empty(signals);
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

// Whether the program ends within the time of one that does nothing.
static bool ends_soon(int signals, pid_t program) {
    struct pollfd wait = {.fd = signals, .events = POLLIN};
    return has_ended(program) || (poll(&wait, 1, SOON_MILLISECONDS) > 0 && has_ended(program));
}

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

// Waits for the program, which has ended or is ended, and ends what is left of the attempt, whatever session
// it lives in, for at most five seconds: a process that waits for a disk that does not answer cannot be
// ended.
//
// Returns whether nothing is left, not even a zombie: the keeper has no children.
static bool end_tree(pid_t program, const char *group, const char *mark, int *status, struct rusage *usage) {
    kill(-program, SIGKILL);
    pid_t waited;
    while ((waited = wait4(program, status, 0, usage)) < 0 && errno == EINTR) {}
    if (waited != program) *status = SIGKILL;
    for (int round = 0; round < 500; round++) {
        pid_t other;
        while ((other = waitpid(-1, NULL, WNOHANG)) > 0) {}
        if (other < 0) return true;
        if (group) tree_kill_group(group);
        tree_kill(getpid(), mark);
        usleep(round < 10 ? 1000 : 10000);
    }
    return false;
}

// Runs one program. Returns whether the keeper may take another.
static bool run(struct order *order, int socket, int signals, const char *group) {
    static pid_t guard;
    if (guard == 0) guard = getppid();
    char *mark = order_mark(order, guard), *marker = NULL;
    if (mark == NULL || asprintf(&marker, TREE_MARKER "=%s", mark) < 0) {
        free(mark);
        tell(socket, (struct keeper_news){.kind = CPROCESS_REFUSED, .status = ENOMEM});
        return true;
    }
    order_add(order, marker);
    pid_t pid = 0;
    uint64_t start = 0;
    empty(signals);  // of the program before
    int failure = signals < 0 ? EMFILE : start_program(order, group, &pid, &start);
    bool is_clean = true;
    if (failure) {
        tell(socket, (struct keeper_news){.kind = CPROCESS_REFUSED, .status = failure});
    } else {
        // One that has ended already is told of once.
        if (!ends_soon(signals, pid)) {
            tell(socket, (struct keeper_news){.kind = CPROCESS_STARTED, .pid = pid, .start_ticks = start});
            watch(socket, signals, pid);
        }
        int status = 0;
        struct rusage usage;
        memset(&usage, 0, sizeof usage);
        is_clean = end_tree(pid, group, mark, &status, &usage);
        char text[32];
        snprintf(text, sizeof text, "%d\n", status);
        if (order->record[0]) write_ending(order->record, text, O_CREAT);
        tell(socket, (struct keeper_news){.kind = CPROCESS_EXITED,
            .pid = pid,
            .status = status,
            .start_ticks = start,
            .user_microseconds = microseconds(usage.ru_utime),
            .system_microseconds = microseconds(usage.ru_stime),
            .max_resident_kilobytes = (uint64_t)usage.ru_maxrss});
    }
    free(mark);
    free(marker);
    return is_clean;
}

static void keep(int socket) {
    static char message[LONGEST_MESSAGE + 1];
    static struct order order;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "radiata-keeper");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    char *group = tree_make_group();
    find_ignored();
    for (;;) {
        ssize_t length = recv(socket, message, LONGEST_MESSAGE, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length <= 0) break;
        if (length <= (ssize_t)sizeof(int32_t)) continue;  // a signal for a program that has ended
        message[length] = 0;
        if (order_read(&order, message, length) != 0 || !run(&order, socket, signals, group)) break;
    }
    if (group) tree_end_group(group);
}

// Only the keeper's own socket stays open: a copy of another would keep the worker or a keeper from seeing
// its end.
static int keep_only(int socket) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0) return -1;
    int own = socket == 3 ? 3 : dup2(socket, 3);
    if (own < 0) return -1;
    fcntl(own, F_SETFD, FD_CLOEXEC);
    close_above(3);
    return own;
}

pid_t keeper_start(int *socket) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    int size = LONGEST_MESSAGE * 2;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    pid_t pid = fork();
    if (pid == 0) {
        int own = keep_only(ends[1]);
        if (own >= 0) keep(own);
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
