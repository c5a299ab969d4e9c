//! Job postings that a page declares as schema.org's `JobPosting`, in JSON-LD, microdata or RDFa.
//!
//! One [`JobPosting`] is what one declaration says, uninterpreted: dates, pay and types of employment are texts, which
//! `normalize` reads. Pages that declare a posting twice, in JSON-LD and in their markup, mean one posting: markup
//! counts only where no script declares any.

use scraper::Html;
use serde_json::Value;
use url::Url;

use super::link;
use super::schema_org::{Graph, Node, json_ld, microdata, unescaped};
use crate::html::tree::{self, TooLarge};

/// A posting as it is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobPosting {
    /// Its title.
    pub title: Option<String>,
    /// Name of who hires.
    pub company: Option<String>,
    /// Full text, as HTML.
    pub description: Option<String>,
    /// Places of work, each in one line; `; ` stands between several.
    pub location: Option<String>,
    /// When it was posted.
    pub date_posted: Option<String>,
    /// When it stops taking applications.
    pub valid_through: Option<String>,
    /// Such as `FULL_TIME`.
    pub employment_type: Vec<String>,
    /// Pay.
    pub salary: Option<PostedSalary>,
    /// `TELECOMMUTE` where it can be done from anywhere.
    pub location_type: Option<String>,
    /// Its own address.
    pub url: Option<Url>,
    /// The board's own id.
    pub identifier: Option<String>,
}

/// Pay as it is declared. `min` and `max` are the same text where one stands for both; it may be a range in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostedSalary {
    /// Currency.
    pub currency: Option<String>,
    /// Lower bound.
    pub min: Option<String>,
    /// Upper bound.
    pub max: Option<String>,
    /// Time that it pays for, such as `YEAR`.
    pub unit: Option<String>,
}

/// The postings of a text that was fetched from `url`: a page, or JSON-LD on its own.
pub fn read(text: &str, url: &Url) -> Result<Vec<JobPosting>, TooLarge> {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if start.starts_with(['{', '[']) {
        let postings = declared(&json_ld::of_text(start), url);
        if !postings.is_empty() {
            return Ok(postings);
        }
    }
    Ok(of_tree(&tree::parse(text)?, url))
}

/// The postings of a page, in its order, each once.
pub(super) fn of_tree(html: &Html, url: &Url) -> Vec<JobPosting> {
    let base = link::document_base(html, url);
    let postings = declared(&json_ld::documents(html), &base);
    if postings.is_empty() {
        return declared(&microdata::documents(html), &base);
    }
    postings
}

fn declared(documents: &[Value], base: &Url) -> Vec<JobPosting> {
    let graph = Graph::of(documents);
    let nodes = graph.of_type(|name| name.eq_ignore_ascii_case("JobPosting"));
    let mut postings: Vec<JobPosting> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let posting = posting(node, base);
        if postings.last() != Some(&posting) {
            postings.push(posting);
        }
    }
    postings
}

fn posting(node: Node<'_>, base: &Url) -> JobPosting {
    let line = |property| node.text(property).map(|text| unescaped(&text));
    JobPosting {
        title: line("title").or_else(|| line("name")),
        company: line("hiringOrganization"),
        description: node.text("description"),
        location: location(node),
        date_posted: node.text("datePosted"),
        valid_through: node.text("validThrough"),
        employment_type: node.texts("employmentType"),
        salary: salary(node),
        location_type: node.text("jobLocationType"),
        url: address(node, base),
        identifier: identifier(node),
    }
}

fn address(node: Node<'_>, base: &Url) -> Option<Url> {
    let declared = node.text("url").or_else(|| node.id().map(str::to_owned));
    // An `@id` such as `#posting` names a place in the page, which is no address of the posting's own.
    declared
        .filter(|text| !text.starts_with('#'))
        .and_then(|text| link::resolve(base, &text))
}

/// A `PropertyValue`'s value; its name is the company's.
fn identifier(node: Node<'_>) -> Option<String> {
    let property = node.nodes("identifier").into_iter().next();
    property
        .and_then(|property| property.plain("value").or_else(|| property.plain("@id")))
        .or_else(|| node.text("identifier"))
}

