// Included after attention.h, once per instruction set: 3×3 convolutions of stride 1 by Winograd's F(4×4,
// 3×3).
//
// A tile of 4 × 4 results is Aᵀ ((G g Gᵀ) ⊙ (Bᵀ d B)) A for the 6 × 6 inputs d under it: 36 multiplications
// instead of 144, and the sum over channels makes them 36 matrix products. The points 0, ±1/√2, ±√2, ∞ lose
// less to rounding than the usual 0, ±1, ±2, ∞ (a third of the error). The gradient of the filter is the
// transposed map, Gᵀ ((A dy Aᵀ) ⊙ (Bᵀ d B)) G.

#define V NAME(V)
#define NR (2 * VL)
#define LOAD(p) (*(const V *)(p))
#define STORE(p, v) (*(V *)(p) = (v))
#define FULL _Pragma("clang loop unroll(full)")

CK_INLINE void NAME(wino_bt)(const V *d, V *r) {
    const float a = 0.70710678118654752f, b = 1.41421356237309505f;
    V u = d[4] - 2.0f * d[2], w = d[3] - 2.0f * d[1];
    V p = d[4] - 0.5f * d[2], q = d[3] - 0.5f * d[1];
    r[0] = (d[0] + d[4]) - 2.5f * d[2];
    r[1] = u + a * w;
    r[2] = u - a * w;
    r[3] = p + b * q;
    r[4] = p - b * q;
    r[5] = (d[1] + d[5]) - 2.5f * d[3];
}

CK_INLINE void NAME(wino_g)(const V *g, V *r) {
    const float a = 0.70710678118654752f / 1.5f, b = 1.41421356237309505f / 6.0f;
    V e = g[0] * (-1.0f / 1.5f) - g[2] * (0.5f / 1.5f), p = g[0] * (1.0f / 6.0f) + g[2] * (2.0f / 6.0f);
    r[0] = g[0];
    r[1] = e - a * g[1];
    r[2] = e + a * g[1];
    r[3] = p + b * g[1];
    r[4] = p - b * g[1];
    r[5] = g[2];
}

CK_INLINE void NAME(wino_at)(const V *m, V *y) {
    const float a = 0.70710678118654752f, b = 1.41421356237309505f;
    V s = m[1] + m[2], d = m[1] - m[2], t = m[3] + m[4], e = m[3] - m[4];
    y[0] = (m[0] + s) + t;
    y[1] = a * d + b * e;
    y[2] = 0.5f * s + 2.0f * t;
    y[3] = (0.5f * a) * d + ((2.0f * b) * e + m[5]);
}

CK_INLINE void NAME(wino_a)(const V *y, V *z) {
    const float a = 0.70710678118654752f, b = 1.41421356237309505f;
    V s = y[0] + 0.5f * y[2], q = a * y[1] + (0.5f * a) * y[3];
    V t = y[0] + 2.0f * y[2], p = b * y[1] + (2.0f * b) * y[3];
    z[0] = y[0];
    z[1] = s + q;
    z[2] = s - q;
    z[3] = t + p;
    z[4] = t - p;
    z[5] = y[3];
}

CK_INLINE void NAME(wino_gt)(const V *u, V *g) {
    const float a = 0.70710678118654752f / 1.5f, b = 1.41421356237309505f / 6.0f;
    V s = u[1] + u[2], d = u[1] - u[2], t = u[3] + u[4], e = u[3] - u[4];
    g[0] = u[0] - s * (1.0f / 1.5f) + t * (1.0f / 6.0f);
    g[1] = b * e - a * d;
    g[2] = u[5] - s * (0.5f / 1.5f) + t * (2.0f / 6.0f);
}

// Bᵀ d B of tiles [t0, t1) into v[ξ · vs + (t - t0) · stride + channel]; whole vectors of channels are
// written.
static void NAME(wino_input)(const CKWinograd *w, long t0, long t1, float *v, long vs, long stride) {
    long across = (w->outWidth + 3) / 4, down = (w->outHeight + 3) / 4;
    for (long t = t0; t < t1; t++, v += stride) {
        long sample = t / (across * down), y = t / across % down * 4 - w->top, x = t % across * 4 - w->left;
        const float *pixel[36];
        for (long i = 0; i < 36; i++) {
            long py = y + i / 6, px = x + i % 6;
            int inside = (unsigned long)py < (unsigned long)w->height && (unsigned long)px < (unsigned long)w->width;
            pixel[i] = inside ? w->x + ((sample * w->height + py) * w->width + px) * w->inputs : ck_zeros;
        }
        for (long c = 0; c < w->inputs; c += VL) {
            V rows[6][6];
            FULL for (int j = 0; j < 6; j++) {
                V d[6], r[6];
                FULL for (int i = 0; i < 6; i++) d[i] = LOAD(pixel[6 * i + j] + c);
                NAME(wino_bt)(d, r);
                FULL for (int i = 0; i < 6; i++) rows[i][j] = r[i];
            }
            FULL for (int i = 0; i < 6; i++) {
                V r[6];
                NAME(wino_bt)(rows[i], r);
                FULL for (int j = 0; j < 6; j++) STORE(v + (6 * i + j) * vs + c, r[j]);
            }
        }
    }
}

