// Included after gemm.h, once per instruction set.
//
// Scores are kept in units of log₂, so that probabilities are powers of 2. The forward pass holds scores
// transposed, a row per key and a lane per query: sums over keys are then sums of rows, and neither keys nor
// values need packing. The backward pass holds a row per query, because two of its three products sum over
// queries.

// Keeps the compiler from finishing one of four chains of operations after the other.
#if defined(__x86_64__)
#define CK_IN_STEP(x) __asm__("" : "+v"((x)[0]), "+v"((x)[1]), "+v"((x)[2]), "+v"((x)[3]))
#else
#define CK_IN_STEP(x) (void)(x)
#endif

typedef int32_t NAME(VI) __attribute__((vector_size(4 * VL), aligned(4), may_alias));
#define V NAME(V)
#define VI NAME(VI)
#define NR (2 * VL)
#define LOAD(p) (*(const V *)(p))
#define STORE(p, v) (*(V *)(p) = (v))

CK_INLINE V NAME(select)(VI mask, V yes, V no) { return (V)((mask & (VI)yes) | (~mask & (VI)no)); }

// x[i] = 2^x[i] for x ≤ 126 to 2 ulp; below -126 it stays at 2^-126; NaN stays. Minimax polynomial of degree
// 5 on [-½, ½], relative error 7.5e-8. The `n` chains advance in step: one alone waits for its own results.
CK_INLINE void NAME(exp2)(V *x) {
    V zero = {0}, low = zero - 126.0f, magic[4], p[4];
#define EACH \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 4; i++)
    EACH x[i] = NAME(select)(low > x[i], low, x[i]);
    EACH magic[i] = x[i] + 12582912.0f;
    EACH x[i] -= magic[i] - 12582912.0f;
    CK_IN_STEP(x);
    EACH p[i] = x[i] * 1.32764719794792e-3f + 9.675541334216064e-3f;
    CK_IN_STEP(p);
    EACH p[i] = p[i] * x[i] + 5.550713273542585e-2f;
    CK_IN_STEP(p);
    EACH p[i] = p[i] * x[i] + 2.4022119723848476e-1f;
    CK_IN_STEP(p);
    EACH p[i] = p[i] * x[i] + 6.931469670647331e-1f;
    CK_IN_STEP(p);
    EACH p[i] = p[i] * x[i] + 1.0f;
    CK_IN_STEP(p);
    EACH x[i] = (V)((VI)p[i] + (((VI)magic[i]) << 23));
#undef EACH
}

// p = 2^(p - shift[row]) over rows of `lanes` (a multiple of NR), `stride` apart; without shifts 2^p. Adds
// each column to `total` if there is one.
static void NAME(powers)(float *p, long rows, long lanes, long stride, const float *shift, float *total) {
    for (long i = 0; i < lanes; i += NR) {
        V sum[2] = {{0}, {0}};
        float *at = p + i;
        long row = 0;
        for (; row + 2 <= rows; row += 2, at += 2 * stride) {
            V x[4] = {LOAD(at), LOAD(at + VL), LOAD(at + stride), LOAD(at + stride + VL)};
            if (shift) {
                x[0] -= shift[row];
                x[1] -= shift[row];
                x[2] -= shift[row + 1];
                x[3] -= shift[row + 1];
            }
            NAME(exp2)(x);
            STORE(at, x[0]);
            STORE(at + VL, x[1]);
            STORE(at + stride, x[2]);
            STORE(at + stride + VL, x[3]);
            sum[0] += x[0] + x[2];
            sum[1] += x[1] + x[3];
        }
        if (row < rows) {
            V x[4] = {LOAD(at), LOAD(at + VL)};
            if (shift) {
                x[0] -= shift[row];
                x[1] -= shift[row];
            }
            NAME(exp2)(x);
            STORE(at, x[0]);
            STORE(at + VL, x[1]);
            sum[0] += x[0];
            sum[1] += x[1];
        }
        if (total) {
            STORE(total + i, LOAD(total + i) + sum[0]);
            STORE(total + i + VL, LOAD(total + i + VL) + sum[1]);
        }
    }
}

