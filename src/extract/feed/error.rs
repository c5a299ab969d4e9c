use super::text::{beginning, strip_tags};

/// Why a document gave no feed: what it is instead.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Nothing, or blanks.
    #[error("no feed: the document is empty")]
    Empty,
    /// A page for people.
    #[error(
        "no feed: found the HTML page `{title}`; look in it for a link with `rel=\"alternate\"`"
    )]
    Html {
        /// Its title, or its beginning.
        title: String,
    },
    /// XML of another vocabulary.
    #[error("no feed: found XML with the root `{root}`, not `rss`, `feed` or `rdf:RDF`")]
    OtherXml {
        /// Name of the root element.
        root: String,
    },
    /// RDF about something else.
    #[error("no feed: found RDF without an RSS `channel` or `item`")]
    OtherRdf,
    /// JSON of another shape.
    #[error("no feed: found JSON {found}, not an object with `version` and `items`")]
    OtherJson {
        /// The shape, in words.
        found: String,
    },
    /// JSON that breaks off or is none.
    #[error("cannot read JSON feed")]
    InvalidJson(#[source] serde_json::Error),
    /// Neither XML nor JSON.
    #[error("no feed: found text that begins `{beginning}`")]
    Text {
        /// Its first words.
        beginning: String,
    },
    /// Elements nested beyond any feed.
    #[error("cannot read feed: elements nest deeper than {limit} at byte {position}")]
    TooDeep {
        /// The limit.
        limit: usize,
        /// Where it was passed.
        position: usize,
    },
}

impl FeedError {
    /// The page that stands where a feed was looked for.
    pub(super) fn html(text: &str) -> Self {
        let head = beginning(text, 16 * 1024);
        // ASCII lower case keeps every byte position.
        let lower = head.to_ascii_lowercase();
        let title = lower.find("<title").and_then(|start| {
            let open = start + lower[start..].find('>')? + 1;
            let close = open + lower[open..].find("</title")?;
            Some(&head[open..close])
        });
        let title = strip_tags(title.unwrap_or(head));
        Self::Html {
            title: beginning(&title, 80).to_owned(),
        }
    }

    /// Text that is neither XML nor JSON.
    pub(super) fn text(text: &str) -> Self {
        let text = strip_tags(beginning(text, 1024));
        Self::Text {
            beginning: beginning(&text, 80).to_owned(),
        }
    }
}
