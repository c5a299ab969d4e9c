use super::*;

#[test]
fn text_is_read_by_its_type() {
    let title = |attributes: &str, content: &str| {
        let text = entry(&format!("<title {attributes}>{content}</title>"))
            .title
            .unwrap();
        (text.value, text.kind)
    };
    let html = |value: &str| (value.to_owned(), TextKind::Html);
    let plain = |value: &str| (value.to_owned(), TextKind::Plain);
    assert_eq!(
        title("", "&amp;#39;AT&amp;amp;T&amp;#39;"),
        plain("&#39;AT&amp;T&#39;")
    );
    assert_eq!(title("type='text'", "1 &lt; 2 &amp; 3"), plain("1 < 2 & 3"));
    assert_eq!(
        title("type='html'", "Q&amp;A &lt;b&gt;x&lt;/b&gt;"),
        html("Q&amp;A <b>x</b>")
    );
    assert_eq!(
        title("type='application/octet-stream'", "MSAmbHQ7IDxiPjI8L2I+"),
        html("1 &lt; <b>2</b>")
    );
    let xhtml = "<x:div xmlns:x='http://www.w3.org/1999/xhtml'>A &lt;tag&gt; &amp; <x:i class='k'>b<x:br/></x:i></x:div>";
    assert_eq!(
        title("type='xhtml'", xhtml),
        html("A &lt;tag&gt; &amp; <i class='k'>b<br/></i>")
    );
    assert_eq!(
        title("", "Naked <b>R&amp;D</b>"),
        html("Naked <b>R&amp;D</b>")
    );
}

#[test]
fn modes_of_atom_0_3_are_known() {
    let old = |content: &str| {
        let atom = format!(
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry>{content}</entry></feed>"
        );
        feed(&atom).entries.remove(0)
    };
    let text = |content: &str| old(content).title.unwrap().value;
    assert_eq!(
        text("<title type='text/html' mode='escaped'>a &lt;b&gt;c&lt;/b&gt;</title>"),
        "a <b>c</b>"
    );
    assert_eq!(
        text("<title type='application/octet-stream' mode='base64'>YSA8Yj5jPC9iPg==</title>"),
        "a <b>c</b>"
    );
    assert_eq!(
        text("<title type='text/html' mode='xml'>1 &lt; <b>2</b></title>"),
        "1 &lt; <b>2</b>"
    );
    let dated = old("<created>C</created><issued>I</issued><modified>M</modified>");
    assert_eq!(
        (dated.published.as_deref(), dated.updated.as_deref()),
        (Some("I"), Some("M"))
    );
}

#[test]
fn alternate_page_is_the_link() {
    let link = |content: &str| entry(content).link.map(String::from);
    let links = "<link rel='self' href='/self'/><link rel='enclosure' href='/a.mp3'/>
        <link rel='alternate' type='application/json' href='/json'/>
        <link rel='http://www.iana.org/assignments/relation/alternate' type='text/html' href=' /page '/>";
    assert_eq!(link(links).as_deref(), Some("https://blog.example/page"));
    assert_eq!(
        link("<link href='/bare'/>").as_deref(),
        Some("https://blog.example/bare")
    );
    assert_eq!(link("<link href='javascript:alert(1)'/>"), None);
    assert_eq!(
        link("<id>https://blog.example/id</id>").as_deref(),
        Some("https://blog.example/id")
    );
    assert_eq!(link("<id>tag:blog.example,2024:1</id>"), None);
    assert_eq!(
        link("<content src='/doc.txt' type='text/plain'/>").as_deref(),
        Some("https://blog.example/doc.txt")
    );
}

#[test]
fn nested_base_addresses_add_up() {
    let feed = feed(
        "<feed xml:base='https://a.example/x/' xml:lang='de-AT' xmlns='http://www.w3.org/2005/Atom'>
         <title xml:lang='en'>t</title><link href='site'/>
         <entry xml:base='blog/'><link href='one'/></entry>
         <entry xml:base='javascript:alert(1)'><link xml:base='/deep/' href='two'/></entry>
         <entry><link href='three'/></entry></feed>",
    );
    assert_eq!(
        address_of(feed.head.link.as_ref()),
        Some("https://a.example/x/site")
    );
    assert_eq!(feed.head.language.as_deref(), Some("de-at"));
    let links: Vec<_> = feed
        .entries
        .iter()
        .map(|entry| address_of(entry.link.as_ref()).unwrap())
        .collect();
    assert_eq!(
        links,
        [
            "https://a.example/x/blog/one",
            "https://a.example/deep/two",
            "https://a.example/x/three"
        ]
    );
}

#[test]
fn persons_and_terms_are_read() {
    let entry = entry(
        "<author><name>Foo</name><email>f@b.example</email><uri>https://foo.example</uri></author>
         <author><email>bar@b.example</email></author>
         <category term='rust' label='Rust!'/><category term=''/>
         <source><author><name>Other</name></author><title>Other</title><updated>O</updated></source>
         <published>P</published><updated>U</updated>",
    );
    assert_eq!(entry.author.as_deref(), Some("Foo, bar@b.example"));
    assert_eq!(entry.tags, ["rust"]);
    assert_eq!(
        (entry.published.as_deref(), entry.updated.as_deref()),
        (Some("P"), Some("U"))
    );
    assert_eq!(entry.title, None);
}
