// Numeric kernels and the machinery below them: buffers, a fixed thread pool, vectorised element-wise
// functions. Everything is f32, row-major; `n` counts elements; ranges handed to a kernel may start anywhere.
#pragma once
#include <stddef.h>
#include <stdint.h>

// MARK: memory.c: buffers in size classes, 64-byte aligned, reused without malloc

/// A buffer of at least `bytes` bytes; never NULL (the process ends when memory does). Thread-safe.
float *_Nonnull ck_buffer_take(size_t bytes);
/// Gives a buffer back; `bytes` must be the number it was taken with.
void ck_buffer_give(float *_Nonnull buffer, size_t bytes);
/// Returns every idle buffer to the system.
void ck_buffer_trim(void);
/// Bytes held by the pool, in use and idle.
size_t ck_buffer_bytes(void);

/// A scratch area of the calling thread, at least `bytes` long and 64-byte aligned, valid until the thread
/// asks for the same `slot` again. Slots keep nested users (a convolution and the product inside it) apart.
float *_Nonnull ck_scratch(int slot, size_t bytes);
enum { CK_SCRATCH_KERNEL = 0, CK_SCRATCH_PACK = 1, CK_SCRATCH_SLOTS = 2 };

/// Adds `change` to this thread's count of open "no gradients" scopes and returns the new count.
int ck_gradient_pause(int change);

/// An object of the caller's where this thread's backward passes leave leaves' gradients; null for none.
void *_Nullable ck_leaf_gradients(void);
/// Sets it, and returns what it was.
void *_Nullable ck_leaf_gradients_set(void *_Nullable object);

// MARK: pool.c: a fixed pool of threads

/// Sets how many threads share the work, the caller included. At least 1.
void ck_pool_configure(int threads);
int ck_pool_threads(void);
/// How many threads share a loop that begins here: 1 inside a part of another loop.
int ck_pool_sharing(void);
/// Calls `body(context, part)` once for each part in 0..<parts and returns when all are done. Which thread
/// runs a part is not fixed, so a part's result must not depend on it. Runs in the calling thread when the
/// pool is busy.
void ck_parallel(long parts, void (*_Nonnull body)(void *_Nullable context, long part), void *_Nullable context);
/// The instruction set the kernels were dispatched to, e.g. "x86-64-v3".
const char *_Nonnull ck_isa(void);

// MARK: elementwise.c

void ck_fill(size_t n, float value, float *_Nonnull y);
void ck_add(size_t n, const float *_Nonnull a, const float *_Nonnull b, float *_Nonnull y);
void ck_subtract(size_t n, const float *_Nonnull a, const float *_Nonnull b, float *_Nonnull y);
void ck_multiply(size_t n, const float *_Nonnull a, const float *_Nonnull b, float *_Nonnull y);
/// y = scale · x + offset
void ck_affine(size_t n, const float *_Nonnull x, float scale, float offset, float *_Nonnull y);
/// y = x, from and to IEEE half floats; the second rounds to nearest, ties to even, and returns whether every
/// value was finite and unchanged.
void ck_widen(size_t n, const uint16_t *_Nonnull x, float *_Nonnull y);
int ck_narrow(size_t n, const float *_Nonnull x, uint16_t *_Nonnull y);
/// y += scale · x
void ck_accumulate(size_t n, float scale, const float *_Nonnull x, float *_Nonnull y);
void ck_clamp(size_t n, const float *_Nonnull x, float low, float high, float *_Nonnull y);
void ck_clamp_backward(
    size_t n, const float *_Nonnull x, const float *_Nonnull g, float low, float high, float *_Nonnull dx);

enum {
    CK_SILU = 0, CK_GELU = 1, CK_QUICK_GELU = 2, CK_RELU = 3, CK_EXPONENTIAL = 4, CK_SQUARE = 5, CK_ABSOLUTE = 6,
    CK_GELU_TANH = 7,
};
void ck_unary(int kind, size_t n, const float *_Nonnull x, float *_Nonnull y);
/// dx = g · f'(x)
void ck_unary_backward(int kind, size_t n, const float *_Nonnull x, const float *_Nonnull g, float *_Nonnull dx);

