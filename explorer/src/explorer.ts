/** The whole page: one model, or two side by side, and how toolbar, keys and pictures act on them. */

import { button, h } from "./dom";
import { Gallery } from "./gallery";
import { brief, type Model } from "./model";
import { help, neighbour } from "./navigation";
import { figures as known } from "./overlay";
import { Recording } from "./recorded";
import { Search } from "./search";
import { shots } from "./shots";
import { Side, type Page } from "./side";
import type { Stage } from "./stage";
import { Witness } from "./witness";

/** From so many pixels on there is room for two drawings, and for the spec beside one. */
const WIDE = 1250;

export class Explorer implements Page {
  private dark = matchMedia("(prefers-color-scheme: dark)").matches;
  private readonly main: Side;
  /** The model that it is compared with, if it is. */
  private readonly former: Side | null = null;
  private active: Side;
  readonly witness: Witness | null = null;
  private readonly recording: Recording | null = null;
  private readonly gallery: Gallery | null = null;
  private readonly said = h("div", { id: "said", class: "hidden", "aria-live": "polite" });
  private readonly level = h("output", { "aria-label": "Open levels" });
  private readonly shots = h("div", { class: "shots", role: "group", "aria-label": "Pictures" });
  private readonly help = help();
  private readonly search: Search;

