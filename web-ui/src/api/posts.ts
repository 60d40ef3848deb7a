/** Calls about publications, comments, reactions and files. */

import { call, query, send } from "./client";
import { list, nullable, page } from "./schema/decode";
import { arrival, attachment, comment, post, preview } from "./schema/post";

export type FeedKind = "all" | "people" | "automatic";
type FeedQuery = { before?: string | null; limit?: number; kind?: FeedKind };

export const getFeed = (group: string | null, search: FeedQuery) =>
  call("GET", `${group === null ? "/feed" : `/groups/${group}/feed`}${query(search)}`, page(post));
export const getPost = (id: string) => call("GET", `/posts/${id}`, post);
export const createPost = (
  group: string,
  body: { request_id: string; title?: string; text: string; attachments: { blob: string; name: string }[] },
) => call("POST", `/groups/${group}/posts`, post, body);
export const patchPost = (id: string, body: { request_id: string; title?: string; text: string }) =>
  call("PATCH", `/posts/${id}`, post, body);
export const deletePost = (id: string) => call("DELETE", `/posts/${id}`, nullable(post));
export const reactToPost = (id: string, emoji: string, on: boolean) =>
  call("PUT", `/posts/${id}/reactions`, post, { emoji, on });
export const getPostDelivery = (id: string) => call("GET", `/posts/${id}/delivery`, list(arrival));

export const getComments = (id: string, before: string | null, limit = 20) =>
  call("GET", `/posts/${id}/comments${query({ before, limit })}`, page(comment));
export const createComment = (id: string, request_id: string, text: string) =>
  call("POST", `/posts/${id}/comments`, comment, { request_id, text });
export const patchComment = (id: string, body: { request_id: string; text: string }) =>
  call("PATCH", `/comments/${id}`, comment, body);
export const deleteComment = (id: string) => call("DELETE", `/comments/${id}`, nullable(comment));
export const reactToComment = (id: string, emoji: string, on: boolean) =>
  call("PUT", `/comments/${id}/reactions`, comment, { emoji, on });
export const getCommentDelivery = (id: string) => call("GET", `/comments/${id}/delivery`, list(arrival));

export const renderPreview = (text: string) => call("POST", "/preview", preview, { text });
/** The largest file that the contract allows. */
export const FILE_BYTES_MAX = 25 * 1024 * 1024;
export const uploadFile = (file: Blob, name: string, progress: (sent: number) => void, cancelled: AbortSignal) =>
  send(`/files${query({ name })}`, file, attachment, progress, cancelled);
