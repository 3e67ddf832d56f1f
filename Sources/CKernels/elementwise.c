#include "CKernels.h"
#include "vector.h"

// Plain loops over branch-free bodies: the compiler vectorises each for every instruction set. Sums run in
// lanes of a fixed width, so that their order does not depend on the instruction set.

CK_CLONES void ck_fill(size_t n, float value, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = value;
}
CK_CLONES void ck_add(size_t n, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}
CK_CLONES void ck_subtract(size_t n, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = a[i] - b[i];
}
CK_CLONES void ck_multiply(size_t n, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}
CK_CLONES void ck_affine(size_t n, const float *x, float scale, float offset, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = ck_fma(x[i], scale, offset);
}
// Half to float: exponents differ by 112, and the product also makes normal numbers of subnormal halves.
CK_INLINE float widened(uint16_t half) {
    uint32_t magnitude = (uint32_t)(half & 0x7FFF) << 13, sign = (uint32_t)(half & 0x8000) << 16;
    float finite = ck_as_float(magnitude) * 5.192296858534828e33f, special = ck_as_float(magnitude + (224u << 23));
    float value = magnitude >= 0x7C00u << 13 ? special : finite;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return ck_as_float(bits | sign);
}

CK_CLONES void ck_widen(size_t n, const uint16_t *x, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = widened(x[i]);
}

CK_CLONES int ck_narrow(size_t n, const float *x, uint16_t *y) {
    uint32_t different = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        uint32_t magnitude = bits & 0x7FFFFFFF, sign = bits >> 16 & 0x8000;
        // Subnormal results: adding 0.5 leaves the rounded multiple of 2⁻²⁴ in the low bits.
        float small = ck_as_float(magnitude < 0x38800000 ? magnitude : 0) + 0.5f;
        uint32_t low;
        memcpy(&low, &small, sizeof low);
        uint32_t normal = (magnitude + 0xFFF + (magnitude >> 13 & 1) - (112u << 23)) >> 13;
        uint32_t half = magnitude < 0x38800000 ? low - 0x3F000000 : normal;
        half = magnitude >= 0x477FF000 ? 0x7C00 : half;
        y[i] = (uint16_t)(half | sign);
        float back = widened(y[i]);
        uint32_t again;
        memcpy(&again, &back, sizeof again);
        different |= (again ^ bits) | (magnitude >= 0x477FF000);
    }
    return different == 0;
}

CK_CLONES void ck_accumulate(size_t n, float scale, const float *x, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = ck_fma(x[i], scale, y[i]);
}
CK_CLONES void ck_clamp(size_t n, const float *x, float low, float high, float *y) {
    for (size_t i = 0; i < n; i++) {
        float v = x[i] < low ? low : x[i];
        y[i] = v > high ? high : v;
    }
}
CK_CLONES void ck_clamp_backward(size_t n, const float *x, const float *g, float low, float high, float *dx) {
    for (size_t i = 0; i < n; i++) dx[i] = x[i] >= low && x[i] <= high ? g[i] : 0.0f;
}

#define UNARY(name, value, slope) \
    CK_CLONES static void name##_forward(size_t n, const float *in, float *y) { \
        for (size_t i = 0; i < n; i++) { \
            float x = in[i]; \
            y[i] = value; \
        } \
    } \
    CK_CLONES static void name##_backward(size_t n, const float *in, const float *g, float *dx) { \
        for (size_t i = 0; i < n; i++) { \
            float x = in[i]; \
            dx[i] = g[i] * (slope); \
        } \
    }

CK_INLINE float quick_slope(float x) {
    float s = ck_sigmoid(1.702f * x);
    return s * ck_fma(1.702f * x, 1.0f - s, 1.0f);
}

// 0.5 x (1 + tanh(u)) with u = √(2/π) (x + 0.044715 x³), which is x · σ(2u).
CK_INLINE float twice_inner(float x) { return x * ck_fma(0.07135481627f, x * x, 1.59576912161f); }
CK_INLINE float tanh_slope(float x) {
    float s = ck_sigmoid(twice_inner(x));
    return s * ck_fma(x * (1.0f - s), ck_fma(0.21406444881f, x * x, 1.59576912161f), 1.0f);
}

UNARY(silu, ck_silu(x), ck_silu_slope(x))
UNARY(gelu, ck_gelu(x), ck_gelu_slope(x))
UNARY(gelu_tanh, x * ck_sigmoid(twice_inner(x)), tanh_slope(x))
UNARY(quick, x * ck_sigmoid(1.702f * x), quick_slope(x))
UNARY(relu, x > 0.0f ? x : 0.0f, x > 0.0f ? 1.0f : 0.0f)
UNARY(exponential, ck_exp(x), ck_exp(x))
UNARY(square, x * x, 2.0f * x)
UNARY(absolute, x < 0.0f ? -x : x, x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : 0.0f)

void ck_unary(int kind, size_t n, const float *x, float *y) {
    switch (kind) {
    case CK_SILU: silu_forward(n, x, y); break;
    case CK_GELU: gelu_forward(n, x, y); break;
    case CK_QUICK_GELU: quick_forward(n, x, y); break;
    case CK_RELU: relu_forward(n, x, y); break;
    case CK_EXPONENTIAL: exponential_forward(n, x, y); break;
    case CK_SQUARE: square_forward(n, x, y); break;
    case CK_ABSOLUTE: absolute_forward(n, x, y); break;
    case CK_GELU_TANH: gelu_tanh_forward(n, x, y); break;
    }
}

