"""Specs made to hurt: bombs, depth, size, numbers at the ends of their types, odd letters, paths that lead out."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from graphwright.commands.arguments import parse_overrides, parse_transforms
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.hostile import mutators
from tests.hostile.runner import judge, warm
from tests.hostile.watch import bounded, watched


def spec(nodes: str = "{a: relu}", params: str = "{}", inputs: str = "{x: [N, 8]}", more: str = "") -> str:
    """A spec of these sections."""
    return f"graphwright: 1\nname: s\nparams: {params}\ninputs: {inputs}\nnodes: {nodes}\n{more}"


def _laughs(levels: int, each: int) -> str:
    rows = ["a0: &a0 [1, 1]"] + [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * each)}]" for k in range(1, levels)]
    return "graphwright: 1\n" + "\n".join(rows) + "\n"


def _doubling(first: str, then: str, levels: int) -> str:
    rows = [f"p0: {first}"] + [f'p{k}: "{then.replace("@", f"p{k - 1}")}"' for k in range(1, levels)]
    return "{" + ", ".join(rows) + "}"


#: Refused, with a place.
BAD = {
    "laughs": _laughs(20, 10),
    "wide-laughs": _laughs(3, 3000),
    "alias-of-itself": "graphwright: 1\nnodes: &a {b: *a}\n",
    "merge-key": "graphwright: 1\nx: &a {b: 1}\nnodes: {<<: *a}\n",
    "brackets": "graphwright: 1\nnodes: " + "[" * 100_000,
    "braces": "graphwright: 1\nnodes: " + "{a: " * 50_000,
    "indents": "graphwright: 1\nnodes:\n" + "".join(" " * k + f"a{k}:\n" for k in range(1, 1500)),
    "dashes": "graphwright: 1\nnodes:\n" + "- " * 50_000,
    "many-keys": "graphwright: 1\nnodes:\n" + "".join(f" a{k}: relu\n" for k in range(210_000)),
    "nodes": "graphwright: 1\ninputs: {x: [8]}\nnodes:\n" + "".join(f" a{k}: relu\n" for k in range(60_000)),
    "many-params": "graphwright: 1\nparams:\n" + "".join(f" a{k}: 1\n" for k in range(100_000)) + "inputs: {}\n",
    "long-scalar": spec("{a: {op: relu, doc: " + "a" * 5_000_000 + "}}"),
    "repeat": spec("{a: {op: relu, repeat: 1000000000}}"),
    "repeat-of-repeats": spec("{a: {repeat: 40000, nodes: {b: {repeat: 40000, nodes: {c: relu}}}}}"),
    "nested-repeats": spec("{a: {repeat: 300, nodes: {b: {repeat: 300, nodes: {c: relu}}}}}"),
    "each": spec("{a: {op: relu, each: 99999999999999999999}}"),
    "recursive-block": spec("{a: b}", more="blocks: {b: {nodes: {a: c, d: c}}, c: {nodes: {a: b, d: b}}}\n"),
    "fan-of-blocks": spec(
        "{a: b0}",
        more="blocks:\n"
        + "".join(f"  b{k}: {{nodes: {{c: b{k + 1}, d: b{k + 1}}}}}\n" for k in range(39))
        + "  b39: {nodes: {a: relu}}\n",
    ),
    "list-of-lists": spec("{a: {op: linear, out: '$([[0]*100000]*100000)'}}"),
    "list-equals-list": spec("{a: {op: linear, out: '$([[0]*99000]*99000 == [[0]*99000]*99000)'}}"),
    "list-sums": spec("{a: {op: linear, out: '$(sum([sum(range(99999)) for i in range(99999)]))'}}"),
    "list-doubling": spec(params=_doubling("$([0]*99999)", "$(@ + @ + @ + @)", 30)),
    "list-nesting": spec(params=_doubling("$([0])", "$([@])", 3000)),
    "text-doubling": spec(params=_doubling("$('x'*99999)", "$@$@$@$@", 30)),
    "text-split": spec('{a: {op: linear, out: \'$(split("a" * 99999, "a"))\'}}'),
    "expressions": spec(
        "{a: {op: linear, out: 8}}", "{" + ", ".join(f"p{k}: $(sum(range(99999)))" for k in range(2000)) + "}"
    ),
    "power-of-sizes": spec(
        "{a: {op: linear, out: '$((A+B+C+D+E+F+G+H)**64)'}}", inputs="{x: [A, B, C, D, E, F, G, H]}"
    ),
    "floors-of-floors": spec(params=_doubling("7", "$((A + @) // 3 * B)", 2000), inputs="{x: [A, B]}"),
    "towers": spec("{a: {op: linear, out: $(9**9**9**9)}}"),
    "parentheses": spec("{a: {op: linear, out: '$(" + "(" * 900 + "1" + ")" * 900 + ")'}}"),
    "minuses": spec("{a: {op: linear, out: '$(" + "-" * 1900 + "1)'}}"),
    "digits": spec("{a: {op: linear, out: " + "9" * 5000 + "}}"),
    "digits-of-a-size": spec(inputs="{x: [N, H=" + "9" * 5000 + "]}"),
    "digits-in-an-expression": spec("{a: {op: linear, out: '$(" + "9" * 1900 + ")'}}"),
    "formula-digits": spec("{a: {op: formula, in: {x: x}, value: x + " + "9" * 5000 + "}}"),
    "formula-depth": spec("{a: {op: formula, in: {x: x}, value: '" + "(" * 900 + "x" + ")" * 900 + "'}}"),
    "formula-tower": spec("{a: {op: formula, in: {x: x}, value: x * 9**9**9**9}}"),
    "formula-call": spec(f'{{a: {{op: formula, in: {{x: x}}, value: "{mutators.CALL}"}}}}'),
    "formula-attribute": spec("{a: {op: formula, in: {x: x}, value: x.__class__}}"),
    "init-call": spec(f'{{a: {{op: linear, out: 8, init: "{mutators.CALL}"}}}}'),
    "tensor": spec("{a: {op: parameter, shape: [1000000, 1000000, 1000000]}}"),
    "tensor-beyond-64-bits": spec("{a: {op: linear, out: 9223372036854775807}}"),
    "input-beyond-64-bits": spec(inputs="{x: [9223372036854775807, 9223372036854775807]}"),
    "default-beyond-64-bits": spec("{a: {op: linear, out: 8}}", inputs="{x: [N=9223372036854775807, 8]}"),
    "padding": spec("{a: {op: conv2d, out: 8, kernel: 3, padding: 4611686018427387904}}", inputs="{x: [N, 3, H, W]}"),
    "kernel": spec("{a: {op: conv2d, out: 8, kernel: 4294967296}}", inputs="{x: [N, 3, H, W]}"),
    "pattern": spec("{a: {op: rearrange, pattern: '" + "(" * 500 + "a" + ")" * 500 + " -> a'}}"),
    "tag": spec(f"!!python/object/apply:os.system ['{mutators.CANARY}']"),
    "nul": spec("{a: relu\0}"),
    "utf-16": spec().encode("utf-16"),
    "surrogates": spec("{a: rel\ud800}").encode("utf-8", "surrogatepass"),
    "overlong": b"graphwright: 1\nname: \xc0\xaf\n",
    "two-documents": spec() + "---\n" + spec(),
    "name-that-cannot-be-seen": spec("{a\u200bb: relu}"),
    "name-that-turns-around": spec("{a\u202eb: relu}"),
    "look-alike": spec("{a: {op: сonv2d, out: 8}}"),
    "compatible-letters": spec("{a: {op: add, in: [ﬁ, fi]}}", inputs="{ﬁ: [N, 8], fi: [N, 8]}"),
    "letter-that-is-no-size": spec(inputs="{x: [N, Ｈ]}"),
    "digit-of-another-script": spec(inputs="{x: [N, H=٣]}"),
    "output-with-a-brace": spec(more="outputs: {'a{': a}\n"),
    "shape-of-a-shape": spec(inputs="{x: {shape: {shape: [N, 8]}}}"),
    "op-that-is-a-list": spec("{a: $p}", "{p: {type: op, default: [tanh]}}"),
    "infinite-size": spec("{a: {op: linear, out: 1" + "0" * 400 + "}}"),
}
#: Large or odd, and nothing is wrong with it.
GOOD = {
    "byte-order-mark": b"\xef\xbb\xbf" + spec().encode(),
    "windows-lines": spec().replace("\n", "\r\n"),
    "old-lines": spec().replace("\n", "\r"),
    "doc-of-markup": spec("{a: {op: relu, doc: '</script><script>alert(1)</script>\u202e'}}"),
    "dashes-in-names": spec("{a-b: {op: linear, out: 8}, c-d: {nodes: {e-f: relu}}}"),
    "constant": spec("{a: {op: formula, over: {i: 900000, j: 900000}, value: i + j}}", inputs="{}"),
    "long-chain": spec("{a: {op: relu, repeat: 9000}}"),
    "stride": spec("{a: {op: max_pool2d, kernel: 2, stride: 9223372036854775807}}", inputs="{x: [N, 3, H, W]}"),
}


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm()


@pytest.mark.parametrize("name", sorted(BAD))
def test_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    text = BAD[name]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    verdict = judge(path, tmp_path)
    assert (verdict.outcome, verdict.detail) == ("refused", "")


@pytest.mark.parametrize("name", sorted(GOOD))
def test_accepted(name: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    text = GOOD[name]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    verdict = judge(path, tmp_path)
    assert (verdict.outcome, verdict.detail) == ("accepted", "")


ESCAPES = (
    "../secret.yaml", "../outside/../secret.yaml", "sub/../../secret.yaml", "link.yaml", "linked/secret.yaml",
    "loop.yaml", "s.yaml", "./sub/../s.yaml", "folder.yaml", "pipe.yaml", "missing.yaml", "/dev/zero.yaml",
    '"a\\0b.yaml"', "a" * 5000 + ".yaml", "~/x.yaml", "file:///etc/passwd", "http://127.0.0.1:9/x.yaml",
    "//server/share/x.yaml", '"\\ud800.yaml"', "..", "/", ".",
)  # fmt: skip


@pytest.mark.parametrize("section", ["extends", "include"])
@pytest.mark.parametrize("path", ESCAPES, ids=[str(k) for k in range(len(ESCAPES))])
def test_files_outside_are_not_read(section: str, path: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (home / "folder.yaml").mkdir()
    secret = tmp_path / "secret.yaml"
    secret.write_text("graphwright: 1\nblocks: {b: {nodes: {a: relu}}}\nsecret: word\n")
    (home / "link.yaml").symlink_to(secret)
    (home / "linked").symlink_to(tmp_path)
    (home / "loop.yaml").symlink_to(home / "loop.yaml")
    os.mkfifo(home / "pipe.yaml")
    if os.path.isabs(path):
        path = str(secret) if path == "/dev/zero.yaml" else path
    named = path if section == "extends" else f"[{path}]"
    (home / "s.yaml").write_text(
        f"graphwright: 1\nname: s\n{section}: {named}\ninputs: {{x: [N, 8]}}\nnodes: {{a: relu}}\n"
    )
    verdict = judge(home / "s.yaml", home)
    assert (verdict.outcome, verdict.detail) == ("refused", "")
    with pytest.raises(SpecError) as caught:
        load(home / "s.yaml")
    assert "word" not in caught.value.render()


@pytest.mark.parametrize("what", ["loop", "folder", "missing", "long", "nul"])
def test_what_is_no_file(what: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    if what == "loop":
        path.symlink_to(path)
    elif what == "folder":
        path.mkdir()
    name = {"long": "a" * 5000 + ".yaml", "nul": "a\0b.yaml"}.get(what, str(path))
    with bounded(), pytest.raises(SpecError) as caught:
        load(name)
    assert caught.value.problems[0].place.file


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Each reading is one of the texts as a whole, or is refused; never a mixture."""
    path, over = tmp_path / "s.yaml", threading.Event()
    texts = [spec("{" + ", ".join(f"{letter}{k}: relu" for k in range(40)) + "}") for letter in "ab"]
    path.write_text(texts[0])

    def change() -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            if turn % 3:
                path.write_text(texts[turn % 2])
            else:
                path.unlink()

    thread = threading.Thread(target=change)
    thread.start()
    whole = refused = 0
    blamed = set[str]()
    try:
        while whole < 20 or refused < 20:
            try:
                letters = {n.name[0] for n in load(path).nodes}
            except SpecError as error:
                refused += 1
                blamed.add(error.problems[0].place.file)
                continue
            whole += 1
            assert len(letters) == 1
    finally:
        over.set()
        thread.join()
    assert blamed == {str(path)}


