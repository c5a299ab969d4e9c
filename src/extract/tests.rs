use bytes::Bytes;
use url::Url;

use super::*;
use crate::record::{Entry, PipelineId, Request};

const URL: &str = "https://board.example/jobs/?page=1";

fn pipeline(rules: &str) -> Pipeline {
    let text = format!(
        "id = 'board'\nkind = 'job'\ndescription = 'x'\n[source]\nurl = '{URL}'\n{rules}\n[defaults]\nboard = 'board'"
    );
    Pipeline::parse(std::path::Path::new("board.toml"), text).unwrap()
}

fn page(content_type: &str, body: &str, role: Role) -> Page {
    let url = Url::parse(URL).unwrap();
    Page {
        request: Request {
            pipeline: PipelineId("board".into()),
            url: url.clone(),
            role,
            validators: None,
        },
        url,
        status: 200,
        content_type: Some(content_type.into()),
        body: Bytes::copy_from_slice(body.as_bytes()),
        robots_tags: Vec::new(),
        fetched_at: jiff::Timestamp::UNIX_EPOCH,
        validators: None,
        is_cut: false,
        unseen: None,
    }
}

fn list(rules: &str, content_type: &str, body: &str) -> Listing {
    listing(
        &pipeline(rules),
        &page(content_type, body, Role::List { number: 1 }),
    )
    .unwrap()
}

fn texts(item: &Item, field: Field) -> Vec<&str> {
    let Values::Fields(fields) = &item.values else {
        panic!("no fields")
    };
    fields
        .get(&field)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect()
}

const CSS: &str = "[source.pages]\nnext_link = 'a.next'\n[list]\nitem = 'li'\nlink = { css = 'a', attr = 'href' }\n\
    id = { css = 'a', attr = 'href', regex = '/(\\d+)' }\n[fields]\ntitle = { css = 'b', required = true }";

#[test]
fn css_entries_are_resolved_against_the_base_and_the_next_page_too() {
    let body = "<base href='/en/'><ul><li><a href='jobs/7'><b> Rust\n engineer </b></a></ul><a class=next href='?page=2'>";
    let listing = list(CSS, "text/html", body);
    assert_eq!(
        listing.items[0].entry.url.as_str(),
        "https://board.example/en/jobs/7"
    );
    assert_eq!(listing.items[0].entry.external_id.as_deref(), Some("7"));
    assert_eq!(texts(&listing.items[0], Field::Title), ["Rust engineer"]);
    assert_eq!(
        listing.next.told().unwrap(),
        "https://board.example/en/?page=2"
    );
}

#[test]
fn an_entry_may_be_its_own_link() {
    let rules = "[list]\nitem = 'a.job'\nlink = { css = 'a.job', attr = 'href' }\n[fields]\ntitle = { css = 'a.job' }";
    let listing = list(
        rules,
        "text/html",
        "<a class=job href=/1>One</a><a class=job href=/2>Two</a>",
    );
    assert_eq!(
        listing
            .items
            .iter()
            .map(|item| item.entry.url.path())
            .collect::<Vec<_>>(),
        ["/1", "/2"]
    );
}

#[test]
fn an_entry_without_a_usable_link_or_a_required_field_is_rejected_with_its_reason() {
    let body = "<li><b>no link</b><li><a href='javascript:x()'><b>script</b></a><li><a href='/3'>no title</a><li><a href=/4><b>good</b></a>";
    let Listing {
        items,
        mut rejections,
        ..
    } = list(CSS, "text/html", body);
    assert_eq!(items.len(), 2, "what lacks a field is present all the same");
    let pipeline = pipeline(CSS);
    rejections.extend(
        items
            .into_iter()
            .filter_map(|item| whole_entry(&pipeline, item).err()),
    );
    let reasons: Vec<&str> = rejections
        .iter()
        .map(|rejection| rejection.reason.as_str())
        .collect();
    let expected = [
        "entry 1 of the list has no link",
        "entry 2 of the list links to `javascript:`",
        "required field `title` matched nothing (`b`)",
    ];
    assert_eq!(reasons, expected);
}

const JSON: &str = "[source.pages]\nnext_link = '$.links.next'\n[list]\nextract = 'json'\nitem = '$.jobs[*]'\n\
    link = { json = '$.id', template = '/role/{}' }\nid = { json = '$.id' }\n[fields]\ntitle = { json = '$.title' }\n\
    employment_type = { json = '$.types' }\ndescription = { json = '$.parts[*].text' }";

#[test]
fn json_entries_take_numbers_lists_and_templates() {
    let body = r#"{"jobs": [{"id": 42, "title": "엔지니어", "types": ["full", null, "contract"],
        "parts": [{"text": "one"}, {"text": "two"}]}], "links": {"next": "?page=2"}}"#;
    let listing = list(JSON, "application/json", body);
    let item = &listing.items[0];
    assert_eq!(
        (item.entry.url.path(), item.entry.external_id.as_deref()),
        ("/role/42", Some("42"))
    );
    assert_eq!(texts(item, Field::EmploymentType), ["full", "contract"]);
    assert_eq!(texts(item, Field::Description), ["one", "two"]);
    assert_eq!(
        listing.next.told().unwrap(),
        "https://board.example/jobs/?page=2"
    );
}

