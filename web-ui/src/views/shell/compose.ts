/** Opening the composer where a text belongs. */

import { tick } from "svelte";
import { go, path } from "../../lib/router.svelte";
import { findGroup, type GroupRef } from "../../state/groups.svelte";
import type { Waiting } from "../../state/outbox.svelte";
import { shell } from "../../state/shell.svelte";

/** Goes to the group's feed (home without one) and opens the composer there, with a text given back or empty. */
export async function compose(group: GroupRef | null, restore: Waiting | null = null): Promise<void> {
  const open = group !== null && findGroup(group.id)?.may.post === true ? group : null;
  const to = open === null ? "/" : `/g/${open.id}`;
  if (path() !== to) {
    go(to);
    // The composer of the page that is left closes first.
    await tick();
  }
  shell.composing = { group: open, restore };
}
