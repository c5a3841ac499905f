"""Training out of core: rare words are dropped with a known error, numbers of texts lie in files,
windows of features are read, and a promise of memory is kept or refused.
"""

import collections
import errno
import gc
import io
import itertools
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.stages import zipf_corpus
from fasttext_lite import system
from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.reader import CorpusReader
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.disk import columns
from fasttext_lite.disk.columns import Column
from fasttext_lite.disk.promise import LEAST, RESERVED, Promise, promise, promised
from fasttext_lite.errors import InputError, SettingError
from fasttext_lite.features import gains
from fasttext_lite.features.kernels import gains as gains_kernels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.fitting import streaming
from fasttext_lite.fitting.streaming import prepare_file
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.training import windows
from fasttext_lite.training.run import rows_apart
from fasttext_lite.training.windows import Visits

pytestmark = pytest.mark.bounds

PLAIN = Config(lowercase=False, analyzer="whitespace", word_ngrams=1)


# -- words -----------------------------------------------------------------------------------
def counted(texts, most_words, chunk=50):
    """Return a vocabulary that counted texts, and how often each word occurs."""
    vocabulary, truth = Vocabulary(most_words), collections.Counter()
    for start in range(0, len(texts), chunk):
        part = texts[start : start + chunk]
        vocabulary.add(analyze(Texts.from_sequence(part), PLAIN))
        truth.update(word.encode() for text in part for word in text.split())
    return vocabulary, truth


def check_counts(vocabulary, truth, most_words, min_count=3):
    """Check that counts are as good as they are said to be, and that frequent words are kept."""
    pool, bounds = vocabulary._pool, vocabulary._offsets[: vocabulary.n_words]
    counts = {
        pool[a:b].tobytes(): int(n)
        for (a, b), n in zip(bounds, vocabulary._counts[: vocabulary.n_words], strict=True)
    }
    assert len(counts) == vocabulary.n_words  # none is there twice
    assert vocabulary.n_tokens == truth.total()
    for word, n in truth.items():
        assert n - vocabulary.missed <= counts.get(word, 0) <= n
    assert vocabulary.missed <= 2 * truth.total() / (most_words - 1)
    words, ends = vocabulary.words(PLAIN.replace(min_count=min_count))
    kept = {words[a:b].tobytes() for a, b in itertools.pairwise(np.append(0, ends))}
    assert kept >= {word for word, n in truth.items() if n >= min_count + vocabulary.missed}
    assert all(truth[word] >= min_count for word in kept)


@pytest.mark.parametrize("most_words", [30, 200, 5000])
def test_words_of_a_zipf_stream_are_counted_as_well_as_is_said(most_words):
    rng = np.random.default_rng(0)
    words = rng.zipf(1.3, 8000).clip(max=10**7)
    texts = [" ".join(f"w{word}" for word in part) for part in np.split(words, 800)]
    vocabulary, truth = counted(texts, most_words)
    check_counts(vocabulary, truth, most_words)
    assert bool(vocabulary.missed) == (len(truth) > most_words)
    top = [word for word, _ in truth.most_common(5)]
    words, ends = vocabulary.words(PLAIN)
    assert [words[a:b].tobytes() for a, b in itertools.pairwise(np.append(0, ends[:5]))] == top


def test_an_adversary_can_hide_no_frequent_word():
    """Every other word is a new one, so that what was counted is dropped again and again."""
    texts = [f"rare{i} often rare{i}b seldom{i % 400}" for i in range(2000)]
    vocabulary, truth = counted(texts, 64)
    assert vocabulary.missed > 1
    check_counts(vocabulary, truth, 64)