CK_INLINE float NAME(sum)(V x) {
    union {
        V all;
        Four parts[VL / 4];
    } lanes = {x};
    Four total = lanes.parts[0];
#pragma clang loop unroll(full)
    for (int i = 1; i < VL / 4; i++) total += lanes.parts[i];
    return (total[0] + total[1]) + (total[2] + total[3]);
}

static float NAME(dot)(const float *a, const float *b, long n) {
    V total = {0};
    float rest = 0;
    long j = 0;
    for (; j + VL <= n; j += VL) total += LOAD(a + j) * LOAD(b + j);
    for (; j < n; j++) rest += a[j] * b[j];
    return NAME(sum)(total) + rest;
}

// to[j · toStride + i] = factor · from[i · fromStride + j], 4 × 4 blocks in registers.
static void NAME(turn)(
    const float *from, long fromStride, long rows, long columns, float factor, float *to, long toStride) {
    long i = 0;
    for (; i + 4 <= rows; i += 4, from += 4 * fromStride) {
        const float *f1 = from + fromStride, *f2 = f1 + fromStride, *f3 = f2 + fromStride;
        float *out = to + i;
        long j = 0;
        for (; j + 4 <= columns; j += 4, out += 4 * toStride) {
            Four a = *(const Four *)(from + j) * factor, b = *(const Four *)(f1 + j) * factor;
            Four c = *(const Four *)(f2 + j) * factor, d = *(const Four *)(f3 + j) * factor;
            Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
            *(Four *)out = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
            *(Four *)(out + toStride) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
            ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
            cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
            *(Four *)(out + 2 * toStride) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
            *(Four *)(out + 3 * toStride) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
        }
        for (; j < columns; j++, out += toStride) {
            out[0] = from[j] * factor;
            out[1] = f1[j] * factor;
            out[2] = f2[j] * factor;
            out[3] = f3[j] * factor;
        }
    }
    for (; i < rows; i++, from += fromStride)
        for (long j = 0; j < columns; j++) to[j * toStride + i] = from[j] * factor;
}

// Rows of b as columns, times `factor`: out[panel][k][NR], the last panel padded with zeros.
static void NAME(pack_rows)(const float *b, long stride, long rows, long depth, float factor, float *out) {
    for (long j = 0; j < rows; j += NR, out += depth * NR) {
        long width = rows - j < NR ? rows - j : NR;
        if (width < NR) memset(out, 0, (size_t)(depth * NR) * sizeof(float));
        NAME(turn)(b + j * stride, stride, width, depth, factor, out, NR);
    }
}

// Rows of a tile of probabilities hold this many keys, and some room.
enum { NAME(KEY_LANES) = 128, NAME(ROW) = NAME(KEY_LANES) + NR };

// c[rows, columns] (+)= a · panels (+ bias), which hold `columns` columns of depth `depth`.
static void NAME(panels)(
    long rows, long columns, long depth, const float *a, long aStride, const float *packed, const float *bias,
    float *c, long cStride, int accumulate) {
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
            NAME(tiles)[height - 1][width <= VL ? 0 : 1](
                1, depth, 0, left, packed + j * depth, NULL, 1, to, accumulate ? (const float *const *)to : NULL,
                bias, j, width);
        }
    }
}

// As `panels` for results of at most VL columns, rows of a being NAME(ROW) apart: one vector of many rows at
// a time.
CK_INLINE void NAME(narrow_rows)(
    const int mr, long columns, long depth, const float *a, const float *packed, float *c, long cStride,
    int accumulate) {
    V acc[2 * MR];
#pragma clang loop unroll(full)
    for (int i = 0; i < mr; i++) acc[i] = (V){0};
    for (long k = 0; k < depth; k++) {
        V right = LOAD(packed + k * VL);
#pragma clang loop unroll(full)
        for (int i = 0; i < mr; i++) acc[i] += a[i * NAME(ROW) + k] * right;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < mr; i++)
        NAME(finish)(1, acc + i, c + i * cStride, accumulate ? c + i * cStride : NULL, NULL, columns);
}

