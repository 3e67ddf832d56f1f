// The letters of DejaVu Sans, as Font/make_font.py writes them.
#include "CImageFiles.h"

#pragma clang diagnostic ignored "-Wc23-extensions"
static const uint8_t glyphs[] = {
#embed "Font/dejavu-sans.glyphs"
};

const uint8_t *radiata_font_glyphs(size_t *count) {
    *count = sizeof glyphs;
    return glyphs;
}
