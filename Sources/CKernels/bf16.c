#include "CKernels.h"
#include "rows.h"
#include "vector.h"

// Products of bf16 operands with f32 sums. Both operands are packed in blocks of 16 × 32 numbers, 1 KB each:
// a left block holds 16 rows of 32 numbers, a right block 16 pairs of rows, [pair][column][2]. That is the
// form of AMX's tiles, and vdpbf16ps takes its pairs from it as well.
enum {
    SIDE = 16, STEP = 32, BLOCK = SIDE * STEP,
    // Rows of a tile of results, and its columns.
    TILE = 2 * SIDE,
    // What is packed at a time of a right operand, at most: depth, columns, and numbers, 1 MB of a
    // second-level cache.
    LONG = 1536, COLUMNS = 512, RIGHT = 1 << 19,
    // The depth that is turned around, or summed over rows, at a time.
    DEPTH = 512,
};

typedef struct {
    // out[TILE][TILE] = left · right, `rows` and `columns` blocks of them, `apart` numbers apart.
    void (*tile)(long steps, int rows, int columns, const uint16_t *a, const uint16_t *b, long apart, float *out);
    // Before and after the tiles of a thread.
    void (*begin)(void);
    void (*end)(void);
    const char *name;
} Arithmetic;

static void nothing(void) {}

// MARK: The instruction in portable C

CK_INLINE uint32_t bits(float x) {
    uint32_t value;
    memcpy(&value, &x, sizeof value);
    return value;
}

CK_INLINE uint16_t narrowed(float x) {
    uint32_t u = bits(x), magnitude = u & 0x7FFFFFFF;
    uint32_t rounded = (u + 0x7FFF + (u >> 16 & 1)) >> 16;
    rounded = magnitude > 0x7F800000 ? u >> 16 | 0x40 : rounded;
    return (uint16_t)(magnitude < 0x00800000 ? u >> 16 & 0x8000 : rounded);
}

CK_CLONES void ck_bf16_widen(size_t n, const uint16_t *x, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = ck_as_float((uint32_t)x[i] << 16);
}

static inline int is_nan(uint32_t u) { return (u & 0x7FFFFFFF) > 0x7F800000; }
static inline uint32_t without_denormals(uint32_t u) { return u & 0x7F800000 ? u : u & 0x80000000; }

// sum + a · b, rounded once, as one half of VDPBF16PS: denormals count as zeros and become zeros; the first
// NaN of a, b, sum comes out, quiet.
static uint32_t fused(uint32_t sum, uint32_t a, uint32_t b) {
    a = without_denormals(a);
    b = without_denormals(b);
    sum = without_denormals(sum);
    if (is_nan(a)) return a | 0x400000;
    if (is_nan(b)) return b | 0x400000;
    if (is_nan(sum)) return sum | 0x400000;
    float x = ck_as_float(a), y = ck_as_float(b), z = ck_as_float(sum), r = fmaf(x, y, z);
    if (r != r) return 0xFFC00000;
    if (r == 0 || fabsf(r) > 0x1p-126f) return bits(r);
    // Tiny is what, rounded to 24 bits whatever its exponent, lies below 2⁻¹²⁶. The sum is exact in f64
    // where that is in doubt: x · y has 16 bits, z none below 2⁻¹⁴⁹.
    double exact = (double)x * y + z;
    return (bits(r) & 0x80000000) | (fabs(exact) < 0x1p-126 - 0x1p-151 ? 0 : 0x00800000);
}

// The instruction adds the product of the second numbers of the pairs first.
static inline uint32_t pair(uint32_t sum, uint32_t a, uint32_t b) {
    sum = fused(sum, a & 0xFFFF0000, b & 0xFFFF0000);
    return fused(sum, a << 16, b << 16);
}

void ck_bf16_emulated_pairs(size_t n, const uint32_t *a, const uint32_t *b, uint32_t *sums) {
    for (size_t i = 0; i < n; i++) sums[i] = pair(sums[i], a[i], b[i]);
}

// The lanes that `fused` must look at: NaNs, and results at or below 2⁻¹²⁶ that are not zero.
CK_INLINE uint32_t doubtful(float x) {
    uint32_t magnitude = bits(x) << 1;
    return (magnitude - 1 < 0x01000000) | (magnitude > 0xFF000000);
}
CK_INLINE float flushed(uint32_t u) { return ck_as_float((u & 0x7F800000) != 0 ? u : u & 0x80000000); }

