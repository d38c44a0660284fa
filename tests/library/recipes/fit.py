"""FIT in Keras, arXiv:2305.12689: `architectures/transformers.py` of the authors' repository, under TensorFlow 2.15.

A Keras layer keeps its weights in layouts of its own. Here each of our parameters is held in ours, under our name, and
written into the layer in its layout before each call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

REPOSITORY = "https://github.com/google-research/pix2seq"
COMMIT = "eabd4e98f65f7627a0e727d11a4b9cbba916283d"
LICENCE = "Apache-2.0"

#: Imported beside FIT, for networks that are not built here.
for absent in ("tensorflow_addons", "tensorflow_addons.layers"):
    sys.modules.setdefault(absent, ModuleType(absent))
sys.modules["tensorflow_addons"].layers = sys.modules["tensorflow_addons.layers"]  # type: ignore[attr-defined]

#: A parameter of ours: its name, its shape, and the layer's variables with what each of them holds of it.
Held = tuple[str, tuple[int, ...], list[tuple[Any, Callable[[Tensor], Tensor]]]]


def plain(name: str, variable: Any) -> Held:
    """A vector or table, the same on both sides but for dimensions merged."""
    return name, tuple(variable.shape), [(variable, lambda t: t)]


def norm(name: str, layer: Any) -> list[Held]:
    return [plain(f"{name}.weight", layer.gamma), plain(f"{name}.bias", layer.beta)]


def projection(name: str, layers: list[Any], out: int, inner: int) -> list[Held]:
    """Linear layers that stand one above the other in ours; a kernel is [in, out], the heads apart in either."""

    def part(k: int, variable: Any, is_kernel: bool) -> tuple[Any, Callable[[Tensor], Tensor]]:
        shape = tuple(variable.shape)
        return variable, lambda t: (t.chunk(len(layers))[k].T if is_kernel else t.chunk(len(layers))[k]).reshape(shape)

    kernels = [part(k, layer.kernel, True) for k, layer in enumerate(layers)]
    biases = [part(k, layer.bias, False) for k, layer in enumerate(layers)]
    return [(f"{name}.weight", (out, inner), kernels), (f"{name}.bias", (out,), biases)]


def dense(name: str, layer: Any) -> list[Held]:
    inner, out = layer.kernel.shape
    return projection(name, [layer], out, inner)


def heads(mha: Any) -> tuple[list[Any], Any]:
    return [mha._query_dense, mha._key_dense, mha._value_dense], mha._output_dense


def mlp(name: str, at: str, mlp: Any) -> Iterator[Held]:
    """A residual feed-forward layer: its norm, and its two linear layers."""
    yield from norm(at, mlp.layernorms[0])
    yield from dense(f"{name}.fc1", mlp.mlp_layers[0].dense1)
    yield from dense(f"{name}.fc2", mlp.mlp_layers[0].dense2)


def layer(name: str, keras: Any) -> Iterator[Held]:
    """A pre-norm transformer layer, an encoder's or the self-attention of a decoder."""
    ln, mha = (keras.mha_ln, keras.mha) if hasattr(keras, "mha") else (keras.self_ln, keras.self_mha)
    (q, k, v), out = heads(mha)
    width = q.kernel.shape[0]
    yield from norm(f"{name}.norm1", ln)
    yield from projection(f"{name}.attn.qkv", [q, k, v], 3 * width, width)
    yield from projection(f"{name}.attn.proj", [out], width, width)
    yield from mlp(f"{name}.mlp", f"{name}.norm2", keras.mlp)


def layers(name: str, stack: Any) -> Iterator[Held]:
    for k, keras in enumerate(stack.enc_layers if hasattr(stack, "enc_layers") else stack.dec_layers):
        yield from layer(f"{name}.{k}", keras)


def cross(name: str, keras: Any) -> Iterator[Held]:
    (q, k, v), out = heads(keras.cross_mha)
    inner = q.kernel.shape[1] * q.kernel.shape[2]
    yield from norm(f"{name}.norm_x", keras.cross_ln)
    yield from norm(f"{name}.norm_y", keras.enc_ln)
    for part, one in (("q", q), ("k", k), ("v", v)):
        yield from projection(f"{name}.{part}.linear", [one], inner, one.kernel.shape[0])
    yield from projection(f"{name}.proj", [out], out.kernel.shape[-1], inner)


