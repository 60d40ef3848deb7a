//! What a new page begins with, in the language of who makes it.

use super::super::markdown::lines::lines;
use crate::local::account::Language;
use protocol::document::{Kind, Line};
use serde::Deserialize;
use utoipa::ToSchema;

/// What a page may begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Template {
    /// Nothing.
    #[default]
    Blank,
    /// Minutes of a meeting.
    Minutes,
    /// A project sheet.
    Project,
    /// A good practice.
    Practice,
    /// A list to tick off.
    Checklist,
}

impl Template {
    const fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Blank, _) => "",
            (Self::Minutes, Language::Fr) => include_str!("templates/minutes.fr.md"),
            (Self::Minutes, Language::En) => include_str!("templates/minutes.en.md"),
            (Self::Project, Language::Fr) => include_str!("templates/project.fr.md"),
            (Self::Project, Language::En) => include_str!("templates/project.en.md"),
            (Self::Practice, Language::Fr) => include_str!("templates/practice.fr.md"),
            (Self::Practice, Language::En) => include_str!("templates/practice.en.md"),
            (Self::Checklist, Language::Fr) => include_str!("templates/checklist.fr.md"),
            (Self::Checklist, Language::En) => include_str!("templates/checklist.en.md"),
        }
    }

    /// Its lines. A heading with nothing under it gets an empty line to write in.
    pub(super) fn lines(self, language: Language) -> Vec<Line> {
        let mut filled: Vec<Line> = Vec::new();
        for line in lines(self.text(language), |_| None) {
            let heading = |line: &Line| matches!(line.kind, Kind::Heading(_));
            if heading(&line) && filled.last().is_some_and(heading) {
                filled.push(Line::new(Kind::Paragraph));
            }
            // Its title is the page's: what is below begins at the first level.
            let kind = if let Kind::Heading(level) = line.kind { Kind::Heading(level.max(2) - 1) } else { line.kind };
            filled.push(Line { kind, ..line });
        }
        if filled.last().is_some_and(|line| matches!(line.kind, Kind::Heading(_))) {
            filled.push(Line::new(Kind::Paragraph));
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_has_the_same_lines_in_both_languages() {
        for template in [Template::Minutes, Template::Project, Template::Practice, Template::Checklist] {
            let kinds = |language| -> Vec<Kind> { template.lines(language).iter().map(|line| line.kind).collect() };
            assert_eq!(kinds(Language::Fr), kinds(Language::En), "{template:?}");
            assert_eq!(kinds(Language::Fr).first() == Some(&Kind::Heading(1)), template != Template::Checklist);
            let none_alone = kinds(Language::En).windows(2).all(|two| two != [Kind::Heading(1), Kind::Heading(1)]);
            assert!(none_alone && kinds(Language::En).len() > 8);
        }
        assert_eq!(Template::Blank.lines(Language::En), []);
    }
}
