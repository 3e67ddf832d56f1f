#define _GNU_SOURCE
#include "CSimulatedDisk.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, MOST_DISKS = 64, LOCKS = 8 };

// A change of a file since its last sync.
struct change {
    int64_t offset, count;  // count < 0: cut or grown to `offset`
    unsigned char *bytes;
};

struct content {
    unsigned char *bytes;
    int64_t size, room;
};

struct shared {
    unsigned char **regions;
    int count, region_size;
    int readers[LOCKS], writer[LOCKS];
    int users;
};

struct inode {
    int used, is_folder;
    int names, durable_names, handles;
    struct content now, durable;
    struct change *changes;
    int change_count, change_room;
    // SQLite's locks on the file: how many hold SHARED, whether somebody holds RESERVED, PENDING, EXCLUSIVE.
    int lock_shared, lock_reserved, lock_exclusive;
    struct shared *shared;
    uint64_t number;
};

struct name {
    char *path;
    uint32_t hash;
    int inode;
};

// A change of names since the last sync of their folder. `inode` -1: `path` is gone. `from`: renamed from
// there.
struct step {
    char *path, *from;
    int inode;
};

struct names {
    struct name *all;
    int count, room;
};

struct csd_disk {
    int number;
    uint64_t random;
    struct inode *inodes;
    int inode_count, inode_room;
    uint64_t last_inode;
    struct names now, durable;
    struct step *steps;
    int step_count, step_room;
    uint64_t generation;
    int64_t after[CSD_KINDS], failing[CSD_KINDS], counts[CSD_KINDS], failures;
    int64_t capacity, used;
    int suspended;
    void (*hook)(void *context);
    void *context;
};

static csd_disk *disks[MOST_DISKS];
static sqlite3_vfs *original;

static uint64_t draw(csd_disk *disk) {
    uint64_t word = disk->random += 0x9E3779B97F4A7C15u;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
}

static int chance(csd_disk *disk, double p) { return (double)(draw(disk) >> 11) * 0x1p-53 < p; }

