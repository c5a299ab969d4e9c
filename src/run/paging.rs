//! From one page of a list to the next, and when to stop. Pure: no fetching, no store, no clock.
//!
//! A [`Pager`] is told what each page gave and answers with the address of the next one or with the end of the walk. A
//! list ends by itself (`Complete`) where it leads nowhere or back to a page that was already asked for and, where trendy
//! itself counts the pages, at the first page without a new entry: beyond its end a site sends an empty page, or the last
//! one again. A site that itself leads on without naming anything new is a trap; that walk, like one that reaches a
//! bound, ends as `partial`, and so closes nothing.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use url::{Url, form_urlencoded};

use super::snapshot::WalkEnd;
use crate::config::{Pages, Paging};
use crate::normalize;
use crate::record::{Next, Outcome};

/// Pages without a new entry after which links and cursors are followed no further. Some APIs filter behind their paging
/// and give an empty page now and then; five in a row are a calendar that goes on for ever.
const STALE_PAGES: u32 = 5;

/// Most entries of a walk: their ids alone are some 40 MiB then, and no list that trendy is for comes near it.
const MAX_ENTRIES: usize = 1_000_000;

/// Longest address of a page: servers refuse longer ones (RFC 9110 asks them to take 8,000 bytes), and a link that
/// repeats its own query grows past it.
const MAX_ADDRESS: usize = 8_000;

/// What a page gave.
#[derive(Debug)]
pub(super) struct Gave {
    /// Entries on it, also those that could not be read.
    pub(super) found: usize,
    /// Those that no page before it named.
    pub(super) fresh: usize,
    /// Where it says that the list goes on.
    pub(super) next: Next,
}

/// The way through the pages of one list.
#[derive(Debug)]
pub(super) struct Pager {
    way: Way,
    visited: HashSet<Url>,
    pages: u32,
    max: u32,
    stale: u32,
    entries: usize,
}

/// How the next address is found.
#[derive(Debug)]
enum Way {
    /// Nowhere: there is one page.
    Single,
    /// It stands on the page.
    Link,
    /// A parameter that trendy counts.
    Count {
        first: Url,
        name: String,
        at: u64,
        step: Step,
    },
    /// A parameter that the page before gives.
    Cursor { first: Url, name: String },
    /// It waits since an index named it.
    Queue(VecDeque<Url>),
    /// Wherever the files go on: they end by themselves.
    Pieces,
}

/// How far a counted parameter moves.
#[derive(Debug, Clone, Copy)]
enum Step {
    Fixed(u64),
    /// By the entries of the page.
    Found,
}

impl Pager {
    /// The pager of a list and the address of its first page; `first` is the source's own address.
    pub(super) fn start(pages: &Pages, first: Url) -> (Self, Url) {
        Self::along(Self::way(pages, &first), pages.max, first)
    }

    /// The pager of files, which have as many pieces as they have.
    pub(super) fn of_files(first: Url) -> (Self, Url) {
        Self::along(Way::Pieces, u32::MAX, first)
    }

    fn way(pages: &Pages, first: &Url) -> Way {
        let counted = |name: &str, start: u32, step| Way::Count {
            first: first.clone(),
            name: name.to_owned(),
            at: start.into(),
            step,
        };
        match &pages.paging {
            Paging::None => Way::Single,
            Paging::NextLink(_) | Paging::NextRelation => Way::Link,
            Paging::PageParam { name, start } => counted(name, *start, Step::Fixed(1)),
            Paging::OffsetParam {
                name,
                start,
                page_size,
            } => {
                let step = page_size.map_or(Step::Found, |size| Step::Fixed(size.into()));
                counted(name, *start, step)
            }
            Paging::CursorParam { name, .. } => Way::Cursor {
                first: first.clone(),
                name: name.clone(),
            },
            Paging::Sitemaps => Way::Queue(VecDeque::new()),
        }
    }

    fn along(way: Way, max: u32, first: Url) -> (Self, Url) {
        let url = match &way {
            Way::Count { name, at, .. } => with_parameter(&first, name, &at.to_string()),
            Way::Single | Way::Link | Way::Cursor { .. } | Way::Queue(_) | Way::Pieces => first,
        };
        let at_first = Self {
            way,
            visited: HashSet::from([normalize::url::canonical(&url)]),
            pages: 1,
            max,
            stale: 0,
            entries: 0,
        };
        (at_first, url)
    }

    /// The number of the page that is being read, from 1.
    pub(super) const fn number(&self) -> u32 {
        self.pages
    }

