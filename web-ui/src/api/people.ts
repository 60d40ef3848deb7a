/** Calls about people. */

import { call, query } from "./client";
import { page } from "./schema/decode";
import { created_person, invitation_link, person } from "./schema/person";

export const getPeople = (search: { query?: string; site?: string; before?: string | null; limit?: number }) =>
  call("GET", `/people${query(search)}`, page(person));
export const getPerson = (id: string) => call("GET", `/people/${id}`, person);
export const createPerson = (body: { request_id: string; name: string; email: string; title?: string; language?: string }) =>
  call("POST", "/people", created_person, body);
/** For somebody who moved to this site: a way to log in. */
export const createAccount = (id: string, body: { email: string; language?: string }) =>
  call("POST", `/people/${id}/account`, created_person, body);
export const renewInvitation = (id: string) => call("POST", `/people/${id}/invitation`, invitation_link);
export const suspendPerson = (id: string) => call("POST", `/people/${id}/suspend`, person);
export const resumePerson = (id: string) => call("POST", `/people/${id}/resume`, person);
export const setSiteAdmin = (id: string, on: boolean) => call("POST", `/people/${id}/site-admin`, person, { on });