static uint32_t hash_of(const char *text) {
    uint32_t hash = 2166136261u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

// --- content

static void reserve(struct content *content, int64_t size) {
    if (size <= content->room) return;
    int64_t room = content->room ? content->room : 512;
    while (room < size) room *= 2;
    content->bytes = realloc(content->bytes, (size_t)room);
    content->room = room;
}

static void set_size(struct content *content, int64_t size) {
    reserve(content, size);
    if (size > content->size) memset(content->bytes + content->size, 0, (size_t)(size - content->size));
    content->size = size;
}

static void put(struct content *content, const unsigned char *bytes, int64_t count, int64_t offset) {
    if (offset + count > content->size) set_size(content, offset + count);
    memcpy(content->bytes + offset, bytes, (size_t)count);
}

static void copy_content(struct content *to, const struct content *from) {
    set_size(to, 0);
    set_size(to, from->size);
    if (from->size) memcpy(to->bytes, from->bytes, (size_t)from->size);
}

static void drop_changes(struct inode *inode) {
    for (int index = 0; index < inode->change_count; index++) free(inode->changes[index].bytes);
    inode->change_count = 0;
}

static void note_change(struct inode *inode, const void *bytes, int64_t count, int64_t offset) {
    if (inode->change_count == inode->change_room) {
        inode->change_room = inode->change_room ? inode->change_room * 2 : 8;
        inode->changes = realloc(inode->changes, (size_t)inode->change_room * sizeof *inode->changes);
    }
    struct change change = {.offset = offset, .count = count, .bytes = NULL};
    if (count > 0) {
        change.bytes = malloc((size_t)count);
        memcpy(change.bytes, bytes, (size_t)count);
    }
    inode->changes[inode->change_count++] = change;
}

static void apply(struct inode *inode, const struct change *change) {
    if (change->count < 0)
        set_size(&inode->durable, change->offset);
    else
        put(&inode->durable, change->bytes, change->count, change->offset);
}

// --- inodes and names

static void free_shared(struct inode *inode) {
    if (!inode->shared) return;
    for (int index = 0; index < inode->shared->count; index++) free(inode->shared->regions[index]);
    free(inode->shared->regions);
    free(inode->shared);
    inode->shared = NULL;
}

static void release(csd_disk *disk, int index) {
    struct inode *inode = &disk->inodes[index];
    if (!inode->used || inode->names || inode->durable_names || inode->handles) return;
    disk->used -= inode->now.size;
    drop_changes(inode);
    free(inode->changes);
    free(inode->now.bytes);
    free(inode->durable.bytes);
    free_shared(inode);
    memset(inode, 0, sizeof *inode);
}

static int make_inode(csd_disk *disk, int is_folder) {
    int index = -1;
    for (int free = 0; free < disk->inode_count; free++)
        if (!disk->inodes[free].used) {
            index = free;
            break;
        }
    if (index < 0) {
        if (disk->inode_count == disk->inode_room) {
            disk->inode_room = disk->inode_room ? disk->inode_room * 2 : 64;
            disk->inodes = realloc(disk->inodes, (size_t)disk->inode_room * sizeof *disk->inodes);
        }
        index = disk->inode_count++;
    }
    disk->inodes[index] = (struct inode){.used = 1, .is_folder = is_folder, .number = ++disk->last_inode};
    return index;
}

static int find(struct names *names, const char *path) {
    uint32_t hash = hash_of(path);
    for (int index = names->count - 1; index >= 0; index--)
        if (names->all[index].hash == hash && strcmp(names->all[index].path, path) == 0) return index;
    return -1;
}

static int lookup(csd_disk *disk, const char *path) {
    int found = find(&disk->now, path);
    return found < 0 ? -1 : disk->now.all[found].inode;
}

// Sets (inode >= 0) or removes a name. `is_durable` says which of an inode's counts it is part of.
static void set_name(csd_disk *disk, struct names *names, const char *path, int inode) {
    int is_durable = names == &disk->durable;
    int found = find(names, path);
    int old = found < 0 ? -1 : names->all[found].inode;
    if (inode >= 0) {
        if (is_durable) disk->inodes[inode].durable_names++;
        else disk->inodes[inode].names++;
    }
    if (found >= 0 && inode < 0) {
        free(names->all[found].path);
        memmove(names->all + found, names->all + found + 1, (size_t)(names->count - found - 1) * sizeof *names->all);
        names->count--;
    } else if (found >= 0) {
        names->all[found].inode = inode;
    } else if (inode >= 0) {
        if (names->count == names->room) {
            names->room = names->room ? names->room * 2 : 64;
            names->all = realloc(names->all, (size_t)names->room * sizeof *names->all);
        }
        names->all[names->count++] = (struct name){.path = strdup(path), .hash = hash_of(path), .inode = inode};
    }
    if (old >= 0) {
        if (is_durable) disk->inodes[old].durable_names--;
        else disk->inodes[old].names--;
        release(disk, old);
    }
}

static void note_step(csd_disk *disk, const char *path, const char *from, int inode) {
    if (disk->step_count == disk->step_room) {
        disk->step_room = disk->step_room ? disk->step_room * 2 : 32;
        disk->steps = realloc(disk->steps, (size_t)disk->step_room * sizeof *disk->steps);
    }
    // It keeps the inode alive until the names are durable or lost.
    if (inode >= 0) disk->inodes[inode].handles++;
    disk->steps[disk->step_count++] = (struct step){
        .path = strdup(path), .from = from ? strdup(from) : NULL, .inode = inode};
}

static void end_step(csd_disk *disk, struct step *step, int happened) {
    if (happened) {
        set_name(disk, &disk->durable, step->path, step->inode);
        if (step->from) set_name(disk, &disk->durable, step->from, -1);
    }
    free(step->path);
    free(step->from);
    if (step->inode >= 0) {
        disk->inodes[step->inode].handles--;
        release(disk, step->inode);
    }
}

static int parent_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path) : 0;
}

static int is_in(const char *path, const char *folder) {
    int length = (int)strlen(folder);
    return path && parent_length(path) == length && strncmp(path, folder, (size_t)length) == 0;
}

static int fails(csd_disk *disk, int kind) {
    if (disk->suspended) return 0;
    disk->counts[kind]++;
    if (disk->failing[kind] == 0) return 0;
    if (disk->after[kind] > 0) {
        disk->after[kind]--;
        return 0;
    }
    if (disk->failing[kind] > 0) disk->failing[kind]--;
    disk->failures++;
    return 1;
}

static void happened(csd_disk *disk) {
    if (disk->hook && !disk->suspended) disk->hook(disk->context);
}

// --- the face

csd_disk *csd_new(int number, uint64_t seed) {
    if (number < 0 || number >= MOST_DISKS || disks[number]) return NULL;
    csd_disk *disk = calloc(1, sizeof *disk);
    disk->number = number;
    disk->random = seed;
    disk->capacity = -1;
    int root = make_inode(disk, 1);
    char path[32];
    snprintf(path, sizeof path, "/simulated/%d", number);
    set_name(disk, &disk->now, path, root);
    set_name(disk, &disk->durable, path, root);
    disks[number] = disk;
    return disk;
}

