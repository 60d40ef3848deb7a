/** Calls about groups, their members and their feeds. */

import { call } from "./client";
import { list, nothing } from "./schema/decode";
import { group, groups, member, type Policy } from "./schema/group";
import type { Access, GroupKind, Role } from "./schema/ref";
import { opml_result, source, source_preview } from "./schema/source";

export const getGroups = () => call("GET", "/groups", groups);
export const getGroup = (id: string) => call("GET", `/groups/${id}`, group);
export const createGroup = (body: { request_id: string; name: string; purpose: string; kind: GroupKind; access: Access }) =>
  call("POST", "/groups", group, body);
export const patchGroup = (id: string, body: { name?: string; purpose?: string; access?: Access; policy?: Policy }) =>
  call("PATCH", `/groups/${id}`, group, body);
export const joinGroup = (id: string) => call("POST", `/groups/${id}/join`, group);
export const leaveGroup = (id: string) => call("POST", `/groups/${id}/leave`, group);
export const markRead = (id: string) => call("POST", `/groups/${id}/read`, nothing);

export const getMembers = (id: string) => call("GET", `/groups/${id}/members`, list(member));
export const addMembers = (id: string, request_id: string, people: string[], role: Role) =>
  call("POST", `/groups/${id}/members`, list(member), { request_id, people, role });
export const setRole = (id: string, who: string, role: Role) =>
  call("PATCH", `/groups/${id}/members/${who}`, list(member), { role });
export const removeMember = (id: string, who: string) => call("DELETE", `/groups/${id}/members/${who}`, list(member));

export const getSources = (id: string) => call("GET", `/groups/${id}/sources`, list(source));
export const previewSource = (id: string, url: string) =>
  call("POST", `/groups/${id}/sources/preview`, source_preview, { url });
export const addSource = (id: string, body: { request_id: string; url: string; title?: string }) =>
  call("POST", `/groups/${id}/sources`, source, body);
export const importOpml = (id: string, request_id: string, opml: string) =>
  call("POST", `/groups/${id}/sources/opml`, opml_result, { request_id, opml });
export const pollSource = (id: string) => call("POST", `/sources/${id}/poll`, source);
export const removeSource = (id: string) => call("DELETE", `/sources/${id}`, nothing);
