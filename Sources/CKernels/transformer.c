#include "CKernels.h"
#include "vector.h"

// What rectified-flow transformers and T5 need besides the kernels of other networks: root-mean-square norms,
// rotary embeddings, gates.

enum { LANES = 16, LARGEST_HEAD = 4096 };

CK_INLINE float lane_dot(size_t n, const float *a, const float *b) {
    float lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++) lane[l] = ck_fma(a[i + l], b[i + l], lane[l]);
    for (size_t j = i; j < n; j++) lane[j - i] = ck_fma(a[j], b[j], lane[j - i]);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

CK_CLONES void ck_rms_norm(
    size_t rows, size_t c, float epsilon, const float *x, const float *weight, float *y, float *rstd) {
    for (size_t r = 0; r < rows; r++, x += c, y += c) {
        float scale = (float)(1.0 / sqrt((double)lane_dot(c, x, x) / (double)c + epsilon));
        for (size_t i = 0; i < c; i++) y[i] = x[i] * scale * weight[i];
        rstd[r] = scale;
    }
}

CK_CLONES void ck_rms_norm_backward(
    size_t rows, size_t c, const float *x, const float *g, const float *weight, const float *rstd, float *dx,
    float *dWeight) {
    for (size_t r = 0; r < rows; r++, x += c, g += c) {
        float scale = rstd[r];
        if (dWeight)
            for (size_t i = 0; i < c; i++) dWeight[i] += g[i] * x[i] * scale;
        if (!dx) continue;
        for (size_t i = 0; i < c; i++) dx[i] = g[i] * weight[i];
        float mean = (float)((double)lane_dot(c, dx, x) * scale * scale / (double)c);
        for (size_t i = 0; i < c; i++) dx[i] = scale * (dx[i] - x[i] * mean);
        dx += c;
    }
}

CK_CLONES void ck_rotate_pairs(
    size_t rows, size_t heads, size_t size, float direction, const float *x, const float *cosines, const float *sines,
    float *y) {
    size_t half = size / 2;
    for (size_t r = 0; r < rows; r++, cosines += half, sines += half)
        for (size_t h = 0; h < heads; h++, x += size, y += size)
            for (size_t i = 0; i < half; i++) {
                float a = x[2 * i], b = x[2 * i + 1], sine = direction * sines[i];
                y[2 * i] = a * cosines[i] - b * sine;
                y[2 * i + 1] = b * cosines[i] + a * sine;
            }
}

CK_CLONES void ck_gate_rows(
    size_t rows, size_t c, const float *x, const float *gate, const float *add, float *y) {
    for (size_t r = 0; r < rows; r++, x += c, y += c, add += c)
        for (size_t i = 0; i < c; i++) y[i] = ck_fma(x[i], gate[i], add[i]);
}

CK_CLONES void ck_softmax_backward(size_t rows, size_t c, const float *p, const float *g, float *dx) {
    for (size_t r = 0; r < rows; r++, p += c, g += c, dx += c) {
        float dot = lane_dot(c, p, g);
        for (size_t i = 0; i < c; i++) dx[i] = p[i] * (g[i] - dot);
    }
}

// By the functions themselves: their loops copied here would round otherwise.
void ck_norm_rotate(
    size_t rows, size_t heads, size_t size, float epsilon, const float *x, const float *weight, const float *cosines,
    const float *sines, float *y, float *rstd) {
    float normed[LARGEST_HEAD];
    for (size_t r = 0; r < rows; r++, cosines += size / 2, sines += size / 2)
        for (size_t h = 0; h < heads; h++, x += size, y += size) {
            ck_rms_norm(1, size, epsilon, x, weight, normed, rstd++);
            ck_rotate_pairs(1, 1, size, 1, normed, cosines, sines, y);
        }
}

CK_CLONES void ck_norm_rotate_backward(
    size_t rows, size_t heads, size_t size, const float *x, const float *g, const float *weight, const float *rstd,
    const float *cosines, const float *sines, float *dx) {
    size_t half = size / 2;
    for (size_t r = 0; r < rows; r++, cosines += half, sines += half)
        for (size_t h = 0; h < heads; h++, x += size, g += size, dx += size) {
            float scale = *rstd++;
            for (size_t i = 0; i < half; i++) {
                float a = g[2 * i], b = g[2 * i + 1];
                dx[2 * i] = (a * cosines[i] + b * sines[i]) * weight[2 * i];
                dx[2 * i + 1] = (b * cosines[i] - a * sines[i]) * weight[2 * i + 1];
            }
            float mean = (float)((double)lane_dot(size, dx, x) * scale * scale / (double)size);
            for (size_t i = 0; i < size; i++) dx[i] = scale * (dx[i] - x[i] * mean);
        }
}
