#include "CKernels.h"
#include "vector.h"

// Products with a few columns, as adapters of low rank have them: tiles that lie along the columns would
// leave most of a vector empty.

typedef float NarrowFour __attribute__((vector_size(16), aligned(4), may_alias));
typedef float NarrowEight __attribute__((vector_size(32), aligned(4), may_alias));

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#define NAME(x) ck_v4_##x
#define VL 16
#define MR 6
#include "narrow.h"
#undef NAME
#undef VL
#undef MR
#pragma clang attribute pop
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define NAME(x) ck_v3_##x
#define VL 8
#define MR 3
#include "narrow.h"
#undef NAME
#undef VL
#undef MR
#pragma clang attribute pop
#endif

#define NAME(x) ck_base_##x
#define VL 4
#define MR 2
#include "narrow.h"
#undef NAME
#undef VL
#undef MR

void ck_narrow_product(
    long rows, long columns, long depth, const float *a, long aStride, const float *b, long bStride, float *c,
    long cStride) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4"))
        return ck_v4_narrow(rows, columns, depth, a, aStride, b, bStride, c, cStride);
    if (__builtin_cpu_supports("x86-64-v3"))
        return ck_v3_narrow(rows, columns, depth, a, aStride, b, bStride, c, cStride);
#endif
    ck_base_narrow(rows, columns, depth, a, aStride, b, bStride, c, cStride);
}
