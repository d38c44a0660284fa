/** What the colours of boxes tell: the family of the op, or how much of a figure a box has. */

import type { Scheme } from "./colours";
import { h } from "./dom";
import { brief, nodesOf, type Model, type Overlay, type Paint } from "./model";
import type { Box } from "./view";

/** A figure by its number in this list, since two overlays may have one name. */
export type Figure = { label: string; of: "family" | "changes" | "cost" | "overlay"; column?: number; overlay?: Overlay; unit: string };

const FAMILY: Figure = { label: "family", of: "family", unit: "" };
const COSTS: Figure[] = [
  { label: "parameters", of: "cost", column: 0, unit: "" }, { label: "MACs", of: "cost", column: 1, unit: "" }, { label: "bytes", of: "cost", column: 3, unit: "B" },
];

/** What colours can tell of a model: changes only where it is compared with another. */
export const figures = (model: Model): Figure[] => [
  ...(model.changes ? [{ label: "changes", of: "changes", unit: "" } as const] : []), FAMILY, ...COSTS,
  ...(model.overlays ?? []).map((overlay): Figure => ({ label: overlay.name, of: "overlay", overlay, unit: overlay.unit })),
];

const [COLD, HOT] = [{ light: "#f4f1ea", dark: "#1f242b" }, { light: "#ee8b7b", dark: "#b8405a" }];

const CHANGED = { added: { light: "#b9e6c3", dark: "#1e5a31" }, removed: { light: "#f5bdb6", dark: "#6e2626" }, changed: { light: "#ffdc9b", dark: "#6b4a08" } };

/** How a heading names the other model: what was added since the former, what was removed in the new one. */
export const since = ({ other, side }: NonNullable<Model["changes"]>): string => `${side === "new" ? "since" : "in"} ${other}`;

/** What all of a box is in one model and not in the other. */
const only = (model: Model): "added" | "removed" => (model.changes!.side === "new" ? "added" : "removed");

/** Whether a box is in this model alone, or it or something in it differs from what the other model has. */
export function change(model: Model, box: Box): keyof typeof CHANGED | null {
  const inside = box.scope ? nodesOf(box.scope) : box.node === undefined ? [] : [box.node];
  const kinds = new Map(model.changes!.list.map((one) => [one.name, one.kind]));
  const found = inside.map((n) => kinds.get(model.nodes[n].name));
  if (found.every((kind) => kind === only(model))) return only(model);
  return found.some(Boolean) ? "changed" : null;
}

/** The colours of changes, with their names. */
const changes = (model: Model, scheme: Scheme): [string, string][] => [only(model), "changed" as const].map((name) => [name, CHANGED[name][scheme]]);

const tables = new WeakMap<Overlay, Map<number, number>>();

/** The numbers of an overlay, by node. */
export function table(overlay: Overlay): Map<number, number> {
  let found = tables.get(overlay);
  if (!found) tables.set(overlay, (found = new Map(overlay.values)));
  return found;
}

/** How much of a figure a box has; nothing where it is not known of any node in it. */
export function amount(model: Model, box: Box, { column, overlay }: Figure): number | null {
  const inside = box.scope ? nodesOf(box.scope) : box.node === undefined ? [] : [box.node];
  if (!overlay) return inside.reduce((sum, n) => sum + (model.nodes[n].cost?.[column!] ?? 0), 0);
  const known = inside.map((n) => table(overlay).get(n)).filter((value): value is number => value !== undefined);
  if (!known.length) return null;
  const sum = known.reduce((a, b) => a + b, 0);
  return overlay.adds ? sum : sum / known.length;
}

/** A function from boxes to colours, among the boxes that are drawn. */
export function painter(model: Model, boxes: Box[], figure: Figure, scheme: "light" | "dark"): (box: Box) => Paint {
  const theme = model.theme[scheme];
  if (figure.of === "family")
    return (box) => (box.kind === "op" ? (theme[model.ops[model.nodes[box.node!].op!]?.family] ?? theme.other) : theme[`kind:${box.kind}`]);
  const plain = (fill: string, line: string): Paint => ({ fill, line, text: luminance(fill) > 0.22 ? "#141b24" : "#ffffff" });
  const outline = scheme === "light" ? "#b9b3a6" : "#46515d";
  if (figure.of === "changes")
    return (box) => {
      const kind = change(model, box);
      return plain(kind ? CHANGED[kind][scheme] : COLD[scheme], kind ? (scheme === "light" ? "#4d5a66" : "#c3ced8") : outline);
    };
  const amounts = new Map(boxes.map((box) => [box, Math.abs(amount(model, box, figure) ?? 0)]));
  const most = Math.max(figure.overlay ? 1e-300 : 1, ...amounts.values());
  return (box) => {
    const share = Math.sqrt(amounts.get(box)! / most);
    return plain(mixed(COLD[scheme], HOT[scheme], share), mixed(outline, HOT[scheme], share));
  };
}

/** The ends of the scale, for the legend. */
export function scale(model: Model, boxes: Box[], figure: Figure): string {
  return told(boxes.reduce((most, box) => Math.max(most, Math.abs(amount(model, box, figure) ?? 0)), 0), figure.unit);
}

/** A number of an overlay in words: small ones keep three digits. */
export const told = (value: number, unit: string): string =>
  Math.abs(value) < 100 && !Number.isInteger(value) ? `${Number(value.toPrecision(3))}${unit && "\u202f"}${unit}` : brief(value, unit);

const channels = (colour: string): number[] => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
const mixed = (a: string, b: string, share: number): string => {
  const [from, to] = [channels(a), channels(b)];
  return `#${from.map((c, k) => Math.round(c + (to[k] - c) * share).toString(16).padStart(2, "0")).join("")}`;
};
const luminance = (colour: string): number => {
  const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

/** What the colours mean. */
export function legend(model: Model, boxes: Box[], figure: Figure, scheme: Scheme): (Node | string)[] {
  if (figure.of === "family") return [];
  if (figure.of !== "changes") return ["0", h("i", {}), scale(model, boxes, figure), h("span", {}, ` ${figure.label}`)];
  const patches = changes(model, scheme).flatMap(([name, colour]) => {
    const patch = h("i", { class: "patch" });
    patch.style.background = colour;
    return [patch, h("span", {}, name)];
  });
  return [...patches, h("span", {}, since(model.changes!))];
}
