"""Public text-classification sets by name: listed, downloaded once, and read.

>>> from fasttext_lite.datasets import list_datasets
>>> [entry["name"] for entry in list_datasets() if entry["task"] == "intent"]
['banking77', 'clinc150']
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fasttext_lite import system
from fasttext_lite.datasets.convert import SPLITS, convert
from fasttext_lite.datasets.download import download, forget_record, open_member
from fasttext_lite.datasets.registry import DATASETS, Dataset, Part
from fasttext_lite.disk.replacing import replacing
from fasttext_lite.errors import InputError
from fasttext_lite.parallel import bar_class
from fasttext_lite.version import __version__

HOME = "FASTTEXT_LITE_HOME"
DATA = "FASTTEXT_LITE_DATA"
__all__ = [
    "Bunch",
    "check_name",
    "fetch_dataset",
    "get_data_home",
    "list_datasets",
    "prepare_dataset",
]


class Bunch(dict):
    """A dictionary whose items are attributes, too, as scikit-learn's."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]


def get_data_home(data_home: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of downloaded sets; it need not be there.

    Parameters
    ----------
    data_home : path-like, optional
        Default: ``datasets`` in `FASTTEXT_LITE_HOME`, or in the platform's folder for caches.
    """
    if data_home is not None:
        return Path(data_home).expanduser()
    home = os.environ.get(HOME)
    if home:
        return Path(home).expanduser() / "datasets"
    return Path(system.cache_folder()) / "fasttext_lite" / "datasets"


def list_datasets(data_home: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """Return what is known of each set, in the order of names.

    Parameters
    ----------
    data_home : path-like, optional
        See `get_data_home`.

    Returns
    -------
    list of dict
        Keys: name, title, task, language, labels, train and test (numbers of rows; None where
        they are not known before the set is made), records (of the source, by split), multilabel,
        size (bytes to download, or None), licence, homepage, citation, path (of the folder, or
        None if the set is not there). Sets of `FASTTEXT_LITE_DATA` that the registry does not
        know come last.
    """
    home = get_data_home(data_home)
    found = [_describe(DATASETS[name], _folder(name, home)) for name in sorted(DATASETS)]
    local = _local_folder()
    if local is not None:
        with contextlib.suppress(OSError):
            others = sorted(path.name for path in local.iterdir() if path.name not in DATASETS)
            found += [_local_entry(name) for name in others if _is_ready(local / name)]
    return found


def _describe(entry: Dataset, folder: Path | None) -> dict[str, Any]:
    counts = {split: entry.records.get(split) for split in ("train", "test")}
    if folder is not None:
        rows = _read_meta(folder).get("rows")
        if isinstance(rows, dict):
            counts.update({split: rows.get(split) for split in counts})
    return {
        "name": entry.name, "title": entry.title, "task": entry.task, "language": entry.language,
        "labels": entry.labels, **counts, "records": dict(entry.records),
        "multilabel": entry.multilabel, "size": entry.size, "licence": entry.licence,
        "homepage": entry.homepage, "citation": entry.citation,
        "path": None if folder is None else str(folder),
    }  # fmt: skip


def _local_entry(name: str) -> dict[str, Any]:
    local = _local_folder()
    assert local is not None
    return {
        "name": name, "title": f"set of {DATA}", "task": None, "language": None, "labels": None,
        "train": None, "test": None, "records": {}, "multilabel": None, "size": None,
        "licence": None, "homepage": None, "citation": None, "path": str(local / name),
    }  # fmt: skip


# -- where a set is --------------------------------------------------------------------------
def _local_folder() -> Path | None:
    value = os.environ.get(DATA)
    return Path(value).expanduser() if value else None


def _is_ready(folder: Path) -> bool:
    return all((folder / f"{split}.tsv").is_file() for split in ("train", "test"))


def _folder(name: str, home: Path) -> Path | None:
    """Return the folder of a set that is there: of `FASTTEXT_LITE_DATA`, else downloaded."""
    local = _local_folder()
    if local is not None and _is_ready(local / name):
        return local / name
    folder = home / name
    if _is_ready(folder) and _read_meta(folder).get("name") == name:
        return folder
    return None


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        value = json.loads((folder / "meta.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def check_name(name: str) -> Dataset | None:
    """Return a set's entry; None for one that is only in `FASTTEXT_LITE_DATA`.

    Raises
    ------
    InputError
        If there is no such set.
    """
    if not isinstance(name, str):
        raise InputError(f"a set's name is a str; got {type(name).__name__}")
    if name in DATASETS:
        return DATASETS[name]
    local = _local_folder()
    is_plain = name == os.path.basename(name) and bool(name.strip("."))
    if local is not None and is_plain and _is_ready(local / name):
        return None
    close = [known for known in DATASETS if name and known.startswith(name)]
    close = close or difflib.get_close_matches(name, DATASETS, 3, 0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "see `fasttext-lite datasets list`"
    raise InputError(f"unknown set {name!r}; {hint}")


# -- bringing it -----------------------------------------------------------------------------
def prepare_dataset(
    name: str,
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Make sure that a set is there; return its folder with ``train.tsv`` and ``test.tsv``.

    Parameters
    ----------
    name : str
        See `list_datasets`.
    data_home : path-like, optional
        See `get_data_home`. A set in `FASTTEXT_LITE_DATA` is used before anything else.
    download_if_missing : bool
    say : callable, optional
        Takes notices of one line; default: stderr.

    Raises
    ------
    InputError
        If the set is unknown, missing and not to be downloaded, or cannot be brought.
    """
    entry = check_name(name)
    home = get_data_home(data_home)
    folder = _folder(name, home)
    if folder is not None:
        if entry is not None and folder == home / name and (folder / "raw").is_dir():
            _remove_sources(entry, folder / "raw")  # a fetch was killed at its very end
        return folder
    assert entry is not None
    folder = home / name
    if not download_if_missing:
        raise InputError(
            f"{name} is not in {home}; `fasttext-lite datasets fetch {name}` brings it"
        )
    notify = say or _say
    try:
        (folder / "raw").mkdir(parents=True, exist_ok=True)
        with _locked(folder, lambda: notify(f"{name}: waiting for another fetch of it to end")):
            if _folder(name, home) is None:  # the other may have brought it
                _make(entry, folder, notify)
    except OSError as error:
        place = error.filename or folder
        raise InputError(f"{place}: {(error.strerror or str(error)).lower()}") from None
    return folder


def _say(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"fasttext-lite: {message}\n")


def _make(entry: Dataset, folder: Path, say: Callable[[str], None]) -> None:
    raw = folder / "raw"
    (folder / "meta.json").unlink(missing_ok=True)
    files: dict[str, str] = {}
    recorded: list[str] = []
    if entry.by_hand:
        _check_by_hand(entry, raw)
    else:
        files, recorded = _download_all(entry, raw, say)

    @contextlib.contextmanager
    def open_part(part: Part) -> Iterator[BinaryIO]:
        with open_member(raw / part.file, part.member) as stream:
            yield stream

    try:
        made = convert(entry, open_part, folder)
    except InputError:
        for name in recorded:  # such a file must not be what later ones are checked against
            forget_record(raw / name)
        raise
    meta = {
        "name": entry.name,
        "rows": made.rows,
        "labels": len(made.labels),
        "multilabel": entry.multilabel,
        "licence": entry.licence,
        "homepage": entry.homepage,
        "citation": entry.citation,
        "sources": [
            {"url": source.urls[0], "sha256": files[source.name]} for source in entry.sources
        ],
        "sha256": made.sha256,
        "made_by": f"fasttext-lite {__version__}",
    }
    with replacing(folder / "meta.json") as file:
        file.write((json.dumps(meta, ensure_ascii=False, indent=1) + "\n").encode())
    _remove_sources(entry, raw)


def _remove_sources(entry: Dataset, raw: Path) -> None:
    """Remove what was downloaded; what was recorded of it stays."""
    for source in entry.sources:
        system.unlink(str(raw / source.name))
    with contextlib.suppress(OSError):
        raw.rmdir()  # if nothing was recorded


def _check_by_hand(entry: Dataset, raw: Path) -> None:
    for part in entry.parts:
        if not (raw / part.file).is_file():
            raise InputError(
                f"{entry.name} cannot be downloaded: {entry.by_hand}; put {part.file} from there "
                f"into {raw} and fetch again"
            )


def _download_all(
    entry: Dataset, raw: Path, say: Callable[[str], None]
) -> tuple[dict[str, str], list[str]]:
    """Download what is not there; return each file's SHA-256, and the names of those recorded."""
    digests: dict[str, str] = {}
    recorded: list[str] = []
    with _bar(entry) as report:
        for source in entry.sources:
            digests[source.name], is_new = download(source, raw / source.name, report=report)
            if is_new:
                recorded.append(source.name)
    if recorded:
        what = recorded[0] if len(recorded) == 1 else f"{len(recorded)} files of {entry.name}"
        say(
            f"no checksum is published for {what}; recorded SHA-256 in {raw} to check later "
            "downloads against"
        )
    return digests, recorded


@contextlib.contextmanager
def _bar(entry: Dataset) -> Iterator[Callable[[int], None]]:
    """Yield a function that draws the bytes that came, where stderr is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda n: None
        return
    with bar_class()(
        total=entry.size, unit="B", unit_scale=True, desc=entry.name, file=sys.stderr, leave=False
    ) as bar:
        yield lambda n: bar.update(n) and None


@contextlib.contextmanager
def _locked(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the folder against other threads and processes; the system frees it at their death."""
    with (folder / ".lock").open("a+b") as file:
        told = False
        while system.lock(file.fileno()) is False:
            if not told:
                waiting()
                told = True
            time.sleep(0.1)
        yield


# -- reading it ------------------------------------------------------------------------------
def fetch_dataset(
    name: str,
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
) -> Bunch:
    """Return a set, after its download where that is needed.

    Parameters
    ----------
    name : str
        See `list_datasets`.
    data_home : path-like, optional
        Folder of downloaded sets; see `get_data_home`.
    download_if_missing : bool
        Without it, a set that is not there is an error.

    Returns
    -------
    Bunch
        ``train_texts``, ``test_texts``: lists of str; ``train_labels``, ``test_labels``: lists of
        str, or of lists of str where texts have several labels; ``label_names``: all labels,
        sorted; ``DESCR``; ``path``: of the folder. Where the source has a part for validation,
        ``dev_texts`` and ``dev_labels``, too.

    Raises
    ------
    InputError
        See `prepare_dataset`; or if a file of the set is broken.
    """
    folder = prepare_dataset(name, data_home=data_home, download_if_missing=download_if_missing)
    entry = DATASETS.get(name)
    multilabel = entry is not None and entry.multilabel
    bunch = Bunch()
    names: set[str] = set()
    for split in SPLITS:
        path = folder / f"{split}.tsv"
        if split == "dev" and not path.is_file():
            continue
        texts, labels = _read_table(path)
        bunch[f"{split}_texts"] = texts
        bunch[f"{split}_labels"] = [row.split(",") for row in labels] if multilabel else labels
        for row in labels:
            names.update(row.split(",") if multilabel else (row,))
    bunch.label_names = sorted(names)
    bunch.DESCR = _description(name, entry, bunch)
    bunch.path = str(folder)
    return bunch


def _read_table(path: Path) -> tuple[list[str], list[str]]:
    texts, labels = [], []
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                label, tab, text = line.rstrip("\r\n").partition("\t")
                if not tab:
                    raise InputError(f"{path}:{number}: no tab between label and text")
                labels.append(sys.intern(label))
                texts.append(text)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error.reason})") from None
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    return texts, labels


def _description(name: str, entry: Dataset | None, bunch: Bunch) -> str:
    counts = ", ".join(
        f"{len(bunch[f'{split}_texts']):,} {split}" for split in SPLITS if f"{split}_texts" in bunch
    )
    lines = [f"{name}: {entry.title if entry else f'set of {DATA}'}", ""]
    lines += [f"Rows: {counts}", f"Labels: {len(bunch.label_names)}"]
    if entry is not None:
        lines += [
            f"Task: {entry.task}", f"Language: {entry.language}", f"Licence: {entry.licence}",
            f"Source: {entry.homepage}", f"Citation: {entry.citation}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"
