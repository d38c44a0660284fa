/** Convolution and pooling at work: the window that an output element sees, and what is made of it. */

import { reach, type Scheme } from "./colours";
import { h } from "./dom";
import type { Gallery } from "./gallery";
import { MapView, cells, result, verdict } from "./mapview";
import { short, type Convolution, type Grid, type Pooling, type Recording } from "./recorded";

/** What every view is given: the numbers, the picture, and the channel to begin with. */
export interface Given {
  recording: Recording;
  gallery: Gallery;
  scheme: Scheme;
  channel: number | null;
  image: CanvasImageSource | null;
}

/** A view that is shown; `choose` takes another channel of the output. */
export interface Shown {
  element: HTMLElement;
  choose?: (channel: number) => void;
}

const MOST = 10;

/** A choice among the channels that are kept. */
export function chooser(label: string, grid: Grid, chosen: number, onchoose: (channel: number) => void, called = (channel: number): string => `${label.toLowerCase()} ${channel}`): HTMLSelectElement {
  const select = h("select", { "aria-label": label, onchange: () => onchoose(Number(select.value)) }, ...grid.channels.map((channel) => h("option", { value: channel, selected: channel === chosen }, called(channel))));
  return select;
}

/** Row and column of the greatest element. */
export function summit(values: Float32Array, columns: number): [number, number] {
  let best = 0;
  values.forEach((value, k) => value > values[best] && (best = k));
  return [Math.floor(best / columns), best % columns];
}

export function kept(grid: Grid): HTMLElement | null {
  return grid.channels.length < grid.shape[0] ? h("p", { class: "note" }, `Numbers of ${grid.channels.length} of ${grid.shape[0]} channels are in this page, those that are most active.`) : null;
}

/** The rows, columns and elements of a window; `null` stands for padding. */
interface Window {
  row: number;
  column: number;
  rows: number;
  columns: number;
  places: ([number, number] | null)[];
  across: number;
}

function strided(view: Pick<Convolution, "kernel" | "stride" | "before" | "dilation">, x: Grid, row: number, column: number): Window {
  const { kernel, stride, before, dilation } = view;
  const [top, left] = [row * stride[0] - before[0], column * stride[1] - before[1]];
  const places: ([number, number] | null)[] = [];
  for (let i = 0; i < kernel[0]; i++)
    for (let j = 0; j < kernel[1]; j++) {
      const [r, c] = [top + i * dilation[0], left + j * dilation[1]];
      places.push(r >= 0 && c >= 0 && r < x.rows && c < x.columns ? [r, c] : null);
    }
  return { row: top, column: left, rows: (kernel[0] - 1) * dilation[0] + 1, columns: (kernel[1] - 1) * dilation[1] + 1, places, across: kernel[1] };
}

function adaptive(x: Grid, y: Grid, row: number, column: number): Window {
  const [top, left] = [Math.floor((row * x.rows) / y.rows), Math.floor((column * x.columns) / y.columns)];
  const [bottom, right] = [Math.ceil(((row + 1) * x.rows) / y.rows), Math.ceil(((column + 1) * x.columns) / y.columns)];
  const places: [number, number][] = [];
  for (let r = top; r < bottom; r++) for (let c = left; c < right; c++) places.push([r, c]);
  return { row: top, column: left, rows: bottom - top, columns: right - left, places, across: right - left };
}

const read = (x: Grid, channel: number, window: Window): (number | null)[] => {
  const values = x.channel(channel);
  return window.places.map((place) => (place ? values[place[0] * x.columns + place[1]] : null));
};

/** The input on the left, the output on the right, and what is told below of the chosen element. */
abstract class Windowed {
  protected readonly x: Grid;
  protected readonly y: Grid;
  protected channel: number;
  protected place: [number, number];
  private readonly left = new MapView("What is read");
  private readonly right: MapView;
  private readonly told = h("div", { class: "told-of-place" });
  private readonly select: HTMLSelectElement;
  readonly element: HTMLElement;

  constructor(private readonly names: { x: string; y: string }, protected readonly given: Given) {
    this.x = given.recording.grid(names.x);
    this.y = given.recording.grid(names.y);
    this.channel = given.channel !== null && this.y.channels.includes(given.channel) ? given.channel : this.y.channels[0];
    this.place = summit(this.y.channel(this.channel), this.y.columns);
    this.right = new MapView("What is computed", (row, column) => this.go(row, column));
    this.select = chooser("Channel", this.y, this.channel, (channel) => this.choose(channel));
    this.element = h("div", { class: "at-work" }, h("div", { class: "choices" }, this.select), h("div", { class: "pair" }, this.left.element, this.right.element), this.told, kept(this.y));
  }

  /** The input channel that the map on the left has. */
  protected abstract source(): number;
  protected abstract window(row: number, column: number): Window;
  protected abstract tell(window: Window, torch: number): (HTMLElement | null)[];

  choose(channel: number): void {
    if (!this.y.channels.includes(channel)) return;
    this.channel = channel;
    this.select.value = String(channel);
    this.show();
  }

  protected show(): void {
    const { x, y, given } = this;
    const source = this.source();
    if (given.gallery.isPicture(this.names.x)) this.left.picture(given.image, x.rows, x.columns, `the picture, ${x.rows}×${x.columns}`);
    else this.left.values(x.channel(source), x.rows, x.columns, given.scheme, `channel ${source}, ${x.rows}×${x.columns}`);
    this.right.values(y.channel(this.channel), y.rows, y.columns, given.scheme, `channel ${this.channel}, ${y.rows}×${y.columns}`);
    this.go(...this.place);
  }

