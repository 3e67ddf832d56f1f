#include "CImageFiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

/// The first frame of an animation, on a transparent canvas as its player begins.
static uint8_t *first_frame(const WebPData *data, size_t size) {
    WebPAnimDecoderOptions options;
    if (!WebPAnimDecoderOptionsInit(&options)) { return NULL; }
    options.color_mode = MODE_RGBA;
    options.use_threads = 0;
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(data, &options);
    if (!decoder) { return NULL; }
    uint8_t *canvas = NULL, *pixels = NULL;
    int time = 0;
    if (WebPAnimDecoderGetNext(decoder, &canvas, &time)) {
        pixels = malloc(size);
        if (pixels) { memcpy(pixels, canvas, size); }
    }
    WebPAnimDecoderDelete(decoder);
    return pixels;
}

int radiata_webp_decode(const uint8_t *bytes, size_t count, uint64_t pixel_limit, radiata_image *image) {
    memset(image, 0, sizeof *image);
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(bytes, count, &features) != VP8_STATUS_OK) {
        return radiata_image_fail(image, RADIATA_IMAGE_DAMAGED, "its header cannot be read");
    }
    const size_t width = (size_t)features.width, height = (size_t)features.height;
    if ((uint64_t)width * height > pixel_limit) { return radiata_image_too_large(image, width, height); }
    const WebPData data = {bytes, count};
    WebPDemuxer *demuxer = WebPDemux(&data);
    if (!demuxer) { return radiata_image_fail(image, RADIATA_IMAGE_DAMAGED, "the file ends early"); }
    uint8_t *pixels;
    if (features.has_animation) {
        pixels = first_frame(&data, width * height * 4);
        radiata_image_warn(image, "an animation; its first frame is taken");
    } else {
        pixels = malloc(width * height * 4);
        if (pixels && !WebPDecodeRGBAInto(bytes, count, pixels, width * height * 4, (int)width * 4)) {
            free(pixels);
            pixels = NULL;
        }
    }
    if (!pixels) {
        WebPDemuxDelete(demuxer);
        return radiata_image_fail(image, RADIATA_IMAGE_DAMAGED, "its pixels cannot be read");
    }
    image->pixels = pixels;
    image->width = (uint32_t)width;
    image->height = (uint32_t)height;
    image->is_changed = 1;
    radiata_description description = {0};
    WebPChunkIterator profile, exif;
    const int has_profile = WebPDemuxGetChunk(demuxer, "ICCP", 1, &profile);
    if (has_profile) {
        description.profile = profile.chunk.bytes;
        description.profile_size = profile.chunk.size;
    }
    const int has_exif = WebPDemuxGetChunk(demuxer, "EXIF", 1, &exif);
    if (has_exif) {
        description.exif = exif.chunk.bytes;
        description.exif_size = exif.chunk.size;
    }
    const int code = radiata_finish(image, &description);
    if (has_profile) { WebPDemuxReleaseChunkIterator(&profile); }
    if (has_exif) { WebPDemuxReleaseChunkIterator(&exif); }
    WebPDemuxDelete(demuxer);
    if (code != RADIATA_IMAGE_OK) {
        free(image->pixels);
        image->pixels = NULL;
    }
    return code;
}

int radiata_webp_encode(const uint8_t *rgb, uint32_t width, uint32_t height, float quality, uint8_t **out,
                        size_t *out_count, char *message) {
    _Static_assert(RADIATA_WEBP_LARGEST_SIDE == WEBP_MAX_DIMENSION, "libwebp's own limit");
    if (width > WEBP_MAX_DIMENSION || height > WEBP_MAX_DIMENSION) {
        snprintf(message, RADIATA_IMAGE_MESSAGE_SIZE, "%u x %u pixels, at most %d a side", width, height,
                 WEBP_MAX_DIMENSION);
        return 1;
    }
    uint8_t *memory = NULL;
    const size_t size = WebPEncodeRGB(rgb, (int)width, (int)height, (int)(3 * width), quality, &memory);
    // Moved, since libwebp frees its memory by a function of its own.
    uint8_t *copy = size > 0 ? malloc(size) : NULL;
    if (copy) { memcpy(copy, memory, size); }
    WebPFree(memory);
    if (!copy) {
        snprintf(message, RADIATA_IMAGE_MESSAGE_SIZE, "out of memory");
        return 1;
    }
    *out = copy;
    *out_count = size;
    return 0;
}
