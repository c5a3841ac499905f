"""Files in chunks and the cache of their features: the same as all at once, whatever happens."""

import dataclasses
import os
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import CorpusReader, read_corpus
from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.features import entries
from fasttext_lite.features.entries import Entries, files_in
from fasttext_lite.fitting import prepare as fitting
from fasttext_lite.fitting import streaming
from fasttext_lite.fitting.fit import fit_prepared
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.fitting.streaming import is_streamable, prepare_file

pytestmark = pytest.mark.bounds

WORDS = ["red", "blue", "Über", "中文", "热", "soup", "car", "👍"]


@pytest.fixture
def file(tmp_path):
    """Return a file of 400 rows, with some that are skipped."""
    rng = np.random.default_rng(3)
    rows = [
        f"{'abc'[i % 3]}\t{' '.join(rng.choice(WORDS, rng.integers(1, 9)))} {'xyz'[i % 3]}{i % 40}"
        for i in range(400)
    ]
    rows[7:7] = ["b\t ", ""]
    path = tmp_path / "train.tsv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return str(path)


def check_same(found, expected):
    """Check that two preparations are the same in every number."""
    assert found.config == expected.config
    assert found.labels.names == expected.labels.names
    assert found.multilabel == expected.multilabel
    for name in ("ids", "indptr"):
        np.testing.assert_array_equal(getattr(found.labels, name), getattr(expected.labels, name))
    for name in ("ids", "weights", "indptr"):
        a, b = getattr(found.features, name), getattr(expected.features, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert found.space.words() == expected.space.words()
    for name in ("row_codes", "frequency", "gains", "n_texts"):
        a, b = getattr(found.space, name), getattr(expected.space, name)
        np.testing.assert_array_equal(a, b)


def at_once(path, config, **options):
    """Return the features of a file that is read as a whole."""
    corpus = read_corpus(path, ReadOptions(**options))
    return prepare(corpus.texts, corpus.labels, config)


@pytest.mark.parametrize("chunk_bytes", [100, 1000, 1 << 24])
@pytest.mark.parametrize("part", [50, 1 << 22])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pooling": "mean", "min_df": 3},
        {"word_ngrams": 3, "eos": True, "min_count": 2, "bias": False},
    ],
)
def test_chunks_equal_the_whole(file, tmp_path, monkeypatch, chunk_bytes, part, changes):
    config = Config(**changes)
    expected = at_once(file, config)
    monkeypatch.setattr(entries, "PART", part)
    reader = CorpusReader(file, chunk_bytes=chunk_bytes)
    check_same(prepare_file(reader, config), expected)
    assert sorted(reader.names) == ["a", "b", "c"]
    assert {why: count for why, (count, _) in reader.skipped.items()} == {
        "without text": 1,
        "that are empty": 1,
    }
    check_same(prepare_file(reader, config, cache=str(tmp_path / "new" / "cache")), expected)


