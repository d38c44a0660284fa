/** Search by name, op or block: a combobox whose list is steered by the arrow keys. */

import { h, icon } from "./dom";
import type { Index, Model } from "./model";

interface Found {
  label: string;
  kind: string;
  go: () => void;
  rank: number;
}

const MOST = 60;

export class Search {
  readonly input = h("input", { type: "search", placeholder: "Search names, ops, blocks", "aria-label": "Search", role: "combobox", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false" });
  private readonly list = h("ul", { id: "found", role: "listbox", "aria-label": "Found", hidden: true });
  readonly element = h("div", { class: "search", role: "search" }, icon("search"), this.input, h("kbd", {}, "/"), this.list);
  private found: Found[] = [];
  private at = 0;

  constructor(private readonly model: Model, private readonly index: Index, private readonly goNode: (node: number) => void, private readonly goScope: (scope: string) => void, private readonly done: () => void) {
    this.input.addEventListener("input", () => this.look());
    this.input.addEventListener("focus", () => this.look());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && this.found.length) this.mark((this.at + step + this.found.length) % this.found.length);
      else if (event.key === "Enter") this.choose(this.at);
      else if (event.key === "Escape") this.leave();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  private look(): void {
    const words = this.input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    this.found = words.length ? this.matches(words) : [];
    this.list.replaceChildren(
      ...this.found.slice(0, MOST).map((one, k) => h("li", { role: "option", id: `found-${k}`, onmousedown: (e) => (e.preventDefault(), this.choose(k)) }, h("span", {}, one.label), h("small", {}, one.kind))),
      ...(this.found.length > MOST ? [h("li", { class: "more", role: "presentation" }, `and ${this.found.length - MOST} more`)] : []),
      ...(words.length && !this.found.length ? [h("li", { class: "more", role: "presentation" }, "Nothing has this name or op")] : []),
    );
    this.list.hidden = !words.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.found.length = Math.min(this.found.length, MOST);
    if (this.found.length) this.mark(0);
  }

  private matches(words: string[]): Found[] {
    const found: Found[] = [];
    const add = (label: string, kind: string, go: () => void): void => {
      const text = `${label} ${kind}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) return;
      const rank = label.toLowerCase() === words[0] ? 0 : label.toLowerCase().endsWith(words[0]) ? 1 : label.toLowerCase().includes(words[0]) ? 2 : 3;
      found.push({ label, kind, go, rank });
    };
    for (const scope of this.index.scopes.values()) add(scope.scope, scope.block ? `block ${scope.block}` : "block", () => this.goScope(scope.scope));
    this.model.nodes.forEach((node, k) => add(node.name, node.op ?? node.kind, () => this.goNode(k)));
    return found.sort((a, b) => a.rank - b.rank);
  }

  private mark(at: number): void {
    this.at = at;
    [...this.list.children].forEach((li, k) => li.setAttribute("aria-selected", String(k === at)));
    this.list.children[at]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `found-${at}`);
  }

  private choose(at: number): void {
    if (!this.found[at]) return;
    const { go } = this.found[at];
    this.leave();
    go();
  }

  private leave(): void {
    this.close();
    this.input.blur();
    this.done();
  }

  private close(): void {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