static void NAME(narrow)(
    long rows, long columns, long depth, const float *a, const float *packed, float *c, long cStride,
    int accumulate) {
    long row = 0;
    for (; row + 2 * MR <= rows; row += 2 * MR)
        NAME(narrow_rows)(2 * MR, columns, depth, a + row * NAME(ROW), packed, c + row * cStride, cStride, accumulate);
    for (; row < rows; row++)
        NAME(narrow_rows)(1, columns, depth, a + row * NAME(ROW), packed, c + row * cStride, cStride, accumulate);
}

// Asks for rows of a wide head ahead of their use: they lie too far apart for the processor to guess. Narrow
// heads lose by it: their neighbours come along in the same lines.
CK_INLINE void NAME(prefetch)(const float *rows, long stride, long count, long d) {
    for (long i = 0; i < count; i++)
        for (long j = 0; j < d; j += 16) __builtin_prefetch(rows + i * stride + j, 0, 2);
}

// Few lanes and many keys per block suit narrow heads, the reverse wide ones, whose keys and values fill the
// cache. The backward pass takes more queries at a time where heads are wide: sums over few rows cost as much
// as their products.
enum { NAME(NARROW) = 16, NAME(SCORES) = 4096, NAME(QUERIES) = 4 * MR, NAME(WIDE_QUERIES) = 12 * MR };

// Up to `group` queries against all keys they see, a block of keys at a time.
static void NAME(attend_group)(
    const CKAttention *a, const float *q, const float *k, const float *v, long group, long first, long count,
    float longestKey, float *scratch, float *out, float *logSums) {
    enum { MOST = NAME(SCORES) / NR };
    const long block = (NAME(SCORES) / group < 126 ? NAME(SCORES) / group : 126) / MR * MR;
    long d = a->size, stride = a->stride, lanes = (count + NR - 1) / NR * NR;
    float *packed = scratch, *scores = packed + group * d, *result = scores + NAME(SCORES), *shift = result + group * d;
    float *total = shift + group;
    float unit = a->scale * 1.44269504f;
    NAME(pack_rows)(q + first * stride, stride, count, d, unit, packed);
    long seen = a->causal && first + count < a->keys ? first + count : a->keys;

    // Scores are at most |q| · |k|. Within ±64 no shift is needed; otherwise the maximum is found first.
    int bounded = 1;
    for (long i = 0; i < count; i++) {
        const float *row = q + (first + i) * stride;
        if (!(sqrtf(NAME(dot)(row, row, d)) * longestKey * unit <= 64.0f)) bounded = 0;
    }
    for (long i = 0; i < lanes; i++) shift[i] = bounded ? 0.0f : -INFINITY;
    for (long key = 0; !bounded && key < seen; key += block) {
        long keys = seen - key < block ? seen - key : block;
        NAME(panels)(keys, lanes, d, k + key * stride, stride, packed, NULL, scores, group, 0);
        for (long t = 0; t < keys; t++) {
            // A query does not see keys after it.
            long hidden = a->causal ? key + t - first : 0;
            for (long i = hidden > 0 ? hidden : 0; i < lanes; i++)
                if (scores[t * group + i] > shift[i]) shift[i] = scores[t * group + i];
        }
    }

    for (long i = 0; i < lanes; i++) shift[i] = -shift[i];
    const float *rows[MOST];
    for (long t = 0; t < block; t++) rows[t] = scores + t * group;
    memset(total, 0, (size_t)lanes * sizeof(float));
    for (long key = 0; key < seen; key += block) {
        long keys = seen - key < block ? seen - key : block, next = seen - key - keys;
        if (next > block) next = block;
        if (d > NAME(NARROW)) {
            NAME(prefetch)(k + (key + keys) * stride, stride, next, d);
            NAME(prefetch)(v + (key + keys) * stride, stride, next, d);
        }
        NAME(panels)(keys, lanes, d, k + key * stride, stride, packed, bounded ? NULL : shift, scores, group, 0);
        int masked = a->causal && key + keys - 1 > first;
        NAME(powers)(scores, keys, lanes, group, NULL, masked ? NULL : total);
        if (masked)
            for (long t = 0; t < keys; t++) {
                for (long i = 0; i < lanes && first + i < key + t; i++) scores[t * group + i] = 0.0f;
                for (long i = 0; i < lanes; i++) total[i] += scores[t * group + i];
            }
        NAME(transposed)(d, lanes, v + key * stride, stride, rows, keys, key > 0, result, group);
    }
    for (long i = 0; i < count; i++) {
        logSums[first + i] = log2f(total[i]) - shift[i];
        total[i] = 1.0f / total[i];
    }
    for (long j = 0; j < d; j++)
        for (long i = 0; i < count; i++) result[j * group + i] *= total[i];
    NAME(turn)(result, group, d, count, 1.0f, out + first * stride, stride);
}

