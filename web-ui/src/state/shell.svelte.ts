/** What lies over the page: the palette, the list of shortcuts, the composer. */

import type { GroupRef } from "../api/schema/ref";
import type { Waiting } from "./outbox.svelte";

export const shell = $state<{
  palette: boolean;
  shortcuts: boolean;
  /** The composer is open; with a group when it was opened from one, with a refused item given back. */
  composing: { group: GroupRef | null; restore: Waiting | null } | null;
}>({ palette: false, shortcuts: false, composing: null });
