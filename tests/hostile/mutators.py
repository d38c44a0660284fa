"""Near-valid specs: shipped ones with a few bytes, tokens, values or branches changed, each by a seed.

`mutant(seed)` is always the same text for the same library. Words that are planted in specs are hostile ones: a call
that would be noticed were it run, paths that lead out, numbers at the ends of their types, look-alike letters.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from graphwright.compiler.language.library import shipped, shipped_families, shipped_of
from graphwright.compiler.ops import OPS

#: What an attacker hopes is run: `tests.hostile.watch` notices calls of it, shells, sockets and written files.
CANARY = "graphwright_canary"
CALL = f"__import__('builtins').{CANARY}()"

NUMBERS = (
    "0", "-0", "1", "-1", "2", "3.5", "-2.5", "1e-5", "1e308", "1e309", "-1e309", "nan", ".inf", "inf", "07",
    "0x10", "1_0", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "2147483648",
    "4294967297", "1000000", "100000", "1" + 400 * "0", "1e999999999", "0.1e-400", "12:30:45", "2026-01-01",
    "true", "none", "~", "",
)  # fmt: skip
EXPRESSIONS = (
    "$(1/0)", "$(0//0)", "$(0 % 0)", "$(2**2**2**2**2**2)", "$(10**10**10)", "$(-(2**63))", "$([0]*10**9)",
    "$('a'*10**9)", "$([[0]*1000]*1000)", "$(x for x in y)", "$([i for i in range(10**9)])",
    "$(sum(range(10**8)))", "$(1", "$()", "$", "$$", "$(((((((((((((1)))))))))))))",
    "$(" + "(" * 300 + ")" * 300 + ")", "$(" + "-" * 900 + "1)", "$(" + "not " * 400 + "1)", "$([].__class__)",
    "$(().__class__.__bases__[0].__subclasses__())", f"$({CALL})", f"${{{CALL}}}", f"{{{{{CALL}}}}}",
    "$(lambda: 0)", "$(f'{1}')", "$(1 if 1)", "$('%d' % 3)", "$(min())", "$(max([]))", "$(split('a', ''))",
    "$(float('nan'))", "$(sqrt(-1))", "$(log(0))", "$(exp(10**6))", "$(int('9' * 5000))", "$(int('x'))",
    "$(zip())", "$([1, 2][5])", "$([1][None])", "$([1, 2][::0])", "$(round(1.5, 10**9))", "$(1e308 * 10)",
    "$(int(1e309))", "$(H)", "$(N)", "$classes", "$_", "$0", "$(True + 'a')", "$(1 << 99999999)", "$(~1)", "$(a.b)",
    "$(a[0].b)", "$(0 in 0)", "$(1 < 'a')", "$(ceil(1e400))",
)  # fmt: skip
WORDS = (
    CALL, f"exec({CALL!r})", f"!!python/object/apply:os.system ['{CANARY}']", "!!binary aGk=", "!!set {a}",
    "!!float 1", "../../../../etc/passwd", "/etc/passwd", "../secret.yaml", "./self.yaml", "/dev/zero",
    "/dev/stdin", "file:///etc/passwd", "http://127.0.0.1:9/x.yaml", "C:\\\\windows\\\\x.yaml", "con.yaml",
    "a\\0b", "__class__", "__init__", "forward", "train", "self", "torch", "class", "import", "lambda", "None",
    "True", "loop", "each", "repeat", "in", "out", "x", "*", ".", "..", ".x", "x.", "x..y", "0", "-1", "none",
    "extends", "op", "nodes", "inputs", "<<", "{}", "[]", "[[[]]]", "{a: {a: {a: a}}}", "&a [*a]", "*a", "&x", "|",
    ">", "'", '"', "%YAML 1.1", "---", "...", "a: b: c", "#", "!x y", "@", "`", "\u200b", "\u202e", "\ufeff",
    "ｃｏｎｖ2ｄ", "сonv2d", "ﬁ", "é", "e\u0301", "İ", "ß", "K", "\u2028", "\x85", "\x00", "\x07", "\U0001f600", "９",
    "²", "٣", "𝟞", "\ud7ff", "\ue000", "\U0010ffff", "A" * 5000, "a." * 200 + "a", "a b",
    "<script>alert(1)</script>", "%s%n{0}", "N", "H=0", "H=-1", "H=1e9", "[N, N, N]", "[1000000000000, 1000000000000]",
    "float32[N, -1]", "int64[", "any", "[...]", "[..., ...]",
)  # fmt: skip
TOKEN = re.compile(r"\s+|[\w.$]+|[^\w\s]")
KEYS = (
    "op", "in", "out", "nodes", "inputs", "outputs", "params", "repeat", "each", "if", "else", "tie", "freeze",
    "init", "checkpoint", "reversible", "backward", "tags", "doc", "weight", "loop", "train_only", "extends",
    "include", "targets", "losses", "train", "transforms", "expect", "blocks", "graphwright", "name", "source",
    "kernel", "stride", "size", "value", "dim", "shape", "bias", "groups", "padding", "eps", "heads", "times",
    "over", "until", "choices", "min", "max", "default", "type",
)  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A changed spec. Where `block` is set the text is that library block's, and the check is of the model `host`."""

    seed: int
    of: str
    kind: str
    data: bytes
    host: str = ""


