/** The pictures in the corner, with what the model says of each; a click looks at another. */

import { h } from "./dom";
import { share, type Recording } from "./recorded";

export function shots(recording: Recording, look: (picture: number) => void): HTMLElement[] {
  const said = (top: [number, number][], name: string): (string | HTMLElement)[] => {
    if (!recording.run.trained) return [name, h("small", {}, "initial weights")];
    return top.length ? [recording.label(top[0][0]), h("small", {}, share(top[0][1]))] : [name];
  };
  return recording.run.pictures.map(({ name, picture, top }, k) =>
    h("button", { type: "button", title: name, "aria-pressed": String(k === recording.at), onclick: () => look(k) },
      h("img", { src: picture, alt: name }), h("span", {}, ...said(top, name))));
}
