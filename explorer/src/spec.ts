/** The spec files: coloured YAML, the lines of what is selected, and from a line to what is written there. */

import { h } from "./dom";
import type { Index, Model, Place } from "./model";

const CHUNK = 100;

export class SpecView {
  readonly element: HTMLElement;
  private readonly pick = h("select", { "aria-label": "Spec file", onchange: () => this.open(this.pick.selectedIndex) });
  private readonly body = h("div", { class: "code", tabindex: 0, role: "group", "aria-label": "The text of the spec" });
  private file = -1;
  private lines: HTMLElement[] = [];
  /** For each file and line, the nodes and scopes whose text begins there. */
  private readonly begins: Map<number, { place: Place; nodes: number[]; scopes: string[] }>[];
  private shown: { place: Place; around: Place[] } | null = null;

  constructor(private readonly model: Model, index: Index, private readonly onpick: (nodes: number[], scopes: string[]) => void, onclose: () => void) {
    this.begins = model.files.map(() => new Map());
    const entry = (place: Place) => {
      const lines = this.begins[place[0]];
      if (!lines.has(place[1])) lines.set(place[1], { place, nodes: [], scopes: [] });
      return lines.get(place[1])!;
    };
    model.nodes.forEach((node, k) => node.place && entry(node.place).nodes.push(k));
    for (const scope of index.scopes.values()) if (scope.place) entry(scope.place).scopes.push(scope.scope);
    model.files.forEach((file) => this.pick.append(h("option", {}, file.name)));
    this.element = h("section", { class: "spec", "aria-label": "Spec" }, h("div", { class: "bar" }, this.pick, h("button", { type: "button", class: "tool", "aria-label": "Close the spec", onclick: onclose }, "✕")), this.body);
    if (model.files.length) this.open(0);
    else this.body.append(h("p", { class: "none" }, "The text of this model's spec is not at hand."));
  }

  private open(number: number): void {
    if (number === this.file) return;
    this.file = number;
    this.pick.selectedIndex = number;
    this.lines = this.model.files[number].text.split("\n").map((text, k) => {
      const begins = this.begins[number].has(k + 1);
      const line = h("div", { class: begins ? "line begins" : "line", "data-line": k + 1 }, h("span", { class: "number" }, String(k + 1)), ...coloured(text));
      line.addEventListener("click", () => this.clicked(k + 1));
      return line;
    });
    const chunks: HTMLElement[] = []; // the browser lays out those in sight only
    for (let k = 0; k < this.lines.length; k += CHUNK) {
      const chunk = h("div", { class: "chunk" }, ...this.lines.slice(k, k + CHUNK));
      chunk.style.containIntrinsicHeight = `${1.6 * Math.min(CHUNK, this.lines.length - k)}em`;
      chunks.push(chunk);
    }
    this.body.replaceChildren(...chunks);
    this.body.scrollTop = 0;
    this.light();
  }

  /** What is written on a line: what begins there, or else the innermost thing around it. */
  private clicked(line: number): void {
    let found: { place: Place; nodes: number[]; scopes: string[] } | null = null;
    for (const one of this.begins[this.file].values()) {
      const [, first, , last] = one.place;
      if (first <= line && line <= last && (!found || first > found.place[1])) found = one;
    }
    if (found && !getSelection()?.toString()) this.onpick(found.nodes, found.scopes);
  }

  /** Shows the lines of a place, and faintly those of the blocks around it. */
  show(place: Place | null | undefined, around: Place[]): void {
    this.shown = place ? { place, around } : null;
    if (place) this.open(place[0]);
    this.light();
    const line = place && this.lines[place[1] - 1];
    if (!line) return;
    const [seen, at] = [this.body.getBoundingClientRect(), line.getBoundingClientRect()];
    if (at.top < seen.top || at.bottom > seen.bottom - 30) this.body.scrollTop += at.top - seen.top - seen.height / 3;
  }

  private light(): void {
    const on = (place: Place, number: number): boolean => place[0] === this.file && number >= place[1] && number <= place[3];
    this.lines.forEach((line, k) => {
      line.classList.toggle("lit", !!this.shown && on(this.shown.place, k + 1));
      line.classList.toggle("around", !!this.shown && this.shown.around.some((place) => place[0] === this.file && place[1] === k + 1));
    });
  }
}

const YAML = /(#.*$)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(\$\([^)]*\)|\$\w+)|([\w$().+-]+)(?=\s*:(?:\s|$))|(\b(?:true|false|null|none)\b|(?<![\w.])-?\d[\d_.]*[kMG]?\b)/g;
const CLASSES = ["comment", "string", "expression", "key", "number-value"];

/** The parts of a line of YAML, by kind. */
function coloured(text: string): (HTMLElement | string)[] {
  const parts: (HTMLElement | string)[] = [];
  let end = 0;
  for (const match of text.matchAll(YAML)) {
    const kind = match.slice(1).findIndex((group) => group !== undefined);
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push(h("span", { class: CLASSES[kind] }, match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end) || (end ? "" : "\u200b")];
}
