/** Docstrings of ops as elements: what stands in backticks is set as mathematics. */

import { h } from "./dom";

const UPRIGHT = new Set("exp log log2 max min softmax sigmoid tanh relu gelu erf mean var std abs cos sin sign floor ceil round clip clamp if else or and where for of with in to is the mod over all on".split(" "));
const SIGNS: Record<string, string> = { "*": "·", "->": "→", "<=": "≤", ">=": "≥", "!=": "≠", "-": "−", pi: "π", eps: "ε", alpha: "α", beta: "β", gamma: "γ", lambda: "λ", mu: "μ", sigma: "σ", inf: "∞", sqrt: "√", sum: "∑", prod: "∏", in: "∈" };
const TOKEN = /[_^](?:\{[^}]*\}|\([^)]*\)|-?[A-Za-z0-9]+)|->|<=|>=|!=|[A-Za-z]+\d*|\d+(?:\.\d+)?|\s+|./gy;

/** A formula such as `y[o] = bias[o] + sum_{c} weight[o, c] x[c]`. */
export function formula(text: string): HTMLElement {
  const out = h("span", { class: "formula" });
  for (const [token] of text.matchAll(TOKEN)) {
    const first = token[0];
    if ((first === "_" || first === "^") && token.length > 1) {
      const inner = token.slice(1).replace(/^[{(](.*)[})]$/, "$1");
      out.append(h(first === "_" ? "sub" : "sup", {}, ...formula(inner).childNodes));
    } else if (token in SIGNS) {
      out.append(token === "sum" || token === "prod" ? h("span", { class: "big" }, SIGNS[token]) : SIGNS[token]);
    } else if (/^[A-Za-z]/.test(token) && !UPRIGHT.has(token)) out.append(h("i", {}, token));
    else out.append(token);
  }
  return out;
}

/** The paragraphs of a docstring; one that is a formula alone stands apart. */
export function documented(text: string): HTMLElement[] {
  return text.split(/\n\s*\n/).filter((p) => p.trim()).map((paragraph) => {
    const line = paragraph.replace(/\s*\n\s*/g, " ").trim();
    const alone = /^`[^`]+`\.?$/.test(line);
    const parts = line.split(/`([^`]+)`/);
    return h("p", { class: alone ? "display" : "" }, ...parts.map((part, k) => (k % 2 ? formula(part) : part)));
  });
}
