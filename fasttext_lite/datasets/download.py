"""Files from the network: resumed, verified, retried, and read out of archives with limits.

A file grows under the name ``NAME.part`` and gets its own name when it is whole and its checksum
is right. Archives are never unpacked to disk: the members that are asked for are read as streams,
so that no name inside an archive can reach a file of the machine.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.client
import io
import json
import os
import re
import socket
import ssl
import stat
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from fasttext_lite import system
from fasttext_lite.datasets.registry import Source
from fasttext_lite.errors import InputError
from fasttext_lite.version import __version__

MIRROR = "FASTTEXT_LITE_MIRROR"
LONGEST_DOWNLOAD = 2 << 30  # bytes, for a source that does not state its size
LONGEST_MEMBER = 1 << 30  # bytes of one file of a set, decompressed
LONGEST_ARCHIVE = 4 << 30  # bytes of a whole tar archive, decompressed
_MOST_DIGITS = 18  # of a number of bytes: it is an int64
_ATTEMPTS = 5  # in a row that bring nothing
_MOST_ATTEMPTS = 50
_LONGEST_PAUSE = 30.0  # seconds
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 16
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_OFFLINE = (
    f"set HTTPS_PROXY to a proxy, {MIRROR} to the URL of a mirror, or FASTTEXT_LITE_DATA to a "
    "folder with NAME/train.tsv and NAME/test.tsv"
)


class _PassingError(Exception):
    """What may be gone at the next attempt."""

    def __init__(self, reason: str, wait: float = 0.0, attempts: int = _ATTEMPTS) -> None:
        super().__init__(reason)
        self.wait = wait
        self.attempts = attempts


class _AbsentError(Exception):
    """The server does not give the file; it may be at another URL."""


def mirrored(url: str) -> str:
    """Return the URL to ask: under `FASTTEXT_LITE_MIRROR`, if that is set.

    Raises
    ------
    InputError
        If the variable is no URL.
    """
    mirror = os.environ.get(MIRROR, "").strip()
    if not mirror:
        return url
    if not re.fullmatch(r"https?://[^\s/\[\]]+(/\S*)?", mirror):
        raise InputError(f"{MIRROR} must be a URL like https://mirror.example/path; got {mirror!r}")
    return f"{mirror.rstrip('/')}/{url.split('://', 1)[1]}"


def download(
    source: Source,
    target: Path,
    *,
    report: Callable[[int], None] = lambda n: None,
    pause: Callable[[float], None] | None = None,
) -> tuple[str, bool]:
    """Bring a file of a set into the cache.

    Parameters
    ----------
    source : Source
    target : Path
        Its folder must be there. ``target.part`` is resumed; ``target.sha256`` keeps the checksum
        of the first download where the source states none.
    report : callable, optional
        Called with numbers of bytes as they come (negative, when they have to come again).
    pause : callable, optional
        Sleeps between attempts, for the seconds given.

    Returns
    -------
    sha256 : str
        Of the file. One that is there, with the right checksum or none to check, is kept.
    recorded : bool
        True if nothing was there to check it against, and its checksum was written down.

    Raises
    ------
    InputError
        If it cannot be had, has another size or checksum, or the disk is full. A file with a
        wrong checksum is deleted; one that is incomplete stays, for the next time.
    """
    there = _present(source, target)
    if there is not None:
        report(target.stat().st_size)
        return there
    absent = ""
    for url in source.urls:
        try:
            return _bring(source, url, target, report, pause or time.sleep)
        except _AbsentError as error:
            absent = absent or str(error)
    raise InputError(absent)


def _bring(
    source: Source,
    url: str,
    target: Path,
    report: Callable[[int], None],
    pause: Callable[[float], None],
) -> tuple[str, bool]:
    part = target.with_name(target.name + ".part")
    old = part.exists()
    expected = _expected(source, target)
    _attempt_all(source, url, part, report, pause)
    digests = _digests(part)
    wrong = [kind for kind, digest in expected.items() if digests[kind] != digest]
    if wrong and old:  # what was there before may have been the fault
        report(-part.stat().st_size)
        _forget(part)
        _attempt_all(source, url, part, report, pause)
        digests = _digests(part)
        wrong = [kind for kind, digest in expected.items() if digests[kind] != digest]
    if wrong:
        _forget(part)
        kind = wrong[0]
        raise InputError(
            f"{mirrored(url)}: wrong checksum: expected {kind} {expected[kind]}, found "
            f"{digests[kind]}; the file was deleted{_recorded(source, target)}"
        )
    if not expected:
        _record(target, digests["sha256"])
    with part.open("rb+") as file:
        system.sync(file.fileno())
    system.replace(str(part), str(target))
    system.sync_folder(str(target.parent))
    _stamp(part).unlink(missing_ok=True)
    return digests["sha256"], not expected


def _present(source: Source, target: Path) -> tuple[str, bool] | None:
    """Return what `download` returns for a file that is there already; None if it is not."""
    if not target.is_file():
        return None
    digests, expected = _digests(target), _expected(source, target)
    if any(digests[kind] != digest for kind, digest in expected.items()):
        target.unlink()
        return None
    if not expected:
        _record(target, digests["sha256"])
    return digests["sha256"], not expected


def _record(target: Path, digest: str) -> None:
    with _disk(_note(target)):
        _note(target).write_text(f"{digest}  {target.name}\n", "utf-8")


def forget_record(target: Path) -> None:
    """Delete a file and its recorded checksum: it was not what it should have been."""
    target.unlink(missing_ok=True)
    _note(target).unlink(missing_ok=True)


def _note(target: Path) -> Path:
    return target.with_name(target.name + ".sha256")


def _stamp(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _stamp(part).unlink(missing_ok=True)


def _expected(source: Source, target: Path) -> dict[str, str]:
    """Return the checksums that the file must have, by kind."""
    expected = {"sha256": source.sha256, "git blob id": source.blob}
    found = {kind: digest for kind, digest in expected.items() if digest is not None}
    if not found and _note(target).exists():
        words = _note(target).read_text("utf-8", "replace").split()
        if not words or not re.fullmatch("[0-9a-f]{64}", words[0]):
            raise InputError(f"{_note(target)}: this is no SHA-256; delete the file")
        found["sha256"] = words[0]
    return found


def _recorded(source: Source, target: Path) -> str:
    """Return what to do if the expected checksum is only that of an earlier download."""
    if source.sha256 or source.blob:
        return ""
    return f"; the expected one is that of the first download: delete {_note(target)} to accept it"


def _digests(path: Path) -> dict[str, str]:
    """Return a file's checksums by kind."""
    whole = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            whole.update(chunk)
            blob.update(chunk)
    return {"sha256": whole.hexdigest(), "git blob id": blob.hexdigest()}


