// Included after gemm.h, once per instruction set.

typedef int32_t NAME(VI) __attribute__((vector_size(4 * VL), aligned(4), may_alias));
#define V NAME(V)
#define VI NAME(VI)
#define NR (2 * VL)
#define LOAD(p) (*(const V *)(p))
#define STORE(p, v) (*(V *)(p) = (v))

// 2ˣ for x ≤ 126 to 2 ulp; 0 below -126. Taylor polynomial of degree 6 on [-½, ½].
CK_INLINE V NAME(exp2)(V x) {
    V zero = {0}, magic = x + 12582912.0f, n = magic - 12582912.0f, r = x - n;
    V p = zero + 1.5403530393381606e-4f;
    p = p * r + 1.3333558146428443e-3f;
    p = p * r + 9.6181291076284772e-3f;
    p = p * r + 5.5504108664821580e-2f;
    p = p * r + 2.4022650695910071e-1f;
    p = p * r + 6.9314718055994531e-1f;
    p = p * r + 1.0f;
    VI bits = (VI)p + (((VI)magic) << 23);
    // Also clears what -∞ and overflowing exponents left behind; NaN stays.
    return (V)(bits & ~(VI)(x < zero - 126.0f));
}

CK_INLINE float NAME(sum)(V x) {
    float total = 0;
    for (int i = 0; i < VL; i++) total += x[i];
    return total;
}

// Panels of bᵀ: `rows` rows of `depth` floats become columns: out[panel][k][NR].
static void NAME(pack_rows)(const float *b, long stride, long rows, long depth, float *out) {
    CKProduct p = {.b = b, .bDepthStride = 1, .bColumnStride = stride};
    NAME(pack)(&p, 0, 0, depth, 0, rows, depth, 0, out);
}

static void NAME(pack_columns)(const float *b, long stride, long rows, long columns, float *out) {
    CKProduct p = {.b = b, .bDepthStride = stride, .bColumnStride = 1};
    NAME(pack)(&p, 0, 0, rows, 0, columns, rows, 0, out);
}

// c[rows, columns] (+)= a · panels, which hold `packedColumns` columns of depth `packedDepth`
static void NAME(panels)(
    long rows, long columns, long depth, const float *a, long aStride, const float *packed, long packedColumns,
    long packedDepth, float *c, long cStride, int accumulate) {
    const float *left[MR];
    float *to[MR];
    long height;
    for (long row = 0; row < rows; row += height) {
        height = NAME(tile_height)(rows - row);
        for (long i = 0; i < height; i++) {
            left[i] = a + (row + i) * aStride;
            to[i] = c + (row + i) * cStride;
        }
        for (long j = 0; j < columns; j += NR) {
            long width = columns - j < NR ? columns - j : NR;
            NAME(tiles)[height - 1][packedColumns - j <= VL ? 0 : 1](
                1, depth, left, packed + j * packedDepth, to, accumulate ? (const float *const *)to : NULL, NULL, j,
                width);
        }
    }
}

// Softmax numerators in place over s[0..<limit] (base 2); zeros up to `end`. Returns the sum; *top is the maximum.
static float NAME(softmax)(float *s, long limit, long end, float *top) {
    V high = (V){0} - INFINITY;
    long i = 0;
    for (; i + VL <= limit; i += VL) {
        V x = LOAD(s + i);
        VI larger = x > high;
        high = (V)((larger & (VI)x) | (~larger & (VI)high));
    }
    float peak = -INFINITY;
    for (int l = 0; l < VL; l++) peak = high[l] > peak ? high[l] : peak;
    for (; i < limit; i++) peak = s[i] > peak ? s[i] : peak;
    // Pads to whole vectors with what exp2 turns into 0.
    long padded = (limit + VL - 1) / VL * VL;
    for (i = limit; i < padded; i++) s[i] = -INFINITY;
    V total = {0};
    for (i = 0; i < padded; i += VL) {
        V e = NAME(exp2)(LOAD(s + i) - peak);
        STORE(s + i, e);
        total += e;
    }
    for (i = padded; i < end; i++) s[i] = 0.0f;
    *top = peak;
    return NAME(sum)(total);
}

