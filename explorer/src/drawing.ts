/** A model as it is drawn: what of it is open, chosen and coloured. */

import { h } from "./dom";
import type { Gallery } from "./gallery";
import { layOut } from "./layout";
import { index, isFold, isScope, nodesOf, type Fold, type Index, type Item, type Model } from "./model";
import { figures, legend, painter, type Figure } from "./overlay";
import { DARKNESS, LIGHT } from "./paint";
import { Stage, type Hit } from "./stage";
import { foldKey, isFrame, view, type Box, type Frame, type State } from "./view";

export type Chosen = { node: number } | { scope: string } | null;

export class Drawing {
  readonly index: Index;
  readonly stage: Stage;
  readonly state: State = { open: new Set(), unfolded: new Set(), flat: false };
  chosen: Chosen = null;
  others: number[] = [];
  depth = 0;
  private figure: Figure;
  private readonly folds = new Map<string, Fold>();
  private readonly legend = h("div", { class: "legend" });

  constructor(readonly model: Model, private readonly scheme: () => "light" | "dark", private readonly gallery: Gallery | null, onhit: (hit: Hit | null, twice: boolean) => void) {
    this.index = index(model);
    [this.figure] = figures(model);
    this.indexFolds(model.tree);
    this.stage = new Stage(`The graph of ${model.name}.`, onhit, (member) => this.hover(member));
    this.stage.element.append(this.legend);
    this.openLevels(Math.min(model.depth, this.index.levels));
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
  redraw(stay?: () => Box | Frame | null): void {
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

  relook(): void {
    const { boxes } = this.stage.view;
    const scheme = this.scheme();
    this.stage.look = {
      colours: scheme === "dark" ? DARKNESS : LIGHT,
      paint: painter(this.model, boxes, this.figure, scheme),
      chosen: this.drawn(this.chosen),
      hovered: null,
      marked: new Set(this.others.map((n) => this.stage.view.boxOf[n]).filter((box) => box !== undefined)),
      flat: this.state.flat,
      gallery: this.gallery,
    };
    if (this.gallery) this.gallery.scheme = scheme;
    this.legend.hidden = this.figure.of === "family";
    this.legend.replaceChildren(...legend(this.model, boxes, this.figure, scheme));
    this.stage.recolour();
  }

  /** Colours by a figure; by changes where the figure is another model's. */
  colour(figure: Figure): void {
    const known = figures(this.model);
    this.figure = known.find((one) => one.label === figure.label && one.of === figure.of && one.overlay === figure.overlay) ?? known[0];
    this.relook();
  }

  /** The box or frame that stands for something. */
  drawn(chosen: Chosen): Box | Frame | null {
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

  private hover(member: Box | Frame | null): void {
    if (this.stage.look.hovered === member) return;
    this.stage.look.hovered = member;
    this.stage.render();
  }

  // -- what is open ----------------------------------------------------------------------------
  openLevels(depth: number): void {
    this.depth = Math.max(0, Math.min(depth, this.index.levels));
    this.state.open = new Set([...this.index.scopes.keys()].filter((name) => this.index.around.get(name)!.length < this.depth));
    this.redraw();
  }

  open(scope: string, open: boolean): void {
    if (open) this.state.open.add(scope);
    else this.state.open.delete(scope);
    this.redraw(() => [...this.stage.view.frames, ...this.stage.view.boxes].find((m) => m.scope?.scope === scope) ?? null);
  }

  turn(flat: boolean): void {
    this.state.flat = flat;
    this.redraw();
    this.stage.fit(false);
  }

  /** For something that has copies: how many, and whether they are drawn as one. */
  copies(name: string): { times: number; folded: boolean } | null {
    const fold = this.folds.get(name);
    return fold ? { times: fold.copies.length, folded: !this.state.unfolded.has(foldKey(this.model, fold)) } : null;
  }

  refold(name: string): void {
    const { unfolded } = this.state;
    const fold = this.folds.get(name)!;
    const key = foldKey(this.model, fold);
    if (!unfolded.delete(key)) {
      unfolded.add(key);
      for (const copy of fold.copies) for (const item of copy) if (isScope(item) && this.state.open.has(name)) this.state.open.add(item.scope);
    }
    this.redraw(() => this.drawn(this.chosen));
  }

  /** Opens what is closed around a node or a block. */
  reveal(chosen: Chosen): void {
    if (!chosen) return;
    const name = "node" in chosen ? this.model.nodes[chosen.node].name : chosen.scope;
    const closed = (this.index.around.get(name) ?? []).filter(({ scope }) => !this.state.open.has(scope));
    let opened = false;
    if ("scope" in chosen) for (const { scope } of closed) opened = !!this.state.open.add(scope);
    else
      for (let box = this.stage.view.boxOf[chosen.node]; box?.kind === "scope"; box = this.stage.view.boxOf[chosen.node]) {
        opened = !!this.state.open.add(box.scope!.scope);
        this.stage.view = view(this.model, this.state);
      }
    if (opened) this.redraw();
  }

  sight(): void {
    const member = this.drawn(this.chosen);
    if (member) this.stage.into(member);
  }

  // -- names -----------------------------------------------------------------------------------
  get name(): string | null {
    return this.chosen && ("node" in this.chosen ? this.model.nodes[this.chosen.node].name : this.chosen.scope);
  }

  /** What has a name here, if anything. */
  named(name: string | null): Chosen {
    if (name === null) return null;
    const node = this.index.numbers.get(name);
    return node !== undefined ? { node } : this.index.scopes.has(name) ? { scope: name } : null;
  }

  /** Where something is on the screen, in pixels from the corner of the page: for scripts that drive it. */
  where(name: string): { x: number; y: number; drawn: string; times: number } | null {
    const member = this.drawn(this.index.scopes.has(name) ? { scope: name } : this.named(name));
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
}
