/** The whole page: what is open and selected, and how toolbar, graph, panel and spec act on each other. */

import { button, h } from "./dom";
import { Gallery } from "./gallery";
import { layOut } from "./layout";
import { brief, index, isFold, isScope, nodesOf, type Fold, type Index, type Item, type Model, type Place } from "./model";
import { help, neighbour } from "./navigation";
import { figures as known, legend, painter, type Figure } from "./overlay";
import { DARKNESS, LIGHT } from "./paint";
import { Panel } from "./panel";
import { Recording } from "./recorded";
import { Search } from "./search";
import { shots } from "./shots";
import { SpecView } from "./spec";
import { Stage, type Hit } from "./stage";
import { Witness } from "./witness";
import { foldKey, isFrame, view, type Box, type Frame, type State } from "./view";

type Chosen = { node: number } | { scope: string } | null;

export class Explorer {
  private readonly index: Index;
  private readonly state: State = { open: new Set(), unfolded: new Set(), flat: false };
  private readonly folds = new Map<string, Fold>();
  private chosen: Chosen = null;
  private others: number[] = [];
  private figure: Figure;
  private dark = matchMedia("(prefers-color-scheme: dark)").matches;
  private depth = 0;
  readonly stage: Stage;
  witness: Witness | null = null;
  private readonly panel: Panel;
  private readonly spec: SpecView;
  private readonly search: Search;
  private readonly said = h("div", { id: "said", class: "hidden", "aria-live": "polite" });
  private readonly level = h("output", { "aria-label": "Open levels" });
  private readonly legend = h("div", { class: "legend" });
  private readonly recording: Recording | null = null;
  private readonly gallery: Gallery | null = null;
  private readonly shots = h("div", { class: "shots", role: "group", "aria-label": "Pictures" });
  private readonly help = help();

