/** Fonts of the canvas and the widths of words in them. */

export const FAMILY = 'Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", "Liberation Sans", sans-serif';

const context = document.createElement("canvas").getContext("2d")!;
const widths = new Map<string, number>();

/** A font such as `600 12px var` with the family in place of `var`. */
export const font = (style: string): string => style.replace("var", FAMILY);

export function measure(text: string, style: string): number {
  const key = `${style}|${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    context.font = font(style);
    widths.set(key, (width = context.measureText(text).width));
  }
  return width;
}
