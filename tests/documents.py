"""The documents as the tests read them: their text, their blocks, and what is proven of them.

A test that proves a sentence is decorated with `proves` and a short piece of that sentence. Where
the piece is no longer in the document the test fails: what was said has changed, and so must the
proof.
"""

import functools
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in sorted(
        [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
        + [ROOT / "bench" / "README.md", ROOT / "datasets" / "README.md"]
    )
    if path.name != "messages.md"  # made from the source
}
CLAIMS: list[tuple[str, str, str]] = []  # document, quote, test


def flat(text: str) -> str:
    """Return a text as one line."""
    return " ".join(text.split())


def says(document: str, quote: str) -> bool:
    """Return whether a document has a piece of text, wherever its lines break."""
    return flat(quote) in flat(DOCUMENTS[document])


def proves(document: str, *quotes: str):
    """Return a decorator for the test that proves what a document says."""

    def decorate(test):
        CLAIMS.extend((document, quote, test.__name__) for quote in quotes)

        @functools.wraps(test)
        def checked(*args, **kwargs):
            for quote in quotes:
                assert says(document, quote), f"{document} no longer says: {quote}"
            return test(*args, **kwargs)

        return checked

    return decorate


def blocks(document: str, language: str) -> list[str]:
    """Return the fenced blocks of a document in a language ("" of commands)."""
    pattern = r"^```(\w*)\n(.*?)^```"
    found = re.findall(pattern, DOCUMENTS[document], re.DOTALL | re.MULTILINE)
    return [block for kind, block in found if kind == language]


def commands(document: str) -> list[str]:
    """Return the command lines of the blocks of a document, with continued lines joined."""
    indented = re.findall(r"^    (python -m .*)$", DOCUMENTS[document], re.MULTILINE)
    joined = "".join(blocks(document, "")).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip()] + indented


def prose(document: str) -> str:
    """Return a document without its fenced blocks."""
    return re.sub(r"^```\w*\n.*?^```", "", DOCUMENTS[document], flags=re.DOTALL | re.MULTILINE)


def code_of(document: str) -> list[str]:
    """Return what stands between back ticks in the prose of a document."""
    return re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", prose(document))
