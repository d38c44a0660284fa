"""A recipe: how to train, as one frozen record. Its fields are the keys of a spec's `train:` section and of the
command line (`epochs=6 lr=1e-3`), with their types, bounds and documentation.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphwright.compiler.ir.graph import Setting
from graphwright.compiler.memory.size import read_bytes
from graphwright.compiler.places import NOWHERE, Place, Problem, SpecError, fail, suggest
from graphwright.training.guidance import Guiding, read_guiding

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
#: The peak learning rates that `lr` stands for when it isn't given.
LEARNING_RATES = {"adamw": 2e-3, "sgd": 0.05}


def key(default: Any, doc: str, **bounds: float) -> Any:
    """A field with a line of documentation, and bounds: `min`, `max`, or `below` (exclusive)."""
    return dataclasses.field(default=default, metadata={"doc": doc, **bounds})


@dataclass(frozen=True)
class Recipe:
    """All choices of a training run."""

    epochs: int = key(20, "passes over the training data", min=1)
    batch: int = key(64, "samples an optimiser step sees, over all processes together", min=1)
    lr: float | None = key(None, "peak learning rate; if not given 2e-3 for adamw, 0.05 for sgd", min=0, max=1e6)
    optimizer: Literal["adamw", "sgd"] = key("adamw", "the optimiser")
    momentum: float = key(0.9, "sgd's momentum", min=0, below=1)
    nesterov: bool = key(True, "whether sgd's momentum is Nesterov's")
    weight_decay: float = key(0.02, "decay of weights of two or more dimensions; biases and norms have none", min=0)
    schedule: Literal["cosine", "step", "constant"] = key("cosine", "how the learning rate falls after the warm-up")
    warmup: float = key(1.0, "epochs of linear rise of the learning rate, at most a fifth of the run", min=0)
    step_size: float = key(10.0, "epochs between two falls of the `step` schedule", min=1e-6)
    gamma: float = key(0.1, "factor of a fall of the `step` schedule", min=0, max=1)
    clip: float = key(0.0, "largest norm of the gradient; 0 doesn't clip", min=0)
    accumulate: int = key(1, "parts that a batch is computed in, one after the other, to save memory", min=1)
    precision: Literal["fp32", "bf16"] = key("fp32", "arithmetic of the forward pass")
    smoothing: float = key(0.0, "label smoothing of the default loss", min=0, below=1)
    mixup: float = key(0.0, "alpha of mixup's Beta(alpha, alpha); 0 mixes nothing", min=0)
    crop: int = key(0, "pixels of padding from which a random crop is taken", min=0)
    flip: bool = key(False, "whether pictures are mirrored left to right at random")
    ema: float = key(0.0, "decay of the running average of the weights that is evaluated; 0 is off", min=0, below=1)
    seed: int = key(0, "seed of the initial weights, the order, the augmentation and dropout", min=0)
    workers: int = key(2, "threads that decode pictures", min=1, max=64)
    checkpoint_every: int = key(0, "steps between checkpoints; epochs end with one in any case", min=0)
    log_every: int = key(20, "steps between two lines of metrics", min=1)
    validation: float = key(0.2, "share held out, class by class, of data without a test part", min=0.01, max=0.9)
    resize: int = key(0, "height and width where the spec leaves them free; 0 takes the spec default", min=0)
    memory: int = key(0, "most bytes of a step in a process, such as 4GiB; 0 sets no limit", min=0)
    compile: bool = key(False, "whether the step is compiled: losses, backward pass and update as one graph")
    guidance: Guiding | None = key(None, "a guide that the model is drawn to resemble, see below")  # noqa: RUF009 - a field

    @property
    def peak(self) -> float:
        """The peak learning rate."""
        return LEARNING_RATES[self.optimizer] if self.lr is None else self.lr

    @classmethod
    def from_settings(cls, settings: Mapping[str, Setting], overrides: Mapping[str, Any] | None = None) -> Recipe:
        """The recipe of a spec's `train` section, with overrides (text or values); all mistakes come together."""
        given = _nested({**settings, **{k: Setting(v) for k, v in (overrides or {}).items()}})
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, setting in given.items():
            try:
                values[name] = _read_key(name, setting.value, setting.place)
            except SpecError as error:
                problems += error.problems
        if problems:
            raise SpecError(problems)
        recipe = cls(**values)
        if problem := _clash(recipe):
            raise fail(given.get(problem[0], Setting(None)).place, *problem[1:])
        return recipe

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; `from_dict` is the inverse."""
        guidance = self.guidance.as_dict() if self.guidance else None
        return {**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}, "guidance": guidance}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Recipe:
        """A recipe from what `as_dict` gave, perhaps before some key existed."""
        return cls(**{**record, "guidance": read_guiding(record.get("guidance"))})


FIELDS: dict[str, dataclasses.Field[Any]] = {f.name: f for f in dataclasses.fields(Recipe)}
_TYPES = typing.get_type_hints(Recipe)


def _nested(given: Mapping[str, Setting]) -> dict[str, Setting]:
    """`guidance.alpha` and its like put into `guidance`, over what it holds."""
    found = {k: s for k, s in given.items() if not k.startswith("guidance.")}
    parts = {k.removeprefix("guidance."): s.value for k, s in given.items() if k.startswith("guidance.")}
    if parts:
        before = found.get("guidance", Setting(None))
        whole = read_guiding(before.value, before.place)
        found["guidance"] = Setting({**(whole.as_dict() if whole else {}), **parts})
    return found


def _clash(recipe: Recipe) -> tuple[str, str, str] | None:
    """Two values that don't go together: the key to blame, the message, the hint."""
    if recipe.warmup > recipe.epochs:
        return "warmup", f"warmup={recipe.warmup:g} epochs is longer than the run, epochs={recipe.epochs}", "shorten it"
    if recipe.batch % recipe.accumulate:
        rule = f"batch={recipe.batch} does not divide into accumulate={recipe.accumulate} equal parts"
        return "accumulate", rule, "choose a batch that is a multiple"
    return None


