//! What no site should send and some do: texts that are broken in every way, at random and on purpose.
//!
//! The random ones are seeds in the shape of real input, cut, doubled, spliced and sprinkled with what parsers stumble over.
//! Every reader must come back in time, with a value or an error, whatever it is given. The generator's seed is fixed, so
//! that a failure comes again; `TRENDY_FUZZ` sets how many texts each reader gets, for a longer search than a test run has
//! time for.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use trendy::collect::robots::Robots;
use trendy::config::Pipeline;
use trendy::demo::FIXTURES;
use trendy::extract::article::Article;
use trendy::extract::feed::{self, Feed};
use trendy::extract::sitemap::Sitemap;
use trendy::extract::{jobposting, kma};
use trendy::html::decode;
use trendy::normalize::date::{self, DateContext, DayMonthOrder};
use trendy::normalize::{job, salary, terms::Dictionary};
use url::Url;

/// Texts that a reader gets in a usual test run: some seconds for all of them together.
const TEXTS: u64 = 300;
/// Longest text, in bytes: a page's worth, and many a text doubles.
const LONGEST: usize = 32 * 1024;
/// Longest that one text of this size may take, on a slow machine with other tests beside it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What parsers stumble over.
const HOSTILE: &[&str] = &[
    "\0",
    "\u{feff}",
    "\u{202e}",
    "\u{200d}",
    "\u{fffd}",
    "\u{10ffff}",
    "\\ud83d",
    "\\ud800\\ud800",
    "&#xD800;",
    "&#0;",
    "&amp",
    "&&",
    "&lt;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "<",
    "</",
    "/>",
    "<div>",
    "</item>",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "\r",
    "\n\n",
    "\t",
    "#",
    "${KEY}",
    "{nx}",
    "@graph",
    "null",
    "true",
    "1e999",
    "-0",
    "99999999999999999999",
    "0000",
    "31",
    "2월 30일",
    "오전",
    "전",
    "日",
    "ﾡ",
    "İ",
    "ß",
    "🇰🇷",
    "👩‍👩‍👧",
    "Ａ",
    "C++",
    ".NET",
    "Go",
    "*",
    "$",
    "Disallow:",
    "%",
    "%00",
    "%zz",
    "..",
    "//",
    "javascript:",
];

/// splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// A place in a text where it can be cut.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn text(&mut self, seeds: &[&str]) -> String {
        let mut text = self.pick(seeds).to_owned();
        for _ in 0..=self.below(8) {
            let (one, other) = (self.place(&text), self.place(&text));
            let (from, to) = (one.min(other), one.max(other));
            match self.below(6) {
                0 => text.replace_range(from..to, ""),
                1 => text.truncate(one),
                2 => {
                    let part = text[from..to].to_owned();
                    text.insert_str(to, &part);
                }
                3 => {
                    let seed = self.pick(seeds);
                    let cut = self.place(seed);
                    text.insert_str(one, &seed[cut..]);
                }
                4 => text.insert_str(one, &self.pick(HOSTILE).repeat(1 + self.below(200))),
                _ => text.insert_str(one, self.pick(HOSTILE)),
            }
            if text.len() > LONGEST {
                let end = text.floor_char_boundary(LONGEST);
                text.truncate(end);
            }
        }
        text
    }
}

/// Gives a reader random texts, on a thread of its own so that one that hangs is found.
fn survives(seeds: &[&str], read: fn(&str)) {
    let count = std::env::var("TRENDY_FUZZ").map_or(TEXTS, |count| count.parse().unwrap());
    let seeds: Vec<String> = seeds.iter().map(|&seed| seed.to_owned()).collect();
    let (tell, told) = mpsc::channel::<Result<(), String>>();
    std::thread::spawn(move || {
        let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
        let mut random = Random(20_261_119);
        for _ in 0..count {
            let text = random.text(&seeds);
            let result = catch_unwind(AssertUnwindSafe(|| read(&text))).map_err(|_| text);
            if tell.send(result).is_err() {
                return;
            }
        }
    });
    for number in 0..count {
        match told.recv_timeout(PATIENCE) {
            Ok(Ok(())) => {}
            Ok(Err(text)) => panic!("text {number} made it panic: {text:?}"),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("text {number} hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => unreachable!("every text is told of"),
        }
    }
}

fn address() -> Url {
    "https://a.example/b/".parse().unwrap()
}

fn saved(path: &str) -> &'static str {
    FIXTURES.get_file(path).unwrap().contents_utf8().unwrap()
}

