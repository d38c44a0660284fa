"""The folder for compiled code: the user's own, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphwright.backends import cache

CPU = torch.device("cpu")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAPHWRIGHT_CACHE", str(tmp_path / "kept"))
    monkeypatch.setenv(cache.VARIABLE, "")
    return tmp_path / "kept"


def test_a_folder_for_each_torch_and_device(home: Path) -> None:
    place = cache.use(CPU)
    assert place == home / "compiled" / f"torch-{torch.__version__}-cpu"
    assert place.is_dir()
    assert place.stat().st_mode & 0o777 == 0o700
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    assert cache_dir() == str(place)


def test_what_the_user_set_stays(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "theirs"))
    assert cache.use(CPU) == tmp_path / "theirs"
    assert not home.exists()


def test_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GRAPHWRIGHT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "graphwright"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.root() == Path.home() / ".cache" / "graphwright"


@pytest.mark.parametrize("open_to", ["", "compiled"])
def test_a_folder_that_others_may_write_in_is_not_read(home: Path, open_to: str) -> None:
    wide = home / open_to
    wide.mkdir(parents=True)
    wide.chmod(0o777)
    with pytest.warns(UserWarning, match="others may write in it"):
        assert cache.use(CPU) is None


def test_a_folder_of_another_user_is_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    monkeypatch.setattr("os.getuid", lambda: home.stat().st_uid + 1)
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert cache.use(CPU) is None


def test_a_file_in_the_way(home: Path) -> None:
    home.write_text("")
    with pytest.warns(UserWarning, match="compiled code is not kept"):
        assert cache.use(CPU) is None


def test_half_linked_libraries_go_and_those_at_work_stay(home: Path) -> None:
    import fcntl

    import torch._C

    place = cache.folder(CPU)
    (place / "ab").mkdir(parents=True)
    (place / "locks").mkdir()
    for path in (home, place.parent, place):
        path.chmod(0o700)
    whole = Path(torch._C.__file__).read_bytes()
    damaged = {"empty": b"", "zeros": bytes(4096), "half": whole[: len(whole) // 2], "busy": b""}
    for name, content in (damaged | {"whole": whole, "other": b"\xfe\xed\xfa\xcf" + bytes(100)}).items():
        (place / "ab" / f"{name}.main.so").write_bytes(content)
        (place / "locks" / f"{name}.lock").touch()
    with (place / "locks" / "busy.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert cache.use(CPU) == place
    assert sorted(p.name.split(".")[0] for p in (place / "ab").iterdir()) == ["busy", "other", "whole"]
