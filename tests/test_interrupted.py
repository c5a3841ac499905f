"""A training that is killed, interrupted or runs out of disk: nothing is lost, nothing is left."""

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_training import ROWS

from fasttext_lite import FastTextClassifier, load
from fasttext_lite.cli.app import main
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.fitting import checkpoint as checkpoints
from fasttext_lite.fitting import keeper as keepers
from fasttext_lite.fitting import room
from fasttext_lite.fitting.checkpoint import LAST, PREVIOUS
from fasttext_lite.model import storage
from fasttext_lite.training import run

SMALL = ["--epochs", "3", "--dim", "4", "--seed", "1"]
FIXED = [*SMALL, "--recipe", "fixed"]
# What takes part in a training, each with what else goes into a checkpoint.
KINDS = {
    "choice": SMALL,
    "moments, averages, tree": [
        *FIXED,
        "--optimizer",
        "adamax",
        "--averaging",
        "0.5",
        "--loss",
        "hs",
        "--focal",
        "2",
    ],
    "patience": [*FIXED, "--patience", "2", "--head", "learned", "--loss", "softmax"],
    "noise": [*FIXED, "--word-dropout", "0.2", "--head", "learned", "--loss", "softmax"],
    "weights": [*FIXED, "--class-weight", "balanced", "--head", "learned", "--loss", "softmax"],
    "rounds": [
        *FIXED,
        "--deterministic",
        "--threads",
        "2",
        "--head",
        "learned",
        "--loss",
        "softmax",
    ],
    "float16": [*FIXED, "--dtype", "float16", "--head", "learned", "--loss", "softmax"],
}


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with data, in which the command line is called."""
    lines = [f"{label}\t{text} {i % 7}" for i in range(4) for label, text in ROWS]
    (tmp_path / "train.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "valid.tsv").write_text("\n".join(lines[::3]) + "\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def each_block(monkeypatch):
    """Let each block take a second, and let an epoch have three of them."""
    clock, train_block = [0.0], run.Run.train_block

    def tick(self, *args):
        clock[0] += 1
        return train_block(self, *args)

    monkeypatch.setattr(run.Run, "train_block", tick)
    monkeypatch.setattr(keepers.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(run, "BLOCKS_PER_THREAD", 3)


def train(*flags, output="m.ftl"):
    return main(["train", "train.tsv", "-o", output, *flags])


def killed(monkeypatch, n, *flags):
    """Train, and end at the n-th checkpoint; return whether it came so far."""
    write, count = checkpoints.CheckpointFolder.write, itertools.count(1)

    def write_and_die(self, header, arrays):
        write(self, header, arrays)
        if next(count) == n:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.CheckpointFolder, "write", write_and_die)
        try:
            train("--checkpoint", "ck", *flags)
        except KilledError:
            return True
    return False


def at_block(monkeypatch, n, *numbers):
    """Send signals to this process when blocks were asked for n times."""
    is_due, count = keepers.TrainingKeeper.is_due, itertools.count(1)

    def send(self):
        if next(count) == n:
            for number in numbers:
                signal.raise_signal(number)
        return is_due(self)

    monkeypatch.setattr(keepers.TrainingKeeper, "is_due", send)


def left(folder):
    """Return the names of what there is beside the data."""
    return sorted(set(os.listdir(folder)) - {"train.tsv", "valid.tsv"})


# -- killed ----------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_training_writes_the_same_bytes(kind, folder, monkeypatch, each_block, capsys):
    flags = KINDS[kind]
    assert train(*flags, output="whole.ftl") == 0
    whole = (folder / "whole.ftl").read_bytes()
    for n in (1, 3, 6):  # with only the recipe chosen, within an epoch, and in the next
        assert killed(monkeypatch, n, "--checkpoint-every", "1s", *flags)
        assert left(folder) == ["ck", "whole.ftl"]
        how = ["--checkpoint", "ck", "--resume", "--checkpoint-every", "1s"]
        assert train(*how, *flags) == 0
        assert (folder / "m.ftl").read_bytes() == whole
        os.unlink("m.ftl")
        assert left(folder) == ["whole.ftl"]
    assert "Traceback" not in capsys.readouterr().err


def test_rounds_go_on_with_other_threads(folder, monkeypatch, each_block, caplog):
    flags = [*FIXED, "--deterministic", "--checkpoint-every", "1s"]
    assert train(*flags[:-2], output="whole.ftl") == 0
    assert killed(monkeypatch, 3, *flags, "--threads", "1")
    assert train("--checkpoint", "ck", "--resume", *flags, "--threads", "2") == 0
    assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()
    assert not caplog.messages


@pytest.mark.parametrize("is_there", [True, False])
def test_two_trainings_do_not_share_a_folder(is_there, folder, monkeypatch, capsys):
    if is_there:
        assert killed(monkeypatch, 2, *FIXED)
    other = checkpoints.CheckpointFolder("ck")
    if not is_there:
        other.write({}, {})
    before = {name: (folder / "ck" / name).read_bytes() for name in os.listdir("ck")}
    assert train("--checkpoint", "ck", "--resume", *FIXED) == 2
    assert "ck: another training keeps its checkpoint here: wait" in capsys.readouterr().err
    with pytest.raises(InputError, match="another training"):
        classifier().fit(["good", "bad"] * 4, ["a", "b"] * 4, checkpoint="ck")
    assert {name: (folder / "ck" / name).read_bytes() for name in os.listdir("ck")} == before
    other.close()
    if is_there:
        assert train("--checkpoint", "ck", "--resume", *FIXED) == 0
        assert left(folder) == ["m.ftl"]


def test_the_second_of_two_trainings_that_begin_together_ends(folder):
    one, two = checkpoints.CheckpointFolder("ck"), checkpoints.CheckpointFolder("ck")
    one.write({}, {})
    with pytest.raises(InputError, match="another training"):
        two.write({}, {})
    two.close()
    assert os.path.exists(f"ck/{LAST}")
    one.remove()
    assert left(folder) == []


def test_each_epoch_is_kept_and_its_log_gone_on_with(folder, monkeypatch, capsys):
    flags = [*FIXED, "--valid", "valid.tsv", "--patience", "3", "--head", "learned"]
    assert train(*flags, "--log", "whole.jsonl", output="whole.ftl") == 0
    told = capsys.readouterr()
    assert killed(monkeypatch, 3, *flags, "--log", "log.jsonl")  # the recipe, and two epochs
    with open("log.jsonl", "a") as file:
        file.write('{"event": "epo')  # cut while it was written
    assert train("--checkpoint", "ck", "--resume", *flags, "--log", "log.jsonl") == 0
    assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()
    whole, log = (
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("whole.jsonl", "log.jsonl")
    )
    assert [line["event"] for line in log] == ["start", "epoch", "epoch", "resume", "epoch", "end"]
    assert log[3]["epochs"] == 2
    for line in (*whole, *log):
        line.pop("seconds", None)
    assert [line for line in log if line["event"] != "resume"] == whole
    assert capsys.readouterr().out.splitlines()[-1] == told.out.splitlines()[-1].replace(
        "whole.ftl", "m.ftl"
    )


def test_every_so_many_epochs(folder, monkeypatch):
    written = []
    write = checkpoints.CheckpointFolder.write

    def note(self, header, arrays):
        write(self, header, arrays)
        written.append(header["place"] and header["place"]["epoch"])
        assert sorted(os.listdir("ck"))[-1] == LAST and len(os.listdir("ck")) <= 2

    monkeypatch.setattr(checkpoints.CheckpointFolder, "write", note)
    flags = ["--checkpoint", "ck", "--checkpoint-every", "2", *FIXED, "--epochs", "5"]
    assert train(*flags) == 0
    assert written == [None, 2, 4]
    assert left(folder) == ["m.ftl"]


def test_a_training_that_goes_on_from_a_model(folder, monkeypatch):
    assert train(*FIXED, output="first.ftl") == 0
    (folder / "train.tsv").write_bytes((folder / "valid.tsv").read_bytes())
    flags = ["--init", "first.ftl", "--seed", "1", "--epochs", "3"]
    assert train(*flags, output="whole.ftl") == 0
    assert killed(monkeypatch, 3, *flags)
    assert train("--checkpoint", "ck", "--resume", *flags) == 0
    assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()


def test_a_folder_that_was_there_stays(folder):
    (folder / "ck").mkdir()
    assert train("--checkpoint", "ck", *FIXED) == 0
    assert os.listdir("ck") == []


def test_a_process_that_is_killed(folder):
    """The process itself, by SIGKILL, as soon as there is a checkpoint of some weights."""
    flags = [*FIXED, "--epochs", "40", "-q"]
    assert train(*flags, output="whole.ftl") == 0
    call = [sys.executable, "-m", "fasttext_lite", "train", "train.tsv", "-o", "m.ftl", *flags]
    call += ["--checkpoint", "ck", "--resume"]
    with subprocess.Popen(call) as process:
        while process.poll() is None and not os.path.exists(f"ck/{PREVIOUS}"):
            time.sleep(0.002)
        process.kill()
    assert not os.path.exists("m.ftl") or process.returncode == 0
    assert train(*flags, "--checkpoint", "ck", "--resume") == 0
    assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()
    assert left(folder) == ["m.ftl", "whole.ftl"]


# -- damaged, or of another training ---------------------------------------------------------
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    folder, monkeypatch, each_block, caplog, capsys
):
    flags = ["--checkpoint-every", "1s", *KINDS["patience"]]
    assert train(*flags[2:], output="whole.ftl") == 0
    assert killed(monkeypatch, 4, *flags)
    path = folder / "ck" / LAST
    good = path.read_bytes()
    places = [5, 100, len(good) // 2, len(good) - 1]
    for n, bad in enumerate(
        [*(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in places), good[:1000], b""]
    ):
        shutil.copytree("ck", "copy")
        (folder / "copy" / LAST).write_bytes(bad)
        caplog.clear()
        assert train("--resume", "--checkpoint", "copy", *flags) == 0
        assert "this checkpoint is damaged" in caplog.text and PREVIOUS in caplog.text, n
        assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()
    (folder / "ck" / PREVIOUS).write_bytes(b"x")
    path.write_bytes(good[:-7])
    capsys.readouterr()
    assert train("--resume", "--checkpoint", "ck", *flags) == 2
    assert "there is no good one: remove ck to begin anew" in capsys.readouterr().err


def test_a_damaged_checkpoint_never_replaces_a_good_one(folder, monkeypatch, each_block):
    flags = ["--checkpoint-every", "1s", *FIXED]
    assert killed(monkeypatch, 4, *flags)
    good = (folder / "ck" / PREVIOUS).read_bytes()
    (folder / "ck" / LAST).write_bytes(b"nothing")

    def full(*_):
        raise ModelError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_write", full)
        at_block(patch, 1, signal.SIGINT)
        assert train("--resume", "--checkpoint", "ck", *flags) == 130
    assert (folder / "ck" / PREVIOUS).read_bytes() == good


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--lr", "0.3"], "lr was open and is 0.3"),
        (["--dim", "5", "--l2", "0.1"], "dim was 4 and is 5; l2 was 0 and is 0.1"),
        (["--seed", "2"], "seed was 1 and is 2"),
        (["--class-weight", "balanced"], "the weights of texts are others"),
        (["--valid", "valid.tsv"], "it has no validation data"),
        ("texts", "the texts are others"),
        ("labels", "the labels are others"),
    ],
    ids=str,
)
def test_the_checkpoint_of_another_training_is_refused(changed, said, folder, monkeypatch, capsys):
    assert killed(monkeypatch, 2, *FIXED)
    data = folder / "train.tsv"
    lines = data.read_text("utf-8").splitlines()
    if changed == "texts":
        lines[3] += " stadium"
    elif changed == "labels" or "--class-weight" in changed:
        lines[3] = lines[3].replace("sport", "food")
    data.write_text("\n".join(lines) + "\n", "utf-8")
    before = (folder / "ck" / LAST).read_bytes()
    flags = [] if isinstance(changed, str) else changed
    assert train("--checkpoint", "ck", "--resume", *FIXED, *flags) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "ck/checkpoint.safetensors: this checkpoint is of another training: " in told
    assert said in told or (said.startswith("the weights") and "the labels are others" in told)
    assert (folder / "ck" / LAST).read_bytes() == before and not os.path.exists("m.ftl")


def test_flags_that_do_not_go_together(folder, monkeypatch, capsys):
    def refused(*flags):
        assert train(*FIXED, *flags) == 2
        return capsys.readouterr().err

    assert "--resume needs the folder of a --checkpoint" in refused("--resume")
    assert "--checkpoint-every needs" in refused("--checkpoint-every", "2")
    (folder / "file").write_text("")
    assert "this is a file" in refused("--checkpoint", "file")
    more = ["--unlabelled", "valid.tsv"]
    assert "labelled texts alone" in refused("--checkpoint", "ck", *more)
    assert "--on-interrupt save is for" in refused("--on-interrupt", "save", *more)
    assert killed(monkeypatch, 2, *FIXED)
    capsys.readouterr()
    assert "go on with it (--resume), or remove it" in refused("--checkpoint", "ck")
    for wrong in ("0", "x", "5d", "-1"):
        with pytest.raises(SystemExit):
            train("--checkpoint", "other", "--checkpoint-every", wrong)
    assert left(folder) == ["ck", "file"]


def test_resume_without_a_checkpoint_begins_anew_and_says_so(folder, capsys):
    assert train("--checkpoint", "ck", "--resume", *FIXED) == 0
    assert "ck: there is no checkpoint here: the training begins anew" in capsys.readouterr().err


# -- Ctrl-C and SIGTERM ----------------------------------------------------------------------
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.mark.parametrize("number", CODES, ids=str)
@pytest.mark.parametrize("block", [2, 4, 6])
def test_an_interrupted_training_is_kept(number, block, folder, monkeypatch, capsys, each_block):
    assert train(*FIXED, output="whole.ftl") == 0
    with monkeypatch.context() as patch:
        at_block(patch, block, number)
        assert train("--checkpoint", "ck", *FIXED) == CODES[number]
    told = capsys.readouterr().err.splitlines()[-1]
    assert "of 3 epochs; kept in ck: go on with --resume" in told
    assert left(folder) == ["ck", "whole.ftl"]
    assert train("--checkpoint", "ck", "--resume", *FIXED) == 0
    assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()


@pytest.mark.parametrize("number", CODES, ids=str)
@pytest.mark.parametrize("flags", [FIXED, KINDS["patience"], [*FIXED, "--averaging", "0.9"]])
def test_an_interrupted_training_is_saved(number, flags, folder, monkeypatch, capsys, each_block):
    at_block(monkeypatch, 6, number)
    assert train("--on-interrupt", "save", *flags) == CODES[number]
    told = capsys.readouterr()
    assert ": m.ftl has what was learnt so far" in told.err.splitlines()[-1]
    model = load("m.ftl").model_ if hasattr(load("m.ftl"), "model_") else load("m.ftl")
    assert model.run.epochs in (1, 2)
    assert np.isfinite(model.embeddings).all() and left(folder) == ["m.ftl"]


def test_saved_and_kept_as_well(folder, monkeypatch, capsys, each_block):
    assert train(*FIXED, output="whole.ftl") == 0
    with monkeypatch.context() as patch:
        at_block(patch, 6, signal.SIGINT)
        assert train("--on-interrupt", "save", "--checkpoint", "ck", *FIXED) == 130
    assert "kept in ck: go on with --resume" in capsys.readouterr().err
    assert (folder / "m.ftl").read_bytes() != (folder / "whole.ftl").read_bytes()
    assert train("--checkpoint", "ck", "--resume", *FIXED) == 0
    assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()


@pytest.mark.parametrize("number", CODES, ids=str)
def test_before_anything_is_learnt_there_is_nothing_to_save(number, folder, monkeypatch, capsys):
    choose = keepers.choose

    def interrupted(*args):
        signal.raise_signal(number)
        return choose(*args)

    with monkeypatch.context() as patch:
        patch.setattr(keepers, "choose", interrupted)
        for flags in (["--on-interrupt", "save"], ["--on-interrupt", "save", "--checkpoint", "ck"]):
            assert train(*flags, *FIXED) == CODES[number]
            told = capsys.readouterr().err.splitlines()[-1]
            assert "before anything was learnt: there is nothing to save" in told
        assert train("--checkpoint", "ck", *FIXED) == CODES[number]
        assert "before anything was learnt: nothing is kept" in capsys.readouterr().err
    assert killed(monkeypatch, 2, *FIXED)
    before = (folder / "ck" / LAST).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(keepers, "settled", lambda *args: signal.raise_signal(number))
        assert train("--checkpoint", "ck", "--resume", *FIXED) == CODES[number]
        assert "before the training went on: ck is as it was" in capsys.readouterr().err
    assert (folder / "ck" / LAST).read_bytes() == before
    shutil.rmtree("ck")
    at_block(monkeypatch, 1, number)
    assert train("--on-interrupt", "save", *FIXED) == CODES[number]
    assert "there is nothing to save" in capsys.readouterr().err
    assert left(folder) == []


def test_twice_ends_at_once(folder, monkeypatch, each_block):
    at_block(monkeypatch, 6, signal.SIGINT, signal.SIGINT)
    assert train("--on-interrupt", "save", *FIXED) == 130
    assert left(folder) == []


def test_after_the_training_save_still_writes_the_model(folder, monkeypatch):
    save = storage.save_model

    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        save(*args)

    monkeypatch.setattr(storage, "save_model", interrupted)
    assert train("--on-interrupt", "save", *FIXED, output="a.ftl") == 0
    assert train("--checkpoint", "ck", *FIXED, output="b.ftl") == 130
    assert os.path.exists("a.ftl") and not os.path.exists("b.ftl")


def test_handlers_are_as_they_were(folder):
    before = [signal.getsignal(number) for number in CODES]
    assert train("--on-interrupt", "save", *FIXED) == 0
    assert [signal.getsignal(number) for number in CODES] == before


# -- a full disk -----------------------------------------------------------------------------
def test_without_room_for_the_model_no_time_is_spent(folder, monkeypatch, capsys):
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage._replace(free=5000))
    monkeypatch.setattr("fasttext_lite.training.loop.train", None)
    flags = [*FIXED, "--head", "learned", "--loss", "softmax"]
    monkeypatch.setattr("fasttext_lite.fitting.keeper.choose", lambda prepared, *_: prepared)
    assert train(*flags) == 2
    told = capsys.readouterr().err
    assert "m.ftl: the model will take " in told and "make room, or name another place" in told
    assert left(folder) == []


@pytest.mark.parametrize(
    "flags",
    [[], ["--optimizer", "adam"], ["--patience", "2"], ["--dtype", "float16"]],
)
def test_the_room_foretold_is_what_is_taken(flags, folder, monkeypatch):
    told, sizes = [], []
    check, write = keepers.check_room, checkpoints._write

    def note(prepared, config, *where):
        told.extend(
            [room.expected_bytes(prepared, config), room.checkpoint_bytes(prepared, config)]
        )
        check(prepared, config, *where)

    def measure(path, *rest):
        write(path, *rest)
        sizes.append(os.path.getsize(path))

    monkeypatch.setattr(keepers, "check_room", note)
    monkeypatch.setattr(checkpoints, "_write", measure)
    assert train("--checkpoint", "ck", *FIXED, "--head", "learned", *flags) == 0
    size = os.path.getsize("m.ftl")
    assert size <= told[0] <= 1.1 * size + 8192
    assert max(sizes) - 20_000 <= told[1] <= 1.05 * max(sizes)


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_training(folder, monkeypatch, caplog):
    assert train(*FIXED, output="whole.ftl") == 0
    write = checkpoints._write

    def full(path, header, arrays):
        if header["place"] is None:
            return write(path, header, arrays)
        raise ModelError(f"{path}: cannot write the checkpoint: no space left on device")

    monkeypatch.setattr(checkpoints, "_write", full)
    assert train("--checkpoint", "ck", *FIXED) == 0
    assert caplog.text.count("no space left on device; the training goes on") == 1  # of 3 epochs
    assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()


def full_disk(monkeypatch, *folders):
    """Let writing models into these folders fail as on a full disk."""
    save = storage.save_model

    def full(model, path, *rest):
        if os.path.dirname(os.path.realpath(path)) in map(os.path.realpath, folders):
            raise ModelError(f"{path}: cannot write the model: {os.strerror(errno.ENOSPC).lower()}")
        save(model, path, *rest)

    monkeypatch.setattr(storage, "save_model", full)


@pytest.mark.parametrize("with_checkpoint", [False, True])
def test_a_disk_that_is_full_at_the_end(with_checkpoint, folder, monkeypatch, capsys, tmp_path):
    assert train(*FIXED, output="whole.ftl") == 0
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr("fasttext_lite.system.temporary_folder", lambda: str(other))
    full_disk(monkeypatch, folder)
    flags = ["--checkpoint", "ck"] if with_checkpoint else []
    for name in ("m.ftl", "m-2.ftl"):
        assert train(*flags, *(["--resume"] if flags else []), *FIXED) == 2
        path = os.path.join("ck" if with_checkpoint else str(other), name)
        told = capsys.readouterr().err.splitlines()[-1]
        assert told.endswith(f"no space left on device; it was written to {path} instead: move it "
                             "from there")  # fmt: skip
        assert Path(path).read_bytes() == (folder / "whole.ftl").read_bytes()
    assert not os.path.exists("m.ftl")


def test_a_disk_that_is_full_everywhere(folder, monkeypatch, capsys):
    assert train(*FIXED, output="whole.ftl") == 0
    with monkeypatch.context() as patch:
        patch.setattr("fasttext_lite.system.temporary_folder", lambda: str(folder))
        full_disk(patch, folder, folder / "ck")
        assert train(*FIXED) == 2
        assert "nor anywhere else" in capsys.readouterr().err
        assert train("--checkpoint", "ck", *FIXED) == 2
        told = capsys.readouterr().err
        assert "nor anywhere else: make room and go on with --resume, from epoch 2 on" in told
    assert train("--checkpoint", "ck", "--resume", *FIXED) == 0
    assert (folder / "m.ftl").read_bytes() == (folder / "whole.ftl").read_bytes()


# -- in Python -------------------------------------------------------------------------------
def classifier(**settings):
    return FastTextClassifier(epochs=3, dim=4, random_state=1, recipe="fixed", **settings)


def break_off(epoch):
    def callback(report):
        if report.epoch == epoch:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("settings", [{}, {"patience": 2}, {"averaging": 0.5}])
def test_fit_goes_on_where_it_was_broken_off(settings, tmp_path):
    X, y = [text for _, text in ROWS], [label for label, _ in ROWS]
    seen = []
    whole = classifier(**settings).fit(X, y, callbacks=seen.append)
    path = tmp_path / "ck"
    with pytest.raises(KeyboardInterrupt):
        classifier(**settings).fit(X, y, callbacks=break_off(2), checkpoint=path)
    assert (path / LAST).exists()
    clf = classifier(**settings)
    del seen[:]
    clf.fit(X, y, callbacks=seen.append, checkpoint=path)
    assert [report.epoch for report in seen] == [2, 3] and not path.exists()
    assert clf.model_.embeddings.tobytes() == whole.model_.embeddings.tobytes()
    assert clf.model_.output.tobytes() == whole.model_.output.tobytes()
    assert clf.history_.loss == whole.history_.loss
    assert [r.loss for r in clf.history_.reports] == whole.history_.loss
    more = clf.partial_fit(X, y).model_, whole.partial_fit(X, y).model_
    assert more[0].embeddings.tobytes() == more[1].embeddings.tobytes()


def test_fit_refuses_the_checkpoint_of_another_training(tmp_path):
    X, y = [text for _, text in ROWS], [label for label, _ in ROWS]
    path = str(tmp_path / "ck")
    with pytest.raises(KeyboardInterrupt):
        classifier().fit(X, y, callbacks=break_off(2), checkpoint=path)
    with pytest.raises(InputError, match="of another training: epochs was 3 and is 4"):
        classifier().set_params(epochs=4).fit(X, y, checkpoint=path)
    with pytest.raises(ValueError, match="the texts are others"):
        classifier().fit(["x", *X[1:]], y, checkpoint=path)
    with pytest.raises(ValueError, match="labelled texts alone"):
        classifier().fit(X, y, checkpoint=path, unlabelled=X)
    with pytest.raises(TypeError):
        classifier().fit(X, y, checkpoint=3.5)
    with pytest.raises(InputError, match="cannot keep a checkpoint here"):
        classifier().fit(X, y, checkpoint=tmp_path / "ck" / LAST / "x")
