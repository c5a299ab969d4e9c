//! What an element of a feed says, and how much its word counts.
//!
//! The table is the knowledge of all vocabularies at once; a rank (0 is best) settles who is believed where an entry
//! has several, see `draft`.

use super::namespace::Namespace;

/// What an element says of a feed or an entry. The number is the rank of its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Title(u8),
    Link(u8),
    /// RSS `guid`: an id, and a link if it looks like one.
    Guid,
    /// RSS `guid` that is no link.
    Opaque,
    Id(u8),
    Author(u8),
    Published(u8),
    Updated(u8),
    /// `dc:date`, of which nobody says what happened then.
    Date,
    Summary(u8),
    Content(u8),
    Tag,
    /// Several tags in one text.
    Keywords,
    Language(u8),
}

impl Field {
    /// What the element of that vocabulary and local name, in lower case, says.
    pub(super) fn of(namespace: Namespace, local: &str) -> Option<Self> {
        match namespace {
            Namespace::Core => Self::of_core(local),
            Namespace::Dc => Self::of_dublin_core(local),
            Namespace::DcTerms => match local {
                "issued" => Some(Self::Published(1)),
                "created" => Some(Self::Published(2)),
                "modified" => Some(Self::Updated(1)),
                "abstract" => Some(Self::Summary(2)),
                _ => Self::of_dublin_core(local),
            },
            Namespace::Content => (local == "encoded").then_some(Self::Content(0)),
            Namespace::Media => match local {
                "title" => Some(Self::Title(3)),
                "description" => Some(Self::Summary(3)),
                "keywords" => Some(Self::Keywords),
                "credit" => Some(Self::Author(7)),
                _ => None,
            },
            Namespace::Itunes => match local {
                "title" => Some(Self::Title(2)),
                "author" => Some(Self::Author(2)),
                "owner" => Some(Self::Author(5)),
                "summary" => Some(Self::Summary(2)),
                "subtitle" => Some(Self::Summary(4)),
                "keywords" => Some(Self::Keywords),
                "category" => Some(Self::Tag),
                _ => None,
            },
            Namespace::GooglePlay => match local {
                "author" => Some(Self::Author(3)),
                "description" => Some(Self::Summary(3)),
                _ => None,
            },
            Namespace::FeedBurner => (local == "origlink").then_some(Self::Link(0)),
            Namespace::Xhtml => matches!(local, "body" | "div").then_some(Self::Content(2)),
            Namespace::Rdf | Namespace::Other => None,
        }
    }

    fn of_core(local: &str) -> Option<Self> {
        Some(match local {
            "title" => Self::Title(0),
            "link" => Self::Link(1),
            "guid" => Self::Guid,
            "id" => Self::Id(0),
            // RSS asks for an e-mail address here, so `dc:creator` is the better name.
            "author" => Self::Author(1),
            "managingeditor" => Self::Author(4),
            "webmaster" => Self::Author(6),
            "pubdate" | "published" | "issued" => Self::Published(0),
            "created" => Self::Published(2),
            "updated" | "modified" => Self::Updated(0),
            "date" => Self::Date,
            "description" | "summary" => Self::Summary(0),
            "content" => Self::Content(0),
            "fullitem" | "body" => Self::Content(2),
            "category" => Self::Tag,
            "language" => Self::Language(0),
            _ => return None,
        })
    }

    fn of_dublin_core(local: &str) -> Option<Self> {
        Some(match local {
            "title" => Self::Title(1),
            "identifier" => Self::Id(2),
            "creator" => Self::Author(0),
            "author" => Self::Author(3),
            "date" => Self::Date,
            "description" => Self::Summary(1),
            "subject" => Self::Tag,
            "language" => Self::Language(1),
            _ => return None,
        })
    }

    /// Whether the field holds a text that may have markup.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Title(_) | Self::Summary(_) | Self::Content(_))
    }

    /// Whether the field holds paragraphs, in which nearly every element name of a feed may also be HTML.
    pub(super) const fn is_long(self) -> bool {
        matches!(self, Self::Summary(_) | Self::Content(_))
    }
}
