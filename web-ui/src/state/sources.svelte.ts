/** Feeds that groups follow: the calls, and a bell per group. */

import { SvelteMap } from "svelte/reactivity";

export { addSource, getSources, importOpml, pollSource, previewSource, removeSource } from "../api/groups";
export type { OpmlResult, Source, SourcePreview } from "../api/schema/source";

const bells = new SvelteMap<string, number>();

export function sourcesVersion(group: string): number {
  return bells.get(group) ?? 0;
}
export function sourcesChanged(group: string): void {
  bells.set(group, (bells.get(group) ?? 0) + 1);
}
