"""The recipe that chooses on texts held out: what it tries, what it takes, what it looks at."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from fasttext_lite import FastTextClassifier, FastTextEnsemble, load
from fasttext_lite.cli.app import main
from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import (
    LADDER_LEARNED,
    LADDER_LINEAR,
    LADDER_TO_LABELS,
    candidates,
    resolve,
    variations,
)
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting import fit, ladder
from fasttext_lite.fitting.prepare import MOST_TEXTS, prepare
from fasttext_lite.fitting.prepared import take_prepared
from fasttext_lite.text.analyzers import analyze

RNG = np.random.default_rng


def made_texts(n, seed, wrong=0.0, n_labels=3):
    """Return texts of words that tell the label beside others, and labels, some of them wrong."""
    rng = RNG(seed)
    truth = rng.integers(n_labels, size=n)
    texts = [
        " ".join(
            [f"w{label}x{rng.integers(40)}" for _ in range(2)]
            + [f"z{rng.integers(300)}" for _ in range(6)]
        )
        for label in truth
    ]
    shown = np.where(rng.random(n) < wrong, rng.integers(n_labels, size=n), truth)
    return texts, [f"label{label}" for label in shown]


def spelled_texts(n, seed):
    """Return texts of random words, and labels that only some of the words' ends tell."""
    letters = list("abcdefghijklm")
    ends = ["".join(row) for row in RNG(99).choice(letters, (80, 3))]
    rng = RNG(seed)
    labels = rng.integers(2, size=n)
    stems = rng.choice(letters, (n, 3, 4))
    texts = []
    for label, rows in zip(labels, stems, strict=True):
        words = ["".join(row) for row in rows]
        words[0] += ends[40 * label + rng.integers(40)]
        texts.append(" ".join([*words, *(f"q{rng.integers(400)}" for _ in range(8))]))
    return texts, [f"label{label}" for label in labels]


def prepared_of(texts, rows, config=None, **given):
    return prepare(
        Texts.from_sequence(texts), Labels.from_rows([[row] for row in rows]),
        config or Config(), n_threads=1, **given,
    )  # fmt: skip


# -- what is tried -----------------------------------------------------------------------------
def tried(n_labels, multilabel=False, evenness=None, **settings):
    config = Config(**settings)
    default = resolve(config, n_labels, multilabel, evenness=evenness)
    return candidates(config, default, n_labels, multilabel)


