/** People: the calls, and a bell that rings when the directory changed. */

export { createAccount, createPerson, getPeople, getPerson, renewInvitation, resumePerson, setSiteAdmin, suspendPerson } from "../api/people";
export type { Person } from "../api/schema/person";

const bell = $state({ version: 0 });

/** Grows each time the directory changed; read it in an effect to load again. */
export function peopleVersion(): number {
  return bell.version;
}
export function peopleChanged(): void {
  bell.version += 1;
}