#[test]
fn a_page_that_is_no_json_is_told_by_its_beginning() {
    let page = page(
        "text/html",
        "<html>Service unavailable",
        Role::List { number: 1 },
    );
    let error = listing(&pipeline(JSON), &page).unwrap_err().to_string();
    assert!(
        error.contains("is not JSON") && error.contains("`<html>Service unavailable`"),
        "{error}"
    );
}

#[test]
fn the_detail_page_wins_over_the_list_and_the_list_fills_its_gaps() {
    let rules = "[list]\nitem = 'li'\nlink = { css = 'a', attr = 'href' }\n[list.fields]\ntitle = { css = 'a' }\n\
        location = { css = 'i' }\n[detail]\nextract = 'css'\n[fields]\ntitle = { css = 'h1' }\nlocation = { css = 'dd' }";
    let pipeline = pipeline(rules);
    let listed = page(
        "text/html",
        "<li><a href=/1>Short</a> <i>Seoul</i>",
        Role::List { number: 1 },
    );
    let entry = listing(&pipeline, &listed).unwrap().items.remove(0);
    assert_eq!(
        entry.entry,
        Entry {
            url: "https://board.example/1".parse().unwrap(),
            external_id: None,
            modified: None
        }
    );

    let page = page(
        "text/html",
        "<h1>The long title</h1>",
        Role::Detail {
            entry: Box::new(entry),
        },
    );
    let item = detail(&pipeline, &page).unwrap().unwrap();
    assert_eq!(texts(&item, Field::Title), ["The long title"]);
    assert_eq!(texts(&item, Field::Location), ["Seoul"]);
}

fn field(rule: &str, body: &str) -> Vec<String> {
    let rules = format!(
        "[list]\nitem = 'body'\nlink.css = 'a'\nlink.attr = 'href'\n[fields]\ntitle = {rule}"
    );
    let body = format!("<body><a href=/1></a>{body}");
    let item = list(&rules, "text/html", &body).items.remove(0);
    texts(&item, Field::Title)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_first_rule_that_finds_something_counts() {
    let rule = "{ any = [{ css = 'h1' }, { css = 'h2', regex = '^Job: (.+)' }, { css = 'h3' }] }";
    assert_eq!(
        field(rule, "<h1> </h1><h2>Job: Rust</h2><h3>x</h3>"),
        ["Rust"]
    );
    assert_eq!(field(rule, "<h2>Rust</h2><h3>x</h3>"), ["x"]);
    assert!(field(rule, "<h4>x</h4>").is_empty());
}

#[test]
fn rules_that_all_count_follow_each_other() {
    let rule = "{ all = [{ css = 'i' }, { any = [{ css = 'u' }, { css = 'b' }] }] }";
    assert_eq!(field(rule, "<b>b</b><i>i</i>"), ["i", "b"]);
}

#[test]
fn own_text_leaves_out_what_stands_in_elements_within() {
    let body = "<h1><span>New</span> Rust <em>and</em> Go<small>Acme</small></h1>";
    assert_eq!(field("{ css = 'h1', own_text = true }", body), ["Rust Go"]);
}

#[test]
fn a_cell_is_found_by_its_header_in_the_page_or_in_what_css_selects() {
    let body = "<dl><dt>Place</dt><dd>Busan</dd></dl><table id=t><tr><th>Place:</th><td>Seoul</td></tr></table>";
    assert_eq!(field("{ table = 'place' }", body), ["Busan"]);
    assert_eq!(field("{ css = '#t', table = 'place' }", body), ["Seoul"]);
}

#[test]
fn json_inside_a_script_or_an_attribute_is_read_by_its_path() {
    let body = r#"<script>window.__STATE__ = {"job": {"title": "Rust", "tags": ["a", "b"]}};</script><p data-x='{"n": 7}'>"#;
    assert_eq!(
        field("{ css = 'script', json = '$.job.title' }", body),
        ["Rust"]
    );
    assert_eq!(
        field("{ css = 'p', attr = 'data-x', json = '$.n' }", body),
        ["7"]
    );
    assert!(field("{ css = 'script', json = '$.job.name' }", body).is_empty());
}

#[test]
fn transforms_are_done_in_their_order() {
    let body = "<p>&lt;b&gt;Level&lt;/b&gt;: 3</p>";
    let rule =
        "{ css = 'p', as = ['html_text', { regex = 'Level: (\\d)' }, { template = 'L{}' }] }";
    assert_eq!(field(rule, body), ["L3"]);
    assert_eq!(field("{ css = 'p', as = 'html_text' }", body), ["Level: 3"]);
}

#[test]
fn a_field_is_read_from_the_heading_or_the_element_that_an_entry_stands_below_or_in() {
    const RULES: &str = "[list]\nitem = 'li'\ngroup = 'h2, section'\nlink = { css = 'a', attr = 'href' }\n\
        [fields]\ntitle = { css = 'a' }\ncategory = { css = ':scope, b', in = 'group', regex = '^\\w+' }\n\
        location = { css = 'b', in = 'group' }";
    let body = "<li><a href=/0>none</a></li><h2>Backend</h2><ul><li><a href=/1>one</a></li></ul>\
        <section>Frontend <b>Busan</b><ul><li><a href=/2>two</a></li></ul></section>";
    let listing = list(RULES, "text/html", body);
    let read = |field| -> Vec<Vec<&str>> {
        let items = listing.items.iter();
        items.map(|item| texts(item, field)).collect()
    };
    assert_eq!(
        read(Field::Category),
        [vec![], vec!["Backend"], vec!["Frontend"]]
    );
    assert_eq!(read(Field::Location), [vec![], vec![], vec!["Busan"]]);
}

#[test]
fn a_field_of_json_is_read_from_a_parent_of_the_entry() {
    const RULES: &str = "[list]\nextract = 'json'\nitem = '$.departments[*].jobs[*]'\n\
        group = '$.departments[*]'\nlink = { json = '$.url' }\n\
        [fields]\ntitle = { json = '$.title' }\ncategory = { json = '$.name', in = 'group' }";
    let body = r#"{"departments": [{"name": "Backend", "jobs": [{"url": "/1", "title": "a"}, {"url": "/2", "title": "b"}]},
        {"name": "Data", "jobs": [{"url": "/3", "title": "c"}]}, {"name": "HR", "jobs": []}]}"#;
    let listing = list(RULES, "application/json", body);
    let categories: Vec<_> = listing
        .items
        .iter()
        .map(|item| texts(item, Field::Category).concat())
        .collect();
    assert_eq!(categories, ["Backend", "Backend", "Data"]);
}