void csd_delete(csd_disk *disk) {
    disks[disk->number] = NULL;
    for (int index = 0; index < disk->step_count; index++) {
        free(disk->steps[index].path);
        free(disk->steps[index].from);
    }
    for (int index = 0; index < disk->now.count; index++) free(disk->now.all[index].path);
    for (int index = 0; index < disk->durable.count; index++) free(disk->durable.all[index].path);
    for (int index = 0; index < disk->inode_count; index++) {
        struct inode *inode = &disk->inodes[index];
        drop_changes(inode);
        free(inode->changes);
        free(inode->now.bytes);
        free(inode->durable.bytes);
        free_shared(inode);
    }
    free(disk->steps);
    free(disk->now.all);
    free(disk->durable.all);
    free(disk->inodes);
    free(disk);
}

static int has_folder(csd_disk *disk, const char *path) {
    char folder[1024];
    int length = parent_length(path);
    if (length >= (int)sizeof folder) return 0;
    memcpy(folder, path, (size_t)length);
    folder[length] = 0;
    int inode = lookup(disk, folder);
    return inode >= 0 && disk->inodes[inode].is_folder;
}

int csd_open(csd_disk *disk, const char *path, int flags) {
    int inode = lookup(disk, path);
    if (inode >= 0 && disk->inodes[inode].is_folder) return -EISDIR;
    if (fails(disk, CSD_OPEN)) return -EIO;
    if (inode < 0) {
        if (!(flags & CSD_CREATE)) return -ENOENT;
        if (!has_folder(disk, path)) return -ENOENT;
        inode = make_inode(disk, 0);
        set_name(disk, &disk->now, path, inode);
        note_step(disk, path, NULL, inode);
        happened(disk);
    }
    disk->inodes[inode].handles++;
    if (flags & CSD_TRUNCATE) csd_truncate(disk, inode, 0);
    return inode;
}

void csd_close(csd_disk *disk, int handle) {
    disk->inodes[handle].handles--;
    release(disk, handle);
}

int64_t csd_size(csd_disk *disk, int handle) { return disk->inodes[handle].now.size; }

int64_t csd_read(csd_disk *disk, int handle, void *buffer, int64_t count, int64_t offset) {
    if (fails(disk, CSD_READ)) return -EIO;
    struct content *content = &disk->inodes[handle].now;
    if (offset >= content->size) return 0;
    if (count > content->size - offset) count = content->size - offset;
    memcpy(buffer, content->bytes + offset, (size_t)count);
    return count;
}

int64_t csd_write(csd_disk *disk, int handle, const void *bytes, int64_t count, int64_t offset) {
    struct inode *inode = &disk->inodes[handle];
    int failed = fails(disk, CSD_WRITE);
    if (failed) {
        // Nothing of it is there, or its first sectors are.
        int64_t sectors = count / SECTOR;
        count = sectors > 0 ? (int64_t)(draw(disk) % (uint64_t)(sectors + 1)) * SECTOR : 0;
        if (count == 0) return -EIO;
    }
    int64_t grows = offset + count - inode->now.size;
    if (grows > 0 && disk->capacity >= 0 && disk->used + grows > disk->capacity) {
        disk->failures++;
        return -ENOSPC;
    }
    if (grows > 0) disk->used += grows;
    put(&inode->now, bytes, count, offset);
    note_change(inode, bytes, count, offset);
    happened(disk);
    return failed ? -EIO : count;
}

int csd_truncate(csd_disk *disk, int handle, int64_t size) {
    struct inode *inode = &disk->inodes[handle];
    if (size == inode->now.size) return 0;
    disk->used += size - inode->now.size;
    set_size(&inode->now, size);
    note_change(inode, NULL, -1, size);
    happened(disk);
    return 0;
}

int csd_sync(csd_disk *disk, int handle) {
    struct inode *inode = &disk->inodes[handle];
    int failed = fails(disk, CSD_SYNC);
    // After an error the kernel takes the pages for clean: nobody will write them again.
    if (!failed)
        for (int index = 0; index < inode->change_count; index++) apply(inode, &inode->changes[index]);
    drop_changes(inode);
    happened(disk);
    return failed ? -EIO : 0;
}

int csd_kind(csd_disk *disk, const char *path) {
    int inode = lookup(disk, path);
    return inode < 0 ? 0 : disk->inodes[inode].is_folder ? 2 : 1;
}