fn dates() -> DateContext {
    DateContext {
        zone: TimeZone::get("Asia/Seoul").unwrap(),
        now: "2026-11-19T09:00:00Z".parse().unwrap(),
        order: DayMonthOrder::default(),
    }
}

#[test]
fn feeds_and_sitemaps() {
    let json = r#"{"version":"https://jsonfeed.org/version/1.1","title":"T","items":[{"id":"1","url":"/1","title":"\ud83d\ude00","date_published":"2026-11-01T00:00:00Z","tags":["a"]}]}"#;
    let map = "<sitemapindex><sitemap><loc>https://a.example/1.xml</loc></sitemap></sitemapindex>";
    let seeds = [
        saved("toss-tech/day-1/rss.xml"),
        saved("naver-d2/day-1/d2.atom"),
        json,
        map,
    ];
    survives(&seeds, |text| {
        drop(Feed::of(text, &address()));
        drop(Sitemap::of(text, &address()));
    });
}

#[test]
fn declared_postings_and_articles() {
    let script = r#"<html><script type="application/ld+json">{"@context":"https://schema.org","@graph":[{"@type":"JobPosting","title":"A","hiringOrganization":{"name":"B"},"datePosted":"2026-11-01","baseSalary":{"currency":"KRW","value":{"minValue":1,"maxValue":2,"unitText":"YEAR"}},"jobLocation":[{"address":{"addressLocality":"Seoul"}}],}]}</script><h1>A</h1></html>"#;
    let markup = r#"<div itemscope itemtype="https://schema.org/JobPosting"><h1 itemprop="title">A</h1><p itemprop="description" itemref="x">C</p></div>"#;
    let page = saved("python-jobs/day-1/jobs/7801/index.html");
    survives(&[script, markup, page], |text| {
        drop(jobposting::read(text, &address()));
        drop(Article::of(text, &address()));
    });
}

#[test]
fn robots_dates_pay_and_years() {
    let robots = "User-agent: *\nDisallow: /a*b$\nAllow: /\nCrawl-delay: 1\nSitemap: /s.xml\n";
    survives(&[robots, saved("python-jobs/day-1/robots.txt")], |text| {
        let path = format!(
            "https://a.example/{}",
            text.lines().next().unwrap_or_default()
        );
        Robots::parse(text).decide("trendy", &path);
    });
    let seeds = [
        "2026년 3월 1일 (일) 오후 2시",
        "Thu, 19 Nov 2026 09:00:00 +0900",
        "3일 전",
        "~2026.12.31",
        "D-7",
        "연봉 5,000만원 ~ 8,000만원",
        "$120k–$150k a year",
        "경력 3~5년",
        "1e308",
    ];
    survives(&seeds, |text| {
        drop(date::parse(text, &dates()));
        drop(date::deadline(text, &dates()));
        drop(salary::parse(text));
        let _ = job::experience(text);
        job::remote(text);
    });
}

#[test]
fn terms_are_found_where_they_stand() {
    let seeds = [
        "Go로 만든 서비스, React Native와 C++, .NET 8, Node.js",
        "스프링부트와 쿠버네티스 https://rust-lang.org/ user@go.dev",
    ];
    survives(&seeds, |text| {
        for found in Dictionary::bundled().find(text) {
            assert!(
                text.get(found.span.clone())
                    .is_some_and(|span| !span.is_empty())
            );
        }
    });
}

#[test]
fn pipeline_files_and_answers_of_the_weather_service() {
    let root = crate::support::trendy::root();
    let files: Vec<String> = ["python-jobs", "kma-observation", "daangn-careers"]
        .iter()
        .map(|name| std::fs::read_to_string(root.join(format!("pipelines/{name}.toml"))).unwrap())
        .collect();
    let quality = "[quality]\nrequired = [\"title\"]\nfill = { company = 0.9 }\nnot_before = { posted_at = \"-2y\" }";
    let mut seeds: Vec<&str> = files.iter().map(String::as_str).collect();
    seeds.push(quality);
    survives(&seeds, |text| {
        drop(Pipeline::parse(Path::new("p.toml"), text.to_owned()));
    });

    let folder = FIXTURES
        .get_dir("kma-observation/day-1/1360000/VilageFcstInfoService_2.0")
        .unwrap();
    let answer = folder.files().next().unwrap().contents_utf8().unwrap();
    let refusal = "<OpenAPI_ServiceResponse><cmmMsgHeader><returnReasonCode>22</returnReasonCode></cmmMsgHeader></OpenAPI_ServiceResponse>";
    survives(&[answer, refusal], |text| {
        if let Ok(answer) = kma::rows(text) {
            drop(kma::weather(&answer.rows, "108"));
        }
    });
}

