/** Times as people say them. Pure: the present is handed in. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Relative up to a day, then the date. */
export function relative(time: string, now: number, lang: string, justNow: string): string {
  const then = Date.parse(time);
  const age = now - then;
  const words = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" });
  if (Math.abs(age) < MINUTE) return justNow;
  if (Math.abs(age) < HOUR) return words.format(-Math.round(age / MINUTE), "minute");
  if (Math.abs(age) < DAY) return words.format(-Math.round(age / HOUR), "hour");
  const sameYear = new Date(then).getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat(lang, {
    day: "numeric",
    month: "short",
    ...(sameYear ? { hour: "2-digit", minute: "2-digit" } : { year: "numeric" }),
  }).format(then);
}

/** The hour today, with the day before that: "09:41", "20 nov. 09:41". */
export function moment(time: string, now: number, lang: string): string {
  const then = new Date(time);
  const today = new Date(now).toDateString() === then.toDateString();
  return new Intl.DateTimeFormat(lang, {
    ...(today ? {} : { day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
  }).format(then);
}

/** How long something has lasted: "2 h", "3 j", "40 min". */
export function lasted(since: string, now: number, lang: string): string {
  const age = Math.max(0, now - Date.parse(since));
  const [value, unit] =
    age < HOUR ? [age / MINUTE, "minute"] : age < DAY ? [age / HOUR, "hour"] : [age / DAY, "day"];
  return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(
    Math.max(1, Math.floor(value)),
  );
}

/** Day, date, hour and minute, for tooltips. */
export function exact(time: string, lang: string): string {
  return new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "short" }).format(new Date(time));
}

/** Just the day: "12 novembre 2026". */
export function day(time: string, lang: string): string {
  return new Intl.DateTimeFormat(lang, { dateStyle: "long" }).format(new Date(time));
}

/** Minutes and seconds left, "9:05"; "0:00" once over. */
export function countdown(until: string, now: number): string {
  const left = Math.max(0, Math.floor((Date.parse(until) - now) / 1000));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}
