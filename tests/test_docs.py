"""The documents hold what they promise: names in them exist, commands run, links lead somewhere.

What is proven sentence by sentence stands in `test_docs_sentences.py`, and in
`proven_sentences.txt` for those that other tests prove.
"""

import argparse
import ast
import dataclasses
import gzip
import importlib
import inspect
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from documents import CLAIMS, DOCUMENTS, ROOT, blocks, code_of, commands, prose, says

from fasttext_lite.cli import app
from fasttext_lite.compat import uninstall
from fasttext_lite.compat.files.arguments import BY_FLAG
from fasttext_lite.compat.program.usage import COMMANDS as FASTTEXT
from fasttext_lite.config.fields import Config
from fasttext_lite.estimators.classifier import FastTextClassifier

# Sentences that other tests prove, one a line: document | piece of the sentence | test.
PROVEN = [
    tuple(part.strip() for part in line.split(" | "))
    for line in (ROOT / "tests" / "proven_sentences.txt").read_text("utf-8").splitlines()
]

# Tools that documents name beside ours, whose flags are their own.
FOREIGN = {
    "-m", "-i", "-c", "-O3", "-march=native", "-e", "--flag", "-flag", "-X", "-f", "-t", "-",
}  # fmt: skip
WRONG = {"-epochs", "--learning-rate"}  # that a document says are answered (test_suggestions.py)
OF_OTHERS = {"datasets/NAME/dataset_infos.json"}  # files of other projects
CONTENDERS = {"auto", "char", "jieba", "mixed"}  # a benchmark calls an analyzer by our name and its
OF_FUNCTIONS = {
    "time", "data_home", "download_if_missing", "validation_data", "X", "y", "texts", "size",
    "callbacks", "method", "n_trials", "thread", "threads", "dim", "C", "cache", "mmap",
}  # fmt: skip


@pytest.mark.parametrize(("document", "quote", "test"), PROVEN, ids=[row[1][:40] for row in PROVEN])
def test_what_other_tests_prove_is_still_said(document, quote, test):
    assert says(document, quote), f"{document} no longer says: {quote}"
    file, name = test.split("::")
    assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_no_sentence_is_proven_twice():
    import test_docs_sentences  # noqa: F401 - it fills the list of claims

    pieces = [row[:2] for row in PROVEN] + [claim[:2] for claim in CLAIMS]
    assert len(pieces) > 250
    assert not [piece for piece in set(pieces) if pieces.count(piece) > 1]


# -- names ----------------------------------------------------------------------------------------


