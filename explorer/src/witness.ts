/** What the panel shows of the run on a picture: probabilities, the maps of a node, and its formula at work. */

import { attention } from "./attention";
import type { Scheme } from "./colours";
import { h } from "./dom";
import { normalisation, pointwise } from "./elements";
import type { Gallery } from "./gallery";
import { last, type Model } from "./model";
import { share, short, type Recording, type View } from "./recorded";
import { linear, softmax } from "./rows";
import { convolution, pooling, type Given, type Shown } from "./window";

export class Witness {
  /** The picture that is looked at, as it is seen; it is whole once it is decoded. */
  private seen = new Image();
  /** Why a node's formula is not shown at work on the picture that is looked at, if it is not. */
  silent: (name: string) => string = () => "";
  private shown: Shown | null = null;
  private again: (() => void) | null = null;

  constructor(private readonly model: Model, private readonly recording: Recording, private readonly gallery: Gallery, private readonly scheme: () => Scheme) {}

  private get image(): HTMLImageElement | null {
    const { picture } = this.recording.run.pictures[this.recording.at];
    if (this.seen.src !== picture) {
      this.seen = new Image();
      this.seen.onload = () => this.again?.();
      this.seen.src = picture;
    }
    return this.seen.complete && this.seen.naturalWidth > 0 ? this.seen : null;
  }

  /** The most probable classes. */
  probabilities(): HTMLElement[] {
    const { top, name } = this.recording.run.pictures[this.recording.at];
    if (!top.length) return [h("h3", {}, `Run on ${name}`), ...this.caution()];
    return [h("h3", {}, `Probabilities, ${name}`), h("div", { class: "bars probabilities" }, ...top.map(([k, p]) => {
      const inner = h("i", {});
      inner.style.width = `${Math.max(0.5, 100 * p)}%`;
      return h("div", { class: "row" }, h("span", { class: "class-name" }, this.recording.label(k)), h("span", { class: "bar", "aria-hidden": "true" }, inner), h("span", { class: "amount", "data-value": p }, share(p)));
    })), ...this.caution()];
  }

  /** How the picture was read, and whether the weights are trained. */
  private caution(): HTMLElement[] {
    const { told, trained } = this.recording.run;
    return [...(told ? [h("p", { class: "note" }, told)] : []), ...(trained ? [] : [h("p", { class: "note" }, "The weights are initial values: nothing was learnt.")])];
  }

  /** The part of a node's panel that tells what came of the picture. */
  node(name: string, op: string | undefined): HTMLElement[] {
    const { run } = this.recording;
    this.gallery.rest();
    this.shown = this.again = null;
    const found: HTMLElement[] = [];
    const view = run.views[name];
    const why = this.silent(name);
    if (view && why) found.push(h("p", { class: "note" }, why));
    else if (view) found.push(...this.atWork(name, view, op ?? ""));
    else if (name in run.reasons) found.push(h("p", { class: "note" }, `Its formula is not shown at work: ${run.reasons[name]}.`));
    const answers = this.isAnswer(name);
    if (answers) found.push(...this.probabilities());
    if (name in run.maps) found.push(...this.maps(name));
    return found;
  }

  /** Whether a node's value is what probabilities are made of. */
  private isAnswer(name: string): boolean {
    const number = this.model.nodes.findIndex((node) => node.name === name);
    const output = this.model.nodes.find((node) => node.kind === "output");
    return this.recording.run.pictures[0].top.length > 0 && !!output && (output.in![0][1] === number || output.name === name);
  }

  private atWork(name: string, view: View, op: string): HTMLElement[] {
    const holder = h("div", {});
    const draw = (): void => {
      const given: Given = { recording: this.recording, gallery: this.gallery, scheme: this.scheme(), channel: null, image: this.image };
      this.shown = this.made(name, view, given, op);
      holder.replaceChildren(this.shown.element);
    };
    draw();
    if (!this.image) this.again = draw;
    return [h("h3", {}, "At work on the picture"), holder];
  }

  private made(name: string, view: View, given: Given, op: string): Shown {
    switch (view.view) {
      case "convolution": return convolution(view, given);
      case "pooling": return pooling(view, given);
      case "pointwise": return pointwise(view, given, op);
      case "normalisation": return normalisation(view, given);
      case "linear": return linear(view, given, this.isAnswer(name));
      case "softmax": return softmax(view, given);
      case "attention": return attention(view, given);
    }
  }

  private maps(name: string): HTMLElement[] {
    const { run, at } = this.recording;
    const sheet = run.maps[name];
    const [least, greatest, mean, zeros] = sheet.figures[at];
    const [high, wide] = sheet.size;
    const told = [
      sheet.form === "vector" ? `${sheet.of} numbers` : sheet.kept.length < sheet.of ? `${sheet.kept.length} of ${sheet.of} channels, the most active` : `${sheet.of} channel${sheet.of > 1 ? "s" : ""}`,
      sheet.form !== "vector" && (high < sheet.from[0] || wide < sheet.from[1]) ? `${sheet.from[0]}×${sheet.from[1]} drawn as ${high}×${wide}` : "",
      `colours to ±${short(this.recording.scale(name).limit)}`,
    ].filter(Boolean).join("; ");
    const { shown } = this;
    return [
      h("h3", {}, sheet.form === "vector" ? "Values" : "Maps"),
      this.gallery.shelf(name, `${last(name)}: ${told}`, null, shown?.choose && sheet.form !== "vector" ? (channel) => shown.choose!(channel) : undefined),
      h("p", { class: "note" }, `${told}. From ${short(least)} to ${short(greatest)}, mean ${short(mean)}, ${share(zeros)} zeros.`),
    ];
  }
}
