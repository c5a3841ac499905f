"""Parquet: columns are added, all others keep types, metadata and compression.

A file is read by batches and written by row groups, as large as those that it had.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.disk.replacing import naming
from fasttext_lite.errors import InputError
from fasttext_lite.filtering import work as why
from fasttext_lite.filtering.judging import Judge, Verdict
from fasttext_lite.filtering.lines import taken
from fasttext_lite.filtering.work import BAD, MAIN, NOWHERE, Counts, Work
from fasttext_lite.parallel import ahead

if TYPE_CHECKING:
    from fasttext_lite.filtering.manifest import Folder
    from fasttext_lite.filtering.plan import Part

_BATCH_ROWS = 1 << 14  # at most
_BATCH_BYTES = 1 << 23  # that are aimed at
_MOST_HELD = 1 << 28  # bytes of a row group that is not written yet
_FLAT = np.arange(256, dtype=np.uint8)
_FLAT[[10, 13]] = 32


def process(part: Part, work: Work, folder: Folder) -> None:
    """Work through a part."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            f"{part.path}: Parquet needs pyarrow: pip install 'fasttext-lite[filter]'"
        ) from None
    try:
        with open(part.path, "rb") as stream, pq.ParquetFile(stream) as file:
            _process(part, work, folder, file, stream)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{part.path}: cannot read as Parquet: {_first_line(error)}") from None
    except OSError as error:
        if error.errno is not None and error.filename != part.path:
            raise  # of what is written
        reason = error.strerror or _first_line(error)
        raise InputError(f"{part.path}: cannot read as Parquet: {reason.lower()}") from None


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0]


def _process(part: Part, work: Work, folder: Folder, file: Any, stream: Any) -> None:
    schema = file.schema_arrow
    keys = _checked_path(part.path, schema, work)
    counts = Counts()
    outputs = _Tables(folder.temporary, file, _with_columns(schema, work), keys)
    try:
        if not work.is_split:
            outputs.begin(MAIN)
        for group in range(file.num_row_groups):
            about = file.metadata.row_group(group)
            n_rows = _BATCH_BYTES * about.num_rows // max(about.total_byte_size, 1)
            batches = file.iter_batches(
                max(1, min(_BATCH_ROWS, n_rows)), row_groups=[group], use_threads=work.n_threads > 1
            )
            for batch in ahead(batches):
                _process_batch(part, work, batch, keys, outputs, counts)
                work.report(batch.num_rows, batch.nbytes, stream.tell())
            outputs.end_row_group()
        paths = outputs.finish()
    except BaseException:
        outputs.discard()
        raise
    names = {work.name_of(part, route): path for route, path in paths.items()}
    folder.finish(part, names, counts.as_dict())


def _process_batch(
    part: Part, work: Work, batch: Any, keys: Sequence[str], outputs: _Tables, counts: Counts
) -> None:
    n = batch.num_rows
    texts, is_good, is_utf8 = texts_of(batch, keys)
    routes = np.full(n, NOWHERE, np.int64)
    for row in np.flatnonzero(~is_good).tolist():
        reason = why.NO_STRING if is_utf8[row] else why.NOT_UTF8
        work.note_bad(counts, reason, f"{part.path}: row {counts.documents + row + 1}")
        routes[row] = work.bad_route
        counts.kept += work.settings.bad == "keep"
    docs = np.flatnonzero(is_good)
    verdicts, routes[docs] = work.decide(texts, counts)
    counts.documents += n
    counts.bytes += batch.nbytes
    added = columns_of(work.judges, verdicts, docs, n)
    for route in np.unique(routes).tolist():
        if route != NOWHERE:
            outputs.write(route, batch, added, routes == route)


