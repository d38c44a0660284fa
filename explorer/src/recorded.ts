/** The model's run on pictures, as `backends/explorer/picturing.py` describes it: its numbers, decoded when needed. */

import type { LiveModel } from "./live";

export interface Sheet {
  form: "maps" | "tokens" | "vector" | "matrix" | "heads";
  of: number;
  from: [rows: number, columns: number];
  kept: number[];
  size: [rows: number, columns: number];
  limit: number;
  signed: boolean;
  /** One for each picture; a live run draws its own. */
  sheets: (string | HTMLCanvasElement)[];
  /** The scale of pictures that have their own, by the picture's number. */
  own?: Record<number, { limit: number; signed: boolean }>;
  figures: [least: number, greatest: number, mean: number, zeros: number][];
}

type Pair = [number, number];

export interface Convolution { view: "convolution"; x: string; y: string; kernel: Pair; stride: Pair; before: Pair; dilation: Pair; groups: number; weight: string; bias: string | null }
export interface Pooling { view: "pooling"; how: "max" | "average"; x: string; y: string; adaptive: boolean; kernel: Pair; stride: Pair; before: Pair; after: Pair; dilation: Pair; inside: boolean }
export interface Pointwise { view: "pointwise"; x: string; y: string; curve: [number[], number[]] }
export interface Normalisation { view: "normalisation"; x: string; y: string; mean: string; variance: string; weight: string | null; bias: string | null; eps: number }
export interface Linear { view: "linear"; x: string; y: string; weight: string; bias: string | null }
export interface Softmax { view: "softmax"; x: string; y: string }
export interface Attention { view: "attention"; q: string; k: string; v: string; bias: string | null; y: string; scale: number; causal: boolean; skipped: number | null; heads: number | null }
export type View = Convolution | Pooling | Pointwise | Normalisation | Linear | Softmax | Attention;

export interface Run {
  pictures: { name: string; picture: string; top: [number: number, probability: number][] }[];
  classes: string[];
  told: string;
  trained: boolean;
  maps: Record<string, Sheet>;
  views: Record<string, View>;
  reasons: Record<string, string>;
  numbers: Record<string, { shape: number[]; kept: number[] | null; data: (string | Float32Array)[] }>;
  /** How the page runs the model itself, if it can. */
  live?: LiveModel;
}

/** Numbers [channels, ...] of which some channels are kept. */
export class Grid {
  readonly channels: number[];
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
  private readonly places: Map<number, number>;

  constructor(readonly data: Float32Array, readonly shape: number[], kept: number[] | null) {
    this.channels = kept ?? Array.from({ length: shape[0] }, (_, k) => k);
    this.places = new Map(this.channels.map((channel, k) => [channel, k]));
    this.inner = shape.slice(1).reduce((product, size) => product * size, 1);
    [this.rows, this.columns] = [shape[1] ?? 1, shape[2] ?? 1];
  }

  /** All numbers of a channel. */
  channel(channel: number): Float32Array {
    const place = this.places.get(channel);
    return place === undefined ? new Float32Array(0) : this.data.subarray(place * this.inner, (place + 1) * this.inner);
  }

  at(channel: number, row: number, column: number): number {
    return this.channel(channel)[row * this.columns + column];
  }
}

export class Recording {
  /** The picture that is looked at. */
  at = 0;
  private readonly grids = new Map<string, Grid>();

  constructor(readonly run: Run) {}

  /** A value of the picture, or a tensor of the weights. */
  grid(name: string): Grid {
    const { shape, kept, data } = this.run.numbers[name];
    const which = this.at in data ? this.at : 0;
    const key = `${which}|${name}`;
    let found = this.grids.get(key);
    if (!found) this.grids.set(key, (found = new Grid(decoded(data[which]), shape, kept)));
    return found;
  }

  /** The scale of a value's maps, of the picture that is looked at. */
  scale(name: string): { limit: number; signed: boolean } {
    const sheet = this.run.maps[name];
    return sheet.own?.[this.at] ?? sheet;
  }

  /** Forgets the numbers of a picture, which are new. */
  forget(picture: number): void {
    for (const key of this.grids.keys()) if (key.startsWith(`${picture}|`)) this.grids.delete(key);
  }

  /** The name of a class, or its number. */
  label(number: number): string {
    return this.run.classes[number] || `class ${number}`;
  }
}

function decoded(text: string | Float32Array): Float32Array {
  if (typeof text !== "string") return text;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** A number with few digits, and a minus sign that reads as one. */
export function short(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "not a number";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(digits - 2) : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−").replace("e−", "e−");
}

export const share = (value: number): string => `${value >= 0.0995 ? (100 * value).toFixed(1) : Number((100 * value).toPrecision(2))}\u202f%`;