WORDS = sorted({*mutators.NUMBERS, *mutators.EXPRESSIONS, *mutators.WORDS})


def test_params_from_outside(tmp_path: Path) -> None:
    """Whatever is given for a param on the command line is taken or refused."""
    for word in WORDS:
        for spec_, param in (("lenet", "classes"), ("lenet", "activation"), ("resnet50", "depths")):
            with watched(tmp_path) as seen, bounded(), contextlib.suppress(SpecError):
                lower(load(spec_, parse_overrides([f"{param}={word}"])), device="meta")
            assert not seen


def test_transforms_from_outside(tmp_path: Path) -> None:
    """So is what is given as a transform, patterns that take ever longer to match included."""
    stars = "a" + "**a" * 30 + "**b"
    name = "a" * 60
    path = tmp_path / "s.yaml"
    path.write_text(spec(f"{{{name}: relu, b: {{op: linear, out: 8}}}}"))
    wheres = (stars, "[" * 50, "a" * 3000, "tag:" + "*" * 200, "op:*", "type:(((", "*" * 60 + "b", "[a-z]" * 200)
    texts = [f"{{replace: {{where: '{where}', with: gelu}}}}" for where in wheres]
    texts += [word for word in WORDS if len(word) < 200]
    for text in texts:
        with watched(tmp_path) as seen, bounded(), contextlib.suppress(SpecError):
            load(path, {}, parse_transforms([text]))
        assert not seen