def texts_of(batch: Any, keys: Sequence[str]) -> tuple[Texts, np.ndarray, np.ndarray]:
    """Return the texts of a batch, which rows have one, and which are UTF-8 at all.

    Returns
    -------
    texts : Texts
        Of the good rows, with spaces for line breaks.
    is_good, is_utf8 : bool[n_rows]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    array = batch.column(batch.schema.get_field_index(keys[0]))
    for key in keys[1:]:
        array = pc.struct_field(array, [key])
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type == pa.string_view():  # which has no `drop_null`
        array = array.cast(pa.large_string())
    is_good = np.asarray(array.is_valid()).astype(bool)
    is_utf8 = np.ones(len(array), bool)
    array = array.cast(pa.large_binary())
    texts = _buffers_of(array.drop_null())
    if _has_fault(texts):
        docs = np.flatnonzero(is_good)
        is_bad = np.array([_has_fault(texts.slice(i, i + 1)) for i in range(len(texts))], bool)
        is_good[docs[is_bad]] = is_utf8[docs[is_bad]] = False
        texts = texts.take(np.flatnonzero(~is_bad))
    return texts, is_good, is_utf8


def _has_fault(texts: Texts) -> bool:
    from fasttext_lite.compiled.utf8 import first_fault

    if first_fault(texts.buffer) >= 0:
        return True
    # A sign may be whole across two cells, but each cell must begin with one.
    begins = texts.offsets[:-1][np.diff(texts.offsets) > 0]
    return bool(np.any(texts.buffer[begins] & 0xC0 == 0x80))


def _buffers_of(array: Any) -> Texts:
    """Return an array of pyarrow's without nulls as texts."""
    _, offsets, data = array.buffers()
    if not len(array):
        return Texts(np.empty(0, np.uint8), np.zeros(1, np.int64))
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    own = np.empty(0, np.uint8)
    if data is not None:
        own = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    return Texts(_FLAT[own], bounds - bounds[0])


def columns_of(
    judges: Sequence[Judge], verdicts: Sequence[Verdict], docs: np.ndarray, n_rows: int
) -> list[Any]:
    """Return what models say as arrays of pyarrow's, a column each; null where nothing is said."""
    import pyarrow as pa

    found = []
    for judge, verdict in zip(judges, verdicts, strict=True):
        names = pa.array([label.encode("utf-8", "replace").decode() for label in judge.labels])
        n_asked = 0
        for _, kind, label in judge.rule.columns:
            if kind == "label":
                ids = np.full(n_rows, -1, np.int32)
                ids[docs] = verdict.labels
                found.append(names.take(pa.array(ids, mask=ids < 0)))
                continue
            scores = np.full(n_rows, np.nan, np.float32)
            scores[docs] = verdict.asked[:, n_asked] if label else verdict.scores
            n_asked += bool(label)
            found.append(pa.array(scores, mask=np.isnan(scores)))
    return found


def _checked_path(path: str, schema: Any, work: Work) -> list[str]:
    """Return the names on the way to the texts.

    Raises
    ------
    InputError
        If there is no such column of strings, or one already of those that are to be added.
    """
    import pyarrow as pa

    keys = work.settings.path
    if work.settings.text_field in schema.names:
        keys = [work.settings.text_field]
    kind, names = schema, schema.names
    for i, key in enumerate(keys):
        if names.count(key) != 1:
            where = f" in {'.'.join(keys[:i])}" if i else ""
            shown = ", ".join(names[:8]) or "none"
            raise InputError(
                f"{path}: no column {key!r}{where} (columns: {shown}); name it with --text-field"
            )
        kind = kind.field(key).type
        names = [field.name for field in kind] if pa.types.is_struct(kind) else []
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (is_text or kind == pa.string_view()):
        raise InputError(f"{path}: the column {'.'.join(keys)!r} holds {kind}, not strings")
    for name in work.settings.added:
        if name in schema.names:
            raise taken(path, name, "the table")
    return keys


def _with_columns(schema: Any, work: Work) -> Any:
    """Return a schema with the columns that are added."""
    import pyarrow as pa

    for judge in work.judges:
        for name, kind, _ in judge.rule.columns:
            schema = schema.append(pa.field(name, pa.string() if kind == "label" else pa.float32()))
    return schema


