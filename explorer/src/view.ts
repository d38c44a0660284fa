/** What is drawn of a model: boxes and frames for what is open, one copy for all where copies are folded, and edges. */

import { isFold, isScope, last, nodesOf, type Item, type Kind, type Model, type Scope } from "./model";
import { strip, type Strip } from "./gallery";
import { measure } from "./text";

export interface State {
  open: Set<string>;
  unfolded: Set<string>;
  flat: boolean;
}

interface Member {
  id: string;
  label: string;
  frame: Frame | null;
  times: number;
  training: boolean;
  scope?: Scope;
  /** Names the copies that it stands for, when there are several. */
  fold?: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Box extends Member {
  node?: number;
  kind: Kind | "scope";
  lines: string[];
  ports: string[];
  /** The maps that are drawn in it, when the model was run on a picture. */
  strip?: Strip;
}

export interface Frame extends Member {
  block: string;
  title: number;
}

export interface Edge {
  source: Box;
  target: Box;
  port: number;
  label: string;
  training: boolean;
  points: [number, number][];
}

export interface Label {
  x: number;
  y: number;
  text: string;
}

export interface View {
  boxes: Box[];
  frames: Frame[];
  edges: Edge[];
  labels: Label[];
  boxOf: (Box | undefined)[];
  width: number;
  height: number;
}

export const TITLE = "600 12px var";
export const SMALL = "400 10.5px var";
/** The port of an edge that carries a parameter, not an output. */
const PARAMETER = -1;

export const isFrame = (member: Box | Frame): member is Frame => "title" in member;

export function view(model: Model, state: State): View {
  const made = new Drawer(model, state);
  return { boxes: made.boxes, frames: made.frames, edges: made.edges(), labels: [], boxOf: made.boxOf, width: 0, height: 0 };
}

class Drawer {
  readonly boxes: Box[] = [];
  readonly frames: Frame[] = [];
  readonly boxOf: (Box | undefined)[];
  /** For each node, which copy of every fold around it holds it. */
  private readonly copies: Map<number, number>[];
  private folds = 0;

  constructor(
    private readonly model: Model,
    private readonly state: State,
  ) {
    this.boxOf = new Array(model.nodes.length);
    this.copies = model.nodes.map(() => new Map());
    model.nodes.forEach((n, k) => (n.kind === "input" || n.kind === "target") && this.node(k, null));
    this.items(model.tree, null);
    model.nodes.forEach((n, k) => n.kind === "output" && this.node(k, null));
  }

  private items(items: Item[], frame: Frame | null): void {
    for (const item of items) {
      if (!isFold(item)) this.one(item, frame, 1);
      else if (this.state.unfolded.has(foldKey(this.model, item))) item.copies.forEach((copy) => this.items(copy, frame));
      else this.folded(item.copies, frame, foldKey(this.model, item));
    }
  }

  private folded(copies: Item[][], frame: Frame | null, fold: string): void {
    const [first] = copies;
    if (first.length === 1) this.one(first[0], frame, copies.length, fold, copies[copies.length - 1][0]);
    else {
      const ends = [first[0], copies[copies.length - 1][first.length - 1]].map((item) => last(nameOf(this.model, item)));
      const around = this.frame(frame, ends.join(" … "), copies.length, fold);
      first.forEach((item) => this.one(item, around, 1));
    }
    const number = this.folds++;
    const drawn = first.flatMap(nodesOf);
    copies.forEach((copy, count) =>
      copy.flatMap(nodesOf).forEach((node, k) => {
        if (count) {
          this.boxOf[node] = this.boxOf[drawn[k]];
          this.copies[node] = new Map(this.copies[drawn[k]]);
        }
        this.copies[node].set(number, count);
      }),
    );
  }

  private one(item: Item, frame: Frame | null, times: number, fold?: string, end?: Item): void {
    if (typeof item === "number") return this.node(item, frame, times, fold, end);
    if (!isScope(item)) return this.items([item], frame);
    const nodes = nodesOf(item);
    const training = nodes.every((n) => this.model.nodes[n].training);
    const label = labelled(item.scope, frame, times > 1 && end !== undefined ? nameOf(this.model, end) : "");
    if (this.state.open.has(item.scope)) {
      const made = this.frame(frame, label, times, fold, item, training);
      return this.items(item.items, made);
    }
    const box = this.box({ label, frame, times, training, fold, kind: "scope", scope: item });
    box.lines = [...(item.block ? [item.block] : []), `${nodes.length} op${nodes.length > 1 ? "s" : ""}`];
    nodes.forEach((n) => (this.boxOf[n] = box));
    this.maps(box, nodes);
    this.size(box);
  }