/// x [rows, 2c], value before gate → y [rows, c] = value · gelu(gate)
void ck_geglu(size_t rows, size_t c, const float *_Nonnull x, float *_Nonnull y);
void ck_geglu_backward(
    size_t rows, size_t c, const float *_Nonnull x, const float *_Nonnull g, float *_Nonnull dx);

/// y[r, :] = x[r, :] + bias
void ck_add_row(
    size_t rows, size_t c, const float *_Nonnull x, const float *_Nonnull bias, float *_Nonnull y);
/// y[r, :] = x[r, :] · scale
void ck_scale_row(
    size_t rows, size_t c, const float *_Nonnull x, const float *_Nonnull scale, float *_Nonnull y);
/// y[:] += Σ_r x[r, :]
void ck_column_sums(size_t rows, size_t c, const float *_Nonnull x, float *_Nonnull y);
/// y[:] += Σ_r a[r, :] · b[r, :]
void ck_column_dots(
    size_t rows, size_t c, const float *_Nonnull a, const float *_Nonnull b, float *_Nonnull y);

double ck_sum(size_t n, const float *_Nonnull x);
double ck_sum_squared_difference(size_t n, const float *_Nonnull a, const float *_Nonnull b);
double ck_sum_absolute_difference(size_t n, const float *_Nonnull a, const float *_Nonnull b);
double ck_dot(size_t n, const float *_Nonnull a, const float *_Nonnull b);
/// dx = scale · sign(a - b)
void ck_sign_difference(
    size_t n, float scale, const float *_Nonnull a, const float *_Nonnull b, float *_Nonnull dx);

/// The constants of an AdamW update: the first moment moves by `rest1` of the way to the gradient, the second
/// decays by `beta2`; the parameter is multiplied by `decay` and moves by rate · m / (√v · scale + ε).
typedef struct {
    float rest1, beta2, rest2, epsilon, decay, rate, scale;
} CKAdamW;
void ck_adamw(
    size_t n, const CKAdamW *_Nonnull update, const float *_Nonnull gradient, float *_Nonnull parameter,
    float *_Nonnull first, float *_Nonnull second);

/// In place over `rows` rows of `columns`, `stride` apart: p = exp(scale · s - max), divided by its sum;
/// columns at or past `limit` of row r (`limit = firstLimit + r` when causal) become 0. Writes log Σ
/// exp(scale · s) per row.
void ck_softmax_rows(
    size_t rows, size_t columns, size_t stride, float scale, int causal, size_t firstLimit, float *_Nonnull s,
    float *_Nullable logSums);

// MARK: normalize.c

/// Group statistics of one sample x [positions, channels]: mean and 1/√(variance + ε) per group.
void ck_group_statistics(
    size_t positions, size_t channels, size_t groups, float epsilon, const float *_Nonnull x, float *_Nonnull mean,
    float *_Nonnull rstd);
/// y = act(x · scale + shift) with per-channel scale and shift; `silu` picks the activation.
void ck_channel_affine(
    size_t positions, size_t channels, const float *_Nonnull x, const float *_Nonnull scale,
    const float *_Nonnull shift, int silu, float *_Nonnull y);
/// Sums over positions, per channel, of g' and g'·x̂, where g' is g through the activation's derivative.
void ck_group_backward_sums(
    size_t positions, size_t channels, size_t groups, const float *_Nonnull x, const float *_Nonnull g,
    const float *_Nonnull mean, const float *_Nonnull rstd, const float *_Nonnull weight, const float *_Nonnull bias,
    int silu, double *_Nonnull sumG, double *_Nonnull sumGX);
/// dx of one sample, from the sums above.
void ck_group_backward(
    size_t positions, size_t channels, size_t groups, const float *_Nonnull x, const float *_Nonnull g,
    const float *_Nonnull mean, const float *_Nonnull rstd, const float *_Nonnull weight, const float *_Nonnull bias,
    int silu, const double *_Nonnull sumG, const double *_Nonnull sumGX, float *_Nonnull dx);
