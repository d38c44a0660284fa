/** The side panel: what is known of the model, of a block, or of a node. */

import { h, svg } from "./dom";
import { documented } from "./formula";
import type { Witness } from "./witness";
import { since, table as numbersOf, told } from "./overlay";
import { brief, exact, last, nodesOf, type Change, type Distribution, type Index, type Model, type Node, type Scope } from "./model";

export interface Doings {
  goNode: (node: number) => void;
  goScope: (scope: string) => void;
  goPlace: () => void;
  /** What selects a name in the model that this one is compared with, if it is there. */
  inOther: (name: string) => (() => void) | null;
  toggle: (scope: string) => void;
  isOpen: (scope: string) => boolean;
  /** For something that has copies: how many, and whether they are drawn as one. */
  copies: (name: string) => { times: number; folded: boolean } | null;
  refold: (name: string) => void;
  /** What the model makes of pictures, if it was run on some. */
  witness: Witness | null;
}

export class Panel {
  readonly element = h("aside", { class: "panel", "aria-label": "Details" });

  constructor(private readonly model: Model, private readonly index: Index, private readonly scheme: () => "light" | "dark", private readonly doings: Doings) {}

  showModel(): void {
    const { model } = this;
    const { totals } = model;
    const ops = model.nodes.filter((n) => n.op);
    const ranked = (column: 0 | 1): number[] => model.nodes.map((_, k) => k).filter((k) => model.nodes[k].cost?.[column]).sort((a, b) => (model.nodes[b].cost![column] ?? 0) - (model.nodes[a].cost![column] ?? 0)).slice(0, 6);
    this.put(
      h("h2", {}, model.name),
      model.doc && h("p", { class: "doc" }, model.doc),
      model.source && h("p", { class: "source" }, model.source),
      h("div", { class: "figures" }, figure("parameters", totals.parameters), figure("MACs", totals.macs), figure("activations", totals.bytes, "B"), figure("ops", ops.length)),
      ...(this.doings.witness?.probabilities() ?? []),
      totals.uncounted > 0 && h("p", { class: "note" }, `MACs and FLOPs leave out ${totals.uncounted} nodes whose cost is not known.`),
      ...this.changes(),
      ...this.ends("Inputs", "input"),
      ...this.ends("Targets", "target"),
      ...this.ends("Outputs", "output"),
      ...(Object.keys(model.sizes).length ? [h("h3", {}, "Free sizes"), h("p", { class: "doc" }, Object.entries(model.sizes).map(([s, v]) => `${s} = ${v}`).join(", ") + " in all figures")] : []),
      ...this.top("Most parameters", ranked(0), 0),
      ...this.top("Most MACs", ranked(1), 1),
      h("h3", {}, "Families of ops"),
      this.families(ops),
    );
  }

  /** What was added, removed and changed, each by name. */
  private changes(): HTMLElement[] {
    const { changes } = this.model;
    if (!changes) return [];
    const told = (kind: Change["kind"]): HTMLElement[] => {
      const list = changes.list.filter((one) => one.kind === kind);
      if (!list.length) return [];
      const items = list.map((one) => {
        return h("li", {}, this.linked(one, changes.side), " ", h("span", { class: "plain" }, one.op), ...differences(one));
      });
      return [h("h3", {}, `${kind[0].toUpperCase()}${kind.slice(1)} ${since(changes)}: ${list.length}`), h("ul", { class: "links" }, ...items)];
    };
    const found = (["added", "removed", "changed"] as const).flatMap(told);
    return found.length ? found : [h("p", { class: "note" }, `Nothing differs from ${changes.other}.`)];
  }

  /** A name that leads to what differs, in the model that has it. */
  private linked({ kind, name }: Change, side: "old" | "new"): HTMLElement {
    const here = kind === "changed" || (kind === "added") === (side === "new");
    const number = here ? this.index.numbers.get(name) : undefined;
    if (number !== undefined) return this.link(number);
    const go = here ? null : this.doings.inOther(name);
    return go ? h("button", { type: "button", class: "link", onclick: go }, ...breakable(name)) : h("code", {}, ...breakable(name));
  }

  private change(name: string): HTMLElement[] {
    const { changes } = this.model;
    const gone = changes?.side === "new" ? "removed" : "added";
    const found = changes?.list.find((one) => one.name === name && one.kind !== gone);
    return found ? [h("h3", {}, `${found.kind[0].toUpperCase()}${found.kind.slice(1)} ${since(changes!)}`), ...differences(found)] : [];
  }

