"""Pictures: the confusion matrix, learning curves, maps of embeddings."""

import logging
import sys

import matplotlib.image
import numpy as np
import pytest

from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.evaluation import maps, plots
from fasttext_lite.evaluation.plots import (
    check_plot,
    plot_confusion,
    plot_learning_curves,
    plot_map,
)
from fasttext_lite.evaluation.scores import Evaluation
from fasttext_lite.fitting import fit
from fasttext_lite.fitting.report import EpochReport
from fasttext_lite.model.storage import save_model


def evaluation(names, n=200):
    rng = np.random.default_rng(0)
    gold = rng.integers(0, len(names), n)
    found = np.where(rng.random(n) < 0.7, gold, rng.integers(0, len(names), n))
    size = len(names)
    return Evaluation(
        names=list(names),
        n_known=size,
        n=n,
        n_right=int((gold == found).sum()),
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


CHINESE = {ord(sign) for sign in "体育美食天气"}


@pytest.fixture
def fonts(monkeypatch):
    """Return a function that makes some files the fonts of this machine, by name and characters."""
    default = plots._path_of(plots.DEFAULT_FONT)
    own = plots._characters_of(default)

    def fonts(listed, new=()):
        characters = {path: frozenset(signs) for _, path, signs in [*listed, *new]}
        monkeypatch.setattr(plots, "_characters_of", lambda path: characters.get(path, own))
        monkeypatch.setattr(plots, "_fonts", lambda: [each[:2] for each in listed])
        monkeypatch.setattr(plots, "_new_fonts", lambda: iter([each[:2] for each in new]))

    return fonts


def test_missing_fonts_are_told_once(tmp_path, fonts, caplog):
    fonts([("Another", "another.ttf", {0x0E44})])
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        plot_confusion(evaluation(["ascii", "é", "a\u200db"]), tmp_path / "x.png")
        assert caplog.messages == []
        plot_confusion(evaluation(["体育", "美食"]), tmp_path / "x.png")
    assert caplog.messages == [
        "no font found for 4 character(s) of the labels in the plot, such as '体': install one "
        "(fonts-noto-cjk on Debian and Ubuntu, google-noto-sans-cjk-fonts on Fedora)"
    ]
    check_image(tmp_path / "x.png")


@pytest.mark.parametrize(
    ("text", "package"),
    [("ᚠᚡ\U00012000", "fonts-noto-core"), ("\U000200d0", "cjk"), ("\U0001fad8", "symbola")],
)
def test_the_package_of_a_script_is_named(fonts, caplog, text, package):
    fonts([])
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        assert plots._font_for(text) == {"parse_math": False}
    assert len(caplog.messages) == 1 and package in caplog.messages[0]


def test_a_font_is_found_by_what_it_has(fonts, caplog):
    """Whatever its name; and one that was installed since matplotlib made its list."""
    half = set(list(CHINESE)[:3])
    named, other, thai = ("SimHei", "a.ttf", half), ("Fancy", "b.ttf", CHINESE), ("T", "c", {0xE44})
    for listed, new, expected in (
        ([thai, other], [], ["Fancy"]),
        ([named, thai, other], [], ["SimHei", "Fancy"]),
        ([thai], [other], ["Fancy"]),
        ([named], [thai, other], ["SimHei", "Fancy"]),
    ):
        fonts(listed, new)
        found = plots._font_for("体育美食天气 abc")
        assert found["fontfamily"] == [*expected, plots.DEFAULT_FONT]
    assert plots._font_for("abc é") == {"parse_math": False}
    assert caplog.messages == []


def test_fonts_of_this_machine():
    from matplotlib import font_manager

    found = plots._fonts()
    assert len({name for name, _ in found}) == len(found) > 10
    assert plots.DEFAULT_FONT not in dict(found)
    assert {ord("a"), ord("é")} <= plots._characters_of(plots._path_of(plots.DEFAULT_FONT))
    assert plots._characters_of(__file__) == frozenset()
    names = [font.name for font in font_manager.fontManager.ttflist]
    ranked = [name for name, _ in found if name in plots.CJK_FONTS]
    assert ranked == [name for name in plots.CJK_FONTS if name in names]


def test_a_new_font_joins_the_list(monkeypatch, tmp_path):
    import shutil

    from matplotlib import font_manager

    path = tmp_path / "new.ttf"
    shutil.copy(plots._path_of("DejaVu Serif"), path)
    (tmp_path / "none.ttf").write_text("no font")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist])
    there = [str(path), str(tmp_path / "none.ttf"), plots._path_of(plots.DEFAULT_FONT)]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: there)
    assert list(plots._new_fonts()) == [("DejaVu Serif", str(path))]
    assert list(plots._new_fonts()) == []


