//! Which vocabulary a name belongs to.
//!
//! A known namespace address decides, however the feed spells it and whatever prefix it gave it. Where the address is
//! unknown or missing, the usual meaning of the prefix does: many feeds declare a wrong address, or none.

/// A vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    /// RSS and Atom of every version: their names do not contradict each other.
    Core,
    /// Dublin Core elements.
    Dc,
    /// Dublin Core terms.
    DcTerms,
    /// `content:encoded`.
    Content,
    /// Media RSS.
    Media,
    /// Podcasts, by Apple.
    Itunes,
    /// Podcasts, by Google.
    GooglePlay,
    /// What a feed proxy (`FeedBurner`) replaced.
    FeedBurner,
    /// HTML in XML.
    Xhtml,
    /// RDF itself.
    Rdf,
    /// Anything else.
    Other,
}

impl Namespace {
    /// The vocabulary of a namespace address; versions, `https` and final `#` or `/` make no difference.
    pub(super) fn of_address(address: &str) -> Option<Self> {
        let address = address.trim().to_ascii_lowercase();
        let name = address
            .strip_prefix("http://")
            .or_else(|| address.strip_prefix("https://"))
            .unwrap_or(&address)
            .trim_end_matches(['#', '/']);
        Some(match name {
            "www.w3.org/2005/atom"
            | "purl.org/atom/ns"
            | "purl.org/echo"
            | "purl.org/pie"
            | "purl.org/rss/1.0"
            | "purl.org/net/rss1.1"
            | "example.com/newformat"
            | "example.com/necho"
            | "uri/of/echo/namespace" => Self::Core,
            _ if name.starts_with("backend.userland.com/rss")
                || name.starts_with("blogs.law.harvard.edu/tech/rss")
                || name.starts_with("cyber.law.harvard.edu/rss")
                || name.contains("netscape.com/rdf/simple/0.9")
                || name.contains("netscape.com/publish/formats/rss-0.91")
                || name == "purl.org/rss/1.0/modules/rss091" =>
            {
                Self::Core
            }
            _ if name.starts_with("purl.org/dc/elements") => Self::Dc,
            "purl.org/dc/terms" => Self::DcTerms,
            "purl.org/rss/1.0/modules/content" => Self::Content,
            _ if name.starts_with("search.yahoo.com/mrss") => Self::Media,
            _ if name.ends_with("/dtds/podcast-1.0.dtd") => Self::Itunes,
            _ if name.starts_with("www.google.com/schemas/play-podcasts") => Self::GooglePlay,
            _ if name.starts_with("rssnamespace.org/feedburner") => Self::FeedBurner,
            "www.w3.org/1999/xhtml" => Self::Xhtml,
            "www.w3.org/1999/02/22-rdf-syntax-ns" => Self::Rdf,
            _ => return None,
        })
    }

    /// The vocabulary that a prefix usually stands for.
    pub(super) fn of_prefix(prefix: &str) -> Self {
        match prefix.to_ascii_lowercase().as_str() {
            "" | "rss" | "atom" | "atom03" | "atom10" | "a10" => Self::Core,
            "dc" => Self::Dc,
            "dcterms" | "dct" => Self::DcTerms,
            "content" => Self::Content,
            "media" => Self::Media,
            "itunes" => Self::Itunes,
            "googleplay" => Self::GooglePlay,
            "feedburner" => Self::FeedBurner,
            "xhtml" => Self::Xhtml,
            "rdf" => Self::Rdf,
            _ => Self::Other,
        }
    }
}

/// Declarations in force at once. Feeds have a dozen; each name is looked up among them.
const MAX_BINDINGS: usize = 256;

/// The prefixes in force, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    bindings: Vec<(&'a str, Option<Namespace>)>,
}

impl<'a> Scope<'a> {
    /// How many bindings are in force, for [`Scope::leave`].
    pub(super) const fn mark(&self) -> usize {
        self.bindings.len()
    }

    /// Binds what an attribute declares, if it is a namespace declaration.
    pub(super) fn bind(&mut self, attribute: &'a str, address: &str) {
        let prefix = match attribute.strip_prefix("xmlns") {
            Some("") => "",
            Some(rest) => match rest.strip_prefix(':') {
                Some(prefix) => prefix,
                None => return,
            },
            None => return,
        };
        if self.bindings.len() < MAX_BINDINGS {
            self.bindings.push((prefix, Namespace::of_address(address)));
        }
    }

    /// Lets unprefixed names be those of feeds, whatever the root declared: a root that is called `rss` is one.
    pub(super) fn claim_default(&mut self) {
        self.bindings.push(("", Some(Namespace::Core)));
    }

    /// Forgets the bindings made since the mark.
    pub(super) fn leave(&mut self, mark: usize) {
        self.bindings.truncate(mark);
    }

    /// Vocabulary and local name of a qualified name.
    pub(super) fn resolve<'n>(&self, name: &'n str) -> (Namespace, &'n str) {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let bound = self
            .bindings
            .iter()
            .rev()
            .find(|(bound, _)| *bound == prefix)
            .and_then(|(_, namespace)| *namespace);
        (bound.unwrap_or_else(|| Namespace::of_prefix(prefix)), local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_decides_before_the_prefix_and_the_prefix_where_it_is_unknown() {
        let mut scope = Scope::default();
        scope.bind("xmlns:x", "https://PURL.org/dc/elements/1.1");
        scope.bind("xmlns:dc", "http://example.com/own");
        scope.bind("xmlns:itunes", "http://purl.org/dc/terms/");
        scope.bind("xmlns:odd", "http://example.com/own");
        scope.bind("xmlns", "http://example.com/own");
        assert_eq!(scope.resolve("x:creator"), (Namespace::Dc, "creator"));
        assert_eq!(scope.resolve("dc:creator"), (Namespace::Dc, "creator"));
        assert_eq!(
            scope.resolve("itunes:issued"),
            (Namespace::DcTerms, "issued")
        );
        assert_eq!(scope.resolve("odd:title"), (Namespace::Other, "title"));
        assert_eq!(scope.resolve("media:title"), (Namespace::Media, "title"));
        assert_eq!(scope.resolve("title"), (Namespace::Core, "title"));
    }

    #[test]
    fn bindings_end_with_their_element() {
        let mut scope = Scope::default();
        let mark = scope.mark();
        scope.bind("xmlns", "http://www.w3.org/1999/xhtml");
        assert_eq!(scope.resolve("title").0, Namespace::Xhtml);
        scope.leave(mark);
        assert_eq!(scope.resolve("title").0, Namespace::Core);
    }
}
