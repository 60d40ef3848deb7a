/** Calls about sessions and oneself. */

import { call } from "./client";
import { list, nothing } from "./schema/decode";
import { invited, login, me } from "./schema/person";

export const getSession = () => call("GET", "/session", me);
export const logIn = (email: string, password: string) => call("POST", "/session", me, { email, password });
export const logOut = () => call("DELETE", "/session", nothing);
export const enterSudo = (password: string) => call("POST", "/session/sudo", me, { password });
export const getLogins = () => call("GET", "/sessions", list(login));
export const endLogin = (id: string) => call("DELETE", `/sessions/${id}`, nothing);
export const patchMe = (body: { name?: string; title?: string; language?: string; theme?: string }) =>
  call("PATCH", "/me", me, body);
export const changePassword = (current: string, next: string) => call("POST", "/me/password", me, { current, new: next });
export const getInvitation = (token: string) => call("GET", `/invitation/${encodeURIComponent(token)}`, invited);
export const acceptInvitation = (token: string, password: string, language: string) =>
  call("POST", `/invitation/${encodeURIComponent(token)}`, me, { password, language });
