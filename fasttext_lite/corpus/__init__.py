"""Files become texts and labels: formats, encodings, one reader."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["Corpus", "CorpusReader", "LabelledChunk", "Labels", "Texts"]

STDIN = "-"  # standard input, in place of a file's name
DEFAULT_PREFIX = "__label__"  # of labels in fastText's files; no part of a label anywhere

if TYPE_CHECKING:
    from fasttext_lite.corpus.labels import Labels
    from fasttext_lite.corpus.reader import Corpus, CorpusReader, LabelledChunk
    from fasttext_lite.corpus.texts import Texts

__getattr__, __dir__ = face(
    __name__,
    {
        "Corpus": "fasttext_lite.corpus.reader",
        "CorpusReader": "fasttext_lite.corpus.reader",
        "LabelledChunk": "fasttext_lite.corpus.reader",
        "Labels": "fasttext_lite.corpus.labels",
        "Texts": "fasttext_lite.corpus.texts",
    },
)
