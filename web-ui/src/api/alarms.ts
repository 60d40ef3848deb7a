/** Calls about alarms. */

import { call } from "./client";
import { alarm } from "./schema/alarm";
import { list } from "./schema/decode";

export const getAlarms = () => call("GET", "/admin/alarms", list(alarm));
export const sealLog = (id: string, request_id: string) => call("POST", `/admin/alarms/${id}/seal`, list(alarm), { request_id });
export const dismissAlarm = (id: string) => call("POST", `/admin/alarms/${id}/dismiss`, list(alarm));
