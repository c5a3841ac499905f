"""Encodings of text files: byte order marks, decoding to UTF-8, and what bytes look like.

A file is UTF-8 unless a byte order mark or ``--encoding`` says otherwise.  Nothing is guessed: what
bytes look like is only said in the message about a file that is not UTF-8.
"""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING

from fasttext_lite.corpus.compression import check_text
from fasttext_lite.errors import InputError, bounded

if TYPE_CHECKING:
    import numpy as np

AUTO = "auto"  # UTF-8, or what a byte order mark says

# Of UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
BOM_UTF8 = codecs.BOM_UTF8
WIDE_MARKS = tuple(mark for mark, _ in _MARKS if mark != BOM_UTF8)
_LONGEST_MARK = 4
_FEWEST_NULS = 3
_FEWEST = 8  # bytes in which NULs are looked for
_SAMPLE = 1 << 16  # bytes that are looked at to say what they look like


def check_encoding(name: str) -> str:
    """Return the name that Python has for an encoding of text, or "auto".

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name == AUTO:
        return AUTO
    try:
        found = codecs.lookup(name)
        "".encode(name)  # a codec of bytes refuses
    except (LookupError, ValueError, TypeError):
        found = None
    if found is None or found.incrementaldecoder is None:
        raise ValueError(
            bounded(
                f"encoding must be auto or one that Python knows, such as utf-8, utf-16, gb18030, "
                f"big5, shift_jis or cp1252; got {name!r}"
            )
        )
    return "utf-8" if found.name == "utf-8-sig" else found.name


class TextStream:
    """The UTF-8 bytes of a stream in any encoding, without the byte order mark.

    Parameters
    ----------
    stream : binary stream
        With `read1`.
    name : str
        Of the file, for messages.
    encoding : str
        As `check_encoding` returns it.
    """

    def __init__(self, stream: io.BufferedIOBase, name: str, encoding: str = AUTO) -> None:
        self._stream, self._name, self._encoding = stream, name, encoding
        self._held = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._n_lines = 0
        self._has_begun = False

    def read1(self, size: int) -> bytes:
        """Return the next bytes, at least one until the end; at most `size`, if it is UTF-8.

        Raises
        ------
        InputError
            For bytes that the encoding does not have, with the line; not for faults in UTF-8.
        """
        if not self._has_begun:
            self._begin(size)
        if self._decoder is None:
            if self._held:
                piece, self._held = self._held[:size], self._held[size:]
                return piece
            return self._stream.read1(size)
        while not self._held:
            piece = self._stream.read1(size)
            self._held = self._decoded(piece)
            if not piece:
                break
        piece, self._held = self._held[:size], self._held[size:]
        return piece

    def _begin(self, size: int) -> None:
        """Read as much as it takes to know the encoding."""
        self._has_begun = True
        head = b""
        # A mark may come in pieces: only a beginning of one is waited for.
        while len(head) < _LONGEST_MARK and any(mark.startswith(head) for mark, _ in _MARKS):
            piece = self._stream.read1(max(size - len(head), 1))
            if not piece:
                break
            head += piece
        marked = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), None)
        check_text(head, self._name)
        encoding = self._encoding
        if marked is None and encoding in ("utf-16", "utf-32"):
            raise InputError(
                f"{self._name}:1: the file has no byte order mark: name {encoding}-le or "
                f"{encoding}-be with --encoding"
            )
        if marked is not None:
            head = head[len(marked[0]) :]
            if encoding not in (AUTO, marked[1]) and not marked[1].startswith(encoding):
                raise InputError(
                    f"{self._name}:1: the file begins with the byte order mark of "
                    f"{marked[1].upper()}, not {encoding}: leave out --encoding"
                )
            encoding = marked[1]
        if encoding not in (AUTO, "utf-8"):
            self._encoding = encoding
            self._decoder = codecs.getincrementaldecoder(encoding)("strict")
            self._held = self._decoded(head) if head else b""
            return
        _check_nul(head, self._name)
        self._held = head

    def _decoded(self, piece: bytes) -> bytes:
        """Return what bytes say, as UTF-8; no bytes are the end."""
        assert self._decoder is not None
        try:
            text = self._decoder.decode(piece, not piece)
        except UnicodeError as error:
            data = getattr(error, "object", piece)
            at = getattr(error, "start", 0)
            self._decoder.reset()
            line = self._n_lines + 1
            if isinstance(data, bytes):
                good = data[:at].decode(self._encoding, "ignore")
                line += good.count("\n")
                found = f" (byte 0x{data[at]:02x})" if at < len(data) else ""
            raise InputError(
                f"{self._name}:{line}: not {self._encoding}{found}: name another with --encoding, "
                "or mend the file"
            ) from None
        self._n_lines += text.count("\n")
        return text.encode("utf-8", "surrogatepass")


def _check_nul(head: bytes, name: str) -> None:
    """Raise `InputError` if text seems to be UTF-16 or UTF-32 without a byte order mark.

    Plain text in these is good UTF-8, but every second byte is NUL.
    """
    import numpy as np

    sample = np.frombuffer(head[:_SAMPLE], np.uint8)
    if sample.size < _FEWEST or np.count_nonzero(sample == 0) * 4 <= sample.size:
        return
    form = _wide_form(sample)
    if form is not None:
        raise InputError(
            f"{name}:1: every second byte is NUL: the file seems to be {form.upper()} without a "
            f"byte order mark: read it with --encoding {form}"
        )


def _wide_form(sample: np.ndarray) -> str | None:
    """Return in which encoding of 2 or 4 bytes a character the zeros stand where they should."""
    quads = sample[: sample.size // 4 * 4].reshape(-1, 4) == 0
    shares = quads.mean(axis=0)
    if shares[1] > 0.8 and shares[2] > 0.8:
        return "utf-32-le" if shares[3] > 0.8 else "utf-32-be" if shares[0] > 0.8 else None
    even, odd = shares[0] + shares[2], shares[1] + shares[3]
    if max(even, odd) < 0.6 or min(even, odd) > 0.2:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


# -- what bytes look like --------------------------------------------------------------------
# Of each encoding: characters that are frequent in the texts of those who use it.  Read in another
# encoding, the same bytes are rare characters.
_CHINESE = "的一是不了人我在有他中大来上国个到时要以出会可生自学下之年过家小和就好多对发成行民市"
_COMMON = {
    "gb18030": _CHINESE + "这们说为也地子着里后于作经现开无心前产进动方长面关种事都军工定机当从"
    "没体现动两实业电力理起本同次新间部最高品日月价股球赛员全加，。！？、：“”（）《》；",
    "big5": _CHINESE + "這們說為也地子著裡後於作經現開無心前產進動方長面關種事都軍工定機當從"
    "沒體兩實業電力理起本同次新間部最高品日月價股球賽員全加學過國對發會來時個，。！？、：「」（）《》；",
    "shift_jis": "",
    "euc_jp": "",
    "euc_kr": "이다는의에을가고하지로한은사도를기대인리어자해서시나아일수그정있만보부전제것들"
    "과안주면요여라게조스장오라구선상원",
    "utf-16-le": _CHINESE,
    "utf-16-be": _CHINESE,
    "cp1252": "éèàùçâêîôûëïüöäßñáíóúåæøãõÉÀÇÜÖÄ’‘“”–—…€£°«»¡",
    "cp1250": "ąćęłńóśźżčďěňřšťůžýáíéőűúöăţşđŁŚŻŠČŘŽÁÉ„”–",
    "iso8859_2": "ąćęłńóśźżčďěňřšťůžýáíéőűúöăţşđŁŚŻŠČŘŽÁÉ",
    "cp1254": "ışğçöüâİŞĞÇÖÜ",
    "koi8_r": "оеаинтсрвлкмдпуяыьгзбч",
    "cp1251": "оеаинтсрвлкмдпуяыьгзбч",
    "cp1253": "αοιετσνηρπκμλςάέήίόύώ",
    "cp1255": "יולהאמרשתבנמדכח",
    "cp1256": "اليمونترةعبسدفحك",
    "cp874": "านรกอเงมยลวดทสต่้ัิี",
}
# Wider forms of others, which are tried where those fail.
_WIDER = {"big5": "cp950", "euc_kr": "cp949"}
_KANA = range(0x3041, 0x30FF)
# Least share of frequent characters among those that are not ASCII; of encodings of single bytes,
# in which nearly everything is some text, most must be.
_LEAST_SHARE, _LEAST_OF_BYTES = 0.12, 0.6
_ISOLATED = ("cp1252", "cp1250", "iso8859_2", "cp1254")  # whose letters stand between ASCII letters


def looks_like(data: bytes) -> str | None:
    """Return the encoding that bytes seem to be in, None if none is likely.

    Parameters
    ----------
    data : bytes
        Not UTF-8, best some lines.
    """
    import numpy as np

    data = data[:_SAMPLE]
    if 0 in data:  # in no encoding of one or two bytes
        is_enough = len(data) >= _FEWEST and data.count(0) >= _FEWEST_NULS
        form = _wide_form(np.frombuffer(data, np.uint8)) if is_enough else None
        even, odd = data[::2].count(0), data[1::2].count(0)
        if form is not None:
            return form
        # Of line ends, spaces and digits in UTF-16: there are some in each line.
        many = max(_FEWEST_NULS, len(data) // 200)
        if max(even, odd) >= many and max(even, odd) > 2 * min(even, odd):
            return "utf-16-le" if odd > even else "utf-16-be"
    scores = {name: _likeness(data, name) for name in _COMMON}
    for name, wider in _WIDER.items():
        scores[wider] = _likeness(data, wider, _COMMON[name]) if not scores[name] else 0.0
    good = {name: score for name, score in scores.items() if score >= _least(name)}
    return max(good, key=lambda name: good[name], default=None)


def _least(name: str) -> float:
    return _LEAST_OF_BYTES if name in _OF_BYTES else _LEAST_SHARE


_OF_BYTES = (
    "cp1252",
    "cp1250",
    "iso8859_2",
    "cp1254",
    "koi8_r",
    "cp1251",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp874",
)


def _likeness(data: bytes, name: str, letters: str = "") -> float:
    """Return the share of frequent characters if bytes are read in an encoding."""
    try:
        text = codecs.getincrementaldecoder(name)("strict").decode(data)
    except UnicodeError as error:
        # A single byte that the encoding lacks says little.
        if name not in _OF_BYTES or getattr(error, "start", 0) * 2 < len(data):
            return 0.0
        text = data.decode(name, "ignore")
    common = set(letters or _COMMON[name])
    n = n_common = 0
    before = ""
    for i, character in enumerate(text):
        if character >= "\x80":
            n += 1
            known = character in common if common else ord(character) in _KANA
            if known and name in _ISOLATED:
                after = text[i + 1 : i + 2]
                known = before < "\x80" or after < "\x80"
            n_common += known
        before = character
    return n_common / n if n else 0.0


def is_utf8(data: bytes) -> bool:
    """Return whether bytes are UTF-8; a character may be cut at their end."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(data: bytes) -> bool:
    """Return whether most of the lines that are not ASCII are UTF-8."""
    lines = [line for line in data[: 2 * _SAMPLE].split(b"\n") if not line.isascii()]
    return sum(map(is_utf8, lines)) * 2 > len(lines)


