"""Write fasttext_lite/text/unicode_classes.py: the frozen character classes of the `auto` analyzer.

The table is frozen in the package, because a model must cut text in the same way under
every Python version, and Python's own Unicode tables change between versions.

Run ``pip install unicodedata2`` (its tables are newer than the interpreter's), then
``python tools/make_unicode_classes.py``.  A new table is a new tokenisation: it needs a
new format version of the model file.
"""

from pathlib import Path

import unicodedata2 as unicodedata

SPACE, WORD, SINGLE, EXTEND = range(4)

# Scripts written without spaces between words: each character is a token.
SINGLE_BLOCKS = [
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # CJK radicals
    (0x3005, 0x3007),  # ideographic iteration mark, closing mark, zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3038, 0x303C),
    (0x3040, 0x312F),  # kana, bopomofo
    (0x31A0, 0x31FF),
    (0x3200, 0x33FF),  # enclosed CJK, CJK compatibility
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han, compatibility
    (0xFF66, 0xFF9F),  # half-width kana
    (0x1AFF0, 0x1B16F),  # kana supplements
    (0x20000, 0x3FFFF),  # Han, extensions B and later
]
JOINERS = {0x200C, 0x200D, 0x00AD} | set(range(0x1F3FB, 0x1F400))


def class_of(code: int) -> int:
    """Return the class of one code point."""
    category = unicodedata.category(chr(code))
    if code in JOINERS or category[0] == "M":
        return EXTEND
    if any(low <= code <= high for low, high in SINGLE_BLOCKS):
        return SINGLE
    if category[0] in "LN" or category == "Pc":
        return WORD
    if category[0] == "Z" or category in ("Cc", "Cf"):
        return SPACE
    return SINGLE  # punctuation, symbols, private use, surrogates, not yet assigned


def main() -> None:
    """Compute the runs of equal class and write them as two hexadecimal lists."""
    classes = [class_of(code) for code in range(0x110000)]
    starts = [c for c in range(0x110000) if c == 0 or classes[c] != classes[c - 1]]
    runs = [f"{start:X}{'swie'[classes[start]]}" for start in starts]
    lines, line = [], ""
    for run in runs:
        if len(line) + len(run) > 94:
            lines.append(line.rstrip())
            line = ""
        line += run + " "
    lines.append(line.rstrip())
    body = "\n".join(lines)
    target = Path(__file__).parent.parent / "fasttext_lite" / "text" / "unicode_classes.py"
    version = unicodedata.unidata_version
    target.write_text(
        f'''"""Character classes of the `auto` analyzer, frozen from Unicode {version}.

Made by tools/make_unicode_classes.py; not edited by hand.  Each entry of `RUNS` is the first
code point of a run (hexadecimal) and the class of all characters up to the next entry:
s = SPACE, w = part of a WORD, i = SINGLE, a token by itself, e = EXTEND, part of the token before
(see `text.kernels.tokens`).
"""

from __future__ import annotations

import numpy as np

LETTERS = "swie"  # of the classes 0 to 3
RUNS = """
{body}
"""


def class_table() -> np.ndarray:
    """Return the class of every code point, uint8[0x110000]."""
    runs = RUNS.split()
    starts = np.array([int(run[:-1], 16) for run in runs] + [0x110000])
    classes = np.array([LETTERS.index(run[-1]) for run in runs], dtype=np.uint8)
    return np.repeat(classes, np.diff(starts))
''',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
