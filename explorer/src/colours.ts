/** The colours of values: blue below zero, red above, and zero as the page is. */

export type Scheme = "light" | "dark";
type Colour = [number, number, number];

const STOPS: Record<Scheme, Colour[]> = {
  light: [[16, 58, 120], [67, 147, 195], [176, 212, 232], [250, 250, 250], [249, 190, 150], [222, 92, 66], [132, 12, 34]],
  dark: [[214, 234, 248], [88, 170, 224], [26, 78, 124], [14, 17, 21], [122, 44, 28], [232, 120, 70], [255, 228, 190]],
};
const STEPS = 512;
const tables = new Map<Scheme, Uint8ClampedArray>();

/** Red, green and blue for `STEPS + 1` values from -1 to 1. */
function table(scheme: Scheme): Uint8ClampedArray {
  let found = tables.get(scheme);
  if (found) return found;
  found = new Uint8ClampedArray(3 * (STEPS + 1));
  const stops = STOPS[scheme];
  for (let k = 0; k <= STEPS; k++) {
    const place = (k / STEPS) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++) found[3 * k + c] = stops[low][c] + (stops[low + 1][c] - stops[low][c]) * (place - low);
  }
  tables.set(scheme, found);
  return found;
}

const index = (share: number): number => Math.round(((Math.max(-1, Math.min(1, share || 0)) + 1) / 2) * STEPS);

/** The colour of a value as CSS, and a colour that can be read on it. */
export function coloured(value: number, limit: number, scheme: Scheme): [fill: string, ink: string] {
  const k = 3 * index(value / limit);
  const [r, g, b] = table(scheme).subarray(k, k + 3);
  return [`rgb(${r},${g},${b})`, 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#10161d" : "#ffffff"];
}

/** A canvas of one pixel for each value; where one is `clear`, from 0 to 255, what is behind the canvas is seen. */
export function painted(values: ArrayLike<number>, rows: number, columns: number, limit: number, scheme: Scheme, canvas = document.createElement("canvas"), clear?: Uint8Array): HTMLCanvasElement {
  [canvas.width, canvas.height] = [columns, rows];
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(columns, rows);
  const colours = table(scheme);
  for (let k = 0; k < values.length; k++) {
    const at = 3 * index(values[k] / limit);
    image.data[4 * k] = colours[at];
    image.data[4 * k + 1] = colours[at + 1];
    image.data[4 * k + 2] = colours[at + 2];
    image.data[4 * k + 3] = 255 - (clear?.[k] ?? 0);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The greatest finite absolute value; of all zeros, 1. */
export function reach(values: ArrayLike<number>): number {
  let most = 0;
  for (let k = 0; k < values.length; k++) if (Number.isFinite(values[k])) most = Math.max(most, Math.abs(values[k]));
  return most || 1;
}
