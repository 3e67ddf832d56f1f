// Shared by the kernels: dispatch by instruction set and branch-free elementary functions that vectorise.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#define CK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CK_CLONES
#endif
#define CK_INLINE static inline __attribute__((always_inline))

CK_INLINE float ck_as_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

CK_INLINE float ck_fma(float a, float b, float c) { return a * b + c; }

/// exp(x) to 2 ulp: x = n·ln 2 + r, a degree-6 polynomial in r (Cephes expf), scaled by 2ⁿ in two halves so
/// that results near the largest float do not overflow early. Below -87.3 the result is 0.
CK_INLINE float ck_exp(float x) {
    float clamped = x < -88.0f ? -88.0f : x;
    clamped = clamped > 89.0f ? 89.0f : clamped;
    // Adding 1.5 · 2²³ rounds to the nearest integer.
    float magic = ck_fma(clamped, 1.44269504088896341f, 12582912.0f);
    float n = magic - 12582912.0f;
    float r = ck_fma(n, -0.693359375f, clamped);
    r = ck_fma(n, 2.12194440e-4f, r);
    float p = 1.9875691500e-4f;
    p = ck_fma(p, r, 1.3981999507e-3f);
    p = ck_fma(p, r, 8.3334519073e-3f);
    p = ck_fma(p, r, 4.1665795894e-2f);
    p = ck_fma(p, r, 1.6666665459e-1f);
    p = ck_fma(p, r, 5.0000001201e-1f);
    p = ck_fma(p, r * r, r) + 1.0f;
    int32_t whole = (int32_t)n, half = whole >> 1;
    float low = ck_as_float((uint32_t)(half + 127) << 23);
    float high = ck_as_float((uint32_t)(whole - half + 127) << 23);
    float result = p * low * high;
    return x < -87.3f ? 0.0f : result;
}

/// exp(x) like ck_exp, but outside [-87, 88] it stays at the bound: one integer addition scales by 2ⁿ.
CK_INLINE float ck_exp_bounded(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float magic = ck_fma(x, 1.44269504088896341f, 12582912.0f);
    float n = magic - 12582912.0f;
    // ln 2 in two parts; n times the first is exact.
    float r = ck_fma(n, -0.693359375f, x);
    r = ck_fma(n, 2.12194440e-4f, r);
    float p = 1.9875691500e-4f;
    p = ck_fma(p, r, 1.3981999507e-3f);
    p = ck_fma(p, r, 8.3334519073e-3f);
    p = ck_fma(p, r, 4.1665795894e-2f);
    p = ck_fma(p, r, 1.6666665459e-1f);
    p = ck_fma(p, r, 5.0000001201e-1f);
    p = ck_fma(p, r * r, r) + 1.0f;
    uint32_t bits, shift;
    memcpy(&bits, &p, sizeof bits);
    memcpy(&shift, &magic, sizeof shift);
    return ck_as_float(bits + (shift << 23));
}

CK_INLINE float ck_sigmoid(float x) { return 1.0f / (1.0f + ck_exp_bounded(-x)); }

/// erf(x) to 4e-7: odd rational approximation on [-4, 4] (Eigen's generic_fast_erf_float).
CK_INLINE float ck_erf(float x) {
    float c = x < -4.0f ? -4.0f : x;
    c = c > 4.0f ? 4.0f : c;
    float s = c * c;
    float p = -2.72614225801306e-10f;
    p = ck_fma(p, s, 2.77068142495902e-08f);
    p = ck_fma(p, s, -2.10102402082508e-06f);
    p = ck_fma(p, s, -5.69250639462346e-05f);
    p = ck_fma(p, s, -7.34990630326855e-04f);
    p = ck_fma(p, s, -2.95459980854025e-03f);
    p = ck_fma(p, s, -1.60960333262415e-02f);
    float q = -1.45660718464996e-05f;
    q = ck_fma(q, s, -2.13374055278905e-04f);
    q = ck_fma(q, s, -1.68282697438203e-03f);
    q = ck_fma(q, s, -7.37332916720468e-03f);
    q = ck_fma(q, s, -1.42647390514189e-02f);
    return c * p / q;
}

/// Φ(x), the normal distribution function.
CK_INLINE float ck_normal_cdf(float x) { return ck_fma(0.5f, ck_erf(x * 0.70710678118654752f), 0.5f); }
CK_INLINE float ck_gelu(float x) { return x * ck_normal_cdf(x); }
CK_INLINE float ck_gelu_slope(float x) {
    return ck_fma(x * 0.39894228040143268f, ck_exp_bounded(-0.5f * x * x), ck_normal_cdf(x));
}
CK_INLINE float ck_silu(float x) { return x * ck_sigmoid(x); }
CK_INLINE float ck_silu_slope(float x) {
    float s = ck_sigmoid(x);
    return s * ck_fma(x, 1.0f - s, 1.0f);
}
