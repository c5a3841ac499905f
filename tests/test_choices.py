"""A loss, an optimizer and a format from outside: they work without a change of the package."""

import numpy as np
import pytest

from fasttext_lite import Config, FastTextClassifier, FastTextEnsemble, ModelError, load
from fasttext_lite.cli import main
from fasttext_lite.compiled.compiling import FAST, compiler
from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.losses import LOSSES, Loss
from fasttext_lite.config.optimizers import OPTIMIZERS, Optimizer
from fasttext_lite.config.records import Records
from fasttext_lite.config.records import load as load_place
from fasttext_lite.corpus.formats import FORMATS, Format
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.fitting import measures

TEXTS = [
    "red apples", "green apples", "sweet pears", "ripe plums", "fast cars", "slow cars",
    "old buses", "new trains", "heavy rain", "strong wind", "warm sun", "thick fog",
] * 5  # fmt: skip
LABELS = (["fruit"] * 4 + ["traffic"] * 4 + ["weather"] * 4) * 5
_kernel = compiler(FAST)


@_kernel
def brier(scores, targets, n, focal):
    """Sum of the squared differences between probability and target (Brier 1950)."""
    loss = np.float32(0)
    for k in range(n):
        p = np.float32(1) / (np.float32(1) + np.exp(-scores[k]))
        gap = p - targets[k]
        loss += gap * gap
        scores[k] = np.float32(2) * gap * p * (np.float32(1) - p)
    return loss


@_kernel
def sign_step(values, moments, row, scale, direction, lr, settings, gap, step):
    """Move each number by the learning rate against the sign of its decaying mean gradient."""
    keep = settings.beta1**gap
    for d in range(direction.size):
        moments[row, d] = keep * moments[row, d] + scale * direction[d]
        values[row, d] -= lr * np.sign(moments[row, d])


@pytest.fixture
def toys():
    LOSSES.add(
        Loss(
            "brier",
            slopes=f"{__name__}:brier",
            blank=lambda decisions: 0.25 * decisions,
            rates=(20.0, 2.0),
        )
    )
    OPTIMIZERS.add(
        Optimizer(
            "signs", f"{__name__}:sign_step",
            slots=1, forgets=True, beta1=0.5, rates=(0.2, 0.05),
        )
    )  # fmt: skip
    yield
    LOSSES.remove("brier")
    OPTIMIZERS.remove("signs")


CHOICES = [
    {"loss": "brier"},
    {"loss": "brier", "head": "learned", "label_smoothing": 0.05},
    {"optimizer": "signs"},
    {"loss": "brier", "optimizer": "signs", "norm": "layer", "units": 8, "dim": 8, "lr": 0.003},
]


def right(classifier):
    return np.mean(classifier.predict(TEXTS) == LABELS)


@pytest.mark.parametrize("choices", CHOICES, ids=str)
def test_toys_train_predict_save_and_load(toys, tmp_path, choices):
    given = {"epochs": 20, "random_state": 0, **choices}
    classifier = FastTextClassifier(**given).fit(TEXTS, LABELS, validation_data=(TEXTS, LABELS))
    assert right(classifier) == 1
    reports = classifier.history_.reports
    assert reports[-1].valid_loss < reports[0].valid_loss
    assert reports[-1].valid_loss < 0.5 * LOSSES[classifier.model_.config.loss].blank(3)
    path = tmp_path / "m.ftl"
    classifier.save(path)
    again = load(path)
    assert again.model_.config.to_dict() == classifier.model_.config.to_dict()
    found = [c.predict_proba(TEXTS) for c in (classifier, again)]
    np.testing.assert_array_equal(*found)
    assert right(again.partial_fit(TEXTS, LABELS)) == 1
    assert right(FastTextEnsemble(n_members=2, **given).fit(TEXTS, LABELS)) == 1


@pytest.mark.parametrize("flags", [["--loss", "brier"], ["--optimizer", "signs"]], ids=str)
def test_toys_on_the_command_line(toys, tmp_path, capfd, flags):
    file, model = tmp_path / "train.tsv", tmp_path / "m.ftl"
    file.write_text("".join(f"{y}\t{x}\n" for x, y in zip(TEXTS, LABELS, strict=True)))
    assert main(["train", str(file), "-o", str(model), "--epochs", "20", "-q", *flags]) == 0
    assert main(["test", str(model), str(file)]) == 0
    assert "accuracy 1.0000" in capfd.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = capfd.readouterr().out
    assert f"{','.join(LOSSES)}}}" in shown and f"{','.join(OPTIMIZERS)}}}" in shown


