/** The picture of a live page: one is dropped or chosen, drawn on, and parts of it are hidden; the model sees it at once. */

import { h } from "./dom";
import type { Engine, LiveModel } from "./live";

type Tool = "draw" | "hide";

/** The side on the screen, and how wide a stroke is, as a share of it. */
const [SIDE, STROKE] = [172, 0.09];

export class Easel {
  private readonly canvas: HTMLCanvasElement;
  private readonly veil: HTMLCanvasElement;
  private readonly visible: Uint8Array;
  private readonly said = h("output", { "aria-live": "polite" });
  private readonly colour = h("input", { type: "color", value: "#ffffff", "aria-label": "Colour to draw with" });
  private readonly file = h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: -1, "aria-label": "A picture file", onchange: () => this.opened(this.file.files?.[0]) });
  private readonly tools: Record<Tool, HTMLButtonElement>;
  readonly element: HTMLElement;
  private tool: Tool = "draw";
  private from: [x: number, y: number] | null = null;
  /** Whether the model runs, or is about to. */
  busy = false;
  private again = false;

  /** `begin` gives the number of one's own picture in the run; `seen` tells that the model ran on it. */
  constructor(private readonly model: LiveModel, private readonly engine: Promise<Engine>, private readonly begin: () => number, private readonly seen: (at: number) => void) {
    const [, height, width] = model.shape;
    const size = { width, height };
    this.canvas = h("canvas", { ...size, role: "img", "aria-label": "The picture that the model sees" });
    this.veil = h("canvas", { ...size, class: "veil", "aria-hidden": "true" });
    this.visible = new Uint8Array(width * height).fill(1);
    const shown = (size: number): string => `${(SIDE * size) / Math.max(width, height)}px`;
    const board = h("div", { class: "board", onpointerdown: (e) => this.down(e as PointerEvent), onpointermove: (e) => this.move(e as PointerEvent), onpointerup: (e) => this.up(e as PointerEvent), onpointercancel: () => (this.from = null) }, this.canvas, this.veil);
    Object.assign(board.style, { width: shown(width), height: shown(height) });
    const tool = (name: Tool, label: string, title: string): HTMLButtonElement => h("button", { type: "button", title, "aria-pressed": String(name === this.tool), onclick: () => this.take(name) }, label);
    this.tools = { draw: tool("draw", "Draw", "Draw on the picture"), hide: tool("hide", "Hide", model.mask ? "Drag over what layer masking shall hide" : "Drag over what shall be grey") };
    const act = (label: string, title: string, what: () => void): HTMLButtonElement => h("button", { type: "button", title, onclick: what }, label);
    this.element = h("section", { class: "easel", "aria-label": "Your own picture" }, board,
      h("div", { class: "row", role: "group", "aria-label": "Tools" }, this.tools.draw, this.colour, this.tools.hide, act("Show all", "Hide nothing", () => this.unhide())),
      h("div", { class: "row" }, act("Picture…", "Choose a picture, or drop one anywhere", () => this.file.click()), this.file, act("Empty", "A black picture", () => this.empty())), this.said);
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => (event.preventDefault(), this.opened(event.dataTransfer?.files[0])));
    this.say("loading the model…");
    engine.then(() => this.say("ready"), (error: Error) => this.say(`the model does not run here: ${error.message}`));
    this.take("draw");
  }

  /** Whether part of the picture is hidden. */
  get hides(): boolean {
    return this.visible.includes(0);
  }

  private say(text: string): void {
    this.said.textContent = text;
  }

  private take(tool: Tool): void {
    this.tool = tool;
    for (const name of ["draw", "hide"] as const) this.tools[name].setAttribute("aria-pressed", String(name === tool));
  }

  private get brush(): CanvasRenderingContext2D {
    return this.canvas.getContext("2d", { willReadFrequently: true })!;
  }

  /** Puts a picture on the easel, by its address, as it is. */
  async put(address: string): Promise<void> {
    const image = new Image();
    image.src = address;
    await image.decode();
    this.brush.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
  }

  private async opened(file: File | undefined): Promise<void> {
    if (!file) return;
    try {
      const image = await createImageBitmap(file);
      this.fit(image);
      this.unhide();
    } catch {
      this.say(`${file.name} is no picture that this browser reads`);
    }
  }

  /** Draws a picture as the model's own pictures are read: the middle of it, or the whole of it stretched. */
  private fit(image: ImageBitmap): void {
    const { width, height } = this.canvas;
    const { crop } = this.model;
    let [wide, high] = [width, height];
    if (crop !== null) {
      const side = Math.max(height, Math.round(height / crop));
      const scale = side / Math.min(image.width, image.height);
      [wide, high] = [Math.max(width, Math.round(image.width * scale)), Math.max(height, Math.round(image.height * scale))];
    }
    const context = this.brush;
    context.imageSmoothingEnabled = wide !== image.width || high !== image.height;
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, width, height);
    context.drawImage(image, -Math.floor((wide - width) / 2), -Math.floor((high - height) / 2), wide, high);
  }

  private empty(): void {
    this.brush.fillStyle = "#000";
    this.brush.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.unhide();
  }

  private unhide(): void {
    this.visible.fill(1);
    this.cover();
    void this.look();
  }

  /** Draws the veil over what is hidden. */
  private cover(): void {
    const context = this.veil.getContext("2d")!;
    const image = context.createImageData(this.veil.width, this.veil.height);
    const { width } = this.veil;
    for (let k = 0; k < this.visible.length; k++) if (!this.visible[k]) image.data.set((((k % width) + Math.floor(k / width)) & 3) < 2 ? [150, 158, 168, 255] : [118, 126, 138, 255], 4 * k);
    context.putImageData(image, 0, 0);
  }

  // -- the pointer -----------------------------------------------------------------------------
  private place(event: PointerEvent): [number, number] {
    const corner = this.canvas.getBoundingClientRect();
    return [((event.clientX - corner.x) / corner.width) * this.canvas.width, ((event.clientY - corner.y) / corner.height) * this.canvas.height];
  }

  private down(event: PointerEvent): void {
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    event.preventDefault();
    this.from = this.place(event);
    this.move(event);
  }

  private move(event: PointerEvent): void {
    if (!this.from) return;
    const to = this.place(event);
    if (this.tool === "draw") {
      const context = this.brush;
      Object.assign(context, { strokeStyle: this.colour.value, lineWidth: STROKE * this.canvas.width, lineCap: "round" });
      context.beginPath();
      context.moveTo(...this.from);
      context.lineTo(...to);
      context.stroke();
      this.from = to;
    } else this.hide(this.from, to);
    void this.look();
  }

  private up(event: PointerEvent): void {
    this.move(event);
    this.from = null;
  }

  private hide([x, y]: [number, number], [u, v]: [number, number]): void {
    const { width, height } = this.canvas;
    const range = (a: number, b: number, most: number): [number, number] => [Math.max(0, Math.floor(Math.min(a, b))), Math.min(most, Math.ceil(Math.max(a, b)))];
    const [[left, right], [top, bottom]] = [range(x, u, width), range(y, v, height)];
    for (let row = top; row < bottom; row++) this.visible.fill(0, row * width + left, row * width + Math.max(left, right));
    this.cover();
  }

  // -- the model -------------------------------------------------------------------------------
  /** Runs the model on what is there now; while it runs, the latest picture waits and those before it are left out. */
  private async look(): Promise<void> {
    this.again = true;
    if (this.busy) return;
    this.busy = true;
    while (this.again) {
      this.again = false;
      await this.run();
      await new Promise(requestAnimationFrame);
    }
    this.busy = false;
  }

  private async run(): Promise<void> {
    try {
      const engine = await this.engine;
      const at = this.begin();
      const start = performance.now();
      await engine.see(this.shown(), this.visible.slice(), at);
      this.say(`${Math.round(performance.now() - start)} ms, in this browser`);
      this.seen(at);
    } catch (error) {
      this.say(`the model did not run: ${(error as Error).message}`);
    }
  }

  /** The picture; where the model takes no mask, grey where it is hidden. */
  private shown(): HTMLCanvasElement {
    if (this.model.mask || !this.hides) return this.canvas;
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [this.canvas.width, this.canvas.height];
    const context = copy.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(this.canvas, 0, 0);
    const { width } = copy;
    context.fillStyle = `rgb(${[0, 1, 2].map((c) => Math.round(255 * (this.model.mean[c] ?? this.model.mean[0]))).join(",")})`;
    this.visible.forEach((visible, k) => visible || context.fillRect(k % width, Math.floor(k / width), 1, 1));
    return copy;
  }
}
