// What all three formats need after their pixels are decoded: colours to sRGB, the picture upright.
#include "CImageFiles.h"

#include <lcms2.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int radiata_image_fail(radiata_image *image, int code, const char *reason) {
    snprintf(image->message, sizeof image->message, "%.250s", reason);
    return code;
}

int radiata_image_too_large(radiata_image *image, uint64_t width, uint64_t height) {
    snprintf(image->message, sizeof image->message, "%llu x %llu pixels", (unsigned long long)width,
             (unsigned long long)height);
    return RADIATA_IMAGE_TOO_LARGE;
}

void radiata_image_warn(radiata_image *image, const char *text) {
    if (image->warning[0] == 0) { snprintf(image->warning, sizeof image->warning, "%.250s", text); }
}

void radiata_image_free(void *memory) { free(memory); }

static uint32_t number(const uint8_t *bytes, int size, int is_little) {
    uint32_t value = 0;
    for (int i = 0; i < size; i++) { value = value << 8 | bytes[is_little ? size - 1 - i : i]; }
    return value;
}

/// The orientation, 1 to 8, in the first directory of EXIF data; 1 where there is none.
static int orientation(const uint8_t *bytes, size_t count) {
    if (count >= 6 && memcmp(bytes, "Exif\0\0", 6) == 0) {
        bytes += 6;
        count -= 6;
    }
    if (count < 8) { return 1; }
    const int is_little = memcmp(bytes, "II*\0", 4) == 0;
    if (!is_little && memcmp(bytes, "MM\0*", 4) != 0) { return 1; }
    const size_t start = number(bytes + 4, 4, is_little);
    if (start > count - 2) { return 1; }
    const size_t entries = number(bytes + start, 2, is_little);
    for (size_t i = 0; i < entries; i++) {
        const size_t at = start + 2 + 12 * i;
        if (at + 12 > count) { return 1; }
        if (number(bytes + at, 2, is_little) != 0x0112) { continue; }
        const uint32_t type = number(bytes + at + 2, 2, is_little);
        const int size = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
        if (size == 0 || number(bytes + at + 4, 4, is_little) < 1) { return 1; }
        const uint32_t value = number(bytes + at + 8, size, is_little);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/// Lays the picture as EXIF's orientation says; 5 to 8 swap its sides.
static int turn(radiata_image *image, int way) {
    const size_t width = image->width, height = image->height;
    const int is_swapped = way >= 5;
    const size_t out_width = is_swapped ? height : width, out_height = is_swapped ? width : height;
    uint32_t *out = malloc(width * height * 4);
    if (!out) { return radiata_image_fail(image, RADIATA_IMAGE_NO_MEMORY, "out of memory"); }
    const uint32_t *in = (const uint32_t *)image->pixels;
    for (size_t y = 0; y < out_height; y++) {
        for (size_t x = 0; x < out_width; x++) {
            size_t from_x = is_swapped ? y : x, from_y = is_swapped ? x : y;
            if (way == 2 || way == 3 || way == 7 || way == 8) { from_x = width - 1 - from_x; }
            if (way == 3 || way == 4 || way == 6 || way == 7) { from_y = height - 1 - from_y; }
            out[y * out_width + x] = in[from_y * width + from_x];
        }
    }
    free(image->pixels);
    image->pixels = (uint8_t *)out;
    image->width = (uint32_t)out_width;
    image->height = (uint32_t)out_height;
    return RADIATA_IMAGE_OK;
}

/// A transform to sRGB that moves no colour by more than a level is none: most profiles are sRGB in other
/// words.
static int is_identity(cmsHTRANSFORM transform, int channels) {
    enum { STEPS = 17 };
    const int count = channels == 1 ? 256 : STEPS * STEPS * STEPS;
    for (int i = 0; i < count; i++) {
        uint8_t in[4] = {(uint8_t)i, (uint8_t)i, (uint8_t)i, 255}, out[4] = {0, 0, 0, 0};
        if (channels != 1) {
            in[0] = (uint8_t)(i % STEPS * 255 / (STEPS - 1));
            in[1] = (uint8_t)(i / STEPS % STEPS * 255 / (STEPS - 1));
            in[2] = (uint8_t)(i / STEPS / STEPS * 255 / (STEPS - 1));
        }
        cmsDoTransform(transform, in, out, 1);
        for (int channel = 0; channel < 3; channel++) {
            if (abs(in[channel] - out[channel]) > 1) { return 0; }
        }
    }
    return 1;
}

static cmsHPROFILE described(const radiata_description *from) {
    const double srgb[8] = {0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06};
    const double *colours = from->has_chromaticities ? from->chromaticities : srgb;
    int is_srgb = fabs(from->gamma * 2.2 - 1) < 0.05;
    for (int i = 0; i < 8; i++) { is_srgb = is_srgb && fabs(colours[i] - srgb[i]) < 0.005; }
    if (from->gamma <= 0 || is_srgb) { return NULL; }
    const cmsCIExyY white = {colours[0], colours[1], 1};
    const cmsCIExyYTRIPLE primaries = {
        {colours[2], colours[3], 1}, {colours[4], colours[5], 1}, {colours[6], colours[7], 1}};
    cmsToneCurve *curve = cmsBuildGamma(NULL, 1 / from->gamma);
    if (!curve) { return NULL; }
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, &primaries, curves);
    cmsFreeToneCurve(curve);
    return profile;
}

/// One row at a time, so that a grey or an ink's row needs little memory beside the picture.
static void transform_rows(radiata_image *image, cmsHTRANSFORM transform, int channels, const uint8_t *cmyk) {
    const size_t width = image->width;
    for (size_t y = 0; y < image->height; y++) {
        uint8_t *row = image->pixels + y * width * 4;
        if (cmyk) {
            cmsDoTransform(transform, cmyk + y * width * 4, row, (cmsUInt32Number)width);
        } else if (channels == 1) {
            for (size_t x = 0; x < width; x++) {
                uint8_t out[4];
                cmsDoTransform(transform, row + 4 * x, out, 1);
                memcpy(row + 4 * x, out, 3);
            }
        } else {
            cmsDoTransform(transform, row, row, (cmsUInt32Number)width);
        }
    }
}

/// Inks to colours without a profile, as Pillow does.
static void mix_inks(radiata_image *image, const uint8_t *cmyk) {
    for (size_t i = 0; i < (size_t)image->width * image->height; i++) {
        const int light = 255 - cmyk[4 * i + 3];
        for (int channel = 0; channel < 3; channel++) {
            const int product = cmyk[4 * i + channel] * light + 128;
            const int value = light - (((product >> 8) + product) >> 8);
            image->pixels[4 * i + channel] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

/// - Returns: whether the pixels are sRGB now; otherwise they are untouched.
static int apply_profile(radiata_image *image, const radiata_description *from) {
    cmsHPROFILE profile = NULL;
    if (from->profile && from->profile_size <= 1u << 26) {
        profile = cmsOpenProfileFromMem(from->profile, (cmsUInt32Number)from->profile_size);
        if (!profile) { radiata_image_warn(image, "its colour profile is damaged and was ignored"); }
    } else if (!from->profile) {
        profile = described(from);
    }
    if (!profile) { return 0; }
    const cmsColorSpaceSignature space = cmsGetColorSpace(profile);
    int channels = 0;
    cmsUInt32Number format = 0;
    if (from->cmyk && space == cmsSigCmykData) {
        channels = 4;
        format = TYPE_CMYK_8;
    } else if (!from->cmyk && space == cmsSigGrayData && from->is_gray) {
        channels = 1;
        format = TYPE_GRAY_8;
    } else if (!from->cmyk && space == cmsSigRgbData) {
        channels = 3;
        format = TYPE_RGBA_8;
    }
    cmsHPROFILE srgb = channels ? cmsCreate_sRGBProfile() : NULL;
    cmsHTRANSFORM transform =
        srgb ? cmsCreateTransform(profile, format, srgb, TYPE_RGBA_8, INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE) : NULL;
    int is_done = 0;
    if (!transform) {
        radiata_image_warn(image, "its colour profile does not fit its pixels and was ignored");
    } else if (channels == 4 || !is_identity(transform, channels)) {
        transform_rows(image, transform, channels, from->cmyk);
        image->is_changed = 1;
        is_done = 1;
    }
    if (transform) { cmsDeleteTransform(transform); }
    if (srgb) { cmsCloseProfile(srgb); }
    cmsCloseProfile(profile);
    return is_done;
}

int radiata_finish(radiata_image *image, const radiata_description *description) {
    if (!apply_profile(image, description) && description->cmyk) { mix_inks(image, description->cmyk); }
    if (description->cmyk) { image->is_changed = 1; }
    const int way = description->exif ? orientation(description->exif, description->exif_size) : 1;
    if (way == 1) { return RADIATA_IMAGE_OK; }
    image->is_changed = 1;
    return turn(image, way);
}
