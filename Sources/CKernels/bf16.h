// Included once for portable C and once, with WIDE, for processors with AVX512-BF16; NAME(x) is defined.

// bf16 of n floats, as VCVTNEPS2BF16: to nearest, ties to even; denormals become zeros, NaNs quiet.
CK_INLINE void NAME(narrow)(long n, const float *x, uint16_t *y) {
#if defined(WIDE)
    long i = 0;
    for (; i + 32 <= n; i += 32) {
        __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i));
        _mm512_storeu_si512(y + i, (__m512i)both);
    }
    for (; i < n; i += 16) {
        __mmask16 mask = n - i >= 16 ? 0xFFFF : (__mmask16)((1 << (n - i)) - 1);
        __m256bh half = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, x + i));
        _mm256_mask_storeu_epi16(y + i, mask, (__m256i)half);
    }
#else
    for (long i = 0; i < n; i++) y[i] = narrowed(x[i]);
#endif
}

static void NAME(narrow_all)(size_t n, const float *x, uint16_t *y) { NAME(narrow)((long)n, x, y); }

// Sixteen rows of pairs, `stride` pairs apart, as columns: to[q · 16 + i] = from[i · stride + q].
CK_INLINE void NAME(turn)(const uint32_t *from, long stride, uint32_t *to) {
#if defined(WIDE)
    __m512i r[16], t[16];
#define EACH(n) _Pragma("clang loop unroll(full)") for (int i = 0; i < n; i++)
    EACH(16) r[i] = _mm512_loadu_si512(from + i * stride);
    EACH(8) {
        t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    EACH(4) {
        r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    EACH(4) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
        t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xDD);
        t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
        t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xDD);
    }
    EACH(8) {
        _mm512_storeu_si512(to + i * 16, _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88));
        _mm512_storeu_si512(to + (8 + i) * 16, _mm512_shuffle_i32x4(t[i], t[8 + i], 0xDD));
    }
#undef EACH
#else
    ck_pack_transposed((const float *)from, 1, stride, SIDE, SIDE, SIDE, (float *)to);
#endif
}

// Rows of a left operand, `depth` numbers of each, as blocks; what is missing to whole blocks becomes zeros.
// Rows hold floats, or bf16 where `isNarrow`.
static void NAME(pack_left)(
    const float *const *rows, int isNarrow, long height, long depth, long apart, uint16_t *out) {
    long whole = depth / STEP * STEP, rest = depth - whole;
    for (long i = 0; i < up(height, SIDE); i++) {
        uint16_t *to = out + i / SIDE * apart + i % SIDE * STEP;
        if (i >= height) {
            for (long d = 0; d < depth; d += STEP, to += BLOCK) memset(to, 0, 2 * STEP);
            continue;
        }
        const float *from = rows[i];
        if (isNarrow) {
            const uint16_t *row = (const uint16_t *)from;
            for (long d = 0; d < whole; d += STEP, to += BLOCK) memcpy(to, row + d, 2 * STEP);
            if (rest > 0) memcpy(to, row + whole, 2 * (size_t)rest);
        } else {
            for (long d = 0; d < whole; d += STEP, to += BLOCK) NAME(narrow)(STEP, from + d, to);
            if (rest > 0) NAME(narrow)(rest, from + whole, to);
        }
        if (rest > 0) memset(to + rest, 0, 2 * (size_t)(STEP - rest));
    }
}

// A run of a right operand at `at`; `wide` has room for it.
static void NAME(narrow_run)(Source from, long at, long n, float *wide, uint16_t *to) {
    if (!from.halves) return NAME(narrow)(n, from.floats + at, to);
    ck_widen((size_t)n, from.halves + at, wide);
    NAME(narrow)(n, wide, to);
}

// Columns that lie one after the other in depth: width columns, `stride` apart, as the panels of blocks.
static void NAME(pack_columns)(
    Source from, long at, long stride, long depth, long width, long apart, uint16_t *out) {
    float wide[DEPTH];
    // Some room more than needed: rows 1 KB apart would share a few sets of the cache.
    uint16_t narrow[SIDE][DEPTH + STEP] __attribute__((aligned(64)));
    long padded = up(depth, STEP);
    for (long j = 0; j < width; j += SIDE, out += apart) {
        long count = least(width - j, SIDE);
        for (long i = 0; i < SIDE; i++) {
            long filled = i < count ? depth : 0;
            if (filled > 0) NAME(narrow_run)(from, at + (j + i) * stride, depth, wide, narrow[i]);
            memset(narrow[i] + filled, 0, 2 * (size_t)(padded - filled));
        }
        for (long d = 0; d < padded; d += STEP)
            NAME(turn)((const uint32_t *)(narrow[0] + d), (DEPTH + STEP) / 2, (uint32_t *)(out + d * SIDE));
    }
}