  private ends(title: string, kind: Node["kind"]): HTMLElement[] {
    const found = this.model.nodes.map((n, k): [Node, number] => [n, k]).filter(([n]) => n.kind === kind);
    if (!found.length) return [];
    return [h("h3", {}, title), table(found.map(([n, k]) => [this.link(k), this.type(kind === "output" ? n.in![0][3] : n.out[0][1])]))];
  }

  private top(title: string, nodes: number[], column: 0 | 1): HTMLElement[] {
    if (!nodes.length) return [];
    const all = column ? this.model.totals.macs : this.model.totals.parameters;
    const most = this.model.nodes[nodes[0]].cost![column]!;
    return [h("h3", {}, title), h("div", { class: "bars" }, ...nodes.map((k) => {
      const value = this.model.nodes[k].cost![column]!;
      return h("div", { class: "row" }, this.link(k), bar(value / most), h("span", { class: "amount" }, `${brief(value)} · ${percent(value / all)}`));
    }))];
  }

  private families(ops: Node[]): HTMLElement {
    const counts = new Map<string, number>();
    for (const n of ops) {
      const family = this.model.ops[n.op!].family || "other";
      counts.set(family, (counts.get(family) ?? 0) + 1);
    }
    return h("div", { class: "chips" }, ...[...counts].sort((a, b) => b[1] - a[1]).map(([family, count]) => this.chip(`${family} ${count}`, family)));
  }

  showScope(scope: Scope): void {
    const nodes = nodesOf(scope).map((k) => this.model.nodes[k]);
    const sum = (column: 0 | 1 | 3): number => nodes.reduce((total, n) => total + (n.cost?.[column] ?? 0), 0);
    const copies = this.doings.copies(scope.scope);
    const { totals } = this.model;
    this.put(
      this.path(scope.scope),
      h("h2", {}, last(scope.scope)),
      h("div", { class: "chips" }, scope.block && this.chip(scope.block, "kind:scope"), h("span", { class: "plain" }, `${nodes.length} ops`)),
      h("div", { class: "actions" },
        h("button", { type: "button", onclick: () => this.doings.toggle(scope.scope) }, this.doings.isOpen(scope.scope) ? "Close" : "Open"),
        copies && h("button", { type: "button", onclick: () => this.doings.refold(scope.scope) }, copies.folded ? `Show all ${copies.times} copies` : `Fold ${copies.times} copies`)),
      scope.doc && h("p", { class: "doc" }, scope.doc),
      h("div", { class: "figures" }, figure("parameters", sum(0), "", totals.parameters), figure("MACs", sum(1), "", totals.macs), figure("activations", sum(3), "B", totals.bytes)),
      h("h3", {}, "Families of ops"),
      this.families(nodes.filter((n) => n.op)),
      ...this.place(scope.place),
      h("h3", {}, "Inside"),
      h("ul", { class: "links" }, ...nodesOf(scope).slice(0, 60).map((k) => h("li", {}, this.link(k, scope.scope), " ", h("span", { class: "plain" }, this.model.nodes[k].op ?? "")))),
    );
  }

  showNode(number: number, others: number[]): void {
    const node = this.model.nodes[number];
    const op = node.op ? this.model.ops[node.op] : undefined;
    const copies = this.doings.copies(node.name);
    const at = others.indexOf(number);
    this.put(
      this.path(node.name),
      h("h2", {}, last(node.name)),
      h("div", { class: "chips" }, node.op ? this.chip(node.op, op!.family || "other") : this.chip(node.kind, `kind:${node.kind}`), op && h("span", { class: "plain" }, op.family), ...(node.marks ?? []).map((m) => h("span", { class: "mark" }, m))),
      others.length > 1 && h("div", { class: "actions" }, h("span", { class: "plain" }, `${at + 1} of ${others.length} nodes from these lines`), h("button", { type: "button", "aria-label": "Previous", onclick: () => this.doings.goNode(others[(at + others.length - 1) % others.length]) }, "‹"), h("button", { type: "button", "aria-label": "Next", onclick: () => this.doings.goNode(others[(at + 1) % others.length]) }, "›")),
      copies && h("div", { class: "actions" }, h("button", { type: "button", onclick: () => this.doings.refold(node.name) }, copies.folded ? `Show all ${copies.times} copies` : `Fold ${copies.times} copies`)),
      node.doc && h("p", { class: "doc" }, node.doc),
      op && h("div", { class: "formulas" }, ...documented(op.doc)),
      ...(this.doings.witness?.node(node.name, node.op) ?? []),
      ...this.wires(number),
      ...this.change(node.name),
      ...this.arguments(node),
      ...this.costs(node),
      ...this.overlays(number),
      ...this.tensors(node),
      ...this.filters(node),
      ...this.place(node.place),
    );
  }

