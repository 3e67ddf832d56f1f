#include "CXGBoost.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef void *handle;

// The part of xgboost/c_api.h that is used; these functions are the same in 1.4 and later.
static struct {
    const char *(*last_error)(void);
    int (*set_global)(const char *json);
    int (*matrix)(const float *data, uint64_t rows, uint64_t columns, float missing, handle *out);
    int (*set_info)(handle matrix, const char *field, const float *values, uint64_t count);
    int (*free_matrix)(handle matrix);
    int (*create)(const handle *matrices, uint64_t count, handle *out);
    int (*set_parameter)(handle model, const char *name, const char *value);
    int (*update)(handle model, int round, handle matrix);
    int (*predict)(handle model, handle matrix, const char *json, const uint64_t **shape, uint64_t *dimensions,
                   const float **values);
    int (*free_model)(handle model);
} api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int state = CXGBOOST_MISSING;
static _Thread_local char error[512];

static void load(void) {
    static const char *const names[] = {"libxgboost.so.0", "libxgboost.so"};
    void *library = NULL;
    for (size_t i = 0; library == NULL && i < sizeof names / sizeof *names; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
    const struct {
        void *place;
        const char *name;
    } functions[] = {
        {&api.last_error, "XGBGetLastError"},
        {&api.set_global, "XGBSetGlobalConfig"},
        {&api.matrix, "XGDMatrixCreateFromMat"},
        {&api.set_info, "XGDMatrixSetFloatInfo"},
        {&api.free_matrix, "XGDMatrixFree"},
        {&api.create, "XGBoosterCreate"},
        {&api.set_parameter, "XGBoosterSetParam"},
        {&api.update, "XGBoosterUpdateOneIter"},
        {&api.predict, "XGBoosterPredictFromDMatrix"},
        {&api.free_model, "XGBoosterFree"},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *symbol = dlsym(library, functions[i].name);
        if (symbol == NULL) return;
        memcpy(functions[i].place, &symbol, sizeof symbol);
    }
    state = CXGBOOST_OK;
}

int cxgboost_open(void) {
    pthread_once(&once, load);
    return state;
}

const char *cxgboost_error(void) { return error; }

static int failed(void) {
    snprintf(error, sizeof error, "%s", api.last_error());
    return CXGBOOST_FAILED;
}

int cxgboost_train(const float *data, uint64_t rows, uint64_t columns, const float *labels, const char *const *parameters,
                   int count, int rounds, cxgboost_model **model) {
    *model = NULL;
    if (cxgboost_open() != CXGBOOST_OK) return CXGBOOST_MISSING;
    handle matrix = NULL, trained = NULL;
    if (api.set_global("{\"verbosity\": 0}") != 0) return failed();
    if (api.matrix(data, rows, columns, NAN, &matrix) != 0) return failed();
    int status = api.set_info(matrix, "label", labels, rows);
    if (status == 0) status = api.create(&matrix, 1, &trained);
    for (int i = 0; status == 0 && i < count; i++)
        status = api.set_parameter(trained, parameters[2 * i], parameters[2 * i + 1]);
    for (int round = 0; status == 0 && round < rounds; round++) status = api.update(trained, round, matrix);
    if (status != 0) failed();
    api.free_matrix(matrix);
    if (status != 0) {
        if (trained != NULL) api.free_model(trained);
        return CXGBOOST_FAILED;
    }
    *model = (cxgboost_model *)trained;
    return CXGBOOST_OK;
}

int cxgboost_predict(const cxgboost_model *model, const float *data, uint64_t rows, uint64_t columns, int type,
                     float *values, uint64_t count) {
    handle matrix = NULL;
    if (api.matrix(data, rows, columns, NAN, &matrix) != 0) return failed();
    char json[128];
    snprintf(json, sizeof json,
             "{\"type\": %d, \"training\": false, \"iteration_begin\": 0, \"iteration_end\": 0, \"strict_shape\": false}",
             type);
    const uint64_t *shape = NULL;
    uint64_t dimensions = 0, total = 1;
    const float *found = NULL;
    int status = api.predict((handle)model, matrix, json, &shape, &dimensions, &found);
    if (status != 0) failed();
    for (uint64_t i = 0; status == 0 && i < dimensions; i++) total *= shape[i];
    if (status == 0 && total != count) {
        snprintf(error, sizeof error, "%llu numbers instead of %llu", (unsigned long long)total, (unsigned long long)count);
        status = -1;
    }
    // The numbers belong to the model until its next call.
    if (status == 0) memcpy(values, found, count * sizeof *values);
    api.free_matrix(matrix);
    return status == 0 ? CXGBOOST_OK : CXGBOOST_FAILED;
}

void cxgboost_free(cxgboost_model *model) {
    if (model != NULL) api.free_model((handle)model);
}
