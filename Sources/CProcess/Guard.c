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
// Every program has a keeper between the guard and itself (Keeper.c); a record exists for every program that
// ever ran, and RECORD.exit gets its wait status in the end. The guard never waits for a keeper: it hands 'S'
// on to one that is idle, or starts one, and reads what they tell as it comes.

#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
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
#include "Order.h"
#include "ProcessTree.h"

#define GUARD_ARGUMENT "__guard"
enum { MOST_KEEPERS = 1024, MOST_IDLE = 64 };

struct keeper {
    pid_t pid;
    int socket;
    bool is_gone;  // it has closed its socket and will be waited for
    // Of the program that it keeps; `mark` is NULL while it is idle.
    char *mark;
    uint32_t id;
    pid_t program;  // 0 until it runs
    int stop_signal;
    uint32_t grace;
    int64_t kill_at;  // only while ending; 0 = not set
};

static struct keeper keepers[MOST_KEEPERS];
static int keeper_count;
static bool is_ending;
static char message[LONGEST_MESSAGE + 1];

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
static void signal_program(const struct keeper *keeper, int32_t number) {
    while (send(keeper->socket, &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR) {}
}

static bool is_idle(const struct keeper *keeper) {
    return keeper->mark == NULL && keeper->socket >= 0 && !keeper->is_gone;
}

// Its program has ended.
static void rest(struct keeper *keeper) {
    free(keeper->mark);
    keeper->mark = NULL;
    keeper->kill_at = 0;
    int idle = 0;
    for (int index = 0; index < keeper_count; index++) idle += is_idle(&keepers[index]);
    if (!is_ending && idle <= MOST_IDLE) return;
    close(keeper->socket);  // it ends
    keeper->socket = -1;
}

// Hands on one thing that a keeper tells; false where there is none.
static bool hear(struct keeper *keeper) {
    struct keeper_news news;
    ssize_t length;
    if (keeper->socket < 0) return false;
    while ((length = recv(keeper->socket, &news, sizeof news, MSG_DONTWAIT)) < 0 && errno == EINTR) {}
    if (length == 0 || (length < 0 && errno != EAGAIN)) keeper->is_gone = true;
    if (length != sizeof news || keeper->mark == NULL) return false;
    if (news.kind == CPROCESS_STARTED) keeper->program = news.pid;
    tell((struct cprocess_event){.kind = news.kind,
        .id = keeper->id,
        .pid = news.pid,
        .status = news.status,
        .start_ticks = news.start_ticks,
        .user_microseconds = news.user_microseconds,
        .system_microseconds = news.system_microseconds,
        .max_resident_kilobytes = news.max_resident_kilobytes});
    if (news.kind != CPROCESS_STARTED) rest(keeper);
    return true;
}

// Gives the message to a keeper that is idle, or to a new one.
static int spawn(const struct order *order, ssize_t length) {
    char *mark = order_mark(order, getpid());
    if (mark == NULL) return ENOMEM;
    for (;;) {
        struct keeper *keeper = NULL;
        for (int index = 0; index < keeper_count && keeper == NULL; index++)
            if (is_idle(&keepers[index])) keeper = &keepers[index];
        if (keeper == NULL) {
            int socket = -1;
            pid_t pid = keeper_count < MOST_KEEPERS ? keeper_start(&socket) : -EAGAIN;
            if (pid < 0) {
                free(mark);
                return -pid;
            }
            keeper = &keepers[keeper_count++];
            *keeper = (struct keeper){.pid = pid, .socket = socket};
        }
        ssize_t sent;
        while ((sent = send(keeper->socket, message, (size_t)length, MSG_NOSIGNAL)) < 0 && errno == EINTR) {}
        if (sent != length) {
            if (errno == EMSGSIZE) {
                free(mark);
                return E2BIG;
            }
            keeper->is_gone = true;  // it was killed while it was idle
            continue;
        }
        keeper->mark = mark;
        keeper->id = order->id;
        keeper->program = 0;
        keeper->stop_signal = order->stop_signal;
        keeper->grace = order->grace;
        return 0;
    }
}

static void obey(ssize_t length) {
    message[length] = 0;
    if (length < 9) return;
    if (message[0] == 'K') {
        uint32_t id;
        int32_t number;
        memcpy(&id, message + 1, 4);
        memcpy(&number, message + 5, 4);
        for (int index = 0; index < keeper_count; index++)
            if (keepers[index].mark && keepers[index].id == id) signal_program(&keepers[index], number);
    } else if (message[0] == 'S' && length > 13) {
        static struct order order;
        int failure = order_read(&order, message, length);
        if (!failure) failure = spawn(&order, length);
        if (failure) tell((struct cprocess_event){.kind = CPROCESS_REFUSED, .id = order.id, .status = failure});
    }
}

// A keeper has ended; one that had a program was killed, and the kernel killed its program. What that had
// started became the guard's.
static void conclude(struct keeper *keeper) {
    while (hear(keeper)) {}
    char *group = keeper->mark || keeper->socket >= 0 ? tree_group(keeper->pid) : NULL;
    if (group) tree_end_group(group);  // it could not do so itself
    if (keeper->mark) {
        for (int round = 0; round < 100 && tree_kill(TREE_NO_ROOT, keeper->mark) > 0; round++) usleep(1000);
        bool was_running = keeper->program > 0;
        tell((struct cprocess_event){.kind = was_running ? CPROCESS_EXITED : CPROCESS_REFUSED,
            .id = keeper->id,
            .pid = keeper->program,
            .status = was_running ? SIGKILL : EAGAIN});
        free(keeper->mark);
    }
    if (keeper->socket >= 0) close(keeper->socket);
    *keeper = keepers[--keeper_count];
}

static void reap(void) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        for (int index = 0; index < keeper_count; index++) {
            if (keepers[index].pid != pid) continue;
            conclude(&keepers[index]);
            break;
        }
    }
}

