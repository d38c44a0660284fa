/** Reads the description that the page carries, and shows it. */

import { Explorer } from "./explorer";
import { h } from "./dom";
import type { Model } from "./model";
import "./style.css";

const VERSION = 1;

const root = document.getElementById("explorer")!;
export const model = JSON.parse(document.getElementById("model")!.textContent!) as Model;
export const explorer = model.version === VERSION ? new Explorer(model, root) : null;
if (!explorer) root.append(h("p", { class: "none" }, `This page holds description ${model.version}; its script reads ${VERSION}.`));
