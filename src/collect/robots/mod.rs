//! `robots.txt`: what a site asks of crawlers, read as RFC 9309 says and as forgivingly as Google's parser does.
//!
//! A file is groups of rules; a group begins with one `user-agent` line or more. All groups that name the crawler
//! count together; only where none does, those of `*` count. Among the rules that match an address the longest wins,
//! and `allow` wins a tie. No rule, no restriction.
//!
//! Files are written by hand, so much is forgiven: a byte order mark, any line end, a missing colon, common
//! misspellings, patterns that are encoded or not. Lines before the first `user-agent` and unknown keys are ignored,
//! and an unknown key does not end a group.

mod cache;
mod pattern;

use std::time::Duration;

pub(super) use cache::RobotsCache;
use pattern::Pattern;

/// Longest part of a file that is read. RFC 9309 asks for 500 KiB at least; what needs more is no rule book.
pub(super) const LONGEST_FILE: usize = 500 * 1024;

/// Longest part of a line that is read, in bytes: Google's limit, eight times the longest URL of old browsers.
const LONGEST_LINE: usize = 2083 * 8;

/// A parsed `robots.txt`.
#[derive(Debug, Clone, Default)]
pub struct Robots {
    groups: Vec<Group>,
}

/// What a `robots.txt` says of one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Whether the address may be fetched.
    pub allowed: bool,
    /// Number (from 1) and text of the line that decided; none where no rule matched.
    pub line: Option<(usize, String)>,
    /// Time between two requests that the site asks for.
    pub crawl_delay: Option<Duration>,
}

#[derive(Debug, Clone, Default)]
struct Group {
    agents: Vec<String>,
    rules: Vec<Rule>,
    crawl_delay: Option<Duration>,
}

#[derive(Debug, Clone)]
struct Rule {
    verdict: Verdict,
    pattern: Pattern,
    number: usize,
    line: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allow,
    Disallow,
}

enum Key {
    UserAgent,
    Rule(Verdict),
    CrawlDelay,
}

impl Robots {
    /// Reads a file. There is no malformed file, only lines that say nothing.
    pub fn parse(text: &str) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        // Whether a rule was seen since the last `user-agent`: then the next `user-agent` begins a new group.
        let mut closed = true;
        let text = text.trim_start_matches('\u{feff}');
        for (index, line) in lines(text).enumerate() {
            let Some((key, value)) = key_and_value(line) else {
                continue;
            };
            match key {
                Key::UserAgent => {
                    if closed {
                        groups.push(Group::default());
                        closed = false;
                    }
                    if let Some(group) = groups.last_mut() {
                        group.agents.push(value.to_owned());
                    }
                }
                Key::Rule(verdict) => {
                    if let Some(group) = groups.last_mut() {
                        closed = true;
                        group.rules.push(Rule {
                            verdict,
                            pattern: Pattern::parse(value),
                            number: index + 1,
                            line: line.trim().to_owned(),
                        });
                    }
                }
                Key::CrawlDelay => {
                    if let Some(group) = groups.last_mut() {
                        group.crawl_delay = seconds(value).or(group.crawl_delay);
                    }
                }
            }
        }
        Self { groups }
    }

    /// What the file says of an address to the crawler of that product token. The address is absolute, or begins with
    /// its path. The token may be followed by a version; other crawlers' names in the same family (`news` in
    /// `bot-news`) are taken for the general one where they have no group of their own.
    pub fn decide(&self, agent: &str, url: &str) -> Decision {
        let path = pattern::normalize_path(path_and_query(url));
        let mut allow = Best::default();
        let mut disallow = Best::default();
        let mut crawl_delay = None;
        for group in self.groups_for(agent) {
            crawl_delay = crawl_delay.max(group.crawl_delay);
            for rule in &group.rules {
                let best = match rule.verdict {
                    Verdict::Allow => &mut allow,
                    Verdict::Disallow => &mut disallow,
                };
                best.consider(rule, &path);
            }
        }
        let allowed = disallow.length <= allow.length;
        let decisive = if allowed { allow } else { disallow };
        Decision {
            allowed,
            line: decisive.rule.map(|rule| (rule.number, rule.line.clone())),
            crawl_delay,
        }
    }

    /// The file without what is said to other crawlers.
    pub(super) fn only_for(&self, agent: &str) -> Self {
        Self {
            groups: self.groups_for(agent).cloned().collect(),
        }
    }

    fn groups_for(&self, agent: &str) -> impl Iterator<Item = &Group> {
        let closest = self
            .groups
            .iter()
            .map(|group| group.closeness(agent))
            .max()
            .unwrap_or(0);
        self.groups
            .iter()
            .filter(move |group| closest > 0 && group.closeness(agent) == closest)
    }
}

