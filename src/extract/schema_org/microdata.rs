//! Microdata and RDFa Lite: properties as attributes of the page's own elements.
//!
//! Both say the same in other words (`itemscope itemtype itemprop`, `typeof property`), and both become JSON as
//! JSON-LD would have it. Where people and the standard differ, people win: any element may have a `content`, and a
//! link that has a text means the text, unless the property is an address.
//!
//! Elements may nest properties in properties, and `itemref` may point anywhere, in circles too: a page therefore has
//! a budget of what is read in all, and items a depth.

use std::collections::HashMap;

use scraper::{ElementRef, Html};
use serde_json::{Map, Value};

use crate::html::{text, tree};

/// Items in items. A posting's address stands at depth 3.
const MAX_DEPTH: usize = 16;

/// What may be read of one page, in bytes of text: a page of the longest kind, four times over.
const BUDGET: usize = 4 * tree::MAX_BYTES;

/// What passing an element costs.
const ELEMENT_COST: usize = 16;

/// What keeping a property costs, besides its text: an item takes some hundred bytes of memory.
const PROPERTY_COST: usize = 256;

/// Properties that one element may be the value of; pages know two.
const MAX_PROPERTIES: usize = 8;

/// The attributes of a syntax.
struct Syntax {
    /// Marks an element as an item.
    scope: &'static str,
    kind: &'static str,
    property: &'static str,
    id: &'static str,
}

const SYNTAXES: &[Syntax] = &[
    Syntax {
        scope: "itemscope",
        kind: "itemtype",
        property: "itemprop",
        id: "itemid",
    },
    Syntax {
        scope: "typeof",
        kind: "typeof",
        property: "property",
        id: "resource",
    },
];

/// The items that are no property of another, in the page's order.
pub(in crate::extract) fn documents(html: &Html) -> Vec<Value> {
    let mut reader = Reader {
        html,
        by_id: None,
        left: BUDGET,
    };
    let mut documents = Vec::new();
    for syntax in SYNTAXES {
        for element in html.root_element().descendent_elements() {
            let is_root = element.attr(syntax.scope).is_some()
                && (element.attr(syntax.property).is_none() || !has_owner(element, syntax));
            if is_root {
                documents.push(reader.item(element, syntax, 0));
            }
        }
    }
    documents
}

/// Whether an element stands in an item, which it is then a property of.
fn has_owner(element: ElementRef<'_>, syntax: &Syntax) -> bool {
    let mut ancestors = element.ancestors().filter_map(ElementRef::wrap);
    ancestors.any(|ancestor| ancestor.attr(syntax.scope).is_some())
}

struct Reader<'a> {
    html: &'a Html,
    /// Elements by `id`, for `itemref`; made when the first one asks.
    by_id: Option<HashMap<&'a str, ElementRef<'a>>>,
    left: usize,
}

impl<'a> Reader<'a> {
    fn item(&mut self, item: ElementRef<'a>, syntax: &Syntax, depth: usize) -> Value {
        let mut object = Map::new();
        let attributes = [syntax.kind, syntax.id, "itemref"].map(|name| item.attr(name));
        if !self.spend(attributes.into_iter().flatten().map(str::len).sum()) {
            return Value::Null;
        }
        let kinds = item.attr(syntax.kind).unwrap_or_default();
        object.insert("@type".into(), kinds.split_whitespace().collect());
        if let Some(id) = item.attr(syntax.id) {
            object.insert("@id".into(), id.into());
        }
        let mut open: Vec<ElementRef<'a>> = item.child_elements().collect();
        for id in item.attr("itemref").unwrap_or_default().split_whitespace() {
            open.extend(self.element(id));
        }
        open.reverse();
        while let Some(element) = open.pop() {
            if !self.spend(ELEMENT_COST) {
                break;
            }
            let is_item = element.attr(syntax.scope).is_some();
            if let Some(properties) = element.attr(syntax.property) {
                for property in properties.split_whitespace().take(MAX_PROPERTIES) {
                    let property = super::local_name(property);
                    if !self.spend(PROPERTY_COST + property.len()) {
                        break;
                    }
                    let value = if !is_item {
                        self.value(element, property)
                    } else if depth < MAX_DEPTH {
                        self.item(element, syntax, depth + 1)
                    } else {
                        continue;
                    };
                    let values = object
                        .entry(property)
                        .or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(values) = values {
                        values.push(value);
                    }
                }
            }
            if !is_item {
                let children: Vec<_> = element.child_elements().collect();
                open.extend(children.into_iter().rev());
            }
        }
        Value::Object(object)
    }