  private wires(number: number): HTMLElement[] {
    const node = this.model.nodes[number];
    const found: HTMLElement[] = [];
    if (node.in?.length)
      found.push(h("h3", {}, "Reads"), table(node.in.map(([port, producer, output, type]) => [
        h("span", { class: "port" }, port || "value"),
        h("span", {}, this.link(producer), typeof output === "string" ? `.${output}` : output && this.model.nodes[producer].out[output] ? `:${this.model.nodes[producer].out[output][0]}` : ""),
        this.type(type),
      ])));
    if (node.out.length && node.kind !== "output") found.push(h("h3", {}, "Gives"), table(node.out.map(([name, type]) => [h("span", { class: "port" }, name), this.type(type)])));
    const readers = [...new Set(this.index.readers[number].map(([reader]) => reader))];
    if (readers.length) found.push(h("h3", {}, "Read by"), h("ul", { class: "links" }, ...readers.slice(0, 40).map((k) => h("li", {}, this.link(k), " ", h("span", { class: "plain" }, this.model.nodes[k].op ?? this.model.nodes[k].kind)))));
    return found;
  }

  private arguments(node: Node): HTMLElement[] {
    const known = node.op ? this.model.ops[node.op].args : [];
    if (!known.length) return [];
    const said = node.args ?? {};
    const rows = [...known].sort((a, b) => Number(b[0] in said) - Number(a[0] in said)).map(([name, byDefault, doc]) =>
      h("tr", { class: name in said ? "" : "default", title: name in said ? null : "the default" }, h("th", { scope: "row" }, name), h("td", { class: "value" }, said[name] ?? byDefault ?? ""), h("td", { class: "told" }, doc)));
    return [h("h3", {}, "Arguments"), h("table", { class: "arguments" }, h("tbody", {}, ...rows))];
  }

  private costs(node: Node): HTMLElement[] {
    if (!node.cost) return [];
    const [parameters, macs, flops, bytes] = node.cost;
    const { totals } = this.model;
    const told = h("div", { class: "figures" }, figure("parameters", parameters, "", totals.parameters), figure("MACs", macs, "", totals.macs), flops === null ? h("div", { class: "figure" }, h("b", {}, "–"), h("span", {}, "FLOPs not known")) : figure("FLOPs", flops, "", totals.flops), figure("output", bytes, "B", totals.bytes));
    return [h("h3", {}, "Costs"), told];
  }

  private overlays(node: number): HTMLElement[] {
    const known = (this.model.overlays ?? []).flatMap((overlay) => {
      const value = numbersOf(overlay).get(node);
      return value === undefined ? [] : [h("div", { class: "figure" }, h("b", {}, told(value, overlay.unit)), h("span", {}, overlay.name))];
    });
    return known.length ? [h("h3", {}, "Measured"), h("div", { class: "figures" }, ...known)] : [];
  }

  private tensors(node: Node): HTMLElement[] {
    const own: [string, number][] = [...(node.parameters ?? []), ...(node.buffers ?? [])];
    const bare = this.model.statistics[node.name];
    if (!own.length && !bare) return [];
    const found: HTMLElement[] = [h("h3", {}, "Parameters and buffers")];
    for (const [name, type] of own) {
      const statistics = this.model.statistics[`${node.name}.${name}`];
      found.push(h("div", { class: "tensor" }, h("div", {}, h("span", { class: "port" }, name), " ", this.type(type)), statistics && distribution(statistics)));
    }
    if (bare) found.push(h("div", { class: "tensor" }, distribution(bare)));
    return found;
  }

  private filters(node: Node): HTMLElement[] {
    const sheet = this.model.filters[node.name];
    if (!sheet) return [];
    const told = sheet.shown < sheet.of ? `The first ${sheet.shown} of ${sheet.of} filters` : `${sheet.of} filters`;
    return [h("h3", {}, "Filters"), h("img", { class: "filters", src: sheet.picture, width: sheet.size[0], height: sheet.size[1], alt: `${told} as pictures` }), h("p", { class: "note" }, `${told}, each from its least to its greatest weight.`)];
  }

