"""The one way to write a file: whole or not at all, and what the dead have left is swept."""

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, nullcontext

import pytest

from fasttext_lite import system
from fasttext_lite.disk import temporary
from fasttext_lite.disk.replacing import check_replaceable, replacing
from fasttext_lite.disk.temporary import making_folder, open_temporary, sweep, temporary_name

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX names and modes")

# Writes a little under a temporary name, says it, and waits to be killed.
WRITER = """
import sys, time
from fasttext_lite.disk.replacing import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    time.sleep(60)
"""


@contextmanager
def writer(path):
    """Run a process that writes a file and does not finish."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "out.txt"
    path.write_bytes(b"old")
    return path


def write(path, data=b"new", **options):
    with replacing(path, **options) as file:
        file.write(data)


# -- whole or not at all ---------------------------------------------------------------------


def test_the_new_file_is_there_at_the_end_alone(path):
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        (other,) = [each for each in path.parent.iterdir() if each != path]
        assert other.name.startswith(f".out.txt.{os.getpid()}-") and other.suffix == ".tmp"
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["out.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, system.Terminated])
def test_after_an_error_the_old_file_is_there(path, error):
    with pytest.raises(error), replacing(path) as file:
        file.write(b"new")
        raise error(15)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["out.txt"]


@pytest.mark.parametrize(
    ("number", "is_named"), [(errno.ENOSPC, True), (errno.EFBIG, True), (errno.EPIPE, False)]
)
def test_the_error_of_a_full_disk_names_the_file(path, number, is_named):
    with pytest.raises(OSError) as caught, replacing(path):
        raise OSError(number, os.strerror(number))
    assert caught.value.filename == (str(path) if is_named else None)
    with pytest.raises(OSError) as caught, replacing(path):
        raise OSError(number, os.strerror(number), "other")
    assert caught.value.filename == "other"


@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_that_is_not_filled_leaves_none_above_it(tmp_path, is_there):
    above = tmp_path / "a" / "b"
    if is_there:
        above.mkdir(parents=True)
    with pytest.raises(ValueError), making_folder(str(above / "c")):
        raise ValueError
    assert above.exists() == is_there and (tmp_path / "a").exists() == is_there


def test_file_and_folder_reach_the_disk_before_the_name_is_believed(path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace

    def syncing(fd):
        kind = "folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"
        steps.append((kind, os.fstat(fd).st_size if kind == "file" else 0))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", lambda a, b: (steps.append("replace"), replace(a, b)))
    write(path, b"12345")
    assert steps == [("file", 5), "replace", ("folder", 0)]
    steps.clear()
    write(path, b"12345", is_durable=False)
    assert steps == ["replace"]


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600)])
def test_permissions_are_the_umask_s_or_the_old_file_s(tmp_path, umask, mode):
    old = os.umask(umask)
    try:
        write(tmp_path / "new")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode
        (tmp_path / "new").chmod(0o640)
        with replacing(tmp_path / "new") as file:  # also before it has the name
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o640
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    finally:
        os.umask(old)


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays(tmp_path, exists):
    (tmp_path / "folder").mkdir()
    if exists:
        (tmp_path / "folder" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("folder/file")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["a" * 255, "热" * 85, "x.y.z", ".hidden", "a b\n"])
def test_names_of_any_form_and_length(tmp_path, name):
    for data in (b"one", b"two"):
        write(tmp_path / name, data)
        assert (tmp_path / name).read_bytes() == data
    assert os.listdir(tmp_path) == [name]


def test_a_pipe_and_a_device_get_what_comes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write(tmp_path / "pipe", to_streams=True)
    reader.join()
    assert found == [b"new"]
    write("/dev/null", to_streams=True)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]
    for path in (tmp_path / "pipe", "/dev/null"):
        for begin in (write, check_replaceable):
            with pytest.raises(OSError, match="not a regular file"):
                begin(path)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_name_of_stdout_goes_on_where_others_have_written(name, tmp_path):
    code = (
        "from fasttext_lite.disk.replacing import replacing\n"
        "print('before', flush=True)\n"
        f"with replacing({name!r}, to_streams=True) as file: file.write(b'between\\n')\n"
        "print('after', flush=True)\n"
    )
    with open(tmp_path / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\nbetween\nafter\n"
    assert os.listdir(tmp_path) == ["out"]


# -- what the dead have left -----------------------------------------------------------------


@pytest.mark.parametrize("begin", [write, check_replaceable])
def test_what_a_killed_writer_left_is_swept_by_the_next(path, begin):
    with writer(path) as process:
        process.kill()
        process.wait()
        assert len(os.listdir(path.parent)) == 2
        begin(path)
    assert os.listdir(path.parent) == ["out.txt"]


def test_what_is_being_written_is_never_swept(path):
    with writer(path) as process, replacing(path) as file:
        file.write(b"new")
        before = sorted(os.listdir(path.parent))
        sweep(str(path.parent))
        check_replaceable(path)
        assert sorted(os.listdir(path.parent)) == before and len(before) == 3
        assert process.poll() is None
    assert path.read_bytes() == b"new"


def test_many_writers_of_one_file_do_not_disturb_each_other(path):
    """Between the making of a temporary file and its lock others look at it, and sweep."""
    found, errors = set(), []

    def work(i):
        try:
            for _ in range(50):
                write(path, bytes([i]) * 1000)
                found.add(path.read_bytes())
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert found <= {bytes([i]) * 1000 for i in range(8)}
    assert os.listdir(path.parent) == ["out.txt"]


def test_a_temporary_file_that_was_taken_before_it_was_held_is_made_again(path, monkeypatch):
    lock, taken = system.lock, []

    def swept_first(fd):
        if not taken:
            taken.append([each for each in path.parent.iterdir() if each != path][0])
            taken[0].unlink()
        return lock(fd)

    monkeypatch.setattr(system, "lock", swept_first)
    write(path)
    assert path.read_bytes() == b"new" and taken
    monkeypatch.setattr(system, "is_named", lambda fd, name: False)
    with pytest.raises(FileExistsError):
        write(path)


def dead(path, age=0.0, host=None, folder=False):
    """Leave what a writer leaves that is killed, and return it."""
    name = temporary_name(str(path))
    if host is not None:
        name = name.replace(f"-{temporary._host()}", f"-{host}")
    if folder:
        os.mkdir(name)
        open(os.path.join(name, "ids.bin"), "wb").close()
    else:
        open(name, "wb").close()
    os.utime(name, (time.time() - age, time.time() - age))
    return os.path.basename(name)


DAY = temporary.OLD


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize(
    "age, host, locks, is_swept",
    [
        (0, None, True, True),
        (0, "ffff", True, False),  # of another machine, which may know other locks
        (DAY + 60, "ffff", True, True),
        (0, None, False, False),  # nothing says that its writer is dead
        (DAY + 60, None, False, True),
    ],
)
def test_who_is_dead(path, monkeypatch, age, host, locks, is_swept, folder):
    monkeypatch.setattr(system, "host_name", lambda: "here")
    if not locks:
        monkeypatch.setattr(system, "lock", lambda fd: None)
    name = dead(path, age, host, folder)
    sweep(str(path.parent), "out.txt")
    assert (name not in os.listdir(path.parent)) == is_swept


@pytest.mark.parametrize("age, is_swept", [(0, False), (temporary.OLD_ON_WINDOWS + 60, True)])
def test_where_open_files_cannot_be_removed_their_age_says_it(path, monkeypatch, age, is_swept):
    monkeypatch.setattr(system, "IS_WINDOWS", True)
    name = dead(path, age)
    sweep(str(path.parent), "out.txt")
    assert (name not in os.listdir(path.parent)) == is_swept


def test_files_of_others_stay(path):
    others = [
        ".out.txt.tmp", "out.txt.1-00000000000000.tmp", ".out.txt.1-0000.tmp",
        ".out.txt.1-00000000abcd.tmp.gz", dead(path.with_name("other.txt")),
    ]  # fmt: skip
    for name in others:
        (path.parent / name).touch()
    write(path)
    assert sorted(os.listdir(path.parent)) == sorted([*others, "out.txt"])


def test_what_cannot_be_looked_at_is_no_error(path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    name = dead(path)
    for where in ("unlink", "scandir"):
        with monkeypatch.context() as patch:
            patch.setattr(os, where, refuse)
            sweep(str(path.parent), "out.txt")
    assert name in os.listdir(path.parent)
    sweep(str(path.parent / "none"))


# -- folders ---------------------------------------------------------------------------------


def test_a_folder_is_there_when_all_is_in_it(tmp_path):
    target = tmp_path / "cache" / "made"
    left = None
    for error in (KeyboardInterrupt, OSError):
        with pytest.raises(error), making_folder(str(target)) as folder:
            (tmp_path / folder / "half").touch()
            raise error
        assert os.listdir(tmp_path) == []
    (tmp_path / "cache").mkdir()
    left = dead(target, folder=True)
    with making_folder(str(target)) as folder:
        assert left not in os.listdir(tmp_path / "cache")
        sweep(str(tmp_path / "cache"))  # another process
        with open(os.path.join(folder, "file"), "wb") as file:
            file.write(b"whole")
        assert not target.exists()
    assert os.listdir(tmp_path / "cache") == ["made"]
    assert (target / "file").read_bytes() == b"whole"
    with making_folder(str(target)) as folder:  # somebody was quicker
        (tmp_path / folder / "other").touch()
    assert os.listdir(target) == ["file"]


# -- refusals --------------------------------------------------------------------------------


def refusing(number, *, for_target=None, times=10**9):
    """Return what raises an error of the system, for one target or for all."""
    left = [times]
    replace = os.replace

    def refuse(*arguments):
        if (for_target is None or str(arguments[-1]) == str(for_target)) and left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        return replace(*arguments)

    return refuse


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EBUSY])
def test_a_whole_file_that_cannot_take_its_place_is_kept(path, monkeypatch, number):
    """As on Windows while somebody has the old one open, or where a container mounts it."""
    monkeypatch.setattr(os, "replace", refusing(number, for_target=path))
    with pytest.raises(OSError, match=r"the new one is kept .* ending \.new"):
        write(path)
    assert sorted(os.listdir(path.parent)) == ["out.txt", "out.txt.new"]
    assert path.read_bytes() == b"old"
    assert path.with_name("out.txt.new").read_bytes() == b"new"


def test_where_nothing_is_ever_renamed_the_old_file_stays(path, monkeypatch):
    monkeypatch.setattr(os, "replace", refusing(errno.EACCES))
    with pytest.raises(PermissionError):
        write(path)
    assert os.listdir(path.parent) == ["out.txt"] and path.read_bytes() == b"old"


def test_windows_is_given_some_time(path, monkeypatch):
    monkeypatch.setattr(system, "IS_WINDOWS", True)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(os, "replace", refusing(errno.EACCES, times=3))
    write(path)
    assert os.listdir(path.parent) == ["out.txt"] and path.read_bytes() == b"new"


@pytest.mark.parametrize(
    "number, is_told",
    [(errno.EIO, True), (errno.ENOSPC, True), (errno.EINVAL, False), (errno.ENOTSUP, False)],
)
def test_a_disk_that_cannot_say_whether_it_has_it(path, monkeypatch, number, is_told):
    """An error of the disk is one; of file systems that know no such wait it is none."""
    monkeypatch.setattr(os, "fsync", refusing(number))
    with pytest.raises(OSError) if is_told else nullcontext():
        write(path)
    assert path.read_bytes() == (b"old" if is_told else b"new")
    assert os.listdir(path.parent) == ["out.txt"]


@pytest.mark.parametrize("what", ["fchmod", "unlink"])
def test_what_does_not_matter_may_be_refused(path, monkeypatch, what):
    monkeypatch.setattr(os, what, refusing(errno.EPERM))
    write(path)
    assert path.read_bytes() == b"new"


def test_a_temporary_file_that_cannot_be_removed_is_swept_later(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refusing(errno.EACCES))
        with pytest.raises(ValueError), replacing(path):
            raise ValueError
    assert len(os.listdir(path.parent)) == 2
    write(path)
    assert os.listdir(path.parent) == ["out.txt"]


def test_without_locks_files_are_written(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    write(path)
    fd, name = open_temporary(str(path))
    assert system.lock(fd) is None
    os.close(fd)
    assert os.path.exists(name)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("number, found", [(errno.EAGAIN, False), (errno.ENOLCK, None)])
def test_locks_that_are_refused(path, monkeypatch, number, found):
    monkeypatch.setattr("fcntl.flock", refusing(number))
    with open(path, "rb") as file:
        assert system.lock(file.fileno()) is found
