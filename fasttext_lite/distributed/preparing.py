"""Training texts on a cluster become features there; what is known of all comes to the client.

The same as `fitting.prepare` and `fitting.ladder` do in one process, by the same functions: words,
labels and frequencies are counted share by share and joined by a tree of tasks; the labels of each
feature are brought together by ranges of rows; the settings are chosen on a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels, evenness_of
from fasttext_lite.distributed import pieces, shares
from fasttext_lite.distributed.cluster import Job
from fasttext_lite.distributed.sources import Columns, Source
from fasttext_lite.errors import InputError, SettingError, TrainingError
from fasttext_lite.estimators.targets import Target, named_weights
from fasttext_lite.features.gains import MOST_DOCS, asked_rows, pseudo_count_of
from fasttext_lite.features.matrix import Counts, FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.ladder import chosen, set_apart
from fasttext_lite.fitting.prepare import sampled
from fasttext_lite.fitting.prepared import Prepared, Sample
from fasttext_lite.model.run import BALANCED

if TYPE_CHECKING:
    from distributed import Future

MOST_RANGES = 16  # of rows; each share goes over its features once for each
# Mean distance of the labels' shares in a share of the texts from those in all, above which texts
# change places: training on one label after another unlearns each.
MOST_UNEVEN = 0.1


@dataclass
class Ready:
    """Training texts on the cluster, and what the client knows of them.

    Attributes
    ----------
    prepared : Prepared
        With the settings chosen; its texts are those of the sample.
    target : Target
        The classes; of no text.
    counts : int64[n_labels]
        How often each label occurs.
    n_texts : int
    weighing : pieces.Weighing
    numbered : list of Future
        The shares, before their features are weighed.
    n_labelled : list of int
        Texts of each share that have a label.
    aside : int64[n_aside], optional
        Ranks, among the labelled texts of all, of those that the model is calibrated on.
    uneven : float
        See `MOST_UNEVEN`.
    n_entries : int
        Features of all texts together.
    """

    prepared: Prepared
    target: Target
    counts: np.ndarray
    n_texts: int
    weighing: pieces.Weighing
    numbered: list[Future]
    n_labelled: list[int]
    aside: np.ndarray | None = None
    uneven: float = 0.0
    n_entries: int = 0

    def of_shares(self, ranks: np.ndarray) -> list[np.ndarray]:
        """Return ranks among the labelled texts of all as ranks in each share."""
        ends = np.cumsum([0, *self.n_labelled])
        return [
            ranks[(ranks >= first) & (ranks < last)] - first
            for first, last in zip(ends[:-1], ends[1:], strict=True)
        ]

    def taken(self, job: Job, name: str, ranks: np.ndarray) -> tuple[Counts, Labels, Any]:
        """Return some texts, before their features are weighed, labels and weights."""
        found = job.gather(job.map(name, pieces.take_piece, self.numbered, self.of_shares(ranks)))
        some = pieces.join_pieces(found, self.target.labels.names)
        return (
            some.counts, some.labels,
            pieces.text_weights(some.labels, some.weights, self.weighing),
        )  # fmt: skip


def prepare(
    job: Job,
    sources: Sequence[Source],
    columns: Columns,
    config: Config,
    *,
    class_weight: Any = None,
    seed: int = 0,
    n_threads: int = 1,
) -> Ready:
    """Make features of training texts on a cluster, and choose the settings that are left open.

    Parameters
    ----------
    job : Job
    sources : sequence of Source
    columns : Columns
    config : Config
    class_weight : "balanced", dict or None
        By the labels themselves.
    seed : int
    n_threads : int
        Of the client, that settings are tried with.

    Raises
    ------
    InputError
        If a source cannot be read, or none has a text.
    TrainingError
        If there are fewer than two labels.
    """
    loaded = _load(job, sources, columns, config)
    summary = job.joined(
        "join words", job.map("count", shares.summary_of, loaded), shares.join_summaries
    )
    target, asked = _target_of(summary, len(sources)), config
    config = _resolved(config, summary, target)
    pool, word_ends = summary.vocabulary.words(config)
    known = shares.Known(config, pool, word_ends, summary.classes)
    held = job.held("words", known)
    coded = job.map("codes", shares.find_codes, loaded, [held] * len(loaded))
    del loaded
    frequency = job.joined(
        "join frequencies", job.map("frequencies", shares.frequency_of, coded),
        shares.join_frequencies,
    )  # fmt: skip
    counts = np.rint(summary.counts).astype(np.int64)
    space = _space_of(known, frequency, summary.vocabulary.n_texts)
    held = job.held("rows", space.row_codes)
    numbered = job.map("rows", shares.find_rows, coded, [held] * len(coded), [config] * len(coded))
    del coded
    space = _with_gains(job, space, numbered, counts, target.labels.names)
    ready = Ready(
        Prepared(space.config, space, _nothing(), target.labels, target.kind != "single",
                 asked=asked, are_cut=not summary.cut_here),
        target, counts, space.n_texts, _weighing(space, summary, target, class_weight), numbered,
        [n for _, n, _ in summary.sizes], uneven=_uneven(summary), n_entries=frequency.n_entries,
    )  # fmt: skip
    return _choose(job, ready, evenness_of(counts), seed, n_threads)


def _load(job: Job, sources: Sequence[Source], columns: Columns, config: Config) -> list[Future]:
    """Return the shares: neighbouring sources, one for each thread of the cluster."""
    n = min(job.width, len(sources))
    edges = [len(sources) * i // n for i in range(n + 1)]
    blocks = computed(job, sources)
    loaded = []
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        about = [(source.where, source.kind) for source in sources[first:last]]
        loaded.append(job.submit("read", shares.load, about, blocks[first:last], columns, config))
    return loaded


def computed(job: Job, sources: Sequence[Source]) -> list[list[Any]]:
    """Return the blocks of sources: paths, and futures of partitions."""
    flat = [block for source in sources for block in source.blocks if source.kind != "path"]
    futures = iter(job.computed(flat))
    return [
        list(source.blocks) if source.kind == "path" else [next(futures) for _ in source.blocks]
        for source in sources
    ]


def _target_of(summary: shares.Summary, n_sources: int) -> Target:
    """Return the classes of all texts.

    Raises
    ------
    InputError
        If there is no text, or some have one label and others lists of labels.
    TrainingError
        If there are fewer than two labels.
    """
    if not summary.vocabulary.n_texts:
        raise InputError(f"no labelled text in {n_sources} partitions or parts")
    if len(summary.kinds) > 1:
        raise InputError("some partitions have one label for each text, others lists of labels")
    names = summary.names
    if len(names) < 2:
        found = f" ({names[0]!r})" * len(names)
        raise TrainingError(f"a classifier needs at least 2 labels; found {len(names)}{found}")
    (kind,) = summary.kinds
    labels = Labels(np.empty(0, np.int32), np.zeros(1, np.int64), names)
    return Target(kind, summary.classes, labels)


def _resolved(config: Config, summary: shares.Summary, target: Target) -> Config:
    """Return the settings as `fitting.prepare.prepare_pieces` fills them in."""
    vocabulary = summary.vocabulary
    mean_tokens = vocabulary.n_tokens / max(vocabulary.n_texts, 1)
    scripts = vocabulary.script_shares() if summary.cut_here else None
    return resolve(
        config, len(target.classes), target.kind != "single", mean_tokens, vocabulary.n_texts,
        scripts, evenness_of(summary.counts),
        float(summary.counts.sum()) / max(vocabulary.n_texts, 1),
    )  # fmt: skip


def _space_of(known: shares.Known, frequency: shares.Frequency, n_texts: int) -> FeatureSpace:
    raw = FeatureSpace.without_rows(known.config, known.pool, known.word_ends)
    return raw.with_frequent(raw.dense(frequency.codes, frequency.n_texts), n_texts)


def _with_gains(
    job: Job, space: FeatureSpace, numbered: list[Future], counts: np.ndarray, names: list[str]
) -> FeatureSpace:
    """Return the space with gains and pseudo-count, measured on the cluster."""
    config, gains = space.config, space.gains
    if not (config.supervision and counts.sum()):
        return space.with_gains(gains, config.pseudo_count or 1.0)
    first_row, n_rows = int(space.has_bias), space.n_rows
    # A count of each label is shorter than a list of them where so many texts have a row. Those
    # whose texts are asked whether they agree are listed.
    most = max(MOST_DOCS, 4 * counts.size // np.min_scalar_type(max(counts.size - 1, 0)).itemsize)
    split = int(np.count_nonzero(space.frequency[first_row:] > most)) + first_row
    ends = np.cumsum(np.minimum(space.frequency[first_row:], most), dtype=np.int64)
    n_ranges = min(job.width, MOST_RANGES, max(n_rows - first_row, 1))
    cuts = np.searchsorted(ends, ends[-1:].sum() * np.arange(1, n_ranges) / n_ranges)
    bounds = np.unique([first_row, *(first_row + cuts + 1).tolist(), n_rows])
    bounds = bounds[bounds <= n_rows]
    ranges = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    n = len(numbered)
    listed = job.map("labels of rows", shares.list_labels, numbered, [first_row] * n, [split] * n)
    joined = []
    for a, b in ranges:
        places = [a - first_row] * n, [b - first_row] * n
        parts = job.map("labels of some rows", shares.part_of_lists, listed, *places)
        joined.append(job.submit("join labels of rows", shares.join_lists, parts, names))
    pseudo_count = config.pseudo_count
    if pseudo_count is None:
        first, shift, n = asked_rows(space.frequency)
        asked = first + (np.arange(n) << shift)
        own = [asked[(asked >= a) & (asked < b)] - a for a, b in ranges]
        found = job.gather(
            job.map("agreement", shares.find_agreements, joined, own, [counts] * len(own))
        )
        pseudo_count = pseudo_count_of(np.sum(found, axis=0), counts, space.n_texts)
    gains = gains.copy()
    of_ranges = job.gather(
        job.map(
            "gains", shares.find_gains, joined, [counts] * len(joined),
            [pseudo_count] * len(joined),
        )
    )  # fmt: skip
    for (a, b), values in zip(ranges, of_ranges, strict=True):
        gains[a:b] = values
    return space.with_gains(gains, pseudo_count)


def _weighing(
    space: FeatureSpace, summary: shares.Summary, target: Target, class_weight: Any
) -> pieces.Weighing:
    """Return what features and texts weigh.

    Raises
    ------
    SettingError
        If texts with several labels are to be weighed by these.
    ValueError
        If `class_weight` is none, or gives all texts the weight 0.
    """
    named = named_weights(class_weight, target)
    weighing = pieces.Weighing(space.factors, space.bias_row)
    total = sum(weight for *_, weight in summary.sizes)
    if named is None:
        scale = summary.vocabulary.n_texts / total if summary.is_weighted else 1.0
        return replace(weighing, scale=scale)
    if target.kind != "single":
        raise SettingError("on a cluster, class_weight needs texts with one label each")
    names = target.labels.names
    if named == BALANCED:
        of_label = total / (np.count_nonzero(summary.weighed) * summary.weighed)
    else:
        assert isinstance(named, dict)
        of_label = np.array([named.get(name, 1.0) for name in names])
    mean = float((summary.weighed * of_label).sum()) / summary.vocabulary.n_texts
    if mean <= 0:
        raise ValueError("class_weight gives all texts the weight 0")
    return replace(weighing, of_label=of_label, scale=1.0 / mean)


def _uneven(summary: shares.Summary) -> float:
    """Return the mean distance (total variation) of the labels of a share from those of all."""
    whole = summary.counts / summary.counts.sum()
    apart = [
        (each.sum(), np.abs(each / each.sum() - whole).sum() / 2)
        for each in summary.of_share
        if each.any()
    ]
    sizes, distances = zip(*apart, strict=True)
    return float(np.average(distances, weights=sizes))


def _choose(job: Job, ready: Ready, evenness: float, seed: int, n_threads: int) -> Ready:
    """Choose settings and calibration on a sample, and what is set aside, as `ladder.choose`."""
    prepared, n_labelled = ready.prepared, sum(ready.n_labelled)
    ranks = sampled(n_labelled, ready.n_entries / max(ready.n_texts, 1))
    counts, labels, weights = ready.taken(job, "sample", ranks)
    sample = Sample(np.arange(len(labels)), counts)
    prepared = replace(prepared, labels=labels, doc_weights=weights, sample=sample)
    found = chosen(prepared, evenness, seed, n_threads)
    prepared = replace(prepared, sample=None)
    if found is None:
        return replace(ready, prepared=prepared)
    config, calibration, choice, _ = found
    space, weighing = prepared.space, ready.weighing
    if config.char_energy != prepared.config.char_energy:
        assert config.char_energy is not None
        weighing = replace(weighing, energy=config.char_energy / (prepared.config.char_energy or 1))
        space = space.with_energy(config.char_energy)
    prepared = replace(prepared, space=space, config=config, calibration=calibration, choice=choice)
    aside = set_apart(ready.n_texts, n_labelled, config, seed)
    return replace(ready, prepared=prepared, weighing=weighing, aside=aside)


# -- some texts ------------------------------------------------------------------------------
def _nothing() -> FeatureMatrix:
    return FeatureMatrix(np.empty(0, np.int32), np.empty(0, np.float32), np.zeros(1, np.int64))
