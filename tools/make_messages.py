"""Write docs/messages.md: all that the program says when something is wrong, in one table.

``make messages`` (``python -m tools.make_messages``) reads the source of the package, never runs
it: the sentences of exceptions, of warnings and of notices, with a name in braces where the
program puts in what it knows.  ``--check`` says whether the file is up to date, and writes nothing.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fasttext_lite"
TARGET = ROOT / "docs" / "messages.md"

# What a room is called by users.  A message of a room that is not here stops the tool.
GROUPS = {
    "Files of texts and labels": ("corpus", "text"),
    "Settings": ("config",),
    "Training": ("training", "fitting", "features", "label_tree", "teaching"),
    "Tuning": ("tuning",),
    "Models and their files": ("model", "moved", "faces", "parallel", "compiled", "system", "disk"),
    "The command line": ("cli",),
    "Files that are filtered": ("filtering",),
    "Reports on a model": ("reporting",),
    "An audit of texts and labels": ("auditing",),
    "Servers": ("web", "serving"),
    "Labelling by hand": ("labelling",),
    "scikit-learn's classes": ("estimators", "evaluation"),
    "Understanding a model": ("explanation",),
    "A cluster of Dask": ("distributed",),
    "In place of fastText": ("compat",),
    "Chinese words": ("segmenter",),
    "Public data sets": ("datasets",),
}

# Exceptions that tell the program something, or that no user brings about.
SILENT = {
    "NotImplementedError",
    "AssertionError",
    "StopIteration",
    "SystemExit",
    "KeyboardInterrupt",
}
PUBLIC = {"InputError", "ModelError", "TrainingError", "UsageError"}
# Fields of records that hold a message, or the end of one.
RECORDED = {"bad_line"}
MOST = 12  # alternatives of one sentence; of more, the part that varies is named, not spelled out
MOST_OF_A_PART = 6

# Names in the code that say little to those who do not read it.
WORDS = {
    "__name__": "type",
    "strerror": "reason",
    "error": "reason",
    "failure": "reason",
    "exc": "reason",
    "verify_message": "reason",
    "qualname": "type",
    "i": "number",
    "n": "number",
    "x": "value",
    "lines": "line",
    "self": "name",
    "getattr": "value",
    "getsize": "size",
    "gettempdir": "folder",
    "dirname": "folder",
}
# Functions that only change how a value is printed: the value names the placeholder.
PLAIN = {"name_of", "str", "repr", "int", "float", "tuple", "list", "sorted", "flat", "one_line"}
PLAIN |= {"fspath", "Path", "max", "min", "round", "shown", "map", "filter", "getattr"}
MODULES = {"os", "path", "tempfile", "np", "json", "math"}

_PLACE = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, order=True)
class Message:
    """A sentence that the program can say.

    Attributes
    ----------
    sentence : str
        With ``{name}`` where the program puts something in, and ``(s)`` for a plural.
    kind : str
        Error with the name of its exception, warning or notice.
    module : str
        The file in the package.
    """

    sentence: str
    kind: str
    module: str

    def pattern(self) -> re.Pattern[str]:
        """Return what matches the printed sentence."""
        return re.compile(pattern_of(self.sentence), re.DOTALL)


def pattern_of(sentence: str) -> str:
    """Return a regular expression for a sentence: its names match anything, even nothing."""
    parts = re.split(r"(\{[^{}]*\}|\(s\))", sentence)
    wild = {"(s)": "s?"}
    return "".join(
        ".*?" if _PLACE.fullmatch(part) else wild.get(part, re.escape(part)) for part in parts
    )


def literal(sentence: str) -> str:
    """Return a sentence without its placeholders."""
    return _PLACE.sub("", sentence)


@dataclass
class Module:
    """A source file: its tree, its functions and the names that it defines or imports."""

    path: str
    tree: ast.Module
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                child.parent = node  # type: ignore[attr-defined]
            if isinstance(node, ast.FunctionDef):
                self.functions.setdefault(node.name, node)
            elif isinstance(node, ast.ImportFrom) and node.module:
                path = node.module.replace(".", "/")
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (path, alias.name)
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.constants[node.targets[0].id] = node.value


class Reader:
    """Finds the messages of all modules."""

    def __init__(self, package: Path = PACKAGE) -> None:
        self.modules: dict[str, Module] = {}
        self.calls: dict[str, list[tuple[Module, ast.Call]]] = {}
        self.given: dict[str, list[tuple[Module, ast.expr]]] = {}
        self.functions: dict[str, list[tuple[Module, ast.FunctionDef]]] = {}
        for file in sorted(package.rglob("*.py")):
            path = file.relative_to(package.parent).with_suffix("").as_posix()
            module = Module(path, ast.parse(file.read_text("utf-8")))
            self.modules[path.removesuffix("/__init__")] = module
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call):
                    self.calls.setdefault(_called(node), []).append((module, node))
                    for word in node.keywords:
                        if word.arg in RECORDED:
                            self.given.setdefault(word.arg, []).append((module, word.value))
                elif isinstance(node, ast.FunctionDef):
                    self.functions.setdefault(node.name, []).append((module, node))
        self.bases = {
            node.name: [_name(base) for base in node.bases]
            for module in self.modules.values()
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef)
        }

    def messages(self) -> list[Message]:
        """Return all messages, each once, in the order of their letters."""
        found = set()
        for module in self.modules.values():
            where = module.path.split("/", 1)[-1] + ".py"
            for kind, node in self._sources(module):
                for sentence in Renderer(self, module).sentences(node):
                    if re.search(r"[^\W\d_]{2}", literal(sentence)):
                        found.add(Message(sentence, kind, where))
        return sorted(found, key=lambda m: (sort_key(m.sentence), m.kind, m.module))

    def _sources(self, module: Module) -> Iterator[tuple[str, ast.expr]]:
        """Yield the kind and the expression of each message."""
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and (kind := self._kind(node)):
                if _called(node) in ("warning", "info"):
                    yield kind, ast.Tuple(node.args, ast.Load())  # a template and what it takes
                elif node.args:
                    yield kind, node.args[0]
            elif isinstance(node, ast.FunctionDef) and _may_warn(node):
                for result in _returned(node):
                    yield "warning", result
            elif isinstance(node, ast.Call) and _ends(node.func, "notices.append"):
                yield "notice", node.args[0]

    def _kind(self, call: ast.Call) -> str:
        name, owner = _called(call), getattr(call.func, "value", None)
        if name == "say" or name in ("notify", "_say"):
            return "notice"
        if name == "warning" and owner is not None and "log" in _name(owner).lower():
            return "warning"
        if name == "warn" and owner is not None and _name(owner) == "warnings":
            return "warning"
        if name == "error" and owner is not None and "parser" in _name(owner).lower():
            return "error"
        if name == "ArgumentTypeError":
            return "error (command line)"
        if not self._is_error(name):
            return ""
        return f"error (`{name}`)" if name in PUBLIC or name not in self.bases else self._part(name)

    def _is_error(self, name: str) -> bool:
        if name in SILENT or name.endswith("Warning"):
            return False
        if name in self.bases:
            return name.endswith("Error") and any(
                base == "Exception" or self._is_error(base) for base in self.bases[name]
            )
        return name.endswith("Error") and name[0].isupper()

    def _part(self, name: str) -> str:
        """Return the kind of an exception of our own, by the public one that it is."""
        for base in self.bases[name]:
            if base in PUBLIC or (base not in self.bases and base != "Exception"):
                return f"error (`{base}`)"
            if base in self.bases:
                return self._part(base)
        return "error (part of another)"


@dataclass
class Renderer:
    """Turns an expression into the sentences that it can become."""

    reader: Reader
    module: Module
    depth: int = 0

    def sentences(self, node: ast.expr) -> list[str]:
        """Return the sentences of a message, in one line each."""
        if isinstance(node, ast.Tuple):  # of a logger: "... %s ...", value
            made = self._filled(self.texts(node.elts[0]), node.elts[1:])
        else:
            made = self.texts(node)
        lines = (" ".join(text.split()) for text in made)
        lines = (re.sub(r"(\{path\}:)\{[^{}]*\}", r"\1{line}", text) for text in lines)
        return list(dict.fromkeys(lines))

    def texts(self, node: ast.expr) -> list[str]:
        """Return what an expression can print; a name in braces for what is not known."""
        for kind, method in _METHODS.items():
            if isinstance(node, kind):
                return method(self, node)
        return [f"{{{self.name(node)}}}"]

    def _constant(self, node: ast.Constant) -> list[str]:
        return [str(node.value)] if isinstance(node.value, str | int) else ["{value}"]

    def _joined(self, node: ast.JoinedStr) -> list[str]:
        return self._product(node.values)

    def _formatted(self, node: ast.FormattedValue) -> list[str]:
        made = self.texts(node.value)
        return [
            f"'{text}'" if node.conversion == ord("r") and "{" not in text else text
            for text in made
        ]

    def _product(self, nodes: Iterable[ast.expr]) -> list[str]:
        parts = [self.texts(node) for node in nodes]
        made = ["".join(choice) for choice in itertools.islice(itertools.product(*parts), MOST + 1)]
        if len(made) <= MOST:
            return made
        # Too many: where a part varies, all but the longest lists of alternatives stay.
        longest = max(parts, key=len)
        parts = [["{...}"] if part is longest else part for part in parts]
        return ["".join(choice) for choice in itertools.islice(itertools.product(*parts), MOST)]

    def _binary(self, node: ast.BinOp) -> list[str]:
        if isinstance(node.op, ast.Mod):
            values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            return self._filled(self.texts(node.left), values)
        if isinstance(node.op, ast.Add):
            left, right = self.texts(node.left), self.texts(node.right)
            if any(literal(text) and not text.isdigit() for text in left + right):
                return [a + b for a in left for b in right][:MOST]
        if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant):
            text = str(node.left.value)
            if text == "s":
                return ["(s)"]
            if isinstance(node.left.value, str):
                return ["", text] if literal(text).strip(" .,") else [""]
        return [f"{{{self.name(node)}}}"]

    def _filled(self, templates: list[str], values: list[ast.expr]) -> list[str]:
        """Return the templates of ``%`` with the names of the values in place of ``%s``."""
        choices = list(itertools.islice(itertools.product(*map(self.texts, values)), MOST))
        made = []
        for template, choice in itertools.product(templates, choices):
            left = iter(choice)
            made.append(
                re.sub(
                    r"%(?:[-+ #0-9.]*[sdrgfi])|%%",
                    lambda match, left=left: "%" if match[0] == "%%" else next(left, "{value}"),
                    template,
                )
            )
        return made

    def _either(self, node: ast.IfExp) -> list[str]:
        return [*self.texts(node.body), *self.texts(node.orelse)]

    def _or(self, node: ast.BoolOp) -> list[str]:
        return [f"{{{self.name(node)}}}"]

    def _variable(self, node: ast.Name) -> list[str]:
        """Return the values that a name is given where it stands, if they are written there."""
        plain = [f"{{{word(node.id)}}}"]
        if self.depth > 6:
            return plain
        deeper = Renderer(self.reader, self.module, self.depth + 1)
        function = _function_of(node)
        while function is not None:
            values = [*_assigned(function, node.id)]
            if values:
                made = [text for value in values for text in deeper.texts(value)]
                return plain if all(text.isdigit() for text in made) else self._if_told(made, plain)
            if node.id in _parameters(function):
                return self._if_told(self._arguments(function, node.id), plain, sentence=True)
            function = _function_of(function)
        return self._constant_of(node.id, plain)

    def _attribute(self, node: ast.Attribute) -> list[str]:
        """Return the sentences that records are given as this attribute, if there are any."""
        given = [] if self.depth > 4 else self.reader.given.get(node.attr, [])
        made = []
        for module, value in given:
            made += Renderer(self.reader, module, self.depth + 2).texts(value)
        made = [text for text in made if len(literal(text).split()) > 3]
        return list(dict.fromkeys(made)) or [f"{{{self.name(node)}}}"]

    def _constant_of(self, name: str, plain: list[str]) -> list[str]:
        module = self.module
        if name in module.imports:
            path, name = module.imports[name]
            if path not in self.reader.modules:
                return plain
            module = self.reader.modules[path]
        if name not in module.constants:
            return plain
        made = Renderer(self.reader, module, self.depth + 1).texts(module.constants[name])
        return self._if_told(made, plain)

    def _if_told(self, made: list[str], plain: list[str], sentence: bool = False) -> list[str]:
        """Return texts if all of them say something, else the name in their place."""
        made = list(dict.fromkeys(made))
        told = all(re.search(r"\w,?\s+\w" if sentence else r".", literal(text)) for text in made)
        told = told and not any(text.startswith("http") for text in made)
        most = 40 if sentence else MOST_OF_A_PART
        return made if made and told and len(made) <= most else plain

    def _arguments(self, function: ast.FunctionDef, name: str) -> list[str]:
        """Return what callers pass as a parameter."""
        made = []
        place = _parameters(function).index(name)
        place -= _parameters(function)[0] in ("self", "cls")
        for module, call in self.reader.calls.get(function.name, []):
            named = [word.value for word in call.keywords if word.arg == name]
            given = named or call.args[place : place + 1]
            for value in given:
                made += Renderer(self.reader, module, self.depth + 2).texts(value)
        return made

    def _call(self, node: ast.Call) -> list[str]:
        """Return the texts of a call of ours that returns a sentence; else a name."""
        name = _called(node)
        if name == "join" and isinstance(node.func, ast.Attribute) and node.args:
            return [f"{{{self.name(node.args[0])}}}"]
        whole = name in ("bounded", "one_line", "str")
        if (whole or name in ("lower", "strip", "rstrip", "capitalize")) and (
            node.args or isinstance(node.func, ast.Attribute)
        ):
            inner = node.args[0] if node.args else node.func.value  # type: ignore[attr-defined]
            if whole or isinstance(inner, ast.Constant | ast.JoinedStr):
                return self.texts(inner)
        if name == "format" and isinstance(node.func, ast.Attribute):
            names = [f"{{{self.name(value)}}}" for value in node.args]
            made = self.texts(node.func.value)
            if all(text.count("{}") == len(names) for text in made):
                return [text.replace("{}", "%s") % tuple(names) for text in made]
        plain = [f"{{{self.name(node)}}}"]
        module, function = self._defined(node.func)
        if function is None or name in PLAIN or self.depth > 4:
            return plain
        deeper = Renderer(self.reader, module, self.depth + 2)
        made = [text for result in _returned(function) for text in deeper.texts(result)]
        made = list(dict.fromkeys(made))
        told = all(not text or re.search(r"[^\W\d_]{2,} ", literal(text)) for text in made)
        told = told and not any(text.startswith("http") for text in made)
        return made if any(made) and told and len(made) <= MOST_OF_A_PART else plain

    def _each(self, node: ast.Starred) -> list[str]:
        """Return what the function gives, one after the other, over which a loop runs."""
        plain = [f"{{{self.name(node)}}}"]
        found = self.reader.functions.get(_name(getattr(node.value, "func", None)), [])
        made = []
        for module, function in found if self.depth < 5 else []:
            deeper = Renderer(self.reader, module, self.depth + 2)
            made += [text for value in _elements(function) for text in deeper.texts(value)]
        return self._if_told([text for text in made if literal(text)], plain, sentence=True)

    def _defined(self, func: ast.expr) -> tuple[Module, ast.FunctionDef | None]:
        is_method = isinstance(func, ast.Attribute) and _name(func.value) in ("self", "cls")
        if not isinstance(func, ast.Name) and not is_method:
            return self.module, None
        if _name(func) in self.module.functions:
            return self.module, self.module.functions[_name(func)]
        if is_method:
            return self.module, None
        path, name = self.module.imports.get(_name(func), ("", ""))
        module = self.reader.modules.get(path)
        return (module, module.functions.get(name)) if module else (self.module, None)

    def name(self, node: ast.expr) -> str:
        """Return a readable name for a value that only the running program knows."""
        if isinstance(node, ast.Call):
            return self._name_of_call(node)
        if isinstance(node, ast.Attribute):
            if node.attr == "size":
                return _number_of(self.name(node.value))
            return word(node.attr)
        if isinstance(node, ast.Subscript):
            index = node.slice
            if isinstance(index, ast.Attribute | ast.Name) and _name(index).isupper():
                return word(_name(index))
            if isinstance(index, ast.Constant) and isinstance(index.value, str):
                return word(index.value)
            return self.name(node.value)
        if isinstance(node, ast.BinOp):
            left = self.name(node.left)
            return left if left not in ("value", "...") else self.name(node.right)
        if isinstance(node, ast.BoolOp):
            return self.name(node.values[0])
        if isinstance(node, ast.IfExp):
            return self.name(node.body)
        if isinstance(node, ast.GeneratorExp | ast.ListComp):
            return self.name(node.generators[0].iter)
        if isinstance(node, ast.Name):
            return word(node.id)
        if isinstance(node, ast.UnaryOp | ast.Starred | ast.FormattedValue):
            return self.name(getattr(node, "operand", None) or node.value)  # type: ignore[attr-defined]
        if isinstance(node, ast.JoinedStr) and node.values:
            return self.name(node.values[-1])
        return "value"

    def _name_of_call(self, node: ast.Call) -> str:
        name = _called(node)
        if name in ("len", "count_nonzero", "sum") and node.args:
            return _number_of(self.name(node.args[0]))
        if name == "name_of":
            return "path"
        if name == "type" and node.args:
            return "type"
        if name in ("map", "filter"):
            return self.name(node.args[-1])
        if isinstance(node.func, ast.Name) and len(node.args) == 1 and _is_word(node.args[0]):
            return word(node.args[0].value)  # type: ignore[attr-defined]
        if (name in PLAIN or isinstance(node.func, ast.Name) and name[0] == "_") and node.args:
            return self.name(node.args[0])
        if isinstance(node.func, ast.Attribute) and _name(node.func.value) not in MODULES:
            inner = node.func.value
            if isinstance(inner, ast.Constant) and node.args:
                return self.name(node.args[0])
            if not node.args or name in ("get", "translate", "decode", "removeprefix", "replace"):
                return self.name(inner)
        return word(name)


def _is_word(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).isidentifier()


_METHODS = {
    ast.Constant: Renderer._constant,
    ast.JoinedStr: Renderer._joined,
    ast.FormattedValue: Renderer._formatted,
    ast.BinOp: Renderer._binary,
    ast.IfExp: Renderer._either,
    ast.BoolOp: Renderer._or,
    ast.Name: Renderer._variable,
    ast.Attribute: Renderer._attribute,
    ast.Call: Renderer._call,
    ast.Starred: Renderer._each,
}


def word(name: str) -> str:
    """Return a name of the code as words."""
    name = WORDS.get(name, name).strip("_").lower().replace("_", " ")
    name = re.sub(r"^n (?=\w)", "number of ", name)
    return WORDS.get(name, name) or "value"


def sort_key(sentence: str) -> str:
    """Return by what sentences are ordered: by their words, not by what is put in before."""
    return re.sub(r"^[^\w{-]+|^\W*(\{[^{}]*\}\W*)+", "", sentence).casefold() + sentence


def _number_of(name: str) -> str:
    return f"number of {name.removeprefix('number of ')}"


def _name(node: ast.expr | None) -> str:
    return getattr(node, "attr", None) or getattr(node, "id", "") or ""


def _called(call: ast.Call) -> str:
    return _name(call.func)


def _ends(func: ast.expr, text: str) -> bool:
    return isinstance(func, ast.Attribute) and ast.unparse(func).endswith(text)


def _function_of(node: ast.AST) -> ast.FunctionDef | None:
    node = getattr(node, "parent", None)  # type: ignore[assignment]
    while node is not None and not isinstance(node, ast.FunctionDef):
        node = getattr(node, "parent", None)  # type: ignore[assignment]
    return node


def _parameters(function: ast.FunctionDef) -> list[str]:
    given = function.args
    return [arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def _assigned(function: ast.FunctionDef, name: str) -> Iterator[ast.expr]:
    """Yield the values that a local name is given, of tuples the part at its place."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _at(target, node.value, name)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            yield from _at(node.target, node.value, name)
        elif isinstance(node, ast.For | ast.comprehension):
            values = node.iter
            if isinstance(values, ast.Call) and _called(values) == "items":
                values = values.func.value  # type: ignore[attr-defined]
            if isinstance(values, ast.Dict):
                for pair in zip(values.keys, values.values, strict=True):
                    yield from _at(node.target, ast.Tuple(list(pair), ast.Load()), name)
            elif isinstance(values, ast.Tuple | ast.List):
                for value in values.elts:
                    yield from _at(node.target, value, name)
            elif any(_name(part) == name for part in ast.walk(node.target)):
                # Not written there: the name stays a name, unless a function gives sentences.
                yield ast.Starred(values, ast.Load())