    fn value(&mut self, element: ElementRef<'a>, property: &str) -> Value {
        if let Some(content) = element.attr("content") {
            return self.kept(content);
        }
        let attribute = match element.value().name() {
            "time" | "del" | "ins" => "datetime",
            "data" | "meter" => "value",
            "img" | "embed" | "source" | "audio" | "video" | "iframe" | "track" => "src",
            "a" | "area" | "link" => "href",
            "object" => "data",
            _ => "",
        };
        let attribute = element.attr(attribute);
        let is_link = matches!(element.value().name(), "a" | "area");
        let is_address = matches!(
            property,
            "url" | "sameAs" | "image" | "logo" | "mainEntityOfPage"
        );
        if let Some(attribute) = attribute.filter(|_| is_address || !is_link) {
            return self.kept(attribute);
        }
        let length = element
            .descendants()
            .map(|node| 1 + node.value().as_text().map_or(0, |text| text.len()));
        if !self.spend(length.sum()) {
            return Value::Null;
        }
        let text = match property {
            "description" | "articleBody" => element.inner_html(),
            _ => text::of(element),
        };
        if text.is_empty() {
            return self.kept(attribute.unwrap_or_default());
        }
        text.into()
    }

    fn kept(&mut self, text: &str) -> Value {
        if self.spend(text.len()) {
            text.into()
        } else {
            Value::Null
        }
    }

    fn element(&mut self, id: &str) -> Option<ElementRef<'a>> {
        let html = self.html;
        let by_id = self.by_id.get_or_insert_with(|| {
            let elements = html.root_element().descendent_elements();
            elements
                .filter_map(|element| Some((element.attr("id")?, element)))
                .collect()
        });
        by_id.get(id).copied()
    }

    fn spend(&mut self, cost: usize) -> bool {
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(page: &str) -> Vec<Value> {
        documents(&tree::parse(page).unwrap())
    }

    #[test]
    fn items_are_read_with_the_items_in_them() {
        let page = "<div itemscope itemtype='https://schema.org/JobPosting Thing' itemid=/1>
            <h1 itemprop='title name'>Engineer <b>II</b></h1>
            <div itemprop=description><p>a</p> by <b itemprop=hiringOrganization itemscope itemtype=Organization>
            <a itemprop=name href=/x>ACME</a><a itemprop=url href=/x>ACME</a></b></div>
            <time itemprop=datePosted datetime=2024-03-01>March</time><meta itemprop=salaryCurrency content=USD>
            <link itemprop=employmentType href=https://schema.org/FullTime></div>";
        let read = read(page);
        assert_eq!(read.len(), 1);
        let organization = json!({"@type": ["Organization"], "name": ["ACME"], "url": ["/x"]});
        assert_eq!(
            read[0]["@type"],
            json!(["https://schema.org/JobPosting", "Thing"])
        );
        assert_eq!(read[0]["@id"], "/1");
        assert_eq!(read[0]["title"], json!(["Engineer II"]));
        assert_eq!(read[0]["name"], json!(["Engineer II"]));
        assert_eq!(read[0]["hiringOrganization"], json!([organization]));
        assert!(
            read[0]["description"][0]
                .as_str()
                .unwrap()
                .starts_with("<p>a</p> by <b")
        );
        assert_eq!(read[0]["datePosted"], json!(["2024-03-01"]));
        assert_eq!(read[0]["salaryCurrency"], json!(["USD"]));
        assert_eq!(
            read[0]["employmentType"],
            json!(["https://schema.org/FullTime"])
        );
    }

    #[test]
    fn rdfa_says_the_same() {
        let page = "<div vocab='https://schema.org/' typeof=JobPosting resource=#j><h1 property='schema:title'>E</h1>
            <span property=hiringOrganization typeof=Organization><b property=name>A</b></span></div>";
        assert_eq!(
            read(page),
            [json!({"@type": ["JobPosting"], "@id": "#j", "title": ["E"],
                "hiringOrganization": [{"@type": ["Organization"], "name": ["A"]}]})]
        );
    }

    #[test]
    fn itemref_brings_in_what_stands_elsewhere() {
        let page = "<div itemscope itemref='a b none'></div><p id=a itemprop=x>1</p><p id=b><i itemprop=y>2</i></p>";
        assert_eq!(read(page), [json!({"@type": [], "x": ["1"], "y": ["2"]})]);
    }

    #[test]
    fn circles_and_towers_end() {
        let circle = "<div id=a itemscope itemprop=x itemref='a a a b'></div>\
                      <div id=b itemscope itemprop=y itemref='a b'></div><p itemscope itemref='a b'></p>";
        read(circle);
        let tower = "<div itemprop=x>".repeat(400) + &"word ".repeat(300_000);
        read(&("<main itemscope>".to_owned() + &tower));
        read(&"<div itemprop=x itemscope>".repeat(400));
    }
}