  private place(place: Node["place"]): HTMLElement[] {
    if (!place) return [];
    const [file, line, column] = place;
    return [h("h3", {}, "Written in"), h("button", { type: "button", class: "link place", onclick: () => this.doings.goPlace() }, `${this.model.files[file].name}:${line}:${column}`)];
  }

  private path(name: string): HTMLElement {
    const around = this.index.around.get(name) ?? [];
    return h("nav", { class: "path", "aria-label": "Blocks around it" },
      ...around.flatMap((scope, k) => [h("button", { type: "button", class: "link", onclick: () => this.doings.goScope(scope.scope) }, k ? scope.scope.slice(around[k - 1].scope.length + 1) : scope.scope), h("span", {}, "›")]),
      h("code", {}, ...breakable(name)));
  }

  private link(number: number, within = ""): HTMLElement {
    const { name } = this.model.nodes[number];
    return h("button", { type: "button", class: "link", onclick: () => this.doings.goNode(number) }, ...breakable(within && name.startsWith(`${within}.`) ? name.slice(within.length + 1) : name));
  }

  private type(number: number): HTMLElement {
    const { text, sizes } = this.model.types[number];
    return h("span", { class: "type" }, h("code", {}, text), h("span", { class: "sizes" }, sizes));
  }

  private chip(text: string, paint: string): HTMLElement {
    const made = h("span", { class: "chip" }, text);
    const { fill, line, text: ink } = this.model.theme[this.scheme()][paint] ?? this.model.theme[this.scheme()].other;
    Object.assign(made.style, { background: fill, borderColor: line, color: ink });
    return made;
  }

  private put(...children: (HTMLElement | string | null | undefined | false)[]): void {
    this.element.replaceChildren(...(children.filter(Boolean) as HTMLElement[]));
    this.element.scrollTop = 0;
  }
}

/** A dotted name that may be broken after each dot. */
const breakable = (name: string): (HTMLElement | string)[] => name.split(/(?<=\.)/).flatMap((part, k) => (k ? [h("wbr"), part] : [part]));

/** Each thing that differs, as it was and as it is. */
const differences = (one: Change): HTMLElement[] => one.details.map(([what, before, after]) => h("div", { class: "difference" }, h("span", { class: "port" }, what), " ", h("del", {}, before), " ", h("ins", {}, after)));

const percent = (share: number): string => (share >= 0.0995 ? `${Math.round(share * 100)}\u202f%` : `${Number((share * 100).toPrecision(2))}\u202f%`);

function figure(name: string, value: number, unit = "", of = 0): HTMLElement {
  const told = `${exact(value)} ${unit === "B" ? "bytes" : name}`;
  return h("div", { class: "figure", title: of ? `${told}, ${percent(value / of)} of the model's` : told }, h("b", {}, brief(value, unit)), h("span", {}, name), of > 0 && value > 0 && h("small", {}, percent(value / of)));
}

function bar(share: number): HTMLElement {
  const inner = h("i", {});
  inner.style.width = `${Math.max(1, share * 100)}%`;
  return h("span", { class: "bar", "aria-hidden": "true" }, inner);
}

const table = (rows: HTMLElement[][]): HTMLElement => h("table", { class: "wires" }, h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))));

/** A histogram with the numbers that go with it. */
function distribution(told: Distribution): HTMLElement {
  const { counts, low, high, mean, deviation } = told;
  const words = counts ? `mean ${mean}, deviation ${deviation}` : "no finite element";
  const more = [told.zeros ? `${exact(told.zeros)} zeros` : "", told.strange ? `${exact(told.strange)} not finite` : ""].filter(Boolean).join(", ");
  const most = Math.max(1, ...(counts ?? []));
  const [width, height] = [256, 44];
  const step = width / (counts?.length ?? 1);
  const drawn = counts && svg("svg", { class: "histogram", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `Histogram from ${low} to ${high}` }, ...counts.map((count, k) => svg("rect", { x: k * step + 0.5, width: Math.max(step - 1, 1), y: height - (height * count) / most, height: (height * count) / most })));
  return h("div", {}, drawn as unknown as HTMLElement, counts && h("div", { class: "axis" }, h("span", {}, String(low)), h("span", {}, words), h("span", {}, String(high))), (!counts || more) && h("div", { class: "axis" }, h("span", {}, [counts ? "" : words, more].filter(Boolean).join(", "))));
}
