#pragma once
#include <cblas.h>

// LAPACK is in OpenBLAS' library; Debian's package has no header for it. Fortran's hidden string lengths come
// last.
void dgesdd_(
    const char *jobz, const blasint *m, const blasint *n, double *a, const blasint *lda, double *s, double *u,
    const blasint *ldu, double *vt, const blasint *ldvt, double *work, const blasint *lwork, blasint *iwork, blasint *info,
    size_t jobz_length);
void dgesvd_(
    const char *jobu, const char *jobvt, const blasint *m, const blasint *n, double *a, const blasint *lda, double *s,
    double *u, const blasint *ldu, double *vt, const blasint *ldvt, double *work, const blasint *lwork, blasint *info,
    size_t jobu_length, size_t jobvt_length);
void dgeqrf_(
    const blasint *m, const blasint *n, double *a, const blasint *lda, double *tau, double *work, const blasint *lwork,
    blasint *info);
void dorgqr_(
    const blasint *m, const blasint *n, const blasint *k, double *a, const blasint *lda, const double *tau, double *work,
    const blasint *lwork, blasint *info);
