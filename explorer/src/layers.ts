/**
 * Layered layout of one level: rectangles in rows, by the method of Sugiyama, Tagawa and Toda (1981).
 *
 * The same method as `backends/drawing/layers.py`: long arcs run through chains of joints, shared by all arcs of one
 * value; rows are ordered by barycentres; positions in a row solve a least-squares problem under minimal distances,
 * exactly, by pooling adjacent violators.
 */

const ORDER_SWEEPS = 8;
const PLACE_SWEEPS = 14;
const MOST_JOINTS = 60_000;
export const LANE = 14;

type Link = [other: number, own: number, theirs: number];

/** A rectangle in a row; `before` and `after` reach from its centre to its left and right end. */
export interface Thing {
  before: number;
  after: number;
  joint: boolean;
  row: number;
  x: number;
  up: Link[];
  down: Link[];
}

/** From one thing to another, leaving and arriving at offsets from their centres; `key` says which value flows. */
export interface Arc {
  source: number;
  target: number;
  key: string;
  leaves: number;
  arrives: number;
}

export const thing = (before = LANE / 2, after = LANE / 2, joint = true, row = 0): Thing => ({ before, after, joint, row, x: 0, up: [], down: [] });

/** A row for each thing, below all it reads; the first `entries` alone on top, the last `exits` alone at the bottom. */
export function assignRows(count: number, arcs: Arc[], entries: number, exits: number): number[] {
  const rows = new Array<number>(count).fill(0);
  const outgoing: number[][] = rows.map(() => []);
  const incoming: number[][] = rows.map(() => []);
  const end = (k: number): boolean => k < entries || k >= count - exits;
  for (const arc of arcs) {
    outgoing[arc.source].push(arc.target);
    incoming[arc.target].push(arc.source);
  }
  const start = entries ? 1 : 0;
  for (let k = entries; k < count - exits; k++) {
    rows[k] = Math.max(rows[k], start);
    for (const target of outgoing[k]) rows[target] = Math.max(rows[target], rows[k] + 1);
  }
  const floating = new Set<number>();
  for (let k = entries; k < count - exits; k++)
    if (outgoing[k].length && incoming[k].every((s) => floating.has(s))) floating.add(k);
  for (const k of [...floating].reverse()) {
    const below = outgoing[k].filter((t) => !end(t)).map((t) => rows[t]);
    if (below.length && incoming[k].length <= 1) rows[k] = Math.max(rows[k], below.reduce((a, b) => Math.min(a, b)) - 1);
  }
  let bottom = start;
  for (let k = entries; k < count - exits; k++) bottom = Math.max(bottom, rows[k] + 1);
  for (let k = count - exits; k < count; k++) rows[k] = bottom;
  return rows;
}

/** Sets `x` of every thing (joints are appended), and returns the rows and each arc's chain of things. */
export function place(things: Thing[], arcs: Arc[]): { rows: number[][]; chains: Map<Arc, number[]> } {
  const chains = chained(things, arcs);
  const height = 1 + things.reduce((most, t) => Math.max(most, t.row), 0);
  const rows: number[][] = Array.from({ length: height }, () => []);
  things.forEach((t, k) => !t.joint && rows[t.row].push(k));
  things.forEach((t, k) => t.joint && rows[t.row].push(k));
  const ordered = order(things, rows);
  position(things, ordered);
  return { rows: ordered, chains };
}

function chained(things: Thing[], arcs: Arc[]): Map<Arc, number[]> {
  const joints = new Map<string, number>();
  const linked = new Set<string>();
  const chains = new Map<Arc, number[]>();
  for (const arc of arcs) {
    const chain = [arc.source];
    const [top, bottom] = [things[arc.source].row, things[arc.target].row];
    if (joints.size + bottom - top < MOST_JOINTS)
      for (let row = top + 1; row < bottom; row++) {
        const key = `${arc.source}|${arc.key}|${row}`;
        let joint = joints.get(key);
        if (joint === undefined) {
          joints.set(key, (joint = things.length));
          things.push(thing(undefined, undefined, true, row));
        }
        chain.push(joint);
      }
    chain.push(arc.target);
    chains.set(arc, chain);
    for (let k = 1; k < chain.length; k++) {
      const [above, below] = [chain[k - 1], chain[k]];
      const key = `${above}|${below}|${arc.key}`;
      if (linked.has(key) || things[below].row !== things[above].row + 1) continue;
      linked.add(key);
      const leaves = above === arc.source ? arc.leaves : 0;
      const arrives = below === arc.target ? arc.arrives : 0;
      things[above].down.push([below, leaves, arrives]);
      things[below].up.push([above, arrives, leaves]);
    }
  }
  return chains;
}

