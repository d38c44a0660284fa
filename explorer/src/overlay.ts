/** What the colours of boxes tell: the family of the op, or how much of a figure a box has. */

import { brief, nodesOf, type Model, type Paint } from "./model";
import type { Box } from "./view";

export const FIGURES = ["family", "parameters", "MACs", "bytes"] as const;
export type Figure = (typeof FIGURES)[number];

const COLUMN = { parameters: 0, MACs: 1, bytes: 3 } as const;
const [COLD, HOT] = [{ light: "#f4f1ea", dark: "#1f242b" }, { light: "#ee8b7b", dark: "#b8405a" }];

export const amount = (model: Model, box: Box, figure: Exclude<Figure, "family">): number =>
  (box.scope ? nodesOf(box.scope) : box.node === undefined ? [] : [box.node]).reduce((sum, n) => sum + (model.nodes[n].cost?.[COLUMN[figure]] ?? 0), 0);

/** A function from boxes to colours, among the boxes that are drawn. */
export function painter(model: Model, boxes: Box[], figure: Figure, scheme: "light" | "dark"): (box: Box) => Paint {
  const theme = model.theme[scheme];
  if (figure === "family")
    return (box) => (box.kind === "op" ? (theme[model.ops[model.nodes[box.node!].op!]?.family] ?? theme.other) : theme[`kind:${box.kind}`]);
  const amounts = new Map(boxes.map((box) => [box, amount(model, box, figure)]));
  const most = Math.max(1, ...amounts.values());
  return (box) => {
    const share = Math.sqrt((amounts.get(box) ?? 0) / most);
    const fill = mixed(COLD[scheme], HOT[scheme], share);
    return { fill, line: mixed(scheme === "light" ? "#b9b3a6" : "#46515d", HOT[scheme], share), text: luminance(fill) > 0.22 ? "#141b24" : "#ffffff" };
  };
}

/** The ends of the scale, for the legend. */
export function scale(model: Model, boxes: Box[], figure: Exclude<Figure, "family">): string {
  return brief(boxes.reduce((most, box) => Math.max(most, amount(model, box, figure)), 0), figure === "bytes" ? "B" : "");
}

const channels = (colour: string): number[] => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
const mixed = (a: string, b: string, share: number): string => {
  const [from, to] = [channels(a), channels(b)];
  return `#${from.map((c, k) => Math.round(c + (to[k] - c) * share).toString(16).padStart(2, "0")).join("")}`;
};
const luminance = (colour: string): number => {
  const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