def test_a_word_that_comes_late_is_counted_from_then_on():
    texts = [f"a{i} b{i}" for i in range(500)] + ["late"] * 300 + [f"c{i}" for i in range(300)]
    vocabulary, truth = counted(texts, 50)
    check_counts(vocabulary, truth, 50)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=6), max_size=60), st.integers(2, 12)
)
def test_counts_of_any_stream(numbers, most_words):
    texts = [" ".join(f"{n}" for n in each) for each in numbers]
    vocabulary, truth = counted(texts, most_words, 3)
    check_counts(vocabulary, truth, most_words, 1)


def test_bytes_of_long_words_are_bounded_too():
    texts = ["x" * 500 + f"{i} short" for i in range(200)]
    vocabulary, truth = counted(texts, 100, 1)
    assert vocabulary._pool.size <= 24 * 100 + 2 * 510  # and one text
    words, ends = vocabulary.words(PLAIN)
    assert words[: ends[0]].tobytes() == b"short"
    assert truth[b"short"] - vocabulary.missed <= vocabulary._counts.max() <= 200


# -- gains -----------------------------------------------------------------------------------
def test_gains_of_counts():
    found = np.array([[2, 0, 1], [0, 0, 0], [1, 1, 1], [0, 5, 0]], np.int32)
    prior, measured = np.array([0.5, 0.3, 0.2]), np.zeros(4, np.float32)
    gains_kernels.gains_of_counts(found, prior, 1.5, measured)
    for counts, gain in zip(found, measured, strict=True):
        n, q = counts.sum(), counts / prior
        p = ((n * q / q.sum() if n else 0 * q) + 1.5 / 3) / (n + 1.5)
        assert gain == pytest.approx(float((p * np.log(3 * p)).sum()), abs=1e-6)


def gains_of(corpus, **others):
    return prepare_file(CorpusReader(corpus), Config(), **others).space.gains


@pytest.mark.parametrize("listed, cached", [(300, 1 << 18), (1 << 24, 100), (300, 100)])
def test_gains_are_the_same_however_many_rows_are_measured_at_a_time(
    corpus, monkeypatch, listed, cached
):
    expected = gains_of(corpus)
    monkeypatch.setattr(gains, "LISTED", listed)
    monkeypatch.setattr(gains, "CACHED", cached)
    monkeypatch.setattr(gains, "SORTED", 3_000)
    monkeypatch.setattr(gains, "_shift", lambda n_rows, n_labels: 2)
    for n_threads in (1, 3):
        found = gains_of(corpus, n_threads=n_threads)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert len(np.unique(expected)) > 10


def test_labels_are_counted_or_listed_whichever_is_shorter(corpus, monkeypatch):
    sizes = np.array([400, 300, 5, 5, 1])
    (ranges,) = gains._groups(sizes, 10, np.dtype(np.int32), 1, 0)
    (counted, listed) = ranges
    assert (counted.first, counted.last, counted.found.shape) == (1, 3, (2, 10))
    assert (listed.first, listed.last, listed.found.shape) == (3, 6, (11,))
    assert listed.begins.tolist() == listed.ends.tolist() == [0, 5, 10]
    expected = gains_of(corpus)
    groups, kinds = gains._groups, set()

    def listed_alone(sizes, n_labels, *others):
        kinds.update(each.found.ndim for each in itertools.chain(*groups(sizes, n_labels, *others)))
        for ranges in groups(sizes, 1 << 20, *others):
            assert {each.found.ndim for each in ranges} == {1}
            yield ranges

    monkeypatch.setattr(gains, "_groups", listed_alone)
    np.testing.assert_allclose(gains_of(corpus), expected, rtol=1e-5)
    assert kinds == {1, 2}


def test_groups_of_ranges_cover_all_rows_within_what_is_promised(monkeypatch):
    rng = np.random.default_rng(1)
    sizes = np.sort(rng.zipf(1.3, 60_000).clip(max=40_000))[::-1].astype(np.int64)
    for order, listed in ((sizes, 1 << 24), (sizes, 9_000), (rng.permutation(sizes), 9_000)):
        monkeypatch.setattr(gains, "LISTED", listed)
        last, most = 1, max(4 * listed, 4 * sizes[0])
        for ranges in gains._groups(order, 500, np.dtype(np.uint16), 1, 1):
            assert 0 < len(ranges) <= 255
            assert len(ranges) == 1 or sum(one.found.nbytes for one in ranges) <= most
            for one in ranges:
                assert one.first == last < one.last
                assert one.last % 2 == 0 or one.last == 60_001
                last = one.last
        assert last == 60_001


