#include "CKernels.h"
#include "vector.h"

// K per block of b, and floats per block: half of a 512 KB second-level cache.
enum { CK_DEPTH_BLOCK = 512, CK_BLOCK_FLOATS = 65536, CK_ROWS_BLOCK = 128 };

// Read in place of pixels outside the image; longer than any row of channels.
enum { CK_ZEROS = 16384 };
static const float ck_zeros[CK_ZEROS + 64];

// Pointers to the tile's rows (all taps) and results.
static void ck_locate(
    const CKProduct *p, long row, long height, long t0, long taps, long k0, long tileRows, const float **rows,
    float **c) {
    const CKPixels *g = p->pixels;
    if (!g) {
        for (long i = 0; i < height; i++) {
            rows[i] = p->a + (row + i) * p->aStride + k0;
            c[i] = p->c + (row + i) * p->cStride;
        }
        return;
    }
    long x = row % g->gridWidth, rest = row / g->gridWidth;
    long y = rest % g->gridHeight, sample = rest / g->gridHeight;
    for (long i = 0; i < height; i++) {
        c[i] = p->c
            + ((sample * g->targetHeight + y * g->targetStep + g->targetY) * g->targetWidth + x * g->targetStep
                  + g->targetX) * p->cStride;
        const float *image = p->a + sample * g->height * g->width * p->aStride + k0;
        for (long t = 0; t < taps; t++) {
            long sy = y * g->step + g->offsetY[t0 + t], sx = x * g->step + g->offsetX[t0 + t];
            int inside = (unsigned long)sy < (unsigned long)g->height && (unsigned long)sx < (unsigned long)g->width;
            rows[t * tileRows + i] = inside ? image + (sy * g->width + sx) * p->aStride : ck_zeros;
        }
        if (++x == g->gridWidth) {
            x = 0;
            if (++y == g->gridHeight) {
                y = 0;
                sample++;
            }
        }
    }
}

// Pointers to tap `tap` of grid pixels (or to rows) [row, row + count).
static void ck_source_rows(
    const float *b, long stride, const CKPixels *g, long tap, long row, long count, const float **rows) {
    if (!g) {
        for (long i = 0; i < count; i++) rows[i] = b + (row + i) * stride;
        return;
    }
    long x = row % g->gridWidth, rest = row / g->gridWidth;
    long y = rest % g->gridHeight, sample = rest / g->gridHeight;
    for (long i = 0; i < count; i++) {
        long sy = y * g->step + g->offsetY[tap], sx = x * g->step + g->offsetX[tap];
        int inside = (unsigned long)sy < (unsigned long)g->height && (unsigned long)sx < (unsigned long)g->width;
        rows[i] = inside ? b + ((sample * g->height + sy) * g->width + sx) * stride : ck_zeros;
        if (++x == g->gridWidth) {
            x = 0;
            if (++y == g->gridHeight) {
                y = 0;
                sample++;
            }
        }
    }
}

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

// to[k · padded + i] = from[k · depthStride + i · columnStride], zeros from column `width` on; 4 × 4 blocks in registers
// where a column is contiguous.
static void ck_pack_transposed(
    const float *from, long depthStride, long columnStride, long depth, long width, long padded, float *to) {
    long i = 0;
    if (depthStride == 1)
        for (; i + 4 <= width; i += 4) {
            const float *f0 = from + i * columnStride, *f1 = f0 + columnStride, *f2 = f1 + columnStride;
            const float *f3 = f2 + columnStride;
            float *out = to + i;
            long k = 0;
            for (; k + 4 <= depth; k += 4, out += 4 * padded) {
                Four a = *(const Four *)(f0 + k), b = *(const Four *)(f1 + k), c = *(const Four *)(f2 + k);
                Four d = *(const Four *)(f3 + k);
                Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
                Four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
                *(Four *)out = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
                *(Four *)(out + padded) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
                ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
                cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
                *(Four *)(out + 2 * padded) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
                *(Four *)(out + 3 * padded) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
            }
            for (; k < depth; k++, out += padded) {
                out[0] = f0[k];
                out[1] = f1[k];
                out[2] = f2[k];
                out[3] = f3[k];
            }
        }
    for (; i < padded; i++)
        for (long k = 0; k < depth; k++)
            to[k * padded + i] = i < width ? from[k * depthStride + i * columnStride] : 0.0f;
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define NAME(x) ck_v4_##x
#define VL 16
#define MR 12
#include "gemm.h"
#include "attention.h"
#undef NAME
#undef VL
#undef MR
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define NAME(x) ck_v3_##x
#define VL 8
#define MR 6
#include "gemm.h"
#include "attention.h"
#undef NAME
#undef VL
#undef MR
#pragma clang attribute pop
#endif
#define NAME(x) ck_base_##x
#define VL 4
#define MR 4
#include "gemm.h"
#include "attention.h"
#undef NAME
#undef VL
#undef MR

typedef struct {
    void (*product)(const CKProduct *, long, long, long, long);
    void (*transposed)(
        long, long, const float *, long, const float *const *, long, int, float *, long);
    void (*attend)(const CKAttention *, long, long, long, long);
    void (*attend_backward)(const CKAttention *, long, long);
} Kernels;

static const Kernels *kernels(void) {
#if defined(__x86_64__)
    static const Kernels v4 = {ck_v4_product, ck_v4_transposed, ck_v4_attend, ck_v4_attend_backward};
    static const Kernels v3 = {ck_v3_product, ck_v3_transposed, ck_v3_attend, ck_v3_attend_backward};
    if (__builtin_cpu_supports("x86-64-v4")) return &v4;
    if (__builtin_cpu_supports("x86-64-v3")) return &v3;
#endif
    static const Kernels base = {ck_base_product, ck_base_transposed, ck_base_attend, ck_base_attend_backward};
    return &base;
}

void ck_product(const CKProduct *p, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    kernels()->product(p, rowBegin, rowEnd, columnBegin, columnEnd);
}

void ck_product_of_transpose(
    long m, long n, const float *a, long aStride, const float *b, long bStride, const CKPixels *pixels, long tap,
    long rowBegin, long rowEnd, int accumulate, float *c, long cStride) {
    const Kernels *k = kernels();
    const float *rows[CK_ROWS_BLOCK];
    for (long row = rowBegin; row < rowEnd; row += CK_ROWS_BLOCK) {
        long depth = rowEnd - row < CK_ROWS_BLOCK ? rowEnd - row : CK_ROWS_BLOCK;
        ck_source_rows(b, bStride, pixels, tap, row, depth, rows);
        k->transposed(m, n, a + row * aStride, aStride, rows, depth, accumulate || row > rowBegin, c, cStride);
    }
}

void ck_attention(const CKAttention *a, long sample, long head, long first, long last) {
    kernels()->attend(a, sample, head, first, last);
}

void ck_attention_backward(const CKAttention *a, long sample, long head) {
    kernels()->attend_backward(a, sample, head);
}