void ck_layer_norm(
    size_t rows, size_t c, float epsilon, const float *_Nonnull x, const float *_Nonnull weight,
    const float *_Nonnull bias, float *_Nonnull y, float *_Nonnull mean, float *_Nonnull rstd);
/// dx may be NULL; dWeight and dBias (accumulated) may be NULL.
void ck_layer_norm_backward(
    size_t rows, size_t c, const float *_Nonnull x, const float *_Nonnull g, const float *_Nonnull weight,
    const float *_Nonnull mean, const float *_Nonnull rstd, float *_Nullable dx, float *_Nullable dWeight,
    float *_Nullable dBias);

// MARK: transformer.c: norms, rotations and gates of rectified-flow transformers and T5

/// y = x / √(mean(x²) + ε) · weight over rows of c; rstd gets each row's factor.
void ck_rms_norm(
    size_t rows, size_t c, float epsilon, const float *_Nonnull x, const float *_Nonnull weight, float *_Nonnull y,
    float *_Nonnull rstd);
/// dx may be NULL; dWeight (accumulated) may be NULL.
void ck_rms_norm_backward(
    size_t rows, size_t c, const float *_Nonnull x, const float *_Nonnull g, const float *_Nonnull weight,
    const float *_Nonnull rstd, float *_Nullable dx, float *_Nullable dWeight);
/// Turns the pairs (x[2i], x[2i + 1]) of every head of row r by the angle whose cosine and sine are at
/// [r, i] of tables with size / 2 columns; `direction` is 1, or -1 to turn back.
void ck_rotate_pairs(
    size_t rows, size_t heads, size_t size, float direction, const float *_Nonnull x, const float *_Nonnull cosines,
    const float *_Nonnull sines, float *_Nonnull y);
/// y = every head of x after `ck_rms_norm` over its `size` and `ck_rotate_pairs`, with their bits; rstd
/// [rows, heads] gets each head's factor. `size` is 4,096 at most.
void ck_norm_rotate(
    size_t rows, size_t heads, size_t size, float epsilon, const float *_Nonnull x, const float *_Nonnull weight,
    const float *_Nonnull cosines, const float *_Nonnull sines, float *_Nonnull y, float *_Nonnull rstd);
void ck_norm_rotate_backward(
    size_t rows, size_t heads, size_t size, const float *_Nonnull x, const float *_Nonnull g,
    const float *_Nonnull weight, const float *_Nonnull rstd, const float *_Nonnull cosines,
    const float *_Nonnull sines, float *_Nonnull dx);
/// y[r, :] = add[r, :] + gate · x[r, :]
void ck_gate_rows(
    size_t rows, size_t c, const float *_Nonnull x, const float *_Nonnull gate, const float *_Nonnull add,
    float *_Nonnull y);
/// dx of a softmax over rows of c, from its result p.
void ck_softmax_backward(
    size_t rows, size_t c, const float *_Nonnull p, const float *_Nonnull g, float *_Nonnull dx);

// MARK: layout.c

/// out[i…] = x[permuted i…] for rank ≤ 6; `strides` are x's strides in the output's axis order.
void ck_permute(
    int rank, const long *_Nonnull shape, const long *_Nonnull strides, const float *_Nonnull x,
    float *_Nonnull out);

// MARK: kronecker.c: loops of w1 ⊗ w2, w1 a small matrix. Inputs may be read 32 bytes past their end.

/// y[p, a, :] = Σ_c w[a · rowStride + c · columnStride] · x[p, c, :] over runs of `width`.
void ck_mix_groups(
    size_t positions, size_t outer, size_t groups, size_t width, const float *_Nonnull w, size_t rowStride,
    size_t columnStride, const float *_Nonnull x, float *_Nonnull y);
/// sums[a, c] += Σ_p ⟨g[p, a, :], x[p, c, :]⟩
void ck_group_products(
    size_t positions, size_t outer, size_t groups, size_t width, const float *_Nonnull g, const float *_Nonnull x,
    float *_Nonnull sums);