  constructor(private readonly model: Model, private readonly root: HTMLElement) {
    if (model.run) {
      const inputs = new Set(model.nodes.filter((n) => n.kind === "input" && n.name in model.run!.maps).map((n) => n.name));
      this.recording = new Recording(model.run);
      this.gallery = new Gallery(this.recording, inputs, () => (this.gallery!.wake(), this.stage.render()));
      this.witness = new Witness(model, this.recording, this.gallery, this.scheme);
    }
    this.main = this.active = new Side(model, this, this.gallery, this.witness);
    const { changes } = model;
    if (changes) this.former = new Side({ ...changes.former!, theme: model.theme, changes: { ...changes, other: model.name, side: "old" } }, this, null, null);
    this.search = new Search(model, this.main.drawing.index, (node) => this.main.go({ node }), (scope) => this.main.go({ scope }), () => this.stage.canvas.focus());
    this.build();
    this.recolour();
    this.sides.forEach((side) => side.take(null));
    addEventListener("keydown", (event) => this.key(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => this.setDark(event.matches));
    requestAnimationFrame(() => this.sides.forEach((side) => side.drawing.stage.fit(false, false)));
  }

  private get sides(): Side[] {
    return this.former ? [this.former, this.main] : [this.main];
  }

  get stage(): Stage {
    return this.main.drawing.stage;
  }

  private build(): void {
    const { totals } = this.model;
    const choices = known(this.model);
    const figures = h("select", { "aria-label": "Colours", onchange: () => this.sides.forEach(({ drawing }) => drawing.colour(choices[figures.selectedIndex])) }, ...choices.map(({ label }) => h("option", {}, `Colour: ${label}`)));
    const told = [totals.parameters && `${brief(totals.parameters)} parameters`, totals.macs && `${brief(totals.macs)} MACs`].filter(Boolean).join(" · ");
    const header = h("header", {},
      h("button", { type: "button", class: "brand", title: "The model as a whole", onclick: () => this.main.select(null) }, h("b", {}, this.model.name), h("span", {}, told)),
      this.search.element,
      h("div", { class: "tools" },
        figures,
        h("span", { class: "group" }, button("Close a level", "minus", () => this.openLevels(-1), "["), this.level, button("Open a level", "plus", () => this.openLevels(1), "]")),
        this.former && button("Side by side", "sides", () => this.showFormer(), "b"),
        button("See everything", "fit", () => this.fit(), "0"), button("Turn the flow", "right", () => this.turn(), "r"), button("Spec", "code", () => this.showSpec(), "y"), button("Light or dark", "moon", () => this.setDark(!this.dark), "t"), button("Keys", "help", () => this.help.showModal(), "?")));
    this.stage.element.append(this.shots);
    this.tellShots();
    if (this.former) this.sides.forEach(({ drawing, model }) => drawing.stage.element.prepend(h("div", { class: "whose" }, model.name)));
    this.former?.drawing.stage.element.classList.add("former");
    const stages = h("div", { class: "stages" }, ...this.sides.map(({ drawing }) => drawing.stage.element));
    this.root.replaceChildren(header, h("main", {}, this.active.spec.element, stages, this.active.panel.element), this.said, this.help);
    this.tellLevels();
    this.showFormer(!!this.former && innerWidth >= WIDE);
    this.showSpec(!this.former && innerWidth >= WIDE && this.model.files.length > 0);
  }

  // -- the two models --------------------------------------------------------------------------
  scheme = (): "light" | "dark" => (this.dark ? "dark" : "light");

  /** Panel and spec are those of the model that was touched last; the other one shows the same place. */
  selected(side: Side): void {
    this.activate(side);
    this.other(side)?.follow(side.drawing.name);
    if (side.drawing.name !== null) this.say(side.drawing.name);
  }

  opened(side: Side, scope: string, open: boolean): void {
    const other = this.other(side);
    if (other?.drawing.index.scopes.has(scope)) other.drawing.open(scope, open);
    this.say(`${scope} ${open ? "open" : "closed"}`);
  }

  inOther(side: Side, name: string): (() => void) | null {
    const other = this.other(side);
    const chosen = other?.drawing.named(name);
    return chosen ? () => (this.showFormer(true), other!.go(chosen)) : null;
  }

  private other(side: Side): Side | null {
    return side === this.main ? this.former : this.main;
  }

  private activate(side: Side): void {
    if (side === this.active) return;
    this.active.panel.element.replaceWith(side.panel.element);
    this.active.spec.element.replaceWith(side.spec.element);
    this.active = side;
  }

  private showFormer(show = !this.root.classList.contains("side-by-side")): void {
    this.root.classList.toggle("side-by-side", show);
    if (!show) this.activate(this.main);
  }

  showSpec(show = !this.root.classList.contains("with-spec")): void {
    this.root.classList.toggle("with-spec", show);
  }

  // -- what is drawn ---------------------------------------------------------------------------
  private openLevels(step: number): void {
    const depth = this.main.drawing.depth + step;
    for (const side of this.sides) {
      side.drawing.openLevels(depth);
      side.refresh();
      side.drawing.stage.fit(false);
    }
    this.tellLevels();
    this.say(`${this.main.drawing.depth} of ${this.main.drawing.index.levels} levels open`);
  }

  private tellLevels(): void {
    this.level.textContent = `${this.main.drawing.depth}/${this.main.drawing.index.levels}`;
  }

  private fit(): void {
    this.sides.forEach(({ drawing }) => drawing.stage.fit(true));
  }

  private turn(): void {
    const flat = !this.main.drawing.state.flat;
    this.sides.forEach(({ drawing }) => drawing.turn(flat));
  }

  private setDark(dark: boolean): void {
    this.dark = dark;
    this.recolour();
    this.sides.forEach((side) => side.refresh());
  }

  private recolour(): void {
    document.documentElement.dataset.scheme = this.scheme();
    this.sides.forEach(({ drawing }) => drawing.relook());
  }

  // -- pictures --------------------------------------------------------------------------------
  /** The number of the picture that is looked at. */
  get picture(): number {
    return this.recording!.at;
  }

  private tellShots(): void {
    this.shots.hidden = !this.recording;
    if (this.recording) this.shots.replaceChildren(...shots(this.recording, (picture) => this.look(picture)));
  }

  private look(picture: number): void {
    this.recording!.at = picture;
    this.tellShots();
    this.main.refresh();
    this.stage.render();
    this.shots.querySelectorAll("button")[picture].focus();
  }

  /** Shows what the run has of a picture now: all of it is new. */
  anew(picture: number): void {
    this.recording!.forget(picture);
    this.gallery!.forget(picture);
    this.recording!.at = picture;
    this.tellShots();
    this.main.refresh();
    this.stage.render();
  }

  // -- keys ------------------------------------------------------------------------------------
  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || this.help.open) return;
    const touched = this.sides.find(({ drawing }) => drawing.stage.canvas === target);
    if (!touched && target !== document.body && (event.key === "Enter" || event.key === " " || (event.key.startsWith("Arrow") && target.closest(".panel, .spec")))) return;
    const side = touched ?? this.active;
    const { stage } = side.drawing;
    const doing: Record<string, () => void> = {
      "/": () => this.search.input.select(), Escape: () => side.select(null), Enter: () => this.enter(side),
      "+": () => stage.by(1.3), "=": () => stage.by(1.3), "-": () => stage.by(1 / 1.3), "0": () => this.fit(),
      "[": () => this.openLevels(-1), "]": () => this.openLevels(1), b: () => this.former && this.showFormer(),
      r: () => this.turn(), y: () => this.showSpec(), t: () => this.setDark(!this.dark), "?": () => this.help.showModal(),
      ArrowDown: () => this.move(side, 0, 1), ArrowUp: () => this.move(side, 0, -1), ArrowLeft: () => this.move(side, -1, 0), ArrowRight: () => this.move(side, 1, 0),
    };
    const act = doing[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  private enter(side: Side): void {
    const member = side.drawing.drawn(side.drawing.chosen);
    if (member?.scope) side.toggle(member.scope.scope);
    side.drawing.sight();
  }

  private move(side: Side, dx: number, dy: number): void {
    const { drawing } = side;
    const to = neighbour(drawing.stage.view, drawing.drawn(drawing.chosen), drawing.state.flat, dx, dy);
    if (!to) return;
    side.choose(to);
    drawing.stage.into(to);
  }

  private say(text: string): void {
    this.said.textContent = text;
  }

  // -- for scripts that drive the page ---------------------------------------------------------
  where(name: string, former = false): ReturnType<Side["drawing"]["where"]> {
    return (former ? this.former : this.main)?.drawing.where(name) ?? null;
  }

  boxes(): ReturnType<Side["drawing"]["boxes"]> {
    return this.main.drawing.boxes();
  }

  /** What is drawn and selected. */
  shown(former = false): { boxes: number; frames: number; selected: string | null; scale: number } | null {
    const drawing = (former ? this.former : this.main)?.drawing;
    return drawing ? { boxes: drawing.stage.view.boxes.length, frames: drawing.stage.view.frames.length, selected: drawing.name, scale: drawing.stage.scale } : null;
  }
}
