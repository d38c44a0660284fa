"""From a body to a flat list of typed nodes.

Expansion and shape inference go together, because sizes of inputs (`C`, `H`) may be used in the
expressions of a block. Mistakes are collected; what reads a broken node stays quiet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from graphwright.compiler.ir.graph import Marks, Scope
from graphwright.compiler.language import limits
from graphwright.compiler.language.body import Body
from graphwright.compiler.language.copies import left_out, passed, tied
from graphwright.compiler.language.library import Library
from graphwright.compiler.language.loops import expand_loop
from graphwright.compiler.language.nodes import Written, bindings, node_name, read_marks, read_node, uses
from graphwright.compiler.language.params import bind_params
from graphwright.compiler.language.patterns import read_patterns
from graphwright.compiler.language.ports import declared, sizes
from graphwright.compiler.language.primitives import Primitives
from graphwright.compiler.language.reading import Map, Scalar, Tree
from graphwright.compiler.language.scopes import Level, Member, first_value
from graphwright.compiler.language.values import Argument, Filled, evaluate, evaluate_text, read_argument
from graphwright.compiler.language.wiring import Broken, Feeds, Reads, Source, Wiring, look_up
from graphwright.compiler.ops.op import Op, Port
from graphwright.compiler.places import Exhausted, Place, Problem, SpecError, fail

Arguments = dict[str, Argument]


@dataclass
class Expander:
    """The state of one expansion: what was emitted, who reads whom, and the mistakes found."""

    library: Library
    primitives: Primitives = field(default_factory=Primitives)
    scopes: list[Scope] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    reads: Reads = field(default_factory=Reads)
    chain: tuple[str, ...] = ()
    losses: bool = False
    copies: int = 0

    # -- a list of nodes ----------------------------------------------------------------------
    def nodes(self, level: Level, nodes: Map, first: Member | None, marks: Marks) -> Member | None:
        """Expand nodes in order; the last one is what the scope puts out by default."""
        last = first
        level.written = {text: key.place for key, _ in reversed(nodes.entries)
                         for text in (key.text, key.text.partition(".")[0])}  # fmt: skip
        for key, tree in nodes:
            try:
                last = self._node(level, read_node(key, tree, in_losses=self.losses), last, marks)
            except Exhausted:
                raise
            except (SpecError, Broken) as error:
                if isinstance(error, SpecError):
                    self.problems += error.problems
                last = Member(level.path(key.text), key.place, broken=True)
                self._holder(level, key.text, key.place, quiet=True)[key.text.rpartition(".")[2]] = last
        return last

    def _node(self, level: Level, written: Written, above: Member | None, marks: Marks) -> Member:
        copies = written.modifier("repeat") or written.modifier("each")
        if copies is None:
            name = node_name(written.key, level.names)
            self._holder(level, name, written.place)
            member = self.copy(level, level.path(name), written, level.names, above, None, marks)
            self._define(level, name, member, written.place)
            return member
        series = written.modifier("repeat") is not None
        bound = bindings(copies, level.names, "repeat" if series else "each")
        named = bool(bound) and uses(written.key, bound[0])
        made: list[Member] = []
        for index, values in enumerate(bound):
            names = {**level.names, **values}
            name = node_name(written.key, names)
            path = level.path(name if named else f"{name}.{index}")
            self._holder(level, name, written.place)
            before = made[-1] if series and made else None
            made.append(self.copy(level, path, written, names, above, before, marks))
            if named:
                self._define(level, name, made[-1], written.place)
        return self._group(level, written, made, named, series, above)

    def _group(
        self, level: Level, written: Written, made: list[Member], named: bool, series: bool, above: Member | None
    ) -> Member:
        """The member that stands for all copies: the last of a series, or an `each`."""
        if named and series:
            return made[-1]
        group = Member(level.path(written.key.text), written.place, kind="scope" if series else "each")
        group.copies, group.inner = made, {str(k): m for k, m in enumerate(made)}
        group.train_only = any(m.train_only for m in made)
        group.broken = bool(made) and all(m.broken for m in made)
        if series:
            group.ports = dict(made[-1].ports) if made else passed(level, written, level.names, above, self.reads)
            group.kind = "scope" if made else "absent"
        if not named:
            name = node_name(written.key, level.names)
            group.name = level.path(name)
            self._define(level, name, group, written.place)
        return group

    def _define(self, level: Level, name: str, member: Member, place: Place) -> None:
        holder, last = self._holder(level, name, place), name.rpartition(".")[2]
        if last in holder and holder[last].kind not in ("absent", "nothing"):
            old = holder[last]
            if not old.broken:
                what = "an input" if old.kind == "entry" else f"a node on line {old.place.line}"
                raise fail(place, f"the name '{name}' is taken by {what}", "choose another name")
        holder[last] = member
        inside = level.members
        for word in name.split(".")[:-1]:  # what a path made puts out what was put there last
            if inside[word].implied:
                inside[word].ports = dict(member.ports)
            inside = inside[word].inner

    def _holder(self, level: Level, name: str, place: Place, *, quiet: bool = False) -> dict[str, Member]:
        """Where a node is kept: in its level, or, if its key is a path, in the scope that the path leads to."""
        holder, path = level.members, level.name
        for word in name.split(".")[:-1]:
            path = f"{path}.{word}" if path else word
            if word not in holder:
                holder[word] = Member(path, place, kind="scope", implied=True, declared=False)
                self.scopes.append(Scope(path, place=place))
            elif holder[word].kind != "scope":
                old = holder[word]
                if quiet or old.broken:
                    return {}
                what = "an input" if old.kind == "entry" else f"a node on line {old.place.line}"
                raise fail(place, f"'{name}' leads into '{word}', which is {what} and no scope", "choose another name")
            holder = holder[word].inner
        return holder

    # -- one copy of a node -------------------------------------------------------------------
    def copy(
        self, level: Level, path: str, written: Written, names: Mapping[str, Any], above: Member | None,
        before: Member | None, marks: Marks,
    ) -> Member:  # fmt: skip
        self.copies += 1
        if self.copies > limits.COPIES:
            raise Exhausted([Problem(written.place, f"more than {limits.COPIES:,} nodes and scopes")])
        condition = written.modifier("if")
        if condition is not None:
            value = evaluate(condition, names)
            if not read_argument(Argument(value, condition.place), bool, "'if'"):
                return left_out(level, path, written, names, above, before, self.reads)
        source = Source(above, path, written.place, self.reads)
        wiring = Wiring(written.modifier("in"), level, names, source, before, written.place)
        own = tied(read_marks(written, names, marks), level, written, names, path, marks.tie)
        source.train_only = own.train_only
        try:
            if written.modifier("loop") is not None:
                return expand_loop(self, level, path, written, names, wiring, own)
            if written.op is None:
                return self.scope(level, path, written, names, wiring, own)
            op, arguments = self.op_of(written, names)
            return self.apply(op, arguments, level, path, written, wiring, own)
        except Broken:
            return Member(path, written.place, broken=True)

    def op_of(self, written: Written, names: Mapping[str, Any]) -> tuple[Scalar, Arguments]:
        """The op's name and the arguments, those of an op passed as a param included."""
        assert written.op is not None
        arguments = {k.text: Argument(evaluate(v, names), k.place) for k, v in written.arguments}
        value = evaluate(written.op, names)
        if isinstance(value, Filled):
            name = value.tree.get("op")
            if not isinstance(name, Scalar):
                raise fail(written.op.place, "an op given as a param needs `op:`", "{op: batch_norm, eps: 1e-3}")
            keys = {str(evaluate_text(k, value.names)): k.place for k, _ in value.tree}
            inner = {k: Argument(value[k], place) for k, place in keys.items() if k != "op"}
            return name, {**inner, **arguments}
        if isinstance(value, (str, Scalar)):
            text = value if isinstance(value, str) else value.text
            return Scalar(text, written.op.place), arguments
        raise fail(written.op.place, f"an op is a name, got {value}")

    # -- kinds of nodes -----------------------------------------------------------------------
    def apply(
        self,
        name: Scalar,
        arguments: Arguments,
        level: Level,
        path: str,
        written: Written,
        wiring: Wiring,
        marks: Marks,
    ) -> Member:
        target = self.library.lookup(name.text, level.file, name.place)
        if isinstance(target, Body):
            return self._block(target, arguments, path, written, wiring, marks)
        return self._primitive(target, arguments, path, written, wiring, marks)

    def _primitive(
        self, op: type[Op], arguments: Arguments, path: str, written: Written, wiring: Wiring, marks: Marks
    ) -> Member:
        member = self.primitives.emit(op, arguments, path, wiring, marks, written.place, in_losses=self.losses)
        if marks.tie:
            self.primitives.check_tie(explicit=written.modifier("tie") is not None)
        return member

    def _block(
        self, body: Body, arguments: Arguments, path: str, written: Written, wiring: Wiring, marks: Marks
    ) -> Member:
        if len(self.chain) >= limits.BLOCK_DEPTH:
            raise fail(written.place, f"blocks nested deeper than {limits.BLOCK_DEPTH}: "
                       + " -> ".join((*self.chain[-4:], body.name)), "does a block contain itself?")  # fmt: skip
        if body.preset is not None:
            return self._preset(body, arguments, path, written, wiring, marks)
        shown = read_patterns(body.inputs, None)
        feeds = wiring.bind([Port(p.name, many=p.many) for p in shown], body.name)
        symbols = sizes(shown, feeds, body.name or path, written.place, self.primitives)
        names = bind_params(body, arguments, symbols, written.place)
        if body.inputs is not None:
            sizes(read_patterns(body.inputs, names), feeds, body.name or path, written.place, self.primitives)
        level = Level(path, names, body.file, block=body.name)
        return self._inside(level, body.nodes, feeds, body.outputs, written, marks, body.name)

    def _preset(
        self, body: Body, arguments: Arguments, path: str, written: Written, wiring: Wiring, marks: Marks
    ) -> Member:
        """A block with `op:` in place of `nodes:`: more arguments for that op, and no level of names."""
        own = {p.name for p in body.params}
        names: Mapping[str, Any] = {}
        if body.inputs is not None:
            shown = read_patterns(body.inputs, None)
            feeds = wiring.bind([Port(p.name, many=p.many) for p in shown], body.name)
            names = sizes(shown, feeds, body.name or path, written.place, self.primitives)
        names = bind_params(body, {k: v for k, v in arguments.items() if k in own}, names, written.place)
        inner = read_node(Scalar(body.name, body.place), body.preset, in_losses=False)  # type: ignore[arg-type]
        name, preset = self.op_of(inner, names)
        given = {k: v for k, v in arguments.items() if k not in own}
        level = Level(path, names, body.file)
        inherited = read_marks(inner, names, marks)
        init = inherited.init if marks.init is None else marks.init
        marks = replace(marks, init=init, freeze=inherited.freeze)
        with self._deeper(body.name):
            return self.apply(name, {**preset, **given}, level, path, written, wiring, marks)

    def scope(
        self, level: Level, path: str, written: Written, names: Mapping[str, Any], wiring: Wiring, marks: Marks
    ) -> Member:
        scope = written.scope
        assert scope is not None
        nodes, inputs = scope.get("nodes"), scope.get("inputs")
        if not isinstance(nodes, Map):
            raise fail(written.place, f"the nodes of '{written.key.text}' must be a mapping")
        inner = Level(path, names, level.file, outer=level)
        if inputs is None:
            first = self._whole(wiring, path, written.place)
            return self._filled(inner, nodes, first, scope.get("outputs"), written, marks, "")
        if not isinstance(inputs, Map):
            raise fail(inputs.place, "'inputs' must be a mapping")
        patterns = read_patterns(inputs, names)
        feeds = wiring.bind([Port(p.name, many=p.many) for p in patterns], f"scope '{written.key.text}'")
        inner.names = {**names, **sizes(patterns, feeds, written.key.text, written.place, self.primitives)}
        return self._inside(inner, nodes, feeds, scope.get("outputs"), written, marks, "")

    @contextmanager
    def _deeper(self, block: str) -> Iterator[None]:
        """Inside a block, by name; a scope has none."""
        outer, self.chain = self.chain, (*self.chain, block) if block else self.chain
        try:
            yield
        finally:
            self.chain = outer

    def _whole(self, wiring: Wiring, path: str, place: Place) -> Member | None:
        """What the first node of a scope without `inputs` reads: all that the scope itself reads."""
        if wiring.before is not None:
            return Member(path, place, ports=dict(wiring.before.ports), kind="entry", broken=wiring.before.broken)
        if wiring.tree is None:
            return wiring.source.member
        if isinstance(wiring.tree, Scalar):
            found = look_up(wiring.level, wiring.tree, wiring.names, self.reads, path)
            return Member(first_value(found.member), place, ports=dict(found.ports()), kind="entry")
        feeds = wiring.bind([Port("x", many=True)], "a scope")
        return Member(path, place, ports=feeds, kind="entry")

    def _inside(
        self, level: Level, nodes: Map | None, feeds: Feeds, outputs: Tree | None, written: Written, marks: Marks,
        block: str,
    ) -> Member:  # fmt: skip
        """A block's or scope's nodes, its inputs being readable by name."""
        for port, feed in feeds.items():
            level.members[port] = Member(port, written.place, ports={port: feed}, kind="entry")
        first = Member("inputs", written.place, ports=dict(feeds), kind="entry") if feeds else None
        return self._filled(level, nodes, first, outputs, written, marks, block)

    def _filled(
        self, level: Level, nodes: Map | None, first: Member | None, outputs: Tree | None, written: Written,
        marks: Marks, block: str,
    ) -> Member:  # fmt: skip
        assert nodes is not None
        if marks.init is not None:
            raise fail(
                written.place,
                f"'init' is for one op, and '{written.key.text}' holds several",
                "write it at a node inside",
            )
        scopes, before = len(self.scopes), len(self.primitives.nodes)
        self.scopes.append(Scope(level.name, block, marks, written.place))
        with self._deeper(block):
            last = self.nodes(level, nodes, first, replace(marks, init=None, tags=(), doc="", checkpoint=False,
                                                           reversible=False, backward=None))  # fmt: skip
        if len(self.primitives.nodes) == before:  # a scope is where nodes are
            del self.scopes[scopes:]
        member = Member(level.name, written.place, kind="scope", train_only=marks.train_only)
        member.inner = {k: m for k, m in level.members.items() if m.kind != "entry"}
        if outputs is not None:
            member.ports = declared(level, outputs, self.reads)
        elif last is not None:
            member.ports, member.broken, member.declared = dict(last.ports), last.broken, False
        return member
