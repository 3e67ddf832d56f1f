// Image files through libpng, libjpeg, libwebp and lcms2. Errors come back as a code and text: setjmp and
// longjmp never leave this module.
#ifndef CIMAGEFILES_H
#define CIMAGEFILES_H

#include <stddef.h>
#include <stdint.h>

enum { RADIATA_IMAGE_MESSAGE_SIZE = 256 };

/// Why a file gave no picture.
enum {
    RADIATA_IMAGE_OK = 0,
    RADIATA_IMAGE_DAMAGED = 1,
    RADIATA_IMAGE_UNSUPPORTED = 2,
    RADIATA_IMAGE_TOO_LARGE = 3,
    RADIATA_IMAGE_NO_MEMORY = 4,
};

/// A decoded image: `height` rows of `width` pixels of four bytes (red, green, blue, straight alpha),
/// upright, in sRGB.
typedef struct {
    uint8_t *pixels;  // malloc; the caller frees it with radiata_image_free
    uint32_t width;
    uint32_t height;
    char message[RADIATA_IMAGE_MESSAGE_SIZE];  // why it failed; empty on success
    char warning[RADIATA_IMAGE_MESSAGE_SIZE];  // what a viewer would not tell; empty if nothing
    int is_changed;  // the first generation of this reader refused the file or gave other pixels
} radiata_image;

/// What a file says of its colours and of the way it lies, beside its pixels. Offsets point into memory of
/// the caller.
typedef struct {
    const uint8_t *profile;
    size_t profile_size;
    const uint8_t *exif;  // with or without its "Exif\0\0"
    size_t exif_size;
    double gamma;  // of a PNG's gAMA; 0 for none
    double chromaticities[8];  // white, red, green, blue, each x and y
    int has_chromaticities;
    int is_gray;
    uint8_t *cmyk;  // pixels of four inks where the file has them, in place of red, green and blue; 0 is none
} radiata_description;

/// Decode a whole file held in memory. Return RADIATA_IMAGE_OK, or another code with `image->message`.
int radiata_png_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image);
int radiata_jpeg_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image);
/// The first frame of an animation.
int radiata_webp_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image);

/// Turns decoded pixels into sRGB and upright, as the description says. Shared by the three decoders.
int radiata_finish(radiata_image *image, const radiata_description *description);

/// Fills in `message` and gives back the code.
int radiata_image_fail(radiata_image *image, int code, const char *reason);
int radiata_image_too_large(radiata_image *image, uint64_t width, uint64_t height);
void radiata_image_warn(radiata_image *image, const char *text);

/// Encodes RGB rows as PNG. `*out` is malloc memory of `*out_count` bytes. Returns 0 on success.
int radiata_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t **out, size_t *out_count,
                       char *message);

/// The longest side that WebP can hold, in pixels.
enum { RADIATA_WEBP_LARGEST_SIDE = 16383 };

/// Encodes RGB rows as lossy WebP; `quality` from 0 to 100. `*out` is malloc memory of `*out_count` bytes.
/// Returns 0 on success.
int radiata_webp_encode(const uint8_t *rgb, uint32_t width, uint32_t height, float quality, uint8_t **out,
                        size_t *out_count, char *message);

void radiata_image_free(void *memory);

/// The glyphs of DejaVu Sans, `*count` bytes in the form that Font/make_font.py describes.
const uint8_t *radiata_font_glyphs(size_t *count);

#endif