@pytest.mark.parametrize("limit", [None, LEAST, 10**9])
@pytest.mark.parametrize("n_labels", [10, 1000, 300_000])
def test_few_frequent_rows_do_not_make_their_neighbours_be_counted(limit, n_labels):
    """Which would take a count of each label for some hundred rows of one text."""
    sizes = np.ones(6_000_000, np.int64)
    sizes[:3] = 4 * n_labels
    with promise(limit):
        most = gains.LISTED if limit is None else Promise(limit).listed
        shift = gains._shift(sizes.size, n_labels)
        for ranges in gains._groups(sizes, n_labels, np.dtype(np.int32), 1, shift):
            assert len(ranges) == 1 or sum(one.found.nbytes for one in ranges) <= 4 * most
            for one in ranges:
                assert one.found.nbytes <= max(most, 12 * n_labels)
    assert n_labels > 10 or shift == 8  # nothing is lost where it is not needed


# -- numbers of texts ------------------------------------------------------------------------
@pytest.mark.parametrize("is_filed", [False, True])
def test_columns_hold_what_they_are_given(is_filed):
    column = Column(np.int64, is_filed)
    for part in ([1, 2], [], [3]):
        column.append(np.array(part))
    found = column.array()
    columns.release()
    assert found.dtype == np.int64 and found.tolist() == [1, 2, 3]
    found[1] = 7
    columns.release()
    assert found.tolist() == [1, 7, 3]
    assert columns.is_filed(found) == columns.is_filed(found[1:]) == is_filed
    assert Column(np.int32, is_filed).array().size == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_a_column_that_is_forgotten_on_a_full_disk_says_nothing(monkeypatch, capfd):
    """Its error was told once; no traceback of closing what is left comes after it."""
    monkeypatch.setattr(system, "nameless_file", partial(open, "/dev/full", "w+b"))
    column = Column(np.int64, is_filed=True)
    column.append(np.ones(3))
    del column
    column = Column(np.int64, is_filed=True)
    with pytest.raises(OSError, match="No space left") as error:
        column.append(np.ones(1 << 17))
    assert error.value.filename == system.temporary_folder()
    del column, error
    gc.collect()
    column = Column(np.int64, is_filed=True)
    column.append(np.ones(3))
    with pytest.raises(OSError, match="No space left") as error:
        column.array()
    assert error.value.filename == system.temporary_folder()
    del column, error
    gc.collect()
    assert capfd.readouterr().err == ""


def test_a_full_disk_under_a_column_is_called_by_its_folder(monkeypatch, tmp_path):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("fasttext_lite.system.nameless_file", Full)
    with pytest.raises(OSError, match="No space left") as caught:
        Column(np.int32, True).append(np.arange(3))
    assert caught.value.filename == str(tmp_path)


def test_texts_to_look_at_are_drawn_without_a_list_of_all(monkeypatch):
    monkeypatch.setattr("fasttext_lite.corpus.labels._PART", 10)
    indptr = np.append(0, np.cumsum(np.arange(1000) % 5 != 0))
    labels = Labels(np.zeros(indptr[-1], np.int32), indptr, ["a"])
    docs = labels.some(6, np.random.default_rng(1))
    assert len(set(docs.tolist())) == 6 and (docs % 5 != 0).all() and (np.diff(docs) > 0).all()
    every = labels.some(900, np.random.default_rng(1))
    assert every.tolist() == [i for i in range(1000) if i % 5]
    assert labels.is_multilabel and labels.counts().tolist() == [800]


