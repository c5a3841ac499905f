"""Public sets: the registry, the downloader against a local server, converters, the command."""

import contextlib
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fasttext_lite.cli import app
from fasttext_lite.datasets import convert as datasets_convert
from fasttext_lite.datasets import download as datasets_download
from fasttext_lite.datasets import fetch as datasets
from fasttext_lite.datasets.convert import CONVERTERS, clean, convert, is_test
from fasttext_lite.datasets.download import download, mirrored, open_member
from fasttext_lite.datasets.registry import DATASETS, Dataset, Part, Source
from fasttext_lite.errors import InputError

BODY = b"".join(b"line %d of the file\n" % i for i in range(20_000))
TRAIN = "a\tfirst text\nb\tsecond text\n"
TEST = "a\tthird text\n"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; `script` has what to do with the next requests of a path."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.script, self.requests = {}, {}, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Ignore clients that hang up."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, dict(self.headers)))
        steps = server.script.get(self.path)
        step = steps.pop(0) if steps else "good"
        body = server.files.get(self.path)
        if isinstance(step, int):
            return self.answer(step, b"", {"Retry-After": "0"})
        if step.startswith("http"):
            return self.answer(302, b"", {"Location": step})
        if body is None:
            return self.answer(404, b"")
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        tag = self.headers.get("If-Range")
        if asked and step != "no ranges" and tag in (None, self.tag(body)):
            start = int(asked[1])
            if start >= len(body):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        sent = body[start:]
        headers = {"ETag": self.tag(body), "Content-Length": str(len(sent))}
        if start:
            wrong = 1 if step == "other part" else 0
            headers["Content-Range"] = f"bytes {start + wrong}-{len(body) - 1}/{len(body)}"
        if step == "truncated":
            sent = sent[: len(sent) // 2]
        if step == "no length":
            del headers["Content-Length"]
        return self.answer(206 if start else 200, sent, headers)

    @staticmethod
    def tag(body):
        return f'"{sha256(body)[:8]}"'

    def answer(self, code, body, headers=None):
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def running():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def server(running, monkeypatch):
    running.files, running.script, running.requests = {"/data.txt": BODY}, {}, []
    for name in ("FASTTEXT_LITE_MIRROR", "FASTTEXT_LITE_DATA", "FASTTEXT_LITE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(datasets_download.time, "sleep", lambda seconds: None)
    return running


def source(server, path="/data.txt", checked=True, **changes):
    made = Source("data.txt", (server.url + path,))
    if checked:
        made = replace(made, size=len(BODY), sha256=sha256(BODY))
    return replace(made, **changes)


class Meter:
    """Adds up what is reported."""

    total = 0

    def __call__(self, n):
        self.total += n


# -- downloads -------------------------------------------------------------------------------


def test_download(server, tmp_path):
    meter = Meter()
    target = tmp_path / "data.txt"
    assert download(source(server), target, report=meter) == (sha256(BODY), False)
    assert target.read_bytes() == BODY
    assert meter.total == len(BODY)
    assert [path.name for path in tmp_path.iterdir()] == ["data.txt"]
    download(source(server), target)  # it is there
    assert len(server.requests) == 1
    target.write_bytes(BODY[:-1] + b"x")  # it is there, but wrong
    download(source(server), target)
    assert target.read_bytes() == BODY


def test_git_blob_id_is_verified(server, tmp_path):
    blob = hashlib.sha1(b"blob %d\0" % len(BODY) + BODY).hexdigest()
    target = tmp_path / "data.txt"
    download(source(server, checked=False, blob=blob), target)
    assert target.read_bytes() == BODY
    with pytest.raises(InputError, match="expected git blob id 000.*found"):
        download(source(server, checked=False, blob="0" * 40), tmp_path / "other")


def test_a_broken_connection_is_resumed(server, tmp_path):
    server.script["/data.txt"] = ["truncated", "truncated", "good"]
    meter = Meter()
    download(source(server), tmp_path / "data.txt", report=meter)
    assert (tmp_path / "data.txt").read_bytes() == BODY
    assert meter.total == len(BODY)
    ranges = [headers.get("Range") for _, headers in server.requests]
    half = len(BODY) // 2
    assert ranges == [None, f"bytes={half}-", f"bytes={half + (len(BODY) - half) // 2}-"]
    assert server.requests[1][1]["If-Range"] == Handler.tag(BODY)


def test_a_connection_that_always_breaks_is_given_up(server, tmp_path):
    server.files["/data.txt"] = BODY[:100]
    server.script["/data.txt"] = ["no length"] * 50
    with pytest.raises(InputError, match=r"broke after 100 of [\d,]+ bytes"):
        download(source(server), tmp_path / "data.txt")
    assert (tmp_path / "data.txt.part").stat().st_size == 100
    assert not (tmp_path / "data.txt").exists()


def test_interrupt_leaves_a_part_that_is_resumed(server, tmp_path):
    def interrupt(n):
        if n:
            raise KeyboardInterrupt

    target = tmp_path / "data.txt"
    with pytest.raises(KeyboardInterrupt):
        download(source(server), target, report=interrupt)
    size = (tmp_path / "data.txt.part").stat().st_size
    assert 0 < size < len(BODY)
    download(source(server), target)
    assert server.requests[1][1]["Range"] == f"bytes={size}-"
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("step", ["no ranges", "other part"])
def test_a_server_without_the_range_starts_over(server, tmp_path, step):
    (tmp_path / "data.txt.part").write_bytes(BODY[:1000])
    server.script["/data.txt"] = [step]
    meter = Meter()
    download(source(server), tmp_path / "data.txt", report=meter)
    assert (tmp_path / "data.txt").read_bytes() == BODY
    assert meter.total == len(BODY)


def test_a_part_that_is_whole_needs_no_request(server, tmp_path):
    (tmp_path / "data.txt.part").write_bytes(BODY)
    download(source(server), tmp_path / "data.txt")
    assert not server.requests


def test_a_part_that_is_too_long_is_dropped(server, tmp_path):
    (tmp_path / "data.txt.part").write_bytes(BODY + b"more")
    download(source(server), tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_bytes() == BODY


def test_a_wrong_part_is_fetched_anew(server, tmp_path):
    (tmp_path / "data.txt.part").write_bytes(b"x" * 1000)
    download(source(server), tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_bytes() == BODY
    assert [headers.get("Range") for _, headers in server.requests] == ["bytes=1000-", None]


def test_a_file_that_changes_is_not_mixed(server, tmp_path):
    """Without a checksum the server's tag tells; without either, the part is not used."""
    server.script["/data.txt"] = ["truncated", 500, 500, 500, 500, 500]
    unchecked = source(server, checked=False)
    with pytest.raises(InputError, match="500 Internal Server Error"):
        download(unchecked, tmp_path / "data.txt")
    server.files["/data.txt"] = other = BODY.upper()
    download(unchecked, tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_bytes() == other
    (tmp_path / "new.part").write_bytes(b"of unknown origin")
    download(replace(unchecked, name="new"), tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == other


def test_416_starts_over(server, tmp_path):
    server.files["/data.txt"] = BODY[:500]
    (tmp_path / "data.txt.part").write_bytes(BODY[:1000])
    stamp = {"url": server.url + "/data.txt", "etag": None}
    (tmp_path / "data.txt.part.json").write_text(json.dumps(stamp))
    download(source(server, checked=False), tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_bytes() == BODY[:500]


def test_wrong_checksum_deletes_the_file(server, tmp_path):
    server.files["/data.txt"] = wrong = BODY[:-1] + b"x"
    with pytest.raises(InputError) as caught:
        download(source(server), tmp_path / "data.txt")
    message = str(caught.value)
    assert sha256(BODY) in message
    assert sha256(wrong) in message
    assert "deleted" in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_wrong_size(server, tmp_path):
    server.files["/data.txt"] = BODY + b"more"
    with pytest.raises(InputError, match="wrong size: expected"):
        download(source(server), tmp_path / "data.txt")
    server.script["/data.txt"] = ["no length"]
    with pytest.raises(InputError, match="wrong size: more than"):
        download(source(server), tmp_path / "data.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_size_has_a_limit(server, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets_download, "LONGEST_DOWNLOAD", 1000)
    with pytest.raises(InputError, match="at most 1,000"):
        download(source(server, checked=False), tmp_path / "data.txt")


def test_without_a_checksum_the_first_download_is_recorded(server, tmp_path):
    target = tmp_path / "data.txt"
    unchecked = source(server, checked=False)
    assert download(unchecked, target) == (sha256(BODY), True)
    note = tmp_path / "data.txt.sha256"
    assert note.read_text() == f"{sha256(BODY)}  data.txt\n"
    target.unlink()
    assert download(unchecked, target) == (sha256(BODY), False)
    target.unlink()
    server.files["/data.txt"] = b"other"
    with pytest.raises(InputError, match=r"wrong checksum.*first download: delete .*\.sha256"):
        download(unchecked, target)
    note.write_text("nonsense")
    with pytest.raises(InputError, match="this is no SHA-256"):
        download(unchecked, target)
    note.unlink()
    download(unchecked, target)
    assert target.read_bytes() == b"other"


def test_redirect(server, tmp_path):
    server.script["/old"] = [server.url + "/data.txt"]
    download(source(server, "/old"), tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_bytes() == BODY


def test_redirects_to_weaker_schemes_are_refused(server, tmp_path):
    handler = datasets_download._Redirects()
    ask = datasets_download.urllib.request.Request
    for url, there in (("https://a/x", "http://b/x"), ("http://a/x", "file:///etc/passwd"),
                       ("https://a/x", "ftp://b/x")):  # fmt: skip
        with pytest.raises(InputError, match="refused"):
            handler.redirect_request(ask(url), io.BytesIO(), 302, "Found", {}, there)
    made = handler.redirect_request(ask("http://a/x"), io.BytesIO(), 302, "", {}, "https://b/y")
    assert made.full_url == "https://b/y"


def test_404_tries_the_next_url(server, tmp_path):
    both = source(server, urls=(server.url + "/none", server.url + "/data.txt"))
    download(both, tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_bytes() == BODY
    with pytest.raises(InputError, match=r"/none: the server answers 404 Not Found$"):
        download(source(server, "/none"), tmp_path / "x")


@pytest.mark.parametrize("code", [429, 500, 503])
def test_passing_errors_are_retried_with_growing_pauses(server, tmp_path, code):
    server.script["/data.txt"] = [code, code]
    pauses = []
    download(source(server), tmp_path / "data.txt", pause=pauses.append)
    assert (tmp_path / "data.txt").read_bytes() == BODY
    assert len(pauses) == 2
    assert 0 < pauses[0] < pauses[1]


def test_no_network(tmp_path, server):
    with contextlib.closing(datasets_download.socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        pauses = []
        with pytest.raises(InputError) as caught:
            download(
                source(server, urls=(f"http://127.0.0.1:{port}/x",)),
                tmp_path / "x",
                pause=pauses.append,
            )
    message = str(caught.value)
    assert f"cannot reach 127.0.0.1:{port}" in message
    for variable in ("HTTPS_PROXY", "FASTTEXT_LITE_MIRROR", "FASTTEXT_LITE_DATA"):
        assert variable in message
    assert "\n" not in message
    assert len(pauses) == 1


def test_disk_full(server, tmp_path, monkeypatch):
    real = Path.open

    def full(path, mode="r", *args, **kwargs):
        if path.name.endswith(".part") and "b" in mode and mode != "rb":
            raise OSError(datasets_download.errno.ENOSPC, "No space left on device")
        return real(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(InputError, match="the disk is full; make room"):
        download(source(server), tmp_path / "data.txt")


def test_mirror(server, tmp_path, monkeypatch):
    server.files["/base/host.example/a/b.txt"] = BODY
    monkeypatch.setenv("FASTTEXT_LITE_MIRROR", server.url + "/base/")
    download(source(server, urls=("https://host.example/a/b.txt",)), tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_bytes() == BODY
    for wrong in ("mirror.example", "file:///tmp", "ftp://x/y", "http://[x", "http://a b/"):
        monkeypatch.setenv("FASTTEXT_LITE_MIRROR", wrong)
        with pytest.raises(InputError, match="FASTTEXT_LITE_MIRROR must be a URL"):
            mirrored("https://host.example/a")
    monkeypatch.delenv("FASTTEXT_LITE_MIRROR")
    assert mirrored("https://host.example/a") == "https://host.example/a"


# -- archives --------------------------------------------------------------------------------


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(data, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, data
                archive.addfile(entry)
            else:
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return path


def read_member(path, member=None, **options):
    with open_member(path, member, **options) as stream:
        return stream.read()


def test_members_are_read(tmp_path):
    members = {"other.txt": b"no", "x/data.txt": BODY}
    assert read_member(make_zip(tmp_path / "a.zip", members), "x/data.txt") == BODY
    assert read_member(make_tar(tmp_path / "a.tgz", members), "x/data.txt") == BODY
    assert read_member(make_tar(tmp_path / "b.tar.gz", {"./x": b"y"}), "x") == b"y"
    (tmp_path / "plain.txt").write_bytes(BODY)
    assert read_member(tmp_path / "plain.txt") == BODY
    (tmp_path / "one.gz").write_bytes(gzip.compress(BODY))
    assert read_member(tmp_path / "one.gz") == BODY


@pytest.mark.parametrize("make, name", [(make_zip, "a.zip"), (make_tar, "a.tar.gz")])
def test_hostile_names_reach_nothing(tmp_path, make, name):
    (tmp_path / "in").mkdir()
    members = {"../evil.txt": b"x", "/tmp/evil-fasttext-lite.txt": b"x", "good.txt": b"fine"}
    path = make(tmp_path / "in" / name, members)
    assert read_member(path, "good.txt") == b"fine"
    assert read_member(path, "../evil.txt") == b"x"  # a name as any other: nothing is unpacked
    assert [entry.name for entry in (tmp_path / "in").iterdir()] == [name]
    assert not (tmp_path / "evil.txt").exists()


def test_links_and_folders_are_refused(tmp_path):
    path = make_tar(tmp_path / "a.tgz", {"link": "/etc/passwd"})
    with pytest.raises(InputError, match="not a regular file"):
        read_member(path, "link")
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
        archive.writestr("folder/", "")
    for name in ("link", "folder/"):
        with pytest.raises(InputError, match="not a regular file"):
            read_member(tmp_path / "a.zip", name)


def test_members_have_a_limit(tmp_path):
    bomb = b"0" * 1_000_000
    for path, member in (
        (make_zip(tmp_path / "a.zip", {"x": bomb}), "x"),
        (make_tar(tmp_path / "a.tgz", {"x": bomb}), "x"),
    ):
        with pytest.raises(InputError, match="more than 10,000 bytes, decompressed; refused"):
            read_member(path, member, limit=10_000)
    (tmp_path / "x.gz").write_bytes(gzip.compress(bomb))
    with pytest.raises(InputError, match="more than 10,000 bytes"):
        read_member(tmp_path / "x.gz", limit=10_000)


def test_what_stands_before_a_member_has_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets_download, "LONGEST_ARCHIVE", 100_000)
    path = make_tar(tmp_path / "a.tgz", {"bomb": b"0" * 1_000_000, "x": b"y"})
    with pytest.raises(InputError, match="more than 100,000 bytes"):
        read_member(path, "x", limit=10)


def test_a_member_that_lies_about_its_size(tmp_path):
    """A zip whose directory says 10 bytes and whose data has more gives an error, not the data."""
    path = make_zip(tmp_path / "a.zip", {"x": b"0" * 5000})
    data = path.read_bytes()
    lie = data.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(lie)
    with pytest.raises(InputError, match="broken"):
        read_member(path, "x")


def test_missing_members_and_broken_archives(tmp_path):
    with pytest.raises(InputError, match=r"a\.zip:y: the archive has 0 files of this name"):
        read_member(make_zip(tmp_path / "a.zip", {"x": b""}), "y")
    with pytest.raises(InputError, match=r"a\.tgz:y: the archive has 0 files of this name"):
        read_member(make_tar(tmp_path / "a.tgz", {"x": b""}), "y")
    for name in ("b.zip", "b.tgz", "b.tar"):
        (tmp_path / name).write_bytes(b"this is no archive " * 100)
        with pytest.raises(InputError, match="the archive is broken"):
            read_member(tmp_path / name, "x")
    (tmp_path / "b.gz").write_bytes(gzip.compress(BODY)[:-100])
    with pytest.raises(InputError, match="the archive is broken"):
        read_member(tmp_path / "b.gz")
    with pytest.raises(InputError, match="no such file"):
        read_member(tmp_path / "none.zip", "x")
    with pytest.raises(InputError, match="no archive"):
        (tmp_path / "x.rar").write_bytes(b"")
        read_member(tmp_path / "x.rar", "x")


# -- converters ------------------------------------------------------------------------------


def run_converter(tmp_path, name, files, records):
    """Convert handmade files as those of a registered set; return its lines by split."""
    entry = replace(DATASETS[name], records=records)

    @contextlib.contextmanager
    def open_part(part):
        yield io.BytesIO(files[part.file if part.member is None else part.member])

    folder = tmp_path / name
    folder.mkdir()
    made = convert(entry, open_part, folder)
    tables = {path.stem: path.read_text("utf-8").splitlines() for path in sorted(folder.iterdir())}
    assert made.rows == {split: len(lines) for split, lines in tables.items()}
    assert sorted(made.sha256) == sorted(f"{split}.tsv" for split in tables)
    return tables


def both(tables):
    return sorted(line for lines in tables.values() for line in lines)


def test_thucnews(tmp_path):
    files = {
        "train.txt": "词汇阅读是关键 08年考研\t3\n中华女子学院：本科\t0\n".encode(),
        "dev.txt": "体坛　 周报\t7\n".encode(),
        "test.txt": "两天价网站背后重重迷雾\t4".encode(),
    }
    assert run_converter(tmp_path, "thucnews_full", files, {"train": 2, "dev": 1, "test": 1}) == {
        "train": ["education\t词汇阅读是关键 08年考研", "finance\t中华女子学院：本科"],
        "dev": ["sports\t体坛 周报"],
        "test": ["science\t两天价网站背后重重迷雾"],
    }


def test_toutiao(tmp_path):
    lines = [
        "6552431613437805063_!_102_!_news_entertainment_!_谢娜为李浩菲澄清_!_佟丽娅,网络谣言",
        "6552431613437805064_!_114_!_stock_!_今日\t行情_!_",
        "6552431613437805065_!_102_!_news_entertainment_!_谢娜为李浩菲澄清_!_同",
        *(f"1_!_109_!_news_tech_!_标题{i}_!_" for i in range(30)),
    ]
    files = {"toutiao_cat_data.txt": "\n".join(lines).encode()}
    tables = run_converter(tmp_path, "toutiao_full", files, {"all": 33})
    assert len(both(tables)) == 32
    assert "entertainment\t谢娜为李浩菲澄清" in both(tables)
    assert "stock\t今日 行情" in both(tables)
    for split, table in tables.items():
        for line in table:
            assert is_test(line.split("\t")[1], 2) == (split == "test")


def test_clue(tmp_path):
    train = {
        "label": "108",
        "label_desc": "news_edu",
        "sentence": "上课时学生手机响",
        "keywords": "",
    }
    test = {"label": "114", "label_desc": "stock", "sentence": "a\nb", "keywords": ""}
    files = {
        "train.json": (json.dumps(train, ensure_ascii=False) + "\n").encode(),
        "dev.json": (json.dumps(test) + "\n").encode(),
    }
    assert run_converter(tmp_path, "tnews", files, {"train": 1, "test": 1}) == {
        "train": ["edu\t上课时学生手机响"],
        "test": ["stock\ta b"],
    }
    record = {"label": "11", "label_des": "薅羊毛", "sentence": "百微贷款"}
    files = dict.fromkeys(("train.json", "dev.json"), json.dumps(record).encode())
    assert run_converter(tmp_path, "iflytek", files, {"train": 1, "test": 1}) == {
        "train": ["薅羊毛\t百微贷款"],
        "test": ["薅羊毛\t百微贷款"],
    }


@pytest.mark.parametrize("name", ["chnsenticorp_hotel", "waimai_10k", "weibo_senti_100k"])
def test_reviews(tmp_path, name):
    rows = ['1,"距离较近,但是""蔡陆线""麻烦"', "0,不好", "1,", "0,不好"]
    rows += [f"0,房间{i}" for i in range(20)]
    (part,) = DATASETS[name].parts
    files = {part.file: ("label,review\n" + "\r\n".join(rows) + "\r\n").encode("utf-8-sig")}
    tables = run_converter(tmp_path, name, files, {"all": 24})
    assert len(both(tables)) == 22  # neither the empty one nor the repeated one
    assert 'pos\t距离较近,但是"蔡陆线"麻烦' in both(tables)
    assert "neg\t不好" in both(tables)


def test_shopping(tmp_path):
    rows = [f'书籍,{i % 2},"第{i}本\n书"' for i in range(20)]
    files = {"online_shopping_10_cats.csv": ("cat,label,review\n" + "\n".join(rows)).encode()}
    by_class = run_converter(tmp_path, "shopping_category", files, {"all": 20})
    by_mood = run_converter(tmp_path, "shopping_sentiment", files, {"all": 20})
    assert both(by_class) == sorted(f"书籍\t第{i}本 书" for i in range(20))
    assert both(by_mood) == sorted(f"{'pos' if i % 2 else 'neg'}\t第{i}本 书" for i in range(20))
    assert [len(lines) for lines in by_class.values()] == [len(v) for v in by_mood.values()]


def test_ag_news_and_dbpedia(tmp_path):
    train = b'"3","Wall St. Bears (Reuters)","Reuters - ""Green"" again."\n'
    test = b'"4","Title","Text\\with back\\slashes"\n'
    files = {"train.csv": train, "test.csv": test}
    assert run_converter(tmp_path, "ag_news", files, {"train": 1, "test": 1}) == {
        "train": ['business\tWall St. Bears (Reuters) Reuters - "Green" again.'],
        "test": ["scitech\tTitle Text\\with back\\slashes"],
    }
    files = {"dbpedia_csv/train.csv": b'1,"E. D. Abbott"," Abbott of ""Farnham"""\n',
             "dbpedia_csv/test.csv": b'14,"A Book"," A Book is a book."\n'}  # fmt: skip
    assert run_converter(tmp_path, "dbpedia", files, {"train": 1, "test": 1}) == {
        "train": ['Company\tE. D. Abbott Abbott of "Farnham"'],
        "test": ["WrittenWork\tA Book A Book is a book."],
    }


def test_clinc150(tmp_path):
    whole = {
        "val": [["in spanish, meet me", "translate"]],
        "train": [["what expression", "translate"], ["half \ud83d a pair", "yes"]],
        "test": [["how would you say fly", "translate"]],
        "oos_train": [["who has the best record", "oos"]],
    }
    files = {"data_full.json": json.dumps(whole).encode()}
    tables = run_converter(tmp_path, "clinc150", files, {"train": 2, "dev": 1, "test": 1})
    assert tables == {
        "train": ["translate\twhat expression", "yes\thalf \ufffd a pair"],
        "dev": ["translate\tin spanish, meet me"],
        "test": ["translate\thow would you say fly"],
    }


def test_banking77(tmp_path):
    data = b'text,category\nI am still waiting?,card_arrival\n"What, ""now""?\n",card_linking\n'
    files = {"train.csv": data, "test.csv": data}
    tables = run_converter(tmp_path, "banking77", files, {"train": 2, "test": 2})
    lines = ["card_arrival\tI am still waiting?", 'card_linking\tWhat, "now"?']
    assert tables == {"train": lines, "test": lines}


def test_goemotions(tmp_path):
    data = b'My "favourite" food\t27\teebbqej\nGood, very\t0,17\ted00q6i\n'
    files = dict.fromkeys(("train.tsv", "dev.tsv", "test.tsv"), data)
    tables = run_converter(tmp_path, "goemotions", files, {"train": 2, "dev": 2, "test": 2})
    lines = ['neutral\tMy "favourite" food', "admiration,joy\tGood, very"]
    assert tables == {"train": lines, "dev": lines, "test": lines}


def test_poems(tmp_path):
    def poem(author, number):
        lines = [f"秦川雄帝宅，函谷壯皇居{number}。", "綺殿千尋起，離宮百雉餘。"]
        return {"author": author, "paragraphs": lines, "title": "帝京篇", "strains": []}

    shards = {part.file: b"[]" for part in DATASETS["poem_author"].parts}
    first = [poem("太宗皇帝", i) for i in range(40)] + [poem("無名氏", 100 + i) for i in range(20)]
    rare = [poem("李白", 200 + i) for i in range(9)] + [poem("杜甫", 300)] * 10
    short = [{"author": "太宗皇帝", "paragraphs": ["一二三。"], "title": ""}]
    shards["poet.tang.0.json"] = json.dumps(first, ensure_ascii=False).encode()
    shards["poet.song.1000.json"] = json.dumps(rare + short).encode()
    tables = run_converter(tmp_path, "poem_author", shards, {})
    assert len(both(tables)) == 41
    assert {line.split("\t")[0] for line in both(tables)} == {"太宗皇帝", "杜甫"}
    assert "太宗皇帝\t秦川雄帝宅，函谷壯皇居7。綺殿千尋起，離宮百雉餘。" in both(tables)
    for split, table in tables.items():
        for line in table:
            assert is_test(line.split("\t")[1], 1) == (split == "test")


BAD = [
    ("thucnews_full", "train.txt", "标题\t3\n标题\n".encode(), r"train.txt:2: 1 fields"),
    ("thucnews_full", "train.txt", b"x\t10\n", r"train.txt:1: unknown label '10'"),
    ("thucnews_full", "train.txt", "标题\t3\n".encode("gbk"), r"train.txt: not UTF-8: byte 0x"),
    ("banking77", "train.csv", b"text,intent\nx,y\n", "no column 'category' in the header"),
    ("banking77", "train.csv", b"text,category\nx\n", "train.csv:2: 1 fields, expected 2"),
    ("banking77", "train.csv", b"text,category\nx,\n", "train.csv:2: no label"),
    ("banking77", "train.csv", b"text,category\n\xff,y\n", "train.csv: not UTF-8: byte 0xff"),
    ("banking77", "train.csv", b"", "no column 'text'"),
    ("banking77", "train.csv", b'text,category\n"' + b"x" * 200_000, "field larger than"),
    ("tnews", "train.json", b"{]\n", "train.json:1: not JSON"),
    ("tnews", "train.json", b"[1]\n", "train.json:1: no text 'sentence'"),
    ("tnews", "train.json", b'{"sentence": 1}\n', "no text 'sentence'"),
    ("clinc150", "data_full.json", b'{"val": []}', "no list 'train'"),
    ("clinc150", "data_full.json", b"[]", "no list 'train'"),
    ("clinc150", "data_full.json", b'{"train": [["a"]]}', r"train\[0\]: not a pair"),
    ("clinc150", "data_full.json", b"[" * 100_000, "not JSON"),
    ("clinc150", "data_full.json", b"\xff", "not UTF-8"),
    ("poem_author", "poet.tang.0.json", b"{}", "not a list of poems"),
    ("poem_author", "poet.tang.0.json", b'[{"author": "x"}]', "no list of lines"),
    ("poem_author", "poet.tang.0.json", b"[]", "gives no rows for train"),
]  # fmt: skip


@pytest.mark.parametrize("name, file, data, message", BAD, ids=range(len(BAD)))
def test_bad_files_give_one_line(tmp_path, name, file, data, message):
    files = {part.member or part.file: b"[]" for part in DATASETS[name].parts}
    with pytest.raises(InputError, match=message) as caught:
        run_converter(tmp_path, name, {**files, file: data}, {})
    assert "\n" not in str(caught.value)
    assert list((tmp_path / name).iterdir()) == []


def test_wrong_row_counts(tmp_path):
    data = b"text,category\nx,y\n"
    files = {"train.csv": data, "test.csv": data}
    with pytest.raises(InputError, match="the source has 1 records for train, expected 10,003"):
        run_converter(tmp_path, "banking77", files, DATASETS["banking77"].records)
    assert list((tmp_path / "banking77").iterdir()) == []


def test_long_lines_are_refused(monkeypatch):
    monkeypatch.setattr(datasets_convert, "LONGEST_LINE", 10)
    with pytest.raises(InputError, match="a line has more than 10 characters"):
        list(datasets_convert._lines(io.BytesIO(b"short\n" + b"x" * 20), "file"))


def test_clean():
    assert clean(" a\t\tb\r\n c\u3000 d\u00a0") == "a b c d"
    assert clean("\ud83d\ude00") == "\U0001f600"
    assert clean("x\ud83d") == "x\ufffd"


# -- the registry ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_registry(name):
    entry = DATASETS[name]
    assert entry.name == name
    assert re.fullmatch("[a-z0-9_]+", name)
    assert entry.task in ("topic", "sentiment", "intent", "emotion", "author")
    assert entry.language in ("zh", "en")
    assert entry.converter in CONVERTERS
    assert entry.labels is None or entry.labels > 1
    assert all([entry.title, entry.licence, entry.homepage, entry.citation, entry.evidence])
    assert set(entry.records) <= {"all", "train", "test", "dev"}
    names = [source.name for source in entry.sources]
    assert len(set(names)) == len(names)
    assert bool(entry.by_hand) == (not entry.sources)
    assert {part.file for part in entry.parts} == set(names) or entry.by_hand
    for item in entry.sources:
        assert item.urls
        assert item.size is None or item.size > 0
        assert item.sha256 is None or re.fullmatch("[0-9a-f]{64}", item.sha256)
        assert item.blob is None or re.fullmatch("[0-9a-f]{40}", item.blob)
        for place, url in enumerate(item.urls):
            assert url.startswith("https://")
            pinned = re.match(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/", url)
            assert pinned or item.sha256
            if "github" in url and place == 0:
                assert pinned
    labels = entry.settings.get("names")
    if labels is not None:
        assert len(set(labels.values())) == len(labels) == entry.labels


def test_registry_splits_are_those_that_converters_give():
    for entry in DATASETS.values():
        ours = "test_tenths" in entry.settings
        assert ours == (set(entry.records) <= {"all"})


def test_documentation_names_every_set():
    text = (Path(__file__).parent.parent / "docs" / "datasets.md").read_text("utf-8")
    assert [name for name in DATASETS if f"| {name} |" not in text] == []


# -- sets ------------------------------------------------------------------------------------


@pytest.fixture
def tiny(server, monkeypatch, tmp_path):
    """A registered set on the server; the home is in `tmp_path`."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for split, text in (("train", TRAIN), ("test", TEST)):
            made.writestr(f"{split}.txt", "".join(
                f"{line.split(chr(9))[1]}\t{line.split(chr(9))[0]}\n"
                for line in text.splitlines()
            ))  # fmt: skip
    server.files["/tiny.zip"] = data = archive.getvalue()
    entry = Dataset(
        name="tiny", title="a tiny set", task="topic", language="en", labels=2,
        records={"train": 2, "test": 1}, licence="MIT", homepage="http://x", citation="none",
        sources=(Source("tiny.zip", (server.url + "/tiny.zip",), len(data), sha256(data)),),
        parts=tuple(Part(split, "tiny.zip", f"{split}.txt") for split in ("train", "test")),
        converter="lines", settings={"separator": "\t", "fields": 2, "text": 0, "label": 1},
    )  # fmt: skip
    monkeypatch.setitem(DATASETS, "tiny", entry)
    monkeypatch.setenv("FASTTEXT_LITE_HOME", str(tmp_path))
    return entry


def test_fetch_dataset(tiny, server, tmp_path):
    with pytest.raises(InputError, match="datasets fetch tiny"):
        datasets.fetch_dataset("tiny", download_if_missing=False)
    bunch = datasets.fetch_dataset("tiny")
    assert bunch.train_texts == ["first text", "second text"]
    assert bunch["train_labels"] == ["a", "b"]
    assert (bunch.test_texts, bunch.test_labels) == (["third text"], ["a"])
    assert bunch.label_names == ["a", "b"]
    assert "a tiny set" in bunch.DESCR
    assert "Licence: MIT" in bunch.DESCR
    assert bunch.path == str(tmp_path / "datasets" / "tiny")
    assert "dev_texts" not in bunch
    assert "train_texts" in dir(bunch)
    with pytest.raises(AttributeError):
        _ = bunch.nothing
    bunch.more = 1
    assert bunch["more"] == 1
    folder = Path(bunch.path)
    assert (folder / "train.tsv").read_bytes() == TRAIN.encode()
    assert (folder / "test.tsv").read_bytes() == TEST.encode()
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    assert meta["rows"] == {"train": 2, "test": 1}
    assert meta["sha256"]["train.tsv"] == sha256(TRAIN.encode())
    assert meta["sources"] == [{"url": tiny.sources[0].urls[0], "sha256": tiny.sources[0].sha256}]
    names = {path.name for path in folder.iterdir()}
    assert names == {".lock", "meta.json", "test.tsv", "train.tsv"}
    datasets.fetch_dataset("tiny", download_if_missing=False)
    assert len(server.requests) == 1


def test_what_a_fetch_left_that_was_killed_at_its_end_is_removed(tiny, tmp_path):
    folder = Path(datasets.fetch_dataset("tiny").path)
    (folder / "raw").mkdir()
    (folder / "raw" / "tiny.zip").write_bytes(b"downloaded")
    datasets.fetch_dataset("tiny")
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "meta.json", "test.tsv", "train.tsv",
    }  # fmt: skip


def test_several_labels_and_a_part_for_validation(tiny, monkeypatch, tmp_path):
    folder = tmp_path / "data" / "goemotions"
    folder.mkdir(parents=True)
    for split in ("train", "test", "dev"):
        (folder / f"{split}.tsv").write_text(f"joy,love\t{split}\nanger\tx\n", "utf-8")
    monkeypatch.setenv("FASTTEXT_LITE_DATA", str(tmp_path / "data"))
    bunch = datasets.fetch_dataset("goemotions")
    assert bunch.train_labels == [["joy", "love"], ["anger"]]
    assert bunch.label_names == ["anger", "joy", "love"]
    assert bunch.dev_texts == ["dev", "x"]


def test_the_offline_folder_comes_first(tiny, server, monkeypatch, tmp_path):
    local = tmp_path / "local"
    for name in ("tiny", "own"):
        (local / name).mkdir(parents=True)
        (local / name / "train.tsv").write_text("x\tlocal\n", "utf-8")
        (local / name / "test.tsv").write_text("x\tlocal\n", "utf-8")
    (local / "half").mkdir()
    (local / "half" / "train.tsv").write_text("x\ty\n", "utf-8")
    monkeypatch.setenv("FASTTEXT_LITE_DATA", str(local))
    assert datasets.fetch_dataset("tiny").train_texts == ["local"]
    assert datasets.fetch_dataset("own").train_texts == ["local"]
    assert not server.requests
    listed = {entry["name"]: entry for entry in datasets.list_datasets()}
    assert listed["tiny"]["path"] == str(local / "tiny")
    assert listed["own"]["path"] == str(local / "own")
    assert listed["ag_news"]["path"] is None
    assert "half" not in listed
    for name in ("half", "../local/own", "..", "", "nonsense"):
        with pytest.raises(InputError, match="unknown set"):
            datasets.fetch_dataset(name)
    with pytest.raises(InputError, match="name is a str"):
        datasets.fetch_dataset(3)
    (local / "own" / "train.tsv").write_bytes(b"no tab here\n")
    with pytest.raises(InputError, match=r"train\.tsv:1: no tab"):
        datasets.fetch_dataset("own")
    (local / "own" / "train.tsv").write_bytes(b"a\t\xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        datasets.fetch_dataset("own")


def test_a_failed_set_leaves_no_half(tiny, server, monkeypatch, tmp_path):
    monkeypatch.setitem(DATASETS, "tiny", replace(tiny, records={"train": 3, "test": 1}))
    with pytest.raises(InputError, match="2 records for train, expected 3"):
        datasets.fetch_dataset("tiny")
    folder = tmp_path / "datasets" / "tiny"
    assert {path.name for path in folder.iterdir()} == {".lock", "raw"}
    monkeypatch.setitem(DATASETS, "tiny", tiny)
    assert datasets.fetch_dataset("tiny").train_labels == ["a", "b"]
    assert len(server.requests) == 1  # the file was there and right


def test_what_cannot_be_converted_is_not_recorded(tiny, server, monkeypatch, tmp_path):
    (one,) = tiny.sources
    entry = replace(tiny, sources=(replace(one, size=None, sha256=None),))
    monkeypatch.setitem(DATASETS, "tiny", entry)
    good, server.files["/tiny.zip"] = server.files["/tiny.zip"], b"<html>Please log in</html>"
    with pytest.raises(InputError, match="the archive is broken"):
        datasets.fetch_dataset("tiny")
    server.files["/tiny.zip"] = good
    assert datasets.fetch_dataset("tiny").train_labels == ["a", "b"]
    raw = tmp_path / "datasets" / "tiny" / "raw"
    assert [path.name for path in raw.iterdir()] == ["tiny.zip.sha256"]


def test_files_that_are_whole_are_not_asked_for_again(tiny, server, monkeypatch):
    """A set of several files goes on at the one where it broke."""
    (one,) = tiny.sources
    second = Source("more.txt", (server.url + "/more.txt",))
    entry = replace(tiny, sources=(replace(one, size=None, sha256=None), second))
    monkeypatch.setitem(DATASETS, "tiny", entry)
    with pytest.raises(InputError, match="404"):
        datasets.fetch_dataset("tiny")
    server.files["/more.txt"] = b"unused"
    datasets.fetch_dataset("tiny")
    assert [path for path, _ in server.requests] == ["/tiny.zip", "/more.txt", "/more.txt"]


def test_a_set_that_comes_by_hand(tiny, monkeypatch, tmp_path):
    entry = replace(tiny, sources=(), by_hand="ask for it", parts=(
        Part("train", "train.txt"), Part("test", "test.txt")))  # fmt: skip
    monkeypatch.setitem(DATASETS, "tiny", entry)
    with pytest.raises(InputError, match=r"ask for it; put train\.txt from there into .*raw"):
        datasets.fetch_dataset("tiny")
    raw = tmp_path / "datasets" / "tiny" / "raw"
    (raw / "train.txt").write_text("one\ta\ntwo\tb\n", "utf-8")
    (raw / "test.txt").write_text("three\ta\n", "utf-8")
    assert datasets.fetch_dataset("tiny").train_texts == ["one", "two"]
    assert (raw / "train.txt").exists()


def test_concurrent_fetches_download_once(tiny, server):
    results, errors = [], []

    def fetch():
        try:
            results.append(datasets.fetch_dataset("tiny").train_texts)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert results == [["first text", "second text"]] * 6
    assert len(server.requests) == 1


def test_no_place_to_write(tiny, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="not a directory|file exists"):
        datasets.fetch_dataset("tiny", data_home=tmp_path / "file")


def test_get_data_home(monkeypatch, tmp_path):
    monkeypatch.delenv("FASTTEXT_LITE_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for platform, place in (
        ("linux", tmp_path / "fasttext_lite" / "datasets"),
        ("win32", tmp_path / "fasttext_lite" / "datasets"),
        ("darwin", tmp_path / "Library" / "Caches" / "fasttext_lite" / "datasets"),
    ):
        monkeypatch.setattr(datasets.system, "IS_WINDOWS", platform == "win32")
        monkeypatch.setattr(datasets.system, "IS_MACOS", platform == "darwin")
        assert datasets.get_data_home() == place
    monkeypatch.setenv("FASTTEXT_LITE_HOME", "/x")
    assert datasets.get_data_home() == Path("/x/datasets")
    assert datasets.get_data_home("/y") == Path("/y")


# -- the command -----------------------------------------------------------------------------


def test_command_fetch(tiny, server, tmp_path, capfd):
    home = tmp_path / "there"
    assert app.main(["datasets", "fetch", "tiny", "--data-home", str(home)]) == 0
    out, err = capfd.readouterr()
    assert out == f"{home}/tiny/train.tsv\n{home}/tiny/test.tsv\n"
    assert err == ""


def test_command_says_once_that_checksums_are_recorded(tiny, monkeypatch, capfd, server):
    (one,) = tiny.sources
    entry = replace(tiny, sources=(replace(one, size=None, sha256=None),))
    monkeypatch.setitem(DATASETS, "tiny", entry)
    assert app.main(["datasets", "fetch", "tiny"]) == 0
    _, err = capfd.readouterr()
    assert err.count("\n") == 1
    assert "no checksum is published for tiny.zip; recorded SHA-256" in err
    assert app.main(["datasets", "fetch", "tiny"]) == 0
    assert capfd.readouterr()[1] == ""


def test_command_list(tiny, capfd):
    assert app.main(["datasets", "list"]) == 0
    header, *rows = capfd.readouterr()[0].splitlines()
    assert header.split()[:3] == ["name", "task", "language"]
    assert len(rows) == len(DATASETS)
    row = next(row for row in rows if row.startswith("banking77"))
    assert " ".join(row.split()) == "banking77 intent en 10,003 3,080 77 1.1 MB no CC BY 4.0"
    assert "382,688  in all" in next(row for row in rows if row.startswith("toutiao"))
    app.main(["datasets", "fetch", "tiny"])
    capfd.readouterr()
    assert app.main(["datasets", "list", "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capfd.readouterr()[0])}
    assert entries["tiny"]["path"].endswith("tiny")
    assert entries["tiny"]["train"] == 2
    assert entries["clinc150"]["size"] == 2_495_390
    assert entries["poem_author"]["train"] is None


@pytest.mark.parametrize(
    "name, hint",
    [
        ("bankin77", "did you mean banking77"),
        ("thucnews", "did you mean thucnews_full"),
        ("qqqqqq", "see `fasttext-lite datasets list`"),
    ],
)
def test_command_unknown_name(server, capfd, name, hint):
    assert app.main(["datasets", "fetch", name]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"fasttext-lite: unknown set {name!r}; {hint}")
    assert err.count("\n") == 1


def test_command_errors(tiny, server, capfd):
    server.files["/tiny.zip"] = bytes(len(server.files["/tiny.zip"]))
    assert app.main(["datasets", "fetch", "tiny"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "wrong checksum: expected sha256" in err
    assert err.count("\n") == 1
    del server.files["/tiny.zip"]
    assert app.main(["datasets", "fetch", "tiny"]) == 2
    assert "404 Not Found" in capfd.readouterr()[1]


def test_command_interrupted(tiny, monkeypatch, capfd):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "download", interrupt)
    assert app.main(["datasets", "fetch", "tiny"]) == 130
    assert capfd.readouterr()[1] == "fasttext-lite: interrupted\n"


@pytest.mark.parametrize("words", [["datasets"], ["datasets", "fetch"], ["datasets", "x"]])
def test_command_needs_an_action(words, capfd):
    with pytest.raises(SystemExit) as caught:
        app.main(words)
    assert caught.value.code == 2
    assert capfd.readouterr()[1].count("\n") == 1


def test_sets_load_no_heavy_library():
    script = "import sys, fasttext_lite.datasets as d; d.list_datasets(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "numba", "sklearn", "tqdm"} & set(done.stdout.split())


def test_progress_is_drawn_on_a_terminal(tiny, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    datasets.fetch_dataset("tiny")
    assert "tiny: " in terminal.getvalue()
    assert "%" in terminal.getvalue()