  constructor(private readonly model: Model, private readonly root: HTMLElement) {
    this.index = index(model);
    [this.figure] = known(model);
    this.indexFolds(model.tree);
    this.stage = new Stage((hit, twice) => this.hit(hit, twice), (member) => this.hover(member));
    if (model.run) {
      const inputs = new Set(model.nodes.filter((n) => n.kind === "input" && n.name in model.run!.maps).map((n) => n.name));
      this.recording = new Recording(model.run);
      this.gallery = new Gallery(this.recording, inputs, () => (this.gallery!.wake(), this.stage.render()));
      this.witness = new Witness(model, this.recording, this.gallery, () => (this.dark ? "dark" : "light"));
    }
    this.panel = new Panel(model, this.index, () => (this.dark ? "dark" : "light"), {
      goNode: (node) => this.goNode(node),
      goScope: (scope) => this.goScope(scope),
      goPlace: () => this.showSpec(true),
      toggle: (scope) => this.toggle(scope),
      isOpen: (scope) => this.state.open.has(scope),
      copies: (name) => this.copies(name),
      refold: (name) => this.refold(name),
      witness: this.witness,
    });
    this.spec = new SpecView(model, this.index, (nodes, scopes) => this.picked(nodes, scopes), () => this.showSpec(false));
    this.search = new Search(model, this.index, (node) => this.goNode(node), (scope) => this.goScope(scope), () => this.stage.canvas.focus());
    this.build();
    this.openLevels(Math.min(model.depth, this.index.levels));
    this.recolour();
    this.select(null);
    addEventListener("keydown", (event) => this.key(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => this.setDark(event.matches));
    requestAnimationFrame(() => this.stage.fit(false, false));
  }

  private build(): void {
    const { totals } = this.model;
    const figures = h("select", { "aria-label": "Colours", onchange: () => this.setFigure(known(this.model)[figures.selectedIndex]) }, ...known(this.model).map(({ label }) => h("option", {}, `Colour: ${label}`)));
    const told = [totals.parameters && `${brief(totals.parameters)} parameters`, totals.macs && `${brief(totals.macs)} MACs`].filter(Boolean).join(" · ");
    const turn = button("Turn the flow", "right", () => this.turn(), "r");
    const header = h("header", {},
      h("button", { type: "button", class: "brand", title: "The model as a whole", onclick: () => this.select(null) }, h("b", {}, this.model.name), h("span", {}, told)),
      this.search.element,
      h("div", { class: "tools" },
        figures,
        h("span", { class: "group" }, button("Close a level", "minus", () => this.openLevels(this.depth - 1, true), "["), this.level, button("Open a level", "plus", () => this.openLevels(this.depth + 1, true), "]")),
        button("See everything", "fit", () => this.stage.fit(true), "0"), turn, button("Spec", "code", () => this.showSpec(), "y"), button("Light or dark", "moon", () => this.setDark(!this.dark), "t"), button("Keys", "help", () => this.help.showModal(), "?")));
    this.stage.element.append(this.legend, this.shots);
    this.tellShots();
    const main = h("main", {}, this.spec.element, this.stage.element, this.panel.element);
    this.root.replaceChildren(header, main, this.said, this.help);
    this.showSpec(innerWidth >= 1250 && this.model.files.length > 0);
  }

  private indexFolds(items: Item[]): void {
    for (const item of items)
      if (isFold(item))
        item.copies.forEach((copy) => {
          copy.forEach((one) => this.folds.set(typeof one === "number" ? this.model.nodes[one].name : isScope(one) ? one.scope : "", item));
          this.indexFolds(copy);
        });
      else if (isScope(item)) this.indexFolds(item.items);
  }

  // -- what is drawn ---------------------------------------------------------------------------
  /** Draws anew after blocks were opened or closed; what `stay` names keeps its place on the screen. */
  private redraw(stay?: () => Box | Frame | null): void {
    const before = stay?.();
    const at = before && this.stage.on(before.x, before.y);
    const made = view(this.model, this.state);
    layOut(made, this.state.flat);
    this.stage.view = made;
    this.relook();
    this.stage.show(made);
    const after = stay?.();
    if (at && after) this.stage.pin(after.x, after.y, at);
  }

  private relook(): void {
    const { boxes } = this.stage.view;
    this.stage.look = {
      colours: this.dark ? DARKNESS : LIGHT,
      paint: painter(this.model, boxes, this.figure, this.dark ? "dark" : "light"),
      chosen: this.drawn(this.chosen),
      hovered: null,
      marked: new Set(this.others.map((n) => this.stage.view.boxOf[n]).filter((box) => box !== undefined)),
      flat: this.state.flat,
      gallery: this.gallery,
    };
    if (this.gallery) this.gallery.scheme = this.dark ? "dark" : "light";
    this.tellScale();
    this.stage.recolour();
  }

  private tellScale(): void {
    this.legend.hidden = this.figure.of === "family";
    this.legend.replaceChildren(...legend(this.model, this.stage.view.boxes, this.figure, this.dark ? "dark" : "light"));
  }

  private tellShots(): void {
    this.shots.hidden = !this.recording;
    if (this.recording) this.shots.replaceChildren(...shots(this.recording, (picture) => this.look(picture)));
  }

  private look(picture: number): void {
    this.recording!.at = picture;
    this.tellShots();
    this.refresh();
    this.stage.render();
    this.shots.querySelectorAll("button")[picture].focus();
  }

  /** Shows what the run has of a picture now: all of it is new. */
  anew(picture: number): void {
    this.recording!.forget(picture);
    this.gallery!.forget(picture);
    this.recording!.at = picture;
    this.tellShots();
    this.refresh();
    this.stage.render();
  }

  /** The number of the picture that is looked at. */
  get picture(): number {
    return this.recording!.at;
  }

  /** The box or frame that stands for something. */
  private drawn(chosen: Chosen): Box | Frame | null {
    const { frames, boxes, boxOf } = this.stage.view;
    if (!chosen) return null;
    if ("node" in chosen) return boxOf[chosen.node] ?? null;
    const exact = [...frames, ...boxes].find((m) => m.scope?.scope === chosen.scope);
    if (exact) return exact;
    const scope = this.index.scopes.get(chosen.scope)!;
    const first = boxOf[nodesOf(scope)[0]];
    if (!first || first.kind === "scope") return first ?? null;
    let frame: Frame | null = first.frame; // a copy: its twin is the frame with as many nodes
    while (frame?.scope && nodesOf(frame.scope).length < nodesOf(scope).length) frame = frame.frame;
    return frame;
  }

  private openLevels(depth: number, tell = false): void {
    this.depth = Math.max(0, Math.min(depth, this.index.levels));
    this.state.open = new Set([...this.index.scopes.keys()].filter((name) => this.index.around.get(name)!.length < this.depth));
    this.level.textContent = `${this.depth}/${this.index.levels}`;
    this.redraw();
    if (tell) {
      this.refresh();
      this.stage.fit(false);
      this.say(`${this.depth} of ${this.index.levels} levels open`);
    }
  }

  toggle(scope: string): void {
    const { open } = this.state;
    if (!open.delete(scope)) open.add(scope);
    this.redraw(() => [...this.stage.view.frames, ...this.stage.view.boxes].find((m) => m.scope?.scope === scope) ?? null);
    this.refresh();
    this.say(`${scope} ${open.has(scope) ? "open" : "closed"}`);
  }

  private copies(name: string): { times: number; folded: boolean } | null {
    const fold = this.folds.get(name);
    return fold ? { times: fold.copies.length, folded: !this.state.unfolded.has(foldKey(this.model, fold)) } : null;
  }

  private refold(name: string): void {
    const { unfolded } = this.state;
    const key = foldKey(this.model, this.folds.get(name)!);
    if (!unfolded.delete(key)) {
      unfolded.add(key);
      for (const copy of this.folds.get(name)!.copies) for (const item of copy) if (isScope(item) && this.state.open.has(name)) this.state.open.add(item.scope);
    }
    this.redraw(() => this.drawn(this.chosen));
    this.refresh();
  }

  private turn(): void {
    this.state.flat = !this.state.flat;
    this.redraw();
    this.stage.fit(false);
  }

  private setFigure(figure: Figure): void {
    this.figure = figure;
    this.relook();
  }

  private setDark(dark: boolean): void {
    this.dark = dark;
    this.recolour();
    this.refresh();
  }

  private recolour(): void {
    document.documentElement.dataset.scheme = this.dark ? "dark" : "light";
    this.relook();
  }

  private showSpec(show = !this.root.classList.contains("with-spec")): void {
    this.root.classList.toggle("with-spec", show);
  }

  // -- what is selected ------------------------------------------------------------------------
  select(chosen: Chosen, others: number[] = []): void {
    this.chosen = chosen;
    this.others = others;
    this.refresh();
    this.relook();
  }

  /** Panel and spec for what is selected. */
  private refresh(): void {
    const { chosen } = this;
    if (!chosen) {
      this.panel.showModel();
      return this.spec.show(null, []);
    }
    const name = "node" in chosen ? this.model.nodes[chosen.node].name : chosen.scope;
    const around = (this.index.around.get(name) ?? []).map((s) => s.place).filter((p): p is Place => !!p);
    if ("node" in chosen) {
      this.panel.showNode(chosen.node, this.others);
      this.spec.show(this.model.nodes[chosen.node].place, around);
    } else {
      const scope = this.index.scopes.get(chosen.scope)!;
      this.panel.showScope(scope);
      this.spec.show(scope.place, around);
    }
    this.say(name);
  }

  /** Opens what is closed around a node, selects it, and brings it into sight. */
  goNode(node: number, others = this.others.includes(node) ? this.others : []): void {
    let opened = false;
    for (let box = this.stage.view.boxOf[node]; box?.kind === "scope"; box = this.stage.view.boxOf[node]) {
      this.state.open.add(box.scope!.scope);
      this.stage.view = view(this.model, this.state);
      opened = true;
    }
    if (opened) this.redraw();
    this.select({ node }, others);
    this.sight();
  }

  goScope(scope: string): void {
    for (const around of this.index.around.get(scope) ?? []) this.state.open.add(around.scope);
    this.redraw();
    this.select({ scope });
    this.sight();
  }

  private sight(): void {
    const member = this.drawn(this.chosen);
    if (member) this.stage.into(member);
  }

  private picked(nodes: number[], scopes: string[]): void {
    const at = this.chosen && "node" in this.chosen ? nodes.indexOf(this.chosen.node) : -1;
    if (nodes.length) this.goNode(at >= 0 ? this.chosen!["node" as never] : nodes[0], nodes);
    else if (scopes.length) this.goScope(scopes[0]);
  }

  private hover(member: Box | Frame | null): void {
    if (this.stage.look.hovered === member) return;
    this.stage.look.hovered = member;
    this.stage.render();
  }

  private hit(hit: Hit | null, twice: boolean): void {
    this.stage.canvas.focus({ preventScroll: true });
    if (!hit) return twice ? undefined : this.select(null);
    const { member, part } = hit;
    const { scope } = member;
    if (scope && (twice ? part === "body" : part === "toggle")) this.toggle(scope.scope);
    else if (part === "badge" && !twice) this.refold(scope ? scope.scope : this.model.nodes[(member as Box).node!].name);
    else if (!twice) this.choose(member);
  }

  private choose(member: Box | Frame): void {
    if (member.scope) this.select({ scope: member.scope.scope });
    else if (!isFrame(member) && member.node !== undefined) this.select({ node: member.node });
    else if (member.frame) this.choose(member.frame);
  }

  // -- keys ------------------------------------------------------------------------------------
  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || this.help.open) return;
    if (target !== this.stage.canvas && target !== document.body && (event.key === "Enter" || event.key === " " || (event.key.startsWith("Arrow") && target.closest(".panel, .spec")))) return;
    const doing: Record<string, () => void> = {
      "/": () => this.search.input.select(), Escape: () => this.select(null), Enter: () => this.enter(),
      "+": () => this.stage.by(1.3), "=": () => this.stage.by(1.3), "-": () => this.stage.by(1 / 1.3), "0": () => this.stage.fit(true),
      "[": () => this.openLevels(this.depth - 1, true), "]": () => this.openLevels(this.depth + 1, true),
      r: () => this.turn(), y: () => this.showSpec(), t: () => this.setDark(!this.dark), "?": () => this.help.showModal(),
      ArrowDown: () => this.move(0, 1), ArrowUp: () => this.move(0, -1), ArrowLeft: () => this.move(-1, 0), ArrowRight: () => this.move(1, 0),
    };
    const act = doing[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  private enter(): void {
    const member = this.drawn(this.chosen);
    if (member?.scope) this.toggle(member.scope.scope);
    this.sight();
  }

  private move(dx: number, dy: number): void {
    const to = neighbour(this.stage.view, this.drawn(this.chosen), this.state.flat, dx, dy);
    if (!to) return;
    this.choose(to);
    this.stage.into(to);
  }

  private say(text: string): void {
    this.said.textContent = text;
  }

  /** Where something is on the screen, in pixels from the corner of the page: for scripts that drive it. */
  where(name: string): { x: number; y: number; drawn: string; times: number } | null {
    const node = this.index.numbers.get(name);
    const member = this.index.scopes.has(name) ? this.drawn({ scope: name }) : node === undefined ? null : this.drawn({ node });
    if (!member) return null;
    const corner = this.stage.canvas.getBoundingClientRect();
    const [x, y] = this.stage.on(member.x + member.width / 2, member.y + (isFrame(member) ? 12 : member.height / 2));
    const drawn = member.scope?.scope ?? (isFrame(member) ? "" : this.model.nodes[member.node!].name);
    return { x: x + corner.x, y: y + corner.y, drawn, times: member.times };
  }

  /** Every box that is drawn, in the drawing's own coordinates: for scripts that drive the page. */
  boxes(): { name: string; times: number; x: number; y: number; width: number; height: number }[] {
    return this.stage.view.boxes.map(({ node, scope, times, x, y, width, height }) => ({ name: scope?.scope ?? this.model.nodes[node!].name, times, x, y, width, height }));
  }

  /** What is drawn and selected: for scripts that drive the page. */
  shown(): { boxes: number; frames: number; selected: string | null; scale: number } {
    const { chosen } = this;
    const selected = chosen && ("node" in chosen ? this.model.nodes[chosen.node].name : chosen.scope);
    return { boxes: this.stage.view.boxes.length, frames: this.stage.view.frames.length, selected, scale: this.stage.scale };
  }
}
