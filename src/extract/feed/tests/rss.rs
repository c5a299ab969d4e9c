use super::*;

#[test]
fn blog_feed_is_read_whole() {
    let feed = feed(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
             xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
        <channel>
          <title>기술 블로그</title>
          <atom:link href="https://blog.example/feeds/all.xml" rel="self" type="application/rss+xml"/>
          <atom:link href="?page=2" rel="next"/>
          <link>https://blog.example/</link>
          <language>ko_KR</language>
          <image><title>Logo</title><link>https://cdn.example/</link><url>/logo.png</url></image>
          <item>
            <title><![CDATA[Kafka & 데이터 흐름]]></title>
            <link>/posts/kafka</link>
            <guid isPermaLink="false">post-17</guid>
            <dc:creator>김하늘</dc:creator>
            <pubDate>Fri, 01 Mar 2024 09:00:00 +0900</pubDate>
            <category>kafka</category><category>data</category><category>kafka</category>
            <description>&lt;p&gt;요약&lt;/p&gt;</description>
            <content:encoded><![CDATA[<p>전체 글</p>]]></content:encoded>
            <source url="https://other.example/"><title>Other</title></source>
          </item>
        </channel></rss>"#,
    );
    assert_eq!(
        value(feed.head.title.as_ref()),
        Some(("기술 블로그", TextKind::Plain))
    );
    assert_eq!(
        address_of(feed.head.link.as_ref()),
        Some("https://blog.example/")
    );
    assert_eq!(feed.head.language.as_deref(), Some("ko-kr"));
    assert_eq!(
        address_of(feed.head.next.as_ref()),
        Some("https://blog.example/feeds/all.xml?page=2")
    );
    let [entry] = feed.entries.as_slice() else {
        panic!("one entry");
    };
    assert_eq!(entry.id.as_deref(), Some("post-17"));
    assert_eq!(
        value(entry.title.as_ref()),
        Some(("Kafka & 데이터 흐름", TextKind::Plain))
    );
    assert_eq!(
        address_of(entry.link.as_ref()),
        Some("https://blog.example/posts/kafka")
    );
    assert_eq!(entry.author.as_deref(), Some("김하늘"));
    assert_eq!(
        entry.published.as_deref(),
        Some("Fri, 01 Mar 2024 09:00:00 +0900")
    );
    assert_eq!(entry.updated, entry.published);
    assert_eq!(entry.tags, ["kafka", "data"]);
    assert_eq!(
        value(entry.summary.as_ref()),
        Some(("<p>요약</p>", TextKind::Html))
    );
    assert_eq!(
        value(entry.content.as_ref()),
        Some(("<p>전체 글</p>", TextKind::Html))
    );
}

#[test]
fn rdf_items_stand_beside_their_channel() {
    let feed = feed(
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'
            xmlns='http://purl.org/rss/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/'>
         <channel rdf:about='https://a.example/rdf'><title>A</title><link>https://a.example</link>
           <dc:language>en-US</dc:language><items><rdf:Seq><rdf:li resource='x'/></rdf:Seq></items></channel>
         <image><title>Image</title></image>
         <item rdf:about='https://a.example/1'><title>One</title><dc:date>2024-03-01</dc:date>
           <dc:subject>rust</dc:subject></item>
         <item rdf:about='https://a.example/2'><link>https://a.example/two</link></item>
         <textinput><title>Search</title></textinput></rdf:RDF>",
    );
    assert_eq!(
        value(feed.head.title.as_ref()),
        Some(("A", TextKind::Plain))
    );
    assert_eq!(feed.head.language.as_deref(), Some("en-us"));
    let [one, two] = feed.entries.as_slice() else {
        panic!("two entries");
    };
    assert_eq!(one.id.as_deref(), Some("https://a.example/1"));
    assert_eq!(address_of(one.link.as_ref()), Some("https://a.example/1"));
    assert_eq!(one.updated.as_deref(), Some("2024-03-01"));
    assert_eq!(one.published.as_deref(), Some("2024-03-01"));
    assert_eq!(one.tags, ["rust"]);
    assert_eq!(address_of(two.link.as_ref()), Some("https://a.example/two"));
}

#[test]
fn everything_in_an_item_is_optional() {
    assert_eq!(item(""), FeedEntry::default());
    let note =
        item("<description>&lt;p&gt;Just a &lt;b&gt;note&lt;/b&gt;.&lt;/p&gt;</description>");
    assert_eq!(
        value(note.title.as_ref()),
        Some(("Just a note.", TextKind::Plain))
    );
    assert_eq!((note.id, note.link), (None, None));
    let bare = item("<title/><link>https://blog.example/1</link>");
    assert_eq!(bare.id.as_deref(), Some("https://blog.example/1"));
    assert_eq!(
        value(bare.title.as_ref()),
        Some(("https://blog.example/1", TextKind::Plain))
    );
    let long = item(&format!("<description>{}</description>", "말 ".repeat(300)));
    assert_eq!(long.title.unwrap().value.chars().count(), 100);
}