@cache
def texts() -> dict[str, str]:
    """The shipped specs, by name."""
    return {name: path.read_text(encoding="utf-8") for name, path in sorted(shipped().items())}


@cache
def families() -> tuple[str, ...]:
    """Models that extend no other: their texts are the whole structure."""
    return tuple(sorted(shipped_families()))


@cache
def hosts() -> dict[str, str]:
    """For each library block, the shortest model that uses it."""
    found = {}
    for block in sorted(shipped_of("blocks")):
        word = re.compile(rf"\b(op: {block}|include: \[.*\b{block}\b.*\]|{block}$)", re.MULTILINE)
        users = [name for name in families() if word.search(texts()[name])]
        if users:
            found[block] = min(users, key=lambda name: (len(texts()[name]), name))
    return found


def mutant(seed: int) -> Mutant:
    """The mutant of a seed. Of eight, five change a whole model, one a variant, two a block."""
    rng = random.Random(seed)
    choice = rng.randrange(8)
    if choice < 5:
        name = rng.choice(families())
    elif choice == 5:
        name = rng.choice(sorted(shipped_of("models")))
    else:
        name = rng.choice(sorted(shipped_of("blocks")))
    kind = rng.choice(sorted(KINDS))
    data = KINDS[kind](texts()[name], rng)
    return Mutant(seed, name, kind, data, hosts().get(name, "") if choice > 5 else "")


def _changes(rng: random.Random) -> int:
    """Mostly one change: a spec with many is refused for the first."""
    return rng.choice((1, 1, 1, 1, 2, 3, 8))


# -- bytes ------------------------------------------------------------------------------------
def _bytes(text: str, rng: random.Random) -> bytes:
    data = bytearray(text.encode())
    for _ in range(_changes(rng)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 2, 5, 40, 400)))
        action = rng.randrange(7)
        if action == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif action == 1:
            del data[at:end]
        elif action == 2:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
        elif action == 3:
            data[at:at] = data[at:end]
        elif action == 4:
            del data[max(at, 1) :]
        elif action == 5:
            data[at:at] = rng.choice((b"\0", b"\xff", b"\xc2\x85", b"\xef\xbb\xbf", b"\t", b"\r", b"\x1b[31m",
            b"\xed\xa0\x80",
                                      b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"\x7f", b"\xc0\x80"))  # fmt: skip
        else:
            other = rng.randrange(len(data) + 1)
            data[at:at] = data[other : other + 30]
    return bytes(data)


# -- tokens -----------------------------------------------------------------------------------
def _tokens(text: str, rng: random.Random) -> bytes:
    tokens = TOKEN.findall(text)
    donor = TOKEN.findall(texts()[rng.choice(families())])
    for _ in range(_changes(rng)):
        at = rng.randrange(len(tokens))
        action = rng.randrange(6)
        if action == 0:
            del tokens[at]
        elif action == 1:
            tokens.insert(at, tokens[at])
        elif action == 2:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif action == 3:
            tokens[at] = rng.choice(donor)
        elif action == 4:
            tokens[at] = rng.choice((*WORDS, *NUMBERS, *EXPRESSIONS, *KEYS, *sorted(OPS)))
        else:
            tokens[at:at] = [rng.choice(("$", "(", ")", "[", "]", "{", "}", ":", ",", "-", "*", "&", "\n", " ", "  "))]
        tokens = tokens or [" "]
    return "".join(tokens).encode("utf-8", "surrogatepass")