# -- windows ---------------------------------------------------------------------------------
@pytest.fixture
def corpus(tmp_path):
    """Return a file of 1,200 texts that begin with their number, sorted by label."""
    rng = np.random.default_rng(3)
    lines = [
        f"{'abc'[i // 400]}\tn{i} " + " ".join(f"w{n}" for n in rng.integers(0, 50, 6))
        for i in range(1200)
    ]
    path = tmp_path / "train.tsv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


@pytest.fixture
def mapped(corpus, monkeypatch):
    """Return features of the file that lie in files."""
    for name in ("MADE_IN_FILES", "SPILL_BYTES"):
        monkeypatch.setattr(streaming, name, 10)
    return prepare_file(CorpusReader(corpus), Config(min_df=1))


def visits_of(mapped, monkeypatch, shuffle=True, order=None):
    """Return visits in windows of 8 runs of about 8 documents."""
    monkeypatch.setattr(windows, "RUNS", 8)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 8 * mapped.features.ids.size * 64 // 1200)
    order = np.arange(1200, dtype=np.int32) if order is None else order
    weights = np.arange(1200, dtype=np.float32)
    found = Visits(mapped.features, mapped.labels, weights, order, shuffle)
    assert found.size % 8 == 0 and 40 <= found.size <= 80
    return found


def visited(visits, seed, first=0):
    """Return the documents of an epoch, told by the weight of each; all else is checked."""
    edges = visits.edges(20)
    epoch, found = visits.epoch(seed, first), []
    for a, b in itertools.pairwise(edges[edges >= first].tolist()):
        assert a // visits.size == (b - 1) // visits.size  # of one window
        numbers, docs = epoch.block(a, b)
        for number in numbers:
            doc = int(docs.doc_weights[number])
            for ids, indptr, there, places in (
                (docs.ids, docs.indptr, visits.features.ids, visits.features.indptr),
                (docs.weights, docs.indptr, visits.features.weights, visits.features.indptr),
                (docs.label_ids, docs.label_indptr, visits.labels.ids, visits.labels.indptr),
            ):
                part = ids[indptr[number] : indptr[number + 1]]
                np.testing.assert_array_equal(part, there[places[doc] : places[doc + 1]])
            found.append(doc)
    epoch.close()
    return found


