// Where the operands of products lie, and their turning around: shared by the kernels of every precision.
#pragma once
#include "CKernels.h"

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
