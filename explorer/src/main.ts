/** The script of a page: for scripts that drive it, what the explorer tells of itself. */

import { explorer } from "./start";

export const where = (name: string) => explorer?.where(name) ?? null;
export const shown = () => explorer?.shown() ?? null;
export const boxes = () => explorer?.boxes() ?? [];
