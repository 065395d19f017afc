#!/usr/bin/env python3
"""Cuts the burn-in font out of WenQuanYi Micro Hei: ASCII, all of GB 2312 and a few signs a stamp needs.

    pip install fonttools==4.68.0
    python3 subset.py /usr/share/fonts/truetype/wqy/wqy-microhei.ttc stamp.ttf
"""
import sys

from fontTools import subset
from fontTools.ttLib import TTCollection

source, target = sys.argv[1:]

characters = set(range(0x20, 0x7F))
for row in range(0xA1, 0xF8):
    for column in range(0xA1, 0xFF):
        try:
            characters.add(ord(bytes((row, column)).decode("gb2312")))
        except UnicodeDecodeError:
            pass
# Beside GB 2312: the middle dot and dashes that input methods really produce, units, and the sign for "not known".
characters |= {ord(sign) for sign in "©°±²³µ·×÷–—‘’“”•…′″‰℃№→←↑↓≈≤≥□■△▲○●☆★〇「」『』【】《》〈〉、。〜・！（）－，．／：；？～￥\ufffd"}

font = TTCollection(source).fonts[0]  # 0 is the proportional face, 1 the monospaced one
options = subset.Options()
options.hinting = False  # ab_glyph draws outlines without hints
options.layout_features = []
options.drop_tables += ["GDEF", "GPOS", "GSUB", "FFTM", "vhea", "vmtx", "gasp"]
options.notdef_outline = True
options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
options.legacy_kern = False
cutter = subset.Subsetter(options)
cutter.populate(unicodes=characters)
cutter.subset(font)
font.flavor = None
font.recalcTimestamp = False
font.save(target)
missing = sorted(characters - set(font.getBestCmap()))
print(len(font.getGlyphOrder()), "glyphs; not in the source:", " ".join(f"U+{code:04X}" for code in missing))
