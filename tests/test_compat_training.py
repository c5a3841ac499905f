"""Training as fastText's commands do it: models, quantisation, text files, search for settings."""

import gzip
from pathlib import Path

import fasttext
import numpy as np
import pytest
from test_conformance import THREADS, sentence, training_text

from fasttext_lite.compat.files.arguments import BY_FLAG, FIELDS, Args, parse_flags
from fasttext_lite.compat.meter import Meter
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training import autotune as search
from fasttext_lite.compat.training.autotune import (
    AutotuneMetric,
    autotune,
    largest_cutoff,
    parse_size,
)
from fasttext_lite.compat.training.quantize import quantize, rows_by_norm
from fasttext_lite.compat.training.supervised import train_supervised
from fasttext_lite.compat.training.words import train_unsupervised
from fasttext_lite.errors import InputError, ModelError, TrainingError, UsageError


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a training text and returns its path."""

    def file(text=None, name="train.txt"):
        path = tmp_path / name
        path.write_text(training_text(7) if text is None else text, "utf-8")
        return str(path)

    return file


def args_of(path, **settings):
    values = {"input": path, "dim": 8, "bucket": 1000, "epoch": 3, "lr": 0.5, "thread": 1}
    return Args.supervised(**{**values, **settings})


def share_right(model, path):
    return Meter.of(model, path).precision()


# -- arguments -------------------------------------------------------------------------------


def test_defaults_are_those_of_the_wheel():
    names = {"min_count": "minCount", "word_ngrams": "wordNgrams", "lr_update_rate": "lrUpdateRate"}
    theirs = fasttext.FastText.unsupervised_default
    ours = Args()
    for name in ("lr", "dim", "ws", "epoch", "minn", "maxn", "neg", "bucket", "t", "label", *names):
        assert getattr(ours, name) == theirs[names.get(name, name)], name
    assert Args.supervised().loss == "softmax"
    assert (Args.supervised().lr, Args.supervised().min_count) == (0.1, 1)


def test_flags():
    words = "-input a -output b -lr 1 -wordNgrams 3 -loss one-vs-all -saveOutput"
    args, given = parse_flags("supervised", words.split())
    assert (args.input, args.output, args.lr, args.word_ngrams) == ("a", "b", 1.0, 3)
    assert (args.loss, args.save_output, args.min_count) == ("ova", True, 1)
    assert given == {"input", "output", "lr", "word_ngrams", "loss", "save_output"}
    assert parse_flags("cbow", [])[0].model == "cbow"
    assert parse_flags("quantize", ["-qnorm"])[0].lr == 0.05
    assert len(BY_FLAG) == len(FIELDS) - 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("-nonsense 3", "unknown argument: -nonsense"),
        ("train.txt", "arguments begin with a dash: train.txt"),
        ("-dim", "-dim needs a value"),
        ("-dim x", "-dim needs a whole number; got 'x'"),
        ("-lr x", "-lr needs a number"),
        ("-loss squared", "unknown loss squared"),
        ("-dim 0", "-dim must be at least 1; got 0"),
        ("-epoch -1", "-epoch must be at least 1"),
        ("-lr nan", "-lr must be a finite number"),
        ("-bucket 9999999999", "-bucket is too large"),
        ("-wordNgrams 2 -bucket 0", "-bucket must be at least 1"),
    ],
)
def test_bad_flags(flags, message):
    with pytest.raises(UsageError) as error:
        parse_flags("supervised", flags.split())
    assert message in str(error.value)


# -- classifiers -----------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
def test_it_learns(file, loss):
    path = file()
    reports = []
    model = train_supervised(
        args_of(path, loss=loss, word_ngrams=2, epoch=20), callback=reports.append
    )
    assert share_right(model, path) > 0.9
    assert reports[-1].fraction == 1.0
    assert reports[-1].lr == 0.0
    assert all(report.eta >= 0 and report.words_per_second > 0 for report in reports)


def test_one_thread_gives_the_same_bits(file):
    args = args_of(file(), minn=2, maxn=3, seed=4)
    one, two = train_supervised(args), train_supervised(args)
    np.testing.assert_array_equal(one.input_matrix(), two.input_matrix())
    other = train_supervised(args.replace(seed=5))
    assert not np.array_equal(one.input_matrix(), other.input_matrix())


def test_rows_of_unseen_ngrams_are_zero(file):
    path = file("__label__a x y\n__label__b z\n")
    model = train_supervised(args_of(path, word_ngrams=2))
    table = model.input_matrix()
    assert table.shape == (4 + 1000, 8)
    used = np.flatnonzero(table.any(axis=1))
    ids = model.dictionary.list(*_examples(model, path)).ids
    assert used.tolist() == sorted(set(ids.tolist()))


def _examples(model, path):
    data = np.fromfile(path, np.uint8)
    data.flags.writeable = False
    return data, model.dictionary.split(data)


def test_several_labels(file):
    model = train_supervised(args_of(file(training_text(5, True)), loss="ova", epoch=20, lr=1.0))
    found = model.predict_texts(["w0 w1 w2"], -1)
    assert found.counts().tolist() == [5]


def test_one_label(file):
    model = train_supervised(args_of(file("__label__a x y\n__label__a z\n")))
    found = model.predict_texts(["x", "z z"])
    np.testing.assert_allclose(found.scores, 1.0, atol=2e-5)


def test_gzipped_text(tmp_path, file):
    packed = tmp_path / "train.gz"
    packed.write_bytes(gzip.compress(Path(file()).read_bytes()))
    one, two = train_supervised(args_of(file())), train_supervised(args_of(str(packed)))
    np.testing.assert_array_equal(one.input_matrix(), two.input_matrix())
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(InputError, match="train.gz: cannot be unpacked"):
        train_supervised(args_of(str(packed)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Empty vocabulary"),
        ("a b c\n", "no word begins with the label prefix '__label__'"),
        ("__label__a\n__label__b\n", None),
        ("__label__a x\n", None),
    ],
)
def test_texts_with_little_in_them(file, text, message):
    if message is None:  # </s> is a word
        assert train_supervised(args_of(file(text))).dictionary.n_labels == text.count("__label__")
        return
    with pytest.raises(InputError, match=message):
        train_supervised(args_of(file(text)))


def test_no_line_to_learn_from(file):
    with pytest.raises(TrainingError, match="no line has a label and a known word"):
        train_supervised(args_of(file("__label__a x\ny\n"), min_count=3))


def test_files_that_cannot_be_read(tmp_path):
    cases = {"none": "no such file", "": "directory"}
    named = [(tmp_path / name, message) for name, message in cases.items()]
    for path, message in [*named, ("-", "stdin")]:
        with pytest.raises(InputError, match=message):
            train_supervised(args_of(str(path)))


def test_pretrained_vectors(file):
    path = file("__label__a x y\n__label__b z x\n")
    lines = ["3 8", "x " + " ".join(["0.5"] * 8), "new " + " ".join(["0.25"] * 8), "y" + " 1" * 8]
    vectors = file("\n".join(lines) + "\n", "v.vec")
    model = train_supervised(args_of(path, pretrained_vectors=vectors, lr=1e-6))
    np.testing.assert_allclose(model.word_vectors(["x", "new"])[:, 0], [0.5, 0.25], atol=1e-3)
    with pytest.raises(InputError, match=r"Dimension of pretrained vectors \(8\) does not match"):
        train_supervised(args_of(path, pretrained_vectors=vectors, dim=9))
    with pytest.raises(InputError, match="v.vec:3"):
        broken = file("2 8\nx" + " 1" * 8 + "\ny 1 2\n", "v.vec")
        train_supervised(args_of(path, pretrained_vectors=broken))


# -- quantisation and text files -------------------------------------------------------------


def test_quantization_keeps_the_rows_of_largest_norm(file, tmp_path):
    path = file(training_text(300))
    model = train_supervised(args_of(path, word_ngrams=2, bucket=3000, epoch=10))
    order = rows_by_norm(model)
    assert order[0] == model.dictionary.find("</s>")
    small = quantize(model, Args(cutoff=400, qnorm=True, thread=2))
    assert small.input.shape == (400, 8)
    kept = np.sort(order[:400])
    assert small.dictionary.n_words == np.count_nonzero(kept < model.dictionary.n_words)
    again = quantize(model, Args(cutoff=400, input=path, retrain=True, epoch=5, lr=0.5, thread=1))
    assert share_right(again, path) >= share_right(small, path) - 0.02
    whole = quantize(model, Args(dsub=1))
    assert whole.input.shape[0] == np.count_nonzero(model.input.places >= 0)
    np.testing.assert_allclose(share_right(whole, path), share_right(model, path), atol=0.05)
    with pytest.raises(ModelError, match="quantised already"):
        quantize(small, Args())
    with pytest.raises(InputError, match="Need input file path"):
        quantize(model, Args(cutoff=400, retrain=True))


def test_rows_of_zeros_are_left_out_of_a_model_from_a_file_too(file, tmp_path):
    model = train_supervised(args_of(file(training_text(300)), word_ngrams=2, bucket=5000))
    model.save(tmp_path / "m.bin")
    read = FastTextModel.load(tmp_path / "m.bin")
    one, two = (quantize(m, Args(qnorm=True)) for m in (model, read))
    assert one.input.shape == two.input.shape
    assert one.input.shape[0] == np.count_nonzero(model.input.places >= 0) < 5000
    texts = ["w1 w2 w3", "w5 unseen"]
    np.testing.assert_array_equal(one.predict_texts(texts).scores, two.predict_texts(texts).scores)


def test_few_rows_are_filled_up_for_the_centroids(file):
    text = "__label__a x y\n__label__b z\n"
    small = quantize(train_supervised(args_of(file(text), word_ngrams=2)), Args())
    assert small.input.shape[0] == 256
    with pytest.raises(ModelError, match="at least 256 rows"):
        quantize(train_supervised(args_of(file(text))), Args())


def test_what_a_callback_raises_is_its_own(file):
    def fail(progress):
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        train_supervised(args_of(file()), callback=fail)


def test_labels_that_are_too_rare_are_named(file):
    with pytest.raises(InputError, match="rarer than -minCountLabel 5000"):
        train_supervised(args_of(file(), min_count_label=5000))
    with pytest.raises(InputError, match="no file is given"):
        train_supervised(args_of(""))


def test_word_vectors_are_not_quantized(file):
    model = train_unsupervised(Args(input=file(), dim=4, min_count=1, bucket=100, epoch=1))
    with pytest.raises(ModelError, match="only support quantization of supervised"):
        quantize(model, Args())


def test_text_files_are_those_of_fasttext(file, tmp_path):
    path = file()
    theirs = fasttext.train_supervised(
        path, dim=5, minn=2, maxn=3, bucket=100, thread=THREADS, verbose=0
    )
    theirs.save_model(str(tmp_path / "m.bin"))
    ours = FastTextModel.load(tmp_path / "m.bin")
    ours.save_vectors(tmp_path / "m.vec")
    ours.save_output(tmp_path / "m.output")
    head, *lines = (tmp_path / "m.vec").read_text("utf-8").split("\n")
    assert head == f"{len(theirs.words)} 5"
    assert lines.pop() == ""
    for line, word in zip(lines, theirs.words, strict=True):
        assert line == f"{word} " + "".join(f"{x:.5g} " for x in theirs.get_word_vector(word))
    head, *lines = (tmp_path / "m.output").read_text("utf-8").split("\n")
    assert head == "7 5"
    assert [line.split(" ")[0] for line in lines[:-1]] == theirs.labels
    with pytest.raises(ModelError, match="cannot be opened for saving"):
        ours.save_vectors(tmp_path / "no" / "m.vec")


# -- search for settings ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("f1", AutotuneMetric("f1")),
        ("f1:__label__a", AutotuneMetric("f1", 0.0, "__label__a")),
        ("f1:__label__a:b", AutotuneMetric("f1", 0.0, "__label__a:b")),
        ("precisionAtRecall:30", AutotuneMetric("precisionAtRecall", 0.3)),
        (
            "recallAtPrecision:2.5:__label__x",
            AutotuneMetric("recallAtPrecision", 0.025, "__label__x"),
        ),
    ],
)
def test_metrics(text, metric):
    assert AutotuneMetric.parse(text) == metric


@pytest.mark.parametrize("text", ["", "F1", "accuracy", "precisionAtRecall", "recallAtPrecision:x",
                                  "precisionAtRecall:101", "precisionAtRecall:-1"])  # fmt: skip
def test_bad_metrics(text):
    with pytest.raises(InputError, match="metric|needs a number"):
        AutotuneMetric.parse(text)


def test_sizes():
    sizes = {"": None, "100": 100, "2k": 2000, "3K": 3000, "1M": 10**6, "2g": 2 * 10**9}
    assert {text: parse_size(text) for text in sizes} == sizes
    for text in ("0", "x", "-1", "1.5M", "2T", "M"):
        with pytest.raises(InputError, match="a model size is"):
            parse_size(text)


@pytest.mark.parametrize(("qnorm", "qout", "dsub"), [(True, True, 2), (False, False, 3)])
def test_the_size_of_a_file_is_known_to_the_byte(file, tmp_path, qnorm, qout, dsub):
    model = train_supervised(args_of(file(training_text(300)), word_ngrams=3, bucket=5000))
    for size in (33_000, 36_000, 10**9):
        cutoff = largest_cutoff(model, size, dsub, qnorm, qout)
        small = quantize(model, Args(cutoff=cutoff, qnorm=qnorm, qout=qout, dsub=dsub))
        small.save(tmp_path / "m.ftz")
        found = (tmp_path / "m.ftz").stat().st_size
        rows = rows_by_norm(model)
        chosen = rows[:cutoff] if cutoff < rows.size else np.flatnonzero(model.input.places >= 0)
        assert found == search.quantized_size(model, chosen, dsub, qnorm, qout)
        assert found <= size
        assert cutoff == rows.size or found > size - 40
    with pytest.raises(ModelError, match="too small"):
        largest_cutoff(model, 5000, dsub, qnorm, qout)


def texts_with_validation(file):
    rng = np.random.default_rng(9)
    lines = [f"__label__{i % 7} {sentence(rng, 7, i % 7)}\n" for i in range(200)]
    return file(), file("".join(lines), "valid.txt")


def test_search(file):
    path, valid = texts_with_validation(file)
    trials = []
    start = args_of(path, autotune_validation_file=valid, autotune_duration=4, lr=0.001)
    model, best = autotune(start, {"dim", "bucket"}, callback=trials.append)
    assert trials[0].args.lr == 0.001
    assert len(trials) > 1
    assert {trial.args.dim for trial in trials} == {8}
    top = max(trial.score for trial in trials if trial.score is not None)
    assert trials[-1].best == top
    assert Meter.of(model, valid).f1_score() == pytest.approx(top)
    assert top > trials[0].score
    assert best.lr == model.args.lr
    for trial in trials[1:]:
        args = trial.args
        assert 1 <= args.epoch <= 100
        assert 0.01 <= args.lr <= 5
        assert 1 <= args.word_ngrams <= 5
        assert (args.minn, args.maxn) in ((0, 0), (2, 5), (3, 6))
        assert args.bucket == (1000 if args.uses_buckets else 0)


def test_search_for_a_small_model(file, tmp_path):
    path = file(training_text(300))
    start = args_of(
        path, autotune_validation_file=path, autotune_duration=3, autotune_model_size="34k",
        word_ngrams=2, autotune_metric="recallAtPrecision:10",
    )  # fmt: skip
    model, best = autotune(start, {"dim"})
    model.save(tmp_path / "m.ftz")
    assert (tmp_path / "m.ftz").stat().st_size <= 34_000
    assert model.is_quantized
    assert best.cutoff >= 256


def test_search_without_a_trial_that_ends(file):
    path, valid = texts_with_validation(file)
    start = args_of(
        path, autotune_validation_file=valid, autotune_duration=1, autotune_model_size="2k"
    )
    with pytest.raises(TrainingError, match="no trial of the search came to an end"):
        autotune(start, set())
    with pytest.raises(InputError, match="unknown metric"):
        autotune(args_of(path, autotune_validation_file=valid, autotune_metric="x"), set())
    metric = {"autotune_validation_file": valid, "autotune_metric": "f1:__label__none"}
    with pytest.raises(InputError, match="label of the metric is not there: '__label__none'"):
        autotune(args_of(path, **metric), set())
    with pytest.raises(InputError, match="none.txt"):
        autotune(args_of(path, autotune_validation_file="none.txt"), set())


def test_an_interrupted_search_keeps_the_best(file, caplog):
    path, valid = texts_with_validation(file)

    def stop(trial):
        if trial.number == 2:
            raise KeyboardInterrupt

    start = args_of(path, autotune_validation_file=valid, autotune_duration=60)
    model, _ = autotune(start, {"epoch", "dim"}, callback=stop)
    assert model.dictionary.n_labels == 7
    assert "interrupted: the best of 2 trials is kept" in caplog.text