static void NAME(attend)(const CKAttention *a, long sample, long head, long first, long last) {
    long d = a->size, columnsD = (d + VL - 1) / VL * VL, keys = a->keys, width = (keys + NR - 1) / NR * NR;
    const float *q = a->query + sample * a->queries * a->stride + head * d;
    const float *k = a->key + sample * keys * a->stride + head * d;
    const float *v = a->value + sample * keys * a->stride + head * d;
    float *out = a->out + sample * a->queries * a->stride + head * d;
    float *logSums = a->logSums + (sample * a->heads + head) * a->queries;
    long seen = a->causal && last < keys ? last : keys;
    float *packedK = ck_scratch(
        CK_SCRATCH_KERNEL, (size_t)(width * d + keys * (columnsD + NR) + MR * (d + width + NR)) * sizeof(float));
    float *packedV = packedK + width * d, *left = packedV + keys * (columnsD + NR), *scores = left + MR * d;
    NAME(pack_rows)(k, a->stride, seen, d, packedK);
    NAME(pack_columns)(v, a->stride, seen, d, packedV);
    long height;
    for (long row = first; row < last; row += height) {
        height = NAME(tile_height)(last - row);
        for (long i = 0; i < height; i++)
            for (long j = 0; j < d; j++) left[i * d + j] = q[(row + i) * a->stride + j] * (a->scale * 1.44269504f);
        long visible = a->causal && row + height < keys ? row + height : keys;
        NAME(panels)(height, visible, d, left, d, packedK, seen, d, scores, width, 0);
        float inverse[MR];
        for (long i = 0; i < height; i++) {
            float top;
            long limit = a->causal && row + i + 1 < keys ? row + i + 1 : keys;
            float total = NAME(softmax)(scores + i * width, limit, visible, &top);
            inverse[i] = 1.0f / total;
            logSums[row + i] = top + log2f(total);
        }
        NAME(panels)(height, d, visible, scores, width, packedV, d, seen, out + row * a->stride, a->stride, 0);
        for (long i = 0; i < height; i++)
            for (long j = 0; j < d; j++) out[(row + i) * a->stride + j] *= inverse[i];
    }
}

enum { NAME(QT) = 4 * MR, NAME(KT) = 128 };

// ds = p · (dp - D) · scale, p = 2^(s - logSum), over one row; p replaces s, ds replaces dp.
static void NAME(slopes)(float *s, float *dp, long limit, long end, float logSum, float d, float scale) {
    long i = 0;
    for (; i + VL <= limit; i += VL) {
        V p = NAME(exp2)(LOAD(s + i) - logSum);
        STORE(s + i, p);
        STORE(dp + i, p * (LOAD(dp + i) - d) * scale);
    }
    if (i < limit) {
        float x[VL], y[VL];
        for (long l = 0; l < VL; l++) x[l] = i + l < limit ? s[i + l] : -INFINITY;
        for (long l = 0; l < VL; l++) y[l] = i + l < limit ? dp[i + l] : 0.0f;
        V p = NAME(exp2)(LOAD(x) - logSum);
        STORE(y, p * (LOAD(y) - d) * scale);
        STORE(x, p);
        for (long l = 0; i + l < limit; l++) {
            s[i + l] = x[l];
            dp[i + l] = y[l];
        }
        i = limit;
    }
    for (; i < end; i++) s[i] = dp[i] = 0.0f;
}