def test_candidates_from_a_strong_fit_to_a_weak_one():
    assert tried(3) == (LADDER_LINEAR, 0)
    assert tried(3, evenness=0.5) == (LADDER_LINEAR, 1), "skewed labels: a margin is the default"
    assert tried(50) == ([{}, *LADDER_LEARNED], 0)
    for n_labels, each in ((3, LADDER_LINEAR), (50, LADDER_LEARNED)):
        configs = [resolve(Config(**settings), n_labels, False) for settings in each]
        assert {config.head for config in configs} == {"linear"}
        rates = [config.lr for config in configs if config.loss == "squared_hinge"]
        assert rates == sorted(rates, reverse=True) and len(rates) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "ova", "lr": 0.3}, {"lr": 0.3}, {"head": "linear"}, {"optimizer": "adam"},
        {"pooling": "mean"}, {"focal": 1.0}, {"recipe": "fixed"},
        {"loss": "hs", "optimizer": "adam"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_set_is_not_tried(settings):
    assert tried(3, **settings) == tried(50, **settings) == ([{}], 0)


@pytest.mark.parametrize(("loss", "lr"), [("hs", 4.0), ("ova", 2.5), ("squared_hinge", 0.12)])
def test_of_a_given_loss_lower_rates_are_tried(loss, lr):
    assert tried(3, loss=loss) == ([{}, {"lr": lr / 2}, {"lr": lr / 4}], 0)
    assert tried(50, loss=loss) == ([{}], 0)


def test_where_there_is_one_way_only():
    assert tried(LADDER_TO_LABELS + 1) == ([{}], 0)
    assert tried(3, multilabel=True) == ([{}], 0)
    assert tried(50, dim=30) == tried(50, units=4) == ([{}], 0)


def test_variations_of_what_is_open():
    assert variations(Config()) == [{"char_energy": 4.0}]
    for closed in ({"char_energy": 1.0}, {"recipe": "fixed"}, {"maxn": 0}, {"pooling": "tfidf"}):
        assert variations(Config(**closed)) == []


# -- what it looks at --------------------------------------------------------------------------
def by_name(space, features):
    """Return the features of each text by the code of their rows."""
    return [
        dict(zip(space.row_codes[features.ids[a:b]].tolist(), features.weights[a:b], strict=True))
        for a, b in zip(features.indptr[:-1], features.indptr[1:], strict=True)
    ]


def test_what_is_held_out_has_no_part_in_what_features_weigh():
    """A part of the texts has the features and gains that it has where it is all there is."""
    texts, rows = made_texts(200, 0)
    config = Config(pseudo_count=2.0, minn=2, maxn=3)
    whole = prepared_of(texts, rows, config)
    labels = whole.labels
    rest, held = np.arange(0, 150), np.arange(150, 200)
    part = ladder.Part(whole, whole.sample.counts, labels, np.ones(200), rest, held)
    found, of_held = part.prepared
    marked = analyze(Texts.from_sequence(texts[:150]), whole.config, 1)
    alone, features = FeatureSpace.fit(marked, whole.config, 1, labels.take(rest))
    # Words of what is held out have numbers in the vocabulary, but no rows.
    shift = whole.space.n_words - alone.n_words
    words = {word: i for i, word in enumerate(whole.space.words())}
    numbers = [words[word] for word in alone.words()]

    def renumbered(rows_of_text):
        return {
            numbers[code] if code < alone.n_words else code + shift: weight
            for code, weight in rows_of_text.items()
        }

    expected = [renumbered(each) for each in by_name(alone, features)]
    for a, b in zip(by_name(found.space, found.features), expected, strict=True):
        assert a == pytest.approx(b, rel=1e-5)
    unseen = alone.transform(analyze(Texts.from_sequence(texts[150:]), whole.config, 1), 1)
    for a, b in zip(by_name(found.space, of_held), by_name(alone, unseen), strict=True):
        assert a == pytest.approx(renumbered(b), rel=1e-5)


@pytest.mark.parametrize("mapped", [False, True])
def test_another_energy_of_characters_is_what_training_with_it_has(mapped, tmp_path):
    from fasttext_lite.features.entries import Entries, files_in
    from fasttext_lite.fitting.prepare import TextPieces, prepare_pieces

    texts, rows = spelled_texts(30, 0)
    labels = Labels.from_rows([[row] for row in rows])

    def features_of(energy, folder):
        folder.mkdir(exist_ok=True)
        pieces = TextPieces(Texts.from_sequence(texts), labels, True)
        with files_in(str(folder)) as files:
            entries = Entries(files) if mapped else Entries()
            return prepare_pieces(pieces, Config(char_energy=energy), n_threads=1, entries=entries)

    one, four = features_of(1.0, tmp_path / "1"), features_of(4.0, tmp_path / "4")
    before = one.features.weights.copy()
    space, features = one.space.with_char_energy(one.features, 4.0)
    assert space.config == four.config and space.config.char_energy == 4
    np.testing.assert_allclose(features.weights, four.features.weights, rtol=1e-5)
    changed = not np.array_equal(one.features.weights, before)
    assert changed != mapped, "files that others may use stay as they are"
    new = Texts.from_sequence(["abcling defg q1", "q1 q2", "abation"])
    marked = analyze(new, space.config, 1)
    found, expected = space.transform(marked), four.space.transform(marked)
    np.testing.assert_array_equal(found.weights, expected.weights)


def test_of_many_texts_a_sample_is_enough(monkeypatch):
    texts, rows = made_texts(300, 0)
    monkeypatch.setattr("fasttext_lite.fitting.prepare.MOST_TEXTS", 100)
    prepared = prepared_of(texts, rows)
    assert prepared.sample.docs.size == len(prepared.sample.counts) == 100 < MOST_TEXTS
    assert (np.diff(prepared.sample.docs) > 0).all()
    chosen = ladder.choose(prepared, 0, 1)
    assert chosen.calibration.n_texts == 100 and chosen.sample is None
    monkeypatch.setattr("fasttext_lite.fitting.prepare.MOST_ENTRIES", 1000)
    assert 5 < prepared_of(texts, rows).sample.docs.size < 100


# -- what it takes -----------------------------------------------------------------------------
def test_a_weaker_fit_is_taken_where_labels_are_noisy_and_not_where_they_are_clean():
    noisy = ladder.choose(prepared_of(*made_texts(3000, 0, wrong=0.6)), 0, 1)
    clean = ladder.choose(prepared_of(*made_texts(3000, 0)), 0, 1)
    assert noisy.config.loss == "squared_hinge" and noisy.choice.chosen > 0
    assert noisy.choice.candidates[noisy.choice.chosen].ahead >= ladder.MARGIN
    assert clean.config.loss == "ova" and clean.choice.chosen == 0
    texts, labels = made_texts(2000, 1)
    scores = []
    for recipe in ("auto", "fixed"):
        clf = FastTextClassifier(recipe=recipe, random_state=0, n_jobs=1)
        scores.append(clf.fit(*made_texts(3000, 0, wrong=0.6)).score(texts, labels))
    assert scores[0] > scores[1] + 0.01


def test_characters_count_more_where_they_tell_more():
    chosen = ladder.choose(prepared_of(*spelled_texts(1500, 0)), 0, 1)
    assert chosen.config.char_energy == chosen.space.config.char_energy == 4
    texts, labels = spelled_texts(1000, 1)
    scores = {}
    for energy in (None, 1.0):
        clf = FastTextClassifier(char_energy=energy, random_state=0, n_jobs=1)
        scores[energy] = clf.fit(*spelled_texts(1500, 0)).score(texts, labels)
        assert clf.model_.config.char_energy == (energy or 4)
    assert scores[None] > scores[1.0]


def test_too_few_texts_tell_nothing():
    texts, rows = made_texts(ladder.LEAST_TEXTS - 1, 0)
    prepared = prepared_of(texts, rows)
    chosen = ladder.choose(prepared, 0, 1)
    assert chosen.choice is None and chosen.calibration is None
    assert chosen.config == prepared.config and chosen.sample is None
    clf = FastTextClassifier(random_state=0).fit(texts, rows)
    assert clf.history_.choice is None and clf.model_.calibration.n_texts == 0


def test_one_or_two_texts_prove_nothing():
    class Step(ladder.Step):
        def __init__(self, right):
            self.right, self.weights = np.array(right, bool), np.ones(len(right))

    same = [True] * 50
    assert Step([True] * 50).ahead_of(Step(same)) == 0
    for n, low, high in ((1, 0.4, 0.6), (2, 0.8, 1.0), (4, 1.4, 1.6), (40, 3, 15)):
        found = Step([True] * 50).ahead_of(Step([False] * n + [True] * (50 - n)))
        assert low < found < high
        assert Step([False] * n + [True] * (50 - n)).ahead_of(Step(same)) == pytest.approx(-found)


@pytest.mark.parametrize("diverges", ["squared_hinge", "all"])
def test_what_diverges_is_no_candidate(diverges, monkeypatch):
    run = ladder.Training.run

    def fail(self, *given):
        if diverges in ("all", self.config.loss):
            raise TrainingError("it diverges")
        return run(self, *given)

    prepared = prepared_of(*made_texts(300, 0, wrong=0.6))
    monkeypatch.setattr(ladder.Training, "run", fail)
    chosen = ladder.choose(prepared, 0, 2)
    assert chosen.config == prepared.config and chosen.choice is None
    assert (chosen.calibration is None) == (diverges == "all")


def alone(n):
    return [f"question number {i}" for i in range(n)], [f"faq{i}" for i in range(n)]


@pytest.mark.parametrize(
    ("texts", "rows", "settings", "weights"),
    [
        (*alone(40), {}, None),  # nothing can be held out
        (*alone(1500), {}, None),
        ([chr(0x4E00 + i) for i in range(1500)], ["a", "b", "c"] * 500, {"maxn": 0}, None),
        (["hello world", *[""] * 99], ["a", "b"] * 50, {}, None),  # one text has all features
        (
            [f"w{i % 7} x{i}" for i in range(200)], ["z", *["a", "b"] * 99, "a"], {},
            np.array([1e30, *[1e-30] * 199]),
        ),
        (
            [f"w{i % 30} y{i % 7}" for i in range(600)], [str(i % 30) for i in range(600)],
            {"feature_dropout": 0.99}, None,  # candidates diverge
        ),
        (*alone(41), {"loss": "hs"}, None),
    ],
    ids=["none twice", "none twice, many", "unknown", "empty", "weights", "diverging", "hs"],
)  # fmt: skip
def test_where_nothing_can_be_learnt_from_what_is_held_out(
    texts, rows, settings, weights, caplog, recwarn
):
    clf = FastTextClassifier(random_state=0, n_jobs=1, word_ngrams=1, **settings)
    clf.fit(texts, rows, weights)
    restarts = [record for record in caplog.records if "starting again" in record.message]
    assert len(restarts) == clf.history_.restarts, "of candidates nothing is told"
    calibration = clf.model_.calibration
    assert calibration.n_texts == 0 or calibration.n_texts >= 40
    assert not [warning for warning in recwarn if warning.category is RuntimeWarning]
    found = clf.predict_proba(texts[:3])
    np.testing.assert_allclose(found.sum(1), 1)


def test_of_very_many_labels_in_a_tree_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(ladder, "MOST_LEAVES", 5)
    texts, rows = made_texts(300, 0, n_labels=6)
    clf = FastTextClassifier(loss="hs", random_state=0, n_jobs=1).fit(texts, rows)
    assert clf.history_.choice is None and clf.model_.calibration.n_texts == 0


def test_where_labels_are_skewed_a_few_texts_prove_less():
    texts, rows = made_texts(2000, 0, wrong=0.3)
    even = prepared_of(texts, rows)
    skewed = prepared_of(texts, ["rare" if i % 25 == 0 else "usual" for i in range(2000)])
    margins = [
        ladder._Ladder(p, p.asked, p.sample, p.labels.evenness, 0, 1).margin for p in (even, skewed)
    ]
    assert margins == [ladder.MARGIN, ladder.MARGIN_OF_FEW]
    assert skewed.config.loss == "squared_hinge" and even.config.loss == "ova"


def test_of_many_texts_some_are_set_aside_to_calibrate_the_model_itself(monkeypatch):
    texts, rows = made_texts(600, 0, wrong=0.3)
    before = ladder.choose(prepared_of(texts, rows), 0, 1)
    monkeypatch.setattr(ladder, "MANY_TEXTS", 500)
    monkeypatch.setattr(ladder, "CALIBRATED_ON", 90)
    config = Config(supervision=0.0, recipe="fixed")
    chosen = ladder.choose(prepared_of(texts, rows, config), 0, 1)
    assert before.aside is None and chosen.aside.size == 90 == np.unique(chosen.aside).size
    model = fit.fit_prepared(chosen, n_threads=1).model
    assert model.calibration.n_texts == 90 and model.calibration != chosen.calibration
    assert chosen.doc_weights is None, "what was given stays"
    # Nothing is learnt from them: with other labels, the rows are the same.
    names = sorted(set(rows))
    other = [names[0] if i in set(chosen.aside) else row for i, row in enumerate(rows)]
    labels = Labels.from_rows([[row] for row in other], chosen.labels.names)
    again = fit.fit_prepared(dataclasses.replace(chosen, labels=labels), n_threads=1).model
    np.testing.assert_array_equal(again.embeddings, model.embeddings)
    assert again.calibration != model.calibration
    # Other settings, rows of other numbers, and parts of the texts have no use for them.
    settings = chosen.config.replace(lr=1.0)
    assert fit.fit_prepared(chosen, settings, n_threads=1).model.calibration.n_texts == 0
    assert take_prepared(chosen, np.arange(50)).aside is None
    clf = FastTextClassifier(l1=0.01, random_state=0, n_jobs=1).fit(texts, rows)
    assert clf.model_.calibration.n_texts > 400
    for recipe in ("auto", "fixed"):
        clf = FastTextClassifier(recipe=recipe, random_state=0, n_jobs=1).fit(texts, rows)
        assert clf.model_.calibration.n_texts == 90


def test_a_cache_of_skewed_labels_brings_the_same_default(tmp_path):
    texts, rows = made_texts(300, 0)
    rows = ["rare" if i % 20 == 0 else "usual" for i in range(300)]
    file = tmp_path / "train.tsv"
    file.write_text("".join(f"{row}\t{text}\n" for row, text in zip(rows, texts, strict=True)))
    found = []
    for name in ("cold.ftl", "warm.ftl"):
        arguments = ["train", str(file), "-o", str(tmp_path / name), "-q", "--seed", "1"]
        assert main([*arguments, "--recipe", "fixed", "--cache", str(tmp_path / "cache")]) == 0
        found.append((tmp_path / name).read_bytes())
    assert found[0] == found[1]
    assert load(tmp_path / "warm.ftl").model_.config.loss == "squared_hinge"


@pytest.mark.parametrize(
    "damage", ["word_ends", "row_codes", "frequency", "gains", "sample_counts", "skipped"]
)
def test_a_cache_that_does_not_fit_together_is_made_again(damage, tmp_path):
    from safetensors import safe_open
    from safetensors.numpy import save_file

    texts, rows = made_texts(60, 0)
    file = tmp_path / "train.tsv"
    file.write_text("".join(f"{row}\t{text}\n" for row, text in zip(rows, texts, strict=True)))
    arguments = ["train", str(file), "-q", "--seed", "1", "--cache", str(tmp_path / "cache"), "-o"]
    assert main([*arguments, str(tmp_path / "a.ftl")]) == 0
    (rest,) = (tmp_path / "cache").glob("*/rest.safetensors")
    with safe_open(rest, framework="numpy") as opened:
        about = json.loads(opened.metadata()["about"])
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    if damage == "skipped":
        about["skipped"] = []
    elif damage == "word_ends":
        arrays[damage] = arrays[damage][::-1].copy()
    elif damage == "row_codes":
        arrays[damage] = arrays[damage] * 0
    elif damage == "frequency":
        arrays[damage] = arrays[damage][:5].copy()
    else:
        arrays[damage] = arrays[damage] * np.float32(np.nan)
    save_file(arrays, rest, {"about": json.dumps(about)})
    assert main([*arguments, str(tmp_path / "b.ftl")]) == 0
    assert (tmp_path / "a.ftl").read_bytes() == (tmp_path / "b.ftl").read_bytes()


def test_without_room_for_changed_features_the_message_says_where(monkeypatch):
    prepared = prepared_of(*spelled_texts(1500, 0))

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FeatureSpace, "with_char_energy", fail)
    monkeypatch.setattr(
        ladder.Part, "with_energy", lambda self, energy: self.prepared if energy != 4 else 1 / 0
    )
    energy = prepared.config.replace(char_energy=4.0)
    step = ladder._Ladder(prepared, prepared.asked, prepared.sample, prepared.labels.evenness, 0, 1)
    steps = step._tried([prepared.config], step.parts)
    steps[0].config = energy
    monkeypatch.setattr(ladder._Ladder, "climb", lambda self: steps)
    with pytest.raises(InputError, match="cannot keep the features here.*TMPDIR"):
        ladder.choose(prepared, 0, 1)