// Waits for signals, keepers and, where `worker` is not -1, the worker, and hears the first two.
//
// Returns what poll(2) says of the worker's socket.
static short listen_once(int worker, int signals, int milliseconds) {
    static struct pollfd waits[MOST_KEEPERS + 2];
    waits[0] = (struct pollfd){.fd = worker, .events = POLLIN};
    waits[1] = (struct pollfd){.fd = signals, .events = POLLIN};
    int count = keeper_count;
    for (int index = 0; index < count; index++)
        waits[index + 2] = (struct pollfd){.fd = keepers[index].is_gone ? -1 : keepers[index].socket, .events = POLLIN};
    if (poll(waits, (nfds_t)count + 2, milliseconds) < 0) return errno == EINTR ? 0 : POLLERR;
    for (int index = 0; index < count; index++)
        if (waits[index + 2].revents) hear(&keepers[index]);
    if (waits[1].revents) {
        struct signalfd_siginfo ignored;
        while (read(signals, &ignored, sizeof ignored) > 0) {}
        reap();
    }
    return waits[0].revents;
}

static void end_programs(int signals) {
    is_ending = true;
    int64_t now = now_milliseconds();
    for (int index = 0; index < keeper_count; index++) {
        if (keepers[index].mark) {
            signal_program(&keepers[index], keepers[index].stop_signal);
            signal_program(&keepers[index], SIGCONT);
            keepers[index].kill_at = now + keepers[index].grace;
        } else if (keepers[index].socket >= 0) {
            close(keepers[index].socket);
            keepers[index].socket = -1;
        }
    }
    while (keeper_count > 0) {
        now = now_milliseconds();
        int64_t next = now + 1000;
        for (int index = 0; index < keeper_count; index++) {
            if (keepers[index].mark == NULL) continue;
            if (keepers[index].kill_at <= now) {
                signal_program(&keepers[index], SIGKILL);
                keepers[index].kill_at = now + 1000;
            }
            if (keepers[index].kill_at < next) next = keepers[index].kill_at;
        }
        listen_once(-1, signals, (int)(next - now));
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
        short events = listen_once(0, signals, -1);
        if (events == 0) continue;
        ssize_t length = recv(0, message, LONGEST_MESSAGE, MSG_DONTWAIT);
        if (length > 0) {
            obey(length);
        } else if (length == 0 || (errno != EINTR && errno != EAGAIN)) {
            break;
        }
    }
    end_programs(signals);
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
