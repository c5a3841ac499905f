"""What `bench.understand` measures in processes of their own.

``python -m bench.stages.understand JOB RESULT`` does one stage.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

RECALL = 0.7


def flipped(labels: list[str], share: float, seed: int) -> tuple[list[str], list[int]]:
    """Return labels of which a share is another one, each other one as often, and which these are.

    Parameters
    ----------
    labels : list of str
    share : float
    seed : int
    """
    import numpy as np

    names, numbers = np.unique(labels, return_inverse=True)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(labels), int(share * len(labels)), replace=False)
    numbers[chosen] = (numbers[chosen] + rng.integers(1, names.size, chosen.size)) % names.size
    return names[numbers].tolist(), sorted(chosen.tolist())


def measured(ranked: list[int], changed: list[int], recall: float = RECALL) -> dict[str, Any]:
    """Return how good a list of rows is, the surest first, at naming those that were changed.

    Parameters
    ----------
    ranked, changed : list of int
    recall : float
        Whose precision is told; 0 where the list does not reach it.

    Examples
    --------
    >>> measured([3, 5, 1, 2], [1, 3], 0.5)["precision_at"]
    1.0
    """
    wanted, right, at = recall * len(changed), 0, 0.0
    known = set(changed)
    for n, row in enumerate(ranked, 1):
        right += row in known
        if not at and right >= wanted:
            at = right / n
    return {
        "precision_at": at,
        "n": len(ranked),
        "precision": right / max(len(ranked), 1),
        "recall": right / max(len(known), 1),
    }


def read(job: dict[str, Any]) -> tuple[list[str], list[str], list[str], list[int]]:
    """Return texts, right labels, labels of which some are changed, and which these are."""
    lines = Path(job["train"]).read_text("utf-8").splitlines()
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    return list(texts), list(labels), *flipped(list(labels), job["share"], job["flip_seed"])


def audit(job: dict[str, Any]) -> dict[str, Any]:
    """Find changed labels by our audit."""
    from fasttext_lite.auditing.audit import audit as find

    texts, labels, given, changed = read(job)
    find(texts[:200], given[:200], n_threads=1)  # kernels are compiled, or loaded
    start = time.process_time()
    found = find(texts, given, n_threads=job["threads"]).of("wrong")
    seconds = time.process_time() - start
    ranked = [each.place.row for each in found if each.place is not None]
    known = set(changed)
    right = [each.proposed == (labels[row],) for each, row in zip(found, ranked, strict=True)
             if row in known]  # fmt: skip
    return {
        "audit": {
            **measured(ranked, changed), "proposed_right": sum(right) / max(len(right), 1),
            "processor_seconds": seconds,
        }
    }  # fmt: skip


def cleanlab(job: dict[str, Any]) -> dict[str, Any]:
    """Find changed labels by cleanlab."""
    import numpy as np
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    texts, labels, given, changed = read(job)
    names, numbers = np.unique(given, return_inverse=True)
    settings = dict(job["tfidf"])
    settings["ngram_range"] = tuple(settings["ngram_range"])
    model = make_pipeline(TfidfVectorizer(**settings), LogisticRegression(**job["logistic"]))
    start = time.process_time()
    p = cross_val_predict(model, texts, numbers, cv=5, method="predict_proba")
    listed = find_label_issues(
        numbers, p, return_indices_ranked_by="self_confidence", n_jobs=1
    ).tolist()
    seconds = time.process_time() - start
    ranked = np.argsort(get_label_quality_scores(numbers, p), kind="stable").tolist()
    known = set(changed)
    right = [names[p[row].argmax()] == labels[row] for row in listed if row in known]
    everything = {**measured(ranked, changed), "n": None, "precision": None, "recall": None}
    return {
        "cleanlab": {
            **measured(listed, changed), "proposed_right": sum(right) / max(len(right), 1),
            "processor_seconds": seconds,
        },
        "cleanlab, all": everything,
    }  # fmt: skip


def explained(job: dict[str, Any]) -> dict[str, Any]:
    """Train a model, explain texts by it and by LIME, and leave out the words that each names."""
    import numpy as np

    from fasttext_lite import FastTextClassifier

    train, test = (
        list(zip(*(line.split("\t", 1) for line in Path(path).read_text("utf-8").splitlines()),
                 strict=True))
        for path in (job["train"], job["test"])
    )  # fmt: skip
    classifier = FastTextClassifier(random_state=0, n_jobs=1).fit(train[1], train[0])
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(test[1]), min(job["n_texts"], len(test[1])), replace=False)
    texts = [test[1][i] for i in chosen.tolist()]
    spans = {text: classifier.explain(text).spans for text in texts}
    texts = [text for text in texts if len({span.word for span in spans[text]}) > 2]
    return {
        "explain": _timed(classifier, texts, _by_us(classifier)),
        "LIME": _timed(classifier, texts, _by_lime(classifier, spans)),
        "the first word": _timed(classifier, texts, lambda text: spans[text][0].word),
    }


def _by_us(classifier: Any) -> Any:
    classifier.explain("a text before the clock starts")
    return lambda text: classifier.explain(text).top(1)[0][0]


def _by_lime(classifier: Any, spans: dict[str, Any]) -> Any:
    """Return what names the strongest word by LIME, with its default of 5,000 samples.

    It cuts texts where our explanations do, so that both choose among the same words.
    """
    from lime.lime_text import LimeTextExplainer

    def cut(text: str) -> list[str]:
        return [span.word for span in spans[text]] if text in spans else text.split()

    explainer = LimeTextExplainer(split_expression=cut, random_state=0)

    def strongest(text: str) -> str:
        label = int(classifier.predict_proba([text])[0].argmax())
        found = explainer.explain_instance(
            text, lambda many: classifier.predict_proba(list(many)), labels=[label],
            num_features=1,
        )  # fmt: skip
        return found.as_list(label)[0][0]

    return strongest


def _timed(classifier: Any, texts: list[str], strongest: Any) -> dict[str, Any]:
    """Return processor time of each text, and what leaving its strongest word out does."""
    import statistics
    import warnings

    import numpy as np

    warnings.simplefilter("ignore")
    times, falls, flips = [], [], 0
    for text in texts:
        start = time.thread_time()
        word = strongest(text)
        times.append(time.thread_time() - start)
        before, after = classifier.predict_proba([text, text.replace(word, " ")])
        label = int(before.argmax())
        falls.append(float(np.log(before[label]) - np.log(after[label])))
        flips += int(after.argmax() != label)
    return {
        "n_texts": len(texts), "microseconds": statistics.median(times) * 1e6,
        "fall": statistics.mean(falls), "changed": flips / len(texts),
    }  # fmt: skip


STAGES = {"audit": audit, "cleanlab": cleanlab, "explained": explained}


def main() -> None:
    """Do the stage that the job names, and write what was measured."""
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    found = STAGES[job["stage"]](job)
    Path(sys.argv[2]).write_text(json.dumps({"found": found}, default=float), "utf-8")


if __name__ == "__main__":
    main()