/// The places of work; where there are none, those where an applicant may live.
fn location(node: Node<'_>) -> Option<String> {
    let mut places: Vec<String> = Vec::new();
    for place in node.nodes("jobLocation") {
        let addresses = place.nodes("address");
        let lines: Vec<String> = addresses.into_iter().filter_map(address_line).collect();
        if lines.is_empty() {
            // The address may stand in a text, or in the place itself.
            let line = place.plain("address").or_else(|| address_line(place));
            places.extend(line.or_else(|| place.plain("name")));
        } else {
            places.extend(lines);
        }
    }
    for fallback in ["jobLocation", "applicantLocationRequirements"] {
        if places.is_empty() {
            places = node.texts(fallback);
        }
    }
    joined(places, "; ")
}

/// Town, region and country; the street only where there is nothing larger.
fn address_line(address: Node<'_>) -> Option<String> {
    let parts = ["addressLocality", "addressRegion", "addressCountry"];
    let texts = parts.iter().filter_map(|part| address.text(part)).collect();
    joined(texts, ", ").or_else(|| {
        let street = address.text("streetAddress");
        street.or_else(|| address.plain("name"))
    })
}

/// The texts that are not blank, each once.
fn joined(texts: Vec<String>, separator: &str) -> Option<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        let text = unescaped(text.trim());
        if !text.is_empty() && !kept.contains(&text) {
            kept.push(text);
        }
    }
    (!kept.is_empty()).then(|| kept.join(separator))
}

/// The pay: a `MonetaryAmount` around a `QuantitativeValue`, either of them alone, or a number or text.
fn salary(node: Node<'_>) -> Option<PostedSalary> {
    let property = ["baseSalary", "estimatedSalary"]
        .into_iter()
        .find(|property| node.text(property).is_some() || !node.nodes(property).is_empty());
    let mut salary = PostedSalary {
        currency: node.text("salaryCurrency"),
        ..PostedSalary::default()
    };
    match property.map(|property| (node.nodes(property), node.plain(property))) {
        None => {}
        Some((nodes, text)) => match nodes.first() {
            None => salary.set_both(text),
            Some(amount) => salary.read(*amount),
        },
    }
    (salary != PostedSalary::default()).then_some(salary)
}

impl PostedSalary {
    fn read(&mut self, amount: Node<'_>) {
        let inner = amount.nodes("value").into_iter().next();
        let nodes = [Some(amount), inner];
        let first = |names: &[&str]| {
            let mut nodes = nodes.iter().rev().copied().flatten();
            nodes.find_map(|node| names.iter().find_map(|name| node.plain(name)))
        };
        self.currency = first(&["currency", "priceCurrency"]).or_else(|| self.currency.take());
        self.unit = first(&["unitText", "unitCode", "duration"]);
        self.min = first(&["minValue", "minPrice", "percentile10"]);
        self.max = first(&["maxValue", "maxPrice", "percentile90"]);
        if self.min.is_none() && self.max.is_none() {
            self.set_both(first(&["value", "price", "median"]));
        }
    }