/// One row of base + scale · w1 ⊗ w2: y[t, c, :] = base[t, c, :] + scale · w1[c] · w2[t, :].
void ck_kronecker_row(
    size_t taps, size_t groups, size_t inner, const float *_Nullable base, const float *_Nonnull w1,
    const float *_Nonnull w2, float scale, float *_Nonnull y);
/// From the row's gradient g: sums[c] += scale · Σ_t ⟨g[t, c, :], w2[t, :]⟩, d2[t, :] += Σ_c scale · w1[c] ·
/// g[t, c, :].
void ck_kronecker_row_backward(
    size_t taps, size_t groups, size_t inner, const float *_Nonnull g, const float *_Nonnull w1,
    const float *_Nonnull w2, float scale, float *_Nonnull sums, float *_Nonnull d2);

// MARK: gemm.c: products, convolutions and attention on one thread; callers split rows, columns, heads among
// threads. Every element of a result is summed in the same order whatever the split, so results do not depend
// on the number of threads. Right operands may be read up to 128 bytes past their last row.

/// Where the rows of the left operand come from: pixels of images, one row per tap of a filter. Row p is
/// pixel (s, y, x) of a grid of `samples` × `gridHeight` × `gridWidth`; its tap t is the source pixel (s, y ·
/// step + offsetY[t], x · step + offsetX[t]), zeros outside; its result goes to the target pixel (s, y ·
/// targetStep + targetY, x · targetStep + targetX).
typedef struct {
    long gridHeight, gridWidth;
    long height, width, step;
    const long *_Nonnull offsetY, *_Nonnull offsetX;
    long targetHeight, targetWidth, targetStep, targetY, targetX;
} CKPixels;

/// c[p, j] = Σ_t Σ_k a(p, t)[k] · b(t, k, j)  (+ add[p, j]) (+ bias[j])
typedef struct {
    long columns, taps, depth;
    /// Left operand: rows `aStride` apart, or pixels of that many floats if `pixels` is set.
    const float *_Nonnull a;
    /// In place of a, for `ck_bf16_product`, where it is bf16 already; an even `aStride` and depth.
    const uint16_t *_Nullable aNarrow;
    long aStride;
    const CKPixels *_Nullable pixels;
    /// Right operand: b(t, k, j) = b[bTaps[t] + k · bDepthStride + j · bColumnStride], one of the strides
    /// being 1.
    const float *_Nonnull b;
    /// In place of b where it is stored as IEEE half floats.
    const uint16_t *_Nullable bHalf;
    /// In place of b, for `ck_bf16_product`: all of it as `ck_bf16_pack` packs it.
    const uint16_t *_Nullable bPacked;
    /// In place of b, for `ck_product`: all of it as `ck_pack_panels` packs it.
    const float *_Nullable bPanels;
    const long *_Nullable bTaps;
    long bDepthStride, bColumnStride;
    /// Result: rows (or target pixels) `cStride` apart; `add` has the same layout and may be c itself.
    float *_Nonnull c;
    long cStride;
    const float *_Nullable add;
    const float *_Nullable bias;
} CKProduct;

/// Floats that a packed right operand takes.
size_t ck_panels_size(const CKProduct *_Nonnull product);
/// Packs columns [columnBegin, columnEnd) of the right operand into their place in `out`; columnBegin is a
/// multiple of 32.
void ck_pack_panels(const CKProduct *_Nonnull product, long columnBegin, long columnEnd, float *_Nonnull out);

/// Computes rows [rowBegin, rowEnd) and columns [columnBegin, columnEnd); where b is packed, columnBegin is a
/// multiple of 32.
void ck_product(const CKProduct *_Nonnull product, long rowBegin, long rowEnd, long columnBegin, long columnEnd);

/// Σ_k a[p, k] · b(k, j): terms that another product of the same rows and columns sums in its own pass.
typedef struct {
    long depth;
    const float *_Nonnull a;
    long aStride;
    /// b(k, j) = b[k · bDepthStride + j · bColumnStride], one of the strides being 1.
    const float *_Nonnull b;
    long bDepthStride, bColumnStride;
} CKExtraProduct;

