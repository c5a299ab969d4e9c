//! One spelling for the addresses of one thing: a record's id hangs on it.
//!
//! What the URL standard already unifies (case of scheme and host, default port, dot segments) is left to it. Beyond
//! that only what cannot name another page changes: the fragment, credentials, session ids, parameters that say where
//! a visitor came from, their order, and the spelling of percent-escapes. Trailing slashes, `www.` and http against
//! https stay: there are servers on which they matter.

use url::Url;

/// Parameters that say where a visitor came from, and never which page is shown. A trailing `*` stands for any ending.
#[rustfmt::skip]
const TRACKING: &[&str] = &[
    // campaign tags of Google Analytics, Matomo, Piwik
    "utm_*", "mtm_*", "pk_*", "piwik_*", "_ga", "_gl",
    // clicks on advertisements: Google, Microsoft, Facebook, Yandex, Twitter, TikTok, LinkedIn, Instagram, Naver
    "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "msclkid", "fbclid", "yclid",
    "twclid", "ttclid", "li_fat_id", "igshid", "igsh", "napm", "n_media", "n_query", "n_rank", "n_ad*", "n_keyword*",
    "n_campaign*", "s_kwcid", "ef_id",
    // mail campaigns: Mailchimp, HubSpot, Marketo, Vero, Omeda, Klaviyo
    "mc_cid", "mc_eid", "_hsenc", "_hsmi", "hsctatracking", "mkt_tok", "vero_id", "vero_conv", "oly_anon_id",
    "oly_enc_id", "_kx",
    // the source of an application at Greenhouse, Lever, LinkedIn
    "gh_src", "lever-source", "lever-source[]", "lever-origin", "trk", "trackingid",
    // sharing buttons of Twitter and Alibaba
    "ref_src", "ref_url", "spm",
    // sessions of servers that do without cookies
    "jsessionid", "phpsessid", "aspsessionid*",
];

/// A text that is no address of a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It cannot be read as a URL, at this base.
    #[error("`{text}` is no URL")]
    Invalid {
        /// The text.
        text: String,
        /// What the URL standard says.
        #[source]
        source: url::ParseError,
    },
    /// It names no page: `mailto:`, `javascript:`, `data:`.
    #[error("`{0}` is no address of a page, only http and https are")]
    Scheme(String),
}

/// The address that a text names, relative to a base where there is one.
pub fn resolve(text: &str, base: Option<&Url>) -> Result<Url, UrlError> {
    let parsed = Url::options().base_url(base).parse(text.trim());
    let url = parsed.map_err(|source| UrlError::Invalid {
        text: text.to_owned(),
        source,
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(UrlError::Scheme(text.to_owned())),
    }
}

/// The one spelling of an address.
pub fn canonical(url: &Url) -> Url {
    let mut canonical = url.clone();
    // `#!/x` and `#/x` are pages of an application that lives in one document; any other fragment is a place in a page.
    if url
        .fragment()
        .is_some_and(|fragment| !fragment.starts_with(['!', '/']))
    {
        canonical.set_fragment(None);
    }
    // Not every scheme has these parts; where it has none there is nothing to remove.
    let _ = canonical
        .set_username("")
        .and_then(|()| canonical.set_password(None));
    if let Some(host) = url
        .host_str()
        .and_then(|host| host.strip_suffix('.'))
        .filter(|host| !host.is_empty())
    {
        // Fails only for a host that cannot stand without its dot, which then keeps it.
        let _ = canonical.set_host(Some(host));
    }
    if !url.cannot_be_a_base() {
        let path = escapes(without_session(url.path()));
        canonical.set_path(&path);
    }
    let query = url.query().map(query).filter(|query| !query.is_empty());
    canonical.set_query(query.as_deref());
    canonical
}

/// Java servers put the session behind the path: `/jobs;jsessionid=1A2B`.
fn without_session(path: &str) -> &str {
    match path.to_ascii_lowercase().rfind(";jsessionid=") {
        Some(at) if !path[at..].contains('/') => &path[..at],
        _ => path,
    }
}

/// Parameters by name, those of one name in their own order, without tracking and empty ones.
fn query(query: &str) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(escapes)
        .collect();
    pairs.retain(|pair| !is_tracking(name(pair)));
    pairs.sort_by(|one, other| name(one).cmp(name(other)));
    pairs.join("&")
}

fn name(pair: &str) -> &str {
    pair.split('=').next().unwrap_or(pair)
}