def test_colours_are_told_apart_by_those_who_see_fewer():
    """Neighbours differ in lightness or in blue against yellow, which all but few people see."""
    from matplotlib.colors import to_rgb

    for one, other in zip(plots.COLORS, plots.COLORS[1:], strict=False):
        (r, g, b), (s, h, c) = to_rgb(one), to_rgb(other)
        light = abs((0.21 * r + 0.72 * g + 0.07 * b) - (0.21 * s + 0.72 * h + 0.07 * c))
        blue = abs((b - (r + g) / 2) - (c - (s + h) / 2))
        assert max(light, blue) > 0.2
    looks = [(color, shape) for shape in plots.SHAPES for color in plots.COLORS]
    assert len(set(looks)) >= plots.MAX_COLORS


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
        plots.check_plot(tmp_path / "x.png", 2001)


# -- learning curves -------------------------------------------------------------------------


def reports(n, valid=True):
    return [
        EpochReport(
            i + 1, 2 / (i + 1), 0.1 * (1 - i / n), 1.0, 1 - 0.5 / (i + 1),
            0.8 - i / 100 if valid else None, 1.0 if valid else None, 1e-3, 0.0,
        )
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 60])
@pytest.mark.parametrize("valid", [True, False])
def test_learning_curves(tmp_path, n, valid):
    plot_learning_curves(reports(n, valid), tmp_path / "x.png")
    check_image(tmp_path / "x.png")


def test_what_the_learning_curves_show(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: figures.append(figure))
    plot_learning_curves(reports(3), tmp_path / "x.png")
    left, below, right = figures[0].axes
    assert [line.get_label() for line in left.lines] == ["train loss", "validation loss"]
    assert [line.get_label() for line in right.lines] == ["train accuracy", "validation accuracy"]
    np.testing.assert_allclose(left.lines[0].get_ydata(), [2, 1, 2 / 3])
    np.testing.assert_allclose(right.lines[1].get_ydata(), [0.8, 0.79, 0.78])
    np.testing.assert_allclose(below.lines[0].get_ydata(), [0.1, 0.2 / 3, 0.1 / 3])
    plot_learning_curves(reports(3, valid=False), tmp_path / "x.png")
    assert [len(axes.lines) for axes in figures[1].axes] == [1, 1, 1]


