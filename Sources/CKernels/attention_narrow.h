// Included in attention.h where vectors have 16 lanes: heads of 8 channels without a mask. Their products
// cost no more than the exponentials and the traffic between them, so a tile goes from scores to sums without
// leaving the registers.

#define FULL _Pragma("clang loop unroll(full)")

// Hides where a pointer came from: the compiler would rather keep a hundred broadcast values on the stack
// than load each again.
#define AGAIN(pointer) __asm__("" : "+r"(pointer) : : "memory")

typedef int64_t NAME(Twos) __attribute__((vector_size(4 * VL), aligned(4), may_alias));

enum { NAME(D) = 8, NAME(TILE_KEYS) = 12, NAME(BLOCK_KEYS) = 120, NAME(TILE_QUERIES) = 4, NAME(BLOCK_QUERIES) = 128 };

// `n` keys (a multiple of 4) for a vector of queries, q[channel][lane]: powers of their scores are added to
// `total` and, times their values, to `sum`.
CK_INLINE void NAME(attend_keys)(
    const int n, const float *q, const float *k, const float *v, long stride, V *sum, V *total) {
    V p[NAME(TILE_KEYS)];
    FULL for (int i = 0; i < n; i++) p[i] = (V){0};
    FULL for (int c = 0; c < NAME(D); c++) {
        V lanes = LOAD(q + c * VL);
        FULL for (int i = 0; i < n; i++) p[i] += (k[i * stride + c] - (V){0}) * lanes;
    }
    FULL for (int i = 0; i < n; i += 4) NAME(exp2)(p + i);
    FULL for (int i = 0; i < n; i += 4) *total += (p[i] + p[i + 1]) + (p[i + 2] + p[i + 3]);
    FULL for (int i = 0; i < n; i++)
        FULL for (int c = 0; c < NAME(D); c++) sum[c] += (v[i * stride + c] - (V){0}) * p[i];
}

// As above for many keys. Sums of few keys are added to the sums of all, `sums` and its last vector the
// total: that rounds less than one long sum.
static __attribute__((noinline)) void NAME(attend_block)(
    const float *q, const float *k, const float *v, long stride, long keys, float *sums) {
    V sum[NAME(D)], total = {0};
    FULL for (int c = 0; c < NAME(D); c++) sum[c] = (V){0};
    long key = 0;
    for (; key + NAME(TILE_KEYS) <= keys; key += NAME(TILE_KEYS))
        NAME(attend_keys)(NAME(TILE_KEYS), q, k + key * stride, v + key * stride, stride, sum, &total);
    for (; key + 4 <= keys; key += 4)
        NAME(attend_keys)(4, q, k + key * stride, v + key * stride, stride, sum, &total);
    for (; key < keys; key++) {
        V p[4] = {{0}};
        FULL for (int c = 0; c < NAME(D); c++) p[0] += (k[key * stride + c] - (V){0}) * LOAD(q + c * VL);
        NAME(exp2)(p);
        total += p[0];
        FULL for (int c = 0; c < NAME(D); c++) sum[c] += (v[key * stride + c] - (V){0}) * p[0];
    }
    FULL for (int c = 0; c < NAME(D); c++) STORE(sums + c * VL, LOAD(sums + c * VL) + sum[c]);
    STORE(sums + NAME(D) * VL, LOAD(sums + NAME(D) * VL) + total);
}

// At most VL queries (rows of q, out) against all keys.
//
// Returns 0, having done nothing, where scores may need a shift.
static int NAME(attend_narrow)(
    const CKAttention *a, const float *q, const float *k, const float *v, long count, float longestKey, float *out,
    float *logSums) {
    long stride = a->stride;
    float unit = a->scale * 1.44269504f, packed[NAME(D) * VL] __attribute__((aligned(64))) = {0};
    for (long i = 0; i < count; i++) {
        float square = 0;
        for (long c = 0; c < NAME(D); c++) {
            float x = q[i * stride + c];
            packed[c * VL + i] = x * unit;
            square += x * x;
        }
        if (!(sqrtf(square) * longestKey * unit <= 64.0f)) return 0;
    }
    float sums[(NAME(D) + 1) * VL] __attribute__((aligned(64))) = {0};
    for (long key = 0; key < a->keys; key += NAME(BLOCK_KEYS))
        NAME(attend_block)(
            packed, k + key * stride, v + key * stride, stride,
            a->keys - key < NAME(BLOCK_KEYS) ? a->keys - key : NAME(BLOCK_KEYS), sums);
    for (long i = 0; i < count; i++) {
        float total = sums[NAME(D) * VL + i], inverse = 1.0f / total;
        logSums[i] = log2f(total);
        for (long c = 0; c < NAME(D); c++) out[i * stride + c] = sums[c * VL + i] * inverse;
    }
    return 1;
}

// Queries of the backward pass, a row of channels each. Rows of zeros at the end add nothing to any gradient.
typedef struct {
    float q[NAME(BLOCK_QUERIES) * NAME(D)], g[NAME(BLOCK_QUERIES) * NAME(D)];
    float logSums[NAME(BLOCK_QUERIES)], dots[NAME(BLOCK_QUERIES)];
    // Σ dS K over even and over odd keys, lane by lane in turn.
    float dq[NAME(BLOCK_QUERIES) * VL];
} NAME(Queries);

