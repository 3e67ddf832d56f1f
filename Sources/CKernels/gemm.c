#include "CKernels.h"
#include "rows.h"
#include "vector.h"

// K per block of b.
enum { CK_DEPTH_BLOCK = 512, CK_ROWS_BLOCK = 128 };

// How K is cut: into blocks of whole taps, or of parts of one tap; a block of b stays in the L2 cache.
typedef struct {
    long taps, depth;
} CKDepthBlocks;

static CKDepthBlocks ck_depth_blocks(const CKProduct *p) {
    long taps = p->depth >= CK_DEPTH_BLOCK ? 1 : CK_DEPTH_BLOCK / (p->depth > 0 ? p->depth : 1);
    long pieces = (p->depth + CK_DEPTH_BLOCK - 1) / CK_DEPTH_BLOCK;
    if (pieces < 1) pieces = 1;
    return (CKDepthBlocks){taps < p->taps ? taps : p->taps, (p->depth + pieces - 1) / pieces};
}

// Columns of all panels, the last of which is one or two vectors wide.
static long ck_padded(long columns, long lanes) { return (columns + lanes - 1) / lanes * lanes; }

// Floats between the 36 parts of a transformed tile set beyond their size.
enum { CK_WINO_APART = 16 };

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
    void (*product)(const CKProduct *, const CKExtraProduct *, long, long, long, long);
    void (*panels)(const CKProduct *, long, long, float *);
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
        ck_v4_product, ck_v4_all_panels, ck_v4_transposed, ck_v4_attend, ck_v4_attend_backward, ck_v4_wino_input, ck_v4_wino_slope,
        ck_v4_wino_weight, ck_v4_wino_columns, ck_v4_wino_tiles, ck_v4_wino_gradient, ck_v4_wino_piece, 16,
    };
    static const Kernels v3 = {
        ck_v3_product, ck_v3_all_panels, ck_v3_transposed, ck_v3_attend, ck_v3_attend_backward, ck_v3_wino_input, ck_v3_wino_slope,
        ck_v3_wino_weight, ck_v3_wino_columns, ck_v3_wino_tiles, ck_v3_wino_gradient, ck_v3_wino_piece, 8,
    };
    if (__builtin_cpu_supports("x86-64-v4")) return &v4;
    if (__builtin_cpu_supports("x86-64-v3")) return &v3;
#endif
    static const Kernels base = {
        ck_base_product, ck_base_all_panels, ck_base_transposed, ck_base_attend, ck_base_attend_backward,
        ck_base_wino_input, ck_base_wino_slope, ck_base_wino_weight, ck_base_wino_columns, ck_base_wino_tiles,
        ck_base_wino_gradient, ck_base_wino_piece, 4,
    };
    return &base;
}

void ck_product(const CKProduct *p, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    kernels()->product(p, NULL, rowBegin, rowEnd, columnBegin, columnEnd);
}

void ck_two_products(
    const CKProduct *p, const CKExtraProduct *extra, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    kernels()->product(p, extra, rowBegin, rowEnd, columnBegin, columnEnd);
}

size_t ck_panels_size(const CKProduct *p) {
    return (size_t)(p->taps * p->depth * ck_padded(p->columns, kernels()->lanes));
}

void ck_pack_panels(const CKProduct *p, long columnBegin, long columnEnd, float *out) {
    kernels()->panels(p, columnBegin, columnEnd, out);
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
