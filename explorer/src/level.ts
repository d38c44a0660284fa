/**
 * The inside of one frame: its members in rows, the points where values enter and leave it, and the paths between.
 * Coordinates are (across, along) the flow, from the frame's own corner; left to right exchanges the two at the end.
 * The same method as `backends/drawing/level.py`.
 */

import { LANE, assignRows, isotonic, place, thing, type Arc, type Thing } from "./layers";
import { measure } from "./text";
import { SMALL, isFrame, portWidth, type Box, type Frame } from "./view";

export type Point = [across: number, along: number];

/** One stretch of a value's way: from a member (or the entry, null) to a member (or the exit, null). */
export interface Stretch {
  key: string;
  value: string;
  box: Box;
  port: number;
  source: string | null;
  target: string | null;
}

export interface Level {
  across: number;
  along: number;
  members: Map<string, Point>;
  entries: Map<string, number>;
  exits: Map<string, number>;
  paths: Map<string, Point[]>;
}

export interface Task {
  members: (Box | Frame)[];
  stretches: Stretch[];
  levels: Map<string | null, Level>;
  labels: Map<string, string>;
  flat: boolean;
  frame: Frame | null;
}

export const [HEADER, GAP, MARGIN, BETWEEN, STEM] = [26, 24, 14, 11, 15];

export function layOutLevel(task: Task): Level {
  const { members, stretches, frame, flat } = task;
  const entries = [...new Set(stretches.filter((s) => s.source === null).map((s) => s.value))];
  const exits = [...new Set(stretches.filter((s) => s.target === null).map((s) => s.value))];
  const number = new Map<string, number>();
  for (const key of [...entries.map((v) => `in|${v}`), ...members.map((m) => m.id), ...exits.map((v) => `out|${v}`)]) number.set(key, number.size);
  const none: Point = [0, 0];
  const sizes: Point[] = [...entries.map(() => none), ...members.map((m) => size(m, task)), ...exits.map(() => none)];
  const things: Thing[] = [...entries.map(() => thing(undefined, undefined, false)), ...members.map((m) => item(m, task)), ...exits.map(() => thing(undefined, undefined, false))];
  const at = (end: string | null, way: string, value: string): number => number.get(end ?? `${way}|${value}`)!;
  const arcs = stretches.map((s): Arc => ({ source: at(s.source, "in", s.value), target: at(s.target, "out", s.value), key: s.value, leaves: leaves(s, task), arrives: arrives(s, task) }));
  const onwards = arcs.filter((a) => a.source < a.target);
  assignRows(things.length, onwards, entries.length, exits.length).forEach((row, k) => (things[k].row = row));
  const { rows, chains } = place(things, onwards);
  const bands = banded(things, sizes, rows, task, entries.length);
  const boxes = new Set(members.filter((m) => !isFrame(m)).map((m) => number.get(m.id)!));
  const offsets = spread(things, sizes, onwards, chains, boxes);
  const level: Level = { across: 0, along: 0, members: new Map(), entries: new Map(), exits: new Map(), paths: new Map() };
  const shift = breadth(level, things, task, entries.length);
  level.along = bands[bands.length - 1][1] + (frame && (flat || !exits.length) ? MARGIN : 0);
  let back = 0;
  stretches.forEach((stretch, k) => {
    const chain = chains.get(arcs[k]);
    const points = chain
      ? path(things, sizes, bands, chain, arcs[k], offsets.get(arcs[k]) ?? arcs[k].arrives, flat)
      : detour(things, sizes, bands, arcs[k], level.across - shift + ++back * LANE);
    level.paths.set(stretch.key, points.map(([x, y]): Point => [x + shift, y]));
  });
  level.across += back * LANE;
  for (const member of members) {
    const n = number.get(member.id)!;
    const [top, bottom] = bands[things[n].row];
    level.members.set(member.id, [things[n].x + shift - sizes[n][0] / 2, (top + bottom) / 2 - sizes[n][1] / 2]);
  }
  for (const value of entries) level.entries.set(value, things[number.get(`in|${value}`)!].x + shift);
  for (const value of exits) level.exits.set(value, things[number.get(`out|${value}`)!].x + shift);
  return level;
}

function size(member: Box | Frame, { levels, flat }: Task): Point {
  if (isFrame(member)) return [levels.get(member.id)!.across, levels.get(member.id)!.along];
  return flat ? [member.height, member.width] : [member.width, member.height];
}

/** A member with room for itself and, beside the lines that leave it, for their labels. */
function item(member: Box | Frame, task: Task): Thing {
  const half = size(member, task)[0] / 2;
  let room = half;
  if (!isFrame(member) && !task.flat)
    for (let port = 0; port < Math.max(member.ports.length, 1); port++) {
      const label = task.labels.get(`${member.id}:${port}`);
      if (label) room = Math.max(room, portOffset(member, port, false) + 6 + measure(label, SMALL));
    }
  return thing(half + BETWEEN, room + BETWEEN, false);
}

/** Where a value leaves a member, from its centre. */
function leaves(stretch: Stretch, { levels, flat }: Task): number {
  if (stretch.source === null) return 0;
  const inner = levels.get(stretch.source);
  return inner ? inner.exits.get(stretch.value)! - inner.across / 2 : portOffset(stretch.box, stretch.port, flat);
}

export function portOffset(box: Box, port: number, flat: boolean): number {
  if (port < 0 || port >= box.ports.length) return 0;
  if (flat) return (port - (box.ports.length - 1) / 2) * Math.min(10, box.height / box.ports.length);
  const widths = box.ports.map(portWidth);
  const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);
  return sum(widths.slice(0, port)) + widths[port] / 2 - sum(widths) / 2;
}

