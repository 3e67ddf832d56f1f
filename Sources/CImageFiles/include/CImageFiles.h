// Image files through libpng and libjpeg. Errors come back as text: setjmp and longjmp never leave this module.
#ifndef CIMAGEFILES_H
#define CIMAGEFILES_H

#include <stddef.h>
#include <stdint.h>

enum { RADIATA_IMAGE_MESSAGE_SIZE = 256 };

/// A decoded image: `height` rows of `width` pixels of four bytes (red, green, blue, straight alpha).
typedef struct {
    uint8_t *pixels;  // malloc; the caller frees it with radiata_image_free
    uint32_t width;
    uint32_t height;
    char message[RADIATA_IMAGE_MESSAGE_SIZE];  // why it failed; empty on success
} radiata_image;

/// Decodes a whole PNG file held in memory. Returns 0 on success, else nonzero with `image->message`.
int radiata_png_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image);

/// Decodes a whole JPEG file held in memory; a premature end is an error, not a grey area.
int radiata_jpeg_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image);

/// Encodes RGB rows as PNG. `*out` is malloc memory of `*out_count` bytes. Returns 0 on success.
int radiata_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **out, size_t *out_count,
                       char *message);

void radiata_image_free(void *memory);

#endif
