/** A linear layer and softmax at work: what speaks for an output and against it, and the probability it becomes. */

import { h } from "./dom";
import { result, verdict } from "./mapview";
import { share, short, type Linear, type Softmax } from "./recorded";
import type { Given, Shown } from "./window";

const MOST = 8;

/** A bar to the right of the middle, or to the left; what is longer than the others' longest ends at the edge. */
function bar(part: number): HTMLElement {
  const inner = h("i", { class: part < 0 ? "against" : "for" });
  Object.assign(inner.style, { width: `${Math.max(1, 50 * Math.min(1, Math.abs(part)))}%`, [part < 0 ? "right" : "left"]: "50%" });
  return h("span", { class: "swing", "aria-hidden": "true" }, inner);
}

/** `exp(z_k) / sum exp(z)`, shifted by the greatest so that nothing is too large. */
function softened(values: Float32Array, k: number): { top: number; below: number; probability: number } {
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const below = values.reduce((sum, value) => sum + Math.exp(value - most), 0);
  const top = Math.exp(values[k] - most);
  return { top, below, probability: top / below };
}

function softly(values: Float32Array, k: number, kind: "sum" | "softmax"): HTMLElement {
  const { top, below, probability } = softened(values, k);
  const value = h("b", { class: kind === "sum" ? "sum" : "probability", "data-value": probability }, share(probability));
  return h("p", { class: "equation" }, `softmax: e^(${short(values[k])} − max) / ∑ e^(z − max) = ${short(top)} / ${short(below)} = `, value);
}

/** The outputs to choose from, the greatest first. */
function outputs(values: Float32Array, among: number[], label: (k: number) => string, onchoose: (k: number) => void): HTMLSelectElement {
  const order = [...among].sort((a, b) => values[b] - values[a]);
  const select = h("select", { "aria-label": "Output", onchange: () => onchoose(Number(select.value)) }, ...order.map((k) => h("option", { value: k }, `${label(k)}: ${short(values[k])}`)));
  return select;
}

export function linear(view: Linear, given: Given, answers: boolean): Shown {
  const { recording } = given;
  const [x, y, weight] = [recording.grid(view.x), recording.grid(view.y), recording.grid(view.weight)];
  const label = (k: number): string => (answers ? recording.label(k) : `output ${k}`);
  const told = h("div", { class: "told-of-place" });
  const select = outputs(y.data, weight.channels, label, (k) => choose(k));

  function choose(k: number): void {
    if (!weight.channels.includes(k)) return;
    select.value = String(k);
    const row = weight.channel(k);
    const products = Array.from(row, (w, i): [number, number] => [i, w * x.data[i]]);
    const sum = products.reduce((total, [, product]) => total + product, 0);
    const bias = view.bias ? recording.grid(view.bias).channel(k)[0] : null;
    const shown = [...products].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, MOST);
    const rest = sum - shown.reduce((total, [, product]) => total + product, 0);
    const most = Math.max(...shown.map(([, product]) => Math.abs(product))) || 1;
    const line = (name: string, how: string, value: number): HTMLElement => h("div", { class: "contribution" }, h("span", { class: "port" }, name), bar(value / most), h("span", { class: "amount" }, short(value)), h("small", {}, how));
    told.replaceChildren(
      h("p", { class: "equation" }, `∑ of ${products.length} products `, h("span", { class: "operand" }, short(sum)), bias === null ? "" : ` + bias ${short(bias)}`, " = ", result(sum + (bias ?? 0), "sum")),
      verdict(sum + (bias ?? 0), y.data[k]),
      ...(answers ? [softly(y.data, k, "softmax")] : []),
      h("div", { class: "contributions" }, ...shown.map(([i, product]) => line(`x[${i}]`, `${short(x.data[i])} · ${short(row[i])}`, product)), ...(products.length > MOST ? [line("others", `${products.length - MOST} products`, rest)] : []), ...(bias === null ? [] : [line("bias", "", bias)])),
    );
  }

  choose(Number(select.value));
  const note = weight.channels.length < weight.shape[0] ? h("p", { class: "note" }, `Weights of ${weight.channels.length} of ${weight.shape[0]} outputs are in this page, those that are greatest.`) : null;
  return { element: h("div", { class: "at-work" }, h("div", { class: "choices" }, select), told, note), choose };
}

export function softmax(view: Softmax, given: Given): Shown {
  const { recording } = given;
  const [x, y] = [recording.grid(view.x), recording.grid(view.y)];
  const told = h("div", { class: "told-of-place" });
  const select = outputs(x.data, Array.from(x.data, (_, k) => k), (k) => recording.label(k), (k) => choose(k));
  function choose(k: number): void {
    select.value = String(k);
    told.replaceChildren(softly(x.data, k, "sum"), verdict(softened(x.data, k).probability, y.data[k]));
  }
  choose(Number(select.value));
  return { element: h("div", { class: "at-work" }, h("div", { class: "choices" }, select), told), choose };
}
