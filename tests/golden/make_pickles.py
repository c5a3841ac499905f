"""Write `pickles/`: estimators pickled by the code of before the modules became folders.

Run as ``python tests/golden/make_pickles.py tests/golden/pickles`` with that older code on
`PYTHONPATH`: with any later one, the pickles would name the new places.
"""

import json
import pickle
import sys
from pathlib import Path

from fasttext_lite import (
    FastTextClassifier,
    FastTextEnsemble,
    FastTextTransformer,
    FastTextTuner,
)

TEXTS = ["to rome", "sea", "2:1", "goal", "paris", "shot", "view", "save"] * 4
LABELS = ["travel", "travel", "sport", "sport", "travel", "sport", "travel", "sport"] * 4
SMALL = {"random_state": 0, "epochs": 2, "dim": 2}


def estimators():
    """Return what is pickled, by name."""
    classifier = FastTextClassifier(**SMALL)
    partial = FastTextClassifier(**SMALL).partial_fit(TEXTS, LABELS, classes=["sport", "travel"])
    watched = FastTextClassifier(**SMALL)
    watched.fit(TEXTS, LABELS, validation_data=(TEXTS[:8], LABELS[:8]))
    tuner = FastTextTuner(params={"dim": 2}, n_trials=2, time=None, random_state=0)
    return {
        "unfitted": FastTextClassifier(epochs=7),
        "classifier": classifier.fit(TEXTS, LABELS),
        "hs": FastTextClassifier(loss="hs", **SMALL).fit(TEXTS, LABELS),
        "adam": FastTextClassifier(optimizer="adam", units=4, **SMALL).fit(TEXTS, LABELS),
        "multilabel": FastTextClassifier(**SMALL | {"dim": 3}).fit(
            TEXTS, [[label, "all"] for label in LABELS]
        ),
        "partial": partial,
        "watched": watched,
        "quantized": FastTextClassifier(**SMALL).fit(TEXTS, LABELS).quantize(),
        "transformer": FastTextTransformer(**SMALL).fit(TEXTS, LABELS),
        "ensemble": FastTextEnsemble(n_members=2, **SMALL).fit(TEXTS, LABELS),
        "tuner": tuner.fit(TEXTS, LABELS),
    }


def main():
    """Write the pickles, and beside them what they predict of the first texts."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, estimator in estimators().items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(estimator, protocol=4))
        if name == "transformer":
            expected[name] = estimator.transform(TEXTS[:3]).tolist()
        elif name != "unfitted":
            expected[name] = estimator.predict_proba(TEXTS[:3]).tolist()
    about = {"texts": TEXTS, "labels": LABELS, "first_three": expected}
    (folder / "expected.json").write_text(json.dumps(about) + "\n")


if __name__ == "__main__":
    main()
