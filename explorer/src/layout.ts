/** Coordinates for a view: each frame is laid out on its own and then stands as one rectangle in the level around it. */

import { layOutLevel, type Level, type Point, type Stretch } from "./level";
import type { Box, Edge, Frame, View } from "./view";

type Leg = [level: string | null, stretch: Stretch];

/** Fills in the coordinates of boxes, frames, edges and labels; the same view always gives the same layout. */
export function layOut(view: View, flat: boolean): void {
  const legs = new Map(view.edges.map((edge) => [edge, journey(edge)]));
  const stretches = new Map<string | null, Map<string, Stretch>>();
  for (const journey of legs.values())
    for (const [level, stretch] of journey) {
      if (!stretches.has(level)) stretches.set(level, new Map());
      stretches.get(level)!.set(stretch.key, stretch);
    }
  const members = ordered(view);
  const labels = labelled(view);
  const levels = new Map<string | null, Level>();
  for (const frame of [...view.frames].reverse().concat([null as unknown as Frame])) {
    const id = frame?.id ?? null;
    levels.set(id, layOutLevel({ members: members.get(id) ?? [], stretches: [...(stretches.get(id)?.values() ?? [])], levels, labels, flat, frame }));
  }
  assemble(view, levels, legs, labels, flat);
}

/** The label of each value; where the outputs of a box are alike, the last one that is read speaks for all. */
function labelled(view: View): Map<string, string> {
  const found = new Map<Box, Map<number, string>>();
  for (const edge of view.edges) {
    if (!found.has(edge.source)) found.set(edge.source, new Map());
    found.get(edge.source)!.set(edge.port, edge.label);
  }
  const labels = new Map<string, string>();
  for (const [box, ports] of found) {
    const alike = new Set(ports.values()).size === 1;
    const end = Math.max(...ports.keys());
    for (const [port, text] of ports) if ((!alike || port === end) && text !== box.lines[0]) labels.set(`${box.id}:${port}`, text);
  }
  return labels;
}

/** Boxes and frames directly inside each frame, in the order of the first box in each. */
function ordered(view: View): Map<string | null, (Box | Frame)[]> {
  const first = new Map<string, number>();
  const members = new Map<string | null, (Box | Frame)[]>();
  view.boxes.forEach((box, k) => {
    for (let m: Box | Frame | null = box; m; m = m.frame) if (!first.has(m.id)) first.set(m.id, k);
  });
  for (const m of [...view.boxes, ...view.frames]) {
    const around = m.frame?.id ?? null;
    if (!members.has(around)) members.set(around, []);
    members.get(around)!.push(m);
  }
  for (const list of members.values()) list.sort((a, b) => first.get(a.id)! - first.get(b.id)!);
  return members;
}

/** The stretches of an edge: out of the frames around its source, across, into those around its target. */
function journey(edge: Edge): Leg[] {
  const value = `${edge.source.id}:${edge.port}`;
  const [up, down] = [ancestry(edge.source), ancestry(edge.target)];
  while (up.length > 2 && down.length > 2 && up[up.length - 2] === down[down.length - 2]) {
    up.pop();
    down.pop();
  }
  const leg = (level: string | null, source: string | null, target: string | null): Leg => [level, { key: `${value}|${source}|${target}`, value, box: edge.source, port: edge.port, source, target }];
  const out = up.slice(0, -2).map((m, k) => leg(up[k + 1], m, null));
  const into = down.slice(0, -2).map((m, k) => leg(down[k + 1], null, m)).reverse();
  return [...out, leg(up[up.length - 1], up[up.length - 2], down[down.length - 2]), ...into];
}

function ancestry(member: Box): (string | null)[] {
  const chain: (string | null)[] = [];
  for (let m: Box | Frame | null = member; m; m = m.frame) chain.push(m.id);
  return [...chain, null];
}

/** Absolute coordinates, from the outside in. */
function assemble(view: View, levels: Map<string | null, Level>, legs: Map<Edge, Leg[]>, labels: Map<string, string>, flat: boolean): void {
  const origins = new Map<string | null, Point>([[null, [0, 0]]]);
  const corner = (m: Box | Frame): Point => {
    const around = m.frame?.id ?? null;
    const [u, v] = origins.get(around)!;
    const [du, dv] = levels.get(around)!.members.get(m.id)!;
    return [u + du, v + dv];
  };
  for (const frame of view.frames) {
    const origin = corner(frame);
    const { across, along, entries } = levels.get(frame.id)!;
    origins.set(frame.id, origin);
    [frame.x, frame.y] = flat ? [origin[1], origin[0]] : origin;
    [frame.width, frame.height] = flat ? [along, across] : [across, along];
    const clear = flat || [...entries.values()].every((x) => x >= frame.title);
    frame.title = clear ? 0 : Math.max(0, across - frame.title - 4); // from the left end to where the title begins
  }
  for (const box of view.boxes) {
    const [u, v] = corner(box);
    [box.x, box.y] = flat ? [v, u] : [u, v];
  }
  for (const [edge, journey] of legs) {
    const points: Point[] = [];
    for (const [id, stretch] of journey) {
      const [u, v] = origins.get(id)!;
      for (const [du, dv] of levels.get(id)!.paths.get(stretch.key)!) {
        const before = points[points.length - 1];
        if (!before || before[0] !== u + du || before[1] !== v + dv) points.push([u + du, v + dv]);
      }
    }
    edge.points = flat ? points.map(([u, v]) => [v, u]) : points;
  }
  const spoken = new Set<string>();
  for (const edge of view.edges) {
    const value = `${edge.source.id}:${edge.port}`;
    if (spoken.has(value) || !labels.has(value)) continue;
    spoken.add(value);
    const [x, y] = edge.points[0];
    view.labels.push({ x: flat ? x + 6 : x + 5, y: flat ? y - 5 : y + 13 + (edge.source.times > 1 ? 6 : 0), text: labels.get(value)! });
  }
  const { across, along } = levels.get(null)!;
  [view.width, view.height] = flat ? [along, across] : [across, along];
}

