#include "CKernels.h"
#include <string.h>

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
    for (long i = 0; i < shape[0]; i++)
        ck_permute(rank - 1, shape + 1, strides + 1, x + i * strides[0], out + i * inner);
}
