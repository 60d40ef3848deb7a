/** What an administrator should look at. */

import { count, list, nullable, object, oneOf, text, type Decoded, type Decoder } from "./decode";
import { group_ref, person_ref, site_ref } from "./ref";

export const ALARM_ACTS = ["seal", "suspend", "revoke", "dismiss"] as const;
export type AlarmAct = (typeof ALARM_ACTS)[number];

const isFact = (pair: [string, unknown]): pair is [string, string | number] => typeof pair[1] === "string" || typeof pair[1] === "number";

/** Facts as they come: words and numbers; anything else is left out. */
const facts: Decoder<Record<string, string | number>> = (value, at) => {
  object({})(value, at);
  return Object.fromEntries(Object.entries(value as Record<string, unknown>).filter(isFact));
};

/** Acts that this page knows; a newer node may offer more. */
const acts: Decoder<AlarmAct[]> = (value, at) => {
  const offered = list(text)(value, at);
  return ALARM_ACTS.filter((act) => offered.includes(act));
};

export const alarm = object({
  id: text,
  kind: oneOf("fork", "restored", "hostile", "clock", "damage", "equivocation", "page"),
  since: text,
  site: nullable(site_ref),
  node: nullable(text),
  group: nullable(group_ref),
  facts,
  can: acts,
  seal: nullable(object({ signed: list(person_ref), needed: count })),
});
export type Alarm = Decoded<typeof alarm>;