int csd_make_folder(csd_disk *disk, const char *path) {
    if (lookup(disk, path) >= 0) return -EEXIST;
    if (!has_folder(disk, path)) return -ENOENT;
    int inode = make_inode(disk, 1);
    set_name(disk, &disk->now, path, inode);
    note_step(disk, path, NULL, inode);
    return 0;
}

int csd_rename(csd_disk *disk, const char *from, const char *to) {
    int inode = lookup(disk, from);
    if (inode < 0 || !has_folder(disk, to)) return -ENOENT;
    if (disk->inodes[inode].is_folder) return -ENOTSUP;
    if (strcmp(from, to) == 0) return 0;
    note_step(disk, to, from, inode);
    set_name(disk, &disk->now, to, inode);
    set_name(disk, &disk->now, from, -1);
    happened(disk);
    return 0;
}

int csd_link(csd_disk *disk, const char *from, const char *to) {
    int inode = lookup(disk, from);
    if (inode < 0 || !has_folder(disk, to)) return -ENOENT;
    if (lookup(disk, to) >= 0) return -EEXIST;
    note_step(disk, to, NULL, inode);
    set_name(disk, &disk->now, to, inode);
    return 0;
}

int csd_remove(csd_disk *disk, const char *path) {
    int inode = lookup(disk, path);
    if (inode < 0) return -ENOENT;
    if (disk->inodes[inode].is_folder && csd_entry(disk, path, 0)) return -ENOTEMPTY;
    note_step(disk, path, NULL, -1);
    set_name(disk, &disk->now, path, -1);
    happened(disk);
    return 0;
}

int csd_sync_folder(csd_disk *disk, const char *path) {
    if (fails(disk, CSD_SYNC)) return -EIO;
    int kept = 0;
    for (int index = 0; index < disk->step_count; index++) {
        struct step *step = &disk->steps[index];
        if (is_in(step->path, path) || is_in(step->from, path)) end_step(disk, step, 1);
        else disk->steps[kept++] = *step;
    }
    disk->step_count = kept;
    happened(disk);
    return 0;
}

const char *csd_entry(csd_disk *disk, const char *path, int wanted) {
    for (int index = 0; index < disk->now.count; index++)
        if (is_in(disk->now.all[index].path, path) && wanted-- == 0)
            return disk->now.all[index].path + parent_length(disk->now.all[index].path) + 1;
    return NULL;
}

uint64_t csd_inode(csd_disk *disk, const char *path) {
    int inode = lookup(disk, path);
    return inode < 0 ? 0 : disk->inodes[inode].number;
}

int64_t csd_path_size(csd_disk *disk, const char *path) {
    int inode = lookup(disk, path);
    return inode < 0 ? -ENOENT : disk->inodes[inode].now.size;
}

void csd_process_gone(csd_disk *disk) {
    disk->generation++;
    for (int index = 0; index < disk->inode_count; index++) {
        struct inode *inode = &disk->inodes[index];
        inode->lock_shared = inode->lock_reserved = inode->lock_exclusive = 0;
        free_shared(inode);
    }
}

void csd_power_cut(csd_disk *disk, double keep) {
    csd_process_gone(disk);
    // Names: in their order, so that a name made twice is what it was made last.
    for (int index = 0; index < disk->step_count; index++) {
        struct step step = disk->steps[index];
        end_step(disk, &step, keep >= 1 || (keep > 0 && chance(disk, keep)));
    }
    disk->step_count = 0;
    for (int index = 0; index < disk->inode_count; index++) {
        struct inode *inode = &disk->inodes[index];
        if (!inode->used) continue;
        for (int number = 0; number < inode->change_count; number++) {
            struct change *change = &inode->changes[number];
            if (keep <= 0) continue;
            if (keep >= 1) {
                apply(inode, change);
            } else if (change->count < 0) {
                if (chance(disk, keep)) apply(inode, change);
            } else {
                for (int64_t start = 0; start < change->count;) {
                    int64_t end = (change->offset + start) / SECTOR * SECTOR + SECTOR - change->offset;
                    if (end > change->count) end = change->count;
                    if (chance(disk, keep)) put(&inode->durable, change->bytes + start, end - start, change->offset + start);
                    start = end;
                }
            }
        }
        drop_changes(inode);
        disk->used += inode->durable.size - inode->now.size;
        copy_content(&inode->now, &inode->durable);
    }
    // What can be seen is what is durable.
    while (disk->now.count) set_name(disk, &disk->now, disk->now.all[disk->now.count - 1].path, -1);
    for (int index = 0; index < disk->durable.count; index++)
        set_name(disk, &disk->now, disk->durable.all[index].path, disk->durable.all[index].inode);
    // A file whose folder was lost is lost with it.
    for (int index = disk->now.count - 1; index >= 0; index--)
        if (parent_length(disk->now.all[index].path) > (int)strlen("/simulated") && !has_folder(disk, disk->now.all[index].path)) {
            char *path = strdup(disk->now.all[index].path);
            set_name(disk, &disk->now, path, -1);
            set_name(disk, &disk->durable, path, -1);
            free(path);
        }
}