// One row of a left block times a panel. A step in which any lane is in doubt is done again, number by
// number.
CK_CLONES static void emulate_row(long steps, const uint16_t *a, const uint16_t *b, float *out) {
    float sums[SIDE] = {0};
    for (long s = 0; s < steps; s++, a += BLOCK, b += BLOCK) {
        uint32_t left[SIDE], doubt[SIDE] = {0}, any = 0;
        float acc[SIDE];
        memcpy(left, a, sizeof left);
        memcpy(acc, sums, sizeof acc);
        for (long q = 0; q < SIDE; q++) {
            float second = flushed(left[q] & 0xFFFF0000), first = flushed(left[q] << 16);
            uint32_t right[SIDE];
            memcpy(right, b + q * STEP, sizeof right);
            for (long j = 0; j < SIDE; j++) {
                float half = __builtin_fmaf(flushed(right[j] & 0xFFFF0000), second, acc[j]);
                acc[j] = __builtin_fmaf(flushed(right[j] << 16), first, half);
                doubt[j] |= doubtful(half) | doubtful(acc[j]);
            }
        }
        for (long j = 0; j < SIDE; j++) any |= doubt[j];
        if (!any) {
            memcpy(sums, acc, sizeof sums);
            continue;
        }
        for (long q = 0; q < SIDE; q++) {
            uint32_t right[SIDE];
            memcpy(right, b + q * STEP, sizeof right);
            for (long j = 0; j < SIDE; j++) sums[j] = ck_as_float(pair(bits(sums[j]), right[j], left[q]));
        }
    }
    memcpy(out, sums, sizeof sums);
}

static void emulate(long steps, int rows, int columns, const uint16_t *a, const uint16_t *b, long apart, float *out) {
    for (int i = 0; i < rows * SIDE; i++)
        for (int c = 0; c < columns; c++)
            emulate_row(
                steps, a + i / SIDE * apart + i % SIDE * STEP, b + c * apart, out + i * TILE + c * SIDE);
}

// MARK: The instructions

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HAS_PAIRS
// See gemm.c for the width.
#define CK_PAIRS __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))

CK_PAIRS void ck_bf16_pairs(size_t n, const uint32_t *a, const uint32_t *b, uint32_t *sums) {
    for (size_t i = 0; i + 16 <= n; i += 16)
        _mm512_storeu_ps(
            sums + i,
            _mm512_dpbf16_ps(
                _mm512_loadu_ps(sums + i), (__m512bh)_mm512_loadu_si512(a + i), (__m512bh)_mm512_loadu_si512(b + i)));
}

// Eight rows of a left block.
CK_PAIRS static inline __attribute__((always_inline)) void pairs_rows(
    const int columns, long steps, const uint16_t *a, const uint16_t *b, long apart, float *out) {
    __m512 acc[8][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++)
#pragma clang loop unroll(full)
        for (int c = 0; c < columns; c++) acc[i][c] = _mm512_setzero_ps();
    for (long s = 0; s < steps; s++, a += BLOCK, b += BLOCK)
        for (long q = 0; q < SIDE; q++) {
            __m512bh right[2];
#pragma clang loop unroll(full)
            for (int c = 0; c < columns; c++) right[c] = (__m512bh)_mm512_loadu_si512(b + c * apart + q * STEP);
#pragma clang loop unroll(full)
            for (int i = 0; i < 8; i++) {
                int left;
                memcpy(&left, a + i * STEP + 2 * q, sizeof left);
#pragma clang loop unroll(full)
                for (int c = 0; c < columns; c++)
                    acc[i][c] = _mm512_dpbf16_ps(acc[i][c], right[c], (__m512bh)_mm512_set1_epi32(left));
            }
        }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++)
#pragma clang loop unroll(full)
        for (int c = 0; c < columns; c++) _mm512_storeu_ps(out + i * TILE + c * SIDE, acc[i][c]);
}