def test_a_model_of_a_loss_that_is_gone(toys, tmp_path):
    path = tmp_path / "m.ftl"
    FastTextClassifier(loss="brier", epochs=1).fit(TEXTS, LABELS).save(path)
    record = LOSSES["brier"]
    LOSSES.remove("brier")
    try:
        with pytest.raises(ModelError, match="m.ftl: the model file needs the loss 'brier', which"):
            load(path)
    finally:
        LOSSES.add(record)


def test_kernels_measure_as_functions_of_arrays_do():
    """The losses of the package have both."""
    rng = np.random.default_rng(0)
    scores, targets = rng.normal(size=(2, 5, 7))
    targets = np.abs(targets) / np.abs(targets).sum(axis=1, keepdims=True)
    for loss in LOSSES.values():
        for focal in (0.0, 2.0) if loss.focal else (0.0,):
            each = load_place(loss.measure)(scores, targets, focal)
            whole = measures._by_kernel(loss)(scores, targets, focal)
            np.testing.assert_allclose(each.sum(axis=1), whole, 1e-5)


FORMAT = Format(
    "arrow",
    lines="text -> label",
    recognises=lambda reading: all(b" -> " in line for line in reading.lines),
    parse_records=lambda reading, lines: _records(lines),
    is_strict=True,
)


def _records(lines):
    for number, line in enumerate(lines, 1):
        text, _, label = line.decode().strip().rpartition(" -> ")
        yield number, (label,), text.encode()


@pytest.fixture
def arrow(tmp_path):
    FORMATS.add(FORMAT)
    file = tmp_path / "train.txt"
    file.write_text("".join(f"{x} -> {y}\n" for x, y in zip(TEXTS, LABELS, strict=True)))
    yield file
    FORMATS.remove("arrow")


@pytest.mark.parametrize("flags", [[], ["--format", "arrow"]], ids=["guessed", "named"])
def test_a_format_from_outside(arrow, tmp_path, capfd, flags):
    corpus = read_corpus(str(arrow))
    assert [corpus.labels.names[i] for i in corpus.labels.ids] == LABELS
    model = tmp_path / "m.ftl"
    assert main(["train", str(arrow), "-o", str(model), "--epochs", "20", "-q", *flags]) == 0
    assert main(["test", str(model), str(arrow), *flags]) == 0
    assert "accuracy 1.0000" in capfd.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert ",arrow" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("table", "kind"), [(LOSSES, "loss"), (OPTIMIZERS, "optimizer"), (ANALYZERS, "analyzer")]
)
def test_an_unknown_name_raises(table: Records, kind):
    assert "hearts" not in table and table.get("hearts") is None
    for act in (table.__getitem__, table.remove):
        with pytest.raises(ValueError, match=f"unknown {kind} 'hearts'; known are "):
            act("hearts")
    with pytest.raises(ValueError, match=f"{kind} must be one of .*; got 'hearts'"):
        Config(**{kind: "hearts"})
    first = next(iter(table))
    with pytest.raises(ValueError, match=f"there is a {kind} '{first}' already"):
        table.add(table[first])


def test_a_record_of_nonsense_raises():
    record = {"slopes": "a:b", "blank": float}
    with pytest.raises(ValueError, match="no loss can be called 'auto'"):
        LOSSES.add(Loss("auto", **record))
    for place in ("nowhere:brier", f"{__name__}:nothing", "without"):
        with pytest.raises(ValueError, match="which is not there"):
            load_place(place)
    with pytest.raises(ValueError, match="loss odd needs a measure"):
        Loss("odd", **record, participants="path")
    with pytest.raises(ValueError, match="loss odd: 'some' is none of all, path, drawn"):
        Loss("odd", **record, participants="some")
    with pytest.raises(ValueError, match="loss odd: 'probit' is none of sigmoid, softmax, tree"):
        Loss("odd", **record, link="probit")
