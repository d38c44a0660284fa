/** The drawing surface: a canvas with zoom and pan, hit tests, and the small map in its corner. */

import { select } from "d3-selection";
import { zoom, zoomIdentity, type D3ZoomEvent, type ZoomTransform } from "d3-zoom";
import { h } from "./dom";
import { draw, type Look } from "./paint";
import { HEADER } from "./level";
import type { Box, Frame, View } from "./view";
import { badge } from "./view";

export interface Hit {
  member: Box | Frame;
  part: "toggle" | "badge" | "body";
}

type Handler = (hit: Hit | null, twice: boolean) => void;

const MAP = { width: 190, height: 130 };

export class Stage {
  readonly canvas: HTMLCanvasElement;
  readonly map = h("canvas", { class: "map", "aria-hidden": "true" });
  readonly element: HTMLElement;
  view: View = { boxes: [], frames: [], edges: [], labels: [], boxOf: [], width: 1, height: 1 };
  look!: Look;
  private at: ZoomTransform = zoomIdentity;
  private asked = false;
  private overview: HTMLCanvasElement | null = null;
  private readonly zoom = zoom<HTMLCanvasElement, unknown>().scaleExtent([0.01, 4]).clickDistance(4);

  constructor(label: string, private readonly onhit: Handler, private readonly onhover: (member: Box | Frame | null) => void) {
    this.canvas = h("canvas", { class: "graph", tabindex: 0, role: "application", "aria-label": `${label} Arrow keys move along its edges, Enter opens and closes blocks.`, "aria-describedby": "said" });
    this.element = h("div", { class: "stage" }, this.canvas, this.map);
    this.zoom.on("zoom", (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
      this.at = event.transform;
      this.render();
    });
    select(this.canvas).call(this.zoom).on("dblclick.zoom", null);
    this.canvas.addEventListener("click", (e) => this.onhit(this.hit(e.offsetX, e.offsetY), false));
    this.canvas.addEventListener("dblclick", (e) => this.onhit(this.hit(e.offsetX, e.offsetY), true));
    this.canvas.addEventListener("pointermove", (e) => {
      const hit = e.buttons ? null : this.hit(e.offsetX, e.offsetY);
      this.canvas.classList.toggle("over", hit !== null);
      this.onhover(hit?.member ?? null);
    });
    this.canvas.addEventListener("pointerleave", () => this.onhover(null));
    const steer = (e: PointerEvent): void => {
      if (!e.buttons) return;
      const scale = this.mapScale();
      this.centre((e.offsetX - scale.x) / scale.k, (e.offsetY - scale.y) / scale.k, false);
    };
    this.map.addEventListener("pointerdown", steer);
    this.map.addEventListener("pointermove", steer);
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  show(view: View): void {
    this.view = view;
    this.overview = null;
    this.render();
  }

  get scale(): number {
    return this.at.k;
  }

  get size(): [number, number] {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  /** From a point of the drawing to one of the canvas. */
  on(x: number, y: number): [number, number] {
    return this.at.apply([x, y]);
  }

  /** The part of the drawing that is seen. */
  seen(): [left: number, top: number, right: number, bottom: number] {
    const [width, height] = this.size;
    return [...this.at.invert([0, 0]), ...this.at.invert([width, height])];
  }

  /** Everything, or what can be read of it: from the top, centred. */
  fit(whole: boolean, smooth = true): void {
    const [width, height] = this.size;
    const { view } = this;
    const { flat } = this.look;
    const [across, along] = [(width - 48) / view.width, (height - 48) / view.height];
    const k = whole ? Math.max(Math.min(across, along, 1.25), 0.01) : Math.max(Math.min(flat ? along : across, 1), 0.6);
    const x = (width - view.width * k) / 2;
    const y = (height - view.height * k) / 2;
    const start = (space: number): number => (whole || space > 24 ? space : 24); // what does not fit begins at its beginning
    this.go(zoomIdentity.translate(flat ? start(x) : x, flat ? y : start(y)).scale(k), smooth);
  }

  by(factor: number): void {
    const [width, height] = this.size;
    const [x, y] = this.at.invert([width / 2, height / 2]);
    const k = Math.max(0.01, Math.min(4, this.at.k * factor));
    this.go(zoomIdentity.translate(width / 2 - x * k, height / 2 - y * k).scale(k), true);
  }

  /** Moves without scaling, so that a point of the drawing is at a point of the canvas. */
  pin(x: number, y: number, [px, py]: [number, number]): void {
    this.go(zoomIdentity.translate(px - x * this.at.k, py - y * this.at.k).scale(this.at.k), false);
  }

  centre(x: number, y: number, smooth = true, least = 0): void {
    const [width, height] = this.size;
    const k = Math.max(this.at.k, least);
    this.go(zoomIdentity.translate(width / 2 - x * k, height / 2 - y * k).scale(k), smooth);
  }

  /** Brings a member into sight, if it is not. */
  into(member: Box | Frame): void {
    const [left, top, right, bottom] = this.seen();
    const high = "title" in member ? HEADER : member.height;
    const inside = member.x >= left && member.x + Math.min(member.width, right - left) <= right && member.y >= top && member.y + high <= bottom;
    if (!inside || this.at.k < 0.45) this.centre(member.x + member.width / 2, member.y + high / 2, true, 0.8);
  }

  private go(target: ZoomTransform, smooth: boolean): void {
    const still = !smooth || matchMedia("(prefers-reduced-motion: reduce)").matches;
    const [start, began] = [this.at, performance.now()];
    const move = (t: ZoomTransform): unknown => select(this.canvas).call(this.zoom.transform, t);
    if (still) return void move(target);
    const step = (now: number): void => {
      if (this.at !== start && now - began > 400) return;
      const t = Math.min(1, (now - began) / 220);
      const ease = 1 - (1 - t) ** 3;
      const mix = (a: number, b: number): number => a + (b - a) * ease;
      move(t === 1 ? target : zoomIdentity.translate(mix(start.x, target.x), mix(start.y, target.y)).scale(mix(start.k, target.k)));
      if (t < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  hit(px: number, py: number): Hit | null {
    const [x, y] = this.at.invert([px, py]);
    const within = (m: Box | Frame): boolean => x >= m.x && x <= m.x + m.width && y >= m.y && y <= m.y + m.height;
    for (let k = this.view.boxes.length - 1; k >= 0; k--) {
      const box = this.view.boxes[k];
      if (!within(box)) continue;
      const right = box.x + box.width;
      if (box.times > 1 && x > right - badge(box.times) - 8 && y < box.y + 26) return { member: box, part: "badge" };
      return { member: box, part: box.kind === "scope" && x < box.x + 26 && y < box.y + 26 ? "toggle" : "body" };
    }
    for (let k = this.view.frames.length - 1; k >= 0; k--) {
      const frame = this.view.frames[k];
      if (!within(frame)) continue;
      const from = frame.x + frame.title;
      const part = y < frame.y + HEADER && x >= from && x < from + 28 && frame.scope ? "toggle" : "body";
      return { member: frame, part };
    }
    return null;
  }

  render(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  private resize(): void {
    for (const [canvas, width, height] of [[this.canvas, this.element.clientWidth, this.element.clientHeight], [this.map, MAP.width, MAP.height]] as const) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    this.overview = null;
    this.paint();
  }

  private paint(): void {
    const context = this.canvas.getContext("2d")!;
    const ratio = devicePixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.look.colours.canvas;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(ratio * this.at.k, 0, 0, ratio * this.at.k, ratio * this.at.x, ratio * this.at.y);
    draw(context, this.view, this.look, this.seen(), this.at.k);
    this.paintMap();
  }

  private mapScale(): { k: number; x: number; y: number } {
    const k = Math.min((MAP.width - 12) / this.view.width, (MAP.height - 12) / this.view.height);
    return { k, x: (MAP.width - this.view.width * k) / 2, y: (MAP.height - this.view.height * k) / 2 };
  }

  private paintMap(): void {
    const context = this.map.getContext("2d")!;
    const ratio = devicePixelRatio;
    const { k, x, y } = this.mapScale();
    if (!this.overview) {
      this.overview = document.createElement("canvas");
      this.overview.width = this.map.width;
      this.overview.height = this.map.height;
      const small = this.overview.getContext("2d")!;
      small.setTransform(ratio * k, 0, 0, ratio * k, ratio * x, ratio * y);
      for (const frame of this.view.frames) {
        small.fillStyle = this.look.colours.shade;
        small.fillRect(frame.x, frame.y, frame.width, frame.height);
      }
      for (const box of this.view.boxes) {
        small.fillStyle = this.look.paint(box).line;
        small.fillRect(box.x, box.y, Math.max(box.width, 1 / k), Math.max(box.height, 1 / k));
      }
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.map.width, this.map.height);
    context.drawImage(this.overview, 0, 0);
    const [left, top, right, bottom] = this.seen();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.strokeStyle = this.look.colours.accent;
    context.lineWidth = 1.5;
    const clip = (value: number, most: number): number => Math.max(1, Math.min(most - 1, value));
    const [l, t, r, b] = [clip(x + left * k, MAP.width), clip(y + top * k, MAP.height), clip(x + right * k, MAP.width), clip(y + bottom * k, MAP.height)];
    context.strokeRect(l, t, r - l, b - t);
  }

  /** Forgets the small map, for other colours. */
  recolour(): void {
    this.overview = null;
    this.render();
  }
}
