//! What a page says of itself in the words of schema.org: JSON-LD, microdata and RDFa Lite, read as one thing.
//!
//! Each syntax gives JSON of the same shape ([`json_ld`], [`microdata`]), and a [`Graph`] of it answers by type and by
//! property. Sites write what they like, so it is forgiving: a type or property counts by the last part of its name
//! (`https://schema.org/title`, `schema:title`), a value may be one or a list, a text or an object with a name, and an
//! object that is only an `@id` stands for the one that has the properties.
//!
//! Invariants: nothing recurses along references, which may form circles; nesting is bounded by the parsers (128 in
//! JSON, [`microdata`] has its own bound), and the JSON of a page by [`json_ld::MAX_BYTES`]. Values stay texts.

pub(super) mod json_ld;
mod mend;
pub(super) mod microdata;

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// The objects of some documents, at any depth, and which of them an `@id` means.
pub(super) struct Graph<'a> {
    objects: Vec<&'a Object>,
    by_id: HashMap<&'a str, &'a Object>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(documents: &'a [Value]) -> Self {
        let mut graph = Self {
            objects: Vec::new(),
            by_id: HashMap::new(),
        };
        let mut open: Vec<&Value> = documents.iter().rev().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::Array(values) => open.extend(values.iter().rev()),
                Value::Object(object) => {
                    graph.add(object);
                    open.extend(object.values().rev());
                }
                _ => {}
            }
        }
        graph
    }

    fn add(&mut self, object: &'a Object) {
        self.objects.push(object);
        if let Some(id) = id(object) {
            let known = self.by_id.entry(id).or_insert(object);
            if object.len() > known.len() {
                *known = object;
            }
        }
    }

    /// The objects of a type that say something, outer before inner, in the page's order.
    pub(super) fn of_type(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Node<'_>> {
        let nodes = self.objects.iter().map(|object| Node {
            object,
            graph: self,
        });
        nodes
            .filter(|node| node.types().any(&is_wanted) && !node.is_reference())
            .collect()
    }
}

/// An object of a graph.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    object: &'a Object,
    graph: &'a Graph<'a>,
}

/// A value of a property.
enum Thing<'a> {
    Text(Cow<'a, str>),
    Node(Node<'a>),
}

impl<'a> Node<'a> {
    /// The names of its types, without what stands before them.
    fn types(self) -> impl Iterator<Item = &'a str> {
        let types = match self.object.get("@type").or_else(|| self.object.get("type")) {
            Some(Value::Array(types)) => types.as_slice(),
            Some(other) => std::slice::from_ref(other),
            None => &[],
        };
        types.iter().filter_map(Value::as_str).map(local_name)
    }

    /// Whether it only points at an object that is described elsewhere.
    fn is_reference(self) -> bool {
        let is_pointer = |key: &String| {
            key.starts_with('@') || matches!(local_name(key), "type" | "id" | "url" | "identifier")
        };
        self.object.keys().all(is_pointer)
    }

    /// The values of a property, lists opened and references followed.
    fn things(self, property: &str) -> Vec<Thing<'a>> {
        let value = self.object.get(property).or_else(|| {
            let mut named = self.object.iter();
            named
                .find(|(key, _)| local_name(key) == property)
                .map(|(_, value)| value)
        });
        let mut things = Vec::new();
        let mut open: Vec<&'a Value> = value.into_iter().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::Array(values) => open.extend(values.iter().rev()),
                Value::Object(object) => {
                    let inner = ["@list", "@set", "@value"];
                    if let Some(value) = inner.iter().find_map(|key| object.get(*key)) {
                        open.push(value);
                    } else {
                        things.push(Thing::Node(self.follow(object)));
                    }
                }
                Value::String(text) if !text.trim().is_empty() => {
                    things.push(Thing::Text(Cow::Borrowed(text.trim())));
                }
                Value::Number(number) => things.push(Thing::Text(number.to_string().into())),
                Value::Bool(truth) => things.push(Thing::Text(truth.to_string().into())),
                Value::Null | Value::String(_) => {}
            }
        }
        things
    }

    /// The object that has the properties, where this one is only its `@id`.
    fn follow(self, object: &'a Object) -> Self {
        let meant = id(object).and_then(|id| self.graph.by_id.get(id));
        let meant = meant.filter(|meant| meant.len() > object.len());
        Self {
            object: meant.unwrap_or(&object),
            graph: self.graph,
        }
    }

    /// The objects that are values of a property.
    pub(super) fn nodes(self, property: &str) -> Vec<Self> {
        let things = self.things(property).into_iter();
        things
            .filter_map(|thing| match thing {
                Thing::Node(node) => Some(node),
                Thing::Text(_) => None,
            })
            .collect()
    }

    /// The texts of a property; an object gives what it is called.
    pub(super) fn texts(self, property: &str) -> Vec<String> {
        let things = self.things(property).into_iter();
        things
            .filter_map(|thing| match thing {
                Thing::Text(text) => Some(text.into_owned()),
                Thing::Node(node) => ["name", "legalName", "value", "url"]
                    .iter()
                    .find_map(|name| node.plain(name)),
            })
            .collect()
    }

    /// The first text of a property.
    pub(super) fn text(self, property: &str) -> Option<String> {
        self.texts(property).into_iter().next()
    }

    /// The first text of a property that no object stands around.
    pub(super) fn plain(self, property: &str) -> Option<String> {
        let mut things = self.things(property).into_iter();
        things.find_map(|thing| match thing {
            Thing::Text(text) => Some(text.into_owned()),
            Thing::Node(_) => None,
        })
    }

    /// The address that it is known by, where it has no `url`.
    pub(super) fn id(self) -> Option<&'a str> {
        id(self.object)
    }
}

