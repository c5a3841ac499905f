"""Labels of a file that nobody knows: every command says so, and why."""

import pytest

from fasttext_lite.cli.app import main
from fasttext_lite.corpus.strangers import check_known, difference
from fasttext_lite.errors import InputError

TRAIN = "".join(
    f"{label}\t{label} {label}{i % 3}\n" for i in range(20) for label in ("red", "Blue")
)
QUICK = ("--recipe", "fixed", "--epochs", "2", "--threads", "1")


@pytest.mark.parametrize(
    ("names", "known", "why"),
    [
        (["__label__a", "__label__b"], ["a", "b"],
         "they differ by the prefix '__label__' alone, which the file's labels have"),
        (["a", "b"], ["__label__a", "__label__b", "__label__c"],
         "they differ by the prefix '__label__' alone, which the file's labels lack"),
        (["topic/a", "topic/b", "topic/c"], ["a", "b"],
         "they differ by the prefix 'topic/' alone, which the file's labels have"),
        (["__label__ab", "__label__b"], ["ab", "b"],
         "they differ by the prefix '__label__' alone, which the file's labels have"),
        (["__label__ab", "__label__c", "__label__d"], ["b", "c", "d"],
         "they differ by the prefix '__label__' alone, which the file's labels have"),
        (["A", "B"], ["a", "b"], "they differ by upper and lower case alone"),
        (["a b", " c"], ["ab", "c"], "they differ by white space alone"),
        (["ａ", "ｂ"], ["a", "b"], "they differ by the form of Unicode (NFKC) alone"),
        (["Ａ b", "C "], ["a B", "c"],
         "they differ by case, white space and the form of Unicode alone"),
        (["a", "b"], ["x", "y"], ""),
        (["A", "q", "r"], ["a", "y"], ""),  # most are strange in any case
        (["a"], ["a"], ""),
        ([], ["a"], ""),
        (["a"], [], ""),
    ],
)  # fmt: skip
def test_differences(names, known, why):
    assert difference(names, known) == why


def test_of_many_labels_a_few_are_shown():
    with pytest.raises(InputError) as caught:
        check_known([f"l{i}" for i in range(9)], ["a", "b"], "f.tsv")
    assert str(caught.value) == (
        "f.tsv: none of its labels is known to the model: the file has l0, l1, l2, l3, l4, ...; "
        "the model has a, b"
    )


def test_one_label_that_is_known_is_enough():
    check_known(["a", "z"], ["a", "b"], "f.tsv")
    check_known([], ["a", "b"], "f.tsv")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    (folder / "train.tsv").write_text(TRAIN)
    path = str(folder / "m.ftl")
    assert main(["train", str(folder / "train.tsv"), "-o", path, *QUICK, "-q"]) == 0
    return path


def commands(model, train, strange, out):
    """Return the command lines that meet a file of labels that nobody knows."""
    return {
        "test": ["test", model, strange],
        "train": ["train", train, "-o", out, "--valid", strange, *QUICK],
        "tune": ["tune", train, "-o", out, "--valid", strange, "--trials", "1", "--epochs", "1"],
        "quantize --test": ["quantize", model, "-o", out, "--test", strange],
        "quantize --retrain": ["quantize", model, "-o", out, "--retrain", strange],
    }


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (("up", "down"), ""),
        (("RED", "BLUE"), "; they differ by upper and lower case alone"),
        (("colour:red", "colour:Blue"), "; they differ by the prefix 'colour:' alone, which the "
         "file's labels have"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", commands("", "", "", ""))
def test_a_file_of_strange_labels_is_refused(name, labels, why, model, write, tmp_path, capsys):
    strange = write("".join(f"{label}\tred blue\n" for label in labels), "strange.tsv")
    out = tmp_path / "out.ftl"
    arguments = commands(model, write(TRAIN, "train.tsv"), strange, str(out))[name]
    capsys.readouterr()
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and not out.exists()
    assert printed.err.count("\n") == 1
    assert all(label in printed.err for label in labels)
    assert printed.err.endswith(f"{why}\n")
    if name != "quantize --retrain":
        whom = "the training" if name in ("train", "tune") else "the model"
        assert f"strange.tsv: none of its labels is known to {whom}: the file has " in printed.err
        assert f"; {whom} has " in printed.err and "Blue" in printed.err


def test_where_some_are_known_the_others_are_told_with_the_reason(model, write, capsys):
    mixed = write("red\tred\nBLUE\tblue\n", "mixed.tsv")
    assert main(["test", model, mixed]) == 0
    assert "counted as errors: BLUE; they differ by upper and lower case" in capsys.readouterr().err
