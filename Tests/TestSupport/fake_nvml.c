// NVIDIA's management library as far as this program calls it, for machines without its GPUs. What GPUs there
// are stands in the file beside this library, LIBRARY.gpus, one a line, in the library's own order:
//   NAME|UUID|DOMAIN:BUS:DEVICE|MEMORY|USED|UTILISATION
// Numbers are decimal, the address hexadecimal. A name LOST: the card fell off its bus (error 15). One line
// FAIL makes the library refuse to start (error 9). Types and functions after
// docs.nvidia.com/deploy/nvml-api.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;

struct gpu {
    char name[96], uuid[96];
    unsigned int domain, bus, device, utilisation;
    unsigned long long memory, used;
};

static struct gpu gpus[64];
static unsigned int count;

static int read_all(void) {
    Dl_info self;
    char path[4096];
    if (!dladdr((void *)read_all, &self)) return 999;
    snprintf(path, sizeof path, "%s.gpus", self.dli_fname);
    FILE *file = fopen(path, "r");
    if (!file) return 12;
    char line[512];
    count = 0;
    int status = 0;
    while (fgets(line, sizeof line, file) && count < 64) {
        struct gpu *g = &gpus[count];
        if (!strncmp(line, "FAIL", 4)) status = 9;
        if (sscanf(line, "%95[^|]|%95[^|]|%x:%x:%x|%llu|%llu|%u", g->name, g->uuid, &g->domain, &g->bus, &g->device,
                   &g->memory, &g->used, &g->utilisation) == 8)
            count++;
    }
    fclose(file);
    return status;
}

int nvmlInit_v2(void) { return read_all(); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int status) { return status == 9 ? "Driver Not Loaded" : "Unknown Error"; }

int nvmlDeviceGetCount_v2(unsigned int *result) {
    *result = count;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    if (index >= count) return 2;
    if (!strcmp(gpus[index].name, "LOST")) return 15;
    *device = &gpus[index];
    return 0;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    for (unsigned int i = 0; i < count; i++)
        if (!strcmp(gpus[i].uuid, uuid)) {
            *device = &gpus[i];
            return 0;
        }
    return 6;
}

static int text(const char *from, char *to, unsigned int length) {
    if (strlen(from) + 1 > length) return 7;
    strcpy(to, from);
    return 0;
}

int nvmlDeviceGetName(void *device, char *name, unsigned int length) {
    return text(((struct gpu *)device)->name, name, length);
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    return text(((struct gpu *)device)->uuid, uuid, length);
}

int nvmlDeviceGetMemoryInfo(void *device, nvmlMemory_t *memory) {
    struct gpu *g = device;
    *memory = (nvmlMemory_t){g->memory, g->memory - g->used, g->used};
    return 0;
}

int nvmlDeviceGetPciInfo_v3(void *device, nvmlPciInfo_t *pci) {
    struct gpu *g = device;
    memset(pci, 0, sizeof *pci);
    pci->domain = g->domain;
    pci->bus = g->bus;
    pci->device = g->device;
    snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%04x:%02x:%02x.0", g->domain & 0xffff, g->bus & 0xff,
             g->device & 0xff);
    snprintf(pci->busId, sizeof pci->busId, "%08x:%02x:%02x.0", g->domain, g->bus & 0xff, g->device & 0xff);
    return 0;
}

int nvmlDeviceGetUtilizationRates(void *device, nvmlUtilization_t *rates) {
    *rates = (nvmlUtilization_t){((struct gpu *)device)->utilisation, 1};
    return 0;
}
