"""The explorer's page beside Netron's, on the same ONNX file: from the address to the whole graph on the screen.

    pip install netron
    python -m benchmarks.explorer_netron [--rounds 5] [--wait 180]

Both show the chain of `benchmarks.explorer` with 100, 1,000 and 5,000 nodes, all drawn. Netron reads the file in the
page; the explorer's page is written first (`graphwright explore FILE.onnx`), and that time is told apart. A visit that
takes longer than `--wait` seconds is told as such. Netron's questions to the network are answered with a refusal at
once. Run it from the root on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import netron
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import Browser, sync_playwright

from benchmarks.explorer import FRAME, RESULTS, SIZES
from graphwright.commands.exploring import explore
from tests.explorer.browser import FLAGS

LOCAL = "http://127.0.0.1"
#: Netron's page has its graph when the body is of this class.
KEPT = "(() => { const own = window.eval; Object.defineProperty(window, 'eval', {get: () => own, set: () => {}}); })()"
DRAWN = "document.body.classList.contains('default') && document.querySelectorAll('.node').length > 0"


def written(nodes: int, path: Path) -> None:
    """Steps of convolution, batch norm, ReLU, sum and GELU, as in `benchmarks.explorer`."""
    made, state, before = [], [], "x"
    channel = np.ones(16, np.float32)
    for k in range(nodes // 5):
        names = {n: f"{n}{k}" for n in ("conv", "norm", "relu", "sum", "gelu")}
        state.append(numpy_helper.from_array(np.ones((16, 16, 3, 3), np.float32) / 144, f"{names['conv']}.weight"))
        state += [numpy_helper.from_array(channel, f"{names['norm']}.{p}") for p in ("scale", "bias", "mean", "var")]
        steps = (
            ("Conv", "conv", [before, f"{names['conv']}.weight"], {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}),
            ("BatchNormalization", "norm", [names["conv"], *(t.name for t in state[-4:])], {}),
            ("Relu", "relu", [names["norm"]], {}),
            ("Add", "sum", [names["relu"], before], {}),
            ("Gelu", "gelu", [names["sum"]], {}),
        )
        made += [helper.make_node(op, reads, [names[n]], name=names[n], **more) for op, n, reads, more in steps]
        before = names["gelu"]
    shape = ["N", 16, 8, 8]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", before)]
    graph = helper.make_graph(made, "flat", ends[:1], ends[1:], state)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


def seconds(browser: Browser, address: str, ready: str, wait: float) -> float | None:
    """One visit, from the address to the frame after the graph is there."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, reduced_motion="reduce", bypass_csp=True
    )  # fmt: skip
    context.add_init_script(KEPT)  # both pages forbid the evaluation that the questions below need
    context.route(lambda url: not url.startswith((LOCAL, "file:")), lambda route: route.abort())
    if address.startswith(LOCAL):  # else Netron waits for an answer to its question about cookies
        context.add_cookies([{"name": "consent", "value": "1", "url": address}])
    tab = context.new_page()
    start = time.perf_counter()
    try:
        tab.goto(address)
        while not tab.evaluate(ready):
            if time.perf_counter() - start > wait:
                return None
            tab.wait_for_timeout(5)
        tab.evaluate(FRAME)
        return time.perf_counter() - start
    finally:
        context.close()


def row(browser: Browser, nodes: int, folder: Path, rounds: int, wait: float) -> dict[str, Any]:
    file, page = folder / f"flat{nodes}.onnx", folder / f"flat{nodes}.html"
    written(nodes, file)
    start = time.perf_counter()
    explore(str(file), output=page)
    found: dict[str, Any] = {"nodes": nodes, "onnx_bytes": file.stat().st_size, "page_bytes": page.stat().st_size,
                             "write_s": time.perf_counter() - start}  # fmt: skip
    host, port = netron.start(str(file), address=("127.0.0.1", 0), browse=False)
    visits: dict[str, list[float | None]] = {"ours": [], "netron": []}
    for _ in range(rounds + 1):
        visits["ours"].append(seconds(browser, page.as_uri(), "explorer.shown() !== null", wait))
        if None not in visits["netron"]:
            visits["netron"].append(seconds(browser, f"http://{host}:{port}/", DRAWN, wait))
    netron.stop((host, port))
    for name, times in visits.items():
        done = [t for t in times[1:] if t is not None]  # the first one warms up
        found[f"{name}_s"] = statistics.median(done) if None not in times else f"more than {wait:.0f}"
        found[f"{name}_spread"] = max(done) / min(done) if done else None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--wait", type=float, default=180)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=args.chromium, args=list(FLAGS))
        for nodes in SIZES:
            rows.append(row(browser, nodes, Path(folder), args.rounds, args.wait))
            print(rows[-1])
        found = {"browser": browser.version, "netron": version("netron"), "rounds": args.rounds, "rows": rows}
        browser.close()
    (RESULTS / "explorer_netron.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