def flags_of_commands() -> set[str]:
    """Return all flags of our commands."""
    found, waiting = set(), [app.make_parser()]
    while waiting:
        parser = waiting.pop()
        for action in parser._actions:
            found |= set(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
    return found


class ParsedError(Exception):
    """Stops a benchmark once its command line is understood."""


@pytest.fixture
def parse_bench(monkeypatch, tmp_path):
    """Return a function that parses a benchmark's command line, without a run, into options."""
    real = argparse.ArgumentParser.parse_args

    def parse(self, *args, **kwargs):
        raise ParsedError(real(self, *args, **kwargs))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    monkeypatch.setenv("FASTTEXT_LITE_DATA", str(tmp_path))

    def parse_bench(name, words):
        with pytest.raises(ParsedError) as parsed:
            main = importlib.import_module(name).main
            monkeypatch.setattr(sys, "argv", [name, *words])
            main(words) if inspect.signature(main).parameters else main()
        return vars(parsed.value.args[0])

    return parse_bench


BENCH_COMMANDS = sorted(
    {
        (document, line.replace("[", "").replace("]", "").split("#")[0].strip())
        for document in DOCUMENTS
        for line in commands(document) + code_of(document)
        if line.startswith("python -m bench.") and "SET OUTPUT" not in line
    }
)


@pytest.mark.parametrize(("document", "line"), BENCH_COMMANDS)
def test_command_lines_of_benchmarks_are_understood(document, line, parse_bench):
    _, _, name, *words = shlex.split(" ".join(line.split()).replace("[", "").replace("]", ""))
    if name in ("bench.quantization", "bench.plots") and not words:
        words = ["thucnews"]
    if name == "bench.word_vectors" and "--data-dir" not in words:
        words += ["--data-dir", "DIR"]
    options = parse_bench(name, words)
    assert options
    for word in words:
        if word.startswith("--"):
            assert options[word[2:].partition("=")[0].replace("-", "_")] is not None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_flags_in_prose_exist(document):
    known = flags_of_commands() | {f"-{flag}" for flag in BY_FLAG} | FOREIGN
    assert not known & WRONG
    known |= WRONG
    sources = "".join(
        path.read_text("utf-8")
        for folder in ("bench", "fuzz")
        for path in (ROOT / folder).rglob("*.py")
    )
    for code in code_of(document):
        if re.match(r"(pip|iconv|g\+\+|cat|kill) ", code):
            continue
        for flag in re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*(?:=native)?", code):
            assert flag in known or f'"{flag}"' in sources, f"{document}: {flag} in `{code}`"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_parameters_in_prose_exist(document):
    known = {field.name for field in dataclasses.fields(Config)} | OF_FUNCTIONS
    known |= set(FastTextClassifier().get_params())
    for code in code_of(document):
        for call in re.findall(r"\b(?:FastText\w+)\((.*?)\)", code):
            for name in re.findall(r"(\w+)=", call):
                assert name in known, f"{document}: {name} in `{code}`"
        if match := re.fullmatch(r"([a-z]\w*)=\S*", code):
            assert match[1] in known, f"{document}: `{code}`"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", DOCUMENTS[document]):
        if not link.startswith("http"):
            assert (ROOT / document).parent.joinpath(link).exists(), f"{document}: {link}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_and_folders_named_in_prose_exist(document):
    for code in code_of(document):
        if re.fullmatch(r"(bench|docs|tests|tools|fasttext_lite|datasets)/[\w./*-]+", code):
            places = [ROOT, ROOT / "fasttext_lite"]
            found = [path for place in places for path in place.glob(code.rstrip("/"))]
            assert found or code in OF_OTHERS, f"{document}: {code}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_said_to_stand_in_a_file_stands_there(document):
    text = " ".join(prose(document).split())
    for names, path in re.findall(
        r"((?:`\w+`(?:, | or | and )?)+) (?:of|in) `([\w./]+\.py)`", text
    ):
        files = [base / path for base in (ROOT, ROOT / "fasttext_lite") if (base / path).exists()]
        assert files, f"{document}: {path}"
        for name in re.findall(r"`(\w+)`", names):
            source = files[0].read_text("utf-8")
            assert re.search(rf"\b{name}\b", source), f"{document}: {name} of {path}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_targets_of_make_exist(document):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"\bmake ([a-z][\w-]+)(?=[ `\n])", "\n".join(
        code_of(document) + commands(document)
    )):  # fmt: skip
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{document}: make {target}"


def test_variables_of_the_environment_are_looked_at():
    source = "".join(
        path.read_text("utf-8")
        for folder in ("fasttext_lite", "bench")
        for path in (ROOT / folder).rglob("*.py")
    )
    for document in DOCUMENTS:
        for name in set(re.findall(r"\bFASTTEXT_LITE_\w+\b", DOCUMENTS[document])):
            assert f'"{name}"' in source, f"{document}: {name}"


def test_commands_named_in_prose_exist():
    known = {*app.COMMANDS, *FASTTEXT, "COMMAND", *CONTENDERS}
    for document in DOCUMENTS:
        for code in code_of(document):
            if match := re.match(r"fasttext-lite ([a-z][\w-]*)", code):
                assert match[1] in known, f"{document}: `{code}`"


# -- blocks ---------------------------------------------------------------------------------------

# Those of README.md and the Chinese guide run in test_readme.py, those of engines in engines/.
ELSEWHERE = ("README.md", "docs/zh.md", "docs/engines.md")
PAGES = [name for name in DOCUMENTS if name not in ELSEWHERE]


@pytest.fixture
def place(tmp_path, monkeypatch, data_dir):
    """Return a folder to run examples in, with small files of the names that documents use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTTEXT_LITE_DATA", str(tmp_path / "sets"))
    for name in (".", "sets/banking77", "sets/tnews"):
        Path(name).mkdir(parents=True, exist_ok=True)
        for part in ("train", "test"):
            lines = (data_dir / "en_topics" / f"{part}.tsv").read_text("utf-8").splitlines()[:200]
            Path(name, f"{part}.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    texts = [line.split("\t", 1)[1] for line in lines]
    Path("texts.txt").write_text("\n".join(texts) + "\n", "utf-8")
    Path("data").mkdir()
    for name, label in (("a", "x"), ("b", "y")):
        line = f'{{"label": "{label}", "text": "of {label}"}}\n'.encode()
        Path(f"data/{name}.jsonl.gz").write_bytes(gzip.compress(20 * line))
    Path("findings.jsonl").write_text("", "utf-8")  # of an audit: nothing was agreed to
    Path("more.tsv").write_text("x\tmore of x\n" * 10, "utf-8")
    assert app.main(["train", "train.tsv", "-o", "model.ftl", "-q", "--answer-rate", "0.8"]) == 0
    shutil.copy("model.ftl", "other.ftl")
    _write_web()
    return tmp_path


def _write_web():
    """Write the records and the models of fastText's that docs/filter.md names."""
    rows = {"lid.176.ftz": ("en", "de"), "quality.bin": ("hq", "lq")}
    for name, labels in rows.items():
        lines = [f"__label__{label} {text}\n" for label in labels for text in ("a b", f"c {label}")]
        Path("lines.txt").write_text("".join(lines), "utf-8")
        flags = "-bucket 10 -dim 2 -minCount 1 -verbose 0"
        command = f"supervised -input lines.txt -output made {flags}"
        assert app.main(command.split()) == 0
        Path("made.bin").rename(name)
    Path("web").mkdir()
    Path("web/a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "c en"}\n{"text": "c lq"}\n'))


def our_commands():
    return [
        (document, line.split("#")[0].strip())
        for document in PAGES
        for line in commands(document)
        if line.startswith("fasttext-lite ")
    ]


@pytest.mark.parametrize(("document", "line"), our_commands())
def test_our_command_lines_run(document, line, place, capsys):
    if match := re.search(r"\$\(fasttext-lite (.*?) \| grep (\S+)\)", line):
        assert app.main(shlex.split(match[1])) == 0
        paths = [path for path in capsys.readouterr().out.splitlines() if match[2] in path]
        line = line.replace(match[0], shlex.join(paths))
    assert app.main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("document", "example"),
    [(document, example) for document in PAGES for example in blocks(document, "python")],
)
def test_python_blocks_run(document, example, place, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "fasttext"]:
        monkeypatch.delitem(sys.modules, name)  # as in a process that has just begun
    names = {"classifier": FastTextClassifier(recipe="fixed")}
    try:
        exec(example, names)  # the document's own code
    finally:
        uninstall()
    calls = [node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Call)]
    assert calls
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assert names[node.id] is not None


def test_all_blocks_are_looked_at():
    """Blocks without a language hold commands, or lines of a file; others are Python."""
    for document, text in DOCUMENTS.items():
        languages = set(re.findall(r"^```(\w*)$", text, re.MULTILINE))
        assert languages <= {"", "python"}, document
    starts = {"fasttext-lite", "python", "pip", "make", "echo"}
    others = [
        line
        for document in DOCUMENTS
        for line in commands(document)
        if line.split()[0] not in starts
    ]
    assert others == ["体育	国足客场战平对手", "财经	央行下调存款利率"]
