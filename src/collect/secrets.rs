use std::borrow::Cow;
use std::convert::Infallible;

use aho_corasick::{AhoCorasick, MatchKind};
use url::{Url, form_urlencoded};

use crate::config::{self, Environment, MissingVariable, Secret};

/// Shortest value that is taken out of texts: replacing a shorter one would garble them, and it hides nothing.
const SHORTEST_REDACTED: usize = 4;

/// The secrets that a pipeline file names, with their values.
///
/// Only names that the file itself holds are ever filled in: a page that links to `?x=${OTHER_KEY}` gets that text
/// back, not the value.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Vec<(String, Secret)>);

impl Secrets {
    /// Reads the values of all `${…}` in these texts.
    pub(super) fn named_in<'a>(
        texts: impl IntoIterator<Item = &'a str>,
        environment: &Environment,
    ) -> Result<Self, MissingVariable> {
        let mut secrets = Self::default();
        for name in texts.into_iter().flat_map(config::placeholders) {
            if secrets.get(name).is_none() {
                secrets
                    .0
                    .push((name.to_owned(), environment.resolve(name)?));
            }
        }
        Ok(secrets)
    }

    /// Puts the values into the query of an address, encoded for it.
    pub(super) fn fill_query(&self, url: &mut Url) {
        if self.0.is_empty() {
            return;
        }
        if let Some(query) = url.query() {
            let filled = self.fill(query, encoded);
            url.set_query(Some(&filled));
        }
    }

    /// Puts the values into a header, as they are.
    pub(super) fn fill_header(&self, value: &str) -> String {
        self.fill(value, str::to_owned)
    }

    /// The text with every value in it, encoded or not, as `${NAME}` again.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut redacted = text.to_owned();
        for (name, secret) in &self.0 {
            for form in forms(secret.expose()) {
                if form.len() >= SHORTEST_REDACTED {
                    redacted = redacted.replace(&form, &format!("${{{name}}}"));
                }
            }
        }
        redacted
    }

    /// Does for bodies what [`redact`](Self::redact) does for texts, without these secrets at hand.
    pub(super) fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        let mut spellings = Vec::new();
        for (name, secret) in &self.0 {
            for form in forms(secret.expose()) {
                if form.len() >= SHORTEST_REDACTED {
                    spellings.push(form);
                    redactor.placeholders.push(format!("${{{name}}}"));
                }
            }
        }
        if !spellings.is_empty() {
            let automaton = AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&spellings)
                .expect("a few values are far from the most that fit");
            redactor.automaton = Some(automaton);
        }
        redactor
    }

    fn get(&self, name: &str) -> Option<&Secret> {
        self.0
            .iter()
            .find_map(|(known, secret)| (known == name).then_some(secret))
    }

    fn fill(&self, text: &str, form: fn(&str) -> String) -> String {
        let filled: Result<_, Infallible> = config::fill(text, |name| {
            Ok(match self.get(name) {
                Some(secret) => form(secret.expose()),
                None => format!("${{{name}}}"),
            })
        });
        match filled {
            Ok(filled) => filled,
        }
    }
}

/// Takes secrets out of bodies. A body that holds none, as good as every one, is not copied.
#[derive(Clone, Default)]
pub(super) struct Redactor {
    automaton: Option<AhoCorasick>,
    /// What stands in for each spelling.
    placeholders: Vec<String>,
}

impl Redactor {
    pub(super) fn redact<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.automaton {
            Some(automaton) if automaton.is_match(body) => {
                automaton.replace_all_bytes(body, &self.placeholders).into()
            }
            _ => body.into(),
        }
    }
}

/// The value as it stands in a query. Some services (data.go.kr for one) hand out keys that are encoded already, and
/// refuse them when they are encoded again.
fn encoded(value: &str) -> String {
    if is_encoded(value) {
        return value.to_owned();
    }
    let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    encoded.replace('+', "%20")
}