// A dy Aᵀ of tiles [t0, t1), from a gradient like y; whole vectors are written.
static void NAME(wino_slope)(
    const CKWinograd *w, const float *dy, long t0, long t1, float *z, long zs, long stride) {
    long across = (w->outWidth + 3) / 4, down = (w->outHeight + 3) / 4;
    for (long t = t0; t < t1; t++, z += stride) {
        long sample = t / (across * down), y = t / across % down * 4, x = t % across * 4;
        const float *pixel[16];
        for (long i = 0; i < 16; i++) {
            long py = y + i / 4, px = x + i % 4;
            pixel[i] = py < w->outHeight && px < w->outWidth
                ? dy + ((sample * w->outHeight + py) * w->outWidth + px) * w->outputs : ck_zeros;
        }
        for (long c = 0; c < w->outputs; c += VL) {
            V rows[6][4];
            FULL for (int j = 0; j < 4; j++) {
                V d[4], r[6];
                FULL for (int i = 0; i < 4; i++) d[i] = LOAD(pixel[4 * i + j] + c);
                NAME(wino_a)(d, r);
                FULL for (int i = 0; i < 6; i++) rows[i][j] = r[i];
            }
            FULL for (int i = 0; i < 6; i++) {
                V r[6];
                NAME(wino_a)(rows[i], r);
                FULL for (int j = 0; j < 6; j++) STORE(z + (6 * i + j) * zs + c, r[j]);
            }
        }
    }
}

// Asks for the next tap of columns [j, end), depth [k, last), a run of depth for each column: filters come
// from memory, and the runs are too short and too many for the processor to guess.
CK_INLINE void NAME(wino_ask)(const CKWinograd *w, long t, long j, long end, long k, long last) {
    long size = w->half ? 2 : 4;
    const char *base = w->half ? (const char *)w->half : (const char *)w->weight;
    for (; j < end; j++) {
        const char *at = base + (w->taps[t] + j * w->columnStride + k) * size;
        for (long n = 0; n < (last - k) * size; n += 64) __builtin_prefetch(at + n, 0, 2);
    }
}

// G g Gᵀ of columns [j0, j1), depth [k0, k1) as panels of NR columns (the last as narrow as it can be):
// u[ξ · us + (j - j0) · (k1 - k0) + (k - k0) · width of the panel].
static void NAME(wino_weight)(const CKWinograd *w, long j0, long j1, long k0, long k1, float *u, long us) {
    enum { CHUNK = 128 };
    float packed[9][CHUNK * NR] __attribute__((aligned(64)));
    CKProduct right = {
        .b = w->weight, .bHalf = w->half, .bTaps = w->taps, .bDepthStride = w->depthStride, .bColumnStride = w->columnStride};
    for (long j = j0; j < j1; j += NR) {
        long end = j1 - j < NR ? j1 : j + NR, padded = end - j <= VL ? VL : NR;
        float *panel = u + (j - j0) * (k1 - k0);
        for (long k = k0; k < k1; k += CHUNK) {
            long last = k1 - k < CHUNK ? k1 : k + CHUNK;
            for (long t = 0; t < 9; t++) {
                if (t < 8 && w->depthStride == 1) NAME(wino_ask)(w, t + 1, j, end, k, last);
                NAME(pack)(&right, t, k, last, j, end, 0, 0, packed[t]);
            }
            for (long i = 0; i < (last - k) * padded; i += VL) {
                V rows[6][3];
                FULL for (int x = 0; x < 3; x++) {
                    V g[3], r[6];
                    FULL for (int y = 0; y < 3; y++) g[y] = LOAD(packed[3 * y + x] + i);
                    NAME(wino_g)(g, r);
                    FULL for (int y = 0; y < 6; y++) rows[y][x] = r[y];
                }
                float *to = panel + (k - k0) * padded + i;
                FULL for (int y = 0; y < 6; y++) {
                    V r[6];
                    NAME(wino_g)(rows[y], r);
                    FULL for (int x = 0; x < 6; x++) STORE(to + (6 * y + x) * us, r[x]);
                }
            }
        }
    }
}

