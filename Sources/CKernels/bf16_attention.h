// Included after bf16.h: attention with operands rounded to bf16, without masks. Scores, probabilities and
// their sums are f32; probabilities are rounded where they become operands. Scores are in units of log₂.

// 2^x for x ≤ 126 to 2 ulp, as NAME(exp2) of attention.h; below -126 it stays at 2^-126.
CK_INLINE float NAME(power)(float x) {
    x = x < -126.0f ? -126.0f : x;
    float magic = x + 12582912.0f;
    x -= magic - 12582912.0f;
    float p = x * 1.32764719794792e-3f + 9.675541334216064e-3f;
    p = p * x + 5.550713273542585e-2f;
    p = p * x + 2.4022119723848476e-1f;
    p = p * x + 6.931469670647331e-1f;
    p = p * x + 1.0f;
    return ck_as_float(bits(p) + (bits(magic) << 23));
}

#if defined(WIDE)
// The compiler would cut these loops into 256 bits: hence the instructions by name.
CK_INLINE __m512 NAME(powers)(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-126.0f));
    __m512 magic = _mm512_add_ps(x, _mm512_set1_ps(12582912.0f));
    x = _mm512_sub_ps(x, _mm512_sub_ps(magic, _mm512_set1_ps(12582912.0f)));
    __m512 p = _mm512_fmadd_ps(x, _mm512_set1_ps(1.32764719794792e-3f), _mm512_set1_ps(9.675541334216064e-3f));
    p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(5.550713273542585e-2f));
    p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(2.4022119723848476e-1f));
    p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(6.931469670647331e-1f));
    p = _mm512_fmadd_ps(p, x, _mm512_set1_ps(1.0f));
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(magic), 23)));
}
#endif

// Probabilities of a tile's rows for a block of scores [step][TILE][TILE], as left blocks; `apart` as in a
// left operand. Updates each row's maximum and sum, and tells by what its earlier sums shrink.
static void NAME(soften)(
    float *scores, long steps, long height, float unit, float *most, float *total, float *shrink, uint16_t *left,
    long apart) {
    for (long i = 0; i < height; i++) {
#if defined(WIDE)
        const float *first = scores + i * TILE;
        __m512 top = _mm512_max_ps(_mm512_loadu_ps(first), _mm512_loadu_ps(first + SIDE));
        for (long s = 1; s < steps; s++) {
            const float *row = first + s * TILE * TILE;
            top = _mm512_max_ps(top, _mm512_max_ps(_mm512_loadu_ps(row), _mm512_loadu_ps(row + SIDE)));
        }
        float best = _mm512_reduce_max_ps(top) * unit;
        best = best > most[i] ? best : most[i];
        __m512 scale = _mm512_set1_ps(unit), level = _mm512_set1_ps(best), sums = _mm512_setzero_ps();
        uint16_t *to = left + i / SIDE * apart + i % SIDE * STEP;
        for (long s = 0; s < steps; s++, to += BLOCK) {
            const float *row = first + s * TILE * TILE;
            __m512 low = NAME(powers)(_mm512_fmsub_ps(_mm512_loadu_ps(row), scale, level));
            __m512 high = NAME(powers)(_mm512_fmsub_ps(_mm512_loadu_ps(row + SIDE), scale, level));
            sums = _mm512_add_ps(sums, _mm512_add_ps(low, high));
            _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high, low));
        }
        float sum = _mm512_reduce_add_ps(sums);
#else
        float lanes[SIDE], sums[SIDE] = {0}, best = most[i];
        for (long j = 0; j < SIDE; j++) lanes[j] = -INFINITY;
        for (long s = 0; s < steps; s++) {
            const float *row = scores + (s * TILE + i) * TILE;
            for (long j = 0; j < SIDE; j++) lanes[j] = lanes[j] > row[j] ? lanes[j] : row[j];
            for (long j = 0; j < SIDE; j++) lanes[j] = lanes[j] > row[SIDE + j] ? lanes[j] : row[SIDE + j];
        }
        for (long j = 0; j < SIDE; j++) best = best > lanes[j] * unit ? best : lanes[j] * unit;
        for (long s = 0; s < steps; s++) {
            float *row = scores + (s * TILE + i) * TILE;
            for (long j = 0; j < TILE; j++) row[j] = NAME(power)(row[j] * unit - best);
            for (long j = 0; j < SIDE; j++) sums[j] += row[j] + row[SIDE + j];
            NAME(narrow)(STEP, row, left + i / SIDE * apart + s * BLOCK + i % SIDE * STEP);
        }
        float sum = 0;
        for (long j = 0; j < SIDE; j++) sum += sums[j];
