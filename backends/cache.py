"""Where compiled code is kept, so that a fresh process does not compile again.

Inductor keeps what it compiles under a key of the generated graph, torch's sources, the device and its own options, so
equal blocks are found again in other models too, and a changed head costs a head. Its default place is the folder for
temporary files, which is lost at a restart; here it is a folder of the user's own, one for each torch and device.

What lies there is code and pickles written by torch, and reading it runs it: the folder is only used if it belongs to
the user and nobody else may write in it. `torch.compiler.save_cache_artifacts` would not do: what it saves has no
compiled kernels, and compiling these is most of the time on a CPU.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import warnings
from functools import cache
from pathlib import Path

import torch
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

#: Where torch looks. Who has set it keeps what they set.
VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


def root() -> Path:
    """`GRAPHWRIGHT_CACHE`, else `graphwright` in the user's folder for caches (`XDG_CACHE_HOME`, `~/.cache`)."""
    if chosen := os.environ.get("GRAPHWRIGHT_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "graphwright"


def folder(device: torch.device) -> Path:
    """The folder for this torch and this kind of device."""
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return root() / "compiled" / re.sub(r"[^\w.+-]+", "-", f"torch-{torch.__version__}-{kind}")


def use(device: torch.device) -> Path | None:
    """Have torch keep what it compiles in `folder(device)`; `None`, with a warning, where that is not safe.

    A folder that `TORCHINDUCTOR_CACHE_DIR` names is left as it is.
    """
    present = os.environ.get(VARIABLE)
    if present and present != default_cache_dir() and not _is_ours(Path(present)):
        return Path(present)
    place = folder(device)
    if reason := _unsafe(place):
        warnings.warn(f"compiled code is not kept in {place}: {reason}", stacklevel=2)
        return None
    os.environ[VARIABLE] = str(place)
    mend(place)
    return place


@cache
def mend(place: Path) -> None:
    """Removes libraries that a linker was killed over: torch takes any file of the right name for a whole one.

    A library that is being linked is held by the lock that torch has beside it, and stays.
    """
    for library in place.glob("*/*.so"):
        lock = place / "locks" / f"{library.name.partition('.')[0]}.lock"
        with contextlib.suppress(OSError):
            if not _whole(library) and _free(lock):
                library.unlink(missing_ok=True)


def _whole(library: Path) -> bool:
    """Whether an ELF file ends where its header says; of other formats, whether there is anything in it."""
    size = library.stat().st_size
    with library.open("rb") as file:
        head = file.read(64)
    if head[:4] != b"\x7fELF" or len(head) < 64:
        return any(head[:4]) and head[:4] != b"\x7fELF"
    sections, entry, count = (int.from_bytes(head[a:b], "little") for a, b in ((40, 48), (58, 60), (60, 62)))
    return size >= sections + entry * count > 0


def _free(lock: Path) -> bool:
    """Whether nobody holds a lock of torch's."""
    if os.name != "posix" or not lock.exists():
        return True
    import fcntl

    with lock.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_ours(path: Path) -> bool:
    return path.parent.name == "compiled" and path.name.startswith("torch-")


def _unsafe(place: Path) -> str:
    """Why the folder, which is made if it is not there, cannot be trusted."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = [path.stat() for path in (place, *place.parents[:2])]
    except OSError as error:
        return error.strerror or str(error)
    if any(hasattr(os, "getuid") and each.st_uid != os.getuid() for each in found):
        return "it belongs to another user"
    if any(each.st_mode & (stat.S_IWGRP | stat.S_IWOTH) for each in found):
        return "others may write in it"
    return ""