CK_PAIRS static void pairs(
    long steps, int rows, int columns, const uint16_t *a, const uint16_t *b, long apart, float *out) {
    for (int i = 0; i < rows * SIDE; i += 8) {
        const uint16_t *from = a + i / SIDE * apart + i % SIDE * STEP;
        if (columns == 2) pairs_rows(2, steps, from, b, apart, out + i * TILE);
        else pairs_rows(1, steps, from, b, apart, out + i * TILE);
    }
}

// AMX's eight registers of 16 rows of 64 bytes: four of sums, two of the left and two of the right operand.
#define CK_AMX __attribute__((target("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16")))

CK_AMX static void amx_begin(void) {
    struct {
        uint8_t palette, row, rest[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shape.bytes[i] = 2 * STEP;
        shape.rows[i] = SIDE;
    }
    _tile_loadconfig(&shape);
}

CK_AMX static void amx_end(void) { _tile_release(); }

CK_AMX static void amx(
    long steps, int rows, int columns, const uint16_t *a, const uint16_t *b, long apart, float *out) {
    enum { ROW = TILE * sizeof(float) };
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    // Blocks that are not wanted are computed from others, and not stored.
    const uint16_t *below = a + (rows > 1 ? apart : 0), *beside = b + (columns > 1 ? apart : 0);
    if (rows > 1 && columns > 1)
        for (long s = 0; s < steps * BLOCK; s += BLOCK) {
            // The left operand stays in the first-level cache, the right one comes from the second.
#pragma clang loop unroll(full)
            for (long i = 0; i < BLOCK; i += STEP) {
                _mm_prefetch(b + s + BLOCK + i, _MM_HINT_T0);
                _mm_prefetch(beside + s + BLOCK + i, _MM_HINT_T0);
            }
            _tile_loadd(4, a + s, 2 * STEP);
            _tile_loadd(6, b + s, 2 * STEP);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(7, beside + s, 2 * STEP);
            _tile_dpbf16ps(1, 4, 7);
            _tile_loadd(5, below + s, 2 * STEP);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    else if (rows > 1)
        for (long s = 0; s < steps * BLOCK; s += BLOCK) {
            _tile_loadd(4, a + s, 2 * STEP);
            _tile_loadd(6, b + s, 2 * STEP);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(5, below + s, 2 * STEP);
            _tile_dpbf16ps(2, 5, 6);
        }
    else
        for (long s = 0; s < steps * BLOCK; s += BLOCK) {
            _tile_loadd(4, a + s, 2 * STEP);
            _tile_loadd(6, b + s, 2 * STEP);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(7, beside + s, 2 * STEP);
            _tile_dpbf16ps(1, 4, 7);
        }
    _tile_stored(0, out, ROW);
    if (columns > 1) _tile_stored(1, out + SIDE, ROW);
    if (rows > 1) _tile_stored(2, out + SIDE * TILE, ROW);
    if (rows > 1 && columns > 1) _tile_stored(3, out + SIDE * TILE + SIDE, ROW);
}

static int detected;

static void detect(void) {
    unsigned a, b, c, d;
    if (!__builtin_cpu_supports("x86-64-v4") || !__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return;
    detected = 1 << CK_BF16_PAIRS;
    // The system lends the tiles' registers to a process that asks (ARCH_REQ_XCOMP_PERM, XTILEDATA).
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) && (d >> 24 & 1)
        && syscall(SYS_arch_prctl, 0x1023, 18) == 0)
        detected |= 1 << CK_BF16_AMX;
}

static const Arithmetic arithmetics[] = {
    {emulate, nothing, nothing, "emulated"},
    {pairs, nothing, nothing, "avx512-bf16"},
    {amx, amx_begin, amx_end, "amx-bf16"},
};

int ck_bf16_has(int kernel) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, detect);
    return kernel == CK_BF16_EMULATED || (detected >> kernel & 1);
}
#else
static const Arithmetic arithmetics[] = {{emulate, nothing, nothing, "emulated"}};

int ck_bf16_has(int kernel) { return kernel == CK_BF16_EMULATED; }
void ck_bf16_pairs(size_t n, const uint32_t *a, const uint32_t *b, uint32_t *sums) {
    ck_bf16_emulated_pairs(n, a, b, sums);
}
#endif