# -- transfer --------------------------------------------------------------------------------
def _attempt_all(
    source: Source,
    url: str,
    part: Path,
    report: Callable[[int], None],
    pause: Callable[[float], None],
) -> None:
    """Transfer with retries; returns when the file under `part` has all its bytes."""
    address = mirrored(url)
    attempt, best = 0, _size(part)
    for _ in range(_MOST_ATTEMPTS):
        try:
            _transfer(source, address, part, report)
            return
        except _PassingError as error:
            attempt = 1 if _size(part) > best else attempt + 1  # what moves on is not given up
            best = max(best, _size(part))
            if attempt >= error.attempts:
                raise InputError(f"{address}: {error}") from None
            wait = min(max(error.wait, 0.5 * 2.0**attempt), _LONGEST_PAUSE)
        pause(wait)
    raise InputError(f"{address}: given up after {_MOST_ATTEMPTS} broken connections")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _transfer(source: Source, address: str, part: Path, report: Callable[[int], None]) -> None:
    """Make one request, for all bytes or for those that miss."""
    have = _resumable(source, address, part)
    if have and have == source.size:
        report(have)
        return
    request = urllib.request.Request(address, headers=_headers(address, part, have))
    with _open(request, part) as response:
        start = _start(response, part, have)
        total = _total(response, start)
        limit = source.size if source.size is not None else LONGEST_DOWNLOAD
        if total is not None and (total > limit or source.size not in (None, total)):
            _forget(part)
            wanted = f"{limit:,}" if source.size is not None else f"at most {limit:,}"
            raise InputError(f"{address}: wrong size: expected {wanted} bytes, found {total:,}")
        tag = response.headers.get("ETag")
        with _disk(part):
            _stamp(part).write_text(json.dumps({"url": address, "etag": tag}), "utf-8")
        done = _copy(response, part, start, limit, report, address)
    whole = total if source.size is None else source.size
    if whole is not None and done < whole:
        report(-done)
        raise _PassingError(f"the connection broke after {done:,} of {whole:,} bytes")