/** Barycentre sweeps, down and up; the order with the fewest crossings stays. */
function order(things: Thing[], rows: number[][]): number[][] {
  let best = rows.map((row) => [...row]);
  let fewest = crossings(things, rows);
  const rank = new Array<number>(things.length).fill(0);
  const ranked = (row: number[] | undefined): void => row?.forEach((n, k) => (rank[n] = k));
  for (let sweep = 0; sweep < ORDER_SWEEPS && fewest > 0; sweep++) {
    const down = sweep % 2 === 0;
    for (let k = 0; k < rows.length; k++) {
      const number = down ? k : rows.length - 1 - k;
      const row = rows[number];
      const other = rows[number + (down ? -1 : 1)];
      if (row.length < 2) continue;
      ranked(other);
      const scale = row.length / Math.max(other?.length ?? 1, 1);
      const centre = new Map(
        row.map((n, here) => {
          const links = down ? things[n].up : things[n].down;
          if (!links.length) return [n, here];
          return [n, (scale * links.reduce((sum, [m, , theirs]) => sum + rank[m] + theirs * 1e-4, 0)) / links.length];
        }),
      );
      row.sort((a, b) => centre.get(a)! - centre.get(b)!);
    }
    const found = crossings(things, rows);
    if (found < fewest) [best, fewest] = [rows.map((row) => [...row]), found];
  }
  return best;
}

/** How many pairs of links cross between neighbouring rows: inversions, counted with a binary indexed tree. */
function crossings(things: Thing[], rows: number[][]): number {
  let total = 0;
  const rank = new Array<number>(things.length).fill(0);
  for (let k = 0; k + 1 < rows.length; k++) {
    rows[k + 1].forEach((n, position) => (rank[n] = position));
    const ends = rows[k].flatMap((n) => [...things[n].down].sort((a, b) => a[1] - b[1]).map(([m, , theirs]) => rank[m] + 0.4 * Math.tanh(theirs / 500)));
    if (ends.length < 2) continue;
    const places = new Map([...new Set(ends)].sort((a, b) => a - b).map((value, place) => [value, place + 1]));
    const tree = new Array<number>(places.size + 1).fill(0);
    ends.forEach((end, seen) => {
      let smaller = 0;
      for (let i = places.get(end)!; i > 0; i -= i & -i) smaller += tree[i];
      total += seen - smaller;
      for (let i = places.get(end)!; i < tree.length; i += i & -i) tree[i]++;
    });
  }
  return total;
}

/** Sweeps that draw each thing towards its neighbours above, below, and at last on both sides. */
function position(things: Thing[], rows: number[][]): void {
  for (const row of rows) {
    let x = 0;
    for (const n of row) {
      x += things[n].before;
      things[n].x = x;
      x += things[n].after;
    }
    for (const n of row) things[n].x -= x / 2;
  }
  for (let sweep = 0; sweep < PLACE_SWEEPS; sweep++) {
    const both = sweep >= PLACE_SWEEPS - 4;
    const down = sweep % 2 === 0;
    for (let k = 0; k < rows.length; k++) settle(things, rows[down ? k : rows.length - 1 - k], both || down, both || !down);
  }
  straighten(things, rows);
  straighten(things, rows);
}

/** How much a link wants to be straight: lanes above all, then chains of boxes, where a lane begins least. */
function weight(a: Thing, b: Thing): number {
  return a.joint && b.joint ? 16 : a.joint || b.joint ? 0.25 : 4;
}

