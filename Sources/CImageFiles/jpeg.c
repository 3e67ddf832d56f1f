#include "CImageFiles.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
// jpeglib.h must come first: it declares what jerror.h uses.
#include <jerror.h>

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
    char message[JMSG_LENGTH_MAX];
} error_manager;

static void on_error(j_common_ptr decoder) {
    error_manager *manager = (error_manager *)decoder->err;
    decoder->err->format_message(decoder, manager->message);
    longjmp(manager->escape, 1);
}

// libjpeg warns about damaged data (a premature end among them) and paints grey; training on grey would be silent harm.
static void on_message(j_common_ptr decoder, int level) {
    if (level < 0) { on_error(decoder); }
}

int radiata_jpeg_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image) {
    memset(image, 0, sizeof *image);
    struct jpeg_decompress_struct decoder;
    error_manager manager;
    uint8_t *volatile pixels = NULL;
    uint8_t *volatile row = NULL;
    memset(&decoder, 0, sizeof decoder);
    decoder.err = jpeg_std_error(&manager.base);
    manager.base.error_exit = on_error;
    manager.base.emit_message = on_message;
    if (setjmp(manager.escape)) {
        snprintf(image->message, sizeof image->message, "%.250s", manager.message);
        jpeg_destroy_decompress(&decoder);
        free(pixels);
        free(row);
        return 1;
    }
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, bytes, count);
    jpeg_read_header(&decoder, TRUE);
    if ((uint64_t)decoder.image_width * decoder.image_height > pixel_limit) {
        ERREXIT1(&decoder, JERR_IMAGE_TOO_BIG, (unsigned)JPEG_MAX_DIMENSION);
    }
    decoder.out_color_space = JCS_RGB;
    jpeg_start_decompress(&decoder);
    const size_t width = decoder.output_width, height = decoder.output_height;
    pixels = malloc(width * height * 4);
    row = malloc(width * 3);
    if (!pixels || !row) { ERREXIT1(&decoder, JERR_OUT_OF_MEMORY, 0); }
    while (decoder.output_scanline < height) {
        uint8_t *out = pixels + (size_t)decoder.output_scanline * width * 4;
        JSAMPROW rows[1] = {row};
        jpeg_read_scanlines(&decoder, rows, 1);
        for (size_t x = 0; x < width; x++) {
            memcpy(out + 4 * x, row + 3 * x, 3);
            out[4 * x + 3] = 255;
        }
    }
    jpeg_finish_decompress(&decoder);
    jpeg_destroy_decompress(&decoder);
    free(row);
    image->pixels = pixels;
    image->width = (uint32_t)width;
    image->height = (uint32_t)height;
    return 0;
}
