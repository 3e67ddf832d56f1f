#include "CKernels.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

// Size classes: four per power of two, so that at most a fifth of a buffer is unused. Idle buffers of a class
// form a list through their first bytes.
enum { CLASSES = 4 * 48, SMALLEST = 256 };

// Kernels read whole vectors, up to 128 bytes past the end of a row. They come on top of a class, since
// sides of tensors are multiples of powers of two: most fill their class to the byte.
enum { PAST_END = 128 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *idle[CLASSES];
static size_t held;

static int size_class(size_t bytes, size_t *size) {
    if (bytes < SMALLEST) bytes = SMALLEST;
    int shift = 63 - __builtin_clzll(bytes - 1);  // 2^shift <= bytes - 1 < 2^(shift + 1)
    size_t step = (size_t)1 << (shift - 2), base = (size_t)1 << shift;
    size_t quarter = (bytes - base + step - 1) / step;  // 1...4
    *size = base + quarter * step + PAST_END;
    return shift * 4 + (int)quarter - 1;
}

static void *system_take(size_t size) {
    void *memory = NULL;
    int large = size >= (size_t)4 << 20;
    if (posix_memalign(&memory, large ? (size_t)2 << 20 : 64, size) != 0) {
        fprintf(stderr, "out of memory: a buffer of %zu bytes (%zu already held)\n", size, held);
        abort();
    }
#ifdef MADV_HUGEPAGE
    if (large) madvise(memory, size, MADV_HUGEPAGE);
#endif
    return memory;
}

float *ck_buffer_take(size_t bytes) {
    size_t size;
    int class = size_class(bytes, &size);
    pthread_mutex_lock(&lock);
    void *buffer = idle[class];
    if (buffer) memcpy(&idle[class], buffer, sizeof(void *));
    else held += size;
    pthread_mutex_unlock(&lock);
    return buffer ? buffer : system_take(size);
}

void ck_buffer_give(float *buffer, size_t bytes) {
    size_t size;
    int class = size_class(bytes, &size);
    pthread_mutex_lock(&lock);
    memcpy(buffer, &idle[class], sizeof(void *));
    idle[class] = buffer;
    pthread_mutex_unlock(&lock);
}

void ck_buffer_trim(void) {
    pthread_mutex_lock(&lock);
    for (int class = 0; class < CLASSES; class++) {
        int shift = class / 4;
        while (idle[class]) {
            void *buffer = idle[class];
            memcpy(&idle[class], buffer, sizeof(void *));
            free(buffer);
            held -= ((size_t)1 << shift) + (size_t)(class % 4 + 1) * ((size_t)1 << (shift - 2)) + PAST_END;
        }
    }
    pthread_mutex_unlock(&lock);
#if defined(__GLIBC__)
    // free() alone keeps what does not lie at the end of the heap.
    malloc_trim(0);
#endif
}

size_t ck_buffer_bytes(void) {
    pthread_mutex_lock(&lock);
    size_t result = held;
    pthread_mutex_unlock(&lock);
    return result;
}

// MARK: scratch

typedef struct {
    void *area[CK_SCRATCH_SLOTS];
    size_t size[CK_SCRATCH_SLOTS];
} Scratch;

static _Thread_local Scratch *scratch;
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_free(void *pointer) {
    Scratch *s = pointer;
    for (int i = 0; i < CK_SCRATCH_SLOTS; i++) free(s->area[i]);
    free(s);
}

static void scratch_make_key(void) { pthread_key_create(&scratch_key, scratch_free); }

float *ck_scratch(int slot, size_t bytes) {
    if (!scratch) {
        pthread_once(&scratch_once, scratch_make_key);
        scratch = calloc(1, sizeof *scratch);
        if (!scratch) abort();
        pthread_setspecific(scratch_key, scratch);
    }
    if (scratch->size[slot] < bytes) {
        free(scratch->area[slot]);
        size_t size;
        size_class(bytes, &size);
        scratch->area[slot] = system_take(size);
        scratch->size[slot] = size - PAST_END;
    }
    return scratch->area[slot];
}

static _Thread_local void *leaf_gradients;

void *ck_leaf_gradients(void) { return leaf_gradients; }

void *ck_leaf_gradients_set(void *object) {
    void *before = leaf_gradients;
    leaf_gradients = object;
    return before;
}

int ck_gradient_pause(int change) {
    static _Thread_local int depth;
    depth += change;
    return depth;
}
