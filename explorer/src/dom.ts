/** Elements made in code: text only ever becomes text, never markup. */

type Child = Node | string | null | undefined | false;
type Props = Record<string, string | number | boolean | EventListener | null | undefined>;

function fill<E extends Element>(element: E, props: Props, children: Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

export const h = <K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] =>
  fill(document.createElement(tag), props, children);

export const svg = (tag: string, props: Props = {}, ...children: Child[]): SVGElement =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);

const ICONS: Record<string, string> = {
  fit: "M3 8V3h5M16 3h5v5M21 16v5h-5M8 21H3v-5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  code: "M8 6l-6 6 6 6M16 6l6 6-6 6",
  down: "M12 4v16M6 14l6 6 6-6",
  right: "M4 12h16M14 6l6 6-6 6",
  help: "M9.2 9a3 3 0 1 1 4.3 2.7c-1 .5-1.5 1.1-1.5 2.3M12 17.5v.1",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L21 21",
  close: "M5 5l14 14M19 5L5 19",
  minus: "M5 12h14",
  sides: "M3 5h7v14H3zM14 5h7v14h-7z",
  plus: "M5 12h14M12 5v14",
};

export const icon = (name: keyof typeof ICONS): SVGElement =>
  svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

export const button = (label: string, icons: string, onclick: () => void, key = ""): HTMLButtonElement =>
  h("button", { type: "button", class: "tool", "aria-label": label, title: key ? `${label} (${key})` : label, onclick }, icon(icons));
