"""Wheels of nothing but a name: for programs that ask for a distribution of fastText by its own.

Such a wheel owns no module and depends on ``fasttext-lite-shim``, which does.  Installing it takes
the place of the distribution of that name, by pip's own rules; uninstalling it leaves nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from fasttext_lite.compat.named import SHIM
from fasttext_lite.config.foreign import not_a_choice
from fasttext_lite.config.records import Records
from fasttext_lite.disk.replacing import replacing
from fasttext_lite.errors import UsageError
from fasttext_lite.version import __version__ as own_version


@dataclass(frozen=True)
class Distribution:
    """A distribution that owns the module ``fasttext``.

    Attributes
    ----------
    name : str
    version : str
        That programs ask for.
    """

    name: str
    version: str


DISTRIBUTIONS: Records[Distribution] = Records(
    "distribution",
    Distribution("fasttext", "0.9.3"),
    Distribution("fasttext-wheel", "0.9.2"),
    Distribution("fasttext-numpy2", "0.10.4"),
    Distribution("fasttext-numpy2-wheel", "0.9.2"),
    Distribution("fasttext-predict", "0.9.2.4"),
)
_VERSION = re.compile(r"\d+(\.\d+)*")
_DATE = (1980, 1, 1, 0, 0, 0)  # the same wheel each time
_METADATA = """\
Metadata-Version: 2.1
Name: {name}
Version: {version}
Summary: Not fastText: a name for programs that ask for {name}; {shim} is the module
License: MIT
Requires-Python: >=3.10
Requires-Dist: {shim}
"""
_WHEEL = """\
Wheel-Version: 1.0
Generator: fasttext-lite {own}
Root-Is-Purelib: true
Tag: py3-none-any
"""


def distribution(word: str) -> Distribution:
    """Return the distribution that ``NAME`` or ``NAME==VERSION`` names.

    Raises
    ------
    UsageError
        If none of that name owns ``fasttext``, or the version is none.
    """
    name, equals, version = word.partition("==")
    name = re.sub("[-_.]+", "-", name).lower()
    if name not in DISTRIBUTIONS:
        raise UsageError(not_a_choice("distribution", name, DISTRIBUTIONS))
    if not equals:
        return DISTRIBUTIONS[name]
    if not _VERSION.fullmatch(version):
        raise UsageError(f"{word}: a version is numbers with dots, as in {name}==0.9.2")
    return Distribution(name, version)


def write_alias(of: Distribution, folder: Path) -> Path:
    """Write the wheel of a distribution's name, and return where it is.

    Its version is the one asked for, with a local part that says who is behind it: 0.9.2+lite.
    Requirements such as ``==0.9.2`` are met by it.

    Parameters
    ----------
    of : Distribution
    folder : Path
        Made if it is not there.
    """
    values = {
        "name": of.name, "version": f"{of.version}+lite", "shim": SHIM, "own": own_version,
    }  # fmt: skip
    stem = f"{of.name.replace('-', '_')}-{values['version']}"
    info = f"{stem}.dist-info"
    contents = {
        f"{info}/METADATA": _METADATA.format(**values),
        f"{info}/WHEEL": _WHEEL.format(**values),
    }
    hashes = [
        f"{path},sha256={_hash(content)},{len(content)}\n" for path, content in contents.items()
    ]
    contents[f"{info}/RECORD"] = "".join(hashes) + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{stem}-py3-none-any.whl"
    with replacing(target) as file, zipfile.ZipFile(file, "w") as archive:
        for path, content in contents.items():
            archive.writestr(zipfile.ZipInfo(path, _DATE), content)
    return target


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