    /// The address after a page that gave this, or how the walk ends.
    pub(super) fn next(&mut self, gave: Gave) -> ControlFlow<WalkEnd, Url> {
        self.entries += gave.fresh;
        self.stale = if gave.fresh > 0 { 0 } else { self.stale + 1 };
        let names_nothing_new = gave.fresh == 0 && self.pages > 1 && matches!(self.way, Way::Link);
        let Some(url) = self.successor(gave) else {
            return ControlFlow::Break(if names_nothing_new {
                // A page that another one leads to has entries of its own; without any it is a broken page, or one that
                // the site redirects to its first, and not the list's end.
                let reason = format!("page {} of the list holds no entry of its own", self.pages);
                WalkEnd::Failed(Outcome::Partial, reason)
            } else {
                WalkEnd::Complete
            });
        };
        if let Some(reason) = self.objection(&url) {
            return ControlFlow::Break(WalkEnd::Failed(Outcome::Partial, reason));
        }
        if self.pages >= self.max {
            return ControlFlow::Break(WalkEnd::MaxPages(self.max));
        }
        self.pages += 1;
        ControlFlow::Continue(url)
    }

    /// The next address that was not yet asked for.
    fn successor(&mut self, gave: Gave) -> Option<Url> {
        let url = match (&mut self.way, gave.next) {
            (
                Way::Count {
                    first,
                    name,
                    at,
                    step,
                },
                _,
            ) => {
                if gave.fresh == 0 {
                    return None;
                }
                *at = at.saturating_add(match step {
                    Step::Fixed(size) => *size,
                    Step::Found => gave.found as u64,
                });
                with_parameter(first, name, &at.to_string())
            }
            (Way::Link, Next::Page(url)) => url,
            (Way::Cursor { first, name }, Next::Cursor(cursor)) => {
                let encoded: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
                with_parameter(first, name, &encoded)
            }
            (Way::Queue(queue), Next::Sitemaps(sitemaps)) => {
                for sitemap in sitemaps {
                    // More than `max` are never read; one too many tells that the list goes on.
                    if queue.len() > self.max as usize {
                        break;
                    }
                    if self.visited.insert(normalize::url::canonical(&sitemap.url)) {
                        queue.push_back(sitemap.url);
                    }
                }
                return queue.pop_front();
            }
            (Way::Queue(queue), _) => return queue.pop_front(),
            (Way::Pieces, Next::Page(url)) => return Some(url),
            (Way::Single | Way::Link | Way::Cursor { .. } | Way::Pieces, _) => return None,
        };
        let is_new = self.visited.insert(normalize::url::canonical(&url));
        is_new.then_some(url)
    }

    /// Why an address is not followed though the list leads there.
    fn objection(&self, url: &Url) -> Option<String> {
        let leads_itself = matches!(self.way, Way::Link | Way::Cursor { .. });
        if leads_itself && self.stale >= STALE_PAGES {
            return Some(format!(
                "a trap: {STALE_PAGES} pages in a row named no new entry and led on; the walk ended after page {}",
                self.pages
            ));
        }
        if self.entries > MAX_ENTRIES && !matches!(self.way, Way::Pieces) {
            return Some(format!(
                "a trap: the list names more than {MAX_ENTRIES} entries; the walk ended after page {}",
                self.pages
            ));
        }
        if url.as_str().len() > MAX_ADDRESS {
            return Some(format!(
                "a trap: the address after page {} has more than {MAX_ADDRESS} bytes; the walk ended there",
                self.pages
            ));
        }
        None
    }
}

fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let mut url = url.clone();
    set_parameter(&mut url, name, value);
    url
}

