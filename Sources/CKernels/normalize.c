#include "CKernels.h"
#include "vector.h"

// Statistics are sums in f64, two passes, so that a large mean does not eat the variance. A group's channels are
// contiguous within a position.

CK_CLONES void ck_group_statistics(
    size_t positions, size_t channels, size_t groups, float epsilon, const float *x, float *mean, float *rstd) {
    size_t width = channels / groups;
    double count = (double)(positions * width);
    double sums[channels];
    memset(sums, 0, sizeof sums);
    for (size_t p = 0; p < positions; p++)
        for (size_t c = 0; c < channels; c++) sums[c] += x[p * channels + c];
    float center[channels];
    for (size_t group = 0; group < groups; group++) {
        double total = 0;
        for (size_t c = 0; c < width; c++) total += sums[group * width + c];
        mean[group] = (float)(total / count);
        for (size_t c = 0; c < width; c++) center[group * width + c] = mean[group];
    }
    memset(sums, 0, sizeof sums);
    for (size_t p = 0; p < positions; p++)
        for (size_t c = 0; c < channels; c++) {
            double d = x[p * channels + c] - center[c];
            sums[c] += d * d;
        }
    for (size_t group = 0; group < groups; group++) {
        double total = 0;
        for (size_t c = 0; c < width; c++) total += sums[group * width + c];
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
    for (size_t p = 0; p < positions; p++, x += channels, g += channels)
        for (size_t c = 0; c < channels; c++) {
            float normal = (x[c] - center[c]) * scale[c];
            float slope = silu ? ck_silu_slope(ck_fma(normal, weight[c], bias[c])) : 1.0f;
            float through = g[c] * slope;
            sumG[c] += through;
            sumGX[c] += through * normal;
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

CK_CLONES void ck_layer_norm(
    size_t rows, size_t c, float epsilon, const float *x, const float *weight, const float *bias, float *y,
    float *mean, float *rstd) {
    for (size_t r = 0; r < rows; r++, x += c, y += c) {
        double average = ck_sum(c, x) / (double)c;
        float center = (float)average;
        double squares = 0;
        for (size_t i = 0; i < c; i++) squares += (double)(x[i] - center) * (double)(x[i] - center);
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
        double a = 0, b = 0;
        for (size_t i = 0; i < c; i++) {
            double through = g[i] * weight[i];
            a += through;
            b += through * ((x[i] - center) * scale);
        }
        float first = (float)(a / (double)c), second = (float)(b / (double)c);
        for (size_t i = 0; i < c; i++)
            dx[i] = scale * (g[i] * weight[i] - first - (x[i] - center) * scale * second);
        dx += c;
    }
}
