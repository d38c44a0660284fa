/** One model on the page: its drawing, its panel and its spec, and what is selected in all three. */

import { Drawing, type Chosen } from "./drawing";
import type { Gallery } from "./gallery";
import type { Model, Place } from "./model";
import { Panel } from "./panel";
import { SpecView } from "./spec";
import type { Hit } from "./stage";
import { isFrame, type Box, type Frame } from "./view";
import type { Witness } from "./witness";

/** What the page does when something happens in one of its models. */
export interface Page {
  scheme: () => "light" | "dark";
  showSpec: (show: boolean) => void;
  selected: (side: Side) => void;
  opened: (side: Side, scope: string, open: boolean) => void;
  /** What selects a name in the other model, if there is one that has it. */
  inOther: (side: Side, name: string) => (() => void) | null;
}

export class Side {
  readonly drawing: Drawing;
  readonly panel: Panel;
  readonly spec: SpecView;

  constructor(readonly model: Model, private readonly page: Page, gallery: Gallery | null, witness: Witness | null) {
    this.drawing = new Drawing(model, page.scheme, gallery, (hit, twice) => this.hit(hit, twice));
    const { drawing } = this;
    this.panel = new Panel(model, drawing.index, page.scheme, {
      goNode: (node) => this.go({ node }),
      goScope: (scope) => this.go({ scope }),
      goPlace: () => page.showSpec(true),
      inOther: (name) => page.inOther(this, name),
      toggle: (scope) => this.toggle(scope),
      isOpen: (scope) => drawing.state.open.has(scope),
      copies: (name) => drawing.copies(name),
      refold: (name) => this.refold(name),
      witness,
    });
    this.spec = new SpecView(model, drawing.index, (nodes, scopes) => this.picked(nodes, scopes), () => page.showSpec(false));
  }

  // -- what is selected ------------------------------------------------------------------------
  select(chosen: Chosen, others: number[] = []): void {
    this.take(chosen, others);
    this.page.selected(this);
  }

  /** Selects without a word to the page: what was selected elsewhere. */
  take(chosen: Chosen, others: number[] = []): void {
    this.drawing.chosen = chosen;
    this.drawing.others = others;
    this.refresh();
    this.drawing.relook();
  }

  /** Panel and spec for what is selected. */
  refresh(): void {
    const { chosen, others, index, name } = this.drawing;
    if (!chosen) {
      this.panel.showModel();
      return this.spec.show(null, []);
    }
    const around = (index.around.get(name!) ?? []).map((s) => s.place).filter((p): p is Place => !!p);
    if ("node" in chosen) {
      this.panel.showNode(chosen.node, others);
      this.spec.show(this.model.nodes[chosen.node].place, around);
    } else {
      const scope = index.scopes.get(chosen.scope)!;
      this.panel.showScope(scope);
      this.spec.show(scope.place, around);
    }
  }

  /** Opens what is closed around something, selects it, and brings it into sight. */
  go(chosen: Chosen, others = chosen && "node" in chosen && this.drawing.others.includes(chosen.node) ? this.drawing.others : []): void {
    this.drawing.reveal(chosen);
    this.select(chosen, others);
    this.drawing.sight();
  }

  /** Shows what was selected in the other model, where this one has it too. */
  follow(name: string | null): void {
    const chosen = this.drawing.named(name);
    this.drawing.reveal(chosen);
    this.take(chosen);
    this.drawing.sight();
  }

  private picked(nodes: number[], scopes: string[]): void {
    const { chosen } = this.drawing;
    const same = chosen && "node" in chosen && nodes.includes(chosen.node) ? chosen.node : nodes[0];
    if (nodes.length) this.go({ node: same }, nodes);
    else if (scopes.length) this.go({ scope: scopes[0] });
  }

  // -- what is open ----------------------------------------------------------------------------
  toggle(scope: string): void {
    const open = !this.drawing.state.open.has(scope);
    this.drawing.open(scope, open);
    this.refresh();
    this.page.opened(this, scope, open);
  }

  private refold(name: string): void {
    this.drawing.refold(name);
    this.refresh();
  }

  // -- the pointer -----------------------------------------------------------------------------
  private hit(hit: Hit | null, twice: boolean): void {
    this.drawing.stage.canvas.focus({ preventScroll: true });
    if (!hit) return twice ? undefined : this.select(null);
    const { member, part } = hit;
    const { scope } = member;
    if (scope && (twice ? part === "body" : part === "toggle")) this.toggle(scope.scope);
    else if (part === "badge" && !twice) this.refold(scope ? scope.scope : this.model.nodes[(member as Box).node!].name);
    else if (!twice) this.choose(member);
  }

  choose(member: Box | Frame): void {
    if (member.scope) this.select({ scope: member.scope.scope });
    else if (!isFrame(member) && member.node !== undefined) this.select({ node: member.node });
    else if (member.frame) this.choose(member.frame);
  }
}
