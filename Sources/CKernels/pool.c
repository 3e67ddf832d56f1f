#include "CKernels.h"
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

// One job at a time. Workers spin for a few microseconds after a job, because the next usually follows at
// once, then sleep on `generation`. A worker joins a job by counting itself into `active` before it looks at
// `open`; the owner clears `open` before it waits for `active` to fall to zero. So a late worker never holds
// up a job that is over, and nobody reads the job's fields while they change. A job's parts are handed out by
// a counter.
typedef struct {
    void (*body)(void *, long);
    void *context;
    long parts;
    _Alignas(64) atomic_long next;
    _Alignas(64) atomic_int active;  // workers looking at the job
    atomic_int open;
} Job;

static Job job;
static atomic_int generation;
static atomic_int sleepers;
static atomic_int target;   // workers that should exist
static atomic_int alive;    // workers that do exist
static atomic_int threads;  // 0 until configured
static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int inside;

enum { SPINS = 4000, SPINS_BEFORE_YIELD = 2000 };

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

#if defined(__linux__)
static void wait_change(atomic_int *word, int seen) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, 0, 0, 0); }
static void wake_all(atomic_int *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0); }
#else
static void wait_change(atomic_int *word, int seen) { (void)word; (void)seen; usleep(50); }
static void wake_all(atomic_int *word) { (void)word; }
#endif

static void run_parts(void) {
    long part;
    while ((part = atomic_fetch_add_explicit(&job.next, 1, memory_order_relaxed)) < job.parts)
        job.body(job.context, part);
}

typedef struct {
    int index, seen;
} Start;

static void *worker(void *argument) {
    Start start = *(Start *)argument;
    free(argument);
    inside = 1;
    int seen = start.seen;
    for (;;) {
        int spins = 0, now;
        while ((now = atomic_load_explicit(&generation, memory_order_acquire)) == seen) {
            if (spins++ < SPINS) {
                relax();
                continue;
            }
            atomic_fetch_add(&sleepers, 1);
            wait_change(&generation, seen);
            atomic_fetch_sub(&sleepers, 1);
        }
        seen = now;
        if (start.index >= atomic_load(&target)) break;
        atomic_fetch_add(&job.active, 1);
        if (atomic_load(&job.open)) run_parts();
        atomic_fetch_sub(&job.active, 1);
    }
    atomic_fetch_sub(&alive, 1);
    return NULL;
}

static void announce(void) {
    atomic_fetch_add(&generation, 1);
    if (atomic_load(&sleepers) > 0) wake_all(&generation);
}

static void wait_until(atomic_int *word, int value) {
    int spins = 0;
    while (atomic_load(word) != value) {
        if (++spins < SPINS_BEFORE_YIELD) relax();
        else sched_yield();
    }
}

static void adopt_size(int wanted) {
    int workers = wanted - 1, live = atomic_load(&alive);
    atomic_store(&target, workers);
    if (workers < live) {
        announce();
        wait_until(&alive, workers);
    }
    for (int index = live; index < workers; index++) {
        Start *start = malloc(sizeof *start);
        pthread_t thread;
        if (!start) abort();
        *start = (Start){index, atomic_load(&generation)};
        if (pthread_create(&thread, NULL, worker, start) != 0) {
            free(start);
            break;
        }
        pthread_detach(thread);
        atomic_fetch_add(&alive, 1);
    }
    atomic_store(&threads, atomic_load(&alive) + 1);
}

void ck_pool_configure(int wanted) {
    pthread_mutex_lock(&owner);
    adopt_size(wanted < 1 ? 1 : wanted);
    pthread_mutex_unlock(&owner);
}

int ck_pool_threads(void) {
    int now = atomic_load(&threads);
    if (now > 0) return now;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_mutex_lock(&owner);
    if (atomic_load(&threads) == 0) adopt_size(online < 1 ? 1 : (int)online);
    pthread_mutex_unlock(&owner);
    return atomic_load(&threads);
}

int ck_pool_sharing(void) { return inside ? 1 : ck_pool_threads(); }

void ck_parallel(long parts, void (*body)(void *, long), void *context) {
    if (parts > 1 && !inside && ck_pool_threads() > 1 && pthread_mutex_trylock(&owner) == 0) {
        inside = 1;
        job.body = body;
        job.context = context;
        job.parts = parts;
        atomic_store_explicit(&job.next, 0, memory_order_relaxed);
        atomic_store(&job.open, 1);
        announce();
        run_parts();
        atomic_store(&job.open, 0);
        wait_until(&job.active, 0);
        inside = 0;
        pthread_mutex_unlock(&owner);
        return;
    }
    for (long part = 0; part < parts; part++) body(context, part);
}

const char *ck_isa(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
    if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
    return "x86-64";
#elif defined(__aarch64__)
    return "armv8-a";
#else
    return "generic";
#endif
}