  private node(number: number, frame: Frame | null, times = 1, fold?: string, end?: Item): void {
    const node = this.model.nodes[number];
    const label = labelled(node.name, frame, times > 1 && end !== undefined ? nameOf(this.model, end) : "");
    const box = this.box({ label, frame, times, training: !!node.training, fold, kind: node.kind, node: number });
    const type = node.kind === "output" ? node.in?.[0]?.[3] : node.out[0]?.[1];
    box.lines = node.op ? wrapped(words(this.model, number, label)) : type === undefined ? [] : [this.model.types[type].sizes];
    this.boxOf[number] = box;
    if (node.op && node.out.length > 1) {
      const used = Math.min(node.out.length, 8);
      box.ports = node.out.slice(0, used).map(([name]) => name);
    }
    this.maps(box, [number]);
    this.size(box);
  }

  /** Room for the maps of the last of these nodes that has some. */
  private maps(box: Box, nodes: number[]): void {
    const { run } = this.model;
    const node = run && nodes.map((n) => this.model.nodes[n]).filter((n) => n.name in run.maps).at(-1);
    if (run && node) box.strip = strip(node.name, run.maps[node.name], node.kind === "input");
  }

  private box(fields: Partial<Box> & Pick<Box, "label" | "frame" | "times" | "training" | "kind">): Box {
    const box: Box = { id: `b${this.boxes.length}`, x: 0, y: 0, width: 0, height: 0, lines: [], ports: [], ...fields };
    this.boxes.push(box);
    return box;
  }

  private frame(frame: Frame | null, label: string, times: number, fold?: string, scope?: Scope, training = false): Frame {
    const block = scope?.block ?? "";
    const made: Frame = { id: `f${this.frames.length}`, label, frame, times, fold, scope, training, block, title: 0, x: 0, y: 0, width: 0, height: 0 };
    made.title = 34 + measure(label, TITLE) + (block ? 8 + measure(block, SMALL) : 0) + (times > 1 ? 12 + badge(times) : 0);
    this.frames.push(made);
    return made;
  }

  private size(box: Box): void {
    const title = measure(box.label, TITLE) + (box.times > 1 ? 8 + badge(box.times) : 0) + (box.kind === "scope" ? 18 : 0);
    const ports = box.ports.reduce((sum, p) => sum + portWidth(p), 0);
    box.width = Math.ceil(Math.max(48, title, ports, box.strip?.width ?? 0, ...box.lines.map((line) => measure(line, SMALL))) + 22);
    box.height = 27 + 14 * box.lines.length + (box.ports.length ? 17 : 0) + (box.strip?.height ?? 0);
  }

  edges(): Edge[] {
    const found = new Map<string, Edge>();
    this.model.nodes.forEach((node, number) => {
      const target = this.boxOf[number];
      for (const [port, producer, output, type] of node.in ?? []) {
        const source = this.boxOf[producer];
        if (!source || !target || source === target || this.apart(producer, number)) continue;
        const from = typeof output === "number" ? output : PARAMETER;
        const key = `${source.id}|${target.id}|${from}|${target.kind === "scope" ? "" : port}`;
        if (!found.has(key))
          found.set(key, { source, target, port: from, label: this.model.types[type].sizes, training: !!node.training, points: [] });
      }
    });
    return [...found.values()];
  }

  /** Whether two nodes stand in different copies of one fold. */
  private apart(a: number, b: number): boolean {
    for (const [fold, copy] of this.copies[a]) if ((this.copies[b].get(fold) ?? copy) !== copy) return true;
    return false;
  }
}

export const badge = (times: number): number => measure(`×${times}`, TITLE) + 10;
export const portWidth = (port: string): number => measure(port, SMALL) + 14;

/** A fold is known by the first thing in it. */
export const foldKey = (model: Model, fold: { copies: Item[][] }): string => nameOf(model, fold.copies[0][0]);

function nameOf(model: Model, item: Item): string {
  if (typeof item === "number") return model.nodes[item].name;
  return isScope(item) ? item.scope : nameOf(model, item.copies[0][0]);
}

/** The name within the scope around, one segment more where that is a mere number; the range for copies. */
function labelled(name: string, frame: Frame | null, end: string): string {
  let around = frame;
  while (around && !around.scope) around = around.frame;
  const prefix = around ? `${around.scope!.scope}.` : "";
  let label = prefix && name.startsWith(prefix) ? name.slice(prefix.length) : name;
  if (/^\d+$/.test(label)) label = name.split(".").slice(-2).join(".");
  return end ? `${label} … ${last(end)}` : label;
}

/** The op and the arguments that are not defaults: `conv2d out 64, kernel 7, no bias`. */
function words(model: Model, number: number, label: string): string {
  const node = model.nodes[number];
  const args = Object.entries(node.args ?? {}).map(([name, value]) => {
    if (value === "true" || value === "false") return value === "true" ? name : `no ${name}`;
    return `${name} ${/^\(.*\)$/.test(value) ? value.slice(1, -1).replaceAll(", ", "×") : value}`;
  });
  const op = label.replace(/[\d_]+$/, "") === node.op ? "" : `${node.op} `;
  return (op + args.join(", ")).trim();
}

function wrapped(text: string, columns = 32): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").filter(Boolean)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word.length > columns ? `${word.slice(0, columns - 1)}…` : word);
  }
  return lines.length > 2 ? [lines[0], `${lines[1].slice(0, columns - 2)} …`] : lines;
}