#endif
        shrink[i] = NAME(power)(most[i] - best);
        most[i] = best;
        total[i] = total[i] * shrink[i] + sum;
    }
}

enum { NAME(KEYS) = 512, NAME(QUERIES) = 256, NAME(MOST_SIZE) = 256 };

// Queries [first, last) of one head.
static void NAME(attend)(const Arithmetic *k, const CKAttention *a, long sample, long head, long first, long last) {
    enum { KEYS = NAME(KEYS), APART = KEYS * SIDE };
    long d = a->size, padded = up(d, STEP), stride = a->stride, queries = last - first;
    long tiles = (queries + TILE - 1) / TILE, width = up(d, TILE);
    const float *q = a->query + (sample * a->queries + first) * stride + head * d;
    const float *key = a->key + sample * a->keys * stride + head * d;
    const float *value = a->value + sample * a->keys * stride + head * d;
    float unit = a->scale * 1.44269504f;
    size_t floats = (size_t)(KEYS / TILE * TILE * TILE + TILE * TILE + tiles * TILE * (width + 3));
    size_t narrow = (size_t)(KEYS * padded + KEYS * width + tiles * TILE * padded + 2 * APART);
    float *scores = ck_scratch(CK_SCRATCH_KERNEL, floats * 4 + narrow * 2), *out = scores + KEYS * TILE;
    float *sums = out + TILE * TILE, *most = sums + tiles * TILE * width, *total = most + tiles * TILE;
    float *shrink = total + tiles * TILE;
    uint16_t *keyPanels = (uint16_t *)(shrink + tiles * TILE), *valuePanels = keyPanels + KEYS * padded;
    uint16_t *left = valuePanels + KEYS * width, *chances = left + tiles * TILE * padded;
    const float *rows[TILE];
    memset(sums, 0, (size_t)(tiles * TILE * width) * 4);
    k->begin();
    for (long t = 0; t < tiles; t++) {
        long height = least(queries - t * TILE, TILE);
        for (long i = 0; i < height; i++) rows[i] = q + (t * TILE + i) * stride;
        NAME(pack_left)(rows, 0, height, d, padded * SIDE, left + t * TILE * padded);
        for (long i = 0; i < TILE; i++) most[t * TILE + i] = -INFINITY, total[t * TILE + i] = 0;
    }
    for (long key0 = 0; key0 < a->keys; key0 += KEYS) {
        long count = least(a->keys - key0, KEYS), steps = (count + TILE - 1) / TILE;
        NAME(pack_columns)((Source){key, NULL}, key0 * stride, stride, d, count, padded * SIDE, keyPanels);
        NAME(pack_rows)(NULL, (Source){value, NULL}, key0 * stride, stride, count, d, APART, valuePanels);
        for (long t = 0; t < tiles; t++) {
            long height = least(queries - t * TILE, TILE), blocks = height > SIDE ? 2 : 1;
            for (long s = 0; s < steps; s++) {
                long columns = least(count - s * TILE, TILE);
                k->tile(
                    padded / STEP, blocks, columns > SIDE ? 2 : 1, left + t * TILE * padded,
                    keyPanels + s * TILE * padded, padded * SIDE, scores + s * TILE * TILE);
                for (long i = 0; columns < TILE && i < height; i++)
                    for (long j = columns; j < TILE; j++) scores[(s * TILE + i) * TILE + j] = -INFINITY;
            }
            long at = t * TILE;
            NAME(soften)(scores, steps, height, unit, most + at, total + at, shrink, chances, APART);
            for (long i = height; i < blocks * SIDE; i++)
                for (long s = 0; s < steps; s++)
                    memset(chances + i / SIDE * APART + s * BLOCK + i % SIDE * STEP, 0, 2 * STEP);
            for (long j = 0; j < d; j += TILE) {
                k->tile(steps, blocks, d - j > SIDE ? 2 : 1, chances, valuePanels + j / SIDE * APART, APART, out);
                for (long i = 0; i < height; i++) {
                    float *to = sums + (at + i) * width + j;
                    long filled = least(up(d - j, SIDE), TILE);
                    for (long x = 0; x < filled; x++) to[x] = to[x] * shrink[i] + out[i * TILE + x];
                }
            }
        }
    }
    k->end();
    for (long i = 0; i < queries; i++) {
        float inverse = 1.0f / total[i], *to = a->out + (sample * a->queries + first + i) * stride + head * d;
        a->logSums[(sample * a->heads + head) * a->queries + first + i] = most[i] + log2f(total[i]);
        for (long j = 0; j < d; j++) to[j] = sums[i * width + j] * inverse;
    }
}

