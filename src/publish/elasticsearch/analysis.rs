use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::client::{Client, body};
use crate::publish::error::SendError;

/// How indices cut texts into words: the best way that the server has, found by asking it to cut a text so.
///
/// `nori` knows Korean inflection but drops punctuation, so `c++` must be a word of a user dictionary. Such a dictionary
/// takes `#` for the start of a comment, and drops a word that begins with punctuation: `C#` goes in as `C♯`, `.NET` as
/// `dotnet`. That takes a character filter, which a server without its common analysis module lacks.
/// Charts never depend on any of this: they count the keyword field `terms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Analyzer {
    /// `nori`, and `c++`, `c#`, `f#`, `.net` are words.
    KoreanWithSymbols,
    /// `nori`, and `c++` is a word.
    KoreanWithPlus,
    /// `nori` as it comes.
    Korean,
    /// Pairs of syllables.
    Cjk,
    /// Spaces and punctuation; always there.
    Standard,
}

/// Name under which mappings refer to the analyzer.
pub(super) const NAME: &str = "trendy_text";

impl Analyzer {
    const BY_PREFERENCE: [Self; 5] = [
        Self::KoreanWithSymbols,
        Self::KoreanWithPlus,
        Self::Korean,
        Self::Cjk,
        Self::Standard,
    ];

    /// The name in reports.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::KoreanWithSymbols => "nori with c++, c#, f#, .net",
            Self::KoreanWithPlus => "nori with c++",
            Self::Korean => "nori",
            Self::Cjk => "cjk",
            Self::Standard => "standard",
        }
    }

    /// The first that the server can run.
    pub(super) async fn best_of(client: &Client) -> Result<Self, SendError> {
        for analyzer in Self::BY_PREFERENCE {
            let answer = client
                .ask(
                    Method::Post,
                    "_analyze",
                    &[],
                    Some(body(&analyzer.question())),
                )
                .await?;
            match answer.status {
                200 => return Ok(analyzer),
                400 => tracing::debug!(
                    analyzer = analyzer.as_str(),
                    reason = answer.reason(),
                    "the server does not have this analyzer"
                ),
                _ => return Err(answer.error()),
            }
        }
        Ok(Self::Standard)
    }

    /// The `analysis` settings of an index.
    pub(super) fn settings(self) -> Value {
        let Some(custom) = self.custom() else {
            return json!({"analyzer": {NAME: {"type": self.as_str()}}});
        };
        let mut analyzer = json!({"type": "custom", "tokenizer": NAME, "filter": custom.filters});
        let mut analysis = json!({"tokenizer": {NAME: custom.tokenizer}});
        if let Some(filter) = custom.char_filter {
            analyzer["char_filter"] = json!([NAME]);
            analysis["char_filter"] = json!({NAME: filter});
        }
        analysis["analyzer"] = json!({NAME: analyzer});
        analysis
    }

    /// The body of `_analyze` that puts the same definition to the test.
    fn question(self) -> Value {
        let text = "C++로 작성된 서버";
        match self.custom() {
            None => json!({"analyzer": self.as_str(), "text": text}),
            Some(Custom {
                tokenizer,
                filters,
                char_filter,
            }) => json!({
                "char_filter": Vec::from_iter(char_filter),
                "tokenizer": tokenizer,
                "filter": filters,
                "text": text,
            }),
        }
    }

    fn custom(self) -> Option<Custom> {
        let (words, mappings): (&[&str], &[&str]) = match self {
            Self::KoreanWithSymbols => (
                &["c++", "C++", "c♯", "C♯", "f♯", "F♯", "dotnet dot net"],
                // Escaped, since some versions take a leading `#` for a comment; with a space, to cut `ASP.NET` in two.
                &[
                    r"\u0023 => ♯",
                    r".NET => \u0020dotnet",
                    r".Net => \u0020dotnet",
                ],
            ),
            Self::KoreanWithPlus => (&["c++", "C++"], &[]),
            Self::Korean | Self::Cjk | Self::Standard => return None,
        };
        Some(Custom {
            tokenizer: json!({
                "type": "nori_tokenizer",
                // Keeps a compound beside its parts: 개발자 is found by 개발 too.
                "decompound_mode": "mixed",
                "user_dictionary_rules": words,
            }),
            filters: json!(["nori_part_of_speech", "nori_readingform", "lowercase"]),
            char_filter: (!mappings.is_empty())
                .then(|| json!({"type": "mapping", "mappings": mappings})),
        })
    }
}

struct Custom {
    tokenizer: Value,
    filters: Value,
    char_filter: Option<Value>,
}
