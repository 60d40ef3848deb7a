//! Reads the dates found in feeds and headers: RFC 3339 and its shorter forms, RFC 822 with its many misspellings.
//! Knows no time zone database: a zone is an offset or one of the few names that RFC 822 lists.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Longest text looked at; a real date has fewer than 50.
const DATE_BYTES_MAX: usize = 100;
/// Years outside these are typing errors.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2100;

/// Month names by their beginnings, longest first where one begins another: English, then the languages whose sites
/// translate the names although the standard forbids it.
const MONTHS: &[(&str, i8)] = &[
    ("juil", 7),
    ("juin", 6),
    ("jul", 7),
    ("jun", 6),
    ("jan", 1),
    ("ene", 1),
    ("gen", 1),
    ("feb", 2),
    ("fev", 2),
    ("fév", 2),
    ("mai", 5),
    ("may", 5),
    ("mag", 5),
    ("mar", 3),
    ("mär", 3),
    ("apr", 4),
    ("avr", 4),
    ("abr", 4),
    ("giu", 6),
    ("lug", 7),
    ("aug", 8),
    ("aou", 8),
    ("aoû", 8),
    ("ago", 8),
    ("sep", 9),
    ("set", 9),
    ("oct", 10),
    ("okt", 10),
    ("ott", 10),
    ("nov", 11),
    ("dec", 12),
    ("déc", 12),
    ("dez", 12),
    ("dic", 12),
];

/// Zone names and their offsets in minutes: those of RFC 822 and the two common in Europe.
const ZONES: &[(&str, i32)] = &[
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("bst", 60),
    ("west", 60),
    ("cet", 60),
    ("cest", 120),
    ("met", 60),
    ("mest", 120),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("est", -300),
    ("edt", -240),
    ("et", -300),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("jst", 540),
];

/// Reads a date; milliseconds since 1970 UTC, or `None` when no date can be made of it. A missing zone counts as UTC.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() || text.len() > DATE_BYTES_MAX {
        return None;
    }
    iso(text).or_else(|| mail(text))
}

#[derive(Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<Clock>,
    offset_minutes: i32,
}

#[derive(Clone, Copy, Default)]
struct Clock {
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
}

impl Parts {
    fn timestamp(&self) -> Option<i64> {
        let year = self.year.filter(|year| YEARS.contains(year))?;
        let clock = self.time.unwrap_or_default();
        // Midnight at the end of a day is written 24:00 by some.
        let (hour, extra_ms) = if clock.hour == 24 { (0, 86_400_000) } else { (clock.hour, 0) };
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let second = clock.second.min(59);
        let civil = DateTime::new(year, month, day, hour, clock.minute, second, clock.nanos).ok()?;
        let utc_ms = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
        Some(utc_ms + extra_ms - i64::from(self.offset_minutes) * 60_000)
    }
}

/// `2026`, `2026-11`, `2026-11-22`, `20261122`, each but the first two also with `T09:41[:07[.5]][zone]`.
fn iso(text: &str) -> Option<i64> {
    let (date, rest) = match text.find(['T', 't', ' ', '_']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let numbers: Vec<&str> = if date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) {
        vec![&date[..4], &date[4..6], &date[6..]]
    } else {
        date.split(['-', '/']).collect()
    };
    let mut parts = Parts::default();
    match numbers.as_slice() {
        [year] => parts.year = Some(four_digits(year)?),
        [year, month] => (parts.year, parts.month) = (Some(four_digits(year)?), Some(number(month)?)),
        [year, month, day] => {
            (parts.year, parts.month, parts.day) = (Some(four_digits(year)?), Some(number(month)?), Some(number(day)?));
        }
        _ => return None,
    }
    if !rest.is_empty() {
        let zone_at = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ','))).unwrap_or(rest.len());
        parts.time = Some(clock(&rest[..zone_at])?);
        parts.offset_minutes = zone(rest[zone_at..].trim())?;
    }
    parts.timestamp()
}

/// `Sun, 22 Nov 2026 09:41:07 +0100` and whatever resembles it; each word is known by its shape, not by its place.
fn mail(text: &str) -> Option<i64> {
    let mut parts = Parts::default();
    let mut afternoon = None;
    let words =
        text.split(|c: char| c.is_whitespace() || c == ',').flat_map(split_dashes).filter(|word| !word.is_empty());
    for word in words {
        let lower = word.to_lowercase();
        if word.contains(':') && parts.time.is_none() {
            let zone_at = word.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(word.len());
            parts.time = Some(clock(&word[..zone_at])?);
            if zone_at < word.len() {
                parts.offset_minutes = zone(&word[zone_at..]).unwrap_or(0);
            }
        } else if let Ok(value) = word.parse::<i16>().map(i16::abs)
            && word.bytes().all(|b| b.is_ascii_digit())
        {
            match word.len() {
                1 | 2 if parts.day.is_none() => parts.day = i8::try_from(value).ok(),
                2 => parts.year = parts.year.or(Some(if value < 70 { 2000 + value } else { 1900 + value })),
                4 => parts.year = parts.year.or(Some(value)),
                _ => return None,
            }
        } else if matches!(lower.as_str(), "am" | "a.m." | "pm" | "p.m.") {
            afternoon = Some(lower.starts_with('p'));
        } else if let Some(minutes) = zone(word).filter(|_| parts.time.is_some()) {
            parts.offset_minutes = minutes;
        } else if parts.month.is_none() && parts.time.is_none() {
            parts.month = MONTHS.iter().find(|(start, _)| lower.starts_with(start)).map(|(_, month)| *month);
        }
    }
    if let (Some(afternoon), Some(time)) = (afternoon, parts.time.as_mut()) {
        time.hour = time.hour % 12 + if afternoon { 12 } else { 0 };
    }
    let complete = parts.year.is_some() && parts.month.is_some() && parts.day.is_some();
    complete.then(|| parts.timestamp())?
}