void csd_fail(csd_disk *disk, int kind, int64_t after, int64_t count) {
    disk->after[kind] = after;
    disk->failing[kind] = count;
}

void csd_suspend(csd_disk *disk, int suspended) { disk->suspended = suspended; }

void csd_heal(csd_disk *disk) {
    for (int kind = 0; kind < CSD_KINDS; kind++) disk->failing[kind] = 0;
}

void csd_set_capacity(csd_disk *disk, int64_t bytes) { disk->capacity = bytes; }
int64_t csd_used(csd_disk *disk) { return disk->used; }
int64_t csd_count(csd_disk *disk, int kind) { return disk->counts[kind]; }
int64_t csd_failures(csd_disk *disk) { return disk->failures; }

int csd_flip(csd_disk *disk, const char *path, uint64_t bit) {
    int inode = lookup(disk, path);
    if (inode < 0 || disk->inodes[inode].now.size == 0) return -ENOENT;
    struct inode *file = &disk->inodes[inode];
    bit %= (uint64_t)file->now.size * 8;
    file->now.bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
    if ((int64_t)(bit / 8) < file->durable.size) file->durable.bytes[bit / 8] = file->now.bytes[bit / 8];
    return 0;
}

static char *moved(const char *path, const csd_disk *from, const csd_disk *to) {
    char root[32], text[1100];
    snprintf(root, sizeof root, "/simulated/%d", from->number);
    snprintf(text, sizeof text, "/simulated/%d%s", to->number, path + strlen(root));
    return strdup(text);
}

static void clone_names(csd_disk *from, const struct names *names, csd_disk *to, struct names *out) {
    out->all = calloc((size_t)names->count + 1, sizeof *out->all);
    out->count = names->count;
    out->room = names->count + 1;
    for (int index = 0; index < names->count; index++) {
        char *path = moved(names->all[index].path, from, to);
        out->all[index] = (struct name){.path = path, .hash = hash_of(path), .inode = names->all[index].inode};
    }
}

void csd_clone(csd_disk *from, csd_disk *to) {
    for (int index = 0; index < to->now.count; index++) free(to->now.all[index].path);
    for (int index = 0; index < to->durable.count; index++) free(to->durable.all[index].path);
    free(to->now.all);
    free(to->durable.all);
    free(to->inodes);
    to->inodes = calloc((size_t)from->inode_count + 1, sizeof *to->inodes);
    to->inode_count = from->inode_count;
    to->inode_room = from->inode_count + 1;
    to->last_inode = from->last_inode;
    to->capacity = -1;
    to->used = from->used;
    clone_names(from, &from->now, to, &to->now);
    clone_names(from, &from->durable, to, &to->durable);
    for (int index = 0; index < from->inode_count; index++) {
        const struct inode *source = &from->inodes[index];
        struct inode *inode = &to->inodes[index];
        if (!source->used) continue;
        *inode = (struct inode){
            .used = 1, .is_folder = source->is_folder, .names = source->names, .durable_names = source->durable_names,
            .number = source->number, .handles = 1};
        copy_content(&inode->now, &source->now);
        copy_content(&inode->durable, &source->durable);
        for (int number = 0; number < source->change_count; number++) {
            const struct change *change = &source->changes[number];
            note_change(inode, change->bytes, change->count, change->offset);
        }
    }
    for (int index = 0; index < from->step_count; index++) {
        const struct step *step = &from->steps[index];
        char *path = moved(step->path, from, to), *old = step->from ? moved(step->from, from, to) : NULL;
        note_step(to, path, old, step->inode);
        free(path);
        free(old);
    }
    // Files without a name were only held by the process.
    for (int index = 0; index < to->inode_count; index++)
        if (to->inodes[index].used) {
            to->inodes[index].handles--;
            release(to, index);
        }
}

void csd_watch(csd_disk *disk, void (*hook)(void *context), void *context) {
    disk->hook = hook;
    disk->context = context;
}