#[test]
fn guid_is_a_link_unless_it_says_that_it_is_none() {
    let link = |content: &str| item(content).link.map(String::from);
    let permanent = "<guid>https://blog.example/?p=1</guid>";
    assert_eq!(
        link(permanent).as_deref(),
        Some("https://blog.example/?p=1")
    );
    assert_eq!(
        link("<guid isPermaLink='false'>https://blog.example/?p=1</guid>"),
        None
    );
    assert_eq!(link("<guid>4711</guid>"), None);
    let both = format!("{permanent}<link>https://blog.example/one</link>");
    assert_eq!(link(&both).as_deref(), Some("https://blog.example/one"));
    let replaced = "<link>https://proxy.example/~r/1</link>
        <feedburner:origLink>https://blog.example/1</feedburner:origLink>";
    assert_eq!(link(replaced).as_deref(), Some("https://blog.example/1"));
    let atom =
        "<link/><atom:link rel='payment' href='/pay'/><atom:link rel='alternate' href='/b'/>";
    assert_eq!(link(atom).as_deref(), Some("https://blog.example/b"));
    assert_eq!(link("<link>javascript:alert(1)</link>"), None);
}

#[test]
fn authors_are_taken_as_written_the_best_word_first() {
    let author = |content: &str| item(content).author;
    let written = "<author>foo@blog.example (Foo Bar)</author>";
    assert_eq!(
        author(written).as_deref(),
        Some("foo@blog.example (Foo Bar)")
    );
    let named = format!("{written}<dc:creator>Foo</dc:creator><dc:creator>Bar</dc:creator>");
    assert_eq!(author(&named).as_deref(), Some("Foo, Bar"));
    let anchored = "<author>by <a href='/foo'>Foo\n Bar</a></author>";
    assert_eq!(author(anchored).as_deref(), Some("by Foo Bar"));
    assert_eq!(
        author("<itunes:author>Foo</itunes:author>").as_deref(),
        Some("Foo")
    );
    let nested =
        "<atom:author><atom:name>Foo</atom:name><atom:email>a@b.example</atom:email></atom:author>";
    assert_eq!(author(nested).as_deref(), Some("Foo"));
}

#[test]
fn entry_without_author_has_that_of_the_feed() {
    let author = |head: &str| {
        let rss = format!("<rss><channel>{head}<item><title>x</title></item></channel></rss>");
        feed(&rss).entries[0].author.clone()
    };
    assert_eq!(
        author("<managingEditor>Foo</managingEditor>").as_deref(),
        Some("Foo")
    );
    let owner = "<itunes:owner><itunes:name>Foo</itunes:name><itunes:email>f@b.example</itunes:email></itunes:owner>";
    assert_eq!(author(owner).as_deref(), Some("Foo"));
    assert_eq!(
        author("<webMaster>w@b.example</webMaster><itunes:author>Foo</itunes:author>").as_deref(),
        Some("Foo")
    );
}

#[test]
fn dates_stay_as_written_and_the_clearest_is_believed() {
    let dates = |content: &str| {
        let entry = item(content);
        (
            entry.published.unwrap_or_default(),
            entry.updated.unwrap_or_default(),
        )
    };
    let pair = |published: &str, updated: &str| (published.to_owned(), updated.to_owned());
    assert_eq!(
        dates("<dc:date>D</dc:date><pubDate> P\n Q </pubDate>"),
        pair("P Q", "D")
    );
    assert_eq!(
        dates("<dcterms:created>C</dcterms:created><dcterms:issued>I</dcterms:issued>"),
        pair("I", "I")
    );
    assert_eq!(
        dates("<dcterms:modified>M</dcterms:modified>"),
        pair("", "M")
    );
    assert_eq!(
        dates("<PUBDATE>P</PUBDATE><atom:updated>U</atom:updated>"),
        pair("P", "U")
    );
}

#[test]
fn titles_of_groups_and_sources_do_not_shadow() {
    let title = |content: &str| item(content).title.unwrap().value;
    assert_eq!(
        title("<media:content><media:title>M</media:title></media:content><title>T</title>"),
        "T"
    );
    assert_eq!(
        title("<source><title>S</title></source><dc:title>D</dc:title>"),
        "D"
    );
    assert_eq!(
        title("<itunes:title>I</itunes:title><title>T</title><title>Second</title>"),
        "T"
    );
}
