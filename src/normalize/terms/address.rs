//! Web addresses, e-mail addresses and file paths: names inside them name no technology.

use super::boundary::is_latin_word;
use super::korean::is_hangul;

/// Top-level domains seen in texts of the trade. `js` and `net` after a known name never get here.
const DOMAINS: [&str; 32] = [
    "com", "org", "net", "io", "dev", "co", "kr", "ai", "app", "me", "gg", "so", "cloud", "sh",
    "tech", "blog", "xyz", "info", "us", "uk", "jp", "cn", "de", "edu", "gov", "ly", "to", "page",
    "site", "team", "run", "in",
];

/// First folders by which a relative path is known.
const FOLDERS: [&str; 9] = [
    "src",
    "usr",
    "etc",
    "bin",
    "opt",
    "var",
    "home",
    "node_modules",
    "lib",
];

/// Addresses are short; a longer stretch without a blank is something else, and not worth the walk.
const LONGEST_LOOK_BACK: usize = 400;

/// The end of the address that holds the name at `start..end`, if one does. `is_name` tells whether a text is itself
/// the name of a technology (`Socket.io`, `ASP.NET`).
pub(super) fn around(
    text: &str,
    start: usize,
    end: usize,
    is_name: impl Fn(&str) -> bool,
) -> Option<usize> {
    let head = &text[token_start(text, start)..start];
    let address_end = || end + text[end..].find(ends_token).unwrap_or(text.len() - end);
    if head.contains("://")
        || starts_with_ignoring_case(head, "www.")
        || text[end..].starts_with("://")
    {
        return Some(address_end());
    }
    let rest = &text[end..];
    if is_mailbox(head, rest) {
        return Some(address_end());
    }
    if is_path(head) && !text[start..end].contains(|character: char| character.is_ascii_uppercase())
    {
        return Some(end);
    }
    // `github.com/spring-projects`: the host is before the name.
    let (host, _) = head.split_once('/').unwrap_or(("", ""));
    if is_domain(latin_tail(host)) && !is_name(latin_tail(host)) {
        return Some(address_end());
    }
    // `react-native.dev`, `docs.redis.io`: the name is a part of the host.
    let host_start = start - host_len_back(head);
    let host_end = end
        + rest
            .find(|character| !is_host(character))
            .unwrap_or(rest.len());
    let host = text[host_start..host_end].trim_end_matches(['.', '-']);
    if host.len() > end - start && is_domain(host) && !is_name(host) {
        return Some(host_end);
    }
    None
}

fn token_start(text: &str, start: usize) -> usize {
    let mut floor = start.saturating_sub(LONGEST_LOOK_BACK);
    while !text.is_char_boundary(floor) {
        floor += 1;
    }
    let head = &text[floor..start];
    head.char_indices()
        .rev()
        .find(|&(_, character)| ends_token(character))
        .map_or(floor, |(index, character)| {
            floor + index + character.len_utf8()
        })
}

fn ends_token(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '<' | '>' | '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '“' | '”'
        )
}

fn is_mailbox(head: &str, rest: &str) -> bool {
    let is_local =
        |character: char| is_latin_word(character) || matches!(character, '.' | '+' | '-');
    let after_local = rest.trim_start_matches(is_local);
    let in_local_part = after_local
        .strip_prefix('@')
        .is_some_and(|domain| domain.starts_with(char::is_alphanumeric) && has_dot_inside(domain));
    let in_domain = head
        .trim_end_matches(is_host)
        .strip_suffix('@')
        .is_some_and(|local| local.ends_with(is_local));
    in_local_part || in_domain
}

fn has_dot_inside(domain: &str) -> bool {
    let host = &domain[..domain
        .find(|character| !is_host(character))
        .unwrap_or(domain.len())];
    // `react@18.2.0` is a version, not a mailbox.
    host.trim_end_matches('.').split_once('.').is_some()
        && !host.starts_with(|first: char| first.is_ascii_digit())
}

fn is_path(head: &str) -> bool {
    let Some((first, rest)) = head.split_once('/') else {
        return false;
    };
    match first {
        "" => rest.contains('/'),
        "." | ".." | "~" => true,
        _ => FOLDERS.contains(&first),
    }
}

fn is_domain(host: &str) -> bool {
    let Some((labels, last)) = host.rsplit_once('.') else {
        return false;
    };
    DOMAINS.contains(&last.to_ascii_lowercase().as_str())
        && labels
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(is_host))
}

fn is_host(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-')
}

fn host_len_back(head: &str) -> usize {
    head.len() - head.trim_end_matches(is_host).len()
}

/// What follows the last Hangul: `주소는github.com`.
fn latin_tail(host: &str) -> &str {
    host.rfind(|character| is_hangul(character) || matches!(character, ',' | ':'))
        .and_then(|index| host.get(index..))
        .map_or(host, |tail| {
            tail.trim_start_matches(|character| !is_host(character))
        })
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::around;

    fn holds(text: &str, name: &str) -> bool {
        let start = text.rfind(name).unwrap();
        around(text, start, start + name.len(), |host| {
            host.eq_ignore_ascii_case("socket.io")
        })
        .is_some()
    }

    #[test]
    fn sees_addresses() {
        for (text, name) in [
            ("https://go.dev/blog", "go"),
            ("HTTPS://velog.io/@me/스프링-정리", "스프링"),
            ("github.com/kotlin/api", "kotlin"),
            ("주소는 react-native.dev 입니다", "react-native"),
            ("java@company.co.kr로", "java"),
            ("me@kotlin.io", "kotlin"),
            ("/usr/local/go", "go"),
            ("src/main/java", "java"),
        ] {
            assert!(holds(text, name), "{text}");
        }
    }

    #[test]
    fn leaves_names_alone() {
        for (text, name) in [
            ("Socket.io를", "Socket.io"),
            ("Socket.io/Redis", "Redis"),
            ("react@18.2.0", "react"),
            ("Java/Kotlin", "Kotlin"),
            ("AI/ML/Python", "Python"),
            ("I use Docker. It", "Docker"),
        ] {
            assert!(!holds(text, name), "{text}");
        }
    }
}
