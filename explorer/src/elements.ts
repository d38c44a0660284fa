/** Functions of single elements at work: activations with their curve, and batch normalisation in evaluation. */

import { h, svg } from "./dom";
import { MapView, result, verdict } from "./mapview";
import { short, type Grid, type Normalisation, type Pointwise } from "./recorded";
import { chooser, kept, summit, type Given, type Shown } from "./window";

/** The element that is chosen: the same place before and after. */
type Tell = (before: number, after: number, channel: number) => HTMLElement[];

function elements(names: { x: string; y: string }, given: Given, tell: Tell): Shown {
  const [x, y] = [given.recording.grid(names.x), given.recording.grid(names.y)];
  let channel = given.channel !== null && y.channels.includes(given.channel) ? given.channel : y.channels[0];
  const told = h("div", { class: "told-of-place" });
  const vector = y.inner === 1;
  const left = new MapView("What is read");
  const right = new MapView("What is computed", (row, column) => go(row, column));
  const whole = (grid: Grid): Float32Array => Float32Array.from(grid.channels, (k) => grid.at(k, 0, 0));
  const select = chooser("Channel", y, channel, (next) => choose(next));

  function go(row: number, column: number): void {
    right.put(row, column);
    left.put(row, column);
    if (vector) channel = y.channels[row * Math.ceil(Math.sqrt(y.channels.length)) + column] ?? y.channels[0];
    const [r, c] = vector ? [0, 0] : [row, column];
    told.replaceChildren(h("p", { class: "spot" }, vector ? `element ${channel}` : `row ${row}, column ${column}`), ...tell(x.at(channel, r, c), y.at(channel, r, c), channel));
  }

  function choose(next: number): void {
    if (!y.channels.includes(next)) return;
    channel = next;
    select.value = String(next);
    const side = Math.ceil(Math.sqrt(y.channels.length));
    const [rows, columns] = vector ? [Math.ceil(y.channels.length / side), side] : [y.rows, y.columns];
    const [before, after] = vector ? [whole(x), whole(y)] : [x.channel(channel), y.channel(channel)];
    left.values(before, rows, columns, given.scheme, vector ? `${before.length} numbers, before` : `channel ${channel}, before`);
    right.values(after, rows, columns, given.scheme, vector ? "and after" : `channel ${channel}, after`);
    go(...summit(after, columns));
  }

  choose(channel);
  return { element: h("div", { class: "at-work" }, h("div", { class: "choices" }, !vector && select), h("div", { class: "pair" }, left.element, right.element), told, kept(y)), choose };
}

export function pointwise(view: Pointwise, given: Given, op: string): Shown {
  const [across, up] = view.curve;
  const [width, height] = [330, 120];
  const [low, high] = [Math.min(0, ...up), Math.max(0, ...up)];
  const px = (x: number): number => ((x - across[0]) / (across[across.length - 1] - across[0])) * width;
  const py = (y: number): number => 6 + ((high - y) / (high - low || 1)) * (height - 12);
  const inside = (value: number, size: number): number => Math.max(0, Math.min(size, value));
  return elements(view, given, (before, after) => [
    h("p", { class: "equation" }, `${op}(${short(before)}) = `, result(after, "torch")),
    svg("svg", { class: "curve", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `The curve of ${op}` },
      svg("path", { class: "axes", d: `M0 ${py(0)}H${width}M${px(0)} 0V${height}` }),
      svg("path", { class: "line", d: `M${across.map((x, k) => `${px(x).toFixed(1)} ${py(up[k]).toFixed(1)}`).join("L")}` }),
      svg("path", { class: "guide", d: `M${inside(px(before), width)} ${py(0)}V${inside(py(after), height)}H${px(0)}` }),
      svg("circle", { cx: inside(px(before), width), cy: inside(py(after), height), r: 4.5 })) as unknown as HTMLElement,
  ]);
}

export function normalisation(view: Normalisation, given: Given): Shown {
  const one = (name: string | null, channel: number, otherwise: number): number => (name ? given.recording.grid(name).channel(channel)[0] : otherwise);
  return elements(view, given, (before, after, channel) => {
    const [mean, variance] = [one(view.mean, channel, 0), one(view.variance, channel, 1)];
    const [weight, bias] = [one(view.weight, channel, 1), one(view.bias, channel, 0)];
    const value = ((before - mean) / Math.sqrt(variance + view.eps)) * weight + bias;
    const signed = (number: number): string => (number < 0 ? `(${short(number)})` : short(number));
    return [
      h("p", { class: "equation" }, `(${short(before)} − ${signed(mean)}) / √(${short(variance)} + ${short(view.eps)})`, view.weight ? ` · ${signed(weight)}` : "", view.bias ? ` + ${signed(bias)}` : "", " = ", result(value, "sum")),
      h("p", { class: "note" }, `mean ${short(mean)}, variance ${short(variance)}`, view.weight ? `, weight ${short(weight)}` : "", view.bias ? `, bias ${short(bias)}` : "", " of this channel."),
      verdict(value, after),
    ];
  });
}