/** Least squares: minimise `sum w (x - wish)^2` subject to `x[k+1] - x[k] >= distance[k]`. */
function settle(things: Thing[], row: number[], ups: boolean, downs: boolean): void {
  const shifts: number[] = [];
  const wishes: number[] = [];
  const weights: number[] = [];
  row.forEach((n, k) => {
    const item = things[n];
    shifts.push(k ? shifts[k - 1] + things[row[k - 1]].after + item.before : 0);
    let [total, mass] = [0, 0];
    for (const links of [ups ? item.up : [], downs ? item.down : []])
      for (const [other, own, theirs] of links) {
        const w = weight(item, things[other]);
        total += w * (things[other].x + theirs - own);
        mass += w;
      }
    wishes.push((mass ? total / mass : item.x) - shifts[k]);
    weights.push(mass || 0.01);
  });
  isotonic(wishes, weights).forEach((x, k) => (things[row[k]].x = x + shifts[k]));
}

/** The non-decreasing numbers nearest to the wishes in weighted least squares, by pooling adjacent violators. */
export function isotonic(wishes: number[], weights: number[]): number[] {
  const blocks: [mean: number, mass: number, size: number][] = [];
  wishes.forEach((wish, k) => {
    let [mean, mass, size] = [wish, weights[k], 1];
    while (blocks.length && blocks[blocks.length - 1][0] > mean) {
      const [before, more, count] = blocks.pop()!;
      [mean, mass, size] = [(before * more + mean * mass) / (more + mass), more + mass, size + count];
    }
    blocks.push([mean, mass, size]);
  });
  return blocks.flatMap(([mean, , size]) => new Array<number>(size).fill(mean));
}

/** Makes chains that are nearly straight exactly so, the longest first, where their rows leave room. */
function straighten(things: Thing[], rows: number[][]): void {
  const left = new Array<number>(things.length).fill(-1);
  const right = new Array<number>(things.length).fill(-1);
  for (const row of rows)
    row.forEach((n, k) => {
      left[n] = k ? row[k - 1] : -1;
      right[n] = k + 1 < row.length ? row[k + 1] : -1;
    });
  for (const chain of straightChains(things, rows).sort((a, b) => b.length - a.length)) {
    let [low, high, sum] = [-Infinity, Infinity, 0];
    for (const [n, bend] of chain) {
      if (left[n] >= 0) low = Math.max(low, things[left[n]].x + things[left[n]].after + things[n].before - bend);
      if (right[n] >= 0) high = Math.min(high, things[right[n]].x - things[right[n]].before - things[n].after - bend);
      sum += things[n].x - bend;
    }
    if (low > high) continue;
    const x = Math.max(low, Math.min(high, sum / chain.length));
    for (const [n, bend] of chain) things[n].x = x + bend;
  }
}

/** Chains of things, each the main neighbour of the next; with where each must stand relative to the first. */
function straightChains(things: Thing[], rows: number[][]): [number, number][][] {
  const chains: [number, number][][] = [];
  const started = new Set<number>();
  for (const row of rows)
    for (const n of row) {
      if (started.has(n)) continue;
      const chain: [number, number][] = [[n, 0]];
      let bend = 0;
      for (let at = n; ; ) {
        const link = main(things, at, things[at].down);
        const back = link && main(things, link[0], things[link[0]].up);
        if (!link || !back || back[0] !== at) break;
        bend += link[1] - link[2];
        started.add(link[0]);
        chain.push([link[0], bend]);
        at = link[0];
      }
      if (chain.length > 1) chains.push(chain);
    }
  return chains;
}

/** The one link that is heavier than all others. */
function main(things: Thing[], n: number, links: Link[]): Link | undefined {
  let best: Link | undefined;
  let [most, tied] = [0, false];
  for (const link of links) {
    const w = weight(things[n], things[link[0]]);
    if (w > most) [best, most, tied] = [link, w, false];
    else if (w === most) tied = true;
  }
  return tied ? undefined : best;
}
