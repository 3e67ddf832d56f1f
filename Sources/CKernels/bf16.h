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
CK_INLINE void NAME(narrow_run)(Source from, long at, long n, float *wide, uint16_t *to) {
    if (!from.halves) return NAME(narrow)(n, from.floats + at, to);
#if defined(WIDE)
    (void)wide;
    for (long i = 0; i < n; i += 16) {
        __mmask16 mask = n - i >= 16 ? 0xFFFF : (__mmask16)((1 << (n - i)) - 1);
        __m512 x = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, from.halves + at + i));
        _mm256_mask_storeu_epi16(to + i, mask, (__m256i)_mm512_cvtneps_pbh(x));
    }
#else
    ck_widen((size_t)n, from.halves + at, wide);
    NAME(narrow)(n, wide, to);
#endif
}

// Columns that lie one after the other in depth: width columns, `stride` apart, as the panels of blocks.
static void NAME(pack_columns)(
    Source from, long at, long stride, long depth, long width, long apart, uint16_t *out) {
    float wide[DEPTH];
    // Some room more than needed: rows 1 KB apart would share a few sets of the cache.
    uint16_t narrow[SIDE][DEPTH + STEP] __attribute__((aligned(64)));
    for (long j = 0; j < width; j += SIDE, out += apart) {
        long count = least(width - j, SIDE);
        for (long d0 = 0; d0 < depth; d0 += DEPTH) {
            long filled = least(depth - d0, DEPTH), padded = up(filled, STEP);
            for (long i = 0; i < SIDE; i++) {
                long part = i < count ? filled : 0;
                if (part > 0) NAME(narrow_run)(from, at + (j + i) * stride + d0, part, wide, narrow[i]);
                memset(narrow[i] + part, 0, 2 * (size_t)(padded - part));
            }
            for (long d = 0; d < padded; d += STEP)
                NAME(turn)(
                    (const uint32_t *)(narrow[0] + d), (DEPTH + STEP) / 2, (uint32_t *)(out + (d0 + d) * SIDE));
        }
    }
}

#if defined(WIDE)
// Two rows of 16 numbers as pairs.
CK_INLINE void NAME(interleave)(__m512 even, __m512 odd, uint16_t *out) {
    const __m512i order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
        16, 0);
    _mm512_storeu_si512(out, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even)));
}
CK_INLINE __mmask16 NAME(lanes)(long n) { return n >= SIDE ? 0xFFFF : n <= 0 ? 0 : (__mmask16)((1 << n) - 1); }
#endif

// Two rows of up to 16 numbers as pairs.
CK_INLINE void NAME(pair_up)(const float *even, const float *odd, long n, uint16_t *out) {
#if defined(WIDE)
    __m512 second = odd ? _mm512_maskz_loadu_ps(NAME(lanes)(n), odd) : _mm512_setzero_ps();
    NAME(interleave)(_mm512_maskz_loadu_ps(NAME(lanes)(n), even), second, out);
#else
    for (long i = 0; i < SIDE; i++) {
        out[2 * i] = i < n ? narrowed(even[i]) : 0;
        out[2 * i + 1] = odd && i < n ? narrowed(odd[i]) : 0;
    }
#endif
}

// The same of half floats.
CK_INLINE void NAME(pair_up_halves)(const uint16_t *even, const uint16_t *odd, long n, uint16_t *out) {
#if defined(WIDE)
    __m512 first = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(NAME(lanes)(n), even));
    __m512 second = odd ? _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(NAME(lanes)(n), odd)) : _mm512_setzero_ps();
    NAME(interleave)(first, second, out);
#else
    float wide[2][SIDE];
    ck_widen((size_t)least(n, SIDE), even, wide[0]);
    if (odd) ck_widen((size_t)least(n, SIDE), odd, wide[1]);
    NAME(pair_up)(wide[0], odd ? wide[1] : NULL, n, out);
#endif
}

