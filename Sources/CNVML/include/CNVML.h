// NVIDIA's management library, opened when it is there: a machine without it has no NVIDIA GPU that could be
// used. Types and functions as its manual describes them (docs.nvidia.com/deploy/nvml-api).
#pragma once

#include <stdint.h>

enum { CNVML_TEXT = 96 };

struct cnvml_device {
    char name[CNVML_TEXT];
    char uuid[CNVML_TEXT];
    uint32_t domain, bus, device;
    uint64_t memory;  // bytes
};

struct cnvml_reading {
    uint64_t memory_used;  // bytes, by every process together
    uint32_t utilisation;  // percent of the time of the last sample in which a kernel ran
};

typedef struct cnvml_library cnvml_library;

// Opens the library at `path`; NULL where it is missing, too old, or does not start. `error` then gets a
// text of at most `size` bytes, empty for a library that is not there.
cnvml_library *cnvml_open(const char *path, char *error, int size);

// Number of GPUs, or -1.
int cnvml_count(cnvml_library *library);

// What is known of GPU `index` in the library's own order. Returns 0, or the library's error.
int cnvml_describe(cnvml_library *library, int index, struct cnvml_device *device);

// What the GPU with this UUID does now. Returns 0, or the library's error.
int cnvml_read(cnvml_library *library, const char *uuid, struct cnvml_reading *reading);

void cnvml_close(cnvml_library *library);