#if VL == 16
#include "attention_narrow.h"
#endif

static void NAME(attend)(const CKAttention *a, long sample, long head, long first, long last) {
    long d = a->size, stride = a->stride, qStart = sample * a->queries * stride + head * d;
    long kStart = sample * a->keys * stride + head * d;
    const float *k = a->key + kStart;
    float longest = 0;
    for (long t = 0; t < a->keys; t++) {
        float square = NAME(dot)(k + t * stride, k + t * stride, d);
        if (!(square <= longest)) longest = square;
    }
    long group = d <= NAME(NARROW) ? NR : 4 * NR;
    float *scratch = ck_scratch(CK_SCRATCH_KERNEL, (size_t)(group * (2 * d + 2) + NAME(SCORES)) * sizeof(float));
    float *logSums = a->logSums + (sample * a->heads + head) * a->queries;
    longest = sqrtf(longest);
#if VL == 16
    if (d == NAME(D) && !a->causal)
        for (; first < last; first += VL) {
            long start = qStart + first * stride, count = last - first < VL ? last - first : VL;
            if (!NAME(attend_narrow)(
                    a, a->query + start, k, a->value + kStart, count, longest, a->out + start, logSums + first))
                break;
        }
#endif
    for (long row = first; row < last; row += group)
        NAME(attend_group)(
            a, a->query + qStart, k, a->value + kStart, group, row, last - row < group ? last - row : group, longest,
            scratch, a->out + qStart, logSums);
}