// Rows of `width` numbers as the panels of blocks: row d is rows[d] + at or, without rows, `from` at at + d ·
// stride.
static void NAME(pack_rows)(
    const float *const *rows, Source from, long at, long stride, long depth, long width, long apart, uint16_t *out) {
    for (long d = 0; d < up(depth, STEP); d += 2, out += STEP) {
        const float *pair[2] = {NULL, NULL};
        const uint16_t *halves[2] = {NULL, NULL};
        for (long i = 0; i < 2 && d + i < depth; i++) {
            if (rows) pair[i] = rows[d + i] + at;
            else if (from.halves) halves[i] = from.halves + at + (d + i) * stride;
            else pair[i] = from.floats + at + (d + i) * stride;
        }
        for (long j = 0; j < width; j += SIDE) {
            uint16_t *to = out + j / SIDE * apart;
            long n = least(width - j, SIDE);
            if (halves[0]) NAME(pair_up_halves)(halves[0] + j, halves[1] ? halves[1] + j : NULL, n, to);
            else if (pair[0]) NAME(pair_up)(pair[0] + j, pair[1] ? pair[1] + j : NULL, n, to);
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

// Columns [j0, j0 + width) of a block of depth, as panels `apart` numbers apart.
static void NAME(pack_right)(const CKProduct *p, Part part, long j0, long width, uint16_t *out) {
    Source from = {p->b, p->bHalf};
    for (long t = 0; t < part.taps; t++, out += part.padded * SIDE) {
        long at = (p->bTaps ? p->bTaps[part.tap + t] : 0) + part.begin * p->bDepthStride + j0 * p->bColumnStride;
        if (p->bDepthStride == 1)
            NAME(pack_columns)(from, at, p->bColumnStride, part.depth, width, part.apart, out);
        else
            NAME(pack_rows)(NULL, from, at, p->bDepthStride, part.depth, width, part.apart, out);
    }
}

static void NAME(pack_all)(const CKProduct *p, long columnBegin, long columnEnd, uint16_t *out) {
    for (Part part = first_part(p); part.taps > 0; part = next_part(p, part))
        NAME(pack_right)(
            p, part, columnBegin, columnEnd - columnBegin,
            out + part.offset * up(p->columns, SIDE) + columnBegin / SIDE * part.apart);
}

static void NAME(product)(
    const Arithmetic *k, const CKProduct *p, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    Part part = first_part(p);
    long columnBlock = least(COLUMNS, RIGHT / (part.apart / SIDE) / TILE * TILE);
    columnBlock = least(columnBlock, up(columnEnd - columnBegin, SIDE));
    // Two pixels of bf16 are as long as a float.
    CKProduct source = *p;
    if (p->aNarrow) {
        source.a = (const float *)p->aNarrow;
        source.aStride /= 2;
    }
    size_t rightBytes = p->bPacked ? 0 : (size_t)(part.apart / SIDE * columnBlock) * 2;
    size_t leftBytes = (size_t)(2 * part.apart) * 2;
    uint16_t *scratch = (uint16_t *)ck_scratch(
        CK_SCRATCH_PACK, rightBytes + leftBytes + (size_t)(part.taps * TILE) * sizeof(float *));
    uint16_t *left = scratch + rightBytes / 2;
    const float **rows = (const float **)(left + leftBytes / 2);
    k->begin();
    for (; part.taps > 0; part = next_part(p, part)) {
        int first = part.offset == 0;
        const float *add = first ? p->add : p->c;
        for (long j0 = columnBegin; j0 < columnEnd; j0 += columnBlock) {
            long width = least(columnEnd - j0, columnBlock);
            const uint16_t *right = scratch;
            if (p->bPacked) right = p->bPacked + part.offset * up(p->columns, SIDE) + j0 / SIDE * part.apart;
            else NAME(pack_right)(p, part, j0, width, scratch);
            for (long row = rowBegin; row < rowEnd; row += TILE) {
                long height = least(rowEnd - row, TILE);
                float *c[TILE];
                ck_locate(
                    &source, row, height, part.tap, part.taps, p->aNarrow ? part.begin / 2 : part.begin, TILE, rows,
                    c);
                for (long t = 0; t < part.taps; t++)
                    NAME(pack_left)(
                        rows + t * TILE, p->aNarrow != NULL, height, part.depth, part.apart,
                        left + t * part.padded * SIDE);
                NAME(sweep)(
                    k, part.apart / BLOCK, height, width, left, right, part.apart, c, j0, add, p->c,
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