// m[ξ] (+)= v[ξ] · u[ξ] for `rows` tiles, depth `depth` and `columns` columns.
static void NAME(wino_multiply)(
    long rows, long depth, long columns, const float *v, long vs, long vStride, const float *u, long us, float *m,
    long ms, long mStride, int accumulate) {
    long whole = columns / NR, rest = columns % NR, full = whole + (rest > VL), last = rest > VL ? rest : NR;
    const float *left[MR];
    float *to[MR];
    for (long xi = 0; xi < 36; xi++, v += vs, u += us, m += ms) {
        long height;
        for (long row = 0; row < rows; row += height) {
            height = NAME(tile_height)(rows - row);
            for (long i = 0; i < height; i++) {
                left[i] = v + (row + i) * vStride;
                to[i] = m + (row + i) * mStride;
            }
            const float *const *add = accumulate ? (const float *const *)to : NULL;
            const NAME(Tile) *kernels = NAME(tiles)[height - 1];
            if (full > 0) kernels[1](1, depth, 0, left, u, NULL, full, to, add, NULL, 0, last);
            if (rest > 0 && rest <= VL)
                kernels[0](1, depth, 0, left, u + whole * NR * depth, NULL, 1, to, add, NULL, whole * NR, rest);
        }
    }
}

// Aᵀ m A (+ bias) of tiles [t0, t1), columns [j0, j1), to y.
static void NAME(wino_output)(
    const CKWinograd *w, long t0, long t1, long j0, long j1, const float *m, long ms, long mStride) {
    long across = (w->outWidth + 3) / 4, down = (w->outHeight + 3) / 4;
    for (long t = t0; t < t1; t++, m += mStride) {
        long sample = t / (across * down), y = t / across % down * 4, x = t % across * 4;
        long height = w->outHeight - y < 4 ? w->outHeight - y : 4, width = w->outWidth - x < 4 ? w->outWidth - x : 4;
        float *out = w->y + ((sample * w->outHeight + y) * w->outWidth + x) * w->outputs;
        for (long j = j0; j < j1; j += VL) {
            const float *from = m + (j - j0);
            V rows[4][6], result[4][4];
            FULL for (int q = 0; q < 6; q++) {
                V d[6], r[4];
                FULL for (int p = 0; p < 6; p++) d[p] = LOAD(from + (6 * p + q) * ms);
                NAME(wino_at)(d, r);
                FULL for (int p = 0; p < 4; p++) rows[p][q] = r[p];
            }
            FULL for (int p = 0; p < 4; p++) NAME(wino_at)(rows[p], result[p]);
            long lanes = j1 - j < VL ? j1 - j : VL;
            float bias[VL] = {0};
            if (w->bias) memcpy(bias, w->bias + j, (size_t)lanes * sizeof(float));
            V shift = LOAD(bias);
            if (lanes == VL && height == 4 && width == 4) {
                FULL for (int p = 0; p < 4; p++)
                    FULL for (int q = 0; q < 4; q++)
                        STORE(out + (p * w->outWidth + q) * w->outputs + j, result[p][q] + shift);
            } else {
                for (long p = 0; p < height; p++)
                    for (long q = 0; q < width; q++) {
                        V x = result[p][q] + shift;
                        memcpy(out + (p * w->outWidth + q) * w->outputs + j, &x, (size_t)lanes * sizeof(float));
                    }
            }
        }
    }
}

// Columns of a part of u or m in whole vectors.
static inline long NAME(wino_padded)(long columns) {
    long rest = columns % NR;
    return columns - rest + (rest == 0 ? 0 : rest <= VL ? VL : NR);
}

// The transformed input given, columns [j0, j1) of tiles [t0, t1), a block of depth after the other.
static void NAME(wino_columns)(
    const CKWinograd *w, const float *v, long vs, long vStride, long t0, long t1, long j0, long j1, long depthBlock) {
    long padded = NAME(wino_padded)(j1 - j0), tiles = t1 - t0;
    // An odd number of lines apart, or all 36 would fall into the same sets of the cache.
    long us = depthBlock * padded + CK_WINO_APART, ms = tiles * padded + CK_WINO_APART;
    float *u = ck_scratch(CK_SCRATCH_PACK, (size_t)(36 * (us + ms)) * sizeof(float)), *m = u + 36 * us;
    for (long k = 0; k < w->inputs; k += depthBlock) {
        long end = w->inputs - k < depthBlock ? w->inputs : k + depthBlock;
        NAME(wino_weight)(w, j0, j1, k, end, u, us);
        NAME(wino_multiply)(tiles, end - k, j1 - j0, v + k, vs, vStride, u, us, m, ms, padded, k > 0);
    }
    NAME(wino_output)(w, t0, t1, j0, j1, m, ms, padded);
}

