// Products in f32 through AMX, included by bf16.c. A number is the exact sum of three bf16: 24 bits in three times
// 8. Of their nine products the six that reach the last bit of an f32 are summed, in f32: the result is nearer to
// the exact one than a sum of f32 products, whose every term is rounded.
//
// Blocks are those of bf16.c, three in place of one, the largest part first: left operands [row block][step][part],
// right ones [panel][step][part].

enum { PARTS = 3, TRIPLE = PARTS * BLOCK };

int ck_split_has(void) { return ck_bf16_has(CK_BF16_AMX); }

size_t ck_split_size(long columns, long depth) {
    return (size_t)((columns + SIDE - 1) / SIDE * ((depth + STEP - 1) / STEP) * TRIPLE);
}

#if defined(HAS_PAIRS)
#define CK_SPLIT __attribute__((target("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16"), min_vector_width(512)))
#define SPLIT_INLINE CK_SPLIT static inline __attribute__((always_inline))

// Two vectors as three of bf16, x in the lower half.
SPLIT_INLINE void split_pair(__m512 x, __m512 y, __m512i *parts) {
#pragma clang loop unroll(full)
    for (int p = 0; p < PARTS; p++) {
        __m256i low = (__m256i)_mm512_cvtneps_pbh(x), high = (__m256i)_mm512_cvtneps_pbh(y);
        parts[p] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
        x -= (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(low), 16);
        y -= (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16);
    }
}

SPLIT_INLINE __mmask16 split_lanes(long n) { return n >= SIDE ? 0xFFFF : n <= 0 ? 0 : (__mmask16)((1 << n) - 1); }

// Up to 32 rows; what is missing to whole blocks becomes zeros.
CK_SPLIT static void split_left(const float *a, long stride, long height, long depth, uint16_t *out) {
    long steps = (depth + STEP - 1) / STEP;
    for (long i = 0; i < up(height, SIDE); i++, a += stride) {
        uint16_t *to = out + i / SIDE * steps * TRIPLE + i % SIDE * STEP;
        for (long k = 0; k < depth; k += STEP, to += TRIPLE) {
            long left = i < height ? depth - k : 0;
            __m512i parts[PARTS];
            split_pair(
                _mm512_maskz_loadu_ps(split_lanes(left), a + k),
                _mm512_maskz_loadu_ps(split_lanes(left - SIDE), a + k + SIDE), parts);
#pragma clang loop unroll(full)
            for (int p = 0; p < PARTS; p++) _mm512_storeu_si512(to + p * BLOCK, parts[p]);
        }
    }
}

CK_SPLIT void ck_split_pack(
    const float *b, long depthStride, long columnStride, long columns, long depth, long panelBegin, long panelEnd,
    uint16_t *out) {
    const __m512i order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
        16, 0);
    float wide[STEP * SIDE] __attribute__((aligned(64)));
    out += panelBegin * ((depth + STEP - 1) / STEP) * TRIPLE;
    for (long panel = panelBegin; panel < panelEnd; panel++) {
        const float *from = b + panel * SIDE * columnStride;
        long width = least(columns - panel * SIDE, SIDE);
        for (long k = 0; k < depth; k += STEP, out += TRIPLE) {
            long filled = least(depth - k, STEP);
            if (columnStride == 1) {
                for (long d = 0; d < filled; d++)
                    _mm512_store_ps(
                        wide + d * SIDE, _mm512_maskz_loadu_ps(split_lanes(width), from + (k + d) * depthStride));
            } else {
                ck_pack_transposed(from + k * depthStride, depthStride, columnStride, filled, width, SIDE, wide);
            }
            memset(wide + filled * SIDE, 0, (size_t)((STEP - filled) * SIDE) * sizeof(float));
            for (long q = 0; q < SIDE; q++) {
                __m512i parts[PARTS];
                split_pair(_mm512_load_ps(wide + 2 * q * SIDE), _mm512_load_ps(wide + (2 * q + 1) * SIDE), parts);
#pragma clang loop unroll(full)
                for (int p = 0; p < PARTS; p++)
                    _mm512_storeu_si512(out + p * BLOCK + q * STEP, _mm512_permutexvar_epi16(order, parts[p]));
            }
        }
    }
}

// A tile of sums, `rows` and `columns` blocks of it. The compiler drops what the constants rule out.
SPLIT_INLINE void split_tile(
    const int rows, const int columns, long steps, const uint16_t *a, const uint16_t *b, float *out) {
    enum { ROW = TILE * sizeof(float) };
    const long apart = steps * TRIPLE;
    const uint16_t *below = a + apart, *beside = b + apart;
    _tile_zero(0);
    if (columns > 1) _tile_zero(1);
    if (rows > 1) _tile_zero(2);
    if (rows > 1 && columns > 1) _tile_zero(3);
#define SPLIT_LEFT(p) \
    _tile_loadd(4, a + s + (p) * BLOCK, 2 * STEP); \
    if (rows > 1) _tile_loadd(5, below + s + (p) * BLOCK, 2 * STEP);
#define SPLIT_RIGHT(p) \
    _tile_loadd(6, b + s + (p) * BLOCK, 2 * STEP); \
    if (columns > 1) _tile_loadd(7, beside + s + (p) * BLOCK, 2 * STEP);
#define SPLIT_SUM \
    _tile_dpbf16ps(0, 4, 6); \
    if (columns > 1) _tile_dpbf16ps(1, 4, 7); \
    if (rows > 1) _tile_dpbf16ps(2, 5, 6); \
    if (rows > 1 && columns > 1) _tile_dpbf16ps(3, 5, 7);
    for (long s = 0; s < apart; s += TRIPLE) {
        // The right operand comes from the second-level cache.
#pragma clang loop unroll(full)
        for (long i = 0; i < TRIPLE; i += STEP) {
            _mm_prefetch(b + s + TRIPLE + i, _MM_HINT_T0);
            if (columns > 1) _mm_prefetch(beside + s + TRIPLE + i, _MM_HINT_T0);
        }
        // In an order that loads little.
        SPLIT_LEFT(0) SPLIT_RIGHT(2) SPLIT_SUM
        SPLIT_RIGHT(1) SPLIT_SUM
        SPLIT_LEFT(1) SPLIT_SUM
        SPLIT_RIGHT(0) SPLIT_SUM
        SPLIT_LEFT(2) SPLIT_SUM
        SPLIT_LEFT(0) SPLIT_SUM
    }
#undef SPLIT_LEFT
#undef SPLIT_RIGHT
#undef SPLIT_SUM
    _tile_stored(0, out, ROW);
    if (columns > 1) _tile_stored(1, out + SIDE, ROW);
    if (rows > 1) _tile_stored(2, out + SIDE * TILE, ROW);
    if (rows > 1 && columns > 1) _tile_stored(3, out + SIDE * TILE + SIDE, ROW);
}

