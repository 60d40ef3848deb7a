/** Calls of the search. */

import { call, query } from "./client";
import { list } from "./schema/decode";
import { answer, saved, type Saved } from "./schema/search";

export type Asked = {
  q?: string;
  group?: string;
  person?: string;
  site?: string;
  kind?: string;
  source?: string;
  from?: string;
  to?: string;
  order?: string;
  before?: string | null;
  limit?: number;
};

export const search = (asked: Asked) => call("GET", `/search${query(asked)}`, answer);
export const getSaved = () => call("GET", "/me/searches", list(saved));
export const putSaved = (searches: Saved[]) => call("PUT", "/me/searches", list(saved), searches);
