// Included once per instruction set, with VL (floats per vector), MR (rows per tile) and NAME(x) defined.

typedef float NAME(V) __attribute__((vector_size(4 * VL), aligned(4), may_alias));
#define V NAME(V)

// The same choice of four lanes from each 128 bits of two vectors; VL + i is lane i of the second.
#if VL == 16
#define CHOOSE(a, b, i, j, k, l) \
    __builtin_shufflevector( \
        a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, i + 12, j + 12, k + 12, l + 12)
#elif VL == 8
#define CHOOSE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4)
#else
#define CHOOSE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif

// The sums of four vectors.
CK_INLINE NarrowFour NAME(totals)(V a, V b, V c, V d) {
    V ab = CHOOSE(a, b, 0, VL, 1, VL + 1) + CHOOSE(a, b, 2, VL + 2, 3, VL + 3);
    V cd = CHOOSE(c, d, 0, VL, 1, VL + 1) + CHOOSE(c, d, 2, VL + 2, 3, VL + 3);
    V all = CHOOSE(ab, cd, 0, 1, VL, VL + 1) + CHOOSE(ab, cd, 2, 3, VL + 2, VL + 3);
#if VL == 16
    NarrowEight half = __builtin_shufflevector(all, all, 0, 1, 2, 3, 4, 5, 6, 7)
        + __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15);
#elif VL == 8
    NarrowEight half = all;
#endif
#if VL > 4
    return __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#else
    return all;
#endif
}

// `mr` rows by four columns: the sums run along k, so that no lane idles however few columns there are.
CK_INLINE void NAME(dots)(
    const int mr, long depth, const float *a, long aStride, const float *b, long bStride, float *c, long cStride) {
    V acc[MR][4];
#pragma clang loop unroll(full)
    for (int i = 0; i < mr; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) acc[i][j] = (V){0};
    for (long k = 0; k < depth; k += VL) {
        V left[MR];
#pragma clang loop unroll(full)
        for (int i = 0; i < mr; i++) left[i] = *(const V *)(a + i * aStride + k);
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            V right = *(const V *)(b + j * bStride + k);
#pragma clang loop unroll(full)
            for (int i = 0; i < mr; i++) acc[i][j] += left[i] * right;
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < mr; i++)
        *(NarrowFour *)(c + i * cStride) = NAME(totals)(acc[i][0], acc[i][1], acc[i][2], acc[i][3]);
}

static void NAME(narrow)(
    long rows, long columns, long depth, const float *a, long aStride, const float *b, long bStride, float *c,
    long cStride) {
    long row = 0;
    for (; row + MR <= rows; row += MR)
        for (long j = 0; j < columns; j += 4)
            NAME(dots)(MR, depth, a + row * aStride, aStride, b + j * bStride, bStride, c + row * cStride + j, cStride);
    for (; row < rows; row++)
        for (long j = 0; j < columns; j += 4)
            NAME(dots)(1, depth, a + row * aStride, aStride, b + j * bStride, bStride, c + row * cStride + j, cStride);
}

#undef V
#undef CHOOSE