fn is_tracking(name: &str) -> bool {
    let name = name
        .to_ascii_lowercase()
        .replace("%5b", "[")
        .replace("%5d", "]");
    TRACKING
        .iter()
        .any(|tracking| match tracking.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *tracking,
        })
}

/// Percent-escapes in their one spelling (RFC 3986, 6.2.2): upper-case digits, none for letters, digits and `-._~`.
fn escapes(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        spelled.push_str(&rest[..at]);
        let escape = rest.get(at..at + 3);
        let byte = escape.and_then(|escape| u8::from_str_radix(&escape[1..], 16).ok());
        match (escape, byte) {
            (Some(_), Some(byte)) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                spelled.push(byte.into());
            }
            (Some(escape), Some(_)) => spelled.push_str(&escape.to_ascii_uppercase()),
            _ => {
                spelled.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        }
        rest = &rest[at + 3..];
    }
    spelled.push_str(rest);
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_text(url: &str) -> String {
        canonical(&Url::parse(url).unwrap()).to_string()
    }

    #[test]
    fn spellings_of_one_address_are_one() {
        for (url, expected) in [
            ("HTTPS://Example.COM:443/a/../b", "https://example.com/b"),
            ("https://example.com", "https://example.com/"),
            ("https://example.com./a", "https://example.com/a"),
            ("https://user:secret@example.com/a", "https://example.com/a"),
            ("https://example.com/a#comments", "https://example.com/a"),
            ("https://example.com/a?", "https://example.com/a"),
            (
                "https://example.com/a?b=2&a=1&b=1",
                "https://example.com/a?a=1&b=2&b=1",
            ),
            ("https://example.com/a?&&x=", "https://example.com/a?x="),
            (
                "https://example.com/%7euser/%ec%b1%84?q=%2f%61",
                "https://example.com/~user/%EC%B1%84?q=%2Fa",
            ),
            (
                "https://example.com/채용",
                "https://example.com/%EC%B1%84%EC%9A%A9",
            ),
            (
                "https://example.com/jobs;jsessionid=1A2B?x=1",
                "https://example.com/jobs?x=1",
            ),
            ("https://example.com/100%", "https://example.com/100%"),
        ] {
            let found = canonical_text(url);
            assert_eq!(found, expected);
            assert_eq!(
                canonical_text(&found),
                found,
                "a canonical address is canonical"
            );
        }
    }

    #[test]
    fn tracking_is_dropped_and_what_names_a_page_stays() {
        let url = "https://example.com/jobs?id=7&utm_source=x&UTM_Medium=y&fbclid=1&gclid=2&gh_src=a&lever-source%5B%5D=b&page=2";
        assert_eq!(canonical_text(url), "https://example.com/jobs?id=7&page=2");
        assert_eq!(
            canonical_text("https://example.com/?utm_source=x"),
            "https://example.com/"
        );
        assert_eq!(
            canonical_text("https://example.com/?gh_jid=7&ref=8"),
            "https://example.com/?gh_jid=7&ref=8"
        );
    }

    #[test]
    fn pages_of_an_application_in_one_document_differ() {
        assert_eq!(
            canonical_text("https://example.com/#!/jobs/1"),
            "https://example.com/#!/jobs/1"
        );
        assert_eq!(
            canonical_text("https://example.com/#/jobs/1"),
            "https://example.com/#/jobs/1"
        );
    }

    #[test]
    fn other_schemes_pass_unharmed() {
        assert_eq!(
            canonical_text("mailto:a@example.com"),
            "mailto:a@example.com"
        );
        assert_eq!(canonical_text("data:text/plain,x"), "data:text/plain,x");
    }

    #[test]
    fn addresses_are_resolved_and_scripts_are_none() {
        let base = Url::parse("https://example.com/blog/").unwrap();
        let at = |text| resolve(text, Some(&base)).map(String::from);
        assert_eq!(at(" ../jobs/1\n").unwrap(), "https://example.com/jobs/1");
        assert_eq!(
            at("//cdn.example.com/x").unwrap(),
            "https://cdn.example.com/x"
        );
        assert_eq!(
            at("javascript:alert(1)").unwrap_err(),
            UrlError::Scheme("javascript:alert(1)".to_owned())
        );
        assert!(matches!(
            resolve("jobs/1", None),
            Err(UrlError::Invalid { .. })
        ));
    }
}
