"""Every format once: to add one, write its file and add its record."""

from __future__ import annotations

from dataclasses import dataclass

from fasttext_lite.config.records import Records


@dataclass(frozen=True)
class FilterFormat:
    """A format of files that are filtered.

    Attributes
    ----------
    name : str
    endings : tuple of str
        Of names, before that of a compression.
    process : str
        ``module:function`` that works through a part, given it and a `work.Work`.
    is_packed : bool
        Whether files are packed as a whole (.gz, .zst, ...), not within.
    """

    name: str
    endings: tuple[str, ...]
    process: str
    is_packed: bool = True


_HERE = "fasttext_lite.filtering.formats"

FORMATS: Records[FilterFormat] = Records(
    "format",
    FilterFormat("jsonl", (".jsonl", ".ndjson", ".json"), f"{_HERE}.json_lines:process"),
    FilterFormat("parquet", (".parquet", ".pq"), f"{_HERE}.parquet:process", is_packed=False),
    FilterFormat("csv", (".csv",), f"{_HERE}.tables:process"),
    FilterFormat("tsv", (".tsv", ".tab"), f"{_HERE}.tables:process"),
    reserved=("auto",),
)
ENDINGS = tuple(ending for form in FORMATS.values() for ending in form.endings)
