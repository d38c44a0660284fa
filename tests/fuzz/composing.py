"""What random specs are composed of beside single ops: blocks and copies of them, scopes, loops, outputs, losses."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import OPS
from tests.fuzz.draft import Draft
from tests.fuzz.growing import Body, Growing
from tests.fuzz.values import DEFAULTS, Value
from tests.ops.samples import image, positive, real

#: A block that can be used again: its name, what it reads, what it puts out, and the outputs' names.
Made = tuple[str, list[Value], list[Value], list[str]]


def grown(rng: random.Random, size: int) -> Draft:
    """A random spec of about `size` pieces."""
    return Composing(rng).grow(size)


def draft(seed: int) -> Draft:
    """The spec of a seed."""
    rng = random.Random(seed)
    return grown(rng, rng.choice((1, 2, 3, 5, 8, 12)))


class Composing(Growing):
    """A draft grown by ops and by what holds ops."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.blocks: list[Made] = []

    def grow(self, size: int) -> Draft:
        picture = self.chance(0.12)
        body = Body([], not picture, set())
        if picture:
            body.values.append(Value("image", Type((*_symbols("N"), *image.shape[1:]))))
            self.draft.inputs["image"] = (body.values[0].type, image)
        while not body.made:
            self.piece(body)
        for _ in range(size - 1):
            self.piece(body)
        if picture:
            self.head(body)
        while not self.draft.inputs:  # a model reads something
            self.op(body, "relu")
        self.draft.nodes, self.draft.params = body.nodes, body.params
        self.draft.outputs = self.outputs(body, picture)
        if not picture and self.chance(0.25):
            self.losses(body)
        return self.draft

    def piece(self, body: Body) -> None:
        steps: list[tuple[float, Callable[[Body], bool]]] = [
            (0.62, self.op), (0.08, self.block), (0.06, self.repeat), (0.05, self.each), (0.06, self.scope),
            (0.05, self.loop), (0.06, self.again), (0.02, self.slope),
        ]  # fmt: skip
        step = self.rng.choices([s for _, s in steps], [w for w, _ in steps])[0]
        step(body)

    # -- blocks -------------------------------------------------------------------------------
    def block(self, body: Body) -> bool:
        """A block and its first use, or one more use of a block that is there."""
        if self.blocks and self.chance(0.4):
            made = self.rng.choice(self.blocks)
            reads = [self.alike(body, v) for v in made[1]]
            fits = all((r.type, r.kind) == (v.type, v.kind) and r in body.values
                       for r, v in zip(reads, made[1], strict=True))  # fmt: skip
            return self.use(body, made, reads) if fits else False
        reads = self.floats(body, self.rng.choice((1, 1, 2)))
        made_ = self.define(reads, carried=False) if reads else None
        return self.use(body, made_, reads) if made_ else False

    def floats(self, body: Body, count: int) -> list[Value]:
        found = [v for v in body.values if v.type.dtype == "float32" and v.kind.word != "exact"]
        return self.rng.sample(found, min(count, len(found)))

    def define(self, reads: list[Value], *, carried: bool) -> Made | None:
        """A block that reads values like these; with `carried`, it puts out what it first reads."""
        inside = Body([Value("ab"[k], v.type, v.kind) for k, v in enumerate(reads)], False, {"a", "b"})
        for _ in range(self.rng.randint(1, 4)):
            self.rng.choice([self.op, self.op, self.op, self.again, self.block])(inside)
        if not inside.made:
            return None
        outputs = dict.fromkeys([inside.made[-1], *self.rng.sample(inside.made, min(len(inside.made), 1))])
        ports = {"yz"[k]: v for k, v in enumerate(outputs)}
        if carried:
            same = [v for v in inside.made if v.type == reads[0].type]
            if not same and not self.place(inside, OPS["tanh"](), [inside.values[0]]):
                return None
            ports = {"a": (same or inside.made)[-1]}
        name = f"block{len(self.draft.blocks)}"
        section: dict[str, Any] = {
            "inputs": {v.name: self.rng.choice(("any", declared(v.type))) for v in inside.values[: len(reads)]},
            "nodes": inside.nodes,
            "outputs": {port: v.name for port, v in ports.items()},
        }
        self.draft.blocks[name] = ({"params": inside.params} if inside.params else {}) | section
        made = (name, reads, list(ports.values()), list(ports))
        if not carried:
            self.blocks.append(made)
        return made

    def use(self, body: Body, made: Made, reads: list[Value], **said: Any) -> bool:
        block, _, outputs, ports = made
        name = body.name(self.rng)
        body.nodes[name] = {"op": block, "in": {"ab"[k]: v.name for k, v in enumerate(reads)}, **said}
        for k, (value, port) in enumerate(zip(outputs, ports, strict=True)):
            body.keep(Value(f"{name}.{port}" if k else name, value.type, value.kind), reads)
        return True

    def repeat(self, body: Body) -> bool:
        """Copies of a block in series."""
        reads = [v for v in self.floats(body, 2) if v.kind.word == "real"]
        made = self.define(reads, carried=True) if reads else None
        if made is None:
            return False
        said: dict[str, Any] = {"repeat": self.rng.choice((2, 3, {"j": 2}))}
        if self.chance(0.15):
            said["checkpoint"] = True
        return self.use(body, (made[0], made[1], [reads[0]], made[3]), reads, **said)

    def each(self, body: Body) -> bool:
        """Copies of an op side by side, and what joins them."""
        before = len(body.made)
        if not self.op(body) or len(body.made) != before + 1 or "in" not in body.nodes[body.made[-1].name]:
            return False
        value = body.made[-1]
        body.nodes[value.name]["each"] = 2
        body.owners = [o for o in body.owners if o.name != value.name]
        body.values.remove(value)
        body.made.remove(value)
        for k in range(2):
            copy_ = Value(f"{value.name}.{k}", value.type, value.kind)
            body.keep(copy_, [])
            body.behind[copy_.name] = body.behind[value.name]
        if value.type.rank and value.type.dtype == "float32":
            joined = (Value(f"{value.name}.*", value.type, value.kind),)
            name = body.name(self.rng)
            body.nodes[name] = {"op": "add", "in": f"{joined[0].name}"}
            body.keep(Value(name, value.type), body.made[-2:])
        return True

    def scope(self, body: Body) -> bool:
        """Nodes below a name, which read what is outside."""
        name = body.name(self.rng)
        inside = Body(list(body.values), False, body.used, behind=dict(body.behind))
        for _ in range(self.rng.randint(1, 3)):
            self.op(inside)
        if not inside.made or inside.params:
            return False
        body.nodes[name] = {"nodes": inside.nodes}
        if self.chance(0.3):
            body.nodes[name][self.rng.choice(("checkpoint", "freeze"))] = True
        for value in inside.made:
            outer = Value(f"{name}.{value.name}", value.type, value.kind)
            body.values.append(outer)
            body.made.append(outer)
            body.behind[outer.name] = inside.behind[value.name]
        return True

    def loop(self, body: Body) -> bool:
        """A block run over the slices of a value, with a state from step to step; or a number of times."""
        found = [v for v in self.floats(body, 3) if v.type.rank and v.kind.word == "real"]
        if not found:
            return False
        value, dim = found[0], self.rng.randrange(found[0].type.rank)
        if self.chance(0.4):
            made = self.define([value], carried=True)
            return bool(made) and self.use(body, made, [value], loop={"times": 2})  # type: ignore[arg-type]
        if not isinstance(value.type.shape[dim], int):
            return False
        row = Type(tuple(s for k, s in enumerate(value.type.shape) if k != dim))
        made = self.define([Value("a", row), Value("b", row)], carried=True)
        if made is None:
            return False
        block = self.draft.blocks[made[0]]
        state = self.rng.choice("bc")  # carried from step to step, or only put out
        block["outputs"] = {state: block["outputs"]["a"]}
        if state == "c":
            return False
        name = body.name(self.rng)
        said = {"over": "a", "dim": dim} | ({"reverse": True} if self.chance(0.3) else {})
        body.nodes[name] = {"op": made[0], "in": {"a": value.name}, "loop": said}
        body.keep(Value(name, value.type), [value])
        return True

    # -- the ends -----------------------------------------------------------------------------
    def head(self, body: Body) -> None:
        """Of a picture: pooled, and classes of it."""
        floats = [v for v in body.values if v.type.rank == 4 and v.type.dtype == "float32"]
        maps = [v for v in floats if str(v.type.shape[0]) == "N"]
        self.place(body, OPS["adaptive_avg_pool2d"](size=1), [maps[-1]])  # type: ignore[call-arg]
        self.place(body, OPS["flatten"](), [body.made[-1]])
        self.place(body, OPS["linear"](out=3), [body.made[-1]])  # type: ignore[call-arg]

    def outputs(self, body: Body, picture: bool) -> dict[str, Any]:
        if picture:
            return {"logits": body.made[-1].name}
        read = set().union(*body.behind.values())
        ends = [v.name for v in body.made if v.name not in read]
        some = ends if self.chance(0.7) else self.rng.sample(ends, min(len(ends), 2))
        more = [v.name for v in self.rng.sample(body.made, 1)] if self.chance(0.3) else []
        return {f"out{k}": name for k, name in enumerate(dict.fromkeys([*some[:6], *more]))}

    def losses(self, body: Body) -> None:
        """Terms of an objective, some behind a node of the training graph."""
        found = [v for v in body.made if v.type.dtype == "float32" and _named(v.type)]
        for k, value in enumerate(self.rng.sample(found, min(len(found), 2))):
            pred = value.name
            if self.chance(0.4):
                pred = body.name(self.rng)
                body.nodes[pred] = {"op": "linear" if value.type.rank > 1 else "tanh", "in": value.name,
                                    "train_only": True}  # fmt: skip
                if value.type.rank > 1:
                    size = value.type.shape[-1]
                    if not isinstance(size, int):
                        del body.nodes[pred]
                        continue
                    body.nodes[pred]["out"] = size
            shape = value.type.at(DEFAULTS).shape
            target = (value.type, real(*map(int, shape)) if k else positive(*map(int, shape)))
            self.draft.targets[f"target{k}"] = target
            self.draft.losses[f"loss{k}"] = {"op": self.rng.choice(("mse", "l1", "huber", "smooth_l1")),
                                             "in": [pred, f"target{k}"], "weight": 0.5}  # fmt: skip


def declared(kind: Type) -> str:
    """A type as a block declares it; any, where a size has no name."""
    return f"{kind.dtype}[{', '.join(map(str, kind.shape))}]" if _named(kind) else "any"


def _named(kind: Type) -> bool:
    return all(isinstance(s, int) or str(s).isidentifier() for s in kind.shape)


def _symbols(*names: str) -> tuple[Any, ...]:
    return tuple(map(Dim.symbol, names))


def entered(draft_: Draft) -> dict[str, torch.Tensor]:
    """The tensors of a draft's inputs and targets."""
    return {name: tensor for name, (_, tensor) in (draft_.inputs | draft_.targets).items()}
