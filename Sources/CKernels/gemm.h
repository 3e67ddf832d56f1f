// Included once per instruction set, with VL (floats per vector), MR (rows per tile) and NAME(x) defined.

typedef float NAME(V) __attribute__((vector_size(4 * VL), aligned(4), may_alias));
#define V NAME(V)
#define NR (2 * VL)

#define LOAD(p) (*(const V *)(p))
#define STORE(p, v) (*(V *)(p) = (v))

// Adds what the epilogue asks for and stores `width` columns of one row.
CK_INLINE void NAME(finish)(const int nv, const V *acc, float *c, const float *add, const float *bias, long width) {
    if (width == nv * VL) {
#pragma clang loop unroll(full)
        for (int v = 0; v < nv; v++) {
            V x = acc[v];
            if (add) x += LOAD(add + v * VL);
            if (bias) x += LOAD(bias + v * VL);
            STORE(c + v * VL, x);
        }
        return;
    }
    float row[NR];
#pragma clang loop unroll(full)
    for (int v = 0; v < nv; v++) STORE(row + v * VL, acc[v]);
    for (long j = 0; j < width; j++) {
        float x = row[j];
        if (add) x += add[j];
        if (bias) x += bias[j];
        c[j] = x;
    }
}

// Tiles of `mr` rows and `nv` vectors of columns, one for each of `panels` packed panels at b; rows[t · MR +
// i] points at row i's tap t. The tap after the last is `more` deep and has its panels at `extra`. The last
// panel stores `width` columns.
CK_INLINE void NAME(tile)(
    const int mr, const int nv, long taps, long depth, long more, const float *const *allRows, const float *b,
    const float *extra, long panels, float *const *c, const float *const *add, const float *bias, long column,
    long width) {
    for (; panels > 0; panels--, column += nv * VL) {
        const float *const *rows = allRows;
        V acc[MR][2];
#pragma clang loop unroll(full)
        for (int i = 0; i < mr; i++)
#pragma clang loop unroll(full)
            for (int v = 0; v < nv; v++) acc[i][v] = (V){0};
        for (long t = 0; t < taps + (more > 0); t++, rows += MR) {
            const float *row[MR];
            const long end = t < taps ? depth : more;
            const float *from = t < taps ? b : extra;
#pragma clang loop unroll(full)
            for (int i = 0; i < mr; i++) row[i] = rows[i];
            for (long k = 0; k < end; k++, from += nv * VL) {
                V right[2];
#pragma clang loop unroll(full)
                for (int v = 0; v < nv; v++) right[v] = LOAD(from + v * VL);
#pragma clang loop unroll(full)
                for (int i = 0; i < mr; i++) {
                    V left = row[i][k] - (V){0};
#pragma clang loop unroll(full)
                    for (int v = 0; v < nv; v++) acc[i][v] += left * right[v];
                }
            }
            if (t < taps) b = from;
            else extra = from;
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < mr; i++)
            NAME(finish)(
                nv, acc[i], c[i] + column, add ? add[i] + column : NULL, bias ? bias + column : NULL,
                panels > 1 ? nv * VL : width);
    }
}

typedef void (*NAME(Tile))(
    long, long, long, const float *const *, const float *, const float *, long, float *const *, const float *const *,
    const float *, long, long);

#define TILE(mr, nv) \
    static void NAME(tile_##mr##_##nv)( \
        long taps, long depth, long more, const float *const *rows, const float *b, const float *extra, long panels, \
        float *const *c, const float *const *add, const float *bias, long column, long width) { \
        NAME(tile)(mr, nv, taps, depth, more, rows, b, extra, panels, c, add, bias, column, width); \
    }
#define TILES(mr) TILE(mr, 1) TILE(mr, 2)
TILES(1) TILES(2) TILES(3) TILES(4)
#if MR >= 6
TILES(5) TILES(6)
#endif
#if MR >= 12
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
#endif

static const NAME(Tile) NAME(tiles)[MR][2] = {
#define ROW(mr) {NAME(tile_##mr##_1), NAME(tile_##mr##_2)}
    ROW(1), ROW(2), ROW(3), ROW(4),
#if MR >= 6
    ROW(5), ROW(6),
#endif
#if MR >= 12
    ROW(7), ROW(8), ROW(9), ROW(10), ROW(11), ROW(12),
#endif
};