// c[rows, d] (+)= factor · left · panels; blocks of both operands lie `apart` numbers apart.
CK_INLINE void NAME(gather)(
    const Arithmetic *k, long steps, long height, long d, const uint16_t *left, const uint16_t *panels, long apart,
    float *out, float factor, int isFirst, float *c, long stride) {
    for (long j = 0; j < d; j += TILE) {
        k->tile(steps, height > SIDE ? 2 : 1, d - j > SIDE ? 2 : 1, left, panels + j / SIDE * apart, apart, out);
        long width = least(d - j, TILE);
#if defined(WIDE)
        __m512 by = _mm512_set1_ps(factor);
        for (long x = 0; x < width; x += SIDE) {
            __mmask16 mask = NAME(lanes)(width - x), before = isFirst ? 0 : mask;
            for (long i = 0; i < height; i++) {
                float *to = c + i * stride + j + x;
                __m512 sum = _mm512_maskz_loadu_ps(before, to);
                _mm512_mask_storeu_ps(to, mask, _mm512_fmadd_ps(_mm512_loadu_ps(out + i * TILE + x), by, sum));
            }
        }
#else
        for (long i = 0; i < height; i++)
            for (long x = 0; x < width; x++) {
                float *to = c + i * stride + j + x;
                *to = out[i * TILE + x] * factor + (isFirst ? 0 : *to);
            }
#endif
    }
}

// Probabilities and slopes of a tile [key][query] from scores p and products ds of values and slopes: as left
// blocks, and the slopes as pairs of keys for each half of the queries.
CK_INLINE void NAME(slopes)(
    const float *p, const float *ds, long height, long columns, float unit, const float *logSum, const float *dot,
    uint16_t *chances, uint16_t *slopes, long apart, uint16_t paired[2][BLOCK]) {
#if defined(WIDE)
    __m512 scale = _mm512_set1_ps(unit), logs[2], dots[2];
#pragma clang loop unroll(full)
    for (int h = 0; h < 2; h++) logs[h] = _mm512_loadu_ps(logSum + h * SIDE), dots[h] = _mm512_loadu_ps(dot + h * SIDE);
    for (long i = 0; i < TILE; i += 2) {
        __m512 y[2][2];
#pragma clang loop unroll(full)
        for (int r = 0; r < 2; r++) {
            __m512 x[2];
#pragma clang loop unroll(full)
            for (int h = 0; h < 2; h++) {
                __mmask16 mask = i + r < height ? NAME(lanes)(columns - h * SIDE) : 0;
                __m512 score = _mm512_maskz_loadu_ps(mask, p + (i + r) * TILE + h * SIDE);
                __m512 product = _mm512_maskz_loadu_ps(mask, ds + (i + r) * TILE + h * SIDE);
                x[h] = _mm512_maskz_mov_ps(mask, NAME(powers)(_mm512_fmsub_ps(score, scale, logs[h])));
                y[r][h] = _mm512_mul_ps(_mm512_maskz_sub_ps(mask, product, dots[h]), x[h]);
            }
            long at = (i + r) / SIDE * apart + (i + r) % SIDE * STEP;
            _mm512_storeu_si512(chances + at, (__m512i)_mm512_cvtne2ps_pbh(x[1], x[0]));
            _mm512_storeu_si512(slopes + at, (__m512i)_mm512_cvtne2ps_pbh(y[r][1], y[r][0]));
        }
#pragma clang loop unroll(full)
        for (int h = 0; h < 2; h++) NAME(interleave)(y[0][h], y[1][h], paired[h] + i * SIDE);
    }
#else
    float y[2][TILE];
    for (long i = 0; i < TILE; i++) {
        float x[TILE] = {0}, *row = y[i % 2];
        for (long j = 0; j < TILE; j++) row[j] = 0;
        for (long j = 0; i < height && j < columns; j++) {
            x[j] = NAME(power)(p[i * TILE + j] * unit - logSum[j]);
            row[j] = (ds[i * TILE + j] - dot[j]) * x[j];
        }
        long at = i / SIDE * apart + i % SIDE * STEP;
        NAME(narrow)(STEP, x, chances + at);
        NAME(narrow)(STEP, row, slopes + at);
        for (long h = 0; i % 2 == 1 && h < 2; h++)
            NAME(pair_up)(y[0] + h * SIDE, y[1] + h * SIDE, SIDE, paired[h] + (i - 1) * SIDE);
    }
#endif
}

