/** Reads the description that the page carries, and shows it. */

import { Explorer } from "./explorer";
import { h } from "./dom";
import type { Model } from "./model";
import "./style.css";

const VERSION = 1;

const root = document.getElementById("explorer")!;
const model = JSON.parse(document.getElementById("model")!.textContent!) as Model;
let explorer: Explorer | null = null;
if (model.version === VERSION) explorer = new Explorer(model, root);
else root.append(h("p", { class: "none" }, `This page holds description ${model.version}; its script reads ${VERSION}.`));

export const where = (name: string) => explorer?.where(name) ?? null;
export const shown = () => explorer?.shown() ?? null;
export const boxes = () => explorer?.boxes() ?? [];
