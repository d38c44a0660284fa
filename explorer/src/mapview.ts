/** A map of values with one place on it that pointer and arrow keys move, and the cells of a small grid of numbers. */

import { coloured, painted, reach, type Scheme } from "./colours";
import { h } from "./dom";
import { short } from "./recorded";

type Place = [row: number, column: number];

/** One channel of a map, or a picture; what is marked is a rectangle on it. */
export class MapView {
  private readonly canvas = h("canvas", {});
  private readonly mark = h("i", { class: "mark-on-map", hidden: true });
  private readonly caption = h("figcaption", {});
  private readonly frame: HTMLElement;
  readonly element: HTMLElement;
  private rows = 1;
  private columns = 1;
  private at: Place = [0, 0];

  constructor(label: string, private readonly onmove?: (row: number, column: number) => void) {
    this.frame = h("div", onmove ? { class: "map-frame moves", tabindex: 0, role: "application", "aria-label": `${label}: the pointer or the arrow keys choose a place` } : { class: "map-frame", role: "img", "aria-label": label }, this.canvas, this.mark);
    this.element = h("figure", { class: "mapview" }, this.frame, this.caption);
    if (!onmove) return;
    this.frame.addEventListener("pointermove", (event) => {
      const { left, top, width, height } = this.canvas.getBoundingClientRect();
      this.go(Math.floor(((event.clientY - top) / height) * this.rows), Math.floor(((event.clientX - left) / width) * this.columns));
    });
    this.frame.addEventListener("keydown", (event) => {
      const steps: Record<string, Place> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.go(Math.max(0, this.at[0]) + step[0], Math.max(0, this.at[1]) + step[1]);
    });
  }

  private go(row: number, column: number): void {
    const inside = (value: number, size: number): number => Math.max(0, Math.min(size - 1, value));
    const place: Place = [inside(row, this.rows), inside(column, this.columns)];
    if (place[0] === this.at[0] && place[1] === this.at[1]) return;
    this.at = place;
    this.onmove!(...place);
  }

  values(values: Float32Array, rows: number, columns: number, scheme: Scheme, caption: string, limit = reach(values)): void {
    [this.rows, this.columns] = [rows, columns];
    painted(values, rows, columns, limit, scheme, this.canvas);
    this.shape(caption);
  }

  /** A picture, and over it a map of shares from 0 to 1 as light: the picture is seen where they are great. */
  picture(image: CanvasImageSource | null, rows: number, columns: number, caption: string, light?: Float32Array): void {
    [this.rows, this.columns] = [rows, columns];
    const side = 288;
    [this.canvas.width, this.canvas.height] = [side, Math.round((side * rows) / columns)];
    const context = this.canvas.getContext("2d")!;
    context.imageSmoothingEnabled = false;
    if (image) context.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
    else context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (light) {
      const most = light.reduce((a, b) => Math.max(a, b), 0) || 1;
      const edge = (k: number, count: number, size: number): number => Math.round((k * size) / count);
      light.forEach((value, k) => {
        const [row, column] = [Math.floor(k / columns), k % columns];
        const [left, top] = [edge(column, columns, this.canvas.width), edge(row, rows, this.canvas.height)];
        context.fillStyle = image ? `rgba(6,9,13,${0.9 * (1 - (value / most) ** 0.7)})` : `rgba(255,176,32,${value / most})`;
        context.fillRect(left, top, edge(column + 1, columns, this.canvas.width) - left, edge(row + 1, rows, this.canvas.height) - top);
      });
    }
    this.shape(caption);
  }

  private shape(caption: string): void {
    this.frame.style.aspectRatio = `${this.columns} / ${this.rows}`;
    this.caption.textContent = caption;
  }

  /** Marks rows and columns from a place on; what lies outside the map is cut off. */
  put(row: number, column: number, rows = 1, columns = 1): void {
    if (this.onmove) this.at = [row, column];
    const [top, left] = [Math.max(0, row), Math.max(0, column)];
    const [bottom, right] = [Math.min(this.rows, row + rows), Math.min(this.columns, column + columns)];
    this.mark.hidden = false;
    Object.assign(this.mark.style, { top: `${(100 * top) / this.rows}%`, left: `${(100 * left) / this.columns}%`, height: `${(100 * (bottom - top)) / this.rows}%`, width: `${(100 * (right - left)) / this.columns}%` });
  }

  /** Takes the mark away. */
  unmark(): void {
    this.mark.hidden = true;
    this.at = [-1, -1];
  }
}

/** A small grid of numbers as coloured cells; `null` is padding, and a cell may be chosen. */
export function cells(values: (number | null)[], columns: number, limit: number, scheme: Scheme, label: string, chosen = -1): HTMLCanvasElement {
  const rows = Math.ceil(values.length / columns);
  const side = Math.max(5, Math.min(32, Math.floor(110 / Math.max(rows, columns))));
  const [width, height] = [side * columns, side * rows];
  const canvas = h("canvas", { class: "cells", width: 2 * width, height: 2 * height, role: "img", "aria-label": label });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const context = canvas.getContext("2d")!;
  context.scale(2, 2);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `500 ${Math.min(10.5, side / 2.9)}px sans-serif`;
  values.forEach((value, k) => {
    const [x, y] = [(k % columns) * side, Math.floor(k / columns) * side];
    const [fill, ink] = coloured(value ?? 0, limit, scheme);
    context.fillStyle = fill;
    context.fillRect(x, y, side - 0.75, side - 0.75);
    if (k === chosen) {
      context.strokeStyle = "#e0a000";
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, side - 2.75, side - 2.75);
    }
    if (side < 20) return;
    context.fillStyle = ink;
    context.globalAlpha = value === null ? 0.5 : 1;
    context.fillText(value === null ? "·" : tiny(value), x + side / 2, y + side / 2 + 0.5, side - 3);
    context.globalAlpha = 1;
  });
  return canvas;
}

/** A number for a cell: two decimals at most. */
const tiny = (value: number): string => (Number.isFinite(value) ? value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2).replace("-", "−") : short(value));

/** A result in words, with the exact number for those who ask the element. */
export const result = (value: number, kind: "sum" | "torch"): HTMLElement => h("b", { class: kind, "data-value": value }, short(value, 6));

/** The sum as it is computed here beside the value that torch computed. */
export function verdict(sum: number, torch: number): HTMLElement {
  const close = Math.abs(sum - torch) <= 1e-4 * Math.max(1, Math.abs(torch)) || sum === torch;
  return h("p", { class: close ? "verdict" : "verdict differs" }, "torch computed ", result(torch, "torch"), close ? "" : ", which is not the same");
}
