"""Writes the font and tokenizer fixtures. Run in this folder with fontTools and transformers installed, and the Debian
package fonts-noto-color-emoji. The font fixtures are subsets of Noto Color Emoji (SIL Open Font License 1.1).

    python3 make_fixtures.py            the fonts
    python3 make_fixtures.py tokens     tokens.json, from the vocab.json and merges.txt that BytePairTrainer wrote here
"""

import json
import sys

if sys.argv[1:] == ["tokens"]:
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer("vocab.json", "merges.txt")
    captions = json.load(open("captions.json"))["prompts"]
    json.dump([tokenizer(c)["input_ids"] for c in captions], open("tokens.json", "w"))
    sys.exit()

from fontTools import subset
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables import C_B_L_C_, E_B_L_C_
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

SOURCE = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
CODES = [0x231A, 0x2600, 0x1F431, 0x1F600]


def glyph_png(font, code):
    return font["CBDT"].strikeData[0][font.getBestCmap()[code]].imageData


def make(name, codes, index_format, cmap_format):
    options = subset.Options(layout_features=[], notdef_outline=False, drop_tables=["GSUB", "post", "name"])
    font = subset.load_font(SOURCE, options)
    worker = subset.Subsetter(options)
    worker.populate(unicodes=codes)
    worker.subset(font)
    for table in font["CBLC"].strikes[0].indexSubTables:
        if index_format == 3:
            table.__class__ = E_B_L_C_.eblc_index_sub_table_3
            table.indexFormat = 3
    if cmap_format == 4:
        best = font.getBestCmap()
        table = CmapSubtable.newSubtable(4)
        table.platformID, table.platEncID, table.language = 3, 1, 0
        table.cmap = {c: g for c, g in best.items() if c <= 0xFFFF}
        font["cmap"].tables = [table]
    font.save(name)
    font = TTFont(name)
    return {format(c, "x"): glyph_png(font, c).hex() for c in font.getBestCmap()}


json.dump(
    {"wide": make("wide.ttf", CODES, 1, 12), "narrow": make("narrow.ttf", CODES[:2], 3, 4)},
    open("fonts.json", "w"))
