//! Namespaces reduced to the few that feeds use. Follows declarations, and knows the customary prefixes for documents
//! that forget to declare them.

/// Declarations in force at once; further ones are ignored, so that looking one up stays cheap.
const DECLARATIONS_MAX: usize = 64;

/// A namespace that matters, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ns {
    /// No namespace, or one of RSS itself.
    Plain,
    /// Atom 1.0 and its draft 0.3.
    Atom,
    /// The container of RSS 1.0.
    Rdf,
    /// Whole contents in RSS.
    Content,
    /// Dublin Core, elements and terms.
    DublinCore,
    /// Media RSS.
    Media,
    /// Podcast extensions.
    Itunes,
    /// XHTML inside Atom.
    Xhtml,
    /// Anything else.
    Other,
}

/// Declared addresses, compared without scheme, final `/` or `#`, in lower case, because feeds misspell them.
const ADDRESSES: &[(&str, Ns)] = &[
    ("www.w3.org/2005/atom", Ns::Atom),
    ("purl.org/atom/ns", Ns::Atom),
    ("example.com/newformat", Ns::Atom),
    ("purl.org/rss/1.0", Ns::Plain),
    ("my.netscape.com/rdf/simple/0.9", Ns::Plain),
    ("channel.netscape.com/rdf/simple/0.9", Ns::Plain),
    ("backend.userland.com/rss", Ns::Plain),
    ("backend.userland.com/rss2", Ns::Plain),
    ("blogs.law.harvard.edu/tech/rss", Ns::Plain),
    ("cyber.law.harvard.edu/rss/rss.html", Ns::Plain),
    ("www.w3.org/1999/02/22-rdf-syntax-ns", Ns::Rdf),
    ("purl.org/rss/1.0/modules/content", Ns::Content),
    ("purl.org/dc/elements/1.1", Ns::DublinCore),
    ("purl.org/dc/elements/1.0", Ns::DublinCore),
    ("purl.org/dc/terms", Ns::DublinCore),
    ("search.yahoo.com/mrss", Ns::Media),
    ("www.itunes.com/dtds/podcast-1.0.dtd", Ns::Itunes),
    ("www.w3.org/1999/xhtml", Ns::Xhtml),
];

/// Customary prefixes.
const PREFIXES: &[(&str, Ns)] = &[
    ("atom", Ns::Atom),
    ("atom10", Ns::Atom),
    ("a10", Ns::Atom),
    ("rss", Ns::Plain),
    ("rdf", Ns::Rdf),
    ("content", Ns::Content),
    ("dc", Ns::DublinCore),
    ("dcterms", Ns::DublinCore),
    ("media", Ns::Media),
    ("itunes", Ns::Itunes),
    ("xhtml", Ns::Xhtml),
];

#[derive(Default)]
pub(super) struct Scope {
    declared: Vec<(usize, String, Ns)>,
    /// The root of a feed has an unknown default namespace: it is then taken for none at all.
    odd_default: bool,
}

impl Scope {
    /// Notes a declaration on the element at `depth`; an empty prefix is the default namespace.
    pub fn declare(&mut self, depth: usize, prefix: &str, address: &str) {
        if self.declared.len() >= DECLARATIONS_MAX {
            return;
        }
        let short = address.trim().to_ascii_lowercase();
        let short = short.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches(['/', '#']);
        let known = ADDRESSES.iter().find(|(known, _)| *known == short).map(|(_, ns)| *ns);
        let ns = known.unwrap_or(if short.is_empty() { Ns::Plain } else { Ns::Other });
        self.declared.push((depth, prefix.to_owned(), ns));
    }

    pub fn resolve(&mut self, prefix: &str, at_root: bool) -> Ns {
        let declared = self.declared.iter().rev().find(|(_, known, _)| known == prefix);
        match (declared, prefix) {
            (Some((0, _, Ns::Other)), "") => {
                self.odd_default |= at_root;
                if self.odd_default { Ns::Plain } else { Ns::Other }
            }
            (Some((_, _, ns)), _) => *ns,
            (None, "") => Ns::Plain,
            (None, _) => PREFIXES.iter().find(|(known, _)| *known == prefix).map_or(Ns::Other, |(_, ns)| *ns),
        }
    }

    /// Forgets what was declared at `depth` or below.
    pub fn leave(&mut self, depth: usize) {
        while self.declared.last().is_some_and(|(at, ..)| *at >= depth) {
            self.declared.pop();
        }
    }
}