/// `22-Nov-2026` is three words; `-0500` is one.
fn split_dashes(word: &str) -> Vec<&str> {
    if word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains(':') {
        word.split('-').collect()
    } else {
        vec![word]
    }
}

fn clock(text: &str) -> Option<Clock> {
    let mut fields = text.split(':');
    let hour = number(fields.next()?)?;
    let minute = number(fields.next()?)?;
    let (second, nanos) = match fields.next() {
        None | Some("") => (0, 0),
        Some(text) => {
            let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
            (number(whole)?, fraction_nanos(fraction))
        }
    };
    let sane = (0..=24).contains(&hour) && (0..60).contains(&minute) && (0..=61).contains(&second);
    sane.then_some(Clock { hour, minute, second, nanos })
}

fn fraction_nanos(digits: &str) -> i32 {
    let mut nanos = 0;
    let mut unit = 100_000_000;
    for digit in digits.bytes().take_while(u8::is_ascii_digit).take(9) {
        nanos += i32::from(digit - b'0') * unit;
        unit /= 10;
    }
    nanos
}

/// Minutes east of Greenwich, or `None` when the word is no zone. An empty word is UTC.
fn zone(text: &str) -> Option<i32> {
    let lower = text.to_ascii_lowercase();
    if lower.is_empty() {
        return Some(0);
    }
    if let Some((_, minutes)) = ZONES.iter().find(|(name, _)| *name == lower) {
        return Some(*minutes);
    }
    let signed = lower.trim_start_matches("gmt").trim_start_matches("utc");
    let sign = match signed.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = signed[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = match digits.len() {
        1 | 2 => (digits.parse().ok()?, 0),
        3 => (digits[..1].parse().ok()?, digits[1..].parse().ok()?),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    (hours <= 15 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn four_digits(text: &str) -> Option<i16> {
    if text.len() == 4 { number(text) } else { None }
}

fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_of_many_spellings_are_read() {
        let want = 1_795_340_467_000; // 2026-11-22T09:41:07Z
        let same = [
            "2026-11-22T09:41:07Z",
            "2026-11-22t09:41:07z",
            "2026-11-22 09:41:07",
            "2026-11-22T09:41:07.000+00:00",
            "2026-11-22T10:41:07+0100",
            "2026-11-22T10:41:07+01",
            "20261122T09:41:07Z",
            "Sun, 22 Nov 2026 09:41:07 GMT",
            "Sun, 22 Nov 2026 10:41:07 +0100",
            "22 Nov 2026 09:41:07 UT",
            "22 November 2026 04:41:07 EST",
            "Sunday, 22-Nov-26 09:41:07 GMT",
            "Sun Nov 22 09:41:07 2026",
            "Sun, 22 Nov 2026 9:41:07 AM",
            "dim., 22 nov. 2026 09:41:07 +0000",
            "Sun,22 Nov 2026 09:41:07 Z",
            "Nov 22, 2026 09:41:07 UTC",
            "Mon, 22 Nov 2026 09:41:07 -0000",
            "Sun, 22 Nov 2026 11:41:07 GMT+2",
        ];
        for text in same {
            assert_eq!(parse(text), Some(want), "{text}");
        }
        assert_eq!(parse("2026-11-22T09:41:07.25Z"), Some(want + 250));
    }

    #[test]
    fn shorter_dates_are_read_as_their_beginning() {
        assert_eq!(parse("2026"), Some(1_767_225_600_000));
        assert_eq!(parse("2026-01"), Some(1_767_225_600_000));
        assert_eq!(parse("2026-01-01"), Some(1_767_225_600_000));
        assert_eq!(parse("1 Jan 2026"), Some(1_767_225_600_000));
        assert_eq!(parse("Thu, 01 Jan 2026 00:00"), Some(1_767_225_600_000));
        assert_eq!(parse("Wed, 31 Dec 2025 24:00:00 GMT"), Some(1_767_225_600_000));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-30",
            "0000-01-01",
            "9999",
            "12:00",
            "32 Jan 2026",
            "-",
            "::",
            "2026-11-22Tnoon",
            "22 Nov 2026 99:99:99",
            "1 2 3",
            "é",
            "2026-é",
            "+",
            "Nov",
            "Jan 2026",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"1".repeat(10_000)), None);
    }
}
