#include "CImageFiles.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const uint8_t *bytes;
    size_t count, at;
    radiata_image *image;
    jmp_buf escape;
} source;

static void read_bytes(png_structp png, png_bytep out, size_t count) {
    source *from = png_get_io_ptr(png);
    if (count > from->count - from->at) { png_error(png, "the file ends early"); }
    memcpy(out, from->bytes + from->at, count);
    from->at += count;
}

static void on_error(png_structp png, png_const_charp text) {
    source *from = png_get_error_ptr(png);
    radiata_image_fail(from->image, RADIATA_IMAGE_DAMAGED, text);
    longjmp(from->escape, 1);
}

// libpng warns of ancillary chunks that no viewer minds, "known incorrect sRGB profile" among them.
static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/// Everything to eight bits, red, green, blue, alpha. Sixteen bits are scaled as they are: without a gAMA
/// chunk they are sRGB like the eight-bit ones (libpng's simplified reader takes them for linear light).
static void set_transforms(png_structp png, png_infop info) {
    if (png_get_bit_depth(png, info) == 16) { png_set_scale_16(png); }
    png_set_expand(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static void describe(png_structp png, png_infop info, radiata_description *out) {
    png_charp name = NULL;
    png_bytep profile = NULL;
    png_uint_32 size = 0;
    int method = 0, intent = 0;
    out->is_gray = !(png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR);
    if (png_get_iCCP(png, info, &name, &method, &profile, &size) == PNG_INFO_iCCP) {
        out->profile = profile;
        out->profile_size = size;
    } else if (png_get_sRGB(png, info, &intent) != PNG_INFO_sRGB) {
        png_get_gAMA(png, info, &out->gamma);
        double *c = out->chromaticities;
        out->has_chromaticities =
            png_get_cHRM(png, info, c, c + 1, c + 2, c + 3, c + 4, c + 5, c + 6, c + 7) == PNG_INFO_cHRM;
    }
}

/// What stands behind the pixels, EXIF data perhaps; a file that ends there is whole enough for every viewer.
static void read_rest(png_structp png, png_infop info, source *from, radiata_description *description) {
    png_bytep exif = NULL;
    png_uint_32 size = 0;
    if (setjmp(from->escape) == 0) { png_read_end(png, info); }
    from->image->message[0] = 0;
    if (png_get_eXIf_1(png, info, &size, &exif) == PNG_INFO_eXIf) {
        description->exif = exif;
        description->exif_size = size;
    }
}

static uint64_t big_endian(const uint8_t *bytes) {
    return (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
}

int radiata_png_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image) {
    memset(image, 0, sizeof *image);
    // The header chunk is always first, so its size is known before anything else is read.
    if (count >= 24 && big_endian(bytes + 16) * big_endian(bytes + 20) > pixel_limit) {
        return radiata_image_too_large(image, big_endian(bytes + 16), big_endian(bytes + 20));
    }
    source from = {.bytes = bytes, .count = count, .image = image};
    uint8_t *volatile pixels = NULL;
    png_bytep *volatile rows = NULL;
    png_infop info = NULL;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &from, on_error, on_warning);
    if (png) { info = png_create_info_struct(png); }
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return radiata_image_fail(image, RADIATA_IMAGE_NO_MEMORY, "out of memory");
    }
    if (setjmp(from.escape)) {
        png_destroy_read_struct(&png, &info, NULL);
        free(pixels);
        free(rows);
        return strcmp(image->message, "out of memory") == 0 ? RADIATA_IMAGE_NO_MEMORY : RADIATA_IMAGE_DAMAGED;
    }
    png_set_read_fn(png, &from, read_bytes);
    // The pixel limit is ours to tell; libpng's own of a million a side would call the file damaged.
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_malloc_max(png, 1u << 26);
    png_read_info(png, info);
    const uint64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    radiata_description description = {0};
    describe(png, info, &description);
    image->is_changed = png_get_bit_depth(png, info) == 16;
    set_transforms(png, info);
    if (png_get_rowbytes(png, info) != width * 4) { png_error(png, "its rows have an unexpected size"); }
    pixels = malloc(width * height * 4);
    rows = malloc(height * sizeof *rows);
    if (!pixels || !rows) { png_error(png, "out of memory"); }
    for (uint64_t y = 0; y < height; y++) { rows[y] = pixels + y * width * 4; }
    png_read_image(png, rows);
    image->pixels = pixels;
    image->width = (uint32_t)width;
    image->height = (uint32_t)height;
    read_rest(png, info, &from, &description);
    const int code = radiata_finish(image, &description);
    png_destroy_read_struct(&png, &info, NULL);
    free(rows);
    if (code != RADIATA_IMAGE_OK) {
        free(image->pixels);
        image->pixels = NULL;
    }
    return code;
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
    if (!memory) {
        snprintf(message, RADIATA_IMAGE_MESSAGE_SIZE, "out of memory");
        return 1;
    }
    if (!png_image_write_to_memory(&writer, memory, &size, 0, rgb, 0, NULL)) {
        free(memory);
        snprintf(message, RADIATA_IMAGE_MESSAGE_SIZE, "%s", writer.message);
        return 1;
    }
    *out = memory;
    *out_count = size;
    return 0;
}
