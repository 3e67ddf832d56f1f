// The system's libxgboost for Swift, as few typed functions: train a regression on a dense table, ask it. The
// library is found at run time, so that the program starts without it.
#pragma once

#include <stdint.h>

typedef struct cxgboost_model cxgboost_model;

enum { CXGBOOST_OK = 0, CXGBOOST_MISSING = 1, CXGBOOST_FAILED = 2 };

// What a model is asked for: one value a row; or Shapley values, one a column and the expected value at last.
enum { CXGBOOST_VALUES = 0, CXGBOOST_CONTRIBUTIONS = 2 };

// CXGBOOST_OK, or CXGBOOST_MISSING where no libxgboost can be loaded, or one that lacks a function.
int cxgboost_open(void);

// What the last call of this thread that failed had to say.
const char *cxgboost_error(void);

// `data` is rows × columns, row by row; NaN is a missing value. `parameters` are `count` pairs of a name and
// a value.
int cxgboost_train(const float *data, uint64_t rows, uint64_t columns, const float *labels, const char *const *parameters,
                   int count, int rounds, cxgboost_model **model);

// Writes exactly `count` numbers, or fails.
int cxgboost_predict(const cxgboost_model *model, const float *data, uint64_t rows, uint64_t columns, int type,
                     float *values, uint64_t count);

void cxgboost_free(cxgboost_model *model);