CK_SPLIT static void split_tiles(
    int rows, int columns, long steps, const uint16_t *a, const uint16_t *b, float *out) {
    if (rows > 1 && columns > 1) split_tile(2, 2, steps, a, b, out);
    else if (rows > 1) split_tile(2, 1, steps, a, b, out);
    else if (columns > 1) split_tile(1, 2, steps, a, b, out);
    else split_tile(1, 1, steps, a, b, out);
}

// Four rows of a tile: sums + ranks · right (+ add) (+ bias), to where they belong.
SPLIT_INLINE void split_rows(
    const CKSplitProduct *p, const int count, long row, long column, long width, const float *ranks, long rankStride,
    const float *out) {
    __mmask16 masks[2] = {split_lanes(width), split_lanes(width - SIDE)};
    __m512 acc[4][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < 2; v++) {
            acc[i][v] = _mm512_load_ps(out + i * TILE + v * SIDE);
            if (p->bias) acc[i][v] += _mm512_maskz_loadu_ps(masks[v], p->bias + column + v * SIDE);
            if (p->add)
                acc[i][v] +=
                    _mm512_maskz_loadu_ps(masks[v], p->add + (row + i) * p->cStride + column + v * SIDE);
        }
    const float *right = p->right + column;
    for (long r = 0; r < p->rank; r++, right += p->rightStride) {
        __m512 first = _mm512_maskz_loadu_ps(masks[0], right), second = _mm512_maskz_loadu_ps(masks[1], right + SIDE);
#pragma clang loop unroll(full)
        for (int i = 0; i < count; i++) {
            __m512 left = _mm512_set1_ps(ranks[i * rankStride + r]);
            acc[i][0] += left * first;
            acc[i][1] += left * second;
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < 2; v++)
            _mm512_mask_storeu_ps(p->c + (row + i) * p->cStride + column + v * SIDE, masks[v], acc[i][v]);
}

CK_SPLIT void ck_split_product(
    const CKSplitProduct *p, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    const long steps = (p->depth + STEP - 1) / STEP, apart = steps * TRIPLE, panels = (p->columns + SIDE - 1) / SIDE;
    const long rankStride = up(p->rank, SIDE);
    uint16_t *left = (uint16_t *)ck_scratch(
        CK_SCRATCH_PACK, (size_t)(2 * apart) * sizeof(uint16_t) + (size_t)(TILE * rankStride) * sizeof(float));
    float *ranks = (float *)(left + 2 * apart), out[TILE * TILE] __attribute__((aligned(64)));
    amx_begin();
    for (long row = rowBegin; row < rowEnd; row += TILE) {
        long height = least(rowEnd - row, TILE);
        int rows = height > SIDE ? 2 : 1;
        split_left(p->a + row * p->aStride, p->aStride, height, p->depth, left);
        for (long r = 0; r < p->rank; r += SIDE) {
            split_tiles(rows, 1, steps, left, p->left + r / SIDE * apart, out);
            long width = least(p->rank - r, SIDE);
            for (long i = 0; i < height; i++) {
                memcpy(ranks + i * rankStride + r, out + i * TILE, (size_t)width * sizeof(float));
                if (columnBegin == 0)
                    memcpy(p->ranks + (row + i) * p->rank + r, out + i * TILE, (size_t)width * sizeof(float));
            }
        }
        for (long column = columnBegin; column < columnEnd; column += TILE) {
            long panel = column / SIDE, width = least(p->columns - column, TILE), i = 0;
            split_tiles(rows, panels - panel > 1 ? 2 : 1, steps, left, p->b + panel * apart, out);
            for (; i + 4 <= height; i += 4)
                split_rows(p, 4, row + i, column, width, ranks + i * rankStride, rankStride, out + i * TILE);
            for (; i < height; i++)
                split_rows(p, 1, row + i, column, width, ranks + i * rankStride, rankStride, out + i * TILE);
        }
    }
    amx_end();
}
#else
void ck_split_pack(
    const float *b, long depthStride, long columnStride, long columns, long depth, long panelBegin, long panelEnd,
    uint16_t *out) {
    (void)b, (void)depthStride, (void)columnStride, (void)columns, (void)depth, (void)panelBegin, (void)panelEnd;
    (void)out;
}
void ck_split_product(const CKSplitProduct *p, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    (void)p, (void)rowBegin, (void)rowEnd, (void)columnBegin, (void)columnEnd;
}
#endif
