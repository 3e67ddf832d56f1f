#include "CKernels.h"
#include "vector.h"

// K per block of b.
enum { CK_DEPTH_BLOCK = 512, CK_ROWS_BLOCK = 128 };

// Floats between the 36 parts of a transformed tile set beyond their size.
enum { CK_WINO_APART = 16 };

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

// to[k · padded + i] = from[k · depthStride + i · columnStride], zeros from column `width` on; 4 × 4 blocks
// in registers where a column is contiguous.
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
// Without it the compiler cuts every vector in two, for processors that slow down under wide ones: a tile of
// 12 × 32 then needs twice the registers there are.
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#define NAME(x) ck_v4_##x
#define VL 16
#define MR 12
#include "gemm.h"
#include "attention.h"
#include "winograd.h"
#undef NAME
#undef VL
#undef MR
#pragma clang attribute pop
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define NAME(x) ck_v3_##x
#define VL 8
#define MR 6
#include "gemm.h"
#include "attention.h"
#include "winograd.h"
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
#include "winograd.h"
#undef NAME
#undef VL
#undef MR

typedef struct {
    void (*product)(const CKProduct *, long, long, long, long);
    void (*transposed)(
        long, long, const float *, long, const float *const *, long, int, float *, long);
    void (*attend)(const CKAttention *, long, long, long, long);
    void (*attend_backward)(const CKAttention *, long, long);
    void (*wino_input)(const CKWinograd *, long, long, float *, long, long);
    void (*wino_slope)(const CKWinograd *, const float *, long, long, float *, long, long);
    void (*wino_weight)(const CKWinograd *, long, long, long, long, float *, long);
    void (*wino_columns)(const CKWinograd *, const float *, long, long, long, long, long, long, long);
    void (*wino_tiles)(const CKWinograd *, const float *, long, long, long);
    void (*wino_gradient)(
        const CKWinograd *, const float *, long, long, const float *, long, long, long, long, long, int, float *);
    void (*wino_piece)(const CKWinograd *, const float *, long, long, float *);
    long lanes;
} Kernels;

static const Kernels *kernels(void) {
#if defined(__x86_64__)
    static const Kernels v4 = {
        ck_v4_product, ck_v4_transposed, ck_v4_attend, ck_v4_attend_backward, ck_v4_wino_input, ck_v4_wino_slope,
        ck_v4_wino_weight, ck_v4_wino_columns, ck_v4_wino_tiles, ck_v4_wino_gradient, ck_v4_wino_piece, 16,
    };
    static const Kernels v3 = {
        ck_v3_product, ck_v3_transposed, ck_v3_attend, ck_v3_attend_backward, ck_v3_wino_input, ck_v3_wino_slope,
        ck_v3_wino_weight, ck_v3_wino_columns, ck_v3_wino_tiles, ck_v3_wino_gradient, ck_v3_wino_piece, 8,
    };
    if (__builtin_cpu_supports("x86-64-v4")) return &v4;
    if (__builtin_cpu_supports("x86-64-v3")) return &v3;
#endif
    static const Kernels base = {
        ck_base_product, ck_base_transposed, ck_base_attend, ck_base_attend_backward, ck_base_wino_input, ck_base_wino_slope,
        ck_base_wino_weight, ck_base_wino_columns, ck_base_wino_tiles, ck_base_wino_gradient, ck_base_wino_piece, 4,
    };
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

// MARK: Winograd

// Parts of the transformed arrays, with room for whole vectors.
static long wino_stride(long channels) {
    long lanes = kernels()->lanes;
    return (channels + lanes - 1) / lanes * lanes;
}
static long wino_apart(long tiles, long channels) { return tiles * wino_stride(channels) + CK_WINO_APART; }
static long wino_filter_apart(const CKWinograd *w) {
    return w->inputs * ((w->outputs + 2 * kernels()->lanes - 1) / (2 * kernels()->lanes) * 2 * kernels()->lanes)
        + CK_WINO_APART;
}

size_t ck_winograd_floats(long tiles, long channels) { return (size_t)(36 * wino_apart(tiles, channels)); }
size_t ck_winograd_filter_floats(const CKWinograd *w) { return (size_t)(36 * wino_filter_apart(w)); }
long ck_winograd_panel(void) { return 2 * kernels()->lanes; }

void ck_winograd_input(const CKWinograd *w, long first, long tiles, long t0, long t1, float *v) {
    long stride = wino_stride(w->inputs);
    kernels()->wino_input(
        w, first + t0, first + t1, v + t0 * stride, wino_apart(tiles, w->inputs), stride);
}

void ck_winograd_slope(
    const CKWinograd *w, const float *dy, long first, long tiles, long t0, long t1, float *z) {
    long stride = wino_stride(w->outputs);
    kernels()->wino_slope(
        w, dy, first + t0, first + t1, z + t0 * stride, wino_apart(tiles, w->outputs), stride);
}

void ck_winograd_filter(const CKWinograd *w, long j0, long j1, float *u) {
    kernels()->wino_weight(w, j0, j1, 0, w->inputs, u + j0 * w->inputs, wino_filter_apart(w));
}

void ck_winograd_columns(
    const CKWinograd *w, const float *v, long first, long tiles, long j0, long j1, long depthBlock) {
    kernels()->wino_columns(
        w, v, wino_apart(tiles, w->inputs), wino_stride(w->inputs), first, first + tiles, j0, j1, depthBlock);
}

void ck_winograd_tiles(const CKWinograd *w, const float *u, long t0, long t1) {
    kernels()->wino_tiles(w, u, wino_filter_apart(w), t0, t1);
}

void ck_winograd_gradient(
    const CKWinograd *w, const float *z, const float *v, long tiles, long o0, long o1, int accumulate, float *dw) {
    kernels()->wino_gradient(
        w, z, wino_apart(tiles, w->outputs), wino_stride(w->outputs), v, wino_apart(tiles, w->inputs),
        wino_stride(w->inputs), tiles, o0, o1, accumulate, dw);
}

void ck_winograd_piece(const CKWinograd *w, const float *dy, long t0, long t1, float *dw) {
    kernels()->wino_piece(w, dy, t0, t1, dw);
}
