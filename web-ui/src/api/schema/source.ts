/** Feeds that a group follows. */

import { count, flag, list, nullable, object, text, type Decoded } from "./decode";
import { site_ref } from "./ref";

export const source = object({
  id: text,
  group: text,
  url: text,
  title: text,
  site_url: nullable(text),
  poller: nullable(site_ref),
  polled_here: flag,
  last_success: nullable(text),
  last_item: nullable(text),
  items: count,
  error: nullable(object({ code: text, message: text, since: text, retry: nullable(text) })),
});
export type Source = Decoded<typeof source>;

export const source_preview = object({
  url: text,
  title: text,
  site_url: nullable(text),
  items: list(object({ title: text, url: nullable(text), published: nullable(text) })),
});
export type SourcePreview = Decoded<typeof source_preview>;

export const opml_result = object({
  added: list(source),
  skipped: list(object({ url: text, title: nullable(text), reason: text })),
});
export type OpmlResult = Decoded<typeof opml_result>;
