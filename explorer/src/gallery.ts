/** The thumbnails: sheets decoded once for each picture and scheme, drawn in the boxes of the graph and in the panel. */

import { painted, type Scheme } from "./colours";
import { h } from "./dom";
import type { Recording, Sheet } from "./recorded";

/** The room that the maps of a node take in its box. */
export interface Strip {
  name: string;
  columns: number;
  rows: number;
  cell: [width: number, height: number];
  width: number;
  height: number;
}

const [CELL, GAP, ACROSS, MOST] = [34, 2, 5, 10];

export function strip(name: string, sheet: Sheet, whole: boolean): Strip {
  if (whole) return { name, columns: 1, rows: 1, cell: [76, 76], width: 76, height: 80 };
  if (sheet.form === "vector") return { name, columns: 1, rows: 1, cell: [ACROSS * (CELL + GAP), 11], width: ACROSS * (CELL + GAP), height: 16 };
  if (sheet.kept.length === 1) return { name, columns: 1, rows: 1, cell: [76, 76], width: 76, height: 80 };
  const count = Math.min(sheet.kept.length, MOST);
  const columns = Math.min(count, ACROSS);
  const rows = Math.ceil(count / columns);
  return { name, columns, rows, cell: [CELL, CELL], width: columns * (CELL + GAP), height: rows * (CELL + GAP) + 4 };
}

export class Gallery {
  private readonly sheets = new Map<string, CanvasImageSource | null>();
  scheme: Scheme = "light";

  /** `inputs` are the names of what the picture itself is; `ready` is called when something more can be drawn. */
  constructor(readonly recording: Recording, private readonly inputs: Set<string>, private readonly ready: () => void) {}

  /** Whether a node is drawn as the picture itself. */
  isPicture(name: string): boolean {
    return this.inputs.has(name);
  }

  private source(name: string): CanvasImageSource | null {
    const { run, at } = this.recording;
    const own = this.isPicture(name);
    const key = own ? `${at}|` : `${at}|${this.scheme}|${name}`;
    const found = this.sheets.get(key);
    if (found !== undefined) return found;
    const given = own ? run.pictures[at].picture : run.maps[name].sheets[at];
    const [{ signed }, scheme] = [this.recording.scale(name), this.scheme];
    if (typeof given !== "string") {
      const made = recoloured(given, signed, scheme);
      this.sheets.set(key, made);
      return made;
    }
    this.sheets.set(key, null);
    const image = new Image();
    image.onload = () => {
      this.sheets.set(key, own ? image : recoloured(image, signed, scheme));
      this.ready();
    };
    image.src = given;
    return null;
  }

  /** Forgets the sheets of a picture, which are new. */
  forget(picture: number): void {
    for (const key of this.sheets.keys()) if (key.startsWith(`${picture}|`)) this.sheets.delete(key);
  }

  /** Draws the `k`-th shown channel of a node. */
  draw(context: CanvasRenderingContext2D, name: string, k: number, x: number, y: number, width: number, height: number): void {
    const source = this.source(name);
    if (!source) return;
    context.imageSmoothingEnabled = false;
    if (this.isPicture(name)) return context.drawImage(source, x, y, width, height);
    const [rows, columns] = this.recording.run.maps[name].size;
    context.drawImage(source, 0, k * rows, columns, rows, x, y, width, height);
  }

  drawStrip(context: CanvasRenderingContext2D, strip: Strip, x: number, y: number): void {
    const [width, height] = strip.cell;
    const count = this.isPicture(strip.name) ? 1 : Math.min(this.recording.run.maps[strip.name].kept.length, strip.columns * strip.rows);
    for (let k = 0; k < count; k++)
      this.draw(context, strip.name, k, x + (k % strip.columns) * (width + GAP), y + Math.floor(k / strip.columns) * (height + GAP), width, height);
  }

  /** All shown channels of a node, as buttons where a click does something. */
  shelf(name: string, label: string, chosen: number | null, onpick?: (channel: number) => void): HTMLElement {
    const sheet = this.recording.run.maps[name];
    const wide = sheet.form === "vector";
    const cell = sheet.kept.length <= 12 ? 60 : 38;
    const [rows, columns] = sheet.size;
    const [width, height] = wide ? [330, 20] : [Math.max(8, Math.round((cell * columns) / Math.max(rows, columns))), Math.max(8, Math.round((cell * rows) / Math.max(rows, columns)))];
    const tiles = sheet.kept.map((channel, k) => {
      const canvas = h("canvas", { width: width * 2, height: height * 2, title: wide ? null : `channel ${channel}`, class: channel === chosen ? "chosen" : "" });
      Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
      this.later(() => this.source(name) !== null, () => this.draw(canvas.getContext("2d")!, name, k, 0, 0, 2 * width, 2 * height));
      if (onpick) canvas.addEventListener("click", () => onpick(channel));
      return canvas;
    });
    return h("div", { class: onpick ? "shelf picks" : "shelf", role: "img", "aria-label": label }, ...tiles);
  }

  private waiting: [() => boolean, () => void][] = [];

  private later(can: () => boolean, what: () => void): void {
    if (can()) what();
    else this.waiting.push([can, what]);
  }

  /** Draws what waited for a sheet. */
  wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const [can, what] of waiting) this.later(can, what);
  }

  /** Forgets who waits: the panel shows something else. */
  rest(): void {
    this.waiting = [];
  }
}

/** A grey sheet in the colours of values; what is clear in it stays so. */
function recoloured(image: HTMLImageElement | HTMLCanvasElement, signed: boolean, scheme: Scheme): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = image instanceof HTMLCanvasElement ? [image.width, image.height] : [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const values = Float32Array.from({ length: data.length / 4 }, (_, k) => (signed ? (data[4 * k] - 128) / 127 : data[4 * k] / 255));
  const clear = Uint8Array.from({ length: values.length }, (_, k) => 255 - data[4 * k + 3]);
  return painted(values, canvas.height, canvas.width, 1, scheme, undefined, clear);
}