typedef _Float16 NAME(Halves) __attribute__((vector_size(2 * VL), aligned(2), may_alias));

// Half floats to floats: one instruction from x86-64-v3 on.
CK_INLINE V NAME(widen)(const uint16_t *p) {
#if VL >= 8
    return __builtin_convertvector(*(const NAME(Halves) *)p, V);
#else
    float x[VL];
    ck_widen(VL, p, x);
    return LOAD(x);
#endif
}

static void NAME(widen_row)(const uint16_t *from, long width, long padded, float *to) {
    long i = 0;
    for (; i + VL <= width; i += VL) STORE(to + i, NAME(widen)(from + i));
    ck_widen((size_t)(width - i), from + i, to + i);
    for (i = width; i < padded; i++) to[i] = 0.0f;
}

// As `pack` below, from half floats.
static void NAME(pack_half)(
    const CKProduct *p, long t, long k0, long k1, long j0, long j1, long panelDepth, long at, float *out) {
    const uint16_t *base = p->bHalf + (p->bTaps ? p->bTaps[t] : 0);
    enum { CHUNK = 64 };
    float wide[NR * CHUNK];
    for (long j = j0; j < j1; j += NR) {
        long width = j1 - j < NR ? j1 - j : NR, padded = width <= VL ? VL : NR;
        float *to = out + (j - j0) * panelDepth + at * padded;
        if (p->bColumnStride == 1) {
            for (long k = k0; k < k1; k++, to += padded)
                NAME(widen_row)(base + k * p->bDepthStride + j, width, padded, to);
            continue;
        }
        for (long k = k0; k < k1; k += CHUNK) {
            long depth = k1 - k < CHUNK ? k1 - k : CHUNK;
            for (long i = 0; i < width; i++)
                NAME(widen_row)(
                    base + (j + i) * p->bColumnStride + k * p->bDepthStride, depth, depth, wide + i * CHUNK);
            ck_pack_transposed(wide, 1, CHUNK, depth, width, padded, to + (k - k0) * padded);
        }
    }
}

// Packs depth [k0, k1) of tap t, columns [j0, j1), as panels of NR columns (the last as narrow as it can be).
// `panelDepth` is the number of k of all taps in a panel; this tap's start at `at`.
static void NAME(pack)(
    const CKProduct *p, long t, long k0, long k1, long j0, long j1, long panelDepth, long at, float *out) {
    if (p->bHalf) return NAME(pack_half)(p, t, k0, k1, j0, j1, panelDepth, at, out);
    const float *base = p->b + (p->bTaps ? p->bTaps[t] : 0);
    for (long j = j0; j < j1; j += NR) {
        long width = j1 - j < NR ? j1 - j : NR, padded = width <= VL ? VL : NR;
        float *to = out + (j - j0) * panelDepth + at * padded;
        if (p->bColumnStride == 1) {
            for (long k = k0; k < k1; k++, to += padded) {
                const float *from = base + k * p->bDepthStride + j;
                if (width == NR) {
                    STORE(to, LOAD(from));
                    STORE(to + VL, LOAD(from + VL));
                } else {
                    for (long i = 0; i < padded; i++) to[i] = i < width ? from[i] : 0.0f;
                }
            }
        } else {
            ck_pack_transposed(
                base + j * p->bColumnStride + k0 * p->bDepthStride, p->bDepthStride, p->bColumnStride, k1 - k0, width,
                padded, to);
        }
    }
}

// Copies the rows of a tile, all taps, and points at the copies.
static void NAME(copy_rows)(long taps, long height, long depth, const float **rows, float *to, long apart) {
    for (long t = 0; t < taps; t++)
        for (long i = 0; i < height; i++, to += apart) {
            memcpy(to, rows[t * MR + i], (size_t)depth * sizeof(float));
            rows[t * MR + i] = to;
        }
}

// Rows per tile chosen so that a remainder is not left to a tile of one or two rows.
static inline long NAME(tile_height)(long left) {
    if (left >= 2 * MR || left <= MR) return left < MR ? left : MR;
    return (left + 1) / 2;
}

// Floats per block of b: half of a second-level cache, which is 512 KB beside vectors of 8 and 1 MB or more
// beside wider ones.
enum { NAME(BLOCK_FLOATS) = VL > 8 ? 131072 : 65536 };

