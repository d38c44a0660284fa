/** The description of a model, as `backends/explorer/description.py` writes it, and questions about it. */

import type { Run } from "./recorded";

export type Output = number | string; // which output of a node, or the name of one of its parameters
export type Place = [file: number, line: number, column: number, last: number];
export type Kind = "input" | "target" | "op" | "loss" | "output";

export interface Node {
  name: string;
  kind: Kind;
  op?: string;
  in?: [port: string, producer: number, output: Output, type: number][];
  out: [name: string, type: number][];
  /** The arguments that are not defaults; those are told with the op. */
  args?: Record<string, string>;
  cost?: [parameters: number, macs: number, flops: number | null, bytes: number];
  parameters?: [name: string, type: number][];
  buffers?: [name: string, type: number][];
  place?: Place | null;
  doc?: string;
  marks?: string[];
  training?: boolean;
}

export interface Scope {
  scope: string;
  block?: string;
  doc?: string;
  place?: Place;
  items: Item[];
}

export interface Fold {
  copies: Item[][];
}

export type Item = number | Scope | Fold;

export interface Paint {
  fill: string;
  line: string;
  text: string;
}

export interface Distribution {
  zeros: number;
  strange: number;
  low?: number;
  high?: number;
  mean?: number;
  deviation?: number;
  counts?: number[];
}

/** What differs from another model, by name; `details` are what, before and after. */
export interface Change {
  kind: "added" | "removed" | "changed";
  name: string;
  op: string;
  details: [what: string, before: string, after: string][];
}

/** A number for some of the nodes; a block has their sum if it `adds`, else their mean. */
export interface Overlay {
  name: string;
  unit: string;
  adds: boolean;
  values: [node: number, value: number][];
}

export interface Model {
  version: number;
  name: string;
  doc: string;
  source: string;
  sizes: Record<string, number>;
  totals: Record<"parameters" | "frozen" | "buffers" | "macs" | "flops" | "bytes" | "uncounted", number>;
  nodes: Node[];
  tree: Item[];
  depth: number;
  types: { text: string; sizes: string }[];
  ops: Record<string, { family: string; doc: string; args: [name: string, byDefault: string | null, doc: string][] }>;
  theme: Record<"light" | "dark", Record<string, Paint>>;
  files: { name: string; text: string }[];
  statistics: Record<string, Distribution>;
  filters: Record<string, { picture: string; shown: number; of: number; size: [number, number] }>;
  /** What the model makes of pictures, if it was run on some. */
  run?: Run;
  /** What differs from another model, if it is compared with one: the new one of two has the former whole. */
  changes?: { other: string; side: "old" | "new"; list: Change[]; former?: Model };
  overlays?: Overlay[];
}

export const isScope = (item: Item): item is Scope => typeof item === "object" && "scope" in item;
export const isFold = (item: Item): item is Fold => typeof item === "object" && "copies" in item;

const inside = new WeakMap<Scope, number[]>();

/** The numbers of all nodes of an item, in the order they stand in. */
export function nodesOf(item: Item): number[] {
  if (typeof item === "number") return [item];
  if (isFold(item)) return item.copies.flatMap((copy) => copy.flatMap(nodesOf));
  let found = inside.get(item);
  if (!found) inside.set(item, (found = item.items.flatMap(nodesOf)));
  return found;
}

export interface Index {
  scopes: Map<string, Scope>;
  /** The scopes around each node and scope, the outermost first. */
  around: Map<string, Scope[]>;
  numbers: Map<string, number>;
  readers: [reader: number, port: string, output: Output][][];
  levels: number;
}

export function index(model: Model): Index {
  const scopes = new Map<string, Scope>();
  const around = new Map<string, Scope[]>();
  let levels = 0;
  const walk = (items: Item[], path: Scope[]): void => {
    levels = Math.max(levels, path.length);
    for (const item of items) {
      if (typeof item === "number") around.set(model.nodes[item].name, path);
      else if (isFold(item)) item.copies.forEach((copy) => walk(copy, path));
      else {
        scopes.set(item.scope, item);
        around.set(item.scope, path);
        walk(item.items, [...path, item]);
      }
    }
  };
  walk(model.tree, []);
  const readers: Index["readers"] = model.nodes.map(() => []);
  model.nodes.forEach((node, number) => node.in?.forEach(([port, producer, output]) => readers[producer].push([number, port, output])));
  return { scopes, around, numbers: new Map(model.nodes.map((n, k) => [n.name, k])), readers, levels };
}

export const last = (name: string): string => name.slice(name.lastIndexOf(".") + 1);

/** 23,528,522 as `23.5 M`. */
export function brief(value: number, unit = ""): string {
  const steps: [number, string][] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const step = steps.find(([size]) => value >= size * 0.9995);
  const text = step ? (value / step[0]).toPrecision(3).replace(/^(\d{4,})\.$/, "$1") : String(Math.round(value * 100) / 100);
  return `${text}${step || unit ? "\u202f" : ""}${step ? step[1] : ""}${unit}`;
}

export const exact = (value: number): string => value.toLocaleString("en-US");