/// The sum of both; with an extra one, `product` has rows, not pixels.
void ck_two_products(
    const CKProduct *_Nonnull product, const CKExtraProduct *_Nullable extra, long rowBegin, long rowEnd,
    long columnBegin, long columnEnd);

/// c[i, j] (+)= Σ_p a[p, i] · b(p)[j] over rows p in [rowBegin, rowEnd): the gradient of a weight. b(p) is
/// row p of b or, with `pixels`, tap `tap` of grid pixel p.
void ck_product_of_transpose(
    long m, long n, const float *_Nonnull a, long aStride, const float *_Nonnull b, long bStride,
    const CKPixels *_Nullable pixels, long tap, long rowBegin, long rowEnd, int accumulate, float *_Nonnull c,
    long cStride);

/// c[r, j] = Σ_k a[r, k] · b[j, k] for few columns: narrow.c. `columns` is a multiple of 4, `depth` of 16.
void ck_narrow_product(
    long rows, long columns, long depth, const float *_Nonnull a, long aStride, const float *_Nonnull b,
    long bStride, float *_Nonnull c, long cStride);

/// One multi-head attention: [batch, T, stride] arrays with the heads side by side in the last axis.
typedef struct {
    long queries, keys, heads, size, stride;
    float scale;
    int causal;
    const float *_Nonnull query, *_Nonnull key, *_Nonnull value;
    /// The result; read by the backward pass.
    float *_Nonnull out;
    /// [batch, heads, queries]: log₂ Σ exp of each row's scaled scores.
    float *_Nonnull logSums;
    /// dL/dout and what to fill from it; NULL where not wanted.
    const float *_Nullable gradient;
    float *_Nullable dQuery, *_Nullable dKey, *_Nullable dValue;
} CKAttention;

/// Queries [first, last) of one head.
void ck_attention(const CKAttention *_Nonnull attention, long sample, long head, long first, long last);
/// All gradients of one head.
void ck_attention_backward(const CKAttention *_Nonnull attention, long sample, long head);

// MARK: winograd.h: 3×3 convolutions of stride 1 by Winograd's F(4×4, 3×3), tiles of all channels.
// Sums do not depend on how tiles and columns are split among threads, only on `depthBlock`.

/// y = x ⋆ weight (+ bias); x is [samples, height, width, inputs], y [samples, outHeight, outWidth, outputs]
/// with outHeight = height + top + bottom - 2. Rows of x and of a gradient like y may be read 128 bytes past
/// their end.
typedef struct {
    long samples, height, width, inputs;
    long outHeight, outWidth, outputs;
    long top, left;
    const float *_Nonnull x;
    /// Tap t, input k, output j: weight[taps[t] + k · depthStride + j · columnStride], one of the strides
    /// being 1.
    const float *_Nonnull weight;
    /// In place of `weight` where it is stored as IEEE half floats.
    const uint16_t *_Nullable half;
    const long *_Nonnull taps;
    long depthStride, columnStride;
    float *_Nonnull y;
    const float *_Nullable bias;
} CKWinograd;

/// Floats of `tiles` transformed tiles of that many channels, and of the transformed filter.
size_t ck_winograd_floats(long tiles, long channels);
size_t ck_winograd_filter_floats(const CKWinograd *_Nonnull w);
/// Columns that are computed at a time: split columns at multiples of it.
long ck_winograd_panel(void);

/// For wide filters. Transforms inputs [t0, t1) of the `tiles` tiles that start at tile `first`, then
/// computes columns.
void ck_winograd_input(const CKWinograd *_Nonnull w, long first, long tiles, long t0, long t1, float *_Nonnull v);
void ck_winograd_columns(
    const CKWinograd *_Nonnull w, const float *_Nonnull v, long first, long tiles, long j0, long j1, long depthBlock);

