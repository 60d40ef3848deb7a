//! People and groups by name: they are few and in memory, so that they are looked through as they are now.

use super::{Question, What};
use crate::http::extract::Key;
use crate::http::shape::Shaper;
use crate::http::shape::group::GroupRef;
use crate::http::shape::person::{Emails, Person};
use crate::http::shape::text::fold;
use crate::search::Lookup;
use std::cmp::Reverse;

/// People, and groups, shown beside what was written.
const NAMES_MAX: usize = 6;
/// The same when only they are asked for.
const NAMES_ALONE_MAX: usize = 50;

/// People and groups that a question may mean: not when it asks for something written by somebody, somewhere or somewhen.
pub fn find(shaper: &Shaper<'_>, asked: &Question, lookup: &Lookup) -> (Vec<Person>, Vec<GroupRef>) {
    let narrowed = asked.group.is_some()
        || asked.person.is_some()
        || asked.source.is_some()
        || asked.from.is_some()
        || asked.to.is_some();
    if lookup.is_empty() || narrowed {
        return (Vec::new(), Vec::new());
    }
    let wanted = |what| asked.kind.is_none_or(|kind| kind == what);
    let max = if asked.kind.is_some() { NAMES_ALONE_MAX } else { NAMES_MAX };
    let people = if wanted(What::Person) { people(shaper, asked, lookup, max) } else { Vec::new() };
    let groups = if wanted(What::Group) && asked.site.is_none() { groups(shaper, lookup, max) } else { Vec::new() };
    (people, groups)
}

fn people(shaper: &Shaper<'_>, asked: &Question, lookup: &Lookup, max: usize) -> Vec<Person> {
    let mut found: Vec<_> =
        shaper.reader.people().into_iter().filter(|person| !person.name.is_empty() && !person.former).collect();
    found.retain(|person| asked.site.is_none_or(|Key(site)| person.site == site));
    found.retain(|person| lookup.fits(&format!("{} {}", person.name, person.title)));
    // Those whose name it is come before those whose job it is.
    found.sort_by_cached_key(|person| (Reverse(lookup.fits(&person.name)), fold(&person.name), person.id));
    found.truncate(max);
    found.iter().map(|person| shaper.person(person, Emails::Own)).collect()
}

fn groups(shaper: &Shaper<'_>, lookup: &Lookup, max: usize) -> Vec<GroupRef> {
    let (mine, others) = shaper.reader.groups(shaper.viewer);
    let mut found: Vec<_> = mine.into_iter().chain(others).collect();
    found.retain(|group| lookup.fits(&format!("{} {}", group.name, group.purpose)));
    found.sort_by_cached_key(|group| {
        (Reverse(lookup.fits(&group.name)), Reverse(group.role.is_some()), fold(&group.name), group.id)
    });
    found.truncate(max);
    found.iter().map(GroupRef::of).collect()
}
