"""What a file is by its first bytes, where it is neither a text nor packed: each sign once.

What is to be done about it depends on what was wanted, a text or a model: see
`corpus.compression.NO_TEXT` and `model.magic`.  Light to import.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fasttext_lite.config.records import Records

FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")  # fasttext.cc, FASTTEXT_FILEFORMAT_MAGIC_INT32
LONGEST = 1024  # bytes that are enough to tell by


@dataclass(frozen=True)
class Sign:
    """The sign of a kind of file.

    Attributes
    ----------
    name : str
    starts : tuple of bytes
        One of which such files begin with.
    fits : callable, optional
        In place of `starts`: given the first bytes, whether a file is one.
    """

    name: str
    starts: tuple[bytes, ...] = ()
    fits: Callable[[bytes], bool] | None = None

    def is_of(self, start: bytes) -> bool:
        """Return whether a file that begins with `start` is of this kind."""
        return self.fits(start) if self.fits is not None else start.startswith(self.starts)


def is_ours(start: bytes) -> bool:
    """Return whether something begins like one of our files: a length, and an index in JSON."""
    return start[8:10] == b'{"' and int.from_bytes(start[:8], "little") < 1 << 32


SIGNS: Records[Sign] = Records(
    "sign",
    Sign("zip", (b"PK\x03\x04",)),
    Sign("tar", fits=lambda start: start[257:262] == b"ustar"),
    Sign("parquet", (b"PAR1\x15",)),
    Sign("pdf", (b"%PDF-",)),
    Sign("numpy", (b"\x93NUMPY",)),
    Sign("hdf5", (b"\x89HDF\r\n",)),
    Sign("picture", (b"\x89PNG", b"\xff\xd8\xff")),
    # Of protocols 2 to 5: with what follows in the files of pickle and joblib.
    Sign("pickle", (b"\x80\x02c", b"\x80\x02}", b"\x80\x03c", b"\x80\x03}", b"\x80\x04\x95",
                    b"\x80\x05\x95")),
    Sign("program", (b"\x7fELF",)),
    Sign("fasttext", (FASTTEXT_MAGIC,)),
    Sign("ours", fits=is_ours),
)  # fmt: skip


def sign_of(start: bytes) -> str | None:
    """Return the name of the sign that a file begins with; None if it has none."""
    return next((sign.name for sign in SIGNS.values() if sign.is_of(start)), None)