// VL keys, a lane each; `pairs` holds their rows two by two: channel c of both at 2c and 2c + 1.
typedef struct {
    float k[NAME(D) * VL], v[NAME(D) * VL], pairs[NAME(D) * VL], dk[NAME(D) * VL], dv[NAME(D) * VL];
} NAME(Keys);

static void NAME(narrow_gradients)(NAME(Queries) *b, long count, NAME(Keys) *keys) {
    enum { N = NAME(TILE_QUERIES), D = NAME(D) };
    V dk[D], dv[D];
    FULL for (int c = 0; c < D; c++) dk[c] = dv[c] = (V){0};
    for (long row = 0; row < count; row += N) {
        const float *q = b->q + row * D, *g = b->g + row * D;
        float *dq = b->dq + row * VL, slopes[N * VL] __attribute__((aligned(64)));
        V p[N], ds[N], sum[N];
        FULL for (int i = 0; i < N; i++) p[i] = (V){0} - b->logSums[row + i];
        FULL for (int c = 0; c < D; c++) {
            V lanes = LOAD(keys->k + c * VL);
            FULL for (int i = 0; i < N; i++) p[i] += (q[i * D + c] - (V){0}) * lanes;
        }
        NAME(exp2)(p);
        FULL for (int i = 0; i < N; i++) ds[i] = (V){0} - b->dots[row + i];
        FULL for (int c = 0; c < D; c++) {
            V lanes = LOAD(keys->v + c * VL);
            FULL for (int i = 0; i < N; i++) ds[i] += (g[i * D + c] - (V){0}) * lanes;
        }
        AGAIN(g);
        FULL for (int i = 0; i < N; i++) {
            ds[i] *= p[i];
            STORE(slopes + i * VL, ds[i]);
            FULL for (int c = 0; c < D; c++) dv[c] += (g[i * D + c] - (V){0}) * p[i];
        }
        const float *stored = slopes;
        AGAIN(q);
        AGAIN(stored);
        FULL for (int i = 0; i < N; i++)
            FULL for (int c = 0; c < D; c++) dk[c] += (q[i * D + c] - (V){0}) * ds[i];
        FULL for (int i = 0; i < N; i++) sum[i] = LOAD(dq + i * VL);
        FULL for (int pair = 0; pair < VL / 2; pair++) {
            V lanes = LOAD(keys->pairs + pair * VL);
            FULL for (int i = 0; i < N; i++) {
                int64_t two;
                memcpy(&two, stored + i * VL + 2 * pair, sizeof two);
                sum[i] += (V)(two - (NAME(Twos)){0}) * lanes;
            }
        }
        FULL for (int i = 0; i < N; i++) STORE(dq + i * VL, sum[i]);
    }
    FULL for (int c = 0; c < D; c++) {
        STORE(keys->dk + c * VL, LOAD(keys->dk + c * VL) + dk[c]);
        STORE(keys->dv + c * VL, LOAD(keys->dv + c * VL) + dv[c]);
    }
}

// All three gradients of one head, whose arrays start at the pointers in `a`.
static void NAME(attend_backward_narrow)(const CKAttention *a, const float *logSums) {
    enum { D = NAME(D), BLOCK = NAME(BLOCK_QUERIES) };
    long stride = a->stride, vectors = (a->keys + VL - 1) / VL;
    NAME(Keys) *keys = (NAME(Keys) *)ck_scratch(
        CK_SCRATCH_KERNEL, (size_t)vectors * sizeof(NAME(Keys)) + sizeof(NAME(Queries)));
    NAME(Queries) *block = (NAME(Queries) *)(keys + vectors);
    memset(keys, 0, (size_t)vectors * sizeof(NAME(Keys)));
    for (long t = 0; t < a->keys; t++) {
        NAME(Keys) *to = keys + t / VL;
        long lane = t % VL;
        for (long c = 0; c < D; c++) {
            float k = a->key[t * stride + c];
            to->k[c * VL + lane] = k;
            to->v[c * VL + lane] = a->value[t * stride + c];
            to->pairs[lane / 2 * VL + 2 * c + lane % 2] = k * a->scale;
        }
    }
    float unit = a->scale * 1.44269504f;
    for (long first = 0; first < a->queries; first += BLOCK) {
        long count = a->queries - first < BLOCK ? a->queries - first : BLOCK;
        memset(block, 0, sizeof *block);
        for (long i = 0; i < count; i++) {
            const float *q = a->query + (first + i) * stride, *g = a->gradient + (first + i) * stride;
            const float *out = a->out + (first + i) * stride;
            float dot = 0;
            for (long c = 0; c < D; c++) {
                block->q[i * D + c] = q[c] * unit;
                block->g[i * D + c] = g[c];
                dot += out[c] * g[c];
            }
            block->dots[i] = dot;
            block->logSums[i] = logSums[first + i];
        }
        for (long t = 0; t < vectors; t++) NAME(narrow_gradients)(block, count, keys + t);
        for (long i = 0; i < count; i++)
            for (long c = 0; c < D; c++)
                a->dQuery[(first + i) * stride + c] = block->dq[i * VL + 2 * c] + block->dq[i * VL + 2 * c + 1];
    }
    // Q carried 1/√d and log₂ e into dK; ln 2 takes the second out.
    for (long t = 0; t < a->keys; t++)
        for (long c = 0; c < D; c++) {
            a->dKey[t * stride + c] = keys[t / VL].dk[c * VL + t % VL] * 0.69314718f;
            a->dValue[t * stride + c] = keys[t / VL].dv[c * VL + t % VL];
        }
}

#undef FULL
#undef AGAIN