fn id(object: &Object) -> Option<&str> {
    object.get("@id").or_else(|| object.get("id"))?.as_str()
}

/// The last part of a name: `title` of `https://schema.org/title` and `schema:title`.
fn local_name(name: &str) -> &str {
    let name = name.trim().trim_end_matches('/');
    name.rsplit(['/', '#', ':']).next().unwrap_or(name)
}

/// A text as its author meant it: entities are mended that a template escaped once too often (`R&amp;D` in JSON).
pub(super) fn unescaped(text: &str) -> String {
    html_escape::decode_html_entities(text).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_and_properties_count_by_the_last_part_of_their_names() {
        let documents = [json!([
            {"@type": ["Thing", "https://schema.org/JobPosting"], "http://schema.org/title": [{"@value": "a"}]},
            {"x": {"type": "schema:JobPosting", "schema:title": {"@list": [" b ", "c"]}}},
            {"@type": "JobPostings", "title": "none"},
        ])];
        let graph = Graph::of(&documents);
        let nodes = graph.of_type(|name| name == "JobPosting");
        let titles: Vec<_> = nodes.iter().map(|node| node.texts("title")).collect();
        assert_eq!(titles, [vec!["a"], vec!["b", "c"]]);
    }

    #[test]
    fn references_are_followed_and_never_in_circles() {
        let documents = [
            json!({"@type": "A", "maker": {"@id": "#o"}, "self": {"@id": "#a"}, "@id": "#a", "name": {"@id": "#a"}}),
            json!({"@graph": [{"@id": "#o"}, {"@id": "#o", "@type": "Organization", "name": "O"}]}),
            json!({"@type": "A", "@id": "#a", "url": "/a"}),
        ];
        let graph = Graph::of(&documents);
        let nodes = graph.of_type(|name| name == "A");
        assert_eq!(nodes.len(), 1, "the other says nothing of itself");
        assert_eq!(nodes[0].text("maker").as_deref(), Some("O"));
        assert_eq!(nodes[0].text("self"), None);
    }

    #[test]
    fn a_property_is_a_text_a_number_or_an_object_with_a_name() {
        let document = [
            json!({"@type": "A", "a": [null, " ", {"name": ["x"]}, 3, true, {"legalName": "y"}, {}]}),
        ];
        let graph = Graph::of(&document);
        let node = graph.of_type(|_| true)[0];
        assert_eq!(node.texts("a"), ["x", "3", "true", "y"]);
        assert_eq!(node.plain("a").as_deref(), Some("3"));
    }
}