int ck_bf16_kernel(void) {
    for (int kernel = CK_BF16_AMX; kernel > CK_BF16_EMULATED; kernel--)
        if (ck_bf16_has(kernel)) return kernel;
    return CK_BF16_EMULATED;
}

int ck_bf16_scope(int isOn) {
    static _Thread_local int current;
    int before = current;
    current = isOn;
    return before;
}

const char *ck_bf16_name(int kernel) { return arithmetics[kernel].name; }

// MARK: Packing and products

static inline long up(long n, long multiple) { return (n + multiple - 1) / multiple * multiple; }
static inline long least(long a, long b) { return a < b ? a : b; }

// Where the numbers of a right operand lie: floats, or half floats in their place.
typedef struct {
    const float *floats;
    const uint16_t *halves;
} Source;

// A part of the depth of a product: whole taps, or a part of one tap.
typedef struct {
    long tap, taps;
    // Within a tap; `padded` to whole steps.
    long begin, depth, padded;
    // Numbers of all its taps in a panel of 16 columns, and what depth lies before it.
    long apart, offset;
} Part;

static Part part_at(const CKProduct *p, long tap, long begin, long offset) {
    long pieces = (p->depth + LONG - 1) / LONG, block = up((p->depth + pieces - 1) / pieces, STEP);
    long most = pieces > 1 ? 1 : least(LONG / block, p->taps), passes = (p->taps + most - 1) / most;
    Part part = {.tap = tap, .begin = begin, .offset = offset};
    part.taps = least(p->taps - tap, (p->taps + passes - 1) / passes);
    part.depth = least(p->depth - begin, block);
    part.padded = up(part.depth, STEP);
    part.apart = part.taps * part.padded * SIDE;
    return part;
}

static Part first_part(const CKProduct *p) { return part_at(p, 0, 0, 0); }

// No taps are left behind the last.
static Part next_part(const CKProduct *p, Part part) {
    long offset = part.offset + part.taps * part.padded, begin = part.begin + part.depth;
    return begin < p->depth ? part_at(p, part.tap, begin, offset) : part_at(p, part.tap + part.taps, 0, offset);
}

size_t ck_bf16_packed_size(const CKProduct *p) {
    Part part = first_part(p);
    while (part.taps > 0) part = next_part(p, part);
    return (size_t)(part.offset * up(p->columns, SIDE));
}

#define NAME(x) any_##x
#include "bf16.h"
#include "bf16_attention.h"
#undef NAME
#if defined(HAS_PAIRS)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,avx512bf16"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#define NAME(x) wide_##x
#define WIDE
#include "bf16.h"
#include "bf16_attention.h"
#undef NAME
#pragma clang attribute pop
#pragma clang attribute pop
#define CALL(kernel, name, ...) \
    ((kernel) == CK_BF16_EMULATED ? any_##name(__VA_ARGS__) : wide_##name(__VA_ARGS__))
#else
#define CALL(kernel, name, ...) any_##name(__VA_ARGS__)
#endif

void ck_bf16_narrow(int kernel, size_t n, const float *x, uint16_t *y) { CALL(kernel, narrow_all, n, x, y); }

void ck_bf16_pack(int kernel, const CKProduct *p, long columnBegin, long columnEnd, uint16_t *out) {
    CALL(kernel, pack_all, p, columnBegin, columnEnd, out);
}

void ck_bf16_product(
    int kernel, const CKProduct *p, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    CALL(kernel, product, &arithmetics[kernel], p, rowBegin, rowEnd, columnBegin, columnEnd);
}

void ck_bf16_product_of_transpose(
    int kernel, long m, long n, const float *a, long aStride, const float *b, long bStride, const CKPixels *pixels,
    long tap, long rowBegin, long rowEnd, int accumulate, float *c, long cStride) {
    CALL(
        kernel, transposed, &arithmetics[kernel], m, n, a, aStride, b, bStride, pixels, tap, rowBegin, rowEnd,
        accumulate, c, cStride);
}

void ck_bf16_attention(int kernel, const CKAttention *a, long sample, long head, long first, long last) {
    CALL(kernel, attend, &arithmetics[kernel], a, sample, head, first, last);
}

void ck_bf16_attention_backward(int kernel, const CKAttention *a, long sample, long head) {
    CALL(kernel, attend_backward, &arithmetics[kernel], a, sample, head);
}
