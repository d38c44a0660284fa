/** The script of a page: for scripts that drive it, what the explorer tells of itself. */

import { explorer } from "./start";

export const where = (name: string, former = false) => explorer?.where(name, former) ?? null;
export const shown = (former = false) => explorer?.shown(former) ?? null;
export const boxes = () => explorer?.boxes() ?? [];
