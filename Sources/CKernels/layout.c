#include "CKernels.h"
#include "vector.h"

void ck_im2col(
    const float *x, long h, long w, long c, long kh, long kw, long stride, long top, long left, long outW, long begin,
    long end, float *out) {
    size_t bytes = (size_t)c * sizeof(float);
    for (long oy = begin; oy < end; oy++)
        for (long ox = 0; ox < outW; ox++)
            for (long ky = 0; ky < kh; ky++) {
                long y = oy * stride + ky - top;
                for (long kx = 0; kx < kw; kx++, out += c) {
                    long xx = ox * stride + kx - left;
                    if (y < 0 || y >= h || xx < 0 || xx >= w) memset(out, 0, bytes);
                    else memcpy(out, x + (y * w + xx) * c, bytes);
                }
            }
}

CK_CLONES void ck_col2im(
    const float *columns, long h, long w, long c, long kh, long kw, long stride, long top, long left, long outW,
    long begin, long end, float *dx) {
    for (long oy = begin; oy < end; oy++)
        for (long ox = 0; ox < outW; ox++)
            for (long ky = 0; ky < kh; ky++) {
                long y = oy * stride + ky - top;
                for (long kx = 0; kx < kw; kx++, columns += c) {
                    long xx = ox * stride + kx - left;
                    if (y < 0 || y >= h || xx < 0 || xx >= w) continue;
                    float *to = dx + (y * w + xx) * c;
                    for (long i = 0; i < c; i++) to[i] += columns[i];
                }
            }
}

void ck_permute(int rank, const long *shape, const long *strides, const float *x, float *out) {
    if (rank == 0) {
        *out = *x;
        return;
    }
    if (rank == 1) {
        if (strides[0] == 1) memcpy(out, x, (size_t)shape[0] * sizeof(float));
        else for (long i = 0; i < shape[0]; i++) out[i] = x[i * strides[0]];
        return;
    }
    long inner = 1;
    for (int axis = 1; axis < rank; axis++) inner *= shape[axis];
    for (long i = 0; i < shape[0]; i++) ck_permute(rank - 1, shape + 1, strides + 1, x + i * strides[0], out + i * inner);
}
