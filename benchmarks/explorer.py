"""The explorer's page in Chromium: its size, the time to open it, to open a block, and of a frame while zooming.

    python -m benchmarks.explorer [--rounds 5]

`flat` has every node in one level, all of them drawn; `blocks` has fifty in each block, which differ, so that none is
folded, and opens one. Opening is from the address to the first frame. Run it from the root on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from graphwright.backends.explorer import write
from graphwright.compiler.language.load import load
from tests.explorer.browser import FLAGS

RESULTS = Path(__file__).parent / "results"
SIZES = (100, 1_000, 5_000)
#: A step of five nodes with a shortcut around it.
STEP = """\
{pad}conv{k}: {{op: conv2d, in: {before}, out: 16, kernel: {kernel}, padding: same}}
{pad}norm{k}: batch_norm
{pad}relu{k}: relu
{pad}sum{k}: {{op: add, in: [relu{k}, {before}]}}
{pad}gelu{k}: gelu
"""
FRAMES = """async () => {
  const canvas = document.querySelector('canvas.graph'), found = [];
  let last = performance.now();
  for (let k = 0; k < 60; k++) {
    const how = {deltaY: k % 2 ? -20 : 20, clientX: 700, clientY: 400, bubbles: true, cancelable: true};
    canvas.dispatchEvent(new WheelEvent('wheel', how));
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    found.push(now - last);
    last = now;
  }
  return found.slice(5).sort((a, b) => a - b);
}"""
FRAME = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def flat(nodes: int) -> str:
    """A spec with all nodes in one level."""
    steps = [STEP.format(pad="  ", k=k, before=f"gelu{k - 1}" if k else "x", kernel=3) for k in range(nodes // 5)]
    return f"graphwright: 1\nname: flat\ninputs: {{x: [N, 16, 8, 8]}}\nnodes:\n{''.join(steps)}"


def blocks(nodes: int) -> str:
    """A spec with blocks of fifty nodes, no two alike: the bits of a block's number are the sizes of its kernels."""
    text = "graphwright: 1\nname: blocks\ninputs: {x: [N, 16, 8, 8]}\nnodes:\n"
    for block in range(nodes // 50):
        text += f"  part{block}:\n    inputs: {{x: [N, 16, 8, 8]}}\n    nodes:\n"
        for k in range(10):
            kernel = 1 + 2 * (block >> k & 1)
            text += STEP.format(pad="      ", k=k, before=f"gelu{k - 1}" if k else "x", kernel=kernel)
    return text


def opened(browser: Browser, page: Path) -> dict[str, float]:
    """One visit: milliseconds to open, to open a block, and of the median and slowest tenth of frames."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tab = context.new_page()
    start = time.perf_counter()
    tab.goto(page.as_uri())
    tab.evaluate(FRAME)
    found = {"open_ms": 1e3 * (time.perf_counter() - start), "boxes": tab.evaluate("explorer.shown().boxes")}
    tab.keyboard.press("0")
    frames = tab.evaluate(FRAMES)
    found |= {"frame_ms": statistics.median(frames), "frame_p90_ms": frames[int(0.9 * len(frames))]}
    at = tab.evaluate("explorer.where('part1')")
    if at is not None and at["drawn"] == "part1":
        start = time.perf_counter()
        tab.mouse.dblclick(at["x"], at["y"])
        tab.evaluate(FRAME)
        found |= {"expand_ms": 1e3 * (time.perf_counter() - start)}
    context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=args.chromium, args=list(FLAGS))
        for make in (flat, blocks):
            for nodes in SIZES:
                spec, page = Path(folder) / "spec.yaml", Path(folder) / "page.html"
                spec.write_text(make(nodes))
                graph = load(spec)
                start = time.perf_counter()
                row: dict[str, Any] = {"spec": make.__name__, "nodes": len(graph.nodes), "bytes": write(graph, page)}
                row["write_ms"] = 1e3 * (time.perf_counter() - start)
                visits = [opened(browser, page) for _ in range(args.rounds + 1)][1:]  # the first one warms up
                row |= {key: statistics.median(visit[key] for visit in visits) for key in visits[0]}
                rows.append(row)
                print("  ".join(f"{k} {v:,.0f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
        found = {"browser": browser.version, "rounds": args.rounds, "rows": rows}
        browser.close()
    (RESULTS / "explorer.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