def _at(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple):
        for choice in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
            for place, part in enumerate(target.elts):
                if isinstance(choice, ast.Tuple) and len(choice.elts) == len(target.elts):
                    yield from _at(part, choice.elts[place], name)
                elif _name(part) == name:
                    yield ast.Name(f"_{name}", ast.Load())


def _returned(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value


def _elements(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield what a function yields, or puts into the list that it returns."""
    for value in _returned(function):
        if isinstance(value, ast.ListComp | ast.GeneratorExp):
            yield value.elt
        elif isinstance(value, ast.Name):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _ends(node.func, f"{value.id}.append"):
                    yield node.args[0]
        elif isinstance(value, ast.Call):
            yield ast.Starred(value, ast.Load())
    for node in ast.walk(function):
        if isinstance(node, ast.Yield) and node.value is not None:
            yield node.value


def _may_warn(function: ast.FunctionDef) -> bool:
    """Return whether a function returns what is wrong, or None: its sentences are warnings."""
    result = ast.unparse(function.returns) if function.returns else ""
    return result == "str | None" and any(
        isinstance(value, ast.JoinedStr) and ast.unparse(value).count(" ") > 4
        for value in _returned(function)
    )


HEAD = """# All messages

What the program says when something is wrong, or worth knowing. Search this page for some words
of the message that you saw. A name in braces stands for what the program puts there, `(s)` for a
plural. On the command line every message is one line on stderr that begins with `fasttext-lite:`;
an error ends the command with exit code 2. In Python errors are exceptions: those of
`fasttext_lite.errors` are `ValueError`s, too. Warnings go to the logger `fasttext_lite` (or are
Python's warnings); notices are the command line's. An error that is "part of another" is the end
of a longer message. Not listed: what the system says of a file (`fasttext-lite: PATH: no such
file or directory`), and what every command says of its arguments (`the following arguments are
required`, `unrecognized arguments`, `invalid choice`, `expected one argument`).

Made by `make messages` from the source: change the messages there.
"""


def page(messages: Iterable[Message]) -> str:
    """Return the document."""
    rooms = {room: group for group, names in GROUPS.items() for room in names}
    groups: dict[str, list[Message]] = {group: [] for group in GROUPS}
    for message in messages:
        room = message.module.split("/")[0].removesuffix(".py")
        if room not in rooms:
            raise SystemExit(f"{message.module}: its room is in no group of {__file__}")
        groups[rooms[room]].append(message)
    parts = [HEAD]
    for group, own in groups.items():
        if own:
            parts.append(f"\n## {group}\n\n| message | kind | from |\n|---|---|---|\n")
            parts += [f"| {_code(m.sentence)} | {m.kind} | `{m.module}` |\n" for m in own]
    return "".join(parts)


def _code(sentence: str) -> str:
    ticks = "``" if "`" in sentence else "`"
    room = " " if "`" in sentence else ""
    escaped = sentence.replace("|", "\\|")
    return f"{ticks}{room}{escaped}{room}{ticks}"


@cache
def _made() -> str:
    return page(Reader().messages())


def main(arguments: list[str] | None = None) -> int:
    """Write the document, or check it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if old")
    options = parser.parse_args(arguments)
    made = _made()
    if options.check:
        is_new = TARGET.exists() and TARGET.read_text("utf-8") == made
        if not is_new:
            print(f"{TARGET.relative_to(ROOT)} is old: run `make messages`", file=sys.stderr)
        return 0 if is_new else 1
    TARGET.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
