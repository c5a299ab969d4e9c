use super::*;

#[test]
fn stray_characters_cost_nothing() {
    let feed = feed(
        "\u{feff}\n\n <?xml version='1.0'?>\n<rss><channel><title>R&D &nbsp; caf&eacute; \u{8}&#150; a < b</title>
         <item><title>1 <2 & 3</title><link>https://blog.example/?a=1&b=2</link></item></channel></rss>",
    );
    assert_eq!(feed.head.title.unwrap().value, "R&D \u{a0} café – a < b");
    assert_eq!(feed.entries[0].title.as_ref().unwrap().value, "1 <2 & 3");
    assert_eq!(
        address_of(feed.entries[0].link.as_ref()),
        Some("https://blog.example/?a=1&b=2")
    );
}

#[test]
fn entities_of_the_document_are_expanded() {
    let text = "<!DOCTYPE rss [<!ENTITY company 'Trendy'><!ENTITY x SYSTEM 'file:///etc/passwd'>]>
        <rss><channel><title>&company; &x;</title></channel></rss>";
    assert_eq!(feed(text).head.title.unwrap().value, "Trendy &x;");
}

#[test]
fn unclosed_elements_cost_themselves() {
    let feed = feed(
        "<rss><channel><title>A<link>https://a.example/</link>
         <item><title>One<link>https://a.example/1</link><description>text <br> <p>more
         <item><title>Two</title></b><category>x</item>
         <item><title>Three</title><description><![CDATA[cut",
    );
    assert_eq!(feed.head.title.unwrap().value, "A");
    let titles: Vec<_> = feed
        .entries
        .iter()
        .map(|entry| entry.title.as_ref().unwrap().value.as_str())
        .collect();
    assert_eq!(titles, ["One", "Two", "Three"]);
    assert_eq!(
        address_of(feed.entries[0].link.as_ref()),
        Some("https://a.example/1")
    );
    assert_eq!(feed.entries[1].tags, ["x"]);
    assert_eq!(feed.entries[2].summary.as_ref().unwrap().value, "cut");
}

#[test]
fn wrong_namespaces_do_not_hide_a_feed() {
    let titles = [
        "<feed xmlns='http://example.com/newformat#'><title>T</title></feed>",
        "<rss xmlns='http://www.w3.org/1999/xhtml'><channel><title>T</title></channel></rss>",
        "<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:title>T</a:title></a:feed>",
        "<atom:feed><atom:title>T</atom:title></atom:feed>",
        "<RSS><Channel><TITLE>T</TITLE></Channel></RSS>",
        "<br/><b>Warning</b>: broken server<?xml version='1.0'?><rss><channel><title>T</title></channel></rss>",
    ];
    for text in titles {
        assert_eq!(feed(text).head.title.unwrap().value, "T", "{text}");
    }
}

#[test]
fn relative_link_of_a_proxied_feed_starts_from_the_site() {
    let rss = "<rss><channel><link>https://site.example/blog/</link><item><link>one</link></item></channel></rss>";
    assert_eq!(
        address_of(feed(rss).entries[0].link.as_ref()),
        Some("https://site.example/blog/one")
    );
}

#[test]
fn endless_nesting_is_refused() {
    let text = format!("<rss><channel>{}", "<a>".repeat(1_000));
    let error = Feed::of(&text, &address()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read feed: elements nest deeper than 128 at byte 395"
    );
    let inside = format!("<rss><channel><item><description>{}x", "<b>".repeat(1_000));
    assert_eq!(feed(&inside).entries.len(), 1);
}
