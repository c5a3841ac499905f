"""Public text-classification sets: where they are, what they are, how they are read.

Data only. Sizes, checksums and counts are those that a published source states (`evidence`);
what none states is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Source:
    """A file to download.

    Attributes
    ----------
    name : str
        Of the file in the cache.
    urls : tuple of str
        Tried in this order; a later one only if the file is not at an earlier one. A URL that is
        not pinned to a commit stands only where `sha256` is known.
    size : int, optional
        Bytes.
    sha256, blob : str, optional
        Checksums: SHA-256 of the content, and git's blob id.
    """

    name: str
    urls: tuple[str, ...]
    size: int | None = None
    sha256: str | None = None
    blob: str | None = None


@dataclass(frozen=True)
class Part:
    """A part of a set: rows of ``train``, ``test`` or ``dev``, or ``all`` that we split ourselves.

    Attributes
    ----------
    split : str
    file : str
        Name of a source, or of a file that the user brings.
    member : str, optional
        Name inside the archive.
    """

    split: str
    file: str
    member: str | None = None


@dataclass(frozen=True)
class Dataset:
    """An entry of the registry.

    Attributes
    ----------
    name, title, task, language : str
        `task` is topic, sentiment, intent, emotion or author; `language` zh or en.
    labels : int or None
        Number of labels.
    records : mapping of str to int
        Records of the source by split, checked when the set is made.
    licence, homepage, citation : str
    sources : tuple of Source
        Empty for a set that has to be fetched by hand; see `by_hand`.
    parts : tuple of Part
    converter : str
        A key of `datasets.convert.CONVERTERS`.
    settings : mapping
        For the converter.
    multilabel : bool
        Several labels for a text, joined by commas in the file.
    by_hand : str
        What the user has to do before the set can be made.
    evidence : str
        Where commit, size and checksum were found.
    """

    name: str
    title: str
    task: str
    language: str
    labels: int | None
    records: Mapping[str, int]
    licence: str
    homepage: str
    citation: str
    sources: tuple[Source, ...]
    parts: tuple[Part, ...]
    converter: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    multilabel: bool = False
    by_hand: str = ""
    evidence: str = ""

    @property
    def size(self) -> int | None:
        """Bytes to download; None where a source does not state its size."""
        sizes = [source.size for source in self.sources]
        known = [size for size in sizes if size is not None]
        return sum(known) if known and len(known) == len(sizes) else None


def _numbered(*names: str, start: int = 0) -> dict[str, str]:
    return {str(number): name for number, name in enumerate(names, start)}


def _github(repository: str, commit: str, path: str) -> str:
    return f"https://raw.githubusercontent.com/{repository}/{commit}/{path}"


_THUCNEWS = ("649453932/Chinese-Text-Classification-Pytorch",
             "e18953d56f6426e1cba9243a0abce0e519d527c8")  # fmt: skip
_TOUTIAO = ("aceimnorstuvwxz/toutiao-text-classfication-dataset",
            "b6b81e1bd4f28cf8445918560f4ed4b05f8c19ee")  # fmt: skip
_AG_NEWS = ("mhjabreel/CharCnn_Keras", "555590db4219b1243abb1918effd6a7425a2d75f")
_CLINC = ("clinc/oos-eval", "828f8093932c8fe6ca7936c3d2e52903b1c523de")
_BANKING = ("PolyAI-LDN/task-specific-datasets", "57ec275d8078af65b7731c2a98be812d844a6d6b")
_EMOTIONS = ("google-research/google-research", "8dadc6c56e2c2e51a9dd7e0d4bf2840922b4b6c0")
_POEMS = ("chinese-poetry/chinese-poetry", "bc749b97701bed6e53ccc0b3bd265a961ecd3966")
_SOPHON = "SophonPlus/ChineseNlpCorpus"
_SOPHON_PAGE = f"https://github.com/{_SOPHON}"
_HF = "download_checksums in datasets/{}/dataset_infos.json of huggingface/datasets at 040102f1"
_LISTED = "the commit is that of the file in a public index of repositories"
_SENTIMENT = {"0": "neg", "1": "pos"}

# Rows whose text has a SHA-1 that leaves 0 or 1 when divided by 10 are the test part.
_FIFTH = {"test_tenths": 2}
_CLUE = (
    "Xu et al.: CLUE: A Chinese Language Understanding Evaluation Benchmark, COLING 2020, "
    "https://arxiv.org/abs/2004.05986"
)
_ZHANG = (
    "Zhang, Zhao, LeCun: Character-level Convolutional Networks for Text Classification, "
    "NIPS 2015, https://arxiv.org/abs/1509.01626"
)
_SHOPPING_SOURCE = Source(
    "online_shopping_10_cats.zip",
    (_github(_SOPHON, "9afa1292465c1247184073cf151adc583699d1d6",
             "datasets/online_shopping_10_cats/online_shopping_10_cats.zip"),),
)  # fmt: skip
_SHOPPING_PART = Part("all", "online_shopping_10_cats.zip", "online_shopping_10_cats.csv")

# The repository's shards of a thousand poems: 58 of Tang, 255 of Song; in the order of names.
_POEM_FILES = sorted(
    f"poet.{era}.{1000 * shard}.json"
    for era, n_shards in (("tang", 58), ("song", 255))
    for shard in range(n_shards)
)
_ENTRIES = (
    Dataset(
        name="thucnews_full",
        title="THUCNews titles, 200,000 news headlines",
        task="topic",
        language="zh",
        labels=10,
        records={"train": 180_000, "dev": 10_000, "test": 10_000},
        licence="not stated for the titles; the repository's code is MIT",
        homepage=f"https://github.com/{_THUCNEWS[0]}",
        citation="Sun et al.: THUCTC: An Efficient Chinese Text Classifier, 2016, "
        "http://thuctc.thunlp.org/",
        sources=tuple(
            Source(name, (_github(*_THUCNEWS, f"THUCNews/data/{name}"),))
            for name in ("train.txt", "dev.txt", "test.txt")
        ),
        parts=tuple(Part(split, f"{split}.txt") for split in ("train", "dev", "test")),
        converter="lines",
        settings={
            "separator": "\t",
            "fields": 2,
            "text": 0,
            "label": 1,
            "names": _numbered(
                "finance", "realty", "stocks", "education", "science", "society", "politics",
                "sports", "game", "entertainment",
            ),
        },
        evidence="the commit is that of THUCNews/data/class.txt, whose order names the labels; "
        "counts: the repository's README",
    ),
    Dataset(
        name="toutiao_full",
        title="Toutiao news titles, whole",
        task="topic",
        language="zh",
        labels=15,
        records={"all": 382_688},
        licence=NOT_STATED,
        homepage=f"https://github.com/{_TOUTIAO[0]}",
        citation=f"https://github.com/{_TOUTIAO[0]}, 2018",
        sources=(
            Source("toutiao_cat_data.txt.zip", (_github(*_TOUTIAO, "toutiao_cat_data.txt.zip"),)),
        ),
        parts=(Part("all", "toutiao_cat_data.txt.zip", "toutiao_cat_data.txt"),),
        converter="lines",
        settings={"separator": "_!_", "fields": 4, "text": 3, "label": 2, "strip": "news_",
                  **_FIFTH},
        evidence="commit, format and count: the repository's readme.md",
    ),
    Dataset(
        name="tnews",
        title="TNEWS of CLUE, short news; test is CLUE's dev part",
        task="topic",
        language="zh",
        labels=15,
        records={"train": 53_360, "test": 10_000},
        licence=NOT_STATED,
        homepage="https://github.com/CLUEbenchmark/CLUE",
        citation=_CLUE,
        sources=(
            Source(
                "tnews_public.zip",
                ("https://storage.googleapis.com/cluebenchmark/tasks/tnews_public.zip",),
                5_123_575,
                "77c476e70cfe0b014a81b84c6e1db2142a8a2f52f4ae0a8216aa75e673933462",
            ),
        ),
        parts=(
            Part("train", "tnews_public.zip", "train.json"),
            Part("test", "tnews_public.zip", "dev.json"),
        ),
        converter="json_lines",
        settings={"text": "sentence", "label": "label_desc", "strip": "news_"},
        evidence=_HF.format("clue"),
    ),
    Dataset(
        name="iflytek",
        title="IFLYTEK of CLUE, descriptions of apps; test is CLUE's dev part",
        task="topic",
        language="zh",
        labels=119,
        records={"train": 12_133, "test": 2_599},
        licence=NOT_STATED,
        homepage="https://github.com/CLUEbenchmark/CLUE",
        citation=_CLUE,
        sources=(
            Source(
                "iflytek_public.zip",
                ("https://storage.googleapis.com/cluebenchmark/tasks/iflytek_public.zip",),
                6_505_938,
                "c59b961b29f1d0bad0c5e01aa62e4a61a80e9cfb980ce89b06c000851fbb3b06",
            ),
        ),
        parts=(
            Part("train", "iflytek_public.zip", "train.json"),
            Part("test", "iflytek_public.zip", "dev.json"),
        ),
        converter="json_lines",
        settings={"text": "sentence", "label": "label_des"},
        evidence=_HF.format("clue"),
    ),
    Dataset(
        name="chnsenticorp_hotel",
        title="ChnSentiCorp, hotel reviews",
        task="sentiment",
        language="zh",
        labels=2,
        records={"all": 7_766},
        licence=NOT_STATED,
        homepage=_SOPHON_PAGE,
        citation="Tan Songbo: ChnSentiCorp_htl; compiled by SophonPlus/ChineseNlpCorpus",
        sources=(
            Source(
                "ChnSentiCorp_htl_all.csv",
                (_github(_SOPHON, "4ef366aa97c927f5bd69e1d97dc88461590174fd",
                         "datasets/ChnSentiCorp_htl_all/ChnSentiCorp_htl_all.csv"),),
            ),
        ),
        parts=(Part("all", "ChnSentiCorp_htl_all.csv"),),
        converter="csv",
        settings={"text": "review", "label": "label", "names": _SENTIMENT, **_FIFTH},
        evidence=f"{_LISTED}; count: intro.ipynb beside it",
    ),
    Dataset(
        name="waimai_10k",
        title="reviews of a food delivery service",
        task="sentiment",
        language="zh",
        labels=2,
        records={"all": 11_987},
        licence=NOT_STATED,
        homepage=_SOPHON_PAGE,
        citation="waimai_10k, compiled by SophonPlus/ChineseNlpCorpus",
        sources=(
            Source(
                "waimai_10k.csv",
                (_github(_SOPHON, "032ed697ea6b37f6b99b2203c8fdbe0a9b47fd3e",
                         "datasets/waimai_10k/waimai_10k.csv"),),
            ),
        ),
        parts=(Part("all", "waimai_10k.csv"),),
        converter="csv",
        settings={"text": "review", "label": "label", "names": _SENTIMENT, **_FIFTH},
        evidence=f"{_LISTED}; count: intro.ipynb beside it",
    ),
    Dataset(
        name="shopping_category",
        title="online_shopping_10_cats, reviews by class of product",
        task="topic",
        language="zh",
        labels=10,
        records={"all": 62_774},
        licence=NOT_STATED,
        homepage=_SOPHON_PAGE,
        citation="online_shopping_10_cats, compiled by SophonPlus/ChineseNlpCorpus",
        sources=(_SHOPPING_SOURCE,),
        parts=(_SHOPPING_PART,),
        converter="csv",
        settings={"text": "review", "label": "cat", **_FIFTH},
        evidence=f"{_LISTED}; count: intro.ipynb beside it",
    ),
    Dataset(
        name="shopping_sentiment",
        title="online_shopping_10_cats, reviews by sentiment",
        task="sentiment",
        language="zh",
        labels=2,
        records={"all": 62_774},
        licence=NOT_STATED,
        homepage=_SOPHON_PAGE,
        citation="online_shopping_10_cats, compiled by SophonPlus/ChineseNlpCorpus",
        sources=(_SHOPPING_SOURCE,),
        parts=(_SHOPPING_PART,),
        converter="csv",
        settings={"text": "review", "label": "label", "names": _SENTIMENT, **_FIFTH},
        evidence=f"{_LISTED}; count: intro.ipynb beside it",
    ),
    Dataset(
        name="weibo_senti_100k",
        title="posts of Sina Weibo",
        task="sentiment",
        language="zh",
        labels=2,
        records={"all": 119_988},
        licence=NOT_STATED,
        homepage=_SOPHON_PAGE,
        citation="weibo_senti_100k, compiled by SophonPlus/ChineseNlpCorpus",
        sources=(),
        parts=(Part("all", "weibo_senti_100k.csv"),),
        converter="csv",
        settings={"text": "review", "label": "label", "names": _SENTIMENT, **_FIFTH},
        by_hand="its only source is a web drive: "
        "https://pan.baidu.com/s/1DoQbki3YwqkuwQUOj64R_g",
        evidence="address and count: datasets/weibo_senti_100k/intro.ipynb of "
        "SophonPlus/ChineseNlpCorpus at 8f07dffc",
    ),
    Dataset(
        name="ag_news",
        title="AG News, whole: title and description",
        task="topic",
        language="en",
        labels=4,
        records={"train": 120_000, "test": 7_600},
        licence="not stated; offered for research and other non-commercial use",
        homepage="http://groups.di.unipi.it/~gulli/AG_corpus_of_news_articles.html",
        citation=_ZHANG,
        sources=(
            Source(
                "train.csv",
                (_github(*_AG_NEWS, "data/ag_news_csv/train.csv"),
                 _github(_AG_NEWS[0], "master", "data/ag_news_csv/train.csv")),
                29_470_338,
                "76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e",
            ),
            Source(
                "test.csv",
                (_github(*_AG_NEWS, "data/ag_news_csv/test.csv"),
                 _github(_AG_NEWS[0], "master", "data/ag_news_csv/test.csv")),
                1_857_427,
                "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
            ),
        ),
        parts=(Part("train", "train.csv"), Part("test", "test.csv")),
        converter="csv",
        settings={
            "columns": ("label", "title", "description"),
            "text": ("title", "description"),
            "label": "label",
            "names": _numbered("world", "sports", "business", "scitech", start=1),
        },
        evidence=_HF.format("ag_news") + "; the commit with these checksums: several projects",
    ),
    Dataset(
        name="dbpedia",
        title="DBpedia ontology, 14 classes: title and abstract",
        task="topic",
        language="en",
        labels=14,
        records={"train": 560_000, "test": 70_000},
        licence="CC BY-SA 3.0 and GFDL",
        homepage="https://wiki.dbpedia.org/develop/datasets",
        citation=_ZHANG,
        sources=(
            Source(
                "dbpedia_csv.tgz",
                ("https://s3.amazonaws.com/fast-ai-nlp/dbpedia_csv.tgz",),
                68_341_743,
                "42db5221ddedddb673a4cabcc5f3a7d869714c878bcfe4ba94b29d14aa38e417",
            ),
        ),
        parts=(
            Part("train", "dbpedia_csv.tgz", "dbpedia_csv/train.csv"),
            Part("test", "dbpedia_csv.tgz", "dbpedia_csv/test.csv"),
        ),
        converter="csv",
        settings={
            "columns": ("label", "title", "content"),
            "text": ("title", "content"),
            "label": "label",
            "names": _numbered(
                "Company", "EducationalInstitution", "Artist", "Athlete", "OfficeHolder",
                "MeanOfTransportation", "Building", "NaturalPlace", "Village", "Animal",
                "Plant", "Album", "Film", "WrittenWork", start=1,
            ),
        },
        evidence=_HF.format("dbpedia_14"),
    ),
    Dataset(
        name="clinc150",
        title="CLINC150, queries to an assistant, without those out of scope",
        task="intent",
        language="en",
        labels=150,
        records={"train": 15_000, "dev": 3_000, "test": 4_500},
        licence="CC BY 3.0",
        homepage="https://github.com/clinc/oos-eval",
        citation="Larson et al.: An Evaluation Dataset for Intent Classification and Out-of-Scope "
        "Prediction, EMNLP 2019, https://www.aclweb.org/anthology/D19-1131",
        sources=(
            Source(
                "data_full.json",
                (_github(*_CLINC, "data/data_full.json"),
                 _github(_CLINC[0], "master", "data/data_full.json")),
                2_495_390,
                "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0",
                "7a7b26c5f2dfbbf213f3e67d2dd0727e1af545aa",
            ),
        ),
        parts=(Part("all", "data_full.json"),),
        converter="json_pairs",
        settings={"keys": {"train": "train", "val": "dev", "test": "test"}},
        evidence="commit, size, SHA-256 and blob id, in agreement: several projects that pin it",
    ),
    Dataset(
        name="banking77",
        title="BANKING77, queries to a bank",
        task="intent",
        language="en",
        labels=77,
        records={"train": 10_003, "test": 3_080},
        licence="CC BY 4.0",
        homepage=f"https://github.com/{_BANKING[0]}",
        citation="Casanueva et al.: Efficient Intent Detection with Dual Sentence Encoders, 2020, "
        "https://arxiv.org/abs/2003.04807",
        sources=(
            Source(
                "train.csv",
                (_github(*_BANKING, "banking_data/train.csv"),
                 _github(_BANKING[0], "master", "banking_data/train.csv")),
                839_073,
                "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
            ),
            Source(
                "test.csv",
                (_github(*_BANKING, "banking_data/test.csv"),
                 _github(_BANKING[0], "master", "banking_data/test.csv")),
                239_961,
                "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d",
            ),
        ),
        parts=(Part("train", "train.csv"), Part("test", "test.csv")),
        converter="csv",
        settings={"text": "text", "label": "category"},
        evidence=_HF.format("banking77") + "; the commit with these checksums: several projects",
    ),
    Dataset(
        name="goemotions",
        title="GoEmotions, comments of Reddit, several labels each",
        task="emotion",
        language="en",
        labels=28,
        records={"train": 43_410, "dev": 5_426, "test": 5_427},
        licence="CC BY 4.0",
        homepage="https://github.com/google-research/google-research/tree/master/goemotions",
        citation="Demszky et al.: GoEmotions: A Dataset of Fine-Grained Emotions, ACL 2020, "
        "https://aclanthology.org/2020.acl-main.372",
        sources=tuple(
            Source(
                f"{split}.tsv",
                (_github(*_EMOTIONS, f"goemotions/data/{split}.tsv"),
                 _github(_EMOTIONS[0], "master", f"goemotions/data/{split}.tsv")),
                size,
                sha256,
            )
            for split, size, sha256 in (
                ("train", 3_519_053,
                 "1c254a142be5c00e80d819b9ae1bbd36d94b2eeb8f4b1271846508d57e57d9c5"),
                ("dev", 439_059,
                 "575489c079c9de1097062a01738f998590d6b7ead66dd1c9fd1d2ba01fd8bc62"),
                ("test", 436_706,
                 "0587b2dd8b27b97352adbfc3fb083d46005c8946657fdc2b1ca8b1cc7f1f8be4"),
            )
        ),
        parts=tuple(Part(split, f"{split}.tsv") for split in ("train", "dev", "test")),
        converter="lines",
        settings={
            "separator": "\t",
            "fields": 3,
            "text": 0,
            "label": 1,
            "names": _numbered(
                "admiration", "amusement", "anger", "annoyance", "approval", "caring",
                "confusion", "curiosity", "desire", "disappointment", "disapproval", "disgust",
                "embarrassment", "excitement", "fear", "gratitude", "grief", "joy", "love",
                "nervousness", "optimism", "pride", "realization", "relief", "remorse",
                "sadness", "surprise", "neutral",
            ),
        },
        multilabel=True,
        evidence=_HF.format("go_emotions") + "; the commit with these checksums: several projects",
    ),
    Dataset(
        name="poem_author",
        title="poems of Tang and Song (traditional characters) by author",
        task="author",
        language="zh",
        labels=None,
        records={},
        licence="MIT",
        homepage=f"https://github.com/{_POEMS[0]}",
        citation="chinese-poetry, https://github.com/chinese-poetry/chinese-poetry",
        sources=tuple(Source(name, (_github(*_POEMS, f"json/{name}"),)) for name in _POEM_FILES),
        parts=tuple(Part("all", name) for name in _POEM_FILES),
        converter="poems",
        settings={"least_length": 16, "least_poems": 10, "test_tenths": 1,
                  "anonymous": ("無名氏", "不詳", "佚名")},
        evidence="the commit is that of the repository's README, which names the folder; the "
        "first and last file of each era: a public index of repositories",
    ),
)  # fmt: skip
DATASETS: dict[str, Dataset] = {entry.name: entry for entry in _ENTRIES}