CK_INLINE float NAME(dot)(long n, const float *x, const float *y) {
#if defined(WIDE)
    __m512 sum = _mm512_setzero_ps();
    for (long i = 0; i < n; i += SIDE)
        sum = _mm512_fmadd_ps(
            _mm512_maskz_loadu_ps(NAME(lanes)(n - i), x + i), _mm512_maskz_loadu_ps(NAME(lanes)(n - i), y + i), sum);
    return _mm512_reduce_add_ps(sum);
#else
    float sum = 0;
    for (long i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
#endif
}

// All gradients of one head. Scores have a row for each key and a column for each query: then probabilities
// and slopes are left operands as they are, for the sums over queries.
static void NAME(attend_backward)(const Arithmetic *k, const CKAttention *a, long sample, long head) {
    enum { KEYS = NAME(KEYS), QUERIES = NAME(QUERIES), APART = QUERIES * SIDE, KEY_APART = KEYS * SIDE };
    long d = a->size, padded = up(d, STEP), width = up(d, TILE), stride = a->stride, queries = a->queries;
    long qStart = sample * queries * stride + head * d, kStart = sample * a->keys * stride + head * d;
    const float *q = a->query + qStart, *key = a->key + kStart, *value = a->value + kStart;
    const float *o = a->out + qStart, *slope = a->gradient + qStart;
    const float *logs = a->logSums + (sample * a->heads + head) * queries;
    float unit = a->scale * 1.44269504f;
    size_t floats = (size_t)(queries + 4 * TILE * TILE + 2 * KEYS * width + 2 * QUERIES);
    size_t narrow = (size_t)(2 * KEYS * padded + KEYS * width + 2 * QUERIES * (padded + width))
        + (size_t)(4 * APART + QUERIES * KEYS);
    float *dots = ck_scratch(CK_SCRATCH_KERNEL, floats * 4 + narrow * 2), *p = dots + up(queries, SIDE);
    float *ds = p + TILE * TILE, *out = ds + TILE * TILE, *dk = out + TILE * TILE, *dv = dk + KEYS * width;
    uint16_t *keys = (uint16_t *)(dv + KEYS * width), *values = keys + KEYS * padded, *keyRows = values + KEYS * padded;
    uint16_t *qColumns = keyRows + KEYS * width, *oColumns = qColumns + QUERIES * padded;
    uint16_t *qRows = oColumns + QUERIES * padded, *oRows = qRows + QUERIES * width;
    uint16_t *chances = oRows + QUERIES * width, *slopes = chances + 2 * APART, *turned = slopes + 2 * APART;
    uint16_t paired[2][BLOCK] __attribute__((aligned(64)));
    const float *rows[TILE];
    for (long i = 0; i < queries; i++) dots[i] = NAME(dot)(d, o + i * stride, slope + i * stride);
    k->begin();
    for (long key0 = 0; key0 < a->keys; key0 += KEYS) {
        long count = least(a->keys - key0, KEYS), keyTiles = (count + TILE - 1) / TILE;
        for (long t = 0; t < keyTiles; t++) {
            long height = least(count - t * TILE, TILE);
            for (long i = 0; i < height; i++) rows[i] = key + (key0 + t * TILE + i) * stride;
            NAME(pack_left)(rows, 0, height, d, padded * SIDE, keys + t * TILE * padded);
            for (long i = 0; i < height; i++) rows[i] = value + (key0 + t * TILE + i) * stride;
            NAME(pack_left)(rows, 0, height, d, padded * SIDE, values + t * TILE * padded);
        }
        NAME(pack_rows)(NULL, (Source){key, NULL}, key0 * stride, stride, count, d, KEY_APART, keyRows);
        for (long row = 0; row < queries; row += QUERIES) {
            long seen = least(queries - row, QUERIES), tiles = (seen + TILE - 1) / TILE;
            NAME(pack_columns)((Source){q, NULL}, row * stride, stride, d, seen, padded * SIDE, qColumns);
            NAME(pack_columns)((Source){slope, NULL}, row * stride, stride, d, seen, padded * SIDE, oColumns);
            NAME(pack_rows)(NULL, (Source){q, NULL}, row * stride, stride, seen, d, APART, qRows);
            NAME(pack_rows)(NULL, (Source){slope, NULL}, row * stride, stride, seen, d, APART, oRows);
            for (long t = 0; t < keyTiles; t++) {
                long height = least(count - t * TILE, TILE), blocks = height > SIDE ? 2 : 1;
                for (long u = 0; u < tiles; u++) {
                    long columns = least(seen - u * TILE, TILE), panels = columns > SIDE ? 2 : 1;
                    float logSum[TILE] = {0}, dot[TILE] = {0};
                    memcpy(logSum, logs + row + u * TILE, (size_t)columns * 4);
                    memcpy(dot, dots + row + u * TILE, (size_t)columns * 4);
                    k->tile(
                        padded / STEP, blocks, panels, keys + t * TILE * padded, qColumns + u * TILE * padded,
                        padded * SIDE, p);
                    k->tile(
                        padded / STEP, blocks, panels, values + t * TILE * padded, oColumns + u * TILE * padded,
                        padded * SIDE, ds);
                    NAME(slopes)(
                        p, ds, height, columns, unit, logSum, dot, chances + u * BLOCK, slopes + u * BLOCK, APART,
                        paired);
                    // The same slopes with a row for each query: [u][query block][key step].
                    for (long half = 0; half < 2; half++)
                        NAME(turn)(
                            (const uint32_t *)paired[half], SIDE,
                            (uint32_t *)(turned + (u * 2 + half) * KEY_APART + t * BLOCK));
                }
                NAME(gather)(
                    k, tiles, height, d, chances, oRows, APART, out, 1, row == 0, dv + t * TILE * width, width);
                NAME(gather)(
                    k, tiles, height, d, slopes, qRows, APART, out, a->scale, row == 0, dk + t * TILE * width, width);
            }
            for (long u = 0; a->dQuery && u < tiles; u++)
                NAME(gather)(
                    k, keyTiles, least(seen - u * TILE, TILE), d, turned + u * 2 * KEY_APART, keyRows, KEY_APART, out,
                    a->scale, key0 == 0, a->dQuery + qStart + (row + u * TILE) * stride, stride);
        }
        for (long i = 0; i < count; i++)
            for (long j = 0; j < d; j++) {
                long to = kStart + (key0 + i) * stride + j;
                if (a->dKey) a->dKey[to] = dk[i * width + j];
                if (a->dValue) a->dValue[to] = dv[i * width + j];
            }
    }
    k->end();
}
