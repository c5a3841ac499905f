"""The network is used by what was asked to download, and by nothing else."""

import ast
import json
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

import fasttext_lite
from fasttext_lite import FastTextClassifier, FastTextEnsemble
from fasttext_lite.cli import app
from fasttext_lite.teaching import encoders

PACKAGE = Path(fasttext_lite.__file__).parent
# Who downloads: `datasets fetch`, and fastText's own `fasttext.util.download_model`.
DOWNLOADERS = {"compat/util.py", "datasets/download.py"}
# What can open a connection: of the standard library, and of packages that are often there.
NETWORK = {
    "aiohttp", "asyncio", "ftplib", "fsspec", "http", "httpx", "huggingface_hub", "imaplib",
    "poplib", "requests", "smtplib", "socket", "socketserver", "ssl", "telnetlib", "urllib3",
    "urllib.request", "webbrowser", "xmlrpc",
}  # fmt: skip
# Audit events of the interpreter: no way to the network goes past them.
EVENTS = (
    "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.connect",
    "socket.bind", "socket.sendto", "urllib.Request",
)  # fmt: skip


class Watch:
    """Refuses the network while it is on, and remembers who asked for it."""

    def __init__(self):
        self.is_on, self.seen, self.lets_in = False, [], ()
        sys.addaudithook(self)

    def __call__(self, event, args):
        if not self.is_on or event not in EVENTS:
            return
        # Processes of one machine talk by files.
        if args and getattr(args[0], "family", None) == getattr(socket, "AF_UNIX", -1):
            return
        if {*args[:1], *(a[0] for a in args[1:] if isinstance(a, tuple))} & {*self.lets_in}:
            return
        self.seen.append(event)
        raise OSError(101, "Network is unreachable")


WATCH = Watch()


@pytest.fixture
def watch():
    WATCH.seen.clear()
    WATCH.is_on, WATCH.lets_in = True, ()
    yield WATCH
    WATCH.is_on = False


@pytest.fixture
def files(tmp_path):
    """Make the files that the commands are given, and return a function that names one."""
    rng = np.random.default_rng(0)
    words = {"food": "soup bread rice salt", "money": "bank loan rate fund"}
    rows = [(name, " ".join(rng.choice(words[name].split(), 3))) for name in [*words] * 24]
    (tmp_path / "train.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in rows))
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for _, text in rows))
    labelled = "".join(f"__label__{name} {text}\n" for name, text in rows)
    (tmp_path / "fasttext.txt").write_text(labelled)
    records = "".join(json.dumps({"text": text}) + "\n" for _, text in rows)
    (tmp_path / "records.jsonl").write_text(records)
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "config.json").write_text("{}")
    return lambda name: str(tmp_path / name)


TRAINED = ("--dim", "8", "--epochs", "2", "--recipe", "fixed", "--seed", "0", "--threads", "1")
# A line of each command, in an order in which each finds what it needs; "@" stands for a file.
LINES = [
    ("supervised", "-input", "@fasttext.txt", "-output", "@s", "-dim", "4", "-thread", "1"),
    ("train", "@train.tsv", "-o", "@m.ftl", "--valid", "@train.tsv", *TRAINED),
    ("teach", "@encoder", "@train.tsv", "-o", "@taught.ftl", *TRAINED),
    ("tune", "@train.tsv", "-o", "@tuned.ftl", "--trials", "1", "--time", "60", "--threads", "1"),
    ("quantize", "@m.ftl", "-o", "@small.ftl"),
    ("convert", "@s.bin", "@s.ftl"),
    ("test", "@m.ftl", "@train.tsv"),
    ("report", "@m.ftl", "@train.tsv", "-o", "@report.html"),
    ("audit", "@train.tsv", "--threads", "1"),
    ("predict", "@m.ftl", "@texts.txt"),
    ("explain", "@m.ftl", "@texts.txt"),
    ("embed", "@m.ftl", "@texts.txt"),
    ("filter", "@m.ftl", "@records.jsonl", "-o", "@out", "--workers", "1"),
    ("datasets", "list"),
    ("info", "@m.ftl"),
    ("alias", "fasttext", "-o", "@aliases"),
    ("demo", "--data", "en_topics", "--output", "@demo"),
]


