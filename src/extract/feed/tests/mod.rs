//! Shapes of real feeds, each in a few lines of our own.

mod atom;
mod broken;
mod json;
mod rss;

use std::fmt::Write as _;
use std::ops::ControlFlow;

use super::*;

const ADDRESS: &str = "https://blog.example/feeds/all.xml";

fn address() -> Url {
    Url::parse(ADDRESS).unwrap()
}

fn feed(text: &str) -> Feed {
    Feed::of(text, &address()).unwrap()
}

/// The one entry of an RSS 2.0 channel with this item.
fn item(content: &str) -> FeedEntry {
    let rss = format!("<rss version='2.0'><channel><item>{content}</item></channel></rss>");
    let mut entries = feed(&rss).entries;
    assert_eq!(entries.len(), 1, "{content}");
    entries.remove(0)
}

/// The one entry of an Atom 1.0 feed with this content.
fn entry(content: &str) -> FeedEntry {
    let atom = format!("<feed xmlns='http://www.w3.org/2005/Atom'><entry>{content}</entry></feed>");
    let mut entries = feed(&atom).entries;
    assert_eq!(entries.len(), 1, "{content}");
    entries.remove(0)
}

fn value(text: Option<&FeedText>) -> Option<(&str, TextKind)> {
    text.map(|text| (text.value.as_str(), text.kind))
}

fn address_of(link: Option<&Url>) -> Option<&str> {
    link.map(Url::as_str)
}

#[test]
fn document_that_is_no_feed_is_named() {
    let message = |text: &str| Feed::of(text, &address()).unwrap_err().to_string();
    insta::assert_snapshot!(message(" \n"), @"no feed: the document is empty");
    insta::assert_snapshot!(
        message("<!doctype html><html><head><title>Blog &amp; more</title><body><feed>"),
        @r#"no feed: found the HTML page `Blog & more`; look in it for a link with `rel="alternate"`"#
    );
    insta::assert_snapshot!(
        message("<?xml version='1.0'?><urlset><url/></urlset>"),
        @"no feed: found XML with the root `urlset`, not `rss`, `feed` or `rdf:RDF`"
    );
    insta::assert_snapshot!(
        message("<rdf:RDF><foaf:Person/></rdf:RDF>"),
        @"no feed: found RDF without an RSS `channel` or `item`"
    );
    insta::assert_snapshot!(message("404 page not found"), @"no feed: found text that begins `404 page not found`");
    insta::assert_snapshot!(
        message(r#"{"ok": true, "data": []}"#),
        @"no feed: found JSON with the keys `ok`, `data`, not an object with `version` and `items`"
    );
    insta::assert_snapshot!(
        message("[1]"),
        @"no feed: found JSON with an array at its root, not an object with `version` and `items`"
    );
    insta::assert_snapshot!(message(r#"{"version": "#), @"cannot read JSON feed");
}

#[test]
fn reading_stops_when_the_caller_has_enough() {
    let mut rss = String::from("<rss><channel><title>A</title>");
    for number in 0..100 {
        write!(rss, "<item><title>{number}</title></item>").unwrap();
    }
    let json = r#"{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 1}, {"id": 2}, {"id": 3}]}"#;
    for text in [rss.as_str(), json] {
        let mut count = 0;
        let head = read(text, &address(), |_| {
            count += 1;
            if count < 2 {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        assert!(head.is_ok());
        assert_eq!(count, 2);
    }
}

#[test]
fn feed_without_title_and_link_is_named_by_its_address() {
    let head = feed("<rss><channel/></rss>").head;
    assert_eq!(address_of(head.link.as_ref()), Some(ADDRESS));
    assert_eq!(head.title.unwrap().value, ADDRESS);
}
