/** Calls about pages, their history and their comments. */

import { call, load, query } from "./client";
import { nothing, page } from "./schema/decode";
import { comparison, page_authors, page_comment, page_comments, page_ref, page_version, page_view, version_text, type Template } from "./schema/page";

export const getPages = (group: string, search: { before?: string | null; limit?: number; deleted?: 1 }) =>
  call("GET", `/groups/${group}/pages${query(search)}`, page(page_ref));
export const createPage = (group: string, body: { request_id: string; title: string; icon?: string; template?: Template; markdown?: string }) =>
  call("POST", `/groups/${group}/pages`, page_view, body);
export const getPage = (id: string) => call("GET", `/pages/${id}`, page_view);
export const patchPage = (id: string, body: { request_id: string; title?: string; icon?: string }) => call("PATCH", `/pages/${id}`, page_view, body);
export const deletePage = (id: string) => call("DELETE", `/pages/${id}`, nothing);
export const restorePage = (id: string, request_id: string) => call("POST", `/pages/${id}/restore`, page_view, { request_id });

export const getVersions = (id: string, before: string | null, limit = 30) =>
  call("GET", `/pages/${id}/history${query({ before, limit })}`, page(page_version));
export const getVersion = (id: string, version: string) => call("GET", `/pages/${id}/versions/${encodeURIComponent(version)}`, version_text);
export const compareVersions = (id: string, from: string, to: string) => call("GET", `/pages/${id}/compare${query({ from, to })}`, comparison);
export const restoreVersion = (id: string, version: string, request_id: string) =>
  call("POST", `/pages/${id}/versions/${encodeURIComponent(version)}/restore`, page_view, { request_id });
export const getAuthors = (id: string) => call("GET", `/pages/${id}/authors`, page_authors);
export const exportPage = (id: string, as: "md" | "html") => load("GET", `/pages/${id}/export${query({ as })}`);

export const getPageComments = (id: string) => call("GET", `/pages/${id}/comments`, page_comments);
export const createPageComment = (id: string, body: { request_id: string; anchor: { start: string; end: string }; quote: string; text: string }) =>
  call("POST", `/pages/${id}/comments`, page_comment, body);
export const replyToPageComment = (id: string, request_id: string, text: string) => call("POST", `/page-comments/${id}/replies`, page_comment, { request_id, text });
export const editPageComment = (id: string, request_id: string, text: string) => call("PATCH", `/page-comments/${id}`, page_comment, { request_id, text });
export const resolvePageComment = (id: string, request_id: string, on: boolean) => call("POST", `/page-comments/${id}/resolve`, page_comment, { request_id, on });
export const deletePageComment = (id: string) => call("DELETE", `/page-comments/${id}`, nothing);
