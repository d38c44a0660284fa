/** The model run in the page itself, by onnxruntime: what it makes of a picture becomes one more picture of the run. */

import { InferenceSession, Tensor, env } from "onnxruntime-web/wasm";
import { arranged, figures, pooled, rows, scale, type Arranged, type Form } from "./arrange";
import type { Run } from "./recorded";

interface Value extends Form {
  output: number;
  visible: number | null;
}

/** What `backends/explorer/live.py` tells of the model beside the page. */
export interface LiveModel {
  input: string;
  shape: [channels: number, height: number, width: number];
  mean: number[];
  std: number[];
  crop: number | null;
  /** The input that says which pixels are visible; none where hidden ones are grey. */
  mask: string;
  told: string;
  /** Nodes whose formula needs numbers that another picture gave. */
  stale: string[];
  scores: { output: number; done: boolean } | null;
  values: Record<string, Value>;
}

export const TOP = 10;

/** The pixels of a canvas as the model reads them, channel after channel. */
export function read(canvas: HTMLCanvasElement, model: LiveModel): Float32Array {
  const [channels, height, width] = model.shape;
  const { data } = canvas.getContext("2d", { willReadFrequently: true })!.getImageData(0, 0, width, height);
  const found = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c++)
    for (let k = 0; k < height * width; k++) {
      const [r, g, b] = [data[4 * k], data[4 * k + 1], data[4 * k + 2]];
      const cell = channels === 1 ? (19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16 : data[4 * k + c];
      found[c * height * width + k] = (cell / 255 - model.mean[c]) / model.std[c];
    }
  return found;
}

/** A file that the page carries, or that lies beside it. Both are gzipped; a server says so and the browser unpacks. */
async function file(name: string): Promise<Uint8Array> {
  const carried = document.getElementById(name)?.textContent;
  if (carried === undefined || carried === null) {
    const answer = await fetch(name);
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  }
  const packed = Uint8Array.from(atob(carried), (c) => c.charCodeAt(0));
  return new Uint8Array(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

export class Engine {
  private constructor(private readonly session: InferenceSession, readonly model: LiveModel, private readonly run: Run) {}

  static async start(model: LiveModel, run: Run): Promise<Engine> {
    const [graph, wasm] = await Promise.all([file("model.onnx"), file("onnxruntime.wasm")]);
    env.logLevel = "error";
    env.wasm.numThreads = 1;
    env.wasm.wasmBinary = wasm.buffer as ArrayBuffer;
    return new Engine(await InferenceSession.create(graph, { executionProviders: ["wasm"], logSeverityLevel: 3 }), model, run);
  }

  /** Runs the model on what the canvas shows, where it is `visible`, and puts all it found in place `at` of the run. */
  async see(canvas: HTMLCanvasElement, visible: Uint8Array, at: number): Promise<void> {
    const { model, run, session } = this;
    const [, height, width] = model.shape;
    const picture = read(canvas, model);
    const feeds: Record<string, Tensor> = { [model.input]: new Tensor("float32", picture, [1, ...model.shape]) };
    if (model.mask) feeds[model.mask] = new Tensor("bool", visible, [1, 1, height, width]);
    const found = await session.run(feeds);
    const outputs = session.outputNames.map((name) => found[name]);
    const values = new Map<string, [Arranged, Arranged | null]>([[model.input, [{ data: picture, shape: [...model.shape] }, null]]]);
    for (const [name, value] of Object.entries(model.values)) {
      const seen = value.visible === null ? null : arranged(outputs[value.visible], value);
      values.set(name, [arranged(outputs[value.output], value)!, seen]);
    }
    for (const [name, [value, seen]] of values) this.put(name, value, seen, at);
    run.pictures[at].picture = canvas.toDataURL();
    run.pictures[at].top = this.top(outputs);
    for (const output of outputs) output.dispose();
  }

  private put(name: string, value: Arranged, seen: Arranged | null, at: number): void {
    const { maps, numbers } = this.run;
    const sheet = maps[name];
    if (sheet) {
      const small = pooled(value, seen, sheet);
      const limit = scale(small.values);
      const signed = small.values.some((v) => v < 0);
      (sheet.own ??= {})[at] = { limit, signed };
      sheet.sheets[at] = grey(small.values, small.hidden, sheet.size[1], limit, signed);
      sheet.figures[at] = figures(value.data);
    }
    if (name in numbers) numbers[name].data[at] = rows(value, numbers[name].kept);
  }

  private top(outputs: Tensor[]): [number, number][] {
    const { scores } = this.model;
    if (!scores) return [];
    const given = Array.from(outputs[scores.output].data as Float32Array);
    const most = given.reduce((a, b) => Math.max(a, b));
    const powers = scores.done ? given : given.map((s) => Math.exp(s - most));
    const sum = scores.done ? 1 : powers.reduce((a, b) => a + b, 0);
    return powers.map((p, k): [number, number] => [k, p / sum]).sort((a, b) => b[1] - a[1]).slice(0, TOP);
  }
}

/** Values as a grey sheet, as the sheets of a recorded run are; hidden cells are clear. */
function grey(values: Float32Array, hidden: Uint8Array | null, columns: number, limit: number, signed: boolean): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, values.length / columns];
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(canvas.width, canvas.height);
  for (let k = 0; k < values.length; k++) {
    const share = Math.max(-1, Math.min(1, values[k] / limit || 0));
    image.data.fill(Math.round(signed ? 128 + 127 * share : 255 * share), 4 * k, 4 * k + 3);
    image.data[4 * k + 3] = hidden?.[k] ? 0 : 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