impl Group {
    /// How closely the group names the crawler: 0 not at all, 1 by `*`, more by name.
    fn closeness(&self, agent: &str) -> usize {
        self.agents
            .iter()
            .map(|named| closeness(named, agent))
            .max()
            .unwrap_or(0)
    }
}

/// The longest matching rule of one verdict; an empty pattern forbids and allows nothing.
#[derive(Default)]
struct Best<'a> {
    length: usize,
    rule: Option<&'a Rule>,
}

impl<'a> Best<'a> {
    fn consider(&mut self, rule: &'a Rule, path: &str) {
        let length = rule.pattern.matched_length(path).unwrap_or(0);
        if length > self.length {
            self.length = length;
            self.rule = Some(rule);
        }
    }
}

fn closeness(named: &str, agent: &str) -> usize {
    let mut letters = named.chars();
    // `*` followed by a blank and more is written for everyone too.
    if letters.next() == Some('*') && letters.next().is_none_or(char::is_whitespace) {
        return 1;
    }
    let (named, agent) = (name(named), name(agent));
    let is_family = |token: &str| {
        !token.is_empty()
            && agent
                .get(..token.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(token))
            && matches!(agent[token.len()..].chars().next(), None | Some('-' | '_'))
    };
    let token = product_token(named);
    if is_family(named) {
        named.len() + 1
    } else if is_family(token) {
        token.len() + 1
    } else {
        0
    }
}

/// The name in `Name/1.0 (comment)`.
fn name(agent: &str) -> &str {
    agent
        .split(|letter: char| letter == '/' || letter.is_whitespace())
        .next()
        .unwrap_or_default()
}

/// The letters that RFC 9309 lets a product token have, from the start of a text.
pub(super) fn product_token(text: &str) -> &str {
    let end = text
        .find(|letter: char| !(letter.is_ascii_alphabetic() || letter == '-' || letter == '_'))
        .unwrap_or(text.len());
    &text[..end]
}

/// Lines ended by CR, LF or both, cut at [`LONGEST_LINE`].
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r')
            .map(|line| &line[..line.floor_char_boundary(LONGEST_LINE)])
    })
}

fn key_and_value(line: &str) -> Option<(Key, &str)> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let (key, value) = line.split_once(':').or_else(|| {
        // Some forget the colon; that can be told as long as there are two words only.
        let (key, value) = line.split_once([' ', '\t'])?;
        (!value.trim_start().contains([' ', '\t'])).then_some((key, value))
    })?;
    Some((Key::parse(key.trim_end())?, value.trim_start()))
}

impl Key {
    fn parse(key: &str) -> Option<Self> {
        const USER_AGENT: &[&str] = &["user-agent", "useragent", "user agent"];
        const ALLOW: &[&str] = &["allow"];
        const DISALLOW: &[&str] = &[
            "disallow",
            "dissallow",
            "dissalow",
            "disalow",
            "diasllow",
            "disallaw",
        ];
        const CRAWL_DELAY: &[&str] = &["crawl-delay", "crawldelay", "crawl delay"];
        let is = |spellings: &[&str]| {
            spellings.iter().any(|spelling| {
                key.get(..spelling.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(spelling))
            })
        };
        if is(USER_AGENT) {
            Some(Self::UserAgent)
        } else if is(ALLOW) {
            Some(Self::Rule(Verdict::Allow))
        } else if is(DISALLOW) {
            Some(Self::Rule(Verdict::Disallow))
        } else if is(CRAWL_DELAY) {
            Some(Self::CrawlDelay)
        } else {
            None
        }
    }
}

fn seconds(value: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(value.parse().ok()?).ok()
}

/// Path and query of an address, as it stands: `robots.txt` is asked about any text that might be an address.
fn path_and_query(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or_default();
    let authority = match url.find("://") {
        Some(end) if !url[..end].contains(['/', '?', ';']) => end + 3,
        _ if url.starts_with("//") => 2,
        _ => 0,
    };
    match url[authority..].find(['/', '?', ';']) {
        Some(start) => &url[authority + start..],
        None => "/",
    }
}

#[cfg(test)]
mod tests;
