"""What a folder of output was made with, and which of its parts are done.

``DIR/_filter`` holds ``manifest.json`` (settings and models), a file for each part that is done,
and, while a run writes, its temporary files.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

from fasttext_lite import system
from fasttext_lite.disk.replacing import replacing
from fasttext_lite.errors import UsageError
from fasttext_lite.filtering.plan import OWN, Part

FORMAT = 1


class Folder:
    """A folder that parts are written to.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.own = os.path.join(path, OWN)
        self.temporary = os.path.join(self.own, "tmp")
        self._manifest = os.path.join(self.own, "manifest.json")

    @contextlib.contextmanager
    def opened(self, made_with: dict[str, Any], overwrite: bool) -> Iterator[None]:
        """Hold the folder for one run; at the end no temporary file is left.

        Parameters
        ----------
        made_with : dict
            Settings and models, as JSON has them.
        overwrite : bool
            Whether what is there of other settings is removed, and the rest overwritten.

        Raises
        ------
        UsageError
            If it holds parts that were made otherwise, other files, if another run writes there, or
            nobody can tell because the manifest is damaged.
        """
        self._check_strangers(overwrite)
        os.makedirs(self.own, exist_ok=True)
        with self._locked():
            old = self._read(self._manifest)
            if overwrite:
                self._remove_parts()
            elif old is None:
                if os.path.exists(self._manifest):
                    raise UsageError(
                        f"{self._manifest}: damaged, so nobody can tell what {self.path} was made "
                        "with: name another -o, or say --overwrite to start anew"
                    )
                self._remove_parts()
            elif old != made_with:
                raise UsageError(
                    f"{self.path}: was begun with other {_difference(old, made_with)}: give the "
                    "same, another -o, or --overwrite to start anew"
                )
            write_json(self._manifest, made_with)
            shutil.rmtree(self.temporary, ignore_errors=True)
            os.makedirs(self.temporary)
            try:
                yield
            finally:
                shutil.rmtree(self.temporary, ignore_errors=True)

    def _check_strangers(self, overwrite: bool) -> None:
        if overwrite or os.path.exists(self._manifest) or not os.path.isdir(self.path):
            return
        others = [name for name in sorted(os.listdir(self.path)) if name != OWN]
        if others:
            raise UsageError(
                f"{self.path}: the folder is not empty, and not of filter ({others[0]}): name "
                "another -o, or say --overwrite"
            )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open(os.path.join(self.own, "lock"), "wb") as file:
            if system.lock(file.fileno()) is False:
                raise UsageError(f"{self.path}: another run is writing there")
            yield

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
        except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
            return None  # what is there and cannot be opened is no reason to begin anew
        return found if isinstance(found, dict) else None

    def _record(self, part: Part) -> str:
        return os.path.join(self.own, "parts", f"{part.name}.json")

    def done(self, part: Part) -> dict[str, Any] | None:
        """Return what was counted of a part that is done; None if it is not, or its file changed.

        All that it became must be there still.
        """
        found = self._read(self._record(part))
        if found is None or [found.get("size"), found.get("time")] != [part.size, part.time]:
            return None
        if not _is_whole(found):
            return None
        for name, size in found["files"].items():
            try:
                if os.path.getsize(os.path.join(self.path, name)) != size:
                    return None
            except OSError:
                return None
        return found["counts"]

    def forget(self, part: Part) -> None:
        """Remove what a part became in an earlier run, if there is anything."""
        for name in _files(self._read(self._record(part))):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.path, name))
        with contextlib.suppress(OSError):
            os.unlink(self._record(part))

    def finish(self, part: Part, files: dict[str, str], counts: dict[str, Any]) -> None:
        """Give temporary files their names, and note that a part is done.

        Parameters
        ----------
        part : Part
        files : dict of str to str
            Names in the folder, and where each is now.
        counts : dict
        """
        for path in files.values():
            _save(path)
        sizes = {name: os.path.getsize(path) for name, path in files.items()}
        record = {"size": part.size, "time": None, "files": sizes, "counts": counts}
        os.makedirs(os.path.dirname(self._record(part)), exist_ok=True)
        # Noted before there is any: a run that is killed in between leaves no file unknown.
        write_json(self._record(part), record)
        for name, path in files.items():
            target = os.path.join(self.path, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            system.replace(path, target)
        for folder in {os.path.dirname(os.path.join(self.path, name)) for name in files}:
            system.sync_folder(folder)
        write_json(self._record(part), record | {"time": part.time})

    def _remove_parts(self) -> None:
        """Remove all that earlier runs have written."""
        root = os.path.join(self.own, "parts")
        for place, _, names in os.walk(root):
            for name in names:
                for file in _files(self._read(os.path.join(place, name))):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(self.path, file))
        shutil.rmtree(root, ignore_errors=True)


def _files(record: dict[str, Any] | None) -> dict[str, Any]:
    """Return the files that a record names; none if it is no record, or names others' files."""
    files = (record or {}).get("files")
    return files if isinstance(files, dict) and all(map(_is_inside, files)) else {}


def _is_inside(name: str) -> bool:
    """Return whether a name is that of a file in the folder, as `Folder.finish` has them."""
    return not os.path.isabs(name) and not {"..", "\0"} & {*name.split(os.sep), *name}


def _is_whole(record: dict[str, Any]) -> bool:
    """Return whether a record has the shape that `Folder.finish` gives it."""
    counts, files = record.get("counts"), record.get("files")
    if not isinstance(files, dict) or not isinstance(counts, dict) or _files(record) != files:
        return False
    labels = counts.get("labels")
    if not isinstance(labels, dict):
        return False
    sums = [counts.get("bad"), *labels.values()]
    if not all(isinstance(names, dict) for names in sums):
        return False
    numbers = [counts.get(name) for name in ("documents", "kept", "blank", "bytes")]
    numbers += [n for names in sums for n in names.values()]
    return all(isinstance(n, int) for n in numbers)


def write_json(path: str, content: Any) -> None:
    """Write a file of JSON in ASCII, as names of files need not be text, all or nothing."""
    with replacing(path) as file:
        file.write(json.dumps(content, indent=1).encode("ascii"))


def _save(path: str) -> None:
    """Wait until all of a file is on the disk."""
    with open(path, "ab") as file:
        system.sync(file.fileno())


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return what two manifests do not agree on."""
    if old.get("format") != new["format"]:
        return "versions of fasttext-lite"
    if old.get("models") != new["models"]:
        return "models"
    before, now = old.get("settings"), new["settings"]
    if not isinstance(before, dict):
        return "settings"
    names = [name for name in now if before.get(name) != now[name]]
    return f"settings ({', '.join(names)})" if names else "settings"