// --- SQLite

struct sim_file {
    sqlite3_file base;
    csd_disk *disk;
    int handle;
    uint64_t generation;
    int lock;
    int is_new;  // its name is not durable yet
    int is_read_only;
    int uses_shared;
    int shared_held[LOCKS];  // 1: shared, 2: exclusive
    char path[512];
};

static int is_gone(struct sim_file *file) { return file->generation != file->disk->generation; }

static int sim_close(sqlite3_file *base) {
    struct sim_file *file = (struct sim_file *)base;
    csd_close(file->disk, file->handle);
    return SQLITE_OK;
}

static int sim_read(sqlite3_file *base, void *buffer, int count, sqlite3_int64 offset) {
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file)) return SQLITE_IOERR_READ;
    int64_t got = csd_read(file->disk, file->handle, buffer, count, offset);
    if (got < 0) return SQLITE_IOERR_READ;
    if (got == count) return SQLITE_OK;
    memset((char *)buffer + got, 0, (size_t)(count - got));
    return SQLITE_IOERR_SHORT_READ;
}

static int sim_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file)) return SQLITE_IOERR_WRITE;
    int64_t got = csd_write(file->disk, file->handle, bytes, count, offset);
    return got == count ? SQLITE_OK : got == -ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int sim_truncate(sqlite3_file *base, sqlite3_int64 size) {
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file)) return SQLITE_IOERR_TRUNCATE;
    return csd_truncate(file->disk, file->handle, size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int sim_sync(sqlite3_file *base, int flags) {
    (void)flags;
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file)) return SQLITE_IOERR_FSYNC;
    if (csd_sync(file->disk, file->handle) != 0) return SQLITE_IOERR_FSYNC;
    if (file->is_new) {  // as SQLite's own VFS does: the first sync of a new file makes its name durable too
        char folder[512];
        int length = parent_length(file->path);
        memcpy(folder, file->path, (size_t)length);
        folder[length] = 0;
        if (csd_sync_folder(file->disk, folder) != 0) return SQLITE_IOERR_DIR_FSYNC;
        file->is_new = 0;
    }
    return SQLITE_OK;
}

static int sim_file_size(sqlite3_file *base, sqlite3_int64 *size) {
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file)) return SQLITE_IOERR_FSTAT;
    *size = csd_size(file->disk, file->handle);
    return SQLITE_OK;
}

static int sim_lock(sqlite3_file *base, int level) {
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file)) return SQLITE_IOERR_LOCK;
    // As the kernel: a file opened for reading cannot be locked for writing, so a reader that closes last
    // checkpoints nothing.
    if (file->is_read_only && level > SQLITE_LOCK_SHARED) return SQLITE_IOERR_LOCK;
    struct inode *inode = &file->disk->inodes[file->handle];
    while (file->lock < level) {
        if (file->lock < SQLITE_LOCK_SHARED) {
            if (inode->lock_exclusive) return SQLITE_BUSY;
            inode->lock_shared++;
            file->lock = SQLITE_LOCK_SHARED;
        } else if (file->lock < SQLITE_LOCK_RESERVED && level >= SQLITE_LOCK_RESERVED) {
            if (inode->lock_reserved) return SQLITE_BUSY;
            inode->lock_reserved = 1;
            file->lock = SQLITE_LOCK_RESERVED;
        } else {
            if (inode->lock_shared > 1) return SQLITE_BUSY;
            inode->lock_exclusive = 1;
            file->lock = SQLITE_LOCK_EXCLUSIVE;
        }
    }
    return SQLITE_OK;
}

static int sim_unlock(sqlite3_file *base, int level) {
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file)) return SQLITE_OK;
    struct inode *inode = &file->disk->inodes[file->handle];
    if (file->lock >= SQLITE_LOCK_PENDING && level < SQLITE_LOCK_PENDING) inode->lock_exclusive = 0;
    if (file->lock >= SQLITE_LOCK_RESERVED && level < SQLITE_LOCK_RESERVED) inode->lock_reserved = 0;
    if (file->lock >= SQLITE_LOCK_SHARED && level < SQLITE_LOCK_SHARED) inode->lock_shared--;
    if (level < file->lock) file->lock = level;
    return SQLITE_OK;
}

static int sim_check_reserved(sqlite3_file *base, int *result) {
    struct sim_file *file = (struct sim_file *)base;
    *result = !is_gone(file) && file->disk->inodes[file->handle].lock_reserved;
    return SQLITE_OK;
}