    fn set_both(&mut self, value: Option<String>) {
        self.min.clone_from(&value);
        self.max = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(document: &str) -> JobPosting {
        let base = Url::parse("https://a.example/jobs/").unwrap();
        let page = format!("<script type='application/ld+json'>{document}</script>");
        let mut postings = read(&page, &base).unwrap();
        assert_eq!(postings.len(), 1, "{postings:?}");
        postings.remove(0)
    }

    #[test]
    fn a_full_posting_is_read() {
        let posting = one(
            r##"{"@context": "https://schema.org", "@graph": [{"@type": "Organization", "@id": "#o", "name": "A &amp; B"},
            {"@type": ["JobPosting"], "title": "Engineer", "hiringOrganization": {"@id": "#o"}, "url": "7?x=1",
             "description": "<p>x</p>", "datePosted": "2024-01-15", "validThrough": "2024-03-15T23:59:59Z",
             "employmentType": ["FULL_TIME", "INTERN"], "jobLocationType": "TELECOMMUTE",
             "identifier": {"@type": "PropertyValue", "name": "A & B", "value": 42},
             "jobLocation": [{"@type": "Place", "address": {"@type": "PostalAddress", "streetAddress": "1 Way",
              "addressLocality": "Seoul", "addressCountry": {"@type": "Country", "name": "KR"}}},
              {"address": "Busan"}, {"name": "Busan"}, "Jeju"],
             "baseSalary": {"@type": "MonetaryAmount", "currency": "KRW",
              "value": {"@type": "QuantitativeValue", "minValue": "1", "maxValue": 2.5, "unitText": "YEAR"}}}]}"##,
        );
        let text = |text: &str| Some(text.to_owned());
        let expected = JobPosting {
            title: text("Engineer"),
            company: text("A & B"),
            description: text("<p>x</p>"),
            location: text("Seoul, KR; Busan"),
            date_posted: text("2024-01-15"),
            valid_through: text("2024-03-15T23:59:59Z"),
            employment_type: vec!["FULL_TIME".into(), "INTERN".into()],
            salary: Some(PostedSalary {
                currency: text("KRW"),
                min: text("1"),
                max: text("2.5"),
                unit: text("YEAR"),
            }),
            location_type: text("TELECOMMUTE"),
            url: Url::parse("https://a.example/jobs/7?x=1").ok(),
            identifier: text("42"),
        };
        assert_eq!(posting, expected);
    }

    #[test]
    fn pay_and_places_come_in_many_shapes() {
        let salary = |pay: &str| {
            let salary = one(&format!(
                r#"{{"@type": "JobPosting", "title": "x", {pay}}}"#
            ))
            .salary;
            salary.map(|salary| {
                let texts = [salary.currency, salary.min, salary.max, salary.unit];
                texts.map(Option::unwrap_or_default).join("|")
            })
        };
        for (pay, expected) in [
            (
                r#""baseSalary": 100, "salaryCurrency": "USD""#,
                "USD|100|100|",
            ),
            (
                r#""baseSalary": "$1 - $2 an hour""#,
                "|$1 - $2 an hour|$1 - $2 an hour|",
            ),
            (
                r#""baseSalary": {"currency": "EUR", "value": 3}"#,
                "EUR|3|3|",
            ),
            (
                r#""baseSalary": {"minValue": 3, "unitText": "HOUR"}"#,
                "|3||HOUR",
            ),
            (r#""estimatedSalary": [{"value": {"value": "4"}}]"#, "|4|4|"),
            (
                r#""baseSalary": {"priceCurrency": "GBP", "price": "5"}"#,
                "GBP|5|5|",
            ),
        ] {
            assert_eq!(salary(pay).as_deref(), Some(expected), "{pay}");
        }
        assert_eq!(salary(r#""baseSalary": null"#), None);
        let place = |place: &str| {
            one(&format!(
                r#"{{"@type": "JobPosting", "title": "x", {place}}}"#
            ))
            .location
        };
        for (text, expected) in [
            (r#""jobLocation": "Seoul""#, "Seoul"),
            (r#""jobLocation": {"addressLocality": "Seoul"}"#, "Seoul"),
            (
                r#""jobLocation": {"address": {"streetAddress": "1 Way"}}"#,
                "1 Way",
            ),
            (
                r#""applicantLocationRequirements": [{"name": "KR"}, {"name": "JP"}]"#,
                "KR; JP",
            ),
        ] {
            assert_eq!(place(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_posting_declared_twice_is_one_and_json_ld_alone_is_read() {
        let base = Url::parse("https://a.example/").unwrap();
        let count = |text: &str| read(text, &base).unwrap().len();
        let script = "<script type='application/ld+json'>{\"@type\":\"JobPosting\",\"title\":\"x\"}</script>";
        let markup =
            "<div itemscope itemtype=http://schema.org/JobPosting><b itemprop=title>x</b></div>";
        assert_eq!(count(&[script, script, markup].concat()), 1);
        assert_eq!(
            count(&[markup, "<script type='application/ld+json'>{}</script>"].concat()),
            1
        );
        assert_eq!(count("\n[{\"@type\":\"JobPosting\",\"title\":\"x\"}]"), 1);
        assert_eq!(count("<h1>none</h1>"), 0);
    }
}
