"""Files that cannot be rewritten: every mistake has a place, says what is wrong and a hint; nothing is evaluated."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from graphwright.compiler.importing.yolo import rewrite
from graphwright.compiler.language.load import load
from graphwright.compiler.places import SpecError
from tests.importing.test_yolo_rows import PGI, SMALL
from tests.importing.test_yolo_tagged import TAGGED

FILES = (SMALL, PGI.replace("{head}", "TripleDDetect").replace("[8, 2]", "[8, 8, 2]"), TAGGED)


def mistakes(folder: Path, text: str, **given: str | int) -> list[str]:
    path = folder / "model.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        rewrite(path, **given)  # type: ignore[arg-type]
    assert "Traceback" not in str(caught.value)
    return [f"{p.place.line}:{p.place.column}: {p.message} ({p.hint})" for p in caught.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[-1, 1, Conv, [32, 3, 2]]", "[-2, 1, Conv, [32, 3, 2]]",
         "4:6: row 0 reads row -2, which is not before it (-1 is the image)"),
        ("[[-1, 1], 1, Concat", "[[-1, 9], 1, Concat",
         "10:11: row 5 reads row 9, which is not before it (rows 0 to 4, or -1 to -5)"),
        ("[[-1, 1], 1, Concat", "[[-1, x], 1, Concat",
         "10:11: row 5 reads 'x', which is no row (a number; -1 is the row above)"),
        ("[[-1, 1], 1, Concat", "[-1, 1, Concat", "10:13: Concat reads a list of rows (row 5) ()"),
        ("[-1, 1, SPPF, [64, 5]]", "[[-1], 1, SPPF, [64, 5]]", "7:15: SPPF reads one row (row 3) ()"),
        ("[-1, 1, SPPF, [64, 5]]", "[-1, 0, SPPF, [64, 5]]", "7:10: row 3 repeats 0 times (a whole number from 1)"),
        ("[-1, 1, SPPF, [64, 5]]", "[-1, SPPF, [64, 5]]",
         "7:5: row 3 must have four parts ([from, repeats, module, args])"),
        ("[-1, 1, SPPF, [64, 5]]", "[-1, 1, SPPF, []]",
         "7:19: SPPF (row 3) takes 1 to 4 arguments, not 0 (in order: out, kernel, times, shortcut)"),
        ("[-1, 1, SPPF, [64, 5]]", "[-1, 1, SPPF, [64, five]]",
         "7:24: SPPF's kernel must be a whole number, not 'five' ()"),
        ("[-1, 1, SPPF, [64, 5]]", "[-1, 1, SPPF, [64, -5]]", "7:24: SPPF's kernel cannot be -5 ()"),
        ("[64, True]", "[64, maybe]", "5:23: C2f's shortcut must be True or False, not 'maybe' ()"),
        ("[32, 3, 2]", "[32, 3, 2, None, 1, 1, nn.Swish()]",
         "4:42: the activation nn.Swish is not on the list (did you mean 'Mish'?)"),
        ("nc: 3", "nc: 0", "1:5: nc, the number of classes, must be a whole number from 1, not 0 (80)"),
        ("n: [0.5, 0.25, 128]", "n: [0.5, 0.25]",
         "2:13: a scale is three numbers above zero, not [0.5, 0.25] ([depth, width, most channels])"),
        ("head:", "heads:", "1:1: 'head' must be a list of rows ([from, repeats, module, args])"),
        ("[nc]]", "[nc, 1, 2]]", "12:25: Detect takes 1 to 2 arguments, not 3 ([nc])"),
    ],
)  # fmt: skip
def test_mistakes_of_rows(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert mistakes(tmp_path, SMALL.replace(old, new)) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("source: [-1, B1]", "source: [-1, B9]", "15:29: no tag 'B9' before module 6 (known: B1, B2)"),
        ("source: [-1, B1]", "source: [-1, 6]", "15:29: module 6 reads 6, which is not before it (a tag, -1, or 0)"),
        ("source: [-1, B1]", "source: B1", "15:7: Concat reads a list of sources (module 6) ()"),
        ("tags: AUX", "tags: Main", "23:52: the tag 'Main' is taken by module 8 (give it another)"),
        ("out_channels: 24", "channels: 24",
         "11:7: ADown (module 3) needs out_channels ()|11:22: ADown (module 3) has no argument 'channels' "
         "(did you mean 'out_channels'?)"),
        ("activation: ReLU", "activation: Swish",
         "16:67: the activation 'Swish' is not on the list (did you mean 'Mish'?)"),
        ("index: [1]", "index: [1, 0]", "22:22: CBFuse takes 1 indices here, not 2 ()"),
        ("repeat_num: 2", "repeats: 2",
         "9:63: csp_args of RepNCSPELAN (module 2) can hold repeat_num and csp_expand ()"),
        ("kernel_size: 3, stride: 2}\n        source", "kernel_size: x, stride: 2}\n        source",
         "6:46: an argument of Conv (module 1) must be a number, not 'x' ()"),
        ("reg_max: 4", "reg_max: many", "2:19: reg_max must be a whole number from 1, not 'many' (16)"),
    ],
)  # fmt: skip
def test_mistakes_of_tagged_files(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert (
        sorted("|".join(mistakes(tmp_path, TAGGED.replace(old, new))).split("|")) == sorted(expected.split("|"))
        or mistakes(tmp_path, TAGGED.replace(old, new))[0] == expected
    )


def test_all_unknown_modules_are_named_at_once_with_their_rows(tmp_path: Path) -> None:
    text = SMALL.replace("1, SPPF", "1, SPFF").replace("C2f", "MyBlock").replace("Concat", "MyBlock")
    found = mistakes(tmp_path, text)
    assert [m.partition(" (")[0] for m in found[:1]] == ["5:13: no module 'MyBlock' in the vocabulary"]
    assert "(rows 1, 5)" in found[0]
    assert found[1] == "7:13: no module 'SPFF' in the vocabulary (row 3) (did you mean 'SPPF'?)"
    tagged = mistakes(tmp_path, TAGGED.replace("ADown:", "BDown:").replace("UpSample:", "Upsampler:"))
    assert tagged == [
        "11:7: no module 'BDown' in the vocabulary (module 3) (did you mean 'ADown'?)",
        "14:7: no module 'Upsampler' in the vocabulary (module 5) (did you mean 'UpSample'?)",
    ]


@pytest.mark.parametrize(
    "given",
    [
        "__import__('os').system('touch PWNED')",
        "nn.ReLU().__class__",
        "nn.Module()",
        "nn.LeakyReLU(__import__('os').getpid())",
        "nn.LeakyReLU(0.1) if 1 else 2",
        "os.system('touch PWNED')",
        "nn.LeakyReLU(slope=0.1)",
        "lambda x: x",
    ],
)
def test_activation_strings_are_looked_up_and_never_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = mistakes(tmp_path, f'activation: "{given}"\n' + SMALL)
    assert len(found) == 1
    assert found[0].startswith("1:13: ")
    row = mistakes(tmp_path, SMALL.replace("[32, 3, 2]", f'[32, 3, 2, None, 1, 1, "{given}"]'))
    assert [m[:5] for m in row] == ["4:42:"]
    assert [p.name for p in tmp_path.iterdir()] == ["model.yaml"]


def test_tags_of_yaml_and_other_files_are_refused(tmp_path: Path) -> None:
    text = SMALL.replace("nc: 3", "nc: !!python/object/apply:os.getpid []")
    assert mistakes(tmp_path, text) == [
        "1:5: the tag '!!python/object/apply:os.getpid' is not part of the language (a spec is plain data)"
    ]
    (found,) = mistakes(tmp_path, "train: images\nval: others\n")
    assert found.startswith("1:1: no YOLO model file: it has neither `backbone` and `head` nor `model`, but train, val")
    with pytest.raises(SpecError, match="cannot read"):
        rewrite(tmp_path / "missing.yaml")


def test_a_file_must_compute_something(tmp_path: Path) -> None:
    text = "backbone:\n  - [-1, 1, Silence, []]\nhead:\n  - [-1, 1, nn.Identity, []]\n"
    assert mistakes(tmp_path, text) == ["1:1: the file computes nothing: all of its rows pass their input on ()"]


def test_a_scale_must_be_in_the_file(tmp_path: Path) -> None:
    assert mistakes(tmp_path, SMALL, scale="q") == ["2:9: the file has no scale 'q' (known: n, s)"]
    assert mistakes(tmp_path, PGI.replace("{head}", "Detect"), scale="s") == [
        "1:1: the file has no `scales`, so no scale 's' ()"
    ]
    assert mistakes(tmp_path, TAGGED, scale="s") == ["1:1: the file has no scales, so no scale 's' ()"]


JUNK = ("-1", "0", "99", "-99", "x", "nc", "None", "True", "1.5", "[1, 2]", "[]", "{a: 1}", "''", "1e309", ".inf", "~",
        "Conv", "Concat", "nn.MaxPool2d", "Detect", "A2C2f", "PSA")  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_file_is_rewritten_or_refused_and_nothing_else(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    source, spec = tmp_path / "in.yaml", tmp_path / "out.yaml"
    refused = []
    for number in range(40):
        text = chance.choice(FILES)
        for _ in range(chance.choice([1, 1, 2])):
            word = chance.choice(list(re.finditer(r"[\w.\-]+", text)))
            text = text[: word.start()] + chance.choice(JUNK) + text[word.end() :]
        source.write_text(text)
        try:
            spec.write_text(rewrite(source))
            if number < 10:  # the rest would test the language, slowly
                load(spec)
        except SpecError as error:
            refused.append(error.problems[0])
    assert len(refused) > 10
    assert all(problem.place.file and problem.message for problem in refused)
