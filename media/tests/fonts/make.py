"""Makes spare.ttc, a collection as phones have one: face 0 (TrueType) has A, face 1 (CFF) has U+20BB7, a character of
names that the stamp's fonts lack. Its glyph is a filled square. Own work, under the licence of the project.

pip install fonttools==4.68.0; python3 make.py spare.ttc
"""

import sys

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.ttCollection import TTCollection


def square(pen):
    for move, point in [(pen.moveTo, (50, -50)), (pen.lineTo, (50, 850)), (pen.lineTo, (950, 850)), (pen.lineTo, (950, -50))]:
        move(point)
    pen.closePath()
    return pen


def face(char, is_ttf):
    builder = FontBuilder(1000, isTTF=is_ttf)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({char: "square"})
    if is_ttf:
        builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": square(TTGlyphPen(None)).glyph()})
    else:
        blank = T2CharStringPen(1000, None)
        drawn = square(T2CharStringPen(1000, None))
        builder.setupCFF("Spare", {}, {".notdef": blank.getCharString(), "square": drawn.getCharString()}, {})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 50)})
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": "Spare", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.font.recalcTimestamp = False
    builder.font["head"].created = builder.font["head"].modified = 0
    return builder.font


collection = TTCollection()
collection.fonts = [face(ord("A"), True), face(0x20BB7, False)]
collection.save(sys.argv[1])
