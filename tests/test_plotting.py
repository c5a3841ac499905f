"""The confusion matrix as a picture."""

import logging
import sys

import matplotlib.image
import numpy as np
import pytest

from fasttext_lite import plotting
from fasttext_lite.errors import InputError
from fasttext_lite.evaluation import Evaluation
from fasttext_lite.plotting import check_plot, plot_confusion


def evaluation(names, n=200):
    rng = np.random.default_rng(0)
    gold = rng.integers(0, len(names), n)
    found = np.where(rng.random(n) < 0.7, gold, rng.integers(0, len(names), n))
    size = len(names)
    return Evaluation(
        names=list(names),
        n_known=size,
        n=n,
        n_first=int((gold == found).sum()),
        hits=np.bincount(gold[gold == found], minlength=size),
        predicted=np.bincount(found, minlength=size),
        gold=np.bincount(gold, minlength=size),
        n_unseen_texts=0,
        n_unknown_texts=0,
        first_gold=gold,
        first_found=found,
        k=1,
        threshold=0.0,
    )


def check_image(path):
    pixels = matplotlib.image.imread(path)
    height, width = pixels.shape[:2]
    assert 300 < height < 4000
    assert 300 < width < 4000
    assert pixels[..., :3].std() > 0.01  # not one colour
    return pixels


@pytest.mark.parametrize(
    "names",
    [
        ["sport", "food", "weather"],
        ["体育", "美食", "天气"],
        ["a", "b"],
        ["$x$", "$\\frac{", "a_b^c"],
        ["new\nline", "nul\0", "lone \ud800", "tab\t", "ไทย", "😀"],
        ["long " * 100, "x" * 1000],
        [f"label {i}" for i in range(59)],
        [f"label {i}" for i in range(300)],
    ],
    ids=["ascii", "chinese", "two", "dollars", "odd", "long", "many", "too_many_to_name"],
)
def test_a_picture_without_warnings(tmp_path, names):
    path = tmp_path / "confusion.png"
    plot_confusion(evaluation(names), path)
    check_image(path)
    assert [file.name for file in tmp_path.iterdir()] == ["confusion.png"]


@pytest.mark.parametrize(
    "name, start", [("x.pdf", b"%PDF"), ("x.svg", b"<?xml"), ("x.PNG", b"\x89")]
)
def test_other_kinds_of_files(tmp_path, name, start):
    plot_confusion(evaluation(["a", "b"]), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_more_labels_make_a_larger_picture(tmp_path):
    sizes = []
    for n in (2, 20):
        path = str(tmp_path / f"{n}.png")
        plot_confusion(evaluation([f"label {i}" for i in range(n)]), path)
        sizes.append(check_image(path).size)
    assert sizes[1] > 2 * sizes[0]


def test_nothing_to_draw(tmp_path):
    empty = evaluation(["a", "b"], n=0)
    plot_confusion(empty, tmp_path / "x.png")
    check_image(tmp_path / "x.png")


def test_missing_fonts_are_told_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(plotting, "CJK_FONTS", ("No Such Font",))
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        plot_confusion(evaluation(["ascii", "é"]), tmp_path / "x.png")
        assert caplog.messages == []
        plot_confusion(evaluation(["体育", "美食"]), tmp_path / "x.png")
    assert len(caplog.messages) == 1
    assert "no font" in caplog.messages[0]
    check_image(tmp_path / "x.png")


@pytest.mark.parametrize("check", [check_plot, lambda path: plot_confusion(evaluation("ab"), path)])
@pytest.mark.parametrize(
    "name, reason",
    [
        ("x.jpg", "a plot must be named .png, .pdf, .svg"),
        ("x", "a plot must be named"),
        ("", "a plot must be named"),
        ("png", "a plot must be named"),
        ("none/x.png", "cannot write the plot: no such folder, or not writable"),
        ("file/x.png", "cannot write the plot: no such folder, or not writable"),
        ("folder.png", "cannot write the plot: it is a directory"),
    ],
)
def test_where_no_plot_can_be_written(tmp_path, check, name, reason):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.png").mkdir()
    path = str(tmp_path / name)
    with pytest.raises(InputError) as caught:
        check(path)
    assert str(caught.value).startswith(f"{path}: {reason}")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_write_that_fails(tmp_path):
    path = tmp_path / "loop.png"
    path.symlink_to("loop.png")
    with pytest.raises(InputError) as caught:
        plot_confusion(evaluation("ab"), path)
    assert str(caught.value) == f"{path}: cannot write the plot: too many levels of symbolic links"


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"plots need matplotlib: pip install"):
        check_plot(tmp_path / "x.png")


def test_more_labels_than_can_be_drawn(tmp_path):
    with pytest.raises(InputError, match="no plot of more than 2000 labels; there are 2001"):
        plotting.check_plot(tmp_path / "x.png", 2001)
