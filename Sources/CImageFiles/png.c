#include "CImageFiles.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(char *message, const char *reason) {
    snprintf(message, RADIATA_IMAGE_MESSAGE_SIZE, "%s", reason);
    return 1;
}

int radiata_png_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image) {
    memset(image, 0, sizeof *image);
    png_image reader;
    memset(&reader, 0, sizeof reader);
    reader.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&reader, bytes, count)) { return fail(image->message, reader.message); }
    if ((uint64_t)reader.width * reader.height > pixel_limit) {
        png_image_free(&reader);
        return fail(image->message, "more pixels than the limit");
    }
    reader.format = PNG_FORMAT_RGBA;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(reader));
    if (!pixels) {
        png_image_free(&reader);
        return fail(image->message, "out of memory");
    }
    // A warning is libpng's word for "the picture is not complete" in some truncated files: both are errors here.
    if (!png_image_finish_read(&reader, NULL, pixels, 0, NULL) || (reader.warning_or_error & PNG_IMAGE_ERROR)) {
        free(pixels);
        return fail(image->message, reader.message);
    }
    image->pixels = pixels;
    image->width = reader.width;
    image->height = reader.height;
    return 0;
}

int radiata_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **out, size_t *out_count,
                       char *message) {
    png_image writer;
    memset(&writer, 0, sizeof writer);
    writer.version = PNG_IMAGE_VERSION;
    writer.width = width;
    writer.height = height;
    writer.format = PNG_FORMAT_RGB;
    // The bound includes zlib's worst case, so one pass is enough.
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(writer);
    uint8_t *memory = malloc(size);
    if (!memory) { return fail(message, "out of memory"); }
    if (!png_image_write_to_memory(&writer, memory, &size, 0, rgb, 0, NULL)) {
        free(memory);
        return fail(message, writer.message);
    }
    *out = memory;
    *out_count = size;
    return 0;
}

void radiata_image_free(void *memory) { free(memory); }
