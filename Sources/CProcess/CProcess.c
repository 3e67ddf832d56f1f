// The guard. It is this same program, started again with the argument `__guard` and a socket as standard input; the
// constructor below takes over before main(), so the guard stays one small single-threaded C loop.
//
// Worker to guard, one SOCK_SEQPACKET packet each:
//   'S' u32 id, i32 stop signal, u32 grace in ms, then NUL-terminated texts: program, working folder, log file, standard
//       output file ("" = the log), record file, number of arguments, the arguments, the environment
//   'K' u32 id, i32 signal: sends a signal to the whole group
// Guard to worker: struct cprocess_event. End of file on the socket: every group gets its stop signal, its grace, then
// SIGKILL, and the guard ends.
//
// Order at a start: fork, setsid, record on disk, then exec. So a record exists for every program that ever ran; RECORD.exit
// gets its wait status in the end.

#define _GNU_SOURCE
#include "CProcess.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GUARD_ARGUMENT "__guard"
enum { LONGEST_MESSAGE = 1 << 18, MOST_CHILDREN = 1024, MOST_TEXTS = 8192 };

struct child {
    uint32_t id;
    pid_t pid;
    int stop_signal;
    uint32_t grace;
    int64_t kill_at;  // only while ending; 0 = not set
    char *ending;     // file that gets the wait status: it outlives the worker, which may not be there to be told
};

static struct child children[MOST_CHILDREN];
static int child_count;
static char message[LONGEST_MESSAGE + 1];
static char *texts[MOST_TEXTS + 2];

static int64_t now_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Fields 3 (state), 4 (parent) and 22 (start time) of /proc/PID/stat; the name in field 2 may hold anything, so count from its end.
static int read_stat(pid_t pid, char *state, pid_t *parent, uint64_t *start) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return -1;
    text[length] = 0;
    char *rest = strrchr(text, ')');
    int parent_read = 0;
    unsigned long long start_read = 0;
    if (rest == NULL
        || sscanf(rest + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", state, &parent_read,
               &start_read)
            != 3)
        return -1;
    *parent = parent_read;
    *start = start_read;
    return 0;
}

