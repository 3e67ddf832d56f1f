#define _GNU_SOURCE
#include "ProcessTree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "CProcess.h"

struct process {
    pid_t pid;
    pid_t parent;
    bool is_member;
};

int tree_read_stat(pid_t pid, char *state, pid_t *parent, uint64_t *start) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return -1;
    text[length] = 0;
    // The name in field 2 may hold anything, so count from its end.
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

int tree_write_text(const char *path, const char *text, int flags) {
    ssize_t length = (ssize_t)strlen(text);
    struct stat status;
    int file = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    if (file < 0) return errno;
    errno = 0;
    int failure = write(file, text, (size_t)length) == length ? 0 : (errno ? errno : EIO);
    if (!failure && fstat(file, &status) == 0 && status.st_size > length && ftruncate(file, length) != 0) failure = errno;
    close(file);
    return failure;
}

int tree_write_record(const char *path, pid_t pid, uint64_t start) {
    char text[64];
    snprintf(text, sizeof text, "%d %llu\n", (int)pid, (unsigned long long)start);
    return tree_write_text(path, text, O_CREAT);
}

// Whether the environment a process was started with holds TREE_MARKER=mark, or goes on after it. That of
// other users cannot be read.
static bool has_mark(pid_t pid, const char *mark) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    const size_t name = strlen(TREE_MARKER "=");
    bool found = false;
    char *text = NULL;
    size_t room = 0;
    while (!found && getdelim(&text, &room, 0, file) > 0)
        found = strncmp(text, TREE_MARKER "=", name) == 0 && strncmp(text + name, mark, strlen(mark)) == 0;
    free(text);
    fclose(file);
    return found;
}

// All processes that live, zombies aside. The caller frees `*list`.
static size_t list_processes(struct process **list) {
    size_t count = 0, room = 0;
    *list = NULL;
    DIR *folder = opendir("/proc");
    if (folder == NULL) return 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        struct process one = {.pid = atoi(entry->d_name)};
        char state = 0;
        uint64_t start = 0;
        if (one.pid <= 0 || tree_read_stat(one.pid, &state, &one.parent, &start) != 0 || state == 'Z' || state == 'X') continue;
        if (count == room) {
            room = room ? 2 * room : 256;
            struct process *larger = realloc(*list, room * sizeof *larger);
            if (larger == NULL) break;
            *list = larger;
        }
        (*list)[count++] = one;
    }
    closedir(folder);
    return count;
}

int tree_kill(pid_t root, const char *mark) {
    struct process *list;
    size_t count = list_processes(&list);
    for (size_t index = 0; index < count; index++)
        list[index].is_member = list[index].pid != root && mark != NULL && has_mark(list[index].pid, mark);
    // Children of members are members: repeated until nothing changes, since the list has no order.
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t index = 0; index < count; index++) {
            if (list[index].is_member || list[index].pid == root) continue;
            bool is_child = root > 0 && list[index].parent == root;
            for (size_t other = 0; !is_child && other < count; other++)
                is_child = list[other].is_member && list[other].pid == list[index].parent;
            if (is_child) list[index].is_member = changed = true;
        }
    }
    int found = 0;
    for (size_t index = 0; index < count; index++) {
        if (!list[index].is_member) continue;
        found++;
        kill(list[index].pid, SIGKILL);
    }
    free(list);
    return found;
}

void cprocess_end_marked(const char *record) {
    char *mark = NULL;
    if (asprintf(&mark, "%s" TREE_MARK_END, record) < 0) return;
    for (int round = 0; round < 500 && tree_kill(TREE_NO_ROOT, mark) > 0; round++) usleep(10000);
    free(mark);
}

// Where a control group of version 2 is mounted: "ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS … - cgroup2 …".
static bool group_mount(char *place, size_t room) {
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (file == NULL) return false;
    char *line = NULL;
    size_t length = 0;
    bool found = false;
    while (!found && getline(&line, &length, file) > 0) {
        char root[512], point[512];
        if (strstr(line, " - cgroup2 ") == NULL) continue;
        if (sscanf(line, "%*s %*s %*s %511s %511s", root, point) != 2 || strcmp(root, "/") != 0) continue;
        found = snprintf(place, room, "%s", point) < (int)room;
    }
    free(line);
    fclose(file);
    return found;
}

// The calling process's own group of version 2: the line "0::PATH".
static bool own_group(char *path, size_t room) {
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL) return false;
    char *line = NULL;
    size_t length = 0;
    bool found = false;
    while (!found && getline(&line, &length, file) > 0) {
        if (strncmp(line, "0::", 3) != 0) continue;
        line[strcspn(line, "\n")] = 0;
        found = snprintf(path, room, "%s", strcmp(line + 3, "/") == 0 ? "" : line + 3) < (int)room;
    }
    free(line);
    fclose(file);
    return found;
}

char *tree_group(pid_t keeper) {
    char place[512], own[512];
    char *group = NULL;
    if (!group_mount(place, sizeof place) || !own_group(own, sizeof own)) return NULL;
    return asprintf(&group, "%s%s/radiata-%d", place, own, (int)keeper) < 0 ? NULL : group;
}

char *tree_make_group(void) {
    char *group = tree_group(getpid()), *file = NULL;
    if (group == NULL) return NULL;
    // One that a keeper of the same number left behind is of no use to anybody.
    if (mkdir(group, 0755) != 0 && (errno != EEXIST || rmdir(group) != 0 || mkdir(group, 0755) != 0)) {
        free(group);
        return NULL;
    }
    // Without cgroup.kill (before Linux 5.14) the group would be of no use.
    bool can_kill = asprintf(&file, "%s/cgroup.kill", group) > 0 && access(file, W_OK) == 0;
    free(file);
    if (can_kill) return group;
    rmdir(group);
    free(group);
    return NULL;
}

static void write_to(const char *group, const char *name, const char *text) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", group, name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    // A group that cannot be entered or ended leaves the work to the markers and the chain of parents.
    if (write(file, text, strlen(text)) < 0) errno = 0;
    close(file);
}

void tree_enter_group(const char *group) { write_to(group, "cgroup.procs", "0"); }

void tree_kill_group(const char *group) { write_to(group, "cgroup.kill", "1"); }

void tree_end_group(char *group) {
    tree_kill_group(group);
    // The kernel needs a moment to empty it.
    for (int round = 0; round < 100 && rmdir(group) != 0 && errno == EBUSY; round++) usleep(5000);
    free(group);
}
