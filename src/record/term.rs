use std::fmt;

use serde::{Deserialize, Serialize};

/// A technology that a text names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Term {
    /// Its name in the dictionary, such as `PostgreSQL`.
    pub name: String,
    /// What sort of technology it is.
    #[serde(rename = "type")]
    pub kind: TermType,
}

/// Sort of a technology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermType {
    /// Programming, query, markup and shell languages, and language runtimes.
    Language,
    /// Frameworks: they call the user's code.
    Framework,
    /// Libraries: the user's code calls them.
    Library,
    /// Databases, caches, search engines, warehouses.
    Database,
    /// Clouds and their services.
    Cloud,
    /// Build, delivery, orchestration, observability.
    Devops,
    /// Brokers, stream and batch processing, workflow engines.
    Data,
    /// Machine learning: libraries, platforms, models.
    Ml,
    /// Operating systems, mobile and other platforms.
    Platform,
    /// Tools of the trade: version control, editors, test, design, collaboration.
    Tool,
    /// Protocols, formats, standards.
    Protocol,
}

impl TermType {
    /// Every type, in the order of tables.
    pub const ALL: [Self; 11] = [
        Self::Language,
        Self::Framework,
        Self::Library,
        Self::Database,
        Self::Cloud,
        Self::Devops,
        Self::Data,
        Self::Ml,
        Self::Platform,
        Self::Tool,
        Self::Protocol,
    ];

    /// The name in files, columns and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::Framework => "framework",
            Self::Library => "library",
            Self::Database => "database",
            Self::Cloud => "cloud",
            Self::Devops => "devops",
            Self::Data => "data",
            Self::Ml => "ml",
            Self::Platform => "platform",
            Self::Tool => "tool",
            Self::Protocol => "protocol",
        }
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for TermType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
