use url::Url;

/// Longer ones are no addresses that a person follows, and each costs the report its length.
const LONGEST: usize = 2_000;

/// The address as a link may have it. None for a scheme that a browser would do something else with than open a page,
/// such as `javascript:`, `data:` or `file:`.
pub(super) fn link(address: &str) -> Option<String> {
    if address.len() > LONGEST {
        return None;
    }
    let url = Url::parse(address).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_linked_to() {
        assert_eq!(
            link("https://jobs.example/1?a=b&c=d").as_deref(),
            Some("https://jobs.example/1?a=b&c=d")
        );
        assert!(link("http://jobs.example/직무").is_some());
    }

    #[test]
    fn nothing_else_is() {
        for address in [
            "javascript:alert(1)",
            " JavaScript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "file:///etc/passwd",
            "vbscript:x",
            "//jobs.example/1",
            "/jobs/1",
            "",
        ] {
            assert_eq!(link(address), None, "{address}");
        }
        assert_eq!(
            link(&format!("https://a.example/{}", "x".repeat(LONGEST))),
            None
        );
    }
}
