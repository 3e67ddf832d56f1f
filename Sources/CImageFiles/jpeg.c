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
    radiata_image *image;
    int code;
    /// First row that the file's data did not reach; -1 while they reach all.
    long missing_from;
} error_manager;

static void on_error(j_common_ptr decoder) {
    error_manager *manager = (error_manager *)decoder->err;
    char text[JMSG_LENGTH_MAX];
    decoder->err->format_message(decoder, text);
    const int what = decoder->err->msg_code;
    manager->code = what == JERR_SOF_UNSUPPORTED || what == JERR_BAD_PRECISION || what == JERR_ARITH_NOTIMPL ||
                            what == JERR_CONVERSION_NOTIMPL || what == JERR_NOT_COMPILED
                        ? RADIATA_IMAGE_UNSUPPORTED
                    : what == JERR_OUT_OF_MEMORY ? RADIATA_IMAGE_NO_MEMORY
                                                 : RADIATA_IMAGE_DAMAGED;
    radiata_image_fail(manager->image, manager->code, text);
    longjmp(manager->escape, 1);
}

// libjpeg warns of stray bytes, which no viewer minds, and of data that end early, where it paints grey: how
// early decides (see `radiata_jpeg_decode`).
static void on_message(j_common_ptr common, int level) {
    if (level >= 0) { return; }
    error_manager *manager = (error_manager *)common->err;
    const j_decompress_ptr decoder = (j_decompress_ptr)common;
    const int what = common->err->msg_code;
    // JWRN_JPEG_EOF alone says that the end marker is missing; this one, that pixels are.
    const int is_short = what == JWRN_HIT_MARKER && decoder->unread_marker == JPEG_EOI;
    if (is_short && manager->missing_from < 0) { manager->missing_from = (long)decoder->output_scanline; }
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    radiata_image_warn(manager->image, text);
    common->err->num_warnings++;
}

/// A copy: the decoder drops its markers when it finishes.
static uint8_t *copy_exif(j_decompress_ptr decoder, radiata_description *description) {
    for (jpeg_saved_marker_ptr marker = decoder->marker_list; marker; marker = marker->next) {
        if (marker->marker != JPEG_APP0 + 1 || marker->data_length < 6) { continue; }
        if (memcmp(marker->data, "Exif\0\0", 6) != 0) { continue; }
        uint8_t *copy = malloc(marker->data_length);
        if (!copy) { return NULL; }
        memcpy(copy, marker->data, marker->data_length);
        description->exif = copy;
        description->exif_size = marker->data_length;
        return copy;
    }
    return NULL;
}

/// Rows as RGBA, or as inks where the file has four of them. Inks are stored inverted (Adobe's convention,
/// which every reader assumes).
static void read_rows(j_decompress_ptr decoder, uint8_t *pixels, uint8_t *cmyk, uint8_t *row) {
    const size_t width = decoder->output_width;
    while (decoder->output_scanline < decoder->output_height) {
        const size_t start = (size_t)decoder->output_scanline * width * 4;
        JSAMPROW rows[1] = {row};
        jpeg_read_scanlines(decoder, rows, 1);
        for (size_t x = 0; x < width; x++) {
            if (cmyk) {
                for (int ink = 0; ink < 4; ink++) { cmyk[start + 4 * x + ink] = 255 - row[4 * x + ink]; }
            } else {
                memcpy(pixels + start + 4 * x, row + 3 * x, 3);
            }
            pixels[start + 4 * x + 3] = 255;
        }
    }
}

/// Up to a tenth of the rows may be missing at the end: viewers show such a picture, and the warning tells.
/// With more it is damaged: training on grey would be silent harm.
static int check_end(const error_manager *manager, radiata_image *image) {
    if (manager->missing_from < 0) { return RADIATA_IMAGE_OK; }
    const long rows = (long)image->height;
    if (manager->missing_from * 10 >= rows * 9) { return RADIATA_IMAGE_OK; }
    char text[RADIATA_IMAGE_MESSAGE_SIZE];
    snprintf(text, sizeof text, "its data end at row %ld of %ld", manager->missing_from, rows);
    return radiata_image_fail(image, RADIATA_IMAGE_DAMAGED, text);
}

int radiata_jpeg_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image) {
    memset(image, 0, sizeof *image);
    struct jpeg_decompress_struct decoder;
    error_manager manager = {.image = image, .missing_from = -1};
    uint8_t *volatile pixels = NULL, *volatile row = NULL, *volatile cmyk = NULL, *volatile exif = NULL;
    JOCTET *volatile profile = NULL;
    memset(&decoder, 0, sizeof decoder);
    decoder.err = jpeg_std_error(&manager.base);
    manager.base.error_exit = on_error;
    manager.base.emit_message = on_message;
    if (setjmp(manager.escape)) {
        jpeg_destroy_decompress(&decoder);
        free(pixels);
        free(row);
        free(cmyk);
        free(exif);
        free(profile);
        image->pixels = NULL;
        return manager.code;
    }
    jpeg_create_decompress(&decoder);
    jpeg_save_markers(&decoder, JPEG_APP0 + 1, 0xFFFF);
    jpeg_save_markers(&decoder, JPEG_APP0 + 2, 0xFFFF);
    jpeg_mem_src(&decoder, bytes, count);
    jpeg_read_header(&decoder, TRUE);
    const size_t width = decoder.image_width, height = decoder.image_height;
    if ((uint64_t)width * height > pixel_limit) {
        jpeg_destroy_decompress(&decoder);
        return radiata_image_too_large(image, width, height);
    }
    const int has_inks = decoder.jpeg_color_space == JCS_CMYK || decoder.jpeg_color_space == JCS_YCCK;
    decoder.out_color_space = has_inks ? JCS_CMYK : JCS_RGB;
    radiata_description description = {.is_gray = decoder.jpeg_color_space == JCS_GRAYSCALE};
    JOCTET *icc = NULL;
    unsigned icc_size = 0;
    if (jpeg_read_icc_profile(&decoder, &icc, &icc_size)) {
        profile = icc;
        description.profile = icc;
        description.profile_size = icc_size;
    }
    exif = copy_exif(&decoder, &description);
    jpeg_start_decompress(&decoder);
    pixels = malloc(width * height * 4);
    row = malloc(width * 4);
    if (has_inks) { cmyk = malloc(width * height * 4); }
    if (!pixels || !row || (has_inks && !cmyk)) { ERREXIT1(&decoder, JERR_OUT_OF_MEMORY, 0); }
    read_rows(&decoder, pixels, cmyk, row);
    jpeg_finish_decompress(&decoder);
    image->pixels = pixels;
    image->width = (uint32_t)width;
    image->height = (uint32_t)height;
    image->is_changed = manager.base.num_warnings > 0;
    description.cmyk = cmyk;
    int code = check_end(&manager, image);
    if (code == RADIATA_IMAGE_OK) { code = radiata_finish(image, &description); }
    jpeg_destroy_decompress(&decoder);
    free(row);
    free(cmyk);
    free(exif);
    free(profile);
    if (code != RADIATA_IMAGE_OK) {
        free(image->pixels);
        image->pixels = NULL;
    }
    return code;
}
