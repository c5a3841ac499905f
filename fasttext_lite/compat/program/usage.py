"""What fastText's program prints as its usage."""

from __future__ import annotations

from fasttext_lite.compat.files.arguments import FIELDS, Args

PROGRAM = "fasttext-lite"
_TOP = "[K] [THRESHOLD]"
USAGE = {
    "supervised": "-input FILE -output PREFIX [-FLAG VALUE ...]",
    "skipgram": "-input FILE -output PREFIX [-FLAG VALUE ...]",
    "cbow": "-input FILE -output PREFIX [-FLAG VALUE ...]",
    "quantize": "-output PREFIX [-input FILE] [-FLAG VALUE ...]",
    "test": f"MODEL FILE {_TOP}",
    "test-label": f"MODEL FILE {_TOP}",
    "predict": f"MODEL FILE {_TOP}",
    "predict-prob": f"MODEL FILE {_TOP}",
    "print-word-vectors": "MODEL  (words on stdin)",
    "print-sentence-vectors": "MODEL  (lines on stdin)",
    "print-ngrams": "MODEL WORD",
    "nn": "MODEL [K]  (words on stdin)",
    "analogies": "MODEL [K]  (triplets of words on stdin)",
    "dump": "MODEL args|dict|input|output",
}
_WHAT = {
    "supervised": "Train a classifier; writes PREFIX.bin and PREFIX.vec.",
    "skipgram": "Train word vectors from the words around each; writes PREFIX.bin and PREFIX.vec.",
    "cbow": "Train word vectors from sums of the words around; writes PREFIX.bin and PREFIX.vec.",
    "quantize": "Make the classifier PREFIX.bin small; writes PREFIX.ftz.",
    "test": "Print how many lines were tested, precision and recall.",
    "test-label": "Print F1, precision and recall of each label, then of all.",
    "predict": "Print the K best labels of each line, those of at least the threshold.",
    "predict-prob": "Print the K best labels of each line with their probabilities.",
    "print-word-vectors": "Print the vector of each word.",
    "print-sentence-vectors": "Print the vector of each line.",
    "print-ngrams": "Print the vectors of a word's character n-grams.",
    "nn": "Print the K (10) words nearest to each word.",
    "analogies": "Print the K (10) words nearest to A - B + C.",
    "dump": "Print a part of a model.",
}
_HELP = {
    "input": "file to train on",
    "output": "files to write, without their ending",
    "verbose": "0: silent, 1: the end, 2: progress as well",
    "min_count": "drop words rarer than this",
    "min_count_label": "drop labels rarer than this",
    "word_ngrams": "most words of an n-gram",
    "bucket": "rows of the table that n-grams share",
    "minn": "fewest characters of an n-gram",
    "maxn": "most characters of an n-gram; 0: none",
    "t": "frequency above which words are skipped at times",
    "label": "what labels begin with",
    "lr": "learning rate at the start",
    "lr_update_rate": "words between two changes of the learning rate",
    "dim": "numbers of a vector",
    "ws": "most words to either side",
    "epoch": "passes over the file",
    "neg": "wrong words drawn for each right one",
    "loss": "ns, hs, softmax, one-vs-all (ova)",
    "thread": "threads; 1 makes results reproducible",
    "pretrained_vectors": "word vectors to start from, .vec",
    "save_output": "write PREFIX.output, the vectors of the labels",
    "seed": "of the random numbers",
    "autotune_validation_file": "search settings that do well on this file",
    "autotune_metric": "f1, f1:LABEL, precisionAtRecall:P[:LABEL], recallAtPrecision:P[:LABEL]",
    "autotune_predictions": "labels predicted of each line",
    "autotune_duration": "seconds",
    "autotune_model_size": "largest file, as 2M; the model is quantised",
    "cutoff": "words and n-grams to keep; 0: all",
    "retrain": "train on after the cutoff, on -input",
    "qnorm": "quantise lengths apart",
    "qout": "quantise the labels' vectors, too",
    "dsub": "numbers of each part of a vector",
}
_TRAINING = (
    "input", "output", "verbose", "min_count", "min_count_label", "word_ngrams", "bucket", "minn",
    "maxn", "t", "label", "lr", "lr_update_rate", "dim", "ws", "epoch", "neg", "loss", "thread",
    "pretrained_vectors", "save_output", "seed",
)  # fmt: skip
_AUTOTUNE = tuple(name for name in FIELDS if name.startswith("autotune"))
_QUANTIZE = (
    "output", "input", "verbose", "cutoff", "retrain", "epoch", "lr", "thread", "qnorm", "qout",
    "dsub",
)  # fmt: skip
_FLAGS = {
    "supervised": _TRAINING + _AUTOTUNE,
    "skipgram": _TRAINING,
    "cbow": _TRAINING,
    "quantize": _QUANTIZE,
}


def usage(command: str) -> str:
    """Return how a command is called, with its flags and their defaults."""
    text = f"usage: {PROGRAM} {command} {USAGE[command]}\n\n{_WHAT[command]}\n"
    if command not in _FLAGS:
        more = ""
        if "FILE" in USAGE[command]:
            more = "\nFILE - is standard input. K is 1 (-1: all labels), THRESHOLD 0.\n"
        return text + more
    args = Args.supervised() if command == "supervised" else Args()
    lines = []
    for name in _FLAGS[command]:
        value = getattr(args, name)
        default = f"[{'off' if value is False else value}]" if value != "" else ""
        lines.append(f"  -{FIELDS[name].metadata['flag']:<21}{_HELP[name]} {default}".rstrip())
    return text + "\n" + "\n".join(lines) + "\n"
