"""Torch's trials of vector instructions are spared where, and only where, the compiler knows the options."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from graphwright.backends import toolchain

pytestmark = pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="asked there alone")


@pytest.fixture
def asked():
    """Torch's setting as it is with nobody having set it, put back afterwards."""
    from torch._inductor import config

    toolchain.trust_vectors.cache_clear()
    with config.patch({"cpp.vec_isa_ok": None}):
        yield config.cpp
    toolchain.trust_vectors.cache_clear()


def compiler(folder, monkeypatch, script):
    """A compiler that is a shell script."""
    path = folder / "g++"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr("torch._inductor.cpp_builder.get_cpp_compiler", lambda: str(path))


def test_a_compiler_that_takes_every_option_is_trusted(asked, tmp_path, monkeypatch):
    compiler(tmp_path, monkeypatch, f'echo "$@" >> {tmp_path}/asked')
    toolchain.trust_vectors()
    assert asked.vec_isa_ok is True
    told = (tmp_path / "asked").read_text() if (tmp_path / "asked").exists() else ""
    assert ("-mavx2" in told) == torch.cpu._is_avx2_supported()
    assert ("-mavx512f" in told) == torch.cpu._is_avx512_supported()


@pytest.mark.skipif(not torch.cpu._is_avx2_supported(), reason="needs a processor with AVX2")
@pytest.mark.parametrize("script", ["exit 1", 'case "$*" in *-mavx2*) exit 1;; esac'])
def test_one_that_refuses_an_option_is_tried(asked, tmp_path, monkeypatch, script):
    compiler(tmp_path, monkeypatch, script)
    toolchain.trust_vectors()
    assert asked.vec_isa_ok is None


@pytest.mark.skipif(not torch.cpu._is_avx2_supported(), reason="needs a processor with AVX2")
def test_no_compiler_is_torchs_to_tell(asked, tmp_path, monkeypatch):
    monkeypatch.setattr("torch._inductor.cpp_builder.get_cpp_compiler", lambda: str(tmp_path / "none"))
    toolchain.trust_vectors()
    assert asked.vec_isa_ok is None


def test_a_setting_of_the_users_stays(asked, monkeypatch):
    asked.vec_isa_ok = False
    monkeypatch.setattr(subprocess, "run", pytest.fail)
    toolchain.trust_vectors()
    assert asked.vec_isa_ok is False


def test_torch_chooses_the_instructions_that_its_trials_choose(asked):
    """The choice, in processes of their own: torch remembers it."""
    script = (
        "from torch._inductor.cpu_vec_isa import pick_vec_isa; print(pick_vec_isa(), pick_vec_isa().build_arch_flags())"
    )
    ours = f"from graphwright.backends.toolchain import trust_vectors; trust_vectors(); {script}"
    chosen = [subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
              for text in (script, ours)]  # fmt: skip
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("nodes", "compiled", "spared"), [(29, False, True), (29, True, False), (115, False, False)])
def test_a_small_model_does_not_wait_for_headers(nodes, compiled, spared, tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS", raising=False)
    monkeypatch.setattr("torch._inductor.runtime.cache_dir_utils.default_cache_dir", lambda: str(tmp_path))
    if compiled:
        (tmp_path / "precompiled_headers").mkdir()
        (tmp_path / "precompiled_headers" / "some.h.gch").touch()
    assert ("cpp_cache_precompile_headers" in toolchain.options(nodes)) == spared


def test_a_choice_of_the_users_about_headers_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS", "1")
    monkeypatch.setattr("torch._inductor.runtime.cache_dir_utils.default_cache_dir", lambda: str(tmp_path))
    assert toolchain.options(29) == {}


def test_the_headers_lie_where_they_are_looked_for():
    from torch._inductor import codecache

    assert codecache._HEADER_DIR.endswith("/precompiled_headers")