def test_learning_curves_of_nothing(tmp_path):
    with pytest.raises(ValueError, match="nobody watched this training"):
        plot_learning_curves([], tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


# -- maps ------------------------------------------------------------------------------------


def points(n):
    return np.random.default_rng(0).standard_normal((n, 2))


@pytest.mark.parametrize("n_groups", [0, 1, 3, 40, 200])
def test_map(tmp_path, n_groups):
    groups = [f"标签$ {i % n_groups}\n" for i in range(300)] if n_groups else None
    plot_map(points(300), tmp_path / "x.png", groups=groups, title="$x")
    check_image(tmp_path / "x.png")


@pytest.mark.parametrize("n", [3, 100, 200])
def test_map_with_names(tmp_path, n):
    names = [f"name 体育 {i}" for i in range(n)]
    plot_map(points(n), tmp_path / "x.svg", names=names)
    assert (tmp_path / "x.svg").stat().st_size > 1000


def test_the_legend_is_bounded(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: figures.append(figure))
    groups = [f"g{min(i % 60, i % 7)}" for i in range(300)]
    groups += [f"rare {i}" for i in range(50)]
    plot_map(points(350), tmp_path / "x.png", groups=groups)
    names = [text.get_text() for text in figures[0].axes[0].get_legend().get_texts()]
    assert len(names) == plots.MAX_COLORS
    counts = {f"{name} ({groups.count(name)})" for name in set(groups)}
    assert set(names[:-1]) <= counts
    assert names[0] == max(counts, key=lambda text: int(text.split("(")[1][:-1]))
    assert names[-1] == f"{len(set(groups)) - len(names) + 1} other labels"


@pytest.mark.parametrize("method", maps.METHODS)
@pytest.mark.parametrize("shape", [(3, 4), (20, 1), (20, 2), (60, 16)])
def test_project(method, shape):
    vectors = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    found, axis_names = maps.project(vectors, method)
    again, _ = maps.project(vectors, method)
    assert found.shape == (shape[0], 2) and np.isfinite(found).all()
    np.testing.assert_array_equal(found, again)
    assert len(axis_names) == 2


def test_pca_is_that_of_the_singular_values():
    vectors = np.random.default_rng(1).standard_normal((40, 6)) * [5, 3, 1, 1, 0.5, 0.1]
    found, axis_names = maps.project(vectors)
    centered = vectors - vectors.mean(axis=0)
    u, s, _ = np.linalg.svd(centered, full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(u[:, :2] * s[:2]), atol=1e-9)
    shares = s**2 / (s**2).sum()
    assert axis_names == (f"first axis ({shares[0]:.0%})", f"second axis ({shares[1]:.0%})")


@pytest.mark.parametrize("method", maps.METHODS)
def test_equal_points(method):
    found, _ = maps.project(np.ones((5, 3)), method)
    assert not found.any()


def test_project_refuses():
    with pytest.raises(ValueError, match="at least 3 points; got 2"):
        maps.project(np.ones((2, 3)))
    with pytest.raises(ValueError, match="method must be one of pca, tsne; got 'umap'"):
        maps.project(np.ones((5, 3)), "umap")


WORDS = {"food": "soup bread rice", "sport": "goal match team", "金钱": "bank loan 利率"}


def trained(loss="softmax", head="learned"):
    rows = [(label, word) for label, words in WORDS.items() for word in words.split()]
    texts = Texts.from_sequence([f"{word} {word}s" for _, word in rows] * 5)
    labels = Labels.from_rows([[label] for label, _ in rows] * 5)
    config = Config(loss=loss, head=head, dim=6, maxn=0, epochs=20, lr=0.5)
    return fit.fit(texts, labels, config, n_threads=1).model, texts, labels


@pytest.mark.parametrize("loss", ["softmax", "hs"])
def test_label_vectors_point_where_their_texts_are(loss):
    model, texts, labels = trained(loss)
    vectors = maps.label_vectors(model)
    assert vectors.shape == (3, model.hidden_size)
    scores = model.embed(texts) @ vectors.T
    if loss == "softmax":
        np.testing.assert_allclose(scores * model.scale, model.scores(texts), atol=1e-3)
    assert (scores.argmax(axis=1) == labels.ids).mean() == 1


def test_label_vectors_of_a_tree_by_hand():
    model, _, _ = trained("hs")
    parents, branches = model.tree.parents(), model.tree.branches()
    for label, vector in enumerate(maps.label_vectors(model)):
        expected, node = np.zeros(6), label
        while parents[node] >= 0:
            sign = 1 if branches[node] else -1
            expected += sign * model.output[parents[node] - 3]
            node = parents[node]
        np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_label_centroids_are_the_means():
    model, texts, labels = trained(head="linear")
    names = [model.labels[i] for i in labels.ids]
    names[7] = "new"
    chunks = [(texts.slice(a, a + 10), names[a : a + 10]) for a in range(0, 45, 10)]
    found, order = maps.label_centroids(model, chunks)
    assert sorted(order) == sorted({*WORDS, "new"}) and order[-1] == "new"
    hidden = model.embed(texts)
    for name, vector in zip(order, found, strict=True):
        own = np.array(names) == name
        np.testing.assert_allclose(vector, hidden[own].mean(axis=0), atol=1e-5)


def test_labels_of_a_linear_head_need_texts(tmp_path):
    model, texts, labels = trained(head="linear")
    with pytest.raises(InputError, match="head linear"):
        maps.map_labels(model, tmp_path / "x.png")
    chunks = [(texts, [model.labels[i] for i in labels.ids])]
    assert maps.map_labels(model, tmp_path / "x.png", chunks=chunks) == []
    check_image(tmp_path / "x.png")


def test_a_sample_of_many_texts():
    model, texts, labels = trained()
    names = [model.labels[i] for i in labels.ids]
    chunks = [(texts.slice(a, a + 10), names[a : a + 10]) for a in range(0, 45, 10)]
    found, groups, n_texts, n_unknown = maps.sample_vectors(model, chunks, most=12, seed=1)
    assert found.shape == (12, 6) and (n_texts, n_unknown) == (45, 0)
    for vector, group in zip(found, groups, strict=True):  # each label came with its vector
        assert model.labels[int((vector @ model.output.T).argmax())] == group
    whole, groups, _, _ = maps.sample_vectors(model, [(texts, names)], seed=2)
    np.testing.assert_array_equal(whole, model.embed(texts))
    assert groups == names


@pytest.fixture
def run(tmp_path, capsys):
    """Return a function that runs `embed` on a model in a folder of its own."""
    save_model(trained()[0], tmp_path / "m.ftl")
    lines = [f"{label}\t{word} {word}s" for label, words in WORDS.items() for word in words.split()]
    (tmp_path / "x.tsv").write_text("\n".join(lines), "utf-8")
    (tmp_path / "x.txt").write_text("soup bread\nzzz\ngoal\nbank\nloan\n", "utf-8")

    def run(*arguments):
        given = ["embed", tmp_path / "m.ftl", *arguments]
        try:
            code = app.main([str(argument) for argument in given])
        except SystemExit as stop:
            code = stop.code
        found = capsys.readouterr()
        return code, found.out, found.err

    return run


@pytest.mark.parametrize("method", [(), ("--method", "tsne")])
def test_embed_plot(run, tmp_path, method):
    plot = tmp_path / "p.png"
    code, out, err = run(tmp_path / "x.txt", "--plot", plot, *method)
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "fasttext-lite: 1 of 5 texts have no known feature and are left out",
        f"fasttext-lite: map of the documents in {plot}",
    ]
    check_image(plot)


