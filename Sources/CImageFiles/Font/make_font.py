"""Writes dejavu-sans.glyphs: the letters of DejaVu Sans at the sizes of `TextSize`, as FreeType draws them.

    python3 make_font.py        in this folder, with Pillow and the Debian package fonts-dejavu-core

All numbers are little endian. The file begins with the number of sizes (u32). Each size has a head of 16 bytes: pixels an em,
rows above the base line, rows below it, glyphs (u16 each), then where its glyphs and where their alphas begin (u32 each). A
glyph has 12 bytes: code point (u16), advance, left, top (i8 each; from the pen, and from the top of the line), width, height
(u8 each), a byte of nothing, where its alpha begins behind the size's (u32). Alpha is 4 bits a pixel, rows after each other
without a gap, the first pixel in the high half; a glyph begins on a byte. Advances are whole pixels (FreeType hints them), and
kerning is left out.
"""

import pathlib
import struct

from PIL import ImageFont

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SIZES = (12, 15, 22)
RANGES = (
    (0x20, 0x7E), (0xA0, 0x17F),  # ASCII, Latin-1, Latin Extended-A
    (0x370, 0x3FF), (0x400, 0x4FF),  # Greek, Cyrillic
)
SIGNS = "ȘșȚț‐‑‒–—‘’‚“”„†•…‰′″‹›€™←↑→↓↔∅∈∏∑−√∞≈≠≤≥⌘■□▲▼●○✓✗"
MISSING = "\uE000"


def glyphs(font):
    """The characters that the font has: one without a glyph looks as any other without one."""
    box = bytes(font.getmask(MISSING))
    wanted = [chr(code) for first, last in RANGES for code in range(first, last + 1)] + list(SIGNS)
    return [char for char in sorted(set(wanted)) if char.isspace() or bytes(font.getmask(char)) != box]


def drawn(font, char):
    mask, (left, top) = font.getmask2(char, mode="L", anchor="ls")
    (width, height), pixels = mask.size, bytes(mask)
    if not any(pixels):
        width = height = left = top = 0
    levels = [(value * 15 + 127) // 255 for value in pixels[: width * height]]
    levels += [0] * (len(levels) % 2)
    alpha = bytes(high << 4 | low for high, low in zip(levels[::2], levels[1::2]))
    return left, top + font.getmetrics()[0], width, height, round(font.getlength(char)), alpha


def main():
    sizes = []
    for size in SIZES:
        font = ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
        table, alphas = b"", b""
        characters = glyphs(font)
        for char in characters:
            left, top, width, height, advance, alpha = drawn(font, char)
            table += struct.pack("<HbbbBBBI", ord(char), advance, left, top, width, height, 0, len(alphas))
            alphas += alpha
        sizes.append((size, *font.getmetrics(), len(characters), table, alphas))
    place = 4 + 16 * len(sizes)
    heads, bodies = b"", b""
    for size, above, below, count, table, alphas in sizes:
        heads += struct.pack("<HHHHII", size, above, below, count, place, place + len(table))
        bodies += table + alphas
        place += len(table) + len(alphas)
    path = pathlib.Path(__file__).with_name("dejavu-sans.glyphs")
    path.write_bytes(struct.pack("<I", len(sizes)) + heads + bodies)
    print(f"{path.name}: {path.stat().st_size} bytes, {[(size[0], size[3]) for size in sizes]}")


if __name__ == "__main__":
    main()