fn inline(script: &str, pages: &str) -> String {
    format!(
        "{pages}\n[list]\nextract = 'json'\nscript = {script}\nitem = '$.jobs[*]'\n\
         link = {{ json = '$.slug', template = '/jobs/{{}}' }}\n[fields]\ntitle = {{ json = '$.title' }}"
    )
}

#[test]
fn a_list_in_a_script_or_an_attribute_is_read_as_json() {
    let state = r#"{"jobs": [{"slug": "1", "title": "Rust"}, {"slug": "2", "title": "Go \ud83d"}], "next": "/more"}"#;
    let data = format!(
        "<script>var other = {{}}</script><script id=s type=application/json>{state}</script>"
    );
    let assigned = format!("<script>var a = [1]; window.__STATE__ = {state};</script>");
    let attribute = format!("<div id=app data-page='{state}'></div>");
    let paged = "[source.pages]\nnext_link = '$.next'";
    for (body, script) in [
        (data, "{ css = 'script' }"),
        (assigned, "{ css = 'script' }"),
        (attribute, "{ css = '#app', attr = 'data-page' }"),
    ] {
        let listing = list(&inline(script, paged), "text/html", &body);
        let found: Vec<_> = listing
            .items
            .iter()
            .map(|item| (item.entry.url.path(), texts(item, Field::Title).concat()))
            .collect();
        let titles = ["Rust".to_owned(), "Go \u{fffd}".to_owned()];
        let [first, second] = titles;
        assert_eq!(found, [("/jobs/1", first), ("/jobs/2", second)], "{body}");
        let next = Url::parse("https://board.example/more").unwrap();
        assert_eq!(listing.next, Next::Page(next));
    }
}

#[test]
fn a_page_without_the_script_or_the_list_in_it_is_told() {
    let pipeline = pipeline(&inline("{ css = '#s' }", ""));
    let told = |body: &str| {
        let page = page("text/html", body, Role::List { number: 1 });
        listing(&pipeline, &page).unwrap_err().to_string()
    };
    assert_eq!(told("<p>x</p>"), format!("{URL} has no JSON in `#s`"));
    assert_eq!(
        told("<script id=s>f()</script>"),
        format!("{URL} has no JSON in `#s`")
    );
    assert_eq!(
        told("<script id=s>{\"a\": 1}</script>"),
        format!("{URL} has no `$.jobs`")
    );
}

#[test]
fn half_a_character_in_json_costs_itself_alone() {
    const RULES: &str = "[list]\nextract = 'json'\nitem = '$[*]'\nlink = { json = '$.url' }\n[fields]\ntitle = { json = '$.title' }";
    let body = r#"[{"url": "/1", "title": "a\ud83db"}, {"url": "/2", "title": "\ud83d\ude00"}]"#;
    let listing = list(RULES, "application/json", body);
    let titles: Vec<_> = listing
        .items
        .iter()
        .map(|item| texts(item, Field::Title).concat())
        .collect();
    assert_eq!(titles, ["a\u{fffd}b", "\u{1f600}"]);
}

#[test]
fn who_breaks_off_is_given_no_further_entry() {
    let pipeline = pipeline(CSS);
    let body = "<li><a href=/1></a><li><a href=/2></a><li><a href=/3></a>";
    let mut taken = 0;
    let page = page("text/html", body, Role::List { number: 1 });
    let read = read_list(&pipeline, &page, &mut |_| {
        taken += 1;
        if taken == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert!(read.is_ok());
    assert_eq!(taken, 2);
}
