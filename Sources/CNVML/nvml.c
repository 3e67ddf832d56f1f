#include "CNVML.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *nvml_device;
typedef int nvml_return;  // 0 is success

struct nvml_memory { unsigned long long total, free, used; };
struct nvml_utilization { unsigned int gpu, memory; };
struct nvml_pci {
    char bus_id_legacy[16];
    unsigned int domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

struct cnvml_library {
    void *handle;
    nvml_return (*init)(void);
    nvml_return (*shutdown)(void);
    const char *(*error_string)(nvml_return);
    nvml_return (*count)(unsigned int *);
    nvml_return (*by_index)(unsigned int, nvml_device *);
    nvml_return (*by_uuid)(const char *, nvml_device *);
    nvml_return (*name)(nvml_device, char *, unsigned int);
    nvml_return (*uuid)(nvml_device, char *, unsigned int);
    nvml_return (*memory)(nvml_device, struct nvml_memory *);
    nvml_return (*pci)(nvml_device, struct nvml_pci *);
    nvml_return (*utilization)(nvml_device, struct nvml_utilization *);
};

static int load(cnvml_library *library) {
    const struct { const char *name; void **place; } functions[] = {
        {"nvmlInit_v2", (void **)&library->init},
        {"nvmlShutdown", (void **)&library->shutdown},
        {"nvmlErrorString", (void **)&library->error_string},
        {"nvmlDeviceGetCount_v2", (void **)&library->count},
        {"nvmlDeviceGetHandleByIndex_v2", (void **)&library->by_index},
        {"nvmlDeviceGetHandleByUUID", (void **)&library->by_uuid},
        {"nvmlDeviceGetName", (void **)&library->name},
        {"nvmlDeviceGetUUID", (void **)&library->uuid},
        {"nvmlDeviceGetMemoryInfo", (void **)&library->memory},
        {"nvmlDeviceGetPciInfo_v3", (void **)&library->pci},
        {"nvmlDeviceGetUtilizationRates", (void **)&library->utilization},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        *functions[i].place = dlsym(library->handle, functions[i].name);
        if (!*functions[i].place) return 0;
    }
    return 1;
}

cnvml_library *cnvml_open(const char *path, char *error, int size) {
    error[0] = 0;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return NULL;
    cnvml_library *library = calloc(1, sizeof *library);
    if (!library) {
        dlclose(handle);
        return NULL;
    }
    library->handle = handle;
    if (!load(library)) {
        snprintf(error, size, "%s lacks a function: its driver is older than 2018", path);
    } else {
        nvml_return status = library->init();
        if (status == 0) return library;
        const char *text = library->error_string(status);
        snprintf(error, size, "%s does not start: %s", path, text ? text : "unknown error");
    }
    dlclose(handle);
    free(library);
    return NULL;
}

int cnvml_count(cnvml_library *library) {
    unsigned int count = 0;
    return library->count(&count) == 0 ? (int)count : -1;
}

int cnvml_describe(cnvml_library *library, int index, struct cnvml_device *device) {
    memset(device, 0, sizeof *device);
    nvml_device handle;
    nvml_return status = library->by_index((unsigned int)index, &handle);
    if (status != 0) return status;
    struct nvml_pci pci = {0};
    status = library->pci(handle, &pci);
    if (status != 0) return status;
    device->domain = pci.domain;
    device->bus = pci.bus;
    device->device = pci.device;
    status = library->uuid(handle, device->uuid, sizeof device->uuid);
    if (status != 0) return status;
    // A card may be used whose name or memory cannot be told.
    library->name(handle, device->name, sizeof device->name);
    struct nvml_memory memory = {0};
    if (library->memory(handle, &memory) == 0) device->memory = memory.total;
    device->name[CNVML_TEXT - 1] = device->uuid[CNVML_TEXT - 1] = 0;
    return 0;
}

int cnvml_read(cnvml_library *library, const char *uuid, struct cnvml_reading *reading) {
    memset(reading, 0, sizeof *reading);
    nvml_device handle;
    nvml_return status = library->by_uuid(uuid, &handle);
    if (status != 0) return status;
    struct nvml_memory memory = {0};
    status = library->memory(handle, &memory);
    if (status != 0) return status;
    struct nvml_utilization utilization = {0};
    status = library->utilization(handle, &utilization);
    if (status != 0) return status;
    reading->memory_used = memory.used;
    reading->utilisation = utilization.gpu;
    return 0;
}

void cnvml_close(cnvml_library *library) {
    library->shutdown();
    dlclose(library->handle);
    free(library);
}