void ck_unary_backward(int kind, size_t n, const float *x, const float *g, float *dx) {
    switch (kind) {
    case CK_SILU: silu_backward(n, x, g, dx); break;
    case CK_GELU: gelu_backward(n, x, g, dx); break;
    case CK_QUICK_GELU: quick_backward(n, x, g, dx); break;
    case CK_RELU: relu_backward(n, x, g, dx); break;
    case CK_EXPONENTIAL: exponential_backward(n, x, g, dx); break;
    case CK_SQUARE: square_backward(n, x, g, dx); break;
    case CK_ABSOLUTE: absolute_backward(n, x, g, dx); break;
    case CK_GELU_TANH: gelu_tanh_backward(n, x, g, dx); break;
    }
}

CK_CLONES void ck_geglu(size_t rows, size_t c, const float *x, float *y) {
    for (size_t r = 0; r < rows; r++, x += 2 * c, y += c)
        for (size_t i = 0; i < c; i++) y[i] = x[i] * ck_gelu(x[c + i]);
}

CK_CLONES void ck_geglu_backward(size_t rows, size_t c, const float *x, const float *g, float *dx) {
    for (size_t r = 0; r < rows; r++, x += 2 * c, dx += 2 * c, g += c)
        for (size_t i = 0; i < c; i++) {
            float value = x[i], gate = x[c + i], cdf = ck_normal_cdf(gate);
            dx[i] = g[i] * gate * cdf;
            dx[c + i] = g[i] * value * ck_fma(gate * 0.39894228040143268f, ck_exp_bounded(-0.5f * gate * gate), cdf);
        }
}

CK_CLONES void ck_add_row(size_t rows, size_t c, const float *x, const float *bias, float *y) {
    for (size_t r = 0; r < rows; r++, x += c, y += c)
        for (size_t i = 0; i < c; i++) y[i] = x[i] + bias[i];
}
CK_CLONES void ck_scale_row(size_t rows, size_t c, const float *x, const float *scale, float *y) {
    for (size_t r = 0; r < rows; r++, x += c, y += c)
        for (size_t i = 0; i < c; i++) y[i] = x[i] * scale[i];
}

CK_CLONES void ck_adamw(
    size_t n, const CKAdamW *u, const float *restrict gradient, float *restrict parameter, float *restrict first,
    float *restrict second) {
    float rest1 = u->rest1, beta2 = u->beta2, rest2 = u->rest2, epsilon = u->epsilon;
    float decay = u->decay, rate = u->rate, scale = u->scale;
    for (size_t i = 0; i < n; i++) {
        float g = gradient[i], m = ck_fma(rest1, g - first[i], first[i]);
        float v = ck_fma(beta2, second[i], rest2 * g * g);
        first[i] = m;
        second[i] = v;
        parameter[i] = ck_fma(parameter[i], decay, -(rate * m / ck_fma(sqrtf(v), scale, epsilon)));
    }
}

// MARK: sums

CK_CLONES void ck_column_sums(size_t rows, size_t c, const float *x, float *y) {
    for (size_t r = 0; r < rows; r++, x += c)
        for (size_t i = 0; i < c; i++) y[i] += x[i];
}
CK_CLONES void ck_column_dots(size_t rows, size_t c, const float *a, const float *b, float *y) {
    for (size_t r = 0; r < rows; r++, a += c, b += c)
        for (size_t i = 0; i < c; i++) y[i] = ck_fma(a[i], b[i], y[i]);
}

enum { LANES = 16 };
#define LANE_SUM(term) \
    double lane[LANES] = {0}; \
    size_t i = 0; \
    for (; i + LANES <= n; i += LANES) \
        for (int l = 0; l < LANES; l++) { \
            size_t j = i + (size_t)l; \
            lane[l] += (term); \
        } \
    double total = 0; \
    for (int l = 0; l < LANES; l++) total += lane[l]; \
    for (size_t j = i; j < n; j++) total += (term); \
    return total;

CK_CLONES double ck_sum(size_t n, const float *x) { LANE_SUM((double)x[j]) }
CK_CLONES double ck_dot(size_t n, const float *a, const float *b) { LANE_SUM((double)a[j] * (double)b[j]) }
CK_CLONES double ck_sum_squared_difference(size_t n, const float *a, const float *b) {
    LANE_SUM((double)(a[j] - b[j]) * (double)(a[j] - b[j]))
}
CK_CLONES double ck_sum_absolute_difference(size_t n, const float *a, const float *b) {
    LANE_SUM(a[j] > b[j] ? (double)(a[j] - b[j]) : (double)(b[j] - a[j]))
}
CK_CLONES void ck_sign_difference(size_t n, float scale, const float *a, const float *b, float *dx) {
    for (size_t i = 0; i < n; i++) dx[i] = a[i] > b[i] ? scale : a[i] < b[i] ? -scale : 0.0f;
}

// MARK: softmax

CK_CLONES static void softmax_row(size_t columns, size_t limit, float scale, float *s, float *logSum) {
    float top = -INFINITY;
    for (size_t i = 0; i < limit; i++) {
        s[i] *= scale;
        top = s[i] > top ? s[i] : top;
    }
    double total = 0;
    for (size_t i = 0; i < limit; i++) s[i] = ck_exp(s[i] - top);
    for (size_t i = 0; i < limit; i++) total += s[i];
    float inverse = (float)(1.0 / total);
    for (size_t i = 0; i < limit; i++) s[i] *= inverse;
    for (size_t i = limit; i < columns; i++) s[i] = 0.0f;
    if (logSum) *logSum = top + (float)log(total);
}

void ck_softmax_rows(
    size_t rows, size_t columns, size_t stride, float scale, int causal, size_t firstLimit, float *s,
    float *logSums) {
    for (size_t r = 0; r < rows; r++) {
        size_t limit = causal ? firstLimit + r : columns;
        softmax_row(columns, limit < columns ? limit : columns, scale, s + r * stride, logSums ? logSums + r : NULL);
    }
}