def _resumable(source: Source, address: str, part: Path) -> int:
    """Return how many bytes of an earlier attempt can be kept."""
    have = _size(part)
    if not have:
        return 0
    if have > (source.size if source.size is not None else LONGEST_DOWNLOAD):
        _forget(part)
        return 0
    if source.sha256 is None and _read_stamp(part).get("url") != address:
        _forget(part)  # nothing would show that the halves are of two files
        return 0
    return have


def _read_stamp(part: Path) -> dict[str, Any]:
    try:
        value = json.loads(_stamp(part).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _headers(address: str, part: Path, have: int) -> dict[str, str]:
    headers = {"User-Agent": f"fasttext-lite/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        stamp = _read_stamp(part)
        tag = stamp.get("etag")
        if stamp.get("url") == address and isinstance(tag, str) and tag.startswith('"'):
            headers["If-Range"] = tag  # the server sends all if the file is another
    return headers


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not from https to something weaker."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any,
                         newurl: str) -> Any:  # fmt: skip
        """Return the request to make instead."""
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme != "https" and (scheme != "http" or req.type == "https"):
            fp.close()
            raise InputError(f"{req.full_url}: refused to be redirected to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _open(request: urllib.request.Request, part: Path) -> Iterator[http.client.HTTPResponse]:
    """Yield the response to a request; raises `_PassingError`, `_AbsentError`, `InputError`."""
    address = request.full_url
    try:
        response = urllib.request.build_opener(_Redirects).open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            code, wait = error.code, error.headers.get("Retry-After", "")
        if code == 416:  # what we have is no beginning of what is there
            _forget(part)
            raise _PassingError("the server refused to send the rest") from None
        message = f"the server answers {code} {http.client.responses.get(code, '')}".strip()
        if code in _PASSING:
            raise _PassingError(message, float(wait) if wait.isdigit() else 0.0) from None
        raise _AbsentError(f"{address}: {message}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _no_connection(error, address) from None
    with response:
        yield response


def _no_connection(error: Exception, address: str) -> Exception:
    """Return the exception to raise for a request that got no answer."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return InputError(f"{address}: no secure connection: {cause.verify_message}")
    host = urllib.parse.urlsplit(address).netloc
    if isinstance(cause, TimeoutError):
        return _PassingError(f"{host} does not answer; {_OFFLINE}")
    text = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
    message = f"cannot reach {host} ({text.lower()}); {_OFFLINE}"
    # Without a name server or a way to the host, more patience does not help.
    far = (socket.gaierror, ConnectionRefusedError)
    unreachable = isinstance(cause, far) or getattr(cause, "errno", None) in (
        errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN,
    )  # fmt: skip
    return _PassingError(message, attempts=2 if unreachable else _ATTEMPTS)


def _start(response: http.client.HTTPResponse, part: Path, have: int) -> int:
    """Return where the bytes of the response belong."""
    if response.status != 206:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if match is None or match[1].lstrip("0") != str(have).lstrip("0"):
        _forget(part)
        raise _PassingError("the server sent another part of the file than asked for")
    return have


def _total(response: http.client.HTTPResponse, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() and len(length) <= _MOST_DIGITS else None


def _copy(
    response: http.client.HTTPResponse,
    part: Path,
    start: int,
    limit: int,
    report: Callable[[int], None],
    address: str,
) -> int:
    """Write a response to the file; return the file's size."""
    done = start
    report(start)
    with _disk(part):
        file = part.open("ab" if start else "wb")
    try:
        while True:
            try:
                chunk = response.read(_CHUNK)
            except (OSError, http.client.HTTPException):
                report(-done)
                raise _PassingError(f"the connection broke after {done:,} bytes") from None
            if not chunk:
                break
            done += len(chunk)
            if done > limit:
                file.close()
                _forget(part)
                raise InputError(f"{address}: wrong size: more than the {limit:,} bytes expected")
            with _disk(part):
                file.write(chunk)
            report(len(chunk))
    finally:
        with _disk(part):
            file.close()
    return done


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Say in one line what keeps a file from being written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise InputError(
                f"{path}: the disk is full; make room, or name another folder by --data-home or "
                "FASTTEXT_LITE_HOME"
            ) from None
        raise InputError(
            f"{path}: cannot write: {(error.strerror or str(error)).lower()}"
        ) from None


# -- archives --------------------------------------------------------------------------------
class _Limited(io.RawIOBase):
    """A stream that raises `InputError` when more than `limit` bytes come out of it."""

    def __init__(self, inner: IO[bytes], limit: int, name: str) -> None:
        self.inner = inner
        self.left = limit
        self.limit = limit
        self.name = name

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read up to as many bytes as fit."""
        data = self.inner.read(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            raise InputError(f"{self.name}: more than {self.limit:,} bytes, decompressed; refused")
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_member(
    path: Path, member: str | None = None, limit: int = LONGEST_MEMBER
) -> Iterator[BinaryIO]:
    """Yield a stream of a file: as it is, gunzipped, or a member of a .zip or .tar archive.

    Parameters
    ----------
    path : Path
        Of a plain file, .gz, .zip, .tar, .tar.gz or .tgz.
    member : str, optional
        The member's exact name; nothing else of the archive is read.
    limit : int
        Most bytes that may come out.

    Raises
    ------
    InputError
        If file or member is missing, broken, encrypted, no regular file or too large.
    """
    name = str(path) if member is None else f"{path}:{member}"
    try:
        with path.open("rb") as file, _inside(file, path, member, name, limit) as stream:
            yield io.BufferedReader(_Limited(stream, limit, name), _CHUNK)
    except (
        zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error,
        NotImplementedError,
    ) as error:  # fmt: skip
        raise InputError(f"{name}: the archive is broken: {error}") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None


@contextmanager
def _inside(
    file: BinaryIO, path: Path, member: str | None, name: str, limit: int
) -> Iterator[IO[bytes]]:
    lower = path.name.lower()
    if member is None:
        if lower.endswith(".gz"):
            with gzip.open(file) as unzipped:
                yield cast(IO[bytes], unzipped)
        else:
            yield file
    elif lower.endswith(".zip"):
        with (
            zipfile.ZipFile(file) as archive,
            archive.open(_zip_entry(archive, member, name, limit)) as stream,
        ):
            yield stream
    elif lower.endswith((".tar", ".tar.gz", ".tgz")):
        with _tar_stream(file, lower, member, name, limit) as stream:
            yield stream
    else:
        raise InputError(f"{path}: no archive that can be read")


def _zip_entry(archive: zipfile.ZipFile, member: str, name: str, limit: int) -> zipfile.ZipInfo:
    found = [entry for entry in archive.infolist() if entry.filename == member]
    if len(found) != 1:
        raise InputError(f"{name}: the archive has {len(found)} files of this name")
    entry = found[0]
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.is_dir() or kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
        raise InputError(f"{name}: not a regular file, or encrypted")
    if entry.file_size > limit:
        raise InputError(f"{name}: more than {limit:,} bytes, decompressed; refused")
    return entry


@contextmanager
def _tar_stream(
    file: BinaryIO, lower: str, member: str, name: str, limit: int
) -> Iterator[IO[bytes]]:
    plain: Any = file if lower.endswith(".tar") else gzip.GzipFile(fileobj=file)
    bounded = io.BufferedReader(_Limited(plain, max(limit, LONGEST_ARCHIVE), name), _CHUNK)
    with tarfile.open(fileobj=bounded, mode="r|") as archive:
        for entry in archive:
            if entry.name.removeprefix("./") != member:
                continue
            stream = archive.extractfile(entry) if entry.isreg() else None
            if stream is None:
                raise InputError(f"{name}: not a regular file")
            if entry.size > limit:
                raise InputError(f"{name}: more than {limit:,} bytes, decompressed; refused")
            yield stream
            return
    raise InputError(f"{name}: the archive has 0 files of this name")
