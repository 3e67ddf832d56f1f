// The guard. It is this same program, started again with the argument `__guard` and a socket as standard
// input; the constructor below takes over before main(), so the guard stays one small single-threaded C loop.
//
// Worker to guard, one SOCK_SEQPACKET packet each:
//   'S' u32 id, i32 stop signal, u32 grace in ms, then NUL-terminated texts: program, working folder, log
//   file, standard
//       output file ("" = the log), record file, number of arguments, the arguments, the environment
//   'K' u32 id, i32 signal: sends a signal to the program's group
// Guard to worker: struct cprocess_event. End of file on the socket: every group gets its stop signal, its
// grace, then SIGKILL, and the guard ends.
//
// Every program has a keeper between the guard and itself (Keeper.c), which records it on disk before it
// runs: a record exists for every program that ever ran; RECORD.exit gets its wait status in the end.

#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "Keeper.h"
#include "ProcessTree.h"

#define GUARD_ARGUMENT "__guard"
enum { LONGEST_MESSAGE = 1 << 18, MOST_CHILDREN = 1024, MOST_TEXTS = 8192 };

struct child {
    uint32_t id;
    pid_t keeper;
    int socket;  // to the keeper
    pid_t program;
    int stop_signal;
    uint32_t grace;
    int64_t kill_at;  // only while ending; 0 = not set
    char *mark;
};

static struct child children[MOST_CHILDREN];
static int child_count;
static char message[LONGEST_MESSAGE + 1];
static char *texts[MOST_TEXTS + 3];

static int64_t now_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t cprocess_start_ticks(pid_t pid) {
    char state;
    pid_t parent;
    uint64_t start;
    if (tree_read_stat(pid, &state, &parent, &start) != 0 || state == 'Z' || state == 'X') return 0;
    return start;
}

int cprocess_wait_gone(pid_t pid, uint64_t start_ticks, int milliseconds) {
    int64_t deadline = now_milliseconds() + milliseconds;
    int watch = (int)syscall(SYS_pidfd_open, pid, 0);
    for (;;) {
        if (cprocess_start_ticks(pid) != start_ticks) break;
        int64_t left = deadline - now_milliseconds();
        if (left <= 0) {
            if (watch >= 0) close(watch);
            return -1;
        }
        struct pollfd wait = {.fd = watch, .events = POLLIN};
        // A kernel without pidfd_open (before 5.3) is asked again every 20 ms.
        poll(&wait, watch >= 0 ? 1 : 0, watch >= 0 ? (int)left : (int)(left < 20 ? left : 20));
    }
    if (watch >= 0) close(watch);
    return 0;
}

