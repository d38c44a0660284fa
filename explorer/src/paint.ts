/** Draws what is seen of a view on a canvas; the smaller the scale, the less of it. */

import type { Gallery } from "./gallery";
import { HEADER } from "./level";
import { portOffset } from "./level";
import type { Paint } from "./model";
import { font } from "./text";
import { SMALL, TITLE, badge, portWidth, type Box, type Edge, type Frame, type View } from "./view";

export interface Colours {
  canvas: string;
  ink: string;
  muted: string;
  edge: string;
  accent: string;
  glow: string;
  shade: string;
  frame: string;
  levels: string[];
}

export interface Look {
  colours: Colours;
  paint: (box: Box) => Paint;
  chosen: Box | Frame | null;
  hovered: Box | Frame | null;
  marked: Set<Box>;
  flat: boolean;
  gallery: Gallery | null;
}

export const LIGHT: Colours = {
  canvas: "#fcfdfe", ink: "#1b2430", muted: "#5b6876", edge: "#8b97a4", accent: "#1f6feb", glow: "rgba(31,111,235,.16)", shade: "rgba(60,80,100,.09)", frame: "#c6d0da",
  levels: ["#f4f6f9", "#eaeef3", "#e1e7ee", "#d8e0e9"],
};
export const DARKNESS: Colours = {
  canvas: "#0e1216", ink: "#e9eef3", muted: "#9dabb8", edge: "#677583", accent: "#6cb0ff", glow: "rgba(108,176,255,.22)", shade: "rgba(170,190,210,.12)", frame: "#36424e",
  levels: ["#151a20", "#1b2128", "#212932", "#27313b"],
};

type Context = CanvasRenderingContext2D;

export function draw(context: Context, view: View, look: Look, seen: [number, number, number, number], scale: number): void {
  const [left, top, right, bottom] = seen;
  const visible = (m: Box | Frame): boolean => m.x < right && m.y < bottom && m.x + m.width > left && m.y + m.height > top;
  for (const frame of view.frames) if (visible(frame)) drawFrame(context, frame, look, scale, left, top);
  drawEdges(context, view.edges, look, seen, scale);
  if (scale > 0.5) {
    context.font = font(SMALL);
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    for (const label of view.labels) {
      if (label.x > right || label.x < left - 200 || label.y < top || label.y > bottom + 12) continue;
      context.fillStyle = look.colours.muted;
      context.fillText(label.text, label.x, label.y);
    }
  }
  for (const box of view.boxes) if (visible(box)) drawBox(context, box, look, scale);
}

const depth = (frame: Frame): number => (frame.frame ? 1 + depth(frame.frame) : 0);

function rounded(context: Context, m: Box | Frame, radius: number, grow = 0): void {
  context.beginPath();
  context.roundRect(m.x - grow, m.y - grow, m.width + 2 * grow, m.height + 2 * grow, radius + grow);
}

function drawFrame(context: Context, frame: Frame, look: Look, scale: number, left: number, top: number): void {
  const { colours } = look;
  const chosen = look.chosen === frame;
  rounded(context, frame, 10);
  context.fillStyle = colours.levels[Math.min(depth(frame), colours.levels.length - 1)];
  context.fill();
  context.setLineDash(frame.training ? [5, 4] : []);
  context.strokeStyle = chosen ? colours.accent : look.hovered === frame ? colours.muted : colours.frame;
  context.lineWidth = chosen ? 2 : 1;
  context.stroke();
  context.setLineDash([]);
  if (scale < 0.22) return;
  context.textBaseline = "middle";
  context.textAlign = "left";
  // the title stays in sight while its frame is
  const y = Math.max(frame.y, Math.min(top + 4, frame.y + frame.height - HEADER)) + HEADER / 2 + 1;
  let x = Math.max(frame.x + frame.title, Math.min(left, frame.x + frame.width - 120)) + 10;
  if (frame.scope) {
    toggle(context, x, y, false, colours);
    x += 18;
  }
  context.font = font(TITLE);
  context.fillStyle = colours.ink;
  context.fillText(frame.label, x, y);
  x += context.measureText(frame.label).width + 8;
  if (frame.block && frame.block !== frame.label) {
    context.font = font(SMALL);
    context.fillStyle = colours.muted;
    context.fillText(frame.block, x, y + 0.5);
    x += context.measureText(frame.block).width + 8;
  }
  if (frame.times > 1) pill(context, x, y, frame.times, look);
}

function toggle(context: Context, x: number, y: number, closed: boolean, colours: Colours): void {
  context.beginPath();
  context.roundRect(x, y - 6, 12, 12, 3);
  context.strokeStyle = colours.muted;
  context.lineWidth = 1;
  context.stroke();
  context.beginPath();
  context.moveTo(x + 3, y);
  context.lineTo(x + 9, y);
  if (closed) {
    context.moveTo(x + 6, y - 3);
    context.lineTo(x + 6, y + 3);
  }
  context.stroke();
}

function pill(context: Context, x: number, y: number, times: number, look: Look): void {
  context.beginPath();
  context.roundRect(x, y - 8, badge(times), 16, 8);
  context.fillStyle = look.colours.accent;
  context.fill();
  context.font = font(TITLE);
  context.fillStyle = look.colours.canvas;
  context.textAlign = "left";
  context.fillText(`×${times}`, x + 5, y + 0.5);
}

