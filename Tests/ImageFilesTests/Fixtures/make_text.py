"""Writes text-*.png: lines of text as Pillow draws them with FreeType, without kerning. Run in this folder, with Pillow and the
Debian package fonts-dejavu-core."""

from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
# As TextTests has them.
LINES = [
    "The quick brown fox jumps over the lazy dog 0123456789",
    "lr=1e-4 · dim ≤ 16, α/2 → [a_b] {c|d} \"e\" 'f' #7 & 8%…",
    "Größe, naïve façade, Łódź, Čeština, Ωμέγα, Привет, ёжик — ± × ≥ ↑ ↓",
]

for size in (12, 15, 22):
    font = ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
    above, below = font.getmetrics()
    page = Image.new("RGB", (max(round(font.getlength(line)) for line in LINES) + 16, 3 * (above + below + 4) + 8), (250, 240, 220))
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(LINES):
        pen.text((8, 4 + number * (above + below + 4)), line, font=font, fill=(20, 40, 120), anchor="la")
    page.save(f"text-{size}.png")