# -- values -----------------------------------------------------------------------------------
def _values(text: str, rng: random.Random) -> bytes:
    """Other values for scalars; the structure stays."""
    root = _composed(text)
    scalars = [(parent, key) for parent, key, node in _slots(root) if isinstance(node, yaml.ScalarNode)]
    for _ in range(_changes(rng)):
        parent, key = rng.choice(scalars)
        words = rng.choice((NUMBERS, EXPRESSIONS, WORDS, KEYS, tuple(sorted(OPS))))
        _put(parent, key, _scalar(rng.choice(words)))
    return _serialized(root)


# -- structure --------------------------------------------------------------------------------
def _structure(text: str, rng: random.Random) -> bytes:
    """Branches removed, moved, exchanged, wrapped, taken from another spec, and keys renamed."""
    root = _composed(text)
    for _ in range(_changes(rng)):
        slots = list(_slots(root))
        if not slots:
            break
        parent, key, node = rng.choice(slots)
        action = rng.randrange(8)
        if action == 0:
            del parent.value[key]
        elif action == 1:
            _, _, other = rng.choice(slots)
            _put(parent, key, _copied(other))
        elif action == 2:
            donor = list(_slots(_composed(texts()[rng.choice(families())])))
            _put(parent, key, rng.choice(donor)[2])
        elif action == 3:
            _put(
                parent, key, yaml.SequenceNode("tag:yaml.org,2002:seq", [node] * rng.choice((1, 2, 5)), flow_style=True)
            )
        elif action == 4:
            wrapped = [(_scalar(rng.choice((*KEYS, "a"))), node)]
            _put(parent, key, yaml.MappingNode("tag:yaml.org,2002:map", wrapped, flow_style=True))
        elif action == 5 and isinstance(parent, yaml.MappingNode):
            word = rng.choice((*KEYS, *WORDS, *(k.value for k, _ in parent.value if isinstance(k, yaml.ScalarNode))))
            parent.value[key] = (_scalar(word), node)
        elif action == 6 and isinstance(parent, yaml.MappingNode):
            parent.value.insert(key, (_scalar(rng.choice(KEYS)), _scalar(rng.choice((*NUMBERS, *WORDS, *EXPRESSIONS)))))
        else:
            rng.shuffle(parent.value)
    return _serialized(root)


def _composed(text: str) -> Any:
    return yaml.compose(text, Loader=yaml.CSafeLoader)


def _serialized(root: Any) -> bytes:
    """The text; where a planted word can't stand in YAML, with what the writer made of it until then."""
    try:
        made: str = yaml.serialize(root, Dumper=yaml.CSafeDumper, allow_unicode=True, width=120)
    except (yaml.YAMLError, UnicodeEncodeError, RecursionError):
        return repr(root)[:2000].encode("utf-8", "replace")
    return made.encode("utf-8", "surrogatepass")


def _slots(root: Any) -> list[tuple[Any, int, Any]]:
    """Every branch as (parent, index in it, branch)."""
    found, pending = [], [root]
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.ScalarNode) or len(found) > 20_000:
            continue
        for key, item in enumerate(node.value):
            value = item[1] if isinstance(node, yaml.MappingNode) else item
            found.append((node, key, value))
            pending.append(value)
    return found


def _put(parent: Any, key: int, node: Any) -> None:
    if isinstance(parent, yaml.MappingNode):
        parent.value[key] = (parent.value[key][0], node)
    else:
        parent.value[key] = node


def _scalar(word: str) -> Any:
    return yaml.ScalarNode("tag:yaml.org,2002:str", word)


def _copied(node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return yaml.MappingNode(node.tag, [(_copied(k), _copied(v)) for k, v in node.value], flow_style=node.flow_style)
    if isinstance(node, yaml.SequenceNode):
        return yaml.SequenceNode(node.tag, [_copied(v) for v in node.value], flow_style=node.flow_style)
    return yaml.ScalarNode(node.tag, node.value, style=node.style)


KINDS: dict[str, Callable[[str, random.Random], bytes]] = {
    "bytes": _bytes,
    "tokens": _tokens,
    "values": _values,
    "structure": _structure,
}


def written(found: Mutant, folder: Path) -> Path:
    """The mutant as a file of its own in `folder`."""
    path = folder / f"{found.of}.yaml"
    path.write_bytes(found.data)
    return path