def split_overrides(given: Mapping[str, Any], params: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(spec params, recipe keys) of the command line's `key=value`s. `train.lr=…` is a recipe key in any case."""
    known, spec, recipe = set(params), {}, {}
    for name, value in given.items():
        if name.startswith("train."):
            recipe[name.removeprefix("train.")] = value
        elif name in known and name in FIELDS:
            raise fail(
                NOWHERE,
                f"'{name}' is a param of the spec and a key of the training recipe",
                f"write train.{name}={value} for the recipe, or rename the spec's param",
            )
        elif name in known:
            spec[name] = value
        else:
            recipe[name] = value
    return spec, recipe


# -- reading one value ------------------------------------------------------------------------
def _read_key(name: str, value: Any, place: Place) -> Any:
    if name not in FIELDS:
        raise fail(place, f"a training recipe has no key '{name}'", suggest(name, FIELDS))
    if name == "guidance":
        return read_guiding(value, place)
    if name == "memory" and str(value) != "0":
        return read_bytes(value, place)
    hint, meta = _TYPES[name], FIELDS[name].metadata
    try:
        read = _read(hint, value)
    except ValueError as error:
        raise SpecError([Problem(place, f"{name} takes {error}, not {value!r}", meta["doc"])]) from None
    low, high, below = meta.get("min", -math.inf), meta.get("max", math.inf), meta.get("below", math.inf)
    if isinstance(read, (int, float)) and not (low <= read <= high and read < below):
        raise fail(place, f"{name}={read} is outside {_span(low, high, below)}", meta["doc"])
    return read


def _span(low: float, high: float, below: float) -> str:
    if below < math.inf:
        return f"[{low:g}, {below:g})"
    return f"[{low:g}, {high:g}]" if high < math.inf else f"[{low:g}, …)"


def _read(hint: Any, value: Any) -> Any:
    """`value` (text or plain data) as `hint`; the error says what was wanted."""
    if isinstance(hint, types.UnionType):
        return None if value is None or value == "none" else _read(typing.get_args(hint)[0], value)
    if typing.get_origin(hint) is Literal:
        if value in typing.get_args(hint):
            return value
        raise ValueError("one of " + ", ".join(typing.get_args(hint)))
    return _READERS[hint](value)


def _read_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in TRUE + FALSE:
        return str(value).lower() in TRUE
    raise ValueError("true or false")


def _read_int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(value) if isinstance(value, str) else int("")
    except ValueError:
        raise ValueError("a whole number") from None


def _read_float(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("a number")
    return number


_READERS = {bool: _read_bool, int: _read_int, float: _read_float}
