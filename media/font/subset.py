#!/usr/bin/env python3
"""Cuts the burn-in font out of WenQuanYi Micro Hei: ASCII, all of GB 2312, the 8,105 characters of 通用规范汉字表 (2013),
with which places and people are named, and a few signs a stamp needs.

    apt-get install fonts-wqy-microhei unicode-data
    pip install fonttools==4.68.0
    python3 subset.py /usr/share/fonts/truetype/wqy/wqy-microhei.ttc /usr/share/unicode/Unihan_OtherMappings.txt.bz2 stamp.ttf
    gzip -9n stamp.ttf
"""
import bz2
import sys

from fontTools import subset
from fontTools.ttLib import TTCollection

source, unihan, target = sys.argv[1:]

characters = set(range(0x20, 0x7F))
for row in range(0xA1, 0xF8):
    for column in range(0xA1, 0xFF):
        try:
            characters.add(ord(bytes((row, column)).decode("gb2312")))
        except UnicodeDecodeError:
            pass
# 通用规范汉字表: Unihan's property kTGH.
with bz2.open(unihan, "rt", encoding="utf-8") as lines:
    listed = {int(line.split("\t")[0][2:], 16) for line in lines if "\tkTGH\t" in line}
assert len(listed) == 8105, len(listed)
characters |= listed
# Beside them: the middle dot and dashes that input methods really produce, units, and the sign for "not known".
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