function arrives(stretch: Stretch, { levels }: Task): number {
  const inner = stretch.target === null ? undefined : levels.get(stretch.target);
  return inner ? inner.entries.get(stretch.value)! - inner.across / 2 : 0;
}

/** Upper and lower end of each row. Gaps grow with the slant of the lines in them, and with labels in a row. */
function banded(things: Thing[], sizes: Point[], rows: number[][], task: Task, entries: number): Point[] {
  const header = task.frame && !task.flat ? HEADER : 0;
  const bands: Point[] = [];
  let top = entries || !task.frame ? 0 : header + MARGIN;
  for (const row of rows) {
    let bottom = row.reduce((most, n) => Math.max(most, top + (sizes[n]?.[1] ?? 0)), top);
    if (entries && !bands.length) bottom += header;
    bands.push([top, bottom]);
    let [slant, labels] = [0, 0];
    for (const n of row) {
      for (const [m] of things[n].down) slant = Math.max(slant, Math.abs(things[n].x - things[m].x));
      const member = task.members[n - entries];
      if (task.flat && member && !isFrame(member))
        for (let port = 0; port < Math.max(member.ports.length, 1); port++) labels = Math.max(labels, measure(task.labels.get(`${member.id}:${port}`) ?? "", SMALL));
    }
    const gap = entries && bands.length === 1 ? GAP / 2 : GAP;
    top = bottom + Math.max(gap, labels ? labels + 16 : 0) + Math.min(40, 0.07 * slant) + (slant > 1 && !task.flat ? STEM : 0);
  }
  return bands.length ? bands : [[0, 0]];
}

/** Sets the extent across, and returns what moves the leftmost thing inside. */
function breadth(level: Level, things: Thing[], task: Task, entries: number): number {
  let [left, right] = [Infinity, -Infinity];
  for (const t of things) [left, right] = [Math.min(left, t.x - t.before), Math.max(right, t.x + t.after)];
  if (left > right) [left, right] = [0, 0];
  const margin = task.frame ? MARGIN - BETWEEN : 0;
  const header = task.frame && task.flat ? HEADER : 0;
  level.across = right - left + 2 * margin + header;
  const shift = margin + header - left;
  if (!task.frame || task.flat) return shift;
  const wide = task.frame.title;
  const ports = things.slice(0, entries).map((t) => t.x + shift);
  if (!ports.length) ports.push(level.across);
  const before = Math.max(0, wide - Math.min(...ports));
  const after = Math.max(0, wide - level.across + Math.max(...ports));
  level.across += Math.min(before, after); // the title stands beside the lines that come in
  return before <= after ? shift + before : shift;
}

/** Where lines arrive at boxes: straight below where they come from if they can, a little apart from each other. */
function spread(things: Thing[], sizes: Point[], arcs: Arc[], chains: Map<Arc, number[]>, boxes: Set<number>): Map<Arc, number> {
  const arriving = new Map<number, [number, Arc][]>();
  for (const arc of arcs) {
    if (!boxes.has(arc.target)) continue;
    const before = chains.get(arc)!.at(-2)!;
    const come = things[before].x + (before === arc.source ? arc.leaves : 0) - things[arc.target].x;
    arriving.set(arc.target, [...(arriving.get(arc.target) ?? []), [come, arc]]);
  }
  const offsets = new Map<Arc, number>();
  for (const [target, lines] of arriving) {
    lines.sort((a, b) => a[0] - b[0]);
    const half = Math.max(sizes[target][0] / 2 - 10, 0);
    const apart = Math.min(12, (2 * half) / Math.max(lines.length - 1, 1));
    const solved = isotonic(lines.map(([come], k) => Math.max(-half, Math.min(half, come)) - k * apart), lines.map(() => 1));
    const over = Math.max(0, solved[solved.length - 1] + (lines.length - 1) * apart - half);
    lines.forEach(([, arc], k) => offsets.set(arc, Math.max(solved[k] + k * apart - over, -half + k * apart)));
  }
  return offsets;
}

/** Straight inside the rows and beside a label, free between them. */
function path(things: Thing[], sizes: Point[], bands: Point[], chain: number[], arc: Arc, arrive: number, flat: boolean): Point[] {
  const [source, target] = [things[arc.source], things[arc.target]];
  const x = source.x + arc.leaves;
  const [top, bottom] = bands[source.row];
  const size = sizes[arc.source];
  const start = size[0] || size[1] ? (top + bottom) / 2 + size[1] / 2 : top;
  const points: Point[] = [[x, start], [x, bottom + (flat || source.row + 1 === bands.length ? 0 : STEM)]];
  for (const joint of chain.slice(1, -1)) {
    const band = bands[things[joint].row];
    points.push([things[joint].x, band[0]], [things[joint].x, band[1]]);
  }
  const [high, low] = bands[target.row];
  return [...points, [target.x + arrive, high], [target.x + arrive, (high + low) / 2 - sizes[arc.target][1] / 2]];
}

/** The way back up, around the right-hand side of everything. */
function detour(things: Thing[], sizes: Point[], bands: Point[], arc: Arc, side: number): Point[] {
  const [source, target] = [things[arc.source], things[arc.target]];
  const middle = (k: number): number => (bands[things[k].row][0] + bands[things[k].row][1]) / 2;
  const [start, end] = [source.x + arc.leaves, target.x + arc.arrives];
  const [under, over] = [bands[source.row][1] + 7, bands[target.row][0] - 7];
  return [[start, middle(arc.source) + sizes[arc.source][1] / 2], [start, under], [side, under], [side, over], [end, over], [end, middle(arc.target) - sizes[arc.target][1] / 2]];
}
