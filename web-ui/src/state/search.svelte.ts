/** Questions to the search: the one in the address, and those that are kept. */

import { getSaved, putSaved, search, type Asked } from "../api/search";
import type { Answer, Saved } from "../api/schema/search";

export type { Answer, Hit, Marked, Saved } from "../api/schema/search";

/** What can be asked for, as it stands in the address of the search screen. */
export type Question = { q: string; kind: string; group: string; person: string; site: string; source: string; since: string; until: string; order: string };
const PARTS = ["q", "kind", "group", "person", "site", "source", "since", "until", "order"] as const;

/** Reads the question of an address. Pure. */
export function readQuestion(text: string): Question {
  const given = new URLSearchParams(text);
  return Object.fromEntries(PARTS.map((part) => [part, given.get(part) ?? ""])) as Question;
}

/** The part of an address that holds a question; nothing for what is not asked. Pure. */
export function writeQuestion(question: Question): string {
  const parts = PARTS.filter((part) => question[part].trim() !== "").map((part) => [part, question[part].trim()]);
  return new URLSearchParams(parts).toString();
}

/** Whether anything is asked at all. */
export function asks(question: Question): boolean {
  const { order: _, ...rest } = question;
  return Object.values(rest).some((value) => value.trim() !== "");
}

/** Midnight of a day, here, as the node reads times; `after` days later. */
function midnight(day: string, after: number): string | undefined {
  const at = new Date(`${day}T00:00:00`);
  if (Number.isNaN(at.getTime())) return undefined;
  at.setDate(at.getDate() + after);
  return at.toISOString();
}

function asked(question: Question, before: string | null): Asked {
  const { since, until, q, ...rest } = question;
  const from = midnight(since, 0);
  const to = midnight(until, 1);
  return { ...rest, q: q.trim(), before, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

export function find(question: Question, before: string | null = null): Promise<Answer> {
  return search(asked(question, before));
}

/** A few hits for somebody who is still typing. */
export function glance(q: string, limit: number): Promise<Answer> {
  return search({ q, limit });
}

const kept = $state<{ list: Saved[] | null }>({ list: null });

export function savedSearches(): Saved[] {
  return kept.list ?? [];
}

export async function loadSaved(): Promise<void> {
  kept.list = await getSaved();
}

/** Keeps a question under a name; one of the same name gives way. */
export async function keepSearch(name: string, question: Question): Promise<void> {
  const others = savedSearches().filter((one) => one.name !== name);
  kept.list = await putSaved([...others, { name, query: writeQuestion(question) }]);
}

export async function dropSearch(name: string): Promise<void> {
  kept.list = await putSaved(savedSearches().filter((one) => one.name !== name));
}