/// For narrow filters. Transforms columns [j0, j1) of the filter, then computes tiles [t0, t1).
void ck_winograd_filter(const CKWinograd *_Nonnull w, long j0, long j1, float *_Nonnull u);
void ck_winograd_tiles(const CKWinograd *_Nonnull w, const float *_Nonnull u, long t0, long t1);

/// The filter's gradient [outputs, 9, inputs] from a gradient like y. For wide filters: transforms slopes as
/// ck_winograd_input does inputs, then computes rows [o0, o1) to dw, which points at row o0.
void ck_winograd_slope(
    const CKWinograd *_Nonnull w, const float *_Nonnull dy, long first, long tiles, long t0, long t1,
    float *_Nonnull z);
void ck_winograd_gradient(
    const CKWinograd *_Nonnull w, const float *_Nonnull z, const float *_Nonnull v, long tiles, long o0, long o1,
    int accumulate, float *_Nonnull dw);
/// For narrow filters: the share of tiles [t0, t1).
void ck_winograd_piece(
    const CKWinograd *_Nonnull w, const float *_Nonnull dy, long t0, long t1, float *_Nonnull dw);

// MARK: bf16.c: the products of gemm.c with operands rounded to bf16 and f32 sums. Sums do not depend on how
// rows and columns are split, only on the kernel.

enum {
    /// The next in portable C, bit for bit, on any processor.
    CK_BF16_EMULATED = 0,
    /// AVX512-BF16's VDPBF16PS.
    CK_BF16_PAIRS = 1,
    /// AMX's TDPBF16PS, which adds in another order.
    CK_BF16_AMX = 2,
};
/// Whether this machine has the kernel, and the one to use: the fastest that it has.
int ck_bf16_has(int kernel);
int ck_bf16_kernel(void);
const char *_Nonnull ck_bf16_name(int kernel);

/// Sets whether this thread's products are to have bf16 operands (0 or not), and returns what it was.
int ck_bf16_scope(int isOn);

/// y = x as bf16, to nearest, ties to even; denormals become zeros and NaNs quiet, as VCVTNEPS2BF16 does.
void ck_bf16_narrow(int kernel, size_t n, const float *_Nonnull x, uint16_t *_Nonnull y);
void ck_bf16_widen(size_t n, const uint16_t *_Nonnull x, float *_Nonnull y);

/// Numbers that a packed right operand takes.
size_t ck_bf16_packed_size(const CKProduct *_Nonnull product);
/// Packs columns [columnBegin, columnEnd) of the right operand into their place in `out`; columnBegin is a
/// multiple of 16.
void ck_bf16_pack(
    int kernel, const CKProduct *_Nonnull product, long columnBegin, long columnEnd, uint16_t *_Nonnull out);
/// As `ck_product`, columnBegin a multiple of 16 where b is packed. Right operands are not read past their
/// end.
void ck_bf16_product(
    int kernel, const CKProduct *_Nonnull product, long rowBegin, long rowEnd, long columnBegin, long columnEnd);
/// As `ck_product_of_transpose`.
void ck_bf16_product_of_transpose(
    int kernel, long m, long n, const float *_Nonnull a, long aStride, const float *_Nonnull b, long bStride,
    const CKPixels *_Nullable pixels, long tap, long rowBegin, long rowEnd, int accumulate, float *_Nonnull c,
    long cStride);

/// As `ck_attention` and `ck_attention_backward`, of heads up to 256 wide and without masks.
void ck_bf16_attention(
    int kernel, const CKAttention *_Nonnull attention, long sample, long head, long first, long last);
void ck_bf16_attention_backward(int kernel, const CKAttention *_Nonnull attention, long sample, long head);

/// The instruction VDPBF16PS on n lanes (a multiple of 16), and its emulation: sums[i] (f32) gets the product
/// of the second numbers of the pairs a[i] and b[i] added, then that of the first.
void ck_bf16_pairs(size_t n, const uint32_t *_Nonnull a, const uint32_t *_Nonnull b, uint32_t *_Nonnull sums);
void ck_bf16_emulated_pairs(
    size_t n, const uint32_t *_Nonnull a, const uint32_t *_Nonnull b, uint32_t *_Nonnull sums);