uint64_t cprocess_start_ticks(pid_t pid) {
    char state;
    pid_t parent;
    uint64_t start;
    if (read_stat(pid, &state, &parent, &start) != 0 || state == 'Z' || state == 'X') return 0;
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

static int write_record(const char *path, pid_t pid, uint64_t start) {
    char text[64];
    int length = snprintf(text, sizeof text, "%d %llu\n", (int)pid, (unsigned long long)start);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return errno;
    int failure = write(file, text, (size_t)length) == length && fdatasync(file) == 0 ? 0 : (errno ? errno : EIO);
    close(file);
    return failure;
}

static void write_ending(const char *path, int status) {
    char text[32];
    int length = snprintf(text, sizeof text, "%d\n", status);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (write(file, text, (size_t)length) != length) unlink(path);
    close(file);
}

static void tell(struct cprocess_event event) {
    // A worker that is gone needs no news; the end of file that follows says so.
    while (send(0, &event, sizeof event, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

// In the child, between fork and exec.
static void become(char **arguments, char **environment, const char *program, const char *folder, const char *log,
    const char *output, int go, int report) {
    int failure;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // of use here: the guard that forks has one thread that forks
    if (setsid() < 0) goto failed;
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        // Memory is short because of a trainer, so a trainer goes, not the worker.
        if (write(score, "500", 3) < 0) errno = 0;
        close(score);
    }
    int null = open("/dev/null", O_RDONLY);
    int logs = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (null < 0 || logs < 0) goto failed;
    int out = output[0] ? open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644) : logs;
    if (out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(logs, 2) < 0) goto failed;
    if (folder[0] && chdir(folder) != 0) goto failed;
    char byte;
    ssize_t got;
    while ((got = read(go, &byte, 1)) < 0 && errno == EINTR) {}
    if (got != 1) _exit(127);
    // `go` and `report` are closed by exec; the rest that is open above 2 is closed here.
    for (int file = 3; file < 256; file++)
        if (file != report) close(file);
    execvpe(program, arguments, environment);
failed:
    failure = errno;
    if (write(report, &failure, sizeof failure) < 0) _exit(126);
    _exit(127);
}

static int spawn(uint32_t id, int stop_signal, uint32_t grace, char **text, int count) {
    if (count < 6 || child_count == MOST_CHILDREN) return EAGAIN;
    char *program = text[0], *folder = text[1], *log = text[2], *output = text[3], *record = text[4];
    int argument_count = atoi(text[5]);
    if (argument_count < 1 || argument_count > count - 6) return EINVAL;
    // The environment moves up by one place to make room for the NULL that ends the arguments.
    char **arguments = text + 6;
    char **environment = arguments + argument_count + 1;
    for (int index = count - 1; index >= 6 + argument_count; index--) text[index + 1] = text[index];
    text[count + 1] = NULL;
    arguments[argument_count] = NULL;

    char *ending = NULL;
    if (record[0] && asprintf(&ending, "%s.exit", record) < 0) return ENOMEM;
    if (ending) unlink(ending);  // of the program before this one

    int go[2], report[2];
    if (pipe2(go, O_CLOEXEC) != 0) {
        free(ending);
        return errno;
    }
    if (pipe2(report, O_CLOEXEC) != 0) {
        int failure = errno;
        close(go[0]);
        close(go[1]);
        free(ending);
        return failure;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]);
        close(report[0]);
        become(arguments, environment, program, folder, log, output, go[0], report[1]);
    }
    int failure = pid < 0 ? errno : 0;
    close(go[0]);
    close(report[1]);
    uint64_t start = pid > 0 ? cprocess_start_ticks(pid) : 0;
    if (!failure && record[0]) failure = write_record(record, pid, start);
    if (!failure && write(go[1], "g", 1) != 1) failure = errno;
    close(go[1]);  // without a byte before it, the child gives up
    if (!failure) {
        int reported = 0;
        ssize_t got;
        while ((got = read(report[0], &reported, sizeof reported)) < 0 && errno == EINTR) {}
        if (got == sizeof reported) failure = reported;
    }
    close(report[0]);
    if (failure) {
        if (pid > 0) waitpid(pid, NULL, 0);
        free(ending);
        return failure;
    }
    children[child_count++] = (struct child){.id = id, .pid = pid, .stop_signal = stop_signal, .grace = grace, .ending = ending};
    tell((struct cprocess_event){.kind = CPROCESS_STARTED, .id = id, .pid = pid, .start_ticks = start});
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
            if (children[index].id == id) kill(-children[index].pid, number);
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

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

static void reap(void) {
    siginfo_t info;
    for (;;) {
        memset(&info, 0, sizeof info);
        // Looked at first and collected later: while the leader is a zombie, its number cannot become another group's.
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
        kill(-info.si_pid, SIGKILL);
        int status = 0;
        struct rusage usage;
        memset(&usage, 0, sizeof usage);
        if (wait4(info.si_pid, &status, 0, &usage) != info.si_pid) return;
        for (int index = 0; index < child_count; index++) {
            if (children[index].pid != info.si_pid) continue;
            uint32_t id = children[index].id;
            if (children[index].ending) write_ending(children[index].ending, status);
            free(children[index].ending);
            children[index] = children[--child_count];
            tell((struct cprocess_event){.kind = CPROCESS_EXITED,
                .id = id,
                .pid = info.si_pid,
                .status = status,
                .user_microseconds = microseconds(usage.ru_utime),
                .system_microseconds = microseconds(usage.ru_stime),
                .max_resident_kilobytes = (uint64_t)usage.ru_maxrss});
            break;
        }
    }
}

// Processes that left their session and lost their parent became children of the guard (it is their subreaper).
static int kill_strays(void) {
    int found = 0;
    DIR *folder = opendir("/proc");
    if (folder == NULL) return 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        pid_t pid = atoi(entry->d_name), parent = 0;
        char state = 0;
        uint64_t start = 0;
        if (pid <= 0 || read_stat(pid, &state, &parent, &start) != 0 || parent != getpid()) continue;
        kill(pid, SIGKILL);
        found = 1;
    }
    closedir(folder);
    return found;
}

static void end_children(int signals) {
    int64_t now = now_milliseconds();
    for (int index = 0; index < child_count; index++) {
        kill(-children[index].pid, children[index].stop_signal);
        kill(-children[index].pid, SIGCONT);
        children[index].kill_at = now + children[index].grace;
    }
    while (child_count > 0) {
        int64_t next = INT64_MAX;
        now = now_milliseconds();
        for (int index = 0; index < child_count; index++) {
            if (children[index].kill_at <= now) {
                kill(-children[index].pid, SIGKILL);
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
    for (int round = 0; round < 50 && kill_strays(); round++) {
        int status;
        while (waitpid(-1, &status, 0) > 0) {}
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
    if (!failure) failure = write_record(record, pid, cprocess_start_ticks(pid));
    if (failure) {
        close(ends[0]);
        return -failure;
    }
    *lifeline = ends[0];
    return pid;
}
