use super::*;

#[test]
fn both_versions_and_careless_types_are_read() {
    let feed = feed(
        r#"{"version": "https://jsonfeed.org/version/1", "title": "A", "home_page_url": "/home ",
            "next_url": "?page=2", "language": "en-US", "author": {"name": "Foo"},
            "items": [null, {"id": 7, "url": "/one", "external_url": "https://other.example/",
              "content_html": "<p>R&D</p>", "date_published": "2024-03-01T00:00:00Z", "tags": ["a", 1, null]},
             {"id": "https://blog.example/two", "content_text": "1 < 2",
              "authors": [{"name": "Bar"}, {"name": "Baz"}], "date_modified": "M"}]}"#,
    );
    assert_eq!(
        address_of(feed.head.link.as_ref()),
        Some("https://blog.example/home")
    );
    assert_eq!(
        address_of(feed.head.next.as_ref()),
        Some("https://blog.example/feeds/all.xml?page=2")
    );
    assert_eq!(feed.head.language.as_deref(), Some("en-us"));
    let [one, two] = feed.entries.as_slice() else {
        panic!("two entries");
    };
    assert_eq!(
        (one.id.as_deref(), one.author.as_deref()),
        (Some("7"), Some("Foo"))
    );
    assert_eq!(
        address_of(one.link.as_ref()),
        Some("https://blog.example/one")
    );
    assert_eq!(
        value(one.content.as_ref()),
        Some(("<p>R&amp;D</p>", TextKind::Html))
    );
    assert_eq!(one.tags, ["a", "1"]);
    assert_eq!(
        value(two.content.as_ref()),
        Some(("1 < 2", TextKind::Plain))
    );
    assert_eq!(two.author.as_deref(), Some("Bar, Baz"));
    assert_eq!(
        (two.published.as_deref(), two.updated.as_deref()),
        (None, Some("M"))
    );
    assert_eq!(
        address_of(two.link.as_ref()),
        Some("https://blog.example/two")
    );
}