static void tell(struct cprocess_event event) {
    // A worker that is gone needs no news; the end of file that follows says so.
    while (send(0, &event, sizeof event, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

// Signals the program's group.
static void signal_child(const struct child *child, int32_t number) {
    while (send(child->socket, &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR) {}
}

static ssize_t receive(int socket, struct keeper_news *news, int flags) {
    ssize_t length;
    while ((length = recv(socket, news, sizeof *news, flags)) < 0 && errno == EINTR) {}
    return length;
}

static int spawn(uint32_t id, int stop_signal, uint32_t grace, char **text, int count) {
    if (count < 6 || child_count == MOST_CHILDREN) return EAGAIN;
    int argument_count = atoi(text[5]);
    if (argument_count < 1 || argument_count > count - 6) return EINVAL;
    char *mark = NULL, *marker = NULL;
    if (asprintf(&mark, "%s" TREE_MARK_END "%d.%u;", text[4], (int)getpid(), id) < 0) return ENOMEM;
    if (asprintf(&marker, TREE_MARKER "=%s", mark) < 0) {
        free(mark);
        return ENOMEM;
    }
    // The environment moves up by one place to make room for the NULL that ends the arguments.
    char **arguments = text + 6;
    char **environment = arguments + argument_count + 1;
    for (int index = count - 1; index >= 6 + argument_count; index--) text[index + 1] = text[index];
    text[count + 1] = marker;
    text[count + 2] = NULL;
    arguments[argument_count] = NULL;
    struct program program = {.arguments = arguments,
        .environment = environment,
        .path = text[0],
        .folder = text[1],
        .log = text[2],
        .output = text[3],
        .record = text[4],
        .mark = mark};
    int socket = -1;
    pid_t keeper = keeper_start(&program, &socket);
    free(marker);
    struct keeper_news news = {.kind = CPROCESS_REFUSED, .status = EAGAIN};
    if (keeper < 0) {
        free(mark);
        return -keeper;
    }
    if (receive(socket, &news, 0) != sizeof news || news.kind != CPROCESS_STARTED) {
        close(socket);
        waitpid(keeper, NULL, 0);
        free(mark);
        return news.status;
    }
    children[child_count++] = (struct child){.id = id,
        .keeper = keeper,
        .socket = socket,
        .program = news.pid,
        .stop_signal = stop_signal,
        .grace = grace,
        .mark = mark};
    tell((struct cprocess_event){
        .kind = CPROCESS_STARTED, .id = id, .pid = news.pid, .start_ticks = news.start_ticks});
    return 0;
}

static void obey(ssize_t length) {
    message[length] = 0;
    if (length < 9) return;
    uint32_t id;
    int32_t number;
    memcpy(&id, message + 1, 4);
    memcpy(&number, message + 5, 4);
    if (message[0] == 'K') {
        for (int index = 0; index < child_count; index++)
            if (children[index].id == id) signal_child(&children[index], number);
    } else if (message[0] == 'S' && length > 13) {
        uint32_t grace;
        memcpy(&grace, message + 9, 4);
        int count = 0;
        for (char *place = message + 13; place < message + length && count < MOST_TEXTS; place += strlen(place) + 1)
            texts[count++] = place;
        int failure = spawn(id, number, grace, texts, count);
        if (failure) tell((struct cprocess_event){.kind = CPROCESS_REFUSED, .id = id, .status = failure});
    }
}

// A keeper has ended: tells how its program did.
static void conclude(struct child child) {
    struct keeper_news news = {.kind = CPROCESS_EXITED, .pid = child.program, .status = SIGKILL};
    if (receive(child.socket, &news, MSG_DONTWAIT) != sizeof news) {
        // The keeper was killed, and the kernel killed its program. What that had started became the guard's.
        news = (struct keeper_news){.kind = CPROCESS_EXITED, .pid = child.program, .status = SIGKILL};
        for (int round = 0; round < 100 && tree_kill(TREE_NO_ROOT, child.mark) > 0; round++) usleep(1000);
    }
    close(child.socket);
    free(child.mark);
    tell((struct cprocess_event){.kind = CPROCESS_EXITED,
        .id = child.id,
        .pid = news.pid,
        .status = news.status,
        .user_microseconds = news.user_microseconds,
        .system_microseconds = news.system_microseconds,
        .max_resident_kilobytes = news.max_resident_kilobytes});
}

static void reap(void) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        for (int index = 0; index < child_count; index++) {
            if (children[index].keeper != pid) continue;
            struct child ended = children[index];
            children[index] = children[--child_count];
            conclude(ended);
            break;
        }
    }
}

static void end_children(int signals) {
    int64_t now = now_milliseconds();
    for (int index = 0; index < child_count; index++) {
        signal_child(&children[index], children[index].stop_signal);
        signal_child(&children[index], SIGCONT);
        children[index].kill_at = now + children[index].grace;
    }
    while (child_count > 0) {
        int64_t next = INT64_MAX;
        now = now_milliseconds();
        for (int index = 0; index < child_count; index++) {
            if (children[index].kill_at <= now) {
                signal_child(&children[index], SIGKILL);
                children[index].kill_at = now + 1000;
            }
            if (children[index].kill_at < next) next = children[index].kill_at;
        }
        struct pollfd wait = {.fd = signals, .events = POLLIN};
        if (poll(&wait, 1, (int)(next - now)) > 0) {
            struct signalfd_siginfo ignored;
            if (read(signals, &ignored, sizeof ignored) < 0 && errno != EAGAIN) break;
        }
        reap();
    }
    // Nothing is left but what came of a keeper that was killed.
    for (int round = 0; round < 50 && tree_kill(getpid(), NULL) > 0; round++) {
        usleep(1000);
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
    }
}

static int guard_main(void) {
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    fcntl(0, F_SETFD, FD_CLOEXEC);
    if (signals < 0) return 1;
    for (;;) {
        struct pollfd waits[2] = {{.fd = 0, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR) break;
        if (waits[1].revents) {
            struct signalfd_siginfo ignored;
            while (read(signals, &ignored, sizeof ignored) > 0) {}
            reap();
        }
        if (waits[0].revents) {
            ssize_t length = recv(0, message, LONGEST_MESSAGE, 0);
            if (length > 0) {
                obey(length);
            } else if (length == 0 || (errno != EINTR && errno != EAGAIN)) {
                break;
            }
        }
    }
    end_children(signals);
    return 0;
}

// glibc hands the arguments of the program to constructors.
__attribute__((constructor)) static void take_over(int count, char **arguments, char **environment) {
    (void)environment;
    if (count == 2 && strcmp(arguments[1], GUARD_ARGUMENT) == 0) _exit(guard_main());
}

static int termination_pipe = -1;

static void on_termination(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    if (write(termination_pipe, &byte, 1) < 0) errno = saved;
    errno = saved;
}

int cprocess_watch_termination(void) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    termination_pipe = ends[1];
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_termination;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    return ends[0];
}

extern char **environ;

pid_t cprocess_start_guard(const char *record, int *lifeline) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    int size = LONGEST_MESSAGE * 2;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    size_t count = 0;
    while (environ[count]) count++;
    char **environment = calloc(count + 2, sizeof *environment);
    if (environment == NULL) {
        close(ends[0]);
        close(ends[1]);
        return -ENOMEM;
    }
    size_t kept = 0;
    for (size_t index = 0; index < count; index++)
        if (strncmp(environ[index], "OPENBLAS_NUM_THREADS=", 21) != 0) environment[kept++] = environ[index];
    environment[kept] = "OPENBLAS_NUM_THREADS=1";  // the guard multiplies nothing; trainers get an environment of their own

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    // Whoever reads the worker's output to its end must not wait for the guard.
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    char *arguments[] = {"radiata", GUARD_ARGUMENT, NULL};
    pid_t pid = 0;
    int failure = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    close(ends[1]);
    if (!failure) failure = tree_write_record(record, pid, cprocess_start_ticks(pid));
    if (failure) {
        close(ends[0]);
        // Without its lifeline the guard ends; nobody else would take the zombie away.
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
        return -failure;
    }
    *lifeline = ends[0];
    return pid;
}