class _Tables:
    """The Parquet files of a part, by where rows go.

    Parameters
    ----------
    folder : str
        For temporary files.
    file : ParquetFile
        That is read: files are written as it was.
    schema : Schema
        Of what is written.
    keys : list of str
        On the way to the texts, whose compression added columns have, too.
    """

    def __init__(self, folder: str, file: Any, schema: Any, keys: Sequence[str]) -> None:
        self._folder, self._schema = folder, schema
        self._own_schema = file.schema_arrow
        self._options = _writing_options(file, schema, keys)
        self._writers: dict[int, Any] = {}
        self._held: dict[int, list[Any]] = {}
        self._n_held = 0

    def path(self, route: int) -> str:
        """Return where a file is until the part is done."""
        return os.path.join(self._folder, f"{os.getpid()}-{route}.parquet")

    def begin(self, route: int) -> Any:
        """Return the writer of a file, which is begun if it was not."""
        import pyarrow.parquet as pq

        if route not in self._writers:
            schema = self._own_schema if route == BAD else self._schema
            self._writers[route] = pq.ParquetWriter(self.path(route), schema, **self._options)
        return self._writers[route]

    def write(self, route: int, batch: Any, added: Sequence[Any], is_chosen: np.ndarray) -> None:
        """Add rows of a batch; those that are bad get no columns."""
        import pyarrow as pa

        columns = [*batch.columns, *(() if route == BAD else added)]
        schema = self._own_schema if route == BAD else self._schema
        if not is_chosen.all():
            mask = pa.array(is_chosen)
            columns = [_filtered(column, mask) for column in columns]
        table = pa.RecordBatch.from_arrays(columns, schema=schema)
        self._held.setdefault(route, []).append(table)
        self._n_held += table.nbytes
        if self._n_held > _MOST_HELD:
            self.end_row_group()

    def end_row_group(self) -> None:
        """Write what is held, a row group to each file."""
        import pyarrow as pa

        for route, batches in self._held.items():
            table = pa.Table.from_batches(batches)
            with naming(self.path(route)):
                self.begin(route).write_table(table, row_group_size=max(1, table.num_rows))
        self._held, self._n_held = {}, 0

    def finish(self) -> dict[int, str]:
        """Write what is left; return where the files are."""
        for route, writer in self._writers.items():
            with naming(self.path(route)):
                writer.close()
        return {route: self.path(route) for route in self._writers}

    def discard(self) -> None:
        """Remove all files."""
        self._held = {}
        for route, writer in self._writers.items():
            try:
                writer.close()
            except Exception:  # noqa: BLE001, S110 - nothing of it is to stay
                pass
            if os.path.exists(self.path(route)):
                os.unlink(self.path(route))


def _filtered(column: Any, mask: Any) -> Any:
    """Return the chosen values of a column; pyarrow cannot choose among views themselves."""
    import pyarrow as pa

    for view, plain in (
        (pa.string_view(), pa.large_string()),
        (pa.binary_view(), pa.large_binary()),
    ):
        if column.type == view:
            return column.cast(plain).filter(mask).cast(view)
    return column.filter(mask)


def _writing_options(file: Any, schema: Any, keys: Sequence[str]) -> dict[str, Any]:
    """Return how a file was written, as a writer of pyarrow's takes it."""
    metadata = file.metadata
    if not metadata.num_row_groups or not metadata.num_columns:
        return {}
    group = metadata.row_group(0)
    own = [group.column(i) for i in range(metadata.num_columns)]
    codecs = {column.path_in_schema: _codec(column.compression) for column in own}
    text = next((c for p, c in codecs.items() if p == ".".join(keys)), next(iter(codecs.values())))
    codecs |= {name: text for name in schema.names[len(file.schema_arrow.names) :]}
    options: dict[str, Any] = {"compression": codecs}
    if any(column.physical_type == "INT96" for column in own):
        options["use_deprecated_int96_timestamps"] = True
    return options


def _codec(name: str) -> str:
    return {"UNCOMPRESSED": "NONE"}.get(name, name)