def test_rows_that_l1_would_drop_are_there_for_what_is_held_out():
    texts, rows = made_texts(400, 0)
    clf = FastTextClassifier(l1=0.01, random_state=0, n_jobs=1).fit(texts, rows)
    full = FastTextClassifier(random_state=0, n_jobs=1).fit(texts, rows)
    assert clf.model_.space.n_rows < full.model_.space.n_rows / 2
    assert clf.model_.calibration.n_texts > 300 and clf.score(texts, rows) > 0.9


@pytest.mark.parametrize("recipe", ["auto", "fixed"])
def test_the_seed_alone_decides(recipe):
    texts, rows = made_texts(400, 0, wrong=0.3)
    prepared = prepared_of(texts, rows, Config(recipe=recipe))
    one, two, other = (
        ladder.choose(prepared, seed, threads) for seed, threads in ((0, 1), (0, 4), (1, 1))
    )
    assert one.choice == two.choice and one.calibration == two.calibration
    assert one.calibration != other.calibration
    assert (one.choice is None) == (recipe == "fixed")
    if recipe == "fixed":
        assert one.config == prepared.config


def test_texts_of_more_weight_count_more():
    """Half of the texts is noise, and weighs next to nothing: what is left is clean."""
    texts, rows = made_texts(3000, 0)
    noise = made_texts(3000, 5, wrong=1.0)
    weights = np.repeat([1.0, 0.01], 3000).astype(np.float32)
    prepared = prepared_of([*texts, *noise[0]], [*rows, *noise[1]], doc_weights=weights)
    chosen = ladder.choose(prepared, 0, 1)
    heard = ladder.choose(prepared_of([*texts, *noise[0]], [*rows, *noise[1]]), 0, 1)
    best = [max(each.accuracy for each in x.choice.candidates) for x in (chosen, heard)]
    assert best[0] > 0.9 > 0.75 > best[1]