  private go(row: number, column: number): void {
    this.place = [row, column];
    const window = this.window(row, column);
    this.right.put(row, column);
    this.left.put(window.row, window.column, window.rows, window.columns);
    const torch = this.y.at(this.channel, row, column);
    this.told.replaceChildren(h("p", { class: "spot" }, `row ${row}, column ${column}`), ...this.tell(window, torch).filter((part) => part !== null));
  }
}

class ConvolutionView extends Windowed {
  private readonly weight: Grid;
  private readonly inner: number;

  constructor(private readonly view: Convolution, given: Given) {
    super(view, given);
    this.weight = given.recording.grid(view.weight);
    this.inner = this.weight.shape[1];
    this.show();
  }

  private first(): number {
    const { groups } = this.view;
    return Math.floor(this.channel / (this.y.shape[0] / groups)) * this.inner;
  }

  protected source(): number {
    return this.first();
  }

  protected window(row: number, column: number): Window {
    return strided(this.view, this.x, row, column);
  }

  protected tell(window: Window, torch: number): (HTMLElement | null)[] {
    const { view, given, inner } = this;
    const kernels = this.weight.channel(this.channel);
    const size = view.kernel[0] * view.kernel[1];
    const bias = view.bias ? given.recording.grid(view.bias).channel(this.channel)[0] : null;
    const parts = Array.from({ length: inner }, (_, k) => {
      const patch = read(this.x, this.first() + k, window);
      const kernel = Array.from(kernels.subarray(k * size, (k + 1) * size));
      return { k, patch, kernel, sum: patch.reduce<number>((sum, value, i) => sum + (value ?? 0) * kernel[i], 0) };
    });
    const sum = parts.reduce((total, part) => total + part.sum, 0);
    const shown = inner > MOST ? [...parts].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum)).slice(0, MOST) : parts;
    const limits = [reach(shown.flatMap((part) => part.patch.map((value) => value ?? 0))), reach(kernels)];
    const rows = shown.map((part) =>
      h("div", { class: "product" },
        h("span", { class: "which" }, `${this.first() + part.k}`),
        cells(part.patch, window.across, limits[0], given.scheme, `What is read of channel ${this.first() + part.k}`),
        h("span", {}, "·"),
        cells(part.kernel, view.kernel[1], limits[1], given.scheme, `Kernel of channel ${this.first() + part.k}`),
        h("span", {}, "="), h("span", { class: "part" }, short(part.sum, 3))));
    const rest = inner - shown.length;
    const others = sum - shown.reduce((total, part) => total + part.sum, 0);
    return [
      h("p", { class: "equation" }, `∑ over ${inner} channel${inner > 1 ? "s" : ""} `, h("span", { class: "operand" }, short(sum)), bias === null ? "" : ` + bias ${short(bias)}`, " = ", result(sum + (bias ?? 0), "sum")),
      verdict(sum + (bias ?? 0), torch),
      h("div", { class: "products" }, h("div", { class: "product head" }, h("span", { class: "which" }, "channel"), h("span", {}, "window"), h("span", {}), h("span", {}, "kernel"), h("span", {}), h("span", {}, "sum")), ...rows, rest > 0 && h("p", { class: "note" }, `These ${shown.length} matter most here; the other ${rest} add up to ${short(others)}.`)),
    ];
  }
}

class PoolingView extends Windowed {
  constructor(private readonly view: Pooling, given: Given) {
    super(view, given);
    this.show();
  }

  protected source(): number {
    return this.channel;
  }

  protected window(row: number, column: number): Window {
    return this.view.adaptive ? adaptive(this.x, this.y, row, column) : strided(this.view, this.x, row, column);
  }

  /** By how many the sum is divided: the elements of the window that are inside, padding included where it counts. */
  private divisor(window: Window): number {
    const { view, x } = this;
    const inside = window.places.filter(Boolean).length;
    if (view.adaptive || view.inside) return inside;
    const extent = (start: number, size: number, kernel: number, after: number): number => Math.min(start + kernel, size + after) - start;
    return extent(window.row, x.rows, view.kernel[0], view.after[0]) * extent(window.column, x.columns, view.kernel[1], view.after[1]);
  }

  protected tell(window: Window, torch: number): (HTMLElement | null)[] {
    const values = read(this.x, this.channel, window);
    const real = values.filter((value) => value !== null);
    const grid = cells(values, window.across, reach(real), this.given.scheme, "The window", this.view.how === "max" ? values.indexOf(Math.max(...real)) : -1);
    const listed = (between: string): string => (real.length <= 9 ? real.map((value) => short(value)).join(between) : `${real.length} numbers`);
    if (this.view.how === "max") {
      const most = Math.max(...real);
      return [h("p", { class: "equation" }, `max(${listed(", ")}) = `, result(most, "sum")), verdict(most, torch), grid];
    }
    const [sum, count] = [real.reduce((total, value) => total + value, 0), this.divisor(window)];
    return [h("p", { class: "equation" }, real.length <= 9 ? `(${listed(" + ")})` : `∑ of ${listed("")} ${short(sum)}`, ` / ${count} = `, result(sum / count, "sum")), verdict(sum / count, torch), grid];
  }
}

export const convolution = (view: Convolution, given: Given): Shown => new ConvolutionView(view, given);
export const pooling = (view: Pooling, given: Given): Shown => new PoolingView(view, given);
