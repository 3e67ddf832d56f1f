#include "CKernels.h"
#include "vector.h"

// Runs of `width` channels belong to one column of a small matrix; eight channels at a time stay in a
// register.
enum { LANES = 8 };

CK_CLONES void ck_mix_groups(
    size_t positions, size_t outer, size_t groups, size_t width, const float *w, size_t rowStride,
    size_t columnStride, const float *restrict x, float *restrict y) {
    for (size_t p = 0; p < positions; p++, x += groups * width, y += outer * width)
        for (size_t d = 0; d < width; d += LANES) {
            size_t lanes = width - d < LANES ? width - d : LANES;
            for (size_t a = 0; a < outer; a++) {
                float sum[LANES] = {0};
                // Lanes past the run belong to the next one, or to the room behind a buffer, and are dropped.
                for (size_t c = 0; c < groups; c++)
                    for (size_t l = 0; l < LANES; l++)
                        sum[l] = ck_fma(w[a * rowStride + c * columnStride], x[c * width + d + l], sum[l]);
                if (lanes == LANES)
                    for (size_t l = 0; l < LANES; l++) y[a * width + d + l] = sum[l];
                else
                    for (size_t l = 0; l < lanes; l++) y[a * width + d + l] = sum[l];
            }
        }
}

CK_CLONES void ck_group_products(
    size_t positions, size_t outer, size_t groups, size_t width, const float *restrict g, const float *restrict x,
    float *restrict sums) {
    float lane[outer * groups * LANES];
    memset(lane, 0, sizeof lane);
    for (size_t p = 0; p < positions; p++, x += groups * width, g += outer * width)
        for (size_t d = 0; d < width; d += LANES) {
            size_t lanes = width - d < LANES ? width - d : LANES;
            for (size_t a = 0; a < outer; a++) {
                float slope[LANES] = {0};
                if (lanes == LANES)
                    for (size_t l = 0; l < LANES; l++) slope[l] = g[a * width + d + l];
                else
                    for (size_t l = 0; l < lanes; l++) slope[l] = g[a * width + d + l];
                for (size_t c = 0; c < groups; c++) {
                    float *to = lane + (a * groups + c) * LANES;
                    if (lanes == LANES)
                        for (size_t l = 0; l < LANES; l++) to[l] = ck_fma(slope[l], x[c * width + d + l], to[l]);
                    else
                        for (size_t l = 0; l < lanes; l++) to[l] = ck_fma(slope[l], x[c * width + d + l], to[l]);
                }
            }
        }
    for (size_t i = 0; i < outer * groups; i++)
        for (size_t l = 0; l < LANES; l++) sums[i] += lane[i * LANES + l];
}

CK_CLONES void ck_kronecker_row(
    size_t taps, size_t groups, size_t inner, const float *base, const float *w1, const float *w2, float scale,
    float *restrict y) {
    for (size_t t = 0; t < taps; t++, w2 += inner)
        for (size_t c = 0; c < groups; c++, y += inner) {
            float factor = scale * w1[c];
            if (base) {
                for (size_t d = 0; d < inner; d++) y[d] = ck_fma(factor, w2[d], base[d]);
                base += inner;
            } else {
                for (size_t d = 0; d < inner; d++) y[d] = factor * w2[d];
            }
        }
}

CK_CLONES void ck_kronecker_row_backward(
    size_t taps, size_t groups, size_t inner, const float *g, const float *w1, const float *w2, float scale,
    float *restrict sums, float *restrict d2) {
    for (size_t t = 0; t < taps; t++, w2 += inner, d2 += inner)
        for (size_t c = 0; c < groups; c++, g += inner) {
            float factor = scale * w1[c], lane[LANES] = {0};
            size_t d = 0;
            for (; d + LANES <= inner; d += LANES)
                for (size_t l = 0; l < LANES; l++) {
                    lane[l] = ck_fma(g[d + l], w2[d + l], lane[l]);
                    d2[d + l] = ck_fma(factor, g[d + l], d2[d + l]);
                }
            for (size_t l = 0; d < inner; d++, l++) {
                lane[l] = ck_fma(g[d], w2[d], lane[l]);
                d2[d] = ck_fma(factor, g[d], d2[d]);
            }
            float sum = 0;
            for (size_t l = 0; l < LANES; l++) sum += lane[l];
            sums[c] = ck_fma(scale, sum, sums[c]);
        }
}