#[test]
fn bytes_of_any_encoding() {
    survives(
        &[
            saved("toss-tech/day-1/rss.xml"),
            "안녕하세요 <meta charset=euc-kr>",
        ],
        |text| {
            // Every other byte is lost: what is left is valid in no encoding.
            let bytes: Vec<u8> = text.bytes().step_by(2).collect();
            for kind in [
                None,
                Some("text/html; charset=euc-kr"),
                Some("text/xml; charset=utf-16"),
            ] {
                drop(decode(&bytes, kind));
            }
        },
    );
}

/// The time that something takes is bounded too.
fn soon(what: impl FnOnce()) {
    let begun = Instant::now();
    what();
    assert!(begun.elapsed() < PATIENCE, "it took {:?}", begun.elapsed());
}

#[test]
fn a_page_that_is_too_large_is_refused_before_it_is_parsed() {
    let page = "<div>".repeat(2 * 1024 * 1024);
    soon(|| {
        assert!(jobposting::read(&page, &address()).is_err());
        assert!(Article::of(&page, &address()).is_err());
    });
}

#[test]
fn json_that_nests_without_end_is_no_feed_no_posting_and_no_weather() {
    let deep = "[".repeat(1_000_000);
    let object = r#"{"a":"#.repeat(200_000);
    let page = format!(
        r#"<script type="application/ld+json">{}</script>"#,
        "[".repeat(100_000)
    );
    soon(|| {
        for text in [&deep, &object] {
            assert!(Feed::of(text, &address()).is_err());
            assert!(kma::rows(text).is_err());
        }
        let postings = jobposting::read(&page, &address()).unwrap_or_default();
        assert!(postings.is_empty());
    });
}

#[test]
fn a_tag_of_countless_attributes_is_refused_before_it_is_parsed() {
    let attributes: String = (0..200_000).fold(String::new(), |mut text, number| {
        write!(text, " {number}").unwrap();
        text
    });
    for page in [
        format!("<div{attributes}>"),
        format!("<script>a<b='</script><div{attributes}>"),
        format!("<!-- <a b=\" --></p{attributes}>"),
    ] {
        soon(|| assert!(jobposting::read(&page, &address()).is_err()));
    }
}

#[test]
fn a_feed_of_200_000_entries_is_handed_over_one_by_one() {
    let mut text = "<rss><channel><title>T</title>".to_owned();
    for number in 0..200_000 {
        write!(text, "<item><link>https://a.example/{number}</link></item>").unwrap();
    }
    let mut entries = 0;
    let head = feed::read(&text, &address(), |_| {
        entries += 1;
        ControlFlow::Continue(())
    });
    assert!(head.is_ok());
    assert_eq!(entries, 200_000);
    let mut taken = 0;
    drop(feed::read(&text, &address(), |_| {
        taken += 1;
        ControlFlow::Break(())
    }));
    assert_eq!(taken, 1);
}

#[test]
fn marks_that_turn_the_writing_and_lone_surrogates_do_no_harm() {
    let text = "\u{202e}Rust\u{202c} \0 Kubernetes\u{200f}, \u{feff}Go로";
    let terms = Dictionary::bundled().terms(text);
    let names: Vec<&str> = terms.iter().map(|term| term.name.as_str()).collect();
    assert!(names.contains(&"Kubernetes"), "{names:?}");
    let feed = r#"{"version":"https://jsonfeed.org/version/1","items":[{"id":"1","url":"/1","title":"a\ud83db"},{"id":"2","url":"/2","title":"c"}]}"#;
    let feed = Feed::of(feed, &address()).unwrap();
    let titles = feed
        .entries
        .iter()
        .map(|entry| entry.title.as_ref().unwrap());
    let titles: Vec<&str> = titles.map(|title| title.value.as_str()).collect();
    assert_eq!(titles, ["a\u{fffd}b", "c"]);
}