function drawBox(context: Context, box: Box, look: Look, scale: number): void {
  const { colours } = look;
  const paint = look.paint(box);
  const chosen = look.chosen === box;
  const round = box.kind === "input" || box.kind === "output" || box.kind === "target" ? 13 : 6;
  if (box.times > 1 && scale > 0.3)
    for (const step of [6, 3]) {
      context.beginPath();
      context.roundRect(box.x + step, box.y + step, box.width, box.height, round);
      context.fillStyle = paint.fill;
      context.strokeStyle = paint.line;
      context.lineWidth = 0.8;
      context.fill();
      context.stroke();
    }
  if (chosen || look.marked.has(box)) {
    rounded(context, box, round, 4);
    context.fillStyle = colours.glow;
    context.fill();
  }
  rounded(context, box, round);
  context.fillStyle = paint.fill;
  context.fill();
  context.setLineDash(box.training ? [5, 3] : []);
  context.strokeStyle = chosen || look.marked.has(box) ? colours.accent : paint.line;
  context.lineWidth = chosen ? 2.4 : look.hovered === box ? 2 : 1;
  context.stroke();
  context.setLineDash([]);
  if (box.strip && look.gallery && scale > 0.1) {
    const { strip } = box;
    look.gallery.drawStrip(context, strip, box.x + (box.width - strip.width) / 2 + 1, box.y + 29 + 14 * box.lines.length);
  }
  if (scale < 0.28) return;
  context.textBaseline = "middle";
  context.fillStyle = paint.text;
  context.font = font(TITLE);
  const closed = box.kind === "scope";
  const pilled = box.times > 1 ? badge(box.times) + 8 : 0;
  const middle = box.x + (box.width - pilled) / 2 + (closed ? 7 : 0);
  const y = box.y + 15;
  context.textAlign = "center";
  context.fillText(box.label, middle, y);
  if (closed) toggle(context, box.x + 8, y, true, { ...colours, muted: paint.line });
  if (pilled) pill(context, box.x + box.width - pilled, y, box.times, look);
  if (scale < 0.45) return;
  context.font = font(SMALL);
  context.fillStyle = paint.text;
  context.globalAlpha = 0.85;
  context.textAlign = "center";
  box.lines.forEach((line, k) => context.fillText(line, box.x + box.width / 2, box.y + 32 + 14 * k));
  box.ports.forEach((port, k) => {
    const wide = portWidth(port);
    const x = box.x + box.width / 2 + portOffset(box, k, false);
    context.strokeStyle = paint.line;
    context.lineWidth = 0.8;
    context.strokeRect(x - wide / 2 + 1.5, box.y + box.height - 18, wide - 3, 14);
    context.fillText(port, x, box.y + box.height - 10.5);
  });
  context.globalAlpha = 1;
}

function drawEdges(context: Context, edges: Edge[], look: Look, seen: [number, number, number, number], scale: number): void {
  const focus = look.chosen ?? look.hovered;
  const near = (edge: Edge): boolean => edge.source === focus || edge.target === focus;
  const plain: Edge[] = [];
  const training: Edge[] = [];
  const bright: Edge[] = [];
  for (const edge of edges) if (touches(edge, seen)) (near(edge) ? bright : edge.training ? training : plain).push(edge);
  const { colours } = look;
  const width = Math.max(1.2, Math.min(0.5 / scale, 3));
  stroke(context, plain, colours.edge, width, [], look.flat, scale);
  stroke(context, training, colours.edge, width, [5, 4], look.flat, scale);
  stroke(context, bright, colours.accent, width * 1.6, [], look.flat, scale);
}

const bounds = new WeakMap<Edge, [number, number, number, number]>();

function touches(edge: Edge, [left, top, right, bottom]: [number, number, number, number]): boolean {
  let box = bounds.get(edge);
  if (!box) {
    const [xs, ys] = [edge.points.map(([x]) => x), edge.points.map(([, y]) => y)];
    bounds.set(edge, (box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]));
  }
  return box[0] < right && box[2] > left && box[1] < bottom && box[3] > top;
}

function stroke(context: Context, edges: Edge[], colour: string, width: number, dash: number[], flat: boolean, scale: number): void {
  if (!edges.length) return;
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  for (const { points } of edges) {
    context.moveTo(...points[0]);
    for (let k = 1; k < points.length; k++) {
      const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
      if (flat ? Math.abs(y1 - y0) < 0.5 : Math.abs(x1 - x0) < 0.5) context.lineTo(x1, y1);
      else if (flat) context.bezierCurveTo((x0 + x1) / 2, y0, (x0 + x1) / 2, y1, x1, y1);
      else context.bezierCurveTo(x0, (y0 + y1) / 2, x1, (y0 + y1) / 2, x1, y1);
    }
  }
  context.stroke();
  context.setLineDash([]);
  if (scale < 0.15) return;
  context.beginPath();
  for (const { points } of edges) {
    const [x, y] = points[points.length - 1];
    const [long, wide] = [7, 3.4];
    context.moveTo(x, y);
    if (flat) {
      context.lineTo(x - long, y - wide);
      context.lineTo(x - long, y + wide);
    } else {
      context.lineTo(x - wide, y - long);
      context.lineTo(x + wide, y - long);
    }
    context.closePath();
  }
  context.fill();
}
