/**
 * Which parts a node answers for, by the shape of what it says. Screens of the others are kept out of sight: a page may be
 * newer than its node for a moment, and some parts are not built yet.
 */

import { myGroups, otherGroups } from "./groups.svelte";
import { meOrNull } from "./session.svelte";

const authority = () => (meOrNull()?.not_delivered ?? null) !== null;
const keeping = () => [...myGroups(), ...otherGroups()].some((group) => group.retention !== null);

const signs = {
  constitution: authority,
  removals: authority,
  rehome: authority,
  storage: keeping,
  erasures: keeping,
  erasePerson: keeping,
  reach: () => true,
  alarms: () => (meOrNull()?.alarms ?? null) !== null,
  byFile: () => true,
  pages: () => true,
  exportPerson: () => true,
};

export function offered(part: keyof typeof signs): boolean {
  return signs[part]();
}
