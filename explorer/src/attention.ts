/** Attention at work: whom a token looks at, drawn over the picture, and what it reads there. */

import { h } from "./dom";
import { MapView, result, verdict } from "./mapview";
import { share, short, type Attention } from "./recorded";
import { chooser, kept, type Given, type Shown } from "./window";

const MOST = 6;

export function attention(view: Attention, given: Given): Shown {
  const { recording } = given;
  const [q, k, v, y] = [view.q, view.k, view.v, view.y].map((name) => recording.grid(name));
  const bias = view.bias ? recording.grid(`${view.y}:bias`) : null;
  const [skipped, count] = [view.skipped ?? 0, k.rows];
  const side = view.skipped === null ? 0 : Math.round(Math.sqrt(count - skipped));
  const [rows, columns] = side ? [side, side] : [1, count];
  let head = y.channels[0];
  let token = skipped ? 0 : Math.floor(q.rows / 2);
  let part = 0;
  const told = h("div", { class: "told-of-place" });
  const map = new MapView("The picture, lit where the token looks", (row, column) => go(skipped + row * columns + column));
  const called = (k: number): string => (view.heads === null ? `head ${k}` : `window ${Math.floor(k / view.heads)}, head ${k % view.heads}`);
  const heads = chooser("Head", y, head, (next) => choose(next), called);
  const parts = h("input", { type: "number", min: 0, max: v.columns - 1, value: 0, "aria-label": "Channel of the output", onchange: () => ((part = Math.max(0, Math.min(v.columns - 1, Math.round(Number(parts.value))))), (parts.value = String(part)), go(token)) });
  const name = (t: number): string => (t < skipped ? (skipped > 1 ? `extra token ${t}` : "class token") : side ? `row ${Math.floor((t - skipped) / side)}, column ${(t - skipped) % side}` : `token ${t}`);

  /** The scores of a token, and the weights that they become. */
  function row(t: number): { products: number[]; weights: number[] } {
    const [own, keys] = [q.channel(head).subarray(t * q.columns, (t + 1) * q.columns), k.channel(head)];
    const products = Array.from({ length: count }, (_, j) => own.reduce((sum, value, e) => sum + value * keys[j * k.columns + e], 0));
    const scores = products.map((product, j) => (view.causal && j > t ? -Infinity : product * view.scale + (bias ? bias.channel(head)[t * count + j] : 0)));
    const most = Math.max(...scores);
    const exponentials = scores.map((score) => Math.exp(score - most));
    const total = exponentials.reduce((a, b) => a + b, 0);
    return { products, weights: exponentials.map((e) => e / total) };
  }

  function go(t: number): void {
    token = Math.min(t, q.rows - 1);
    const { products, weights } = row(token);
    const light = Float32Array.from(weights.slice(skipped));
    map.picture(view.heads === null && side ? given.image : null, rows, columns, `where ${name(token)} looks, ${called(head)}`, light);
    if (token < skipped) map.unmark();
    else map.put(Math.floor((token - skipped) / columns), (token - skipped) % columns);
    const order = weights.map((_, j) => j).sort((a, b) => weights[b] - weights[a]).slice(0, MOST);
    const values = v.channel(head);
    const sum = weights.reduce((total, weight, j) => total + weight * values[j * v.columns + part], 0);
    told.replaceChildren(
      h("p", { class: "spot" }, name(token)),
      h("table", { class: "looks" }, h("thead", {}, h("tr", {}, ...["looks at", "q · k", "weight", `v[${part}]`].map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, ...order.map((j) => h("tr", {}, h("td", {}, name(j)), h("td", {}, short(products[j])), h("td", { class: "weight", "data-value": weights[j] }, share(weights[j])), h("td", {}, short(values[j * v.columns + part])))))),
      h("p", { class: "note" }, `weight = softmax(${short(view.scale)} q · k${bias ? " + bias" : ""}) over ${count} tokens`),
      h("p", { class: "equation" }, `∑ weight · v[${part}] = `, result(sum, "sum")),
      verdict(sum, y.at(head, token, part)),
    );
  }

  function choose(next: number): void {
    if (!y.channels.includes(next)) return;
    head = next;
    heads.value = String(next);
    go(token);
  }

  go(token);
  const extra = Array.from({ length: skipped }, (_, t) => h("button", { type: "button", onclick: () => go(t) }, name(t)));
  return { element: h("div", { class: "at-work attention" }, h("div", { class: "choices" }, heads, ...extra, h("label", {}, "channel ", parts)), map.element, told, kept(y)), choose };
}