def test_each_document_is_visited_once_an_epoch_in_mixed_runs(mapped, monkeypatch):
    visits = visits_of(mapped, monkeypatch)
    found, again, other = (visited(visits, seed) for seed in (5, 5, 6))
    assert sorted(found) == list(range(1200))
    assert found == again != other
    window = np.array(found[: visits.size])
    assert len(set(window // visits.run)) <= 9  # eight runs, one of which may be cut
    assert (np.abs(np.diff(window)) > 1).mean() > 0.5  # mixed
    assert np.ptp(window) > 400  # of several labels
    assert visited(visits, 5, visits.size) == found[visits.size :]


def test_a_thread_may_be_late_for_its_block(mapped, monkeypatch):
    visits = visits_of(mapped, monkeypatch)
    edges = visits.edges(visits.size // 4)
    blocks = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    late = [blocks[0], blocks[2]]  # when all others have been trained on
    epoch, found = visits.epoch(5, 0), []
    for a, b in [block for block in blocks if block not in late] + late:
        numbers, docs = epoch.block(a, b)
        found += docs.doc_weights[numbers].tolist()
        assert len(epoch._held) <= 2
    assert not epoch._held
    epoch.close()
    assert sorted(found) == list(range(1200))


def test_without_shuffling_documents_come_in_their_order(mapped, monkeypatch):
    assert visited(visits_of(mapped, monkeypatch, shuffle=False), 5) == list(range(1200))


def test_documents_that_weigh_more_are_visited_more_often(mapped, monkeypatch):
    order = np.repeat(np.arange(1200, dtype=np.int32), np.where(np.arange(1200) % 7, 1, 3))
    found = visited(visits_of(mapped, monkeypatch, order=order[order % 2 == 0]), 1)
    assert collections.Counter(found) == collections.Counter(order[order % 2 == 0].tolist())


@pytest.mark.skipif(not system.can_stay_open(), reason="there files are read as mapped")
def test_rows_that_many_texts_have_are_counted_without_mapped_pages(mapped):
    features, order = mapped.features, np.arange(1200, dtype=np.int32)
    held = FeatureMatrix(features.ids.copy(), features.weights.copy(), features.indptr)
    poison = np.zeros_like(features.ids)  # what is in memory is not looked at
    filed = FeatureMatrix(poison, features.weights, features.indptr, features.maps)
    assert rows_apart(filed, order) == rows_apart(held, order) > 1


@pytest.mark.parametrize("is_open", [True, False])
def test_parts_of_files_are_read_as_they_are(tmp_path, monkeypatch, is_open):
    monkeypatch.setattr(system, "can_stay_open", lambda: is_open)
    array = np.arange(1000, dtype=np.int32)
    with open(tmp_path / "ids", "w+b") as file:
        file.write(array.tobytes())
        file.flush()
        mapped = system.map_and_hold(file)
    there, into = np.frombuffer(mapped, np.int32), np.full(9, -1, np.int32)
    system.read_parts(mapped, there, into, [990, 3], [0, 5], [4, 9])
    assert into.tolist() == [990, 991, 992, 993, -1, 3, 4, 5, 6]


# -- the promise -----------------------------------------------------------------------------
def test_a_promise_shares_what_is_free():
    with pytest.raises(SettingError, match="299 MB are too few: the least is 300M"):
        Promise(299_000_000)
    with pytest.raises(SettingError, match=r"299\.9 MB are too few: the least is 300M"):
        Promise(299_999_999)
    small, large = Promise(LEAST), Promise(2 * 10**9)
    assert 0 < small.free == LEAST - RESERVED
    for each in (small, large):
        words = each.words * 120 / 2
        rows = each.rows(64, each.words)
        assert words + rows * (64 + 72) + 4 * each.window <= each.free
        assert each.rows(64, each.words, each.free // 10) < rows
    assert large.words > 10 * small.words and large.sampled(64, 2) > 10 * small.sampled(64, 2)
    with promise(None):
        assert promised() is None
    with promise(10**9), promise(2 * 10**9) as inner:
        assert promised() is inner
    assert promised() is None


def test_a_line_that_has_no_room_is_named(tmp_path):
    path = tmp_path / "long.tsv"
    path.write_bytes(b"a\tshort\nb\t" + b"x " * (4 << 20) + b"\n")
    with promise(LEAST), pytest.raises(InputError, match="long.tsv: a line has more than 2.1 MB"):
        list(CorpusReader(str(path), chunk_bytes=1 << 20))
    assert sum(map(len, CorpusReader(str(path), chunk_bytes=1 << 20))) == 2


def run(capsys, *arguments):
    code = app.main([str(each) for each in arguments])
    return code, capsys.readouterr()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--memory", "200M"], "200 MB are too few: the least is 300M"),
        (["--memory", "2000"], "2,000 bytes are too few: the least is 300M"),
        (["--memory", "much"], "memory must be a number of bytes such as 2M"),
        (["--memory", "1G", "--word-dropout", "0.1"], "noise in words cannot be kept within it"),
        (["--memory", "1G", "--patience", "2"], "--patience without --valid cannot be kept"),
    ],
)
def test_what_cannot_be_promised_is_refused(corpus, tmp_path, capsys, flags, expected):
    try:
        code, said = run(capsys, "train", corpus, "-o", tmp_path / "m.ftl", *flags)
    except SystemExit as stop:
        code, said = stop.code, capsys.readouterr()
    assert code == 2 and expected in said.err and said.err.count("\n") == 1
    assert not (tmp_path / "m.ftl").exists()


def test_a_promise_that_was_not_kept_is_told(corpus, tmp_path, capsys, monkeypatch):
    flags = ("-o", tmp_path / "m.ftl", "--memory", "1G", "--epochs", "1")
    monkeypatch.setattr(system, "peak_memory", lambda: 1_100_000_000)
    code, said = run(capsys, "train", corpus, *flags)
    assert code == 0 and "--memory was not kept: 1100 MB were taken, of 1000" in said.err
    monkeypatch.setattr(system, "peak_memory", lambda: 900_000_000)
    code, said = run(capsys, "train", corpus, *flags)
    assert code == 0 and said.err == ""


def test_auto_is_four_fifths_of_what_there_is(corpus, tmp_path, capsys, monkeypatch):
    limit = system.memory_limit()
    assert limit == 0 or limit > 1 << 28
    monkeypatch.setattr(system, "memory_limit", lambda: 300_000_000)
    code, said = run(capsys, "train", corpus, "-o", tmp_path / "m.ftl", "--memory", "auto")
    assert code == 2 and "240 MB are too few" in said.err


def test_the_limit_of_a_container_is_found(tmp_path, monkeypatch):
    file = tmp_path / "memory.max"
    file.write_text("123456789\n")
    other = tmp_path / "none"
    other.write_text("max\n")
    monkeypatch.setattr(system, "_memory_groups", lambda: [str(other), str(file), "missing"])
    assert system.memory_limit() == 123456789


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")
def test_a_process_keeps_its_promise(tmp_path):
    """Of texts whose features and words would take more; and the model is as good."""
    files = zipf_corpus.write(tmp_path, 12_000_000, 3, 5)
    flags = ("--word-ngrams", "2", "--epochs", "1", "--dim", "16", "--memory", "320M", "-q")
    script = (
        "import sys\n"
        "from fasttext_lite import system\n"
        "from fasttext_lite.cli import app\n"
        "code = app.main(sys.argv[1:])\n"
        "print(code, system.peak_memory())"
    )
    command = [sys.executable, "-c", script, "train", *files, "-o", str(tmp_path / "m.ftl")]
    command += [*flags, "--preset", "fasttext"]
    for _ in range(2):  # compiling takes memory of its own, the first time
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        code, peak = map(int, done.stdout.split())
        if peak < 320_000_000:
            break
    assert code == 0 and peak < 320_000_000


# -- the corpus of the benchmark -------------------------------------------------------------
def test_the_generated_corpus_is_what_it_says(tmp_path):
    files = zipf_corpus.write(tmp_path / "a", 3_000_000, 2, 10)
    again = zipf_corpus.write(tmp_path / "b", 3_000_000, 2, 10)
    data = [Path(path).read_bytes() for path in files]
    assert data == [Path(path).read_bytes() for path in again]
    assert 3_000_000 <= sum(map(len, data)) < 8_000_000
    rows = [line.split("\t") for line in b"".join(data).decode().splitlines()]
    labels = collections.Counter(label for label, _ in rows)
    assert len(labels) == 10
    assert 1.5 < labels["L00000"] / labels["L00001"] < 2.5  # in proportion to 1 / rank
    words = collections.Counter(word for _, text in rows for word in text.split(" "))
    ranks = [n for _, n in words.most_common(100)]
    assert 1.5 < ranks[0] / ranks[1] < 2.5 and 6 < ranks[0] / ranks[9] < 14
    assert sum(n == 1 for n in words.values()) > 0.2 * len(words)


def test_words_of_the_generated_corpus_are_all_different():
    numbers = np.concatenate([np.arange(400_000), np.arange(8_000_000, 8_100_000)])
    cells = zipf_corpus.spell(numbers)
    assert np.unique(cells).size == numbers.size
    written = cells[[0, 70, 4900, 343_000]].tobytes().split()
    assert [len(word.strip(b"\0")) for word in written] == [2, 4, 6, 7]
