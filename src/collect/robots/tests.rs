use super::*;

/// `(robots.txt, agent, path, allowed)`
type Case = (&'static str, &'static str, &'static str, bool);

fn judge(cases: &[Case]) {
    for (text, agent, path, allowed) in cases {
        let decision = Robots::parse(text).decide(agent, path);
        assert_eq!(
            decision.allowed, *allowed,
            "{agent} {path} in {text:?}: {decision:?}"
        );
    }
}

#[test]
fn the_longest_rule_wins_and_allow_wins_a_tie() {
    const RULES: &str = "user-agent: a\ndisallow: /x\nallow: /x/page\ndisallow: /x/page.html$\ndisallow: /tie\nallow: /tie";
    judge(&[
        (RULES, "a", "/x", false),
        (RULES, "a", "/x/page", true),
        (RULES, "a", "/x/page.html", false),
        (RULES, "a", "/x/page.html?q", true),
        (RULES, "a", "/tie", true),
        (RULES, "a", "/other", true),
        (
            "user-agent: a\nallow: /p\ndisallow: /*.html",
            "a",
            "/p/1.html",
            false,
        ),
        ("user-agent: a\ndisallow: /\nallow: /$", "a", "/", true),
        ("user-agent: a\ndisallow: /\nallow: /$", "a", "/p", false),
    ]);
}

#[test]
fn wildcards_and_the_end_mark_match() {
    const RULES: &str = "user-agent: a\ndisallow: /*.php$\ndisallow: /a*b*c\ndisallow: /x$/y\ndisallow: *?sort=\ndisallow: /ab*ba$";
    judge(&[
        (RULES, "a", "/index.php", false),
        (RULES, "a", "/index.php?x", true),
        (RULES, "a", "/index.PHP", true),
        (RULES, "a", "/a1b2c3", false),
        (RULES, "a", "/abc", false),
        (RULES, "a", "/acb", true),
        (RULES, "a", "/x$/y", false),
        (RULES, "a", "/x", true),
        (RULES, "a", "/list?sort=name", false),
        (RULES, "a", "/aba", true),
        (RULES, "a", "/abba", false),
    ]);
}

#[test]
fn spellings_that_mean_the_same_match() {
    judge(&[
        (
            "user-agent: a\ndisallow: /채용",
            "a",
            "/%ec%b1%84%EC%9A%A9/1",
            false,
        ),
        (
            "user-agent: a\ndisallow: /%ec%b1%84%ec%9a%a9",
            "a",
            "/채용",
            false,
        ),
        ("user-agent: a\ndisallow: /%7Ejoe/", "a", "/~joe/", false),
        ("user-agent: a\ndisallow: /~joe/", "a", "/%7ejoe/", false),
        ("user-agent: a\ndisallow: /a%2Fb", "a", "/a/b", true),
        ("user-agent: a\ndisallow: /a%2fb", "a", "/a%2Fb", false),
        ("user-agent: a\ndisallow: /%2A", "a", "/*", false),
        ("user-agent: a\ndisallow: /%2A", "a", "/x", true),
        ("user-agent: a\ndisallow: /100%", "a", "/100%/x", false),
    ]);
}

#[test]
fn the_crawlers_own_groups_count_together_and_before_those_of_all() {
    const GROUPS: &str = "user-agent: *\ndisallow: /\n\nuser-agent: a\nuser-agent: b\ndisallow: /ab\n\nuser-agent: a\ndisallow: /a2\n\nuser-agent: quiet\n";
    judge(&[
        (GROUPS, "other", "/x", false),
        (GROUPS, "a", "/x", true),
        (GROUPS, "a", "/ab", false),
        (GROUPS, "a", "/a2", false),
        (GROUPS, "b", "/a2", true),
        (GROUPS, "quiet", "/x", true),
        ("disallow: /\nuser-agent: a\nallow: /", "b", "/", true),
    ]);
}

#[test]
fn agents_are_compared_by_name_without_case_and_version() {
    const GROUPS: &str = "user-agent: Trendy/2.0 (x)\ndisallow: /\nuser-agent: *\nallow: /";
    judge(&[
        (GROUPS, "trendy", "/", false),
        (GROUPS, "TRENDY/0.1 (+https://example.com)", "/", false),
        (GROUPS, "trendyish", "/", true),
        (GROUPS, "not-trendy", "/", true),
        ("user-agent: * please\ndisallow: /", "a", "/", false),
        ("user-agent: *a\ndisallow: /", "a", "/", true),
        ("user-agent: 봇\ndisallow: /", "봇", "/", false),
    ]);
}

#[test]
fn the_closest_name_of_a_family_counts() {
    const GROUPS: &str = "user-agent: bot\ndisallow: /bot\nuser-agent: bot-news\ndisallow: /news\nuser-agent: *\ndisallow: /all";
    judge(&[
        (GROUPS, "bot-news", "/news", false),
        (GROUPS, "bot-news", "/bot", true),
        (GROUPS, "bot-images", "/bot", false),
        (GROUPS, "bot-images", "/all", true),
        (GROUPS, "botany", "/all", false),
    ]);
}

#[test]
fn what_people_write_by_hand_is_understood() {
    for text in [
        "User-agent: a\r\nDisallow: /x\r\n",
        "user-agent: a\rdisallow: /x\r",
        "\u{feff}user-agent: a\ndisallow: /x",
        "  USER-AGENT :a # me\n\tDisAllow:/x # that\n",
        "useragent: a\ndissallow: /x",
        "user agent: a\ndisalow: /x",
        "user-agent a\ndisallow /x",
        "user-agent: a\nsitemap: https://a.example/sitemap.xml\nuser-agent: b\n\n\ndisallow: /x",
        "user-agent: a\ncrawl-delay: 3\nuser-agent: b\ndisallow: /x",
    ] {
        judge(&[(text, "a", "/x/y", false), (text, "a", "/y", true)]);
    }
}

#[test]
fn what_says_nothing_restricts_nothing() {
    for text in [
        "",
        "<html><body>Not found</body></html>",
        "user-agent: a\ndisallow:",
        "user-agent: a\ndisallow: x",
        "user-agent: a\ndisallow /x y",
        "user-agent: a\nnoindex: /x",
        "user-agent: a\n: /x",
        "disallow: /x",
    ] {
        judge(&[(text, "a", "/x", true)]);
    }
}

#[test]
fn an_index_page_speaks_for_its_folder() {
    const RULES: &str = "user-agent: a\nallow: /docs/index.html\ndisallow: /";
    judge(&[
        (RULES, "a", "/docs/index.html", true),
        (RULES, "a", "/docs/", true),
        (RULES, "a", "/docs/other", false),
        (RULES, "a", "/docs", false),
    ]);
}

#[test]
fn overlong_lines_are_cut_and_end_where_they_end() {
    let long = "x".repeat(LONGEST_LINE);
    let text = format!("user-agent: a\ndisallow: /{long}\ndisallow: /y");
    let robots = Robots::parse(&text);
    let cut = "x".repeat(LONGEST_LINE - "disallow: /".len());
    assert!(!robots.decide("a", &format!("/{cut}")).allowed);
    assert!(!robots.decide("a", "/y").allowed);
    Robots::parse(&"채".repeat(LONGEST_LINE));
}

#[test]
fn any_address_has_a_path() {
    for (url, path) in [
        ("https://a.example/x/y?q=1#f", "/x/y?q=1"),
        ("https://a.example", "/"),
        (
            "https://a.example?q=http://b.example/c",
            "?q=http://b.example/c",
        ),
        ("/x?u=http://b.example/c", "/x?u=http://b.example/c"),
        ("//a.example/x", "/x"),
        ("a.example/x", "/x"),
        ("https://a.example#x/y", "/"),
    ] {
        assert_eq!(path_and_query(url), path, "{url}");
    }
}

#[test]
fn the_deciding_line_and_the_delay_are_told() {
    let robots = Robots::parse(
        "user-agent: *\ncrawl-delay: 9\n\nuser-agent: a\ncrawl-delay: 1.5\n Disallow: /x  # no\ncrawl-delay: never",
    );
    let decision = robots.decide("a", "https://a.example/x");
    assert_eq!(decision.line, Some((6, "Disallow: /x  # no".to_owned())));
    assert_eq!(decision.crawl_delay, Some(Duration::from_millis(1500)));
    let decision = robots.only_for("a").decide("a", "/y");
    assert_eq!((decision.allowed, decision.line), (true, None));
    assert_eq!(decision.crawl_delay, Some(Duration::from_millis(1500)));
}