// Two rows of up to 16 numbers as pairs.
CK_INLINE void NAME(pair_up)(const float *even, const float *odd, long n, uint16_t *out) {
#if defined(WIDE)
    __mmask16 mask = n >= 16 ? 0xFFFF : (__mmask16)((1 << n) - 1);
    __m512 second = odd ? _mm512_maskz_loadu_ps(mask, odd) : _mm512_setzero_ps();
    __m512i both = (__m512i)_mm512_cvtne2ps_pbh(second, _mm512_maskz_loadu_ps(mask, even));
    const __m512i order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
        16, 0);
    _mm512_storeu_si512(out, _mm512_permutexvar_epi16(order, both));
#else
    for (long i = 0; i < SIDE; i++) {
        out[2 * i] = i < n ? narrowed(even[i]) : 0;
        out[2 * i + 1] = odd && i < n ? narrowed(odd[i]) : 0;
    }
#endif
}

// Rows of `width` numbers as the panels of blocks: row d is rows[d] + at or, without rows, `from` at at + d ·
// stride.
static void NAME(pack_rows)(
    const float *const *rows, Source from, long at, long stride, long depth, long width, long apart, uint16_t *out) {
    float wide[2][COLUMNS];
    for (long d = 0; d < up(depth, STEP); d += 2, out += STEP) {
        const float *pair[2] = {NULL, NULL};
        for (long i = 0; i < 2 && d + i < depth; i++) {
            if (rows) {
                pair[i] = rows[d + i] + at;
            } else if (!from.halves) {
                pair[i] = from.floats + at + (d + i) * stride;
            } else {
                ck_widen((size_t)width, from.halves + at + (d + i) * stride, wide[i]);
                pair[i] = wide[i];
            }
        }
        for (long j = 0; j < width; j += SIDE) {
            uint16_t *to = out + j / SIDE * apart;
            if (pair[0]) NAME(pair_up)(pair[0] + j, pair[1] ? pair[1] + j : NULL, least(width - j, SIDE), to);
            else memset(to, 0, 2 * STEP);
        }
    }
}

// Adds what the epilogue asks for to a tile of sums and stores it.
static void NAME(finish)(
    const float *out, long height, long width, float *const *c, long column, const float *add, const float *from,
    const float *bias) {
    for (long i = 0; i < height; i++, out += TILE) {
        float *to = c[i] + column;
        const float *other = add ? add + (to - from) : NULL;
#if defined(WIDE)
        for (long j = 0; j < width; j += 16) {
            __mmask16 mask = width - j >= 16 ? 0xFFFF : (__mmask16)((1 << (width - j)) - 1);
            __m512 x = _mm512_loadu_ps(out + j);
            if (other) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, other + j));
            if (bias) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, bias + j));
            _mm512_mask_storeu_ps(to + j, mask, x);
        }
#else
        for (long j = 0; j < width; j++) {
            float x = out[j];
            if (other) x += other[j];
            if (bias) x += bias[j];
            to[j] = x;
        }
#endif
    }
}

// A tile of rows, packed at `left`, times all packed columns.
static void NAME(sweep)(
    const Arithmetic *k, long steps, long height, long columns, const uint16_t *left, const uint16_t *right,
    long apart, float *const *c, long column, const float *add, const float *from, const float *bias) {
    float out[TILE * TILE] __attribute__((aligned(64)));
    for (long j = 0; j < columns; j += TILE) {
        long width = least(columns - j, TILE);
        k->tile(steps, height > SIDE ? 2 : 1, width > SIDE ? 2 : 1, left, right + j / SIDE * apart, apart, out);
        NAME(finish)(out, height, width, c, column + j, add, from, bias ? bias + column + j : NULL);
    }
}

