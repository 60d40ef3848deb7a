/** The places of administration that this person may enter, for the rail, the phone's menu and the palette. */

import type { IconName } from "../../components/Icon.svelte";
import { t } from "../../lib/i18n.svelte";
import { alarmCount } from "../../state/alarms.svelte";
import { offered } from "../../state/parts";
import { me } from "../../state/session.svelte";

export interface Place {
  href: string;
  icon: IconName;
  label: string;
  /** How many things wait there. */
  count?: number;
}

export function adminPlaces(): Place[] {
  const { administer_site, administer_organisation } = me().can;
  const list: Place[] = [];
  if (administer_site) {
    list.push({ href: "/admin/people", icon: "people", label: t().nav.adminPeople });
    list.push({ href: "/admin/site", icon: "door", label: t().nav.adminSite });
    if (offered("storage")) list.push({ href: "/admin/storage", icon: "disk", label: t().nav.storage });
  }
  if (administer_organisation && offered("constitution")) list.push({ href: "/admin/organisation", icon: "key", label: t().nav.organisation });
  if (administer_site && offered("erasures")) list.push({ href: "/admin/erasures", icon: "erase", label: t().nav.erasures });
  if (administer_site) list.push({ href: "/admin/log", icon: "history", label: t().nav.audit });
  if ((administer_site || administer_organisation) && offered("alarms")) list.push({ href: "/admin/alarms", icon: "warn", label: t().nav.alarms, count: alarmCount() });
  return list;
}
