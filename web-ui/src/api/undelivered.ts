/** Calls about what did not count. */

import { call } from "./client";
import { nothing } from "./schema/decode";
import { undelivered } from "./schema/undelivered";

export const getUndelivered = () => call("GET", "/me/not-delivered", undelivered);
export const resend = (id: string, request_id: string) => call("POST", `/me/not-delivered/${id}/resend`, nothing, { request_id });
export const forget = (id: string) => call("DELETE", `/me/not-delivered/${id}`, nothing);
