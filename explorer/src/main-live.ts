/** The script of a live page: the explorer, with an easel for pictures of one's own. */

import { Easel } from "./easel";
import { Engine } from "./live";
import { explorer, model } from "./start";

const YOURS = "your picture";

function live(): Easel | null {
  const run = model.run;
  if (!explorer || !run?.live) return null;
  const page = explorer;
  let own = -1;
  const begin = (): number => (own < 0 ? (own = run.pictures.push({ name: YOURS, picture: "", top: [] }) - 1) : own);
  const easel = new Easel(run.live, Engine.start(run.live, run), begin, (at) => page.anew(at));
  page.witness!.silent = (name) => {
    if (page.picture !== own) return "";
    if (run.live!.mask && easel.hides) return `Its formula is not shown at work: part of the picture is hidden, and its inputs are filled in. ${run.live!.told}`;
    return run.live!.stale.includes(name) ? "Its formula is not shown at work: its bias is another picture's." : "";
  };
  void easel.put(run.pictures[0].picture);
  page.stage.element.append(easel.element);
  return easel;
}

const easel = live();

Object.assign(globalThis, {
  explorer: {
    where: (name: string) => explorer?.where(name) ?? null,
    shown: () => explorer?.shown() ?? null,
    boxes: () => explorer?.boxes() ?? [],
    busy: () => easel?.busy ?? false,
    top: () => explorer && model.run!.pictures[explorer.picture].top,
  },
});
