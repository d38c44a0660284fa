"""What the C++ compiler is asked before the first kernel for a CPU.

Before it, torch compiles a program with its vector headers for each set of vector instructions that the processor has
and loads it in a process of its own: five seconds on two cores, in every fresh folder for compiled code. Whether the
compiler takes the options for these instructions it says in a hundredth of that.

Torch then compiles these headers on their own, once for a machine: as long again, which a kernel that finds them gains
half a second from. A model with few kernels does not wait for them.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

#: Nodes to compile, of which five make a kernel, up to which no headers are compiled for them.
FEW = 50


@cache
def trust_vectors() -> None:
    """Spares torch its trials where the compiler knows the processor's instructions; who has set torch keeps that.

    Torch still asks the processor what it has, and tries the rarer instructions on their own (bfloat16, VNNI, AMX).
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return  # elsewhere torch tries nothing, or other things
    from torch._inductor import config  # takes seconds to import, which few runs need

    if config.cpp.vec_isa_ok is None and _knows_vectors():
        config.cpp.vec_isa_ok = True


def _knows_vectors() -> bool:
    """Whether the compiler takes the options for every set of vector instructions that this processor has."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.cpu_vec_isa import supported_vec_isa_list, x86_isa_checker

    present = set(x86_isa_checker())
    options = {isa.build_arch_flags() for isa in supported_vec_isa_list if set(str(isa).split()) <= present}
    try:
        words = [get_cpp_compiler(), "-fsyntax-only", "-x", "c++", "-"]
        tried = [subprocess.run([*words, *each.split()], input=b"", capture_output=True) for each in options]
    except Exception:  # there is no compiler, which torch says itself when it needs one
        return False
    return all(done.returncode == 0 for done in tried)


def options(nodes: int) -> dict[str, Any]:
    """Options of `torch.compile` for a model with so many nodes to compile; who has set torch keeps that."""
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    set_by_user = "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS" in os.environ
    compiled = any(Path(default_cache_dir(), "precompiled_headers").glob("*.*ch"))
    return {} if nodes > FEW or compiled or set_by_user else {"cpp_cache_precompile_headers": False}
