/** English words of the search screen, fetched when it is opened. */

import type { SearchMessages } from "../fr/search";
import { pluralOf } from "../plural";

const p = pluralOf("en");

export const en: SearchMessages = {
  title: "Search",
  titleOf: (words) => `“${words}”`,
  box: "Words, beginnings of words or “an exact phrase”",
  lead: "Posts, comments, pages, files, people and groups: what you may read, here and now.",
  kinds: {
    label: "Search in",
    all: "Everything",
    post: "Posts",
    comment: "Comments",
    page: "Pages",
    file: "Files",
    person: "People",
    group: "Groups",
  },
  hits: {
    post: "Post",
    comment: "Comment",
    page: "Page",
    page_comment: "Comment on a page",
    file: "File",
  },
  filters: "Filters",
  filtersOn: (n) => p(n, { one: "# filter on", other: "# filters on" }),
  clear: "Remove the filters",
  group: "Group",
  allGroups: "All groups",
  person: "Written by",
  anybody: "Anybody",
  changePerson: "Choose somebody else",
  site: "Site",
  allSites: "All sites",
  source: "Feed",
  allSources: "All feeds",
  since: "Since",
  until: "Until",
  order: { label: "Order", best: "Best first", recent: "Newest first" },
  people: "People",
  groups: "Groups",
  written: "What was written",
  by: (name) => `by ${name}`,
  from: (title) => `from the feed ${title}`,
  untitled: "Untitled",
  start: "What are you looking for?",
  startText: "A word is enough, or its beginning. Accents, capitals and plurals do not matter; between quotation marks, words follow one another.",
  none: "Nothing matches",
  noneText: "Try fewer words, the beginning of a word, or no filter.",
  found: (n) => p(n, { one: "# result shown", other: "# results shown" }),
  missing: (groups, missing) =>
    p(groups, {
      one: `One group has not wholly arrived at this site: ${missing} items are missing and cannot be found.`,
      other: `# groups have not wholly arrived at this site: ${missing} items are missing and cannot be found.`,
    }),
  filling: (done, of) => `The search index is being made: ${done} of ${of}. What is not in it yet is not found.`,
  fillingSoon: "The search index is being made. What is not in it yet is not found.",
  saved: "Kept searches",
  save: "Keep this search",
  saveName: "Name of this search",
  savedToast: (name) => `The search “${name}” is kept.`,
  drop: (name) => `Remove the search “${name}”`,
  dropped: (name) => `The search “${name}” is removed.`,
};