/// Whether every `%` begins an encoded byte, there is one at least, and nothing is left to encode.
fn is_encoded(value: &str) -> bool {
    let mut parts = value.split('%');
    let plain = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte))
    };
    value.contains('%')
        && parts.next().is_some_and(plain)
        && parts.all(|part| {
            plain(part)
                && part.len() >= 2
                && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
        })
}

/// Every spelling in which a value may come back, the longest first: a shorter one may be a part of it.
fn forms(value: &str) -> Vec<String> {
    let encoded = encoded(value);
    let decoded = form_urlencoded::parse(encoded.as_bytes())
        .next()
        .map(|(decoded, _)| decoded.into_owned());
    let mut forms = vec![lower_case_escapes(&encoded), encoded, value.to_owned()];
    forms.extend(decoded);
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms
}

fn lower_case_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(value: &str) -> Secrets {
        let environment = Environment::of([("KEY", value), ("OTHER", "other-value")]);
        Secrets::named_in(["https://a.example/?serviceKey=${KEY}"], &environment).unwrap()
    }

    fn sent(value: &str) -> String {
        let mut url = Url::parse("https://a.example/x?serviceKey=${KEY}&n=1").unwrap();
        secrets(value).fill_query(&mut url);
        url.into()
    }

    #[test]
    fn an_encoded_and_a_decoded_key_are_sent_alike() {
        let expected = "https://a.example/x?serviceKey=ab%2Bc%2Fd%3D%3D&n=1";
        assert_eq!(sent("ab+c/d=="), expected);
        assert_eq!(sent("ab%2Bc%2Fd%3D%3D"), expected);
        assert_eq!(
            sent("plain-key_1"),
            "https://a.example/x?serviceKey=plain-key_1&n=1"
        );
        assert_eq!(sent("100%"), "https://a.example/x?serviceKey=100%25&n=1");
        assert_eq!(sent("50%2x"), "https://a.example/x?serviceKey=50%252x&n=1");
        assert_eq!(
            sent("a b&c=비"),
            "https://a.example/x?serviceKey=a%20b%26c%3D%EB%B9%84&n=1"
        );
    }

    #[test]
    fn names_that_the_pipeline_does_not_hold_are_left_alone() {
        let mut url = Url::parse("https://a.example/?a=${OTHER}&b=${KEY}").unwrap();
        secrets("value").fill_query(&mut url);
        assert_eq!(url.as_str(), "https://a.example/?a=${OTHER}&b=value");
    }

    #[test]
    fn every_spelling_of_a_value_is_redacted() {
        for value in ["ab+c/d==", "ab%2Bc%2Fd%3D%3D"] {
            let secrets = secrets(value);
            for echo in ["ab+c/d==", "ab%2Bc%2Fd%3D%3D", "ab%2bc%2fd%3d%3d"] {
                assert_eq!(
                    secrets.redact(&format!("/login?k={echo}&x")),
                    "/login?k=${KEY}&x"
                );
            }
        }
    }

    #[test]
    fn bodies_are_redacted_and_not_copied_in_vain() {
        let redactor = secrets("ab+c/d==").redactor();
        assert_eq!(
            *redactor.redact(b"\xff<key>ab+c/d==</key> ab%2Bc%2Fd%3D%3D"),
            *b"\xff<key>${KEY}</key> ${KEY}"
        );
        assert!(matches!(redactor.redact(b"ab+c"), Cow::Borrowed(b"ab+c")));
    }

    #[test]
    fn a_missing_variable_is_told_by_name() {
        let error = Secrets::named_in(["?k=${KEY}"], &Environment::default()).unwrap_err();
        assert_eq!(error, MissingVariable::Variable("KEY".to_owned()));
    }

    #[test]
    fn addresses_keep_placeholders_in_their_query_as_written() {
        let url = Url::parse("https://a.example/?k=${KEY}&f=${file:/run/key}").unwrap();
        assert_eq!(url.query(), Some("k=${KEY}&f=${file:/run/key}"));
    }
}
