/** Calls before anybody can log in. */

import { call } from "./client";
import { join_progress } from "./schema/network";
import { first_person, founded, status } from "./schema/person";

type Code = { code?: string };

export const getStatus = () => call("GET", "/status", status);
export const foundOrganisation = (
  body: Code & {
    organisation: string;
    site: string;
    company?: string;
    language: string;
    admin: { name: string; email: string; password: string };
  },
) => call("POST", "/setup/organisation", founded, body);
export const startJoin = (body: Code & { invitation: string; site: string; company?: string }) =>
  call("POST", "/setup/join", join_progress, body);
/** From another machine the console's code is asked for, and a GET has no body to carry it. */
export const getJoin = (code: string) =>
  call("GET", "/setup/join", join_progress, undefined, code === "" ? {} : { "X-Archipel-Code": code });
export const confirmJoin = (body: Code & { match: boolean }) => call("POST", "/setup/join/confirm", join_progress, body);
export const cancelJoin = (body: Code) => call("POST", "/setup/join/cancel", join_progress, body);
export const createFirstPerson = (body: Code & { name: string; email: string; password: string; language: string }) =>
  call("POST", "/setup/first-person", first_person, body);