// All of one head: D = rowsum(dO ⊙ O) per query, then tiles of queries by keys that stay in the first-level
// cache.
static void NAME(attend_backward)(const CKAttention *a, long sample, long head) {
    enum { KT = NAME(KEY_LANES), WIDTH = NAME(ROW) };
    const long QT = a->size <= NAME(NARROW) ? NAME(QUERIES) : NAME(WIDE_QUERIES);
    long d = a->size, keys = a->keys, queries = a->queries, stride = a->stride;
    long panelD = (d + NR - 1) / NR * NR;
    long qStart = sample * queries * stride + head * d, kStart = sample * keys * stride + head * d;
    const float *q = a->query + qStart, *k = a->key + kStart, *v = a->value + kStart;
    const float *out = a->out + qStart, *dOut = a->gradient + qStart;
    float *dq = a->dQuery ? a->dQuery + qStart : NULL, *dk = a->dKey ? a->dKey + kStart : NULL;
    float *dv = a->dValue ? a->dValue + kStart : NULL;
    const float *logSums = a->logSums + (sample * a->heads + head) * queries;
#if VL == 16
    if (d == NAME(D) && !a->causal && dq && dk && dv) {
        CKAttention one = *a;
        one.query = q;
        one.key = k;
        one.value = v;
        one.out = (float *)out;
        one.gradient = dOut;
        one.dQuery = dq;
        one.dKey = dk;
        one.dValue = dv;
        return NAME(attend_backward_narrow)(&one, logSums);
    }
#endif
    float *scratch = ck_scratch(
        CK_SCRATCH_KERNEL,
        (size_t)(2 * KT * d + KT * panelD + queries + QT * d + 2 * QT * WIDTH + 2 * d * KT) * sizeof(float));
    float *packedK = scratch, *packedV = packedK + KT * d, *rightK = packedV + KT * d, *dots = rightK + KT * panelD;
    float *scaledQ = dots + queries, *p = scaledQ + QT * d, *ds = p + QT * WIDTH;
    float *dkT = ds + QT * WIDTH, *dvT = dkT + d * KT;
    const float *pRows[NAME(WIDE_QUERIES)], *dsRows[NAME(WIDE_QUERIES)];
    for (long i = 0; i < QT; i++) {
        pRows[i] = p + i * WIDTH;
        dsRows[i] = ds + i * WIDTH;
    }
    float unit = a->scale * 1.44269504f;
    for (long t = 0; t < queries; t++) dots[t] = NAME(dot)(out + t * stride, dOut + t * stride, d);
    for (long key = 0; key < keys; key += KT) {
        long count = keys - key < KT ? keys - key : KT, lanes = (count + NR - 1) / NR * NR;
        NAME(pack_rows)(k + key * stride, stride, count, d, 1, packedK);
        NAME(pack_rows)(v + key * stride, stride, count, d, 1, packedV);
        CKProduct right = {.b = k + key * stride, .bDepthStride = stride, .bColumnStride = 1};
        if (dq) {
            NAME(pack)(&right, 0, 0, count, 0, d, count, 0, rightK);
            for (long i = 0; i < count * panelD; i++) rightK[i] *= a->scale;
        }
        int fresh = 1;
        for (long row = a->causal ? key / QT * QT : 0; row < queries; row += QT, fresh = 0) {
            long height = queries - row < QT ? queries - row : QT, next = queries - row - height;
            if (next > QT) next = QT;
            if (d > NAME(NARROW)) {
                NAME(prefetch)(q + (row + height) * stride, stride, next, d);
                NAME(prefetch)(dOut + (row + height) * stride, stride, next, d);
                if (dq) NAME(prefetch)(dq + (row + height) * stride, stride, next, d);
            }
            for (long i = 0; i < height; i++)
                for (long j = 0; j < d; j++) scaledQ[i * d + j] = q[(row + i) * stride + j] * unit;
            NAME(panels)(height, lanes, d, scaledQ, d, packedK, NULL, p, WIDTH, 0);
            NAME(powers)(p, height, lanes, WIDTH, logSums + row, NULL);
            if (a->causal)
                for (long i = 0; i < height; i++) {
                    long limit = row + i + 1 - key;
                    for (long j = limit < 0 ? 0 : limit; j < count; j++) p[i * WIDTH + j] = 0.0f;
                }
            if (dv)
                NAME(transposed)(d, count, dOut + row * stride, stride, pRows, height, !fresh, dvT, KT);
            if (!dk && !dq) continue;
            NAME(panels)(height, lanes, d, dOut + row * stride, stride, packedV, NULL, ds, WIDTH, 0);
            for (long i = 0; i < height; i++)
                for (long j = 0; j < lanes; j++)
                    ds[i * WIDTH + j] = (ds[i * WIDTH + j] - dots[row + i]) * p[i * WIDTH + j];
            if (dk) NAME(transposed)(d, count, scaledQ, d, dsRows, height, !fresh, dkT, KT);
            if (!dq) continue;
            if (d <= VL)
                NAME(narrow)(height, d, count, ds, rightK, dq + row * stride, stride, key > 0);
            else
                NAME(panels)(height, d, count, ds, WIDTH, rightK, NULL, dq + row * stride, stride, key > 0);
        }
        // dkT holds Σ dS · Q in units of log₂ and without 1/√d on dS: Q carried both factors, ln 2 takes one
        // out.
        // Keys that no query sees (causal, more keys than queries) get no gradient.
        if (fresh) {
            memset(dkT, 0, (size_t)(d * KT) * sizeof(float));
            memset(dvT, 0, (size_t)(d * KT) * sizeof(float));
        }
        if (dk) NAME(turn)(dkT, KT, d, count, 0.69314718f, dk + key * stride, stride);
        if (dv) NAME(turn)(dvT, KT, d, count, 1.0f, dv + key * stride, stride);
    }
}

#undef V
#undef VI
#undef NR
#undef LOAD
#undef STORE
#undef CK_IN_STEP