def test_with_several_labels_and_with_validation_data():
    texts, rows = made_texts(300, 0)
    several = [[row, "odd"] if i % 2 else [row] for i, row in enumerate(rows)]
    clf = FastTextClassifier(random_state=0, n_jobs=1).fit(texts, several)
    assert clf.model_.config.loss == "squared_hinge" and clf.model_.calibration.n_texts == 300
    clf = FastTextClassifier(random_state=0, n_jobs=1, patience=2, epochs=9)
    clf.fit(texts, rows, validation_data=(texts[:50], rows[:50]))
    assert clf.history_.choice is not None and clf.model_.calibration.n_texts == 300
    clf = FastTextClassifier(random_state=0, n_jobs=1, patience=2).fit(texts, rows)
    assert clf.model_.calibration.n_texts == clf.model_.n_texts == 270, "the rest is set aside"


# -- where it works ----------------------------------------------------------------------------
@pytest.mark.parametrize("cache", [False, True])
def test_a_file_is_chosen_for_as_texts_are(cache, tmp_path, capsys):
    texts, rows = made_texts(1500, 0, wrong=0.6)
    file = tmp_path / "train.tsv"
    file.write_text("".join(f"{row}\t{text}\n" for row, text in zip(rows, texts, strict=True)))
    more = ["--cache", str(tmp_path / "cache")] if cache else []
    outputs, choices = [], []
    for name in ("a.ftl", "b.ftl"):
        model = tmp_path / name
        log = tmp_path / "log.jsonl"
        arguments = ["train", str(file), "-o", str(model), "--seed", "0", "--log", str(log), *more]
        assert main(arguments) == 0
        outputs.append(capsys.readouterr().out)
        found = load(model).model_
        choices.append((found.choice, found.calibration))
        end = [json.loads(line) for line in log.read_text().splitlines()][-1]
        assert end["event"] == "end"
        assert end["choice"] == json.loads(json.dumps(found.choice.to_dict()))
    assert choices[0] == choices[1]
    direct = FastTextClassifier(random_state=0, n_jobs=1).fit(texts, rows).history_.choice
    assert found.config.loss == direct.candidates[direct.chosen].settings["loss"]
    line = f"chosen: {found.choice.line()}"
    assert all(line in output for output in outputs)
    assert main(["info", str(tmp_path / "a.ftl")]) == 0
    told = capsys.readouterr().out
    assert found.choice.line() in told and found.calibration.line() in told
    assert main(["info", str(tmp_path / "a.ftl"), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["choice"]["why"] == found.choice.why
    assert values["calibration"] == found.calibration.to_dict()


def test_a_cache_serves_other_settings_of_training(tmp_path):
    texts, rows = made_texts(600, 0, wrong=0.3)
    file = tmp_path / "train.tsv"
    file.write_text("".join(f"{row}\t{text}\n" for row, text in zip(rows, texts, strict=True)))
    cache = str(tmp_path / "cache")
    for flags in ([], ["--recipe", "fixed"], ["--loss", "softmax"], ["--class-weight", "balanced"]):
        kept = []
        for more in (["--cache", cache], []):
            model = tmp_path / "m.ftl"
            arguments = ["train", str(file), "-o", str(model), "-q", "--seed", "0"]
            assert main([*arguments, *flags, *more]) == 0
            found = load(model).model_
            kept.append((found.config, found.choice, found.calibration))
        assert kept[0] == kept[1], flags
    assert len(list((tmp_path / "cache").iterdir())) <= 2


def test_a_grid_search_has_what_it_sets():
    texts, rows = made_texts(300, 0, wrong=0.3)
    grid = {"loss": ["ova", "squared_hinge"], "char_energy": [1.0, 4.0]}
    search = GridSearchCV(FastTextClassifier(random_state=0, n_jobs=1), grid, cv=2)
    search.fit(texts, rows)
    best = search.best_estimator_
    for name, value in search.best_params_.items():
        assert getattr(best.model_.config, name) == value
    for tried_settings in best.history_.choice.candidates:
        assert set(tried_settings.settings) == {"lr"}, "what is not set is open"
    assert best.model_.calibration.n_texts > 250


@pytest.mark.parametrize("method", ["seeds", "snapshot", "bagging"])
def test_an_ensemble_chooses_once(method, monkeypatch):
    called = []
    choose = ladder.choose
    monkeypatch.setattr(
        "fasttext_lite.estimators.ensemble.choose",
        lambda *given: called.append(given) or choose(*given),
    )
    texts, rows = made_texts(1200, 0, wrong=0.6)
    ensemble = FastTextEnsemble(n_members=3, method=method, random_state=0, n_jobs=1)
    ensemble.fit(texts, rows)
    losses = {member.model_.config.loss for member in ensemble.estimators_}
    calibrations = {member.model_.calibration for member in ensemble.estimators_}
    assert len(called) == len(losses) == len(calibrations) == 1
    assert calibrations.pop().n_texts > 0


def test_partial_fit_chooses_nothing():
    texts, rows = made_texts(300, 0)
    clf = FastTextClassifier(random_state=0, n_jobs=1).partial_fit(
        texts, rows, ["label0", "label1", "label2"]
    )
    assert clf.history_.choice is None and clf.model_.calibration.n_texts == 0
    assert clf.partial_fit(texts, rows).score(texts, rows) > 0.9
    found = clf.predict_proba(texts[:5])
    np.testing.assert_allclose(found.sum(1), 1)


def test_trials_on_features_that_are_there_are_trained_as_they_are_told():
    prepared = prepared_of(*made_texts(300, 0))
    chosen = ladder.choose(prepared, 0, 1)
    same = fit.fit_prepared(chosen, n_threads=1).model
    assert same.calibration == chosen.calibration
    other = fit.fit_prepared(chosen, chosen.config.replace(loss="softmax", lr=1.0), n_threads=1)
    assert other.model.calibration.n_texts == 0, "of a model of other settings nothing is known"
