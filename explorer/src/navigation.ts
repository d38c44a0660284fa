/** Keys: what they do, and where the arrows lead. */

import { h } from "./dom";
import { isFrame, type Box, type Frame, type View } from "./view";

const HELP: [string, string][] = [
  ["↑ ↓ ← →", "move along the edges, or beside"], ["Enter", "open or close a block"], ["Escape", "select nothing"], ["/", "search"],
  ["+ −", "zoom"], ["0", "see everything"], ["[ ]", "close or open a level"], ["r", "turn the flow"], ["y", "the spec"], ["b", "two models side by side"], ["t", "light or dark"],
];

/** What the keys do, to look at. */
export function help(): HTMLDialogElement {
  const dialog = h("dialog", { class: "help", "aria-label": "Keys" },
    h("h2", {}, "Keys"), h("dl", {}, ...HELP.flatMap(([keys, what]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, what)])), h("form", { method: "dialog" }, h("button", { type: "submit" }, "Close")));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}

/** From a box to the nearest one along an edge in this direction, else to the nearest that lies there. */
export function neighbour({ boxes, edges }: View, from: Box | Frame | null, flat: boolean, dx: number, dy: number): Box | undefined {
  if (!from) return boxes[0];
  if (isFrame(from)) return boxes.find((box) => within(box, from));
  const along = flat ? dx : dy;
  const linked = along ? edges.flatMap((e) => (along > 0 && e.source === from ? [e.target] : along < 0 && e.target === from ? [e.source] : [])) : [];
  return nearest(from, linked, dx, dy) ?? nearest(from, boxes, dx, dy);
}

function within(box: Box, frame: Frame): boolean {
  for (let around = box.frame; around; around = around.frame) if (around === frame) return true;
  return false;
}

function nearest(from: Box, among: Box[], dx: number, dy: number): Box | undefined {
  let [best, least]: [Box | undefined, number] = [undefined, Infinity];
  for (const box of among) {
    const x = box.x + box.width / 2 - from.x - from.width / 2;
    const y = box.y + box.height / 2 - from.y - from.height / 2;
    const along = x * dx + y * dy;
    const aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (box === from || along <= 1) continue;
    const cost = along + 2.5 * aside;
    if (cost < least) [best, least] = [box, cost];
  }
  return best;
}

