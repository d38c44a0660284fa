/** Values of a run as channels of maps: what `recording.py`, `maps.py` and `values.py` do to those of a recorded run. */

import type { Tensor } from "onnxruntime-web/wasm";

export interface Form {
  form: "maps" | "tokens" | "vector" | "matrix" | "heads";
  last: boolean;
  skipped: number;
}

export interface Arranged {
  data: Float32Array;
  shape: number[];
}

/** A value [1, ...] as [channels, rows, columns]. */
export function arranged(tensor: Tensor, { form, last, skipped }: Form): Arranged {
  const data = tensor.type === "bool" ? Float32Array.from(tensor.data as Uint8Array) : (tensor.data as Float32Array);
  const dims = [...tensor.dims];
  const size = (sizes: number[]): number => sizes.reduce((a, b) => a * b, 1);
  if (form === "heads") return { data, shape: [size(dims.slice(0, -2)), ...dims.slice(-2)] };
  const inner = dims.slice(1);
  if (form === "vector") return { data, shape: [inner[0], 1, 1] };
  if (form === "matrix") return { data, shape: [1, ...inner] };
  if (form === "maps" && !last) return { data, shape: inner };
  const channels = inner[inner.length - 1];
  const places = size(inner) / channels - skipped;
  const turned = new Float32Array(channels * places);
  for (let c = 0; c < channels; c++) for (let p = 0; p < places; p++) turned[c * places + p] = data[(p + skipped) * channels + c];
  const side = Math.round(Math.sqrt(places));
  return { data: turned, shape: form === "maps" ? [channels, inner[0], inner[1]] : [channels, side, side] };
}

/** The channels that are kept, as they are written for formulas. */
export function rows({ data, shape }: Arranged, kept: number[] | null): Float32Array {
  if (!kept) return data.slice();
  const inner = shape.slice(1).reduce((a, b) => a * b, 1);
  const found = new Float32Array(kept.length * inner);
  kept.forEach((channel, k) => found.set(data.subarray(channel * inner, (channel + 1) * inner), k * inner));
  return found;
}

export interface Pooled {
  values: Float32Array;
  hidden: Uint8Array | null;
}

/** The kept channels at the size of their thumbnails, below each other, and which cells are mostly hidden. */
export function pooled({ data, shape }: Arranged, seen: Arranged | null, sheet: { form: string; kept: number[]; size: [number, number] }): Pooled {
  const [high, wide] = sheet.size;
  if (sheet.form === "vector") return { values: data.slice(0, wide), hidden: null };
  const [, rows, columns] = shape;
  const fits = seen && seen.shape[1] === rows && seen.shape[2] === columns;
  const values = new Float32Array(sheet.kept.length * high * wide);
  const hidden = fits ? new Uint8Array(values.length) : null;
  sheet.kept.forEach((channel, k) => {
    means(data, channel * rows * columns, rows, columns, high, wide, values, k * high * wide);
    if (!hidden) return;
    const shares = new Float32Array(high * wide);
    means(seen!.data, Math.min(channel, seen!.shape[0] - 1) * rows * columns, rows, columns, high, wide, shares, 0);
    shares.forEach((share, at) => (hidden[k * high * wide + at] = share < 0.5 ? 1 : 0));
  });
  return { values, hidden };
}

/** Means over nearly equal parts, as torch's adaptive average pooling; what is not finite counts as zero. */
function means(data: Float32Array, from: number, rows: number, columns: number, high: number, wide: number, to: Float32Array, at: number): void {
  for (let i = 0; i < high; i++) {
    const [top, bottom] = [Math.floor((i * rows) / high), Math.ceil(((i + 1) * rows) / high)];
    for (let j = 0; j < wide; j++) {
      const [left, right] = [Math.floor((j * columns) / wide), Math.ceil(((j + 1) * columns) / wide)];
      let sum = 0;
      for (let r = top; r < bottom; r++)
        for (let c = left; c < right; c++) {
          const value = data[from + r * columns + c];
          if (Number.isFinite(value)) sum += value;
        }
      to[at + i * wide + j] = sum / ((bottom - top) * (right - left));
    }
  }
}

/** The share of elements that may lie beyond the scale. */
const BEYOND = 0.02;

/** The least limit that at most `BEYOND` of the elements exceed; of all zeros, 1. */
export function scale(values: Float32Array): number {
  const sizes = values.map(Math.abs).sort();
  return sizes[sizes.length - 1 - Math.floor(BEYOND * sizes.length)] || sizes[sizes.length - 1] || 1;
}

/** Least, greatest and mean of the finite elements, and the share of zeros. */
export function figures(values: Float32Array): [number, number, number, number] {
  let [least, greatest, sum, zeros, count] = [Infinity, -Infinity, 0, 0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    [least, greatest] = [Math.min(least, value), Math.max(greatest, value)];
    sum += value;
    count++;
    if (value === 0) zeros++;
  }
  return count ? [least, greatest, sum / count, zeros / count] : [0, 0, 0, 0];
}