def held(fit: Any, groups: int) -> Iterator[Held]:
    """Every parameter of FIT, its denoiser or its autoregressive kind."""
    latents, width = fit.latent_pos_emb.shape
    pos = fit.latent_pos_emb
    yield "latent", (groups, latents // groups, width), [(pos, lambda t: t.reshape(tuple(pos.shape)))]
    yield plain("pos", fit.x_pos_emb)
    if hasattr(fit, "token_embedding"):
        yield plain("token.weight", fit.token_embedding)
        yield plain("logits.bias", fit.outp_bias)
    else:
        yield from dense("embed", fit.stem)
        yield from norm("norm", fit.stem_ln)
    if hasattr(fit, "time_emb"):
        yield from dense("time_emb.fc1", fit.time_emb.dense_0)
        yield from dense("time_emb.fc2", fit.time_emb.dense_1)
        yield from dense("cond_proj", fit.cond_proj)
        yield from dense("out", fit.x_output_linear)
        if fit.self_cond == "latent":
            yield from mlp("latent_copies.prev.mlp", "latent_copies.prev.norm", fit.latent_prev_proj)
            yield from norm("latent_copies.norm", fit.latent_prev_ln)
    for i in range(len(fit.layer_configs)):
        block, at = f"blocks.{i}", str(i)
        yield from layers(f"{block}.local.layers", fit.x_network[at])
        if at in fit.l_network:
            yield from cross(f"{block}.work.read", fit.l2x_cross_attn[at])
            yield from layers(f"{block}.work.layers", fit.l_network[at])
            if hasattr(fit, "l2c_cross_attn"):
                yield from cross(f"{block}.work.condition", fit.l2c_cross_attn[at])
        if at in fit.x2l_cross_attn:
            yield from cross(f"{block}.write", fit.x2l_cross_attn[at])
    yield from norm("norm_x", fit.x_output_ln)
    if not hasattr(fit, "token_embedding") and hasattr(fit, "l_output_ln"):
        yield from norm("norm_latents", fit.l_output_ln)


class Keras(nn.Module):
    """A Keras layer with our parameters; `call` turns our inputs into its arguments."""

    def __init__(self, fit: Any, groups: int, call: Callable[..., tuple[Any, ...]], inputs: tuple[Tensor, ...]) -> None:
        super().__init__()
        self.fit, self.call = [fit], call  # in a list: not a submodule
        self._run(*inputs)  # Keras makes the weights when a layer is called first
        self.held = list(held(fit, groups))
        for name, shape, _ in self.held:
            at: nn.Module = self
            *path, last = name.split(".")
            for part in path:
                if part not in at._modules:
                    at.add_module(part, nn.Module())
                at = at.get_submodule(part)
            at.register_parameter(last, nn.Parameter(torch.zeros(shape)))
        if hasattr(fit, "token_embedding"):  # tied
            self.get_submodule("logits").register_parameter("weight", self.get_parameter("token.weight"))
        assert sum(p.numel() for p in self.parameters()) == fit.count_params()

    def _run(self, *inputs: Tensor) -> Any:
        return self.fit[0](*self.call(*(tensor.numpy() for tensor in inputs)), training=False)

    def forward(self, *inputs: Tensor) -> Any:
        for name, _, variables in self.held:
            for variable, take in variables:
                variable.assign(take(self.get_parameter(name).detach()).contiguous().numpy())
        found = self._run(*inputs)
        found = found if isinstance(found, tuple | list) else [found]
        return tuple(torch.from_numpy(tensor.numpy()) for tensor in found)


def build(kind: str, call: Callable[..., tuple[Any, ...]], **options: Any) -> nn.Module:
    """A layer of the sizes that the case has, made by a first call on the case's inputs."""
    from tests.library.papers import CASES

    case = next(case for case in CASES if case.recording == options["recording"])
    names = {"groups": "num_groups", "latents": "latents_per_group", "dim": "x_dim", "heads": "x_num_heads",
             "latent_heads": "latent_num_heads", "layers": "layers", "latent_dim": "latent_dim",
             "vocabulary": "vocab_size"}  # fmt: skip
    sizes = {names[key]: value for key, value in case.params.items() if key in names}
    size = case.params["groups"] * case.params["tokens"]
    more = {key: value for key, value in options.items() if key != "recording"}
    keras = getattr(import_module("architectures.transformers"), kind)(x_size=size, **sizes, **more)
    return Keras(keras, case.params["groups"], call, case.given())


VARIANTS: dict[str, Callable[[], nn.Module]] = {
    "fit small": partial(build, "FIT", lambda x: (x,), recording="fit small"),
    "fit_denoiser small": partial(
        build, "FITDenoiser", lambda x, time, cond: (x, time, cond), out_dim=12, recording="fit_denoiser small"
    ),
    "fit_denoiser_self_cond small": partial(
        build, "FITDenoiser", lambda x, time, cond, before: ((x, before), time, cond), out_dim=12, self_cond="latent",
        recording="fit_denoiser_self_cond small",
    ),
    "fit_ar small": partial(build, "FITAR", lambda tokens: (tokens,), mlp_ratio=4, recording="fit_ar small"),
}  # fmt: skip