/// Sets a parameter of the query, whose value is encoded already, and leaves the others as they are written: a `${NAME}`
/// must not be encoded.
fn set_parameter(url: &mut Url, name: &str, value: &str) {
    let own = format!("{name}=");
    let others = url.query().into_iter().flat_map(|query| query.split('&'));
    let mut pairs: Vec<String> = others
        .filter(|pair| !pair.is_empty() && !pair.starts_with(&own))
        .map(str::to_owned)
        .collect();
    pairs.push(format!("{own}{value}"));
    url.set_query(Some(&pairs.join("&")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Select;
    use crate::record::SitemapFile;

    fn url(path: &str) -> Url {
        Url::parse("https://a.example").unwrap().join(path).unwrap()
    }

    fn pager(paging: Paging, max: u32) -> (Pager, Url) {
        Pager::start(&Pages { paging, max }, url("/jobs?size=2"))
    }

    fn gave(found: usize, fresh: usize, next: Next) -> Gave {
        Gave { found, fresh, next }
    }

    fn step(pager: &mut Pager, gave: Gave) -> Result<String, WalkEnd> {
        match pager.next(gave) {
            ControlFlow::Continue(url) => Ok(url[url::Position::BeforePath..].to_owned()),
            ControlFlow::Break(end) => Err(end),
        }
    }

    fn cursor() -> Paging {
        Paging::CursorParam {
            name: "after".to_owned(),
            cursor: Select::Json {
                path: serde_json_path::JsonPath::parse("$.next").unwrap(),
                text: "$.next".to_owned(),
            },
        }
    }

    #[test]
    fn counted_pages_go_on_until_one_names_nothing_new() {
        let (mut pager, first) = pager(
            Paging::PageParam {
                name: "page".to_owned(),
                start: 0,
            },
            9,
        );
        assert_eq!(first, url("/jobs?size=2&page=0"));
        assert_eq!(
            step(&mut pager, gave(2, 2, Next::None)).unwrap(),
            "/jobs?size=2&page=1"
        );
        assert_eq!(
            step(&mut pager, gave(2, 0, Next::None)),
            Err(WalkEnd::Complete)
        );
    }

    #[test]
    fn an_offset_moves_by_the_page_size_or_by_what_the_page_had() {
        let offset = |page_size| Paging::OffsetParam {
            name: "from".to_owned(),
            start: 0,
            page_size,
        };
        for (page_size, second) in [
            (Some(20), "/jobs?size=2&from=20"),
            (None, "/jobs?size=2&from=3"),
        ] {
            let (mut pager, first) = pager(offset(page_size), 9);
            assert_eq!(first, url("/jobs?size=2&from=0"));
            assert_eq!(step(&mut pager, gave(3, 2, Next::None)).unwrap(), second);
        }
    }

    #[test]
    fn a_cursor_is_encoded_and_ends_the_list_when_it_is_absent_or_repeats() {
        let next = |text: &str| Next::Cursor(text.to_owned());
        let (mut repeats, first) = pager(cursor(), 9);
        assert_eq!(first, url("/jobs?size=2"));
        assert_eq!(
            step(&mut repeats, gave(2, 2, next("a&b=${KEY}"))).unwrap(),
            "/jobs?size=2&after=a%26b%3D%24%7BKEY%7D"
        );
        assert_eq!(
            step(&mut repeats, gave(2, 2, next("a&b=${KEY}"))),
            Err(WalkEnd::Complete)
        );
        let (mut ends, _) = pager(cursor(), 9);
        assert_eq!(
            step(&mut ends, gave(2, 2, Next::None)),
            Err(WalkEnd::Complete)
        );
    }

    #[test]
    fn a_link_to_a_page_that_was_read_ends_the_list_however_it_is_spelled() {
        let (mut pager, _) = pager(Paging::NextRelation, 9);
        let back = Next::Page(url("/jobs?utm_source=x&size=2#top"));
        assert_eq!(step(&mut pager, gave(2, 2, back)), Err(WalkEnd::Complete));
    }

    #[test]
    fn links_that_lead_on_to_nothing_new_are_a_trap() {
        let (mut pager, _) = pager(Paging::NextRelation, 10_000);
        let mut ended = None;
        for month in 0..10_000 {
            let fresh = usize::from(month == 0);
            let next = Next::Page(url(&format!("/calendar/{month}")));
            if let Err(end) = step(&mut pager, gave(1, fresh, next)) {
                ended = Some(end);
                break;
            }
        }
        assert_eq!(pager.number(), 1 + STALE_PAGES);
        assert!(
            matches!(&ended, Some(WalkEnd::Failed(Outcome::Partial, reason)) if reason.contains("a trap")),
            "{ended:?}"
        );
    }

    #[test]
    fn an_address_that_grows_and_a_list_without_end_are_traps() {
        let (mut long, _) = pager(Paging::NextRelation, 9);
        let far = url(&format!("/{}", "x".repeat(MAX_ADDRESS)));
        assert!(matches!(
            step(&mut long, gave(1, 1, Next::Page(far))),
            Err(WalkEnd::Failed(Outcome::Partial, _))
        ));
        let (mut many, _) = pager(Paging::NextRelation, 9);
        assert!(matches!(
            step(&mut many, gave(1, MAX_ENTRIES + 1, Next::Page(url("/2")))),
            Err(WalkEnd::Failed(Outcome::Partial, _))
        ));
    }

    #[test]
    fn the_sitemaps_of_an_index_are_each_read_once_and_may_name_nothing_new() {
        let files = |paths: &[&str]| {
            let page = |path: &&str| SitemapFile {
                url: url(path),
                modified: None,
            };
            Next::Sitemaps(paths.iter().map(page).collect())
        };
        let (mut pager, _) = pager(Paging::Sitemaps, 9);
        let index = files(&["/1.xml", "/2.xml", "/jobs?size=2", "/1.xml"]);
        assert_eq!(step(&mut pager, gave(0, 0, index)).unwrap(), "/1.xml");
        assert_eq!(step(&mut pager, gave(0, 0, files(&[]))).unwrap(), "/2.xml");
        assert_eq!(
            step(&mut pager, gave(5, 5, files(&["/2.xml"]))),
            Err(WalkEnd::Complete)
        );
    }

    #[test]
    fn more_pages_than_the_pipeline_allows_are_told() {
        let (mut pager, _) = pager(Paging::NextRelation, 1);
        let end = step(&mut pager, gave(1, 1, Next::Page(url("/2"))));
        assert_eq!(end, Err(WalkEnd::MaxPages(1)));
    }

    #[test]
    fn a_page_parameter_is_replaced_and_a_secret_left_alone() {
        let mut url = Url::parse("https://example.com/jobs?page=7&key=${KEY}").unwrap();
        set_parameter(&mut url, "page", "2");
        assert_eq!(url.as_str(), "https://example.com/jobs?key=${KEY}&page=2");
    }
}
