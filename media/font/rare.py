#!/usr/bin/env python3
"""Cuts the characters of 通用规范汉字表 that the burn-in font (stamp.ttf) lacks out of Noto Sans CJK SC.

    apt-get install fonts-noto-cjk unicode-data
    pip install fonttools==4.68.0
    python3 rare.py /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc /usr/share/unicode/Unihan_OtherMappings.txt.bz2 \
        stamp.ttf rare.otf
    gzip -9n rare.otf
"""
import bz2
import sys

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

source, unihan, stamp, target = sys.argv[1:]

# 通用规范汉字表: Unihan's property kTGH.
with bz2.open(unihan, "rt", encoding="utf-8") as lines:
    listed = {int(line.split("\t")[0][2:], 16) for line in lines if "\tkTGH\t" in line}
assert len(listed) == 8105, len(listed)
lacking = listed - set(TTFont(stamp).getBestCmap())

faces = TTCollection(source).fonts
font = next(face for face in faces if face["name"].getDebugName(1) == "Noto Sans CJK SC")
options = subset.Options()
options.hinting = False  # ab_glyph draws outlines without hints
options.desubroutinize = True
options.layout_features = []
options.drop_tables += ["GDEF", "GPOS", "GSUB", "BASE", "vhea", "vmtx", "VORG"]
options.notdef_outline = False
options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
cutter = subset.Subsetter(options)
cutter.populate(unicodes=lacking)
cutter.subset(font)
font.recalcTimestamp = False
font.save(target)
missing = sorted(lacking - set(font.getBestCmap()))
print(len(lacking), "lacking;", len(missing), "not in the source:", " ".join(f"U+{code:04X}" for code in missing))