def test_embed_plot_of_a_labelled_file(run, tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(maps, "plot_map", lambda points, path, **given: drawn.update(given))
    code, out, err = run(tmp_path / "x.tsv", "--labelled", "--plot", tmp_path / "p.png")
    assert (code, out) == (0, "")
    assert drawn["groups"] == [label for label in WORDS for _ in range(3)]
    assert drawn["title"] == "9 texts, PCA"


def test_embed_plot_samples(run, tmp_path, monkeypatch):
    monkeypatch.setitem(maps.MAX_POINTS, "pca", 4)
    code, _, err = run(tmp_path / "x.tsv", "--labelled", "--plot", tmp_path / "p.png")
    assert code == 0 and "the map shows a random 4 of 9 texts" in err


def test_embed_plot_of_the_labels(run, tmp_path):
    for file in ([], [tmp_path / "x.tsv"]):
        code, out, err = run(*file, "--of", "labels", "--plot", tmp_path / "p.pdf")
        assert (code, out) == (0, "")
        assert err == f"fasttext-lite: map of the labels in {tmp_path / 'p.pdf'}\n"
    assert (tmp_path / "p.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--of", "labels"], "--of needs --plot"),
        (["--labelled"], "--labelled needs --plot"),
        (["--method", "pca"], "--method needs --plot"),
        (["few.txt", "--of", "labels", "--plot", "p.png"], "the format is not recognised"),
        (["x.tsv", "--plot", "none/p.png"], "cannot write the plot"),
        (["few.txt", "--plot", "p.png"], "at least 3 texts with known features; found 2"),
        (["p.svg", "--plot", "p.svg"], "the plot would overwrite this file"),
        (["x.tsv", "--plot", "p.png", "--method", "umap"], "must be one of pca, tsne; got 'umap'"),
    ],
)
def test_embed_plot_mistakes(run, tmp_path, monkeypatch, arguments, says):
    (tmp_path / "few.txt").write_text("soup\nzzz\nrice\n")
    monkeypatch.chdir(tmp_path)
    before = sorted(file.name for file in tmp_path.iterdir())
    code, out, err = run(*arguments)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert says in err
    assert sorted(file.name for file in tmp_path.iterdir()) == before


def test_a_map_of_two_labels_is_refused(tmp_path):
    texts = Texts.from_sequence(["a b", "c d"])
    model = fit.fit(texts, Labels.from_rows([["x"], ["y"]]), Config(epochs=1, head="learned")).model
    with pytest.raises(InputError, match="at least 3 labels; there are 2"):
        maps.map_labels(model, tmp_path / "x.png")
