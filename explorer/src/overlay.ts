/** What the colours of boxes tell: the family of the op, or how much of a figure a box has. */

import { brief, nodesOf, type Model, type Paint } from "./model";
import type { Box } from "./view";

export type Figure = "family" | "parameters" | "MACs" | "bytes" | "changes";
type Amount = Exclude<Figure, "family" | "changes">;

/** What colours can tell of a model: changes only where it is compared with another. */
export const figures = (model: Model): Figure[] => [...(model.changes ? (["changes"] as const) : []), "family", "parameters", "MACs", "bytes"];

const COLUMN = { parameters: 0, MACs: 1, bytes: 3 } as const;
const [COLD, HOT] = [{ light: "#f4f1ea", dark: "#1f242b" }, { light: "#ee8b7b", dark: "#b8405a" }];

const CHANGED = { added: { light: "#b9e6c3", dark: "#1e5a31" }, changed: { light: "#ffdc9b", dark: "#6b4a08" } };

/** Whether a box, or something in it, is new or differs from what the other model has. */
export function change(model: Model, box: Box): keyof typeof CHANGED | null {
  const inside = box.scope ? nodesOf(box.scope) : box.node === undefined ? [] : [box.node];
  const kinds = new Map(model.changes!.list.map((one) => [one.name, one.kind]));
  const found = inside.map((n) => kinds.get(model.nodes[n].name));
  if (found.every((kind) => kind === "added")) return "added";
  return found.some(Boolean) ? "changed" : null;
}

/** The colours of changes, with their names. */
export const changes = (scheme: "light" | "dark"): [string, string][] => Object.entries(CHANGED).map(([name, colours]) => [name, colours[scheme]]);

export const amount = (model: Model, box: Box, figure: Amount): number =>
  (box.scope ? nodesOf(box.scope) : box.node === undefined ? [] : [box.node]).reduce((sum, n) => sum + (model.nodes[n].cost?.[COLUMN[figure]] ?? 0), 0);

/** A function from boxes to colours, among the boxes that are drawn. */
export function painter(model: Model, boxes: Box[], figure: Figure, scheme: "light" | "dark"): (box: Box) => Paint {
  const theme = model.theme[scheme];
  if (figure === "family")
    return (box) => (box.kind === "op" ? (theme[model.ops[model.nodes[box.node!].op!]?.family] ?? theme.other) : theme[`kind:${box.kind}`]);
  const plain = (fill: string, line: string): Paint => ({ fill, line, text: luminance(fill) > 0.22 ? "#141b24" : "#ffffff" });
  const outline = scheme === "light" ? "#b9b3a6" : "#46515d";
  if (figure === "changes")
    return (box) => {
      const kind = change(model, box);
      return plain(kind ? CHANGED[kind][scheme] : COLD[scheme], kind ? (scheme === "light" ? "#4d5a66" : "#c3ced8") : outline);
    };
  const amounts = new Map(boxes.map((box) => [box, amount(model, box, figure)]));
  const most = Math.max(1, ...amounts.values());
  return (box) => {
    const share = Math.sqrt((amounts.get(box) ?? 0) / most);
    return plain(mixed(COLD[scheme], HOT[scheme], share), mixed(outline, HOT[scheme], share));
  };
}

/** The ends of the scale, for the legend. */
export function scale(model: Model, boxes: Box[], figure: Amount): string {
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
