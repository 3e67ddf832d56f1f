// A disk in memory that can lose power, and an SQLite VFS on it: for the simulator only. Not safe for several
// threads at once.
//
// Every file has its content as programs see it and as it would be after a power cut: content is durable
// after `csd_sync`, a name after `csd_sync_folder` of its folder. Until then a power cut may keep any part of
// it.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct csd_disk csd_disk;

// A new disk; `number` (0 to 63) names it in paths for SQLite: "/simulated/NUMBER/rest".
csd_disk *csd_new(int number, uint64_t seed);
void csd_delete(csd_disk *disk);

// All of these return 0 or more, or a negative errno. A handle is a file's number; it stays readable until
// `csd_close`.
enum { CSD_CREATE = 1, CSD_TRUNCATE = 2 };
int csd_open(csd_disk *disk, const char *path, int flags);
void csd_close(csd_disk *disk, int handle);
int64_t csd_size(csd_disk *disk, int handle);
int64_t csd_read(csd_disk *disk, int handle, void *buffer, int64_t count, int64_t offset);
int64_t csd_write(csd_disk *disk, int handle, const void *bytes, int64_t count, int64_t offset);
int csd_truncate(csd_disk *disk, int handle, int64_t size);
int csd_sync(csd_disk *disk, int handle);

// 0: nothing, 1: a file, 2: a folder.
int csd_kind(csd_disk *disk, const char *path);
int csd_make_folder(csd_disk *disk, const char *path);
int csd_rename(csd_disk *disk, const char *from, const char *to);
int csd_link(csd_disk *disk, const char *from, const char *to);
int csd_remove(csd_disk *disk, const char *path);  // a file, or an empty folder
int csd_sync_folder(csd_disk *disk, const char *path);
// The name of the `index`-th entry of a folder, in the order of making; 0 when there are no more.
const char *csd_entry(csd_disk *disk, const char *path, int index);
uint64_t csd_inode(csd_disk *disk, const char *path);
int64_t csd_path_size(csd_disk *disk, const char *path);

// The process that used the disk is gone: SQLite's open files fail from now on, its locks and shared memory
// are gone.
void csd_process_gone(csd_disk *disk);
// The same, and what was not synced is lost: all of it (`keep` 0), none of it (1), or each 512-byte sector
// and name with that chance.
void csd_power_cut(csd_disk *disk, double keep);

// The next operations of a kind fail, beginning with the `after`-th (0: the next), `count` of them (-1: for
// ever). A sync that fails loses what it should have made durable, although it stays readable. A write that
// fails may have written a part: the first sectors of it.
enum { CSD_READ = 0, CSD_WRITE = 1, CSD_SYNC = 2, CSD_OPEN = 3, CSD_KINDS = 4 };
void csd_fail(csd_disk *disk, int kind, int64_t after, int64_t count);
void csd_heal(csd_disk *disk);
// While suspended nothing fails and nothing is counted: for whoever only looks.
void csd_suspend(csd_disk *disk, int suspended);
// Bytes that fit (-1: no limit); above it writes fail with ENOSPC.
void csd_set_capacity(csd_disk *disk, int64_t bytes);
int64_t csd_used(csd_disk *disk);
// Operations so far, by kind; failures so far.
int64_t csd_count(csd_disk *disk, int kind);
int64_t csd_failures(csd_disk *disk);
// Flips one bit of a file. -ENOENT if it is empty or not there.
int csd_flip(csd_disk *disk, const char *path, uint64_t bit);
// Makes `to`, which must be new, what `from` is: what can be seen and what is durable.
void csd_clone(csd_disk *from, csd_disk *to);
// Called after every write, sync and change of a name, unless suspended. It must not change this disk.
void csd_watch(csd_disk *disk, void (*hook)(void *context), void *context);

// Registers the VFS as SQLite's default: paths that begin with "/simulated/" lie on simulated disks, all
// others where they always did.
int csd_register_vfs(void);
// What SQLite's own random generator starts from.
void csd_seed_sqlite(uint64_t seed);

// A read-only connection for whoever only looks, and its statements. `csd_look_step`: 1 for a row, 0 at the
// end, -1 for an error.
enum { CSD_NULL = 0, CSD_INTEGER = 1, CSD_REAL = 2, CSD_TEXT = 3 };
typedef struct csd_look csd_look;
typedef struct csd_statement csd_statement;
int csd_look_open(const char *path, csd_look **look);
void csd_look_close(csd_look *look);
const char *csd_look_message(csd_look *look);
csd_statement *csd_look_prepare(csd_look *look, const char *sql);
void csd_look_finish(csd_statement *statement);
void csd_look_reset(csd_statement *statement);
int csd_look_step(csd_statement *statement);
int csd_look_columns(csd_statement *statement);
int csd_look_type(csd_statement *statement, int column);
int64_t csd_look_integer(csd_statement *statement, int column);
double csd_look_real(csd_statement *statement, int column);
const void *csd_look_bytes(csd_statement *statement, int column, int *count);