// All of a right operand as products read it: block of K by block of K, its panels for all columns.
static void NAME(all_panels)(const CKProduct *p, long columnBegin, long columnEnd, float *out) {
    const CKDepthBlocks blocks = ck_depth_blocks(p);
    for (long t0 = 0; t0 < p->taps; t0 += blocks.taps)
        for (long k0 = 0; k0 == 0 || k0 < p->depth; k0 += blocks.depth) {
            long taps = p->taps - t0 < blocks.taps ? p->taps - t0 : blocks.taps;
            long k1 = k0 + blocks.depth < p->depth ? k0 + blocks.depth : p->depth, panelDepth = taps * (k1 - k0);
            float *to = out + (t0 * p->depth + k0) * ck_padded(p->columns, VL) + columnBegin * panelDepth;
            for (long t = 0; t < taps; t++)
                NAME(pack)(p, t0 + t, k0, k1, columnBegin, columnEnd, panelDepth, t * (k1 - k0), to);
        }
}

static void NAME(product)(
    const CKProduct *p, const CKExtraProduct *extra, long rowBegin, long rowEnd, long columnBegin, long columnEnd) {
    const CKProduct extraRight =
        extra ? (CKProduct){.b = extra->b, .bDepthStride = extra->bDepthStride, .bColumnStride = extra->bColumnStride}
              : (CKProduct){0};
    const CKDepthBlocks blocks = ck_depth_blocks(p);
    long tapsPerBlock = blocks.taps, depthBlock = blocks.depth;
    long blockDepth = tapsPerBlock * depthBlock + (extra ? extra->depth : 0);
    long columnBlock = NAME(BLOCK_FLOATS) / (blockDepth > 0 ? blockDepth : 1) / NR * NR;
    if (columnBlock < NR) columnBlock = NR;
    if (columnBlock > columnEnd - columnBegin) columnBlock = (columnEnd - columnBegin + NR - 1) / NR * NR;
    // Rows a multiple of 1 KB apart fall into the same few sets of the first-level cache: they are copied
    // apart.
    long apart = p->aStride % 256 == 0 ? depthBlock + 16 : 0;
    float *packed = ck_scratch(
        CK_SCRATCH_PACK, (size_t)(blockDepth * columnBlock + tapsPerBlock * MR * apart) * sizeof(float)
            + (size_t)(tapsPerBlock + 1) * MR * sizeof(float *));
    float *copies = packed + blockDepth * columnBlock;
    const float **rows = (const float **)(copies + tapsPerBlock * MR * apart);
    for (long t0 = 0; t0 < p->taps; t0 += tapsPerBlock)
        for (long k0 = 0; k0 == 0 || k0 < p->depth; k0 += depthBlock) {
            long taps = p->taps - t0 < tapsPerBlock ? p->taps - t0 : tapsPerBlock;
            long k1 = k0 + depthBlock < p->depth ? k0 + depthBlock : p->depth, depth = k1 - k0;
            int first = t0 == 0 && k0 == 0;
            // The extra product goes with the last block.
            long more = extra && t0 + taps == p->taps && k1 == p->depth ? extra->depth : 0;
            long panelDepth = taps * depth;
            for (long j0 = columnBegin; j0 < columnEnd; j0 += columnBlock) {
                long j1 = j0 + columnBlock < columnEnd ? j0 + columnBlock : columnEnd;
                const float *right = packed;
                float *extraPanels = packed + tapsPerBlock * depthBlock * columnBlock;
                if (p->bPanels) {
                    right = p->bPanels + (t0 * p->depth + k0) * ck_padded(p->columns, VL) + j0 * panelDepth;
                } else {
                    for (long t = 0; t < taps; t++)
                        NAME(pack)(p, t0 + t, k0, k1, j0, j1, panelDepth, t * depth, packed);
                }
                if (more > 0) NAME(pack)(&extraRight, 0, 0, more, j0, j1, more, 0, extraPanels);
                long height;
                for (long row = rowBegin; row < rowEnd; row += height) {
                    height = NAME(tile_height)(rowEnd - row);
                    float *c[MR];
                    const float *add[MR];
                    ck_locate(p, row, height, t0, taps, k0, MR, rows, c);
                    if (apart > 0 && j1 - j0 > NR) NAME(copy_rows)(taps, height, depth, rows, copies, apart);
                    for (long i = 0; more > 0 && i < height; i++)
                        rows[taps * MR + i] = extra->a + (row + i) * extra->aStride;
                    const float *addBase = first ? p->add : p->c;
                    if (addBase)
                        for (long i = 0; i < height; i++) add[i] = addBase + (c[i] - p->c);
                    const NAME(Tile) *kernels = NAME(tiles)[height - 1];
                    // Whole panels in one call; a narrow remainder has a kernel of one vector.
                    long whole = (j1 - j0) / NR, rest = (j1 - j0) % NR;
                    long full = whole + (rest > VL), last = rest > VL ? rest : NR;
                    const float *bias = first ? p->bias : NULL;
                    if (full > 0)
                        kernels[1](
                            taps, depth, more, rows, right, extraPanels, full, c, addBase ? add : NULL, bias, j0,
                            last);
                    if (rest > 0 && rest <= VL)
                        kernels[0](
                            taps, depth, more, rows, right + whole * NR * panelDepth,
                            extraPanels + whole * NR * more, 1, c, addBase ? add : NULL, bias, j0 + whole * NR, rest);
                }
            }
        }
}