static int sim_control(sqlite3_file *base, int operation, void *argument) {
    (void)base;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int sim_sector_size(sqlite3_file *base) {
    (void)base;
    return SECTOR;
}

static int sim_characteristics(sqlite3_file *base) {
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;  // as SQLite's own VFS takes it of every disk
}

static int sim_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out) {
    struct sim_file *file = (struct sim_file *)base;
    *out = NULL;
    if (is_gone(file)) return SQLITE_IOERR_SHMMAP;
    struct inode *inode = &file->disk->inodes[file->handle];
    if (!inode->shared) inode->shared = calloc(1, sizeof *inode->shared);
    struct shared *shared = inode->shared;
    if (!file->uses_shared) {
        file->uses_shared = 1;
        shared->users++;
    }
    if (region >= shared->count) {
        if (!extend) return SQLITE_OK;
        shared->regions = realloc(shared->regions, (size_t)(region + 1) * sizeof *shared->regions);
        while (shared->count <= region) shared->regions[shared->count++] = calloc(1, (size_t)size);
    }
    *out = shared->regions[region];
    return SQLITE_OK;
}

static int sim_shm_lock(sqlite3_file *base, int offset, int count, int flags) {
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file)) return SQLITE_IOERR_SHMLOCK;
    struct shared *shared = file->disk->inodes[file->handle].shared;
    if (!shared) return SQLITE_IOERR_SHMLOCK;
    for (int index = offset; index < offset + count; index++) {
        int held = file->shared_held[index];
        if (flags & SQLITE_SHM_UNLOCK) continue;
        if (flags & SQLITE_SHM_SHARED) {
            if (shared->writer[index] && held != 2) return SQLITE_BUSY;
        } else if ((shared->writer[index] && held != 2) || shared->readers[index] > (held == 1)) {
            return SQLITE_BUSY;
        }
    }
    for (int index = offset; index < offset + count; index++) {
        int *held = &file->shared_held[index];
        if (flags & SQLITE_SHM_UNLOCK) {
            if (*held == 1) shared->readers[index]--;
            if (*held == 2) shared->writer[index] = 0;
            *held = 0;
        } else if (flags & SQLITE_SHM_SHARED) {
            if (*held == 0) shared->readers[index]++, *held = 1;
        } else {
            if (*held == 1) shared->readers[index]--;
            shared->writer[index] = 1;
            *held = 2;
        }
    }
    return SQLITE_OK;
}

static void sim_shm_barrier(sqlite3_file *base) {
    (void)base;
    __sync_synchronize();
}

static int sim_shm_unmap(sqlite3_file *base, int delete) {
    (void)delete;
    struct sim_file *file = (struct sim_file *)base;
    if (is_gone(file) || !file->uses_shared) return SQLITE_OK;
    file->uses_shared = 0;
    struct inode *inode = &file->disk->inodes[file->handle];
    if (inode->shared && --inode->shared->users == 0) free_shared(inode);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = sim_close,
    .xRead = sim_read,
    .xWrite = sim_write,
    .xTruncate = sim_truncate,
    .xSync = sim_sync,
    .xFileSize = sim_file_size,
    .xLock = sim_lock,
    .xUnlock = sim_unlock,
    .xCheckReservedLock = sim_check_reserved,
    .xFileControl = sim_control,
    .xSectorSize = sim_sector_size,
    .xDeviceCharacteristics = sim_characteristics,
    .xShmMap = sim_shm_map,
    .xShmLock = sim_shm_lock,
    .xShmBarrier = sim_shm_barrier,
    .xShmUnmap = sim_shm_unmap,
};