def test_features_of_large_files_lie_in_temporary_files(file, tmp_path, monkeypatch):
    expected = prepare_file(CorpusReader(file), Config())
    assert not expected.features.maps
    for name in ("MADE_IN_FILES", "SPILL_BYTES"):
        monkeypatch.setattr(streaming, name, 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    os.mkdir(tmp_path / "temporary")
    found = prepare_file(CorpusReader(file), Config())
    assert len(found.features.maps) == 2
    check_same(found, expected)
    found.features.release()
    check_same(found, expected)
    assert os.listdir(tmp_path / "temporary") == []
    monkeypatch.setattr(Entries, "append", fail_for_want_of_space)
    with pytest.raises(InputError, match="temporary: cannot .* no space left .* TMPDIR"):
        prepare_file(CorpusReader(file), Config())


def fail_for_want_of_space(*_):
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("changes", [{}, {"min_df": 2}, {"max_features": 20}])
def test_features_made_in_files_are_read_back(file, tmp_path, monkeypatch, changes):
    expected = prepare_file(CorpusReader(file), Config(**changes))
    monkeypatch.setattr(streaming, "MADE_IN_FILES", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = os.listdir(tmp_path)
    found = prepare_file(CorpusReader(file), Config(**changes))
    assert not found.features.maps
    check_same(found, expected)
    assert os.listdir(tmp_path) == before


def test_many_features_of_long_documents_stay_in_files(file, monkeypatch):
    monkeypatch.setattr(streaming, "MADE_IN_FILES", 1000)
    monkeypatch.setattr("fasttext_lite.config.recipe.LONG_DOCUMENT", 1)
    expected = prepare_file(CorpusReader(file), Config())
    assert not expected.features.maps and expected.config.max_features
    monkeypatch.setattr(entries, "MOST_READ", 10)
    found = prepare_file(CorpusReader(file), Config())
    assert len(found.features.maps) == 2
    check_same(found, expected)
    assert not prepare_file(CorpusReader(file), Config(max_features=0)).features.maps


def test_without_room_for_files_features_are_made_in_memory(file, monkeypatch):
    reader = CorpusReader(file)
    expected = prepare_file(reader, Config())
    monkeypatch.setattr(streaming, "MADE_IN_FILES", 1000)
    append = Entries.append

    def in_memory_alone(self, found):
        if self.files is not None:
            fail_for_want_of_space()
        return append(self, found)

    monkeypatch.setattr(Entries, "append", in_memory_alone)
    again = CorpusReader(file)
    check_same(prepare_file(again, Config()), expected)
    assert (again.names, again.skipped) == (reader.names, reader.skipped)


def test_texts_in_pieces_equal_the_whole(file, monkeypatch):
    expected = at_once(file, Config())
    monkeypatch.setattr(fitting, "PIECE_BYTES", 300)
    monkeypatch.setattr(fitting, "WHOLE_BYTES", 300)
    monkeypatch.setattr("fasttext_lite.features.gains.LISTED", 64)
    check_same(at_once(file, Config()), expected)


def test_threads_change_nothing(file):
    check_same(
        prepare_file(CorpusReader(file), Config(), n_threads=3),
        prepare_file(CorpusReader(file), Config(), n_threads=1),
    )


def test_the_cache_is_used_again(file, tmp_path, monkeypatch):
    cache = str(tmp_path / "cache")
    first = CorpusReader(file)
    expected = prepare_file(first, Config(), cache=cache)
    assert len(expected.features.maps) == 2, "the features are mapped"
    (folder,) = os.listdir(cache)
    monkeypatch.setattr(streaming, "prepare_pieces", None)  # nothing is made again
    again = CorpusReader(file)
    check_same(prepare_file(again, Config(), cache=cache), expected)
    assert (again.names, again.skipped) == (first.names, first.skipped)
    # Other settings of training, another name of the same content.
    os.rename(file, file + "2")
    found = prepare_file(CorpusReader(file + "2"), Config(epochs=9, lr=0.3), cache=cache)
    np.testing.assert_array_equal(found.features.ids, expected.features.ids)
    assert (found.config.epochs, found.config.lr) == (9, 0.3)
    assert os.listdir(cache) == [folder]


@pytest.mark.parametrize("name", ["text", *FEATURE_FIELDS, "head", "dim", "format", "multilabel"])
def test_what_decides_about_features_makes_a_cache_of_its_own(file, tmp_path, name):
    cache = str(tmp_path / "cache")
    prepare_file(CorpusReader(file), Config(), cache=cache)
    other = {
        "analyzer": "char", "lowercase": False, "nfkc": True, "simplify": True, "stop_words": "a",
        "user_dictionary": "a 5", "dictionary": "云 5", "lone_marks": False, "script_rules": False,
        "eos": True, "word_ngrams": 3, "boundaries": False, "minn": 1,
        "maxn": 3, "min_count": 2, "min_df": 2, "max_features": 9,
        "bucket": 9, "pooling": "tfidf",
        "char_energy": 2, "supervision": 0.1, "pseudo_count": 3, "bias": False,
        "head": "learned", "dim": 2,
    }  # fmt: skip
    config, options, multilabel = Config(), ReadOptions(), False
    if name == "text":
        with open(file, "a", encoding="utf-8") as stream:
            stream.write("a\tone more\n")
    elif name == "format":
        options = ReadOptions(format="tsv")
    elif name == "multilabel":
        multilabel = True
    else:
        words = {"analyzer": "jieba"} if "dictionary" in name else {}
        config = Config(**{name: other[name]}, **words)
    reader = CorpusReader(file, options)
    found = prepare_file(reader, config, multilabel=multilabel, cache=cache)
    assert len(os.listdir(cache)) == 2
    if name in FEATURE_FIELDS:
        check_same(found, at_once(file, config))


@pytest.mark.parametrize("damage", ["short", "gone", "json", "row", "label", "order", "type"])
def test_a_damaged_cache_is_made_again(file, tmp_path, damage):
    cache, expected = str(tmp_path / "cache"), at_once(file, Config())
    prepare_file(CorpusReader(file), Config(), cache=cache)
    (folder,) = (os.path.join(cache, name) for name in os.listdir(cache))
    ids, rest = os.path.join(folder, "ids.bin"), os.path.join(folder, "rest.safetensors")
    if damage == "short":
        os.truncate(ids, os.path.getsize(ids) - 4)
    elif damage == "gone":
        os.unlink(ids)
    elif damage == "json":
        with open(rest, "r+b") as stream:
            data = stream.read().replace(b'\\"names\\"', b'\\"namez\\"', 1)
            stream.seek(0)
            stream.write(data)
    elif damage == "row":
        np.memmap(ids, np.int32, "r+")[3] = expected.space.n_rows
    else:
        from safetensors import safe_open
        from safetensors.numpy import load_file, save_file

        with safe_open(rest, framework="numpy") as stream:
            about = stream.metadata()
        arrays = load_file(rest)
        if damage == "label":
            arrays["label_ids"][5] = -1
        elif damage == "order":
            arrays["indptr"][5] = arrays["indptr"][4] - 1
        else:
            arrays["frequency"] = arrays["frequency"].astype(np.int64)
        save_file(arrays, rest, about)
    check_same(prepare_file(CorpusReader(file), Config(), cache=cache), expected)
    assert len(os.listdir(cache)) == 1
    check_same(prepare_file(CorpusReader(file), Config(), cache=cache), expected)


def test_errors_leave_nothing_behind(file, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    with pytest.raises(InputError, match="blocked: cannot keep the features here: "):
        prepare_file(CorpusReader(file), Config(), cache=str(blocked))
    bad = tmp_path / "bad.tsv"
    bad.write_text("a\tone\na\ttwo\n")
    with pytest.raises(TrainingError, match="at least 2 labels; found 1"):
        prepare_file(CorpusReader(str(bad)), Config(), cache=str(cache))
    with pytest.raises(InputError, match="missing.tsv: no such file"):
        prepare_file(CorpusReader(str(tmp_path / "missing.tsv")), Config(), cache=str(cache))
    monkeypatch.setattr(Entries, "append", fail_for_want_of_space)
    with pytest.raises(InputError, match="keep the features here: no space left on device"):
        prepare_file(CorpusReader(file), Config(), cache=str(cache))
    assert not cache.exists()


class Full:
    """A file on a full disk."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        """Write nothing."""
        fail_for_want_of_space()


@pytest.mark.parametrize("is_there", [False, True])
def test_a_full_disk_is_called_so_and_no_folder_is_left(file, tmp_path, monkeypatch, is_there):
    @contextmanager
    def full_files(folder):
        with files_in(folder) as files:
            yield tuple(map(Full, files))

    monkeypatch.setattr("fasttext_lite.fitting.cache.files_in", full_files)
    folder = tmp_path / "new"
    if is_there:
        folder.mkdir()
    with pytest.raises(InputError, match="keep the features here: no space left on device$"):
        prepare_file(CorpusReader(file), Config(), cache=str(folder))
    assert folder.exists() == is_there and not (is_there and os.listdir(folder))


def test_two_at_once(file, tmp_path):
    cache, found = str(tmp_path / "cache"), []

    def work():
        found.append(prepare_file(CorpusReader(file), Config(), n_threads=1, cache=cache))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = at_once(file, Config())
    assert len(found) == 4 and len(os.listdir(cache)) == 1
    for each in found:
        check_same(each, expected)


def test_what_can_be_read_twice(file, tmp_path):
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    assert is_streamable(file, Config())
    for path in (pipe, "-", str(tmp_path), str(tmp_path / "missing")):
        assert not is_streamable(path, Config())
    for noise in ({"word_dropout": 0.1}, {"word_swap": 0.1}):
        assert not is_streamable(file, Config(**noise))


def test_mapped_features_train_the_same_model(file, tmp_path):
    config = Config(epochs=2)
    mapped = prepare_file(CorpusReader(file), config, cache=str(tmp_path / "cache"))
    model = fit_prepared(mapped, n_threads=1).model
    texts = read_corpus(file).texts
    known = np.mean(model.predict(texts).labels[:, 0] == mapped.labels.ids)
    assert known > 0.8
    copy = dataclasses.replace(mapped.features).slice(0, 10)
    assert copy.maps and len(copy) == 10
    assert model.probabilities(copy).shape == (10, 3)
