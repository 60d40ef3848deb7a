/** People, and oneself. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded, type Decoder } from "./decode";
import { group_ref, site_ref, type GroupRef } from "./ref";

const optional_groups: Decoder<GroupRef[] | null> = nullable(list(group_ref));

export const person = object({
  id: text,
  name: text,
  site: site_ref,
  state: oneOf("active", "invited", "suspended", "former"),
  title: text,
  is_admin: flag,
  is_site_admin: flag,
  is_me: flag,
  /** Own site only, for admins and oneself. */
  email: nullable(text),
  /** Only when one person is asked for. */
  groups: optional_groups,
});
export type Person = Decoded<typeof person>;

export const me = object({
  person,
  language: oneOf("fr", "en"),
  theme: oneOf("system", "light", "dark"),
  csrf: text,
  organisation: object({ id: text, name: text }),
  site: site_ref,
  can: object({ create_groups: flag, administer_site: flag, administer_organisation: flag }),
  sudo_until: nullable(text),
  reminders: list(text),
  /** Own entries that did not count. */
  not_delivered: nullable(count),
  /** What an administrator should look at; 0 for others. */
  alarms: nullable(count),
});
export type Me = Decoded<typeof me>;

export const login = object({ id: text, created: text, last_used: text, agent: text, current: flag });
export type Login = Decoded<typeof login>;

export const status = object({
  state: oneOf("new", "joining", "joined_no_person", "ready"),
  organisation: nullable(text),
  site: nullable(text),
  version: text,
  setup_code_required: flag,
  build: text,
});
export type Status = Decoded<typeof status>;

export const invited = object({ name: text, email: text, site: text, organisation: text, language: oneOf("fr", "en") });
export type Invited = Decoded<typeof invited>;

export const created_person = object({ person, invitation_link: text });
export const invitation_link = object({ invitation_link: text });

export const admin_site = object({ name: text, company: nullable(text), feed_origins: list(text) });
export type AdminSite = Decoded<typeof admin_site>;
export const recovery = object({ keys: list(text) });
export const founded = object({ me, recovery_keys: list(text) });
export const first_person = object({ me });