// The transformed filter of all columns given, tiles [t0, t1).
static void NAME(wino_tiles)(const CKWinograd *w, const float *u, long us, long t0, long t1) {
    long padded = NAME(wino_padded)(w->outputs), stride = (w->inputs + VL - 1) / VL * VL, tiles = t1 - t0;
    long vs = tiles * stride + CK_WINO_APART, ms = tiles * padded + CK_WINO_APART;
    float *v = ck_scratch(CK_SCRATCH_PACK, (size_t)(36 * (vs + ms)) * sizeof(float)), *m = v + 36 * vs;
    NAME(wino_input)(w, t0, t1, v, vs, stride);
    NAME(wino_multiply)(tiles, w->inputs, w->outputs, v, vs, stride, u, us, m, ms, padded, 0);
    NAME(wino_output)(w, t0, t1, 0, w->outputs, m, ms, padded);
}

// Rows [o0, o1) of the filter's gradient from transformed slopes and inputs of `tiles` tiles: [o1 - o0, 9,
// inputs].
static void NAME(wino_gradient)(
    const CKWinograd *w, const float *z, long zs, long zStride, const float *v, long vs, long vStride, long tiles,
    long o0, long o1, int accumulate, float *dw) {
    long n = w->inputs, us = (o1 - o0) * vStride + CK_WINO_APART;
    float *u = ck_scratch(CK_SCRATCH_KERNEL, (size_t)(36 * us) * sizeof(float));
    const float *rows[CK_ROWS_BLOCK];
    for (long xi = 0; xi < 36; xi++)
        for (long t = 0; t < tiles; t += CK_ROWS_BLOCK) {
            long depth = tiles - t < CK_ROWS_BLOCK ? tiles - t : CK_ROWS_BLOCK;
            for (long i = 0; i < depth; i++) rows[i] = v + xi * vs + (t + i) * vStride;
            NAME(transposed)
            (o1 - o0, n, z + xi * zs + t * zStride + o0, zStride, rows, depth, t > 0, u + xi * us, vStride);
        }
    for (long o = o0; o < o1; o++)
        for (long c = 0; c < n; c += VL) {
            const float *from = u + (o - o0) * vStride + c;
            V rows3[3][6];
            FULL for (int q = 0; q < 6; q++) {
                V d[6], r[3];
                FULL for (int p = 0; p < 6; p++) d[p] = LOAD(from + (6 * p + q) * us);
                NAME(wino_gt)(d, r);
                FULL for (int p = 0; p < 3; p++) rows3[p][q] = r[p];
            }
            float *to = dw + (o - o0) * 9 * n + c;
            long lanes = n - c < VL ? n - c : VL;
            for (int p = 0; p < 3; p++) {
                V r[3];
                NAME(wino_gt)(rows3[p], r);
                for (int q = 0; q < 3; q++) {
                    float *at = to + (3 * p + q) * n;
                    if (lanes == VL) {
                        STORE(at, accumulate ? LOAD(at) + r[q] : r[q]);
                    } else {
                        for (long i = 0; i < lanes; i++) at[i] = accumulate ? at[i] + r[q][i] : r[q][i];
                    }
                }
            }
        }
}

// The filter's whole gradient over tiles [t0, t1).
static void NAME(wino_piece)(const CKWinograd *w, const float *dy, long t0, long t1, float *dw) {
    long tiles = t1 - t0, vStride = (w->inputs + VL - 1) / VL * VL, zStride = (w->outputs + VL - 1) / VL * VL;
    long vs = tiles * vStride + CK_WINO_APART, zs = tiles * zStride + CK_WINO_APART;
    float *v = ck_scratch(CK_SCRATCH_PACK, (size_t)(36 * (vs + zs)) * sizeof(float)), *z = v + 36 * vs;
    NAME(wino_input)(w, t0, t1, v, vs, vStride);
    NAME(wino_slope)(w, dy, t0, t1, z, zs, zStride);
    // As many rows at a time as keep the 36 products in the cache.
    long block = 65536 / (36 * vStride) / MR * MR;
    if (block < MR) block = MR;
    for (long o = 0; o < w->outputs; o += block)
        NAME(wino_gradient)(
            w, z, zs, zStride, v, vs, vStride, tiles, o, w->outputs - o < block ? w->outputs : o + block, 0,
            dw + o * 9 * w->inputs);
}

#undef V
#undef NR
#undef LOAD
#undef STORE
#undef FULL