// A tile of c from k-major operands: a[k · aStride + i], b[k][j].
CK_INLINE void NAME(outer)(
    const int mr, const int nv, long depth, const float *a, long aStride, const float *const *b, long column,
    int accumulate, float *c, long cStride, long width) {
    V acc[MR][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < mr; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < nv; v++) acc[i][v] = (V){0};
    for (long k = 0; k < depth; k++, a += aStride) {
        const float *from = b[k] + column;
        V right[2];
#pragma clang loop unroll(full)
        for (int v = 0; v < nv; v++) right[v] = LOAD(from + v * VL);
#pragma clang loop unroll(full)
        for (int i = 0; i < mr; i++) {
            V left = a[i] - (V){0};
#pragma clang loop unroll(full)
            for (int v = 0; v < nv; v++) acc[i][v] += left * right[v];
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < mr; i++) {
        float *to = c + i * cStride + column;
        NAME(finish)(nv, acc[i], to, accumulate ? to : NULL, NULL, width);
    }
}

typedef void (*NAME(Outer))(
    long, const float *, long, const float *const *, long, int, float *, long, long);
#define OUTER(mr, nv) \
    static void NAME(outer_##mr##_##nv)( \
        long depth, const float *a, long aStride, const float *const *b, long column, int accumulate, float *c, \
        long cStride, long width) { \
        NAME(outer)(mr, nv, depth, a, aStride, b, column, accumulate, c, cStride, width); \
    }
#define OUTERS(mr) OUTER(mr, 1) OUTER(mr, 2)
OUTERS(1) OUTERS(2) OUTERS(3) OUTERS(4)
#if MR >= 6
OUTERS(5) OUTERS(6)
#endif
#if MR >= 12
OUTERS(7) OUTERS(8) OUTERS(9) OUTERS(10) OUTERS(11) OUTERS(12)
#endif
static const NAME(Outer) NAME(outers)[MR][2] = {
#undef ROW
#define ROW(mr) {NAME(outer_##mr##_1), NAME(outer_##mr##_2)}
    ROW(1), ROW(2), ROW(3), ROW(4),
#if MR >= 6
    ROW(5), ROW(6),
#endif
#if MR >= 12
    ROW(7), ROW(8), ROW(9), ROW(10), ROW(11), ROW(12),
#endif
};

static void NAME(transposed)(
    long m, long n, const float *a, long aStride, const float *const *b, long depth, int accumulate, float *c,
    long cStride) {
    long height;
    for (long i = 0; i < m; i += height) {
        height = NAME(tile_height)(m - i);
        for (long j = 0; j < n; j += NR) {
            long width = n - j < NR ? n - j : NR;
            NAME(outers)[height - 1][width <= VL ? 0 : 1](
                depth, a + i, aStride, b, j, accumulate, c + i * cStride, cStride, width);
        }
    }
}

#undef V
#undef NR
#undef LOAD
#undef STORE
#undef TILE
#undef TILES
#undef OUTER
#undef OUTERS
#undef ROW