static void NAME(product)(
    const Arithmetic *k, const CKProduct *p, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    // K is cut into blocks of whole taps, or of parts of one tap.
    long pieces = (p->depth + DEPTH - 1) / DEPTH, depthBlock = up((p->depth + pieces - 1) / pieces, STEP);
    long tapsPerBlock = pieces > 1 ? 1 : least(DEPTH / depthBlock, p->taps);
    long apart = tapsPerBlock * depthBlock * SIDE;
    long columnBlock = least(COLUMNS, up(columnEnd - columnBegin, SIDE));
    // Two pixels of bf16 are as long as a float.
    CKProduct source = *p;
    if (p->aNarrow) {
        source.a = (const float *)p->aNarrow;
        source.aStride /= 2;
    }
    size_t rightBytes = (size_t)(apart / SIDE * columnBlock) * 2, leftBytes = (size_t)(2 * apart) * 2;
    uint16_t *right = (uint16_t *)ck_scratch(
        CK_SCRATCH_PACK, rightBytes + leftBytes + (size_t)(tapsPerBlock * TILE) * sizeof(float *));
    uint16_t *left = right + rightBytes / 2;
    const float **rows = (const float **)(left + leftBytes / 2);
    k->begin();
    for (long t0 = 0; t0 < p->taps; t0 += tapsPerBlock)
        for (long k0 = 0; k0 < p->depth; k0 += depthBlock) {
            long taps = least(p->taps - t0, tapsPerBlock), depth = least(p->depth - k0, depthBlock);
            long padded = up(depth, STEP), tapBlocks = padded / STEP * BLOCK;
            int first = t0 == 0 && k0 == 0;
            const float *add = first ? p->add : p->c;
            for (long j0 = columnBegin; j0 < columnEnd; j0 += columnBlock) {
                long width = least(columnEnd - j0, columnBlock);
                for (long t = 0; t < taps; t++) {
                    long at = (p->bTaps ? p->bTaps[t0 + t] : 0) + k0 * p->bDepthStride + j0 * p->bColumnStride;
                    Source from = {p->b, p->bHalf};
                    uint16_t *to = right + t * tapBlocks;
                    if (p->bDepthStride == 1)
                        NAME(pack_columns)(from, at, p->bColumnStride, depth, width, apart, to);
                    else
                        NAME(pack_rows)(NULL, from, at, p->bDepthStride, depth, width, apart, to);
                }
                for (long row = rowBegin; row < rowEnd; row += TILE) {
                    long height = least(rowEnd - row, TILE);
                    float *c[TILE];
                    ck_locate(&source, row, height, t0, taps, p->aNarrow ? k0 / 2 : k0, TILE, rows, c);
                    for (long t = 0; t < taps; t++)
                        NAME(pack_left)(
                            rows + t * TILE, p->aNarrow != NULL, height, depth, apart, left + t * tapBlocks);
                    NAME(sweep)(
                        k, taps * padded / STEP, height, width, left, right, apart, c, j0, add, p->c,
                        first ? p->bias : NULL);
                }
            }
        }
    k->end();
}

static void NAME(transposed)(
    const Arithmetic *k, long m, long n, const float *a, long aStride, const float *b, long bStride, const CKPixels *pixels,
    long tap, long rowBegin, long rowEnd, int accumulate, float *c, long cStride) {
    enum { APART = DEPTH * SIDE };
    size_t columns = (size_t)least(COLUMNS, up(n, SIDE));
    uint16_t *right = (uint16_t *)ck_scratch(
        CK_SCRATCH_PACK, (columns * DEPTH + 2 * APART + TILE * DEPTH) * sizeof(uint16_t) + DEPTH * sizeof(float *));
    uint16_t *left = right + columns * DEPTH, *turned = left + 2 * APART;
    const float **rows = (const float **)(turned + TILE * DEPTH);
    k->begin();
    for (long row = rowBegin; row < rowEnd; row += DEPTH) {
        long depth = least(rowEnd - row, DEPTH), padded = up(depth, STEP);
        ck_source_rows(b, bStride, pixels, tap, row, depth, rows);
        for (long j0 = 0; j0 < n; j0 += (long)columns) {
            long width = least(n - j0, (long)columns);
            NAME(pack_rows)(rows, (Source){0}, j0, 0, depth, width, APART, right);
            for (long i = 0; i < m; i += TILE) {
                // Columns of a as panels, then each panel turned into rows.
                long height = least(m - i, TILE);
                float *to[TILE];
                for (long r = 0; r < height; r++) to[r] = c + (i + r) * cStride;
                NAME(pack_rows)(NULL, (Source){a, NULL}, row * aStride + i, aStride, depth, height, APART, turned);
                for (long panel = 0; panel * SIDE < height; panel++)
                    for (long s = 0; s < padded / STEP; s++)
                        NAME(turn)(
                            (const uint32_t *)(turned + panel * APART + s * BLOCK), SIDE,
                            (uint32_t *)(left + panel * APART + s * BLOCK));
                NAME(sweep)(
                    k, padded / STEP, height, width, left, right, APART, to, j0,
                    accumulate || row > rowBegin ? c : NULL, c, NULL);
            }
        }
    }
    k->end();
}
