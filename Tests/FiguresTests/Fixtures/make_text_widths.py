"""Writes widths.json: how wide Pillow sets some texts in DejaVu Sans. Run with Pillow and the font installed, in this folder.

Without kerning, as the table of the figures; Pillow 13.0.0 and DejaVu 2.37 made the numbers kept here.
"""
import json

from PIL import ImageFont

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
TEXTS = [
    "lokr · lr 0.0005 · factor 4", "image similarity", "0123456789", "AVAWA To", "The quick brown fox jumps over the lazy dog",
    "iiiiillll", "MMMMWWWW", "a@b.c {x} [y] ~^_`|", "loha · dim 16 · alpha 8 · layers attn-mlp",
]
size = 1000
font = ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
widths = {text: round(sum(font.getlength(c) for c in text) / size, 4) for text in TEXTS}
json.dump(widths, open("widths.json", "w"), indent=1, ensure_ascii=False)