# And of those that serve until they are ended: this machine alone is let in.
SERVERS = [
    ("serve", "@m.ftl", "--port", "0"),
    ("label", "@texts.txt", "--labels", "food,money", "-o", "@by_hand.tsv", "--port", "0"),
]


def test_a_line_of_each_command():
    lines = [*LINES[1:], *SERVERS]
    assert sorted(line[0] for line in lines) == sorted(app.COMMANDS)


def test_no_command_uses_the_network(files, watch, capsys, monkeypatch):
    # What loads encoders is large; tests/test_teach.py looks at how it is called.
    embed = [[1.0, 2.0, 0.0], [0.5, 0.0, 1.0]]
    monkeypatch.setattr(encoders, "find_spec", lambda name: name == "sentence_transformers")
    monkeypatch.setattr(
        encoders, "_open_sentence_transformer",
        lambda folder: lambda texts, n: np.array([embed["soup" in text] for text in texts]),
    )  # fmt: skip
    lines = [[files(word[1:]) if word[0] == "@" else word for word in line] for line in LINES]
    for line in lines:
        assert app.main(line) == 0, (line, capsys.readouterr().err)
    assert watch.seen == []


def test_servers_listen_on_this_machine_alone(files, watch, capsys, monkeypatch):
    async def ended(server):
        """In place of the loop that waits for a signal."""

    monkeypatch.setattr("uvicorn.Server.main_loop", ended)
    for line in [LINES[1], *SERVERS]:
        words = [files(word[1:]) if word[0] == "@" else word for word in line]
        watch.lets_in = ("127.0.0.1",) if line in SERVERS else ()
        assert app.main(words) == 0, (words, capsys.readouterr().err)
        assert "http://127.0.0.1:" in capsys.readouterr().out or line not in SERVERS
    assert watch.seen == [], "a server used more than a port of this machine"
    watch.lets_in = ()
    code = app.main([files(word[1:]) if word[0] == "@" else word for word in SERVERS[0]])
    assert (code, watch.seen[:1]) == (2, ["socket.getaddrinfo"]), "the watch sees no server"


def test_estimators_do_not_use_it(files, watch):
    rows = [line.split("\t") for line in Path(files("train.tsv")).read_text().splitlines()]
    labels, texts = zip(*rows, strict=True)
    one = FastTextClassifier(epochs=2, dim=8, recipe="fixed", n_jobs=1, random_state=0)
    shared = FastTextEnsemble().get_params().keys() & one.get_params().keys()
    given = {name: value for name, value in one.get_params().items() if name in shared}
    for model in (one, FastTextEnsemble(n_members=2, **given)):
        assert set(model.fit(texts, labels).predict(texts)) <= set(labels)
    assert watch.seen == []


def test_who_is_asked_to_download_does(tmp_path, watch, capsys, monkeypatch):
    """The watch sees what there is to see."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    code = app.main(["datasets", "fetch", "ag_news", "--data-home", str(tmp_path)])
    out, err = capsys.readouterr()
    assert code == 2 and "cannot reach" in err and err.count("\n") == 1
    assert watch.seen


def imported(tree):
    """Return the names of the modules that a source imports, at its top or later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_they_import_what_can_open_a_connection():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        names = set(imported(ast.parse(path.read_text("utf-8"))))
        names = {name for name in names if {name, name.split(".")[0]} & NETWORK}
        if names:
            found[path.relative_to(PACKAGE).as_posix()] = names
    # Its cache of what was downloaded earlier, with downloads forbidden: see tests/test_teach.py.
    assert found.pop("teaching/encoders.py") == {
        "huggingface_hub", "huggingface_hub.snapshot_download",
    }  # fmt: skip
    # Parts that the user names by URL.
    assert found.pop("distributed/sources.py") == {"fsspec"}
    # Servers listen, and ask nobody: no module of theirs is one of clients.
    servers = {path for path in found if path.startswith(("web/", "serving/", "labelling/"))}
    used = {name.split(".")[0] for path in servers for name in found.pop(path)}
    assert used <= {"asyncio", "http", "socket"}
    assert found.pop("cli/label.py") == {"socket", "webbrowser"}  # the latter opens its page
    assert set(found) == DOWNLOADERS