// All of one head. D = rowsum(dO ⊙ O) per query, then tiles of keys by queries that stay in the first-level cache.
static void NAME(attend_backward)(const CKAttention *a, long sample, long head) {
    long d = a->size, keys = a->keys, queries = a->queries, stride = a->stride;
    enum { QT = NAME(QT), KT = NAME(KT), WIDTH = KT + NR };
    long panelD = (d + NR - 1) / NR * NR;
    long qStart = sample * queries * stride + head * d, kStart = sample * keys * stride + head * d;
    const float *q = a->query + qStart, *k = a->key + kStart, *v = a->value + kStart;
    const float *out = a->out + qStart, *dOut = a->gradient + qStart;
    float *dq = a->dQuery ? a->dQuery + qStart : NULL, *dk = a->dKey ? a->dKey + kStart : NULL;
    float *dv = a->dValue ? a->dValue + kStart : NULL;
    const float *logSums = a->logSums + (sample * a->heads + head) * queries;
    float *scratch = ck_scratch(
        CK_SCRATCH_KERNEL,
        (size_t)(2 * WIDTH * d + KT * panelD + QT * d + queries + 2 * QT * WIDTH) * sizeof(float));
    float *packedK = scratch, *packedV = packedK + WIDTH * d, *rightK = packedV + WIDTH * d;
    float *left = rightK + KT * panelD, *dots = left + QT * d, *scores = dots + queries, *dp = scores + QT * WIDTH;
    for (long t = 0; t < queries; t++) {
        V total = {0};
        float rest = 0;
        long j = 0;
        for (; j + VL <= d; j += VL) total += LOAD(out + t * stride + j) * LOAD(dOut + t * stride + j);
        for (; j < d; j++) rest += out[t * stride + j] * dOut[t * stride + j];
        dots[t] = NAME(sum)(total) + rest;
    }
    for (long key = 0; key < keys; key += KT) {
        long count = keys - key < KT ? keys - key : KT;
        NAME(pack_rows)(k + key * stride, stride, count, d, packedK);
        NAME(pack_rows)(v + key * stride, stride, count, d, packedV);
        if (dq) NAME(pack_columns)(k + key * stride, stride, count, d, rightK);
        int fresh = 1;
        for (long row = a->causal ? key / QT * QT : 0; row < queries; row += QT) {
            long height = queries - row < QT ? queries - row : QT;
            for (long i = 0; i < height; i++)
                for (long j = 0; j < d; j++) left[i * d + j] = q[(row + i) * stride + j] * (a->scale * 1.44269504f);
            NAME(panels)(height, count, d, left, d, packedK, count, d, scores, WIDTH, 0);
            NAME(panels)(height, count, d, dOut + row * stride, stride, packedV, count, d, dp, WIDTH, 0);
            for (long i = 0; i < height; i++) {
                long limit = a->causal && row + i + 1 - key < count ? row + i + 1 - key : count;
                NAME(slopes)(
                    scores + i * WIDTH, dp + i * WIDTH, limit < 0 ? 0 : limit, count, logSums[row + i], dots[row + i],
                    a->scale);
            }
            if (dq)
                NAME(panels)(height, d, count, dp, WIDTH, rightK, d, count, dq + row * stride, stride, key > 0);
            const float *rows[NAME(QT)];
            if (dv) {
                for (long i = 0; i < height; i++) rows[i] = dOut + (row + i) * stride;
                NAME(transposed)(count, d, scores, WIDTH, rows, height, !fresh, dv + key * stride, stride);
            }
            if (dk) {
                for (long i = 0; i < height; i++) rows[i] = q + (row + i) * stride;
                NAME(transposed)(count, d, dp, WIDTH, rows, height, !fresh, dk + key * stride, stride);
            }
            fresh = 0;
        }
        // No query sees these keys (causal, more keys than queries).
        if (fresh)
            for (long t = key; t < key + count; t++) {
                if (dk) memset(dk + t * stride, 0, (size_t)d * sizeof(float));
                if (dv) memset(dv + t * stride, 0, (size_t)d * sizeof(float));
            }
    }
}

#undef V
#undef VI
#undef NR
#undef LOAD
#undef STORE
