#include "CKernels.h"
#include "vector.h"

// Sums run in f32 over blocks of positions and in f64 over blocks, around a pivot, so that a large mean does
// not eat the variance. A group's channels are contiguous within a position.

enum { BLOCK = 32 };

CK_CLONES void ck_group_statistics(
    size_t positions, size_t channels, size_t groups, float epsilon, const float *x, float *mean, float *rstd) {
    size_t width = channels / groups;
    double count = (double)(positions * width);
    double sums[channels];
    float pivot[channels], part[channels];
    for (size_t c = 0; c < channels; c++) {
        pivot[c] = x[c];
        sums[c] = 0;
    }
    for (size_t p = 0; p < positions;) {
        size_t end = p + BLOCK < positions ? p + BLOCK : positions;
        memset(part, 0, sizeof part);
        for (; p < end; p++)
            for (size_t c = 0; c < channels; c++) part[c] += x[p * channels + c] - pivot[c];
        for (size_t c = 0; c < channels; c++) sums[c] += part[c];
    }
    for (size_t group = 0; group < groups; group++) {
        double total = 0;
        for (size_t c = group * width; c < (group + 1) * width; c++) total += sums[c] + (double)positions * pivot[c];
        mean[group] = (float)(total / count);
    }
    for (size_t c = 0; c < channels; c++) {
        pivot[c] = mean[c / width];
        sums[c] = 0;
    }
    for (size_t p = 0; p < positions;) {
        size_t end = p + BLOCK < positions ? p + BLOCK : positions;
        memset(part, 0, sizeof part);
        for (; p < end; p++)
            for (size_t c = 0; c < channels; c++) {
                float d = x[p * channels + c] - pivot[c];
                part[c] = ck_fma(d, d, part[c]);
            }
        for (size_t c = 0; c < channels; c++) sums[c] += part[c];
    }
    for (size_t group = 0; group < groups; group++) {
        double total = 0;
        for (size_t c = group * width; c < (group + 1) * width; c++) total += sums[c];
        rstd[group] = (float)(1.0 / sqrt(total / count + epsilon));
    }
}

CK_CLONES void ck_channel_affine(
    size_t positions, size_t channels, const float *x, const float *scale, const float *shift, int silu, float *y) {
    for (size_t p = 0; p < positions; p++, x += channels, y += channels) {
        if (silu)
            for (size_t c = 0; c < channels; c++) y[c] = ck_silu(ck_fma(x[c], scale[c], shift[c]));
        else
            for (size_t c = 0; c < channels; c++) y[c] = ck_fma(x[c], scale[c], shift[c]);
    }
}

CK_CLONES void ck_group_backward_sums(
    size_t positions, size_t channels, size_t groups, const float *x, const float *g, const float *mean,
    const float *rstd, const float *weight, const float *bias, int silu, double *sumG, double *sumGX) {
    size_t width = channels / groups;
    float center[channels], scale[channels];
    for (size_t c = 0; c < channels; c++) {
        center[c] = mean[c / width];
        scale[c] = rstd[c / width];
        sumG[c] = sumGX[c] = 0;
    }
    float partG[channels], partGX[channels];
    for (size_t p = 0; p < positions;) {
        size_t end = p + BLOCK < positions ? p + BLOCK : positions;
        memset(partG, 0, sizeof partG);
        memset(partGX, 0, sizeof partGX);
        for (; p < end; p++, x += channels, g += channels)
            for (size_t c = 0; c < channels; c++) {
                float normal = (x[c] - center[c]) * scale[c];
                float through = silu ? g[c] * ck_silu_slope(ck_fma(normal, weight[c], bias[c])) : g[c];
                partG[c] += through;
                partGX[c] = ck_fma(through, normal, partGX[c]);
            }
        for (size_t c = 0; c < channels; c++) {
            sumG[c] += partG[c];
            sumGX[c] += partGX[c];
        }
    }
}

CK_CLONES void ck_group_backward(
    size_t positions, size_t channels, size_t groups, const float *x, const float *g, const float *mean,
    const float *rstd, const float *weight, const float *bias, int silu, const double *sumG, const double *sumGX,
    float *dx) {
    size_t width = channels / groups;
    double count = (double)(positions * width);
    float center[channels], scale[channels], first[channels], second[channels];
    for (size_t group = 0; group < groups; group++) {
        double a = 0, b = 0;
        for (size_t c = group * width; c < (group + 1) * width; c++) {
            a += sumG[c] * weight[c];
            b += sumGX[c] * weight[c];
        }
        for (size_t c = group * width; c < (group + 1) * width; c++) {
            center[c] = mean[group];
            scale[c] = rstd[group];
            first[c] = (float)(a / count);
            second[c] = (float)(b / count);
        }
    }
    for (size_t p = 0; p < positions; p++, x += channels, g += channels, dx += channels)
        for (size_t c = 0; c < channels; c++) {
            float normal = (x[c] - center[c]) * scale[c];
            float slope = silu ? ck_silu_slope(ck_fma(normal, weight[c], bias[c])) : 1.0f;
            dx[c] = scale[c] * (g[c] * slope * weight[c] - first[c] - normal * second[c]);
        }
}

enum { LANES = 16 };

// Σ term over j in 0..<c, in lanes of fixed width so that the order does not depend on the instruction set.
#define LANE_SUM(result, term) \
    do { \
        float lane[LANES] = {0}; \
        size_t i = 0; \
        for (; i + LANES <= c; i += LANES) \
            for (size_t l = 0; l < LANES; l++) { \
                size_t j = i + l; \
                lane[l] += (term); \
            } \
        for (size_t j = i; j < c; j++) lane[j - i] += (term); \
        for (int half = LANES / 2; half > 0; half /= 2) \
            for (int l = 0; l < half; l++) lane[l] += lane[l + half]; \
        result = lane[0]; \
    } while (0)

CK_CLONES void ck_layer_norm(
    size_t rows, size_t c, float epsilon, const float *x, const float *weight, const float *bias, float *y,
    float *mean, float *rstd) {
    for (size_t r = 0; r < rows; r++, x += c, y += c) {
        double total, squares;
        LANE_SUM(total, x[j]);
        float center = (float)(total / (double)c);
        LANE_SUM(squares, (x[j] - center) * (x[j] - center));
        float scale = (float)(1.0 / sqrt(squares / (double)c + epsilon));
        for (size_t i = 0; i < c; i++) y[i] = ck_fma((x[i] - center) * scale, weight[i], bias[i]);
        mean[r] = center;
        rstd[r] = scale;
    }
}

CK_CLONES void ck_layer_norm_backward(
    size_t rows, size_t c, const float *x, const float *g, const float *weight, const float *mean, const float *rstd,
    float *dx, float *dWeight, float *dBias) {
    for (size_t r = 0; r < rows; r++, x += c, g += c) {
        float center = mean[r], scale = rstd[r];
        if (dWeight)
            for (size_t i = 0; i < c; i++) dWeight[i] += g[i] * (x[i] - center) * scale;
        if (dBias)
            for (size_t i = 0; i < c; i++) dBias[i] += g[i];
        if (!dx) continue;
        double a, b;
        LANE_SUM(a, g[j] * weight[j]);
        LANE_SUM(b, g[j] * weight[j] * ((x[j] - center) * scale));
        float first = (float)(a / (double)c), second = (float)(b / (double)c);
        for (size_t i = 0; i < c; i++)
            dx[i] = scale * (g[i] * weight[i] - first - (x[i] - center) * scale * second);
        dx += c;
    }
}
