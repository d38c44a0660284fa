"""Every mistake in `mistakes/` is reported exactly as its golden file says.

`GRAPHWRIGHT_UPDATE_GOLDEN=1 pytest tests/language/test_mistakes.py` writes the files anew; review them
before committing.
A first line `# set: width=wide limit:NODES=2000` gives params from outside and lowers limits.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graphwright.compiler.language import limits
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.expectations import unmet
from graphwright.compiler.places import SpecError

FOLDER = Path(__file__).parent / "mistakes"
CASES = sorted(p.name for p in FOLDER.glob("*.yaml"))
UPDATE = os.environ.get("GRAPHWRIGHT_UPDATE_GOLDEN", "") not in ("", "0")


@pytest.fixture(autouse=True)
def _in_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in messages are relative."""
    monkeypatch.chdir(FOLDER)


def report(name: str, monkeypatch: pytest.MonkeyPatch) -> SpecError:
    """The error that the spec gives when it is loaded and its claims are checked."""
    text = Path(name).read_text()
    first = text.partition("\n")[0]
    given = dict(w.split("=", 1) for w in first.split()[2:]) if first.startswith("# set:") else {}
    for key in [k for k in given if k.startswith("limit:")]:
        monkeypatch.setattr(limits, key.removeprefix("limit:"), int(given.pop(key)))
    with pytest.raises(SpecError) as caught:
        _load(name, given)
    return caught.value


def _load(name: str, given: dict[str, str]) -> None:
    problems = unmet(load(name, given))
    if problems:
        raise SpecError(problems, {name: Path(name).read_text()})


@pytest.mark.parametrize("name", CASES)
def test_message(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = report(name, monkeypatch)
    golden = Path(name).with_suffix(".txt")
    if UPDATE:
        golden.write_text(error.render() + "\n")
    assert error.render() + "\n" == golden.read_text()


@pytest.mark.parametrize("name", CASES)
def test_places_lie_in_the_file_and_lines_are_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for problem in report(name, monkeypatch).problems:
        if problem.place.line:
            line = Path(problem.place.file).read_text().splitlines()[problem.place.line - 1]
            assert problem.place.column + problem.place.width <= len(line) + 2
        assert not Path(problem.place.file).is_absolute()
        assert problem.as_dict()["line"] == problem.place.line


def test_every_golden_file_has_its_spec() -> None:
    assert sorted(p.stem for p in FOLDER.glob("*.txt")) == [Path(c).stem for c in CASES]
