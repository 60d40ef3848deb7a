/** Calls about what is kept, for how long, and what is erased for good. */

import { call, load } from "./client";
import { list } from "./schema/decode";
import { group } from "./schema/group";
import { audit_page, erasure, storage } from "./schema/keep";

export const getStorage = () => call("GET", "/admin/storage", storage);
export const patchStorage = (body: { keep_days: number | null; group?: string }) => call("PATCH", "/admin/storage", storage, body);
export const checkStorage = () => call("POST", "/admin/storage/check", storage);
export const setRetention = (id: string, request_id: string, days: number | null) =>
  call("PUT", `/groups/${id}/retention`, group, { request_id, days });
export const setHold = (id: string, request_id: string, on: boolean, reason: string) =>
  call("PUT", `/groups/${id}/hold`, group, { request_id, on, reason });

export const erasePost = (id: string, request_id: string, reason: string) => call("POST", `/posts/${id}/erase`, erasure, { request_id, reason });
export const eraseComment = (id: string, request_id: string, reason: string) =>
  call("POST", `/comments/${id}/erase`, erasure, { request_id, reason });
export const erasePage = (id: string, request_id: string, reason: string) => call("POST", `/pages/${id}/erase`, erasure, { request_id, reason });
export const erasePageComment = (id: string, request_id: string, reason: string) =>
  call("POST", `/page-comments/${id}/erase`, erasure, { request_id, reason });
export const erasePerson = (id: string, request_id: string, reason: string, content: boolean) =>
  call("POST", `/people/${id}/erase`, erasure, { request_id, reason, content });
export const getErasures = () => call("GET", "/admin/erasures", list(erasure));
export const objectErasure = (id: string) => call("POST", `/admin/erasures/${id}/object`, erasure);
export const getAudit = (before: number | null) => call("GET", before === null ? "/admin/audit" : `/admin/audit?before=${before}`, audit_page);
export const exportPerson = (id: string) => load("GET", `/people/${id}/export`);