def advice(data: bytes, has_flag: bool = True, around: bytes = b"") -> str:
    """Return what to do with a file that is not UTF-8, given the bytes from the fault on.

    Parameters
    ----------
    data : bytes
    has_flag : bool
        Whether ``--encoding`` can be given; else the file is to be converted.
    around : bytes
        Other lines of the file and these; default: `data`.
    """
    if _is_mostly_utf8(around or data):
        return "the lines around it are UTF-8: mend this one, or leave it out"
    found = looks_like(data)
    if found is None:
        how = "name its encoding with --encoding" if has_flag else "convert it with iconv -f"
        return f"{how}, for example gb18030 (Chinese) or cp1252 (western text)"
    how = f"read it with --encoding {found}" if has_flag else f"convert it with iconv -f {found}"
    return f"it looks like {_NAMES.get(found, found.upper())}: {how}"


_NAMES = {
    "gb18030": "GB18030 (GBK)", "big5": "Big5", "shift_jis": "Shift-JIS", "euc_jp": "EUC-JP",
    "euc_kr": "EUC-KR", "cp1252": "Windows-1252", "cp1251": "Windows-1251",
    "cp950": "Big5 (of Windows)", "cp949": "CP949 (Korean)", "cp1250": "Windows-1250",
    "cp1254": "Windows-1254 (Turkish)", "iso8859_2": "ISO 8859-2", "koi8_r": "KOI8-R",
    "cp1253": "Windows-1253 (Greek)", "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)", "cp874": "Windows-874 (Thai)",
}  # fmt: skip