static csd_disk *disk_of(const char *path) {
    int number;
    if (!path || sscanf(path, "/simulated/%d/", &number) != 1 || number < 0 || number >= MOST_DISKS) return NULL;
    return disks[number];
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags) {
    (void)vfs;
    csd_disk *disk = disk_of(path);
    if (!disk) return original->xOpen(original, path, base, flags, out_flags);
    struct sim_file *file = (struct sim_file *)base;
    memset(file, 0, sizeof *file);
    int was = csd_kind(disk, path);
    int handle = csd_open(disk, path, flags & SQLITE_OPEN_CREATE ? CSD_CREATE : 0);
    if (handle < 0) return SQLITE_CANTOPEN;
    file->base.pMethods = &methods;
    file->disk = disk;
    file->handle = handle;
    file->generation = disk->generation;
    file->is_new = was == 0;
    file->is_read_only = (flags & SQLITE_OPEN_READONLY) != 0;
    snprintf(file->path, sizeof file->path, "%s", path);
    if (out_flags) *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    (void)vfs;
    csd_disk *disk = disk_of(path);
    if (!disk) return original->xDelete(original, path, sync);
    int code = csd_remove(disk, path);
    if (code == -ENOENT) return SQLITE_IOERR_DELETE_NOENT;
    if (code == 0 && sync) {
        char folder[512];
        snprintf(folder, sizeof folder, "%.*s", parent_length(path), path);
        code = csd_sync_folder(disk, folder);
    }
    return code == 0 ? SQLITE_OK : SQLITE_IOERR_DELETE;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
    (void)vfs;
    csd_disk *disk = disk_of(path);
    if (!disk) return original->xAccess(original, path, flags, result);
    int inode = lookup(disk, path);
    // As SQLite's own: a file of no bytes does not exist when it asks whether it exists.
    *result = inode >= 0 && (flags != SQLITE_ACCESS_EXISTS || disk->inodes[inode].now.size > 0);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int room, char *out) {
    (void)vfs;
    if (!disk_of(path)) return original->xFullPathname(original, path, room, out);
    snprintf(out, (size_t)room, "%s", path);
    return SQLITE_OK;
}

static uint64_t sqlite_seed;

static int vfs_randomness(sqlite3_vfs *vfs, int count, char *out) {
    (void)vfs;
    if (!sqlite_seed) return original->xRandomness(original, count, out);
    csd_disk source = {.random = sqlite_seed};
    for (int index = 0; index < count; index++) out[index] = (char)draw(&source);
    return count;
}

void csd_seed_sqlite(uint64_t seed) {
    sqlite_seed = seed | 1;
    sqlite3_randomness(0, NULL);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return sqlite_seed ? microseconds : original->xSleep(original, microseconds);
}

int csd_register_vfs(void) {
    static sqlite3_vfs vfs;
    if (original) return SQLITE_OK;
    original = sqlite3_vfs_find(NULL);
    if (!original) return SQLITE_ERROR;
    vfs = *original;
    vfs.zName = "radiata-simulated";
    vfs.pNext = NULL;
    vfs.mxPathname = 512;
    if (vfs.szOsFile < (int)sizeof(struct sim_file)) vfs.szOsFile = (int)sizeof(struct sim_file);
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    vfs.xFullPathname = vfs_full_path;
    vfs.xRandomness = vfs_randomness;
    vfs.xSleep = vfs_sleep;
    return sqlite3_vfs_register(&vfs, 1);
}

// --- for whoever only looks

int csd_look_open(const char *path, csd_look **look) {
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        sqlite3_close(db);
        db = NULL;
    }
    *look = (csd_look *)db;
    return code;
}

void csd_look_close(csd_look *look) { sqlite3_close((sqlite3 *)look); }
const char *csd_look_message(csd_look *look) { return sqlite3_errmsg((sqlite3 *)look); }

csd_statement *csd_look_prepare(csd_look *look, const char *sql) {
    sqlite3_stmt *statement = NULL;
    return sqlite3_prepare_v3((sqlite3 *)look, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) == SQLITE_OK
               ? (csd_statement *)statement
               : NULL;
}

void csd_look_finish(csd_statement *statement) { sqlite3_finalize((sqlite3_stmt *)statement); }
void csd_look_reset(csd_statement *statement) { sqlite3_reset((sqlite3_stmt *)statement); }

int csd_look_step(csd_statement *statement) {
    int code = sqlite3_step((sqlite3_stmt *)statement);
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : -1;
}

int csd_look_columns(csd_statement *statement) { return sqlite3_column_count((sqlite3_stmt *)statement); }

int csd_look_type(csd_statement *statement, int column) {
    switch (sqlite3_column_type((sqlite3_stmt *)statement, column)) {
    case SQLITE_NULL: return CSD_NULL;
    case SQLITE_INTEGER: return CSD_INTEGER;
    case SQLITE_FLOAT: return CSD_REAL;
    default: return CSD_TEXT;
    }
}

int64_t csd_look_integer(csd_statement *statement, int column) { return sqlite3_column_int64((sqlite3_stmt *)statement, column); }
double csd_look_real(csd_statement *statement, int column) { return sqlite3_column_double((sqlite3_stmt *)statement, column); }

const void *csd_look_bytes(csd_statement *statement, int column, int *count) {
    const void *bytes = sqlite3_column_blob((sqlite3_stmt *)statement, column);
    *count = sqlite3_column_bytes((sqlite3_stmt *)statement, column);
    return bytes;
}
