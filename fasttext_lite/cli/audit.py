"""The command ``audit``: what may be wrong with labelled files, and files without it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fasttext_lite.auditing.findings import ACTIONS, DROP, KINDS, RELABEL
from fasttext_lite.cli.arguments import (
    add_reading,
    add_threads,
    between,
    read_options,
    whole,
    written,
)
from fasttext_lite.cli.console import is_same_file, is_stdin, say, write
from fasttext_lite.cli.files import named_files, say_strange
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.compression import ENDINGS
from fasttext_lite.disk.replacing import check_replaceable, replacing
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.auditing.files import AuditedFiles, Change
    from fasttext_lite.auditing.findings import Audit
    from fasttext_lite.auditing.listing import Listed

HELP = "Find duplicates, leaks, contradictions, wrong labels and odd rows in labelled files."
SHOWN, LEAST_NEAR, NEAR = 5, 0.3, 0.8
_OF_ROWS = [kind.name for kind in KINDS.values() if kind.is_of_rows]
_PROPOSED = ("contradictions", "wrong")  # kinds whose findings may propose labels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``audit``."""
    parser.add_argument(
        "file", metavar="FILE", nargs="+",
        help="labelled text, packed or - for stdin too; of several the first is that of the "
        "training: texts of it in the others are leaks",
    )  # fmt: skip
    parser.add_argument(
        "--check", metavar="KINDS", type=_kinds,
        help=f"what to look for, joined by commas: {', '.join(KINDS)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--near", metavar="T", type=between(LEAST_NEAR, 1),
        help="share of their pieces that texts have in common which are nearly the same (default "
        f"{NEAR}; 1 = only the same are looked for)",
    )  # fmt: skip
    parser.add_argument(
        "--least-score", metavar="S", type=between(0, 1),
        help="least score of the labels that are held to be wrong (default 0 = all)",
    )  # fmt: skip
    parser.add_argument(
        "--show", metavar="N", type=whole(0),
        help=f"how many findings of each kind are printed (default {SHOWN})",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the counts as one JSON object")
    parser.add_argument(
        "-o", "--output", "--jsonl", metavar="FINDINGS", type=written,
        help="write all findings as JSON lines; - is stdout",
    )  # fmt: skip
    group = parser.add_argument_group("what is done about it")
    group.add_argument(
        "--fix", metavar="OUT", type=written,
        help="write the file without what --agree or --agreed names, and else as it stands; of "
        "several files into the folder OUT, by their names",
    )  # fmt: skip
    group.add_argument(
        "--agree", metavar="KINDS", type=_agreed,
        help="agree to all findings of these kinds: what the action of each says, or KIND:ACTION, "
        f"such as wrong:{DROP} ({', '.join(_OF_ROWS)}; {', '.join(ACTIONS)})",
    )  # fmt: skip
    group.add_argument(
        "--agreed", metavar="FINDINGS", type=written,
        help="do what a file of -o says that you have looked through: lines taken away, and "
        "actions changed; there is no new audit then",
    )  # fmt: skip
    parser.add_argument("--seed", type=whole(0), metavar="N", help="default 0")
    add_reading(parser)
    add_threads(parser)


def _kinds(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or set(names) - set(KINDS):
        raise argparse.ArgumentTypeError(f"must be of {', '.join(KINDS)}; got {text!r}")
    return names


def _agreed(text: str) -> dict[str, str | None]:
    """Return kinds with the action for each, None = as each finding says."""
    found: dict[str, str | None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, colon, action = part.partition(":")
        if kind not in _OF_ROWS or (colon and action not in ACTIONS):
            raise argparse.ArgumentTypeError(
                f"must be of {', '.join(_OF_ROWS)}, each alone or with :{', :'.join(ACTIONS)}; "
                f"got {text!r}"
            )
        if action == RELABEL and kind not in _PROPOSED:
            raise argparse.ArgumentTypeError(
                f"findings of {kind} propose no label: {kind}:{RELABEL} cannot be done"
            )
        if found.setdefault(kind, action or None) != (action or None):
            raise argparse.ArgumentTypeError(f"{kind} is named twice, with different actions")
    if not found:
        raise argparse.ArgumentTypeError(f"must be of {', '.join(_OF_ROWS)}; got {text!r}")
    return found


def run(options: argparse.Namespace) -> None:
    """Print what may be wrong with labelled files, and write files without it."""
    from fasttext_lite.corpus.files import spooled

    files = named_files(options.file, options)
    _check_usage(options)
    _check_twice(files)
    _check_models(files)
    targets = _targets(options, files)
    if options.agreed is None:
        _say_idle(options, files)
    with spooled(files):
        if options.agreed is not None:
            from fasttext_lite.auditing.listing import agreed_changes

            changes = agreed_changes(options.agreed, files)
            _fix(options, targets, changes)
            return
        audit, read, found = _audited(options, files)
        _report(options, audit, read, found)
        if options.fix is not None:
            from fasttext_lite.auditing.listing import changes_of

            agreed, n_twice = changes_of(found, options.agree)
            if n_twice:
                say(
                    f"{n_twice} finding{'s' * (n_twice != 1)} would give a row another label than "
                    "a finding before: the first counts"
                )
            _fix(options, targets, agreed)


# -- what is asked for -----------------------------------------------------------------------
def _check_usage(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that contradict each other; say which have no effect."""
    if options.agree is not None and options.agreed is not None:
        raise UsageError("--agree and --agreed: say one of them")
    if options.fix is None and (options.agree is not None or options.agreed is not None):
        flag = "--agree" if options.agreed is None else "--agreed"
        raise UsageError(f"{flag} is for a file that --fix OUT writes")
    if options.fix is not None and options.agree is None and options.agreed is None:
        raise UsageError(
            "--fix writes what you agree to: say --agree KINDS, such as --agree duplicates,wrong, "
            "or --agreed FINDINGS with what -o FINDINGS wrote"
        )
    if options.check is not None and options.agree is not None:
        for kind in options.agree:
            if kind not in options.check:
                raise UsageError(f"--agree {kind}: --check does not look for it")
    if options.agreed is not None:
        for flag in (
            "check", "near", "show", "json", "output", "seed", "threads", "least-score"
        ):  # fmt: skip
            value = getattr(options, flag.replace("-", "_"))
            if value is not None and value is not False:
                raise UsageError(f"--{flag} is for an audit, and with --agreed there is none")
    if options.json and options.show is not None:
        say("--show has no effect: --json prints the counts alone")
    if options.output is not None and _is_stdout(options.output):
        options.output = STDIN
    if options.output == STDIN and options.show is not None and not options.json:
        say("--show has no effect: -o - prints all findings")
    if options.json and options.output == STDIN:
        raise UsageError("--json and -o - would both write to stdout")


def _say_idle(options: argparse.Namespace, files: Sequence[str]) -> None:
    """Say which flags of an audit have no effect."""
    wanted = set(options.check or KINDS)
    judged = wanted & {"wrong", "alike"}
    if len(files) == 1 and options.check is not None and "leaks" in wanted:
        say("--check leaks finds nothing in one file: leaks are rows of a second one")
    elif len(files) == 1 and "leaks" in (options.agree or ()):
        say("--agree leaks has no effect: leaks are rows of a second file")
    if options.near == 1 and options.check is not None and "near" in wanted:
        say("--check near finds nothing with --near 1: only the same texts are looked for")
    idle = []
    if wanted <= {"odd", "duplicates"}:
        idle = ["near", "seed", *(["threads"] if wanted == {"odd"} else [])]
    elif options.near == 1 and not judged:
        idle = ["seed"]
    if "wrong" not in wanted:
        idle.append("least-score")
    for flag in idle:
        if getattr(options, flag.replace("-", "_")) is not None:
            if options.near == 1 and flag == "seed":
                say("--seed has no effect: --near 1 looks for the same texts alone")
            else:
                kinds = ",".join(kind for kind in KINDS if kind in wanted)
                say(f"--{flag} has no effect: --check {kinds} does not need it")


def _is_stdout(path: str) -> bool:
    """Return whether a file is what standard output goes to."""
    try:
        found = os.stat(path)
        return not os.path.samestat(found, os.stat(os.devnull)) and os.path.samestat(
            os.fstat(sys.stdout.fileno()), found
        )
    except (OSError, ValueError, AttributeError):  # one of them is no file
        return False


def _check_twice(files: Sequence[str]) -> None:
    """Raise `UsageError` for a file that is named twice: all of it would be a leak."""
    for place, path in enumerate(files):
        for other in files[:place]:
            if is_same_file(path, other):
                raise UsageError(f"{path}: this file is named twice, as {other}, too")


def _check_models(files: Sequence[str]) -> None:
    """Raise `UsageError` for a file that is a model."""
    from fasttext_lite.corpus.signs import LONGEST, sign_of

    for path in files:
        if os.path.isfile(path):
            try:
                with open(path, "rb") as file:
                    is_model = sign_of(file.read(LONGEST)) in ("ours", "fasttext")
            except OSError:
                continue  # whoever reads it says so
            if is_model:
                raise UsageError(f"{path}: a model: audit takes labelled texts alone, and no model")


def _targets(options: argparse.Namespace, files: Sequence[str]) -> dict[str, str]:
    """Return the file that is written for each that is read; nothing without --fix.

    Raises
    ------
    UsageError
        If what is to be written cannot be, or would overwrite what is read.
    """
    targets: dict[str, str] = {}
    if options.fix is not None and len(files) == 1:
        targets = {files[0]: options.fix}
    elif options.fix is not None:
        if os.path.lexists(options.fix) and not os.path.isdir(options.fix):
            raise UsageError(
                f"{options.fix}: several files are written into a folder; this is none"
            )
        for path in files:
            target = os.path.join(options.fix, _plain_name(path))
            if target in targets.values():
                raise UsageError(f"{target}: two files are called so: mend them one by one")
            targets[path] = target
    read = [*files, *([options.agreed] if options.agreed else [])]
    outputs = [*targets.values(), *([options.output] if options.output else [])]
    for output in outputs:
        _check_output(output, read, output == options.output, len(files) > 1)
    written_to = [*targets.values(), *([options.fix] if options.fix else [])]
    if options.output and any(is_same_file(options.output, each) for each in written_to):
        raise UsageError(f"{options.output}: findings and mended texts would be in one file")
    return targets


def _plain_name(path: str) -> str:
    """Return the name of a file without its folder and the ending of a packed one."""
    stem, ending = os.path.splitext(os.path.basename(path))
    return stem if ending.lower() in ENDINGS else stem + ending


def _check_output(output: str, read: Sequence[str], is_list: bool, in_folder: bool) -> None:
    """Raise `UsageError` for a file that cannot be written, or is one that is read.

    Parameters
    ----------
    output : str
    read : sequence of str
    is_list : bool
        Whether findings are written; else texts.
    in_folder : bool
        Whether texts are written into a folder, which need not be there yet.
    """
    from fasttext_lite.model.magic import FASTTEXT_ENDINGS, OWN_ENDING

    what = "findings are written" if is_list else "texts are written"
    if output == STDIN:
        if not is_list:
            raise UsageError("--fix writes a file: name one (./- is one too)")
        return
    for path in read:
        if is_same_file(path, output) or (path == STDIN and is_stdin(output)):
            raise UsageError(f"{output}: the output would overwrite this file")
    ending = os.path.splitext(output.lower())[1]
    if ending in (OWN_ENDING, *FASTTEXT_ENDINGS):
        raise UsageError(f"{output}: that ending is a model's, and {what}")
    if ending in ENDINGS:
        raise UsageError(f"{output}: what is written is not packed: leave {ending} away")
    checked = output
    if in_folder and not is_list:
        folder = os.path.dirname(output)
        while folder and not os.path.lexists(folder):  # it will be made in the first that is there
            checked, folder = folder, os.path.dirname(folder)
    try:
        check_replaceable(checked, to_streams=is_list)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{output}: cannot write it: {reason}") from None


# -- the audit -------------------------------------------------------------------------------
def _audited(
    options: argparse.Namespace, files: Sequence[str]
) -> tuple[Audit, AuditedFiles, list[Listed]]:
    """Return what is found in files, with the files as they were read."""
    from fasttext_lite.auditing.audit import audit_rows
    from fasttext_lite.auditing.files import AuditedFiles
    from fasttext_lite.auditing.listing import listed

    read = AuditedFiles.read(files, read_options(options))
    for path, corpus in zip(files, read.corpora, strict=True):
        say_strange(path, corpus, options)
    audit = audit_rows(
        read.texts, read.labels, read.sizes, checks=options.check,
        near=NEAR if options.near is None else options.near, seed=options.seed or 0,
        n_threads=options.threads, least_score=options.least_score or 0.0,
    )  # fmt: skip
    if options.multilabel and not read.labels.is_multilabel:
        say("--multilabel has no effect: no row has several labels")
    for notice in audit.notices:
        say(notice)
    return audit, read, listed(audit, read)


def _report(
    options: argparse.Namespace, audit: Audit, read: AuditedFiles, found: Sequence[Listed]
) -> None:
    """Write the findings where they are asked for."""
    counts = dict.fromkeys(audit.checks, 0)
    for each in found:
        counts[each.finding.kind] += 1
    if options.output == STDIN:
        for each in found:
            write(each.to_json())
        return
    if options.output is not None:
        with replacing(options.output, to_streams=True) as file:
            for each in found:
                file.write(f"{each.to_json()}\n".encode())
    if options.json:
        values = {
            "files": list(read.paths),
            "n": read.sizes,
            "n_labels": audit.n_labels,
            "n_skipped": [lines.size for lines in read.unread],
            "counts": counts,
            "notices": list(audit.notices),
        }
        write(json.dumps(values, ensure_ascii=False))
    else:
        from fasttext_lite.cli.findings import print_findings

        n_shown = SHOWN if options.show is None else options.show
        near = NEAR if options.near is None else options.near
        print_findings(audit, read, found, counts, n_shown, near)
    if options.output is not None:
        say(f"{len(found)} finding{'s' * (len(found) != 1)} in {options.output}")


# -- files without it ------------------------------------------------------------------------
def _fix(
    options: argparse.Namespace,
    targets: Mapping[str, str],
    changes: Mapping[str, Mapping[int, Change]],
) -> None:
    """Write files with what was agreed to, and say what was done."""
    from fasttext_lite.auditing.files import rewritten

    how = read_options(options)
    # All is known to be right before the first file is written.
    ready = {path: list(rewritten(path, how, changes.get(path, {}))) for path in targets}
    for path, target in targets.items():
        if len(targets) > 1:
            os.makedirs(options.fix, exist_ok=True)
        done = {DROP: 0, RELABEL: 0}
        with replacing(target) as file:
            for text, action in ready.pop(path):
                file.write(text.encode("utf-8", "surrogatepass"))
                if action:
                    done[action] += 1
        is_taken = options.json or options.output == STDIN  # by what programs read
        (say if is_taken else write)(
            f"{target}: {done[DROP]} row{'s' * (done[DROP] != 1)} dropped, {done[RELABEL]} given "
            "another label"
        )
