//! The elements of a list in a JSON text, one at a time: a document of objects takes some ten times its text in memory, a
//! list of 200,000 entries more than all else that a run needs.
//!
//! This is for lists that plain names lead to (`$.jobs[*]`, `$.data.items[*]`, `$[*]`). The text is read twice: for the
//! document without the elements, where what leads to the next page stands, and then for the elements.

use std::fmt;
use std::ops::ControlFlow;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use serde_json_path::JsonPath;

/// The names that lead to a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListPath(Vec<String>);

impl ListPath {
    /// The list whose elements a path finds; none where it finds them in another way.
    pub(super) fn of(item: &JsonPath) -> Option<Self> {
        let text = item.to_string();
        let list = text.strip_suffix("[*]").or(text.strip_suffix(".*"))?;
        names(list).map(Self)
    }

    /// Whether a path finds nothing in the list itself, as far as its text tells.
    pub(super) fn is_beside(&self, path: &JsonPath) -> bool {
        names(&path.to_string()).is_some_and(|names| !names.starts_with(&self.0))
    }

    /// The document with an empty list in the place of this one; none where it does not have it.
    pub(super) fn outline(&self, text: &str) -> serde_json::Result<Option<Value>> {
        let (mut is_there, mut ignore) = (false, None);
        let outline = self.read(text, &mut is_there, &mut ignore)?;
        Ok(is_there.then_some(outline))
    }

    /// Hands over each element, until told to break off.
    pub(super) fn elements(
        &self,
        text: &str,
        on_element: &mut OnElement<'_>,
    ) -> serde_json::Result<()> {
        self.read(text, &mut false, &mut Some(on_element)).map(drop)
    }

    fn read(
        &self,
        text: &str,
        is_there: &mut bool,
        on_element: &mut Option<&mut OnElement<'_>>,
    ) -> serde_json::Result<Value> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let outline = Outline {
            names: &self.0,
            is_there,
            on_element,
        };
        let outline = outline.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(outline)
    }
}

type OnElement<'a> = dyn FnMut(Value) -> ControlFlow<()> + 'a;

/// The names of a path that has nothing else: `$.data['items']`.
fn names(path: &str) -> Option<Vec<String>> {
    let mut rest = path.strip_prefix('$')?;
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, after) = if let Some(bracket) = rest.strip_prefix("['") {
            bracket.split_once("']")?
        } else {
            let name = rest.strip_prefix('.')?;
            name.split_at(name.find(['.', '[']).unwrap_or(name.len()))
        };
        if name.is_empty() || name.contains(['\\', '*']) {
            return None;
        }
        names.push(name.to_owned());
        rest = after;
    }
    Some(names)
}

/// What is left of a value without the elements of the list that the names lead to.
struct Outline<'a, 'e, 'f> {
    names: &'a [String],
    is_there: &'a mut bool,
    /// None where they are not wanted, or no more.
    on_element: &'a mut Option<&'e mut OnElement<'f>>,
}

impl Outline<'_, '_, '_> {
    fn hand_over(&mut self, element: Value) {
        if let Some(on_element) = self.on_element
            && on_element(element).is_break()
        {
            *self.on_element = None;
        }
    }
}

impl<'de> DeserializeSeed<'de> for Outline<'_, '_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        *self.is_there |= self.names.is_empty();
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outline<'_, '_, '_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Value, A::Error> {
        if !self.names.is_empty() {
            return Value::deserialize(SeqAccessDeserializer::new(elements));
        }
        while self.on_element.is_some()
            && let Some(element) = elements.next_element()?
        {
            self.hand_over(element);
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let Some((name, names)) = self.names.split_first() else {
            // `[*]` takes the values of an object, too.
            while self.on_element.is_some()
                && let Some((_, element)) = entries.next_entry::<IgnoredAny, Value>()?
            {
                self.hand_over(element);
            }
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Array(Vec::new()));
        };
        let mut outline = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = if key == *name {
                entries.next_value_seed(Outline {
                    names,
                    is_there: self.is_there,
                    on_element: self.on_element,
                })?
            } else {
                entries.next_value()?
            };
            outline.insert(key, value);
        }
        Ok(Value::Object(outline))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(path: &str) -> Option<ListPath> {
        ListPath::of(&JsonPath::parse(path).unwrap())
    }

    fn elements(path: &str, text: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut take = |element| {
            found.push(element);
            ControlFlow::Continue(())
        };
        list(path).unwrap().elements(text, &mut take).unwrap();
        found
    }

    #[test]
    fn elements_are_those_that_the_path_finds() {
        let text = r#"{"a": 1, "data": {"x": null, "jobs": [{"id": 1}, 2, [3]], "y": true}, "jobs": [4], "map": {"k": 5}}"#;
        let document: Value = serde_json::from_str(text).unwrap();
        for path in [
            "$.data.jobs[*]",
            "$['jobs'][*]",
            "$.map[*]",
            "$.map.*",
            "$.a[*]",
            "$.none[*]",
            "$.data.x.jobs[*]",
        ] {
            let parsed = JsonPath::parse(path).unwrap();
            let expected: Vec<Value> = parsed.query(&document).into_iter().cloned().collect();
            assert_eq!(elements(path, text), expected, "{path}");
        }
        assert_eq!(elements("$[*]", "[1, [2]]"), [json!(1), json!([2])]);
    }

    #[test]
    fn the_outline_has_everything_else_and_tells_whether_the_list_is_there() {
        let text = r#"{"jobs": [1, 2], "next": "/2", "meta": {"jobs": [-3, 0.5]}}"#;
        let outline = list("$.jobs[*]").unwrap().outline(text).unwrap();
        let expected = json!({"jobs": [], "next": "/2", "meta": {"jobs": [-3, 0.5]}});
        assert_eq!(outline, Some(expected));
        for text in ["{}", "[]", "3", r#"{"job": []}"#] {
            assert_eq!(list("$.jobs[*]").unwrap().outline(text).unwrap(), None);
        }
        for broken in [r#"{"jobs": [1, 2"#, r#"{"jobs": []} x"#, ""] {
            assert!(list("$.jobs[*]").unwrap().outline(broken).is_err());
        }
    }

    #[test]
    fn who_breaks_off_gets_no_more_but_the_text_is_read_to_its_end() {
        let mut count = 0;
        let mut take = |_| {
            count += 1;
            ControlFlow::Break(())
        };
        let list = list("$[*]").unwrap();
        assert!(list.elements("[1, 2, 3]", &mut take).is_ok());
        assert!(list.elements("[1, 2, x]", &mut take).is_err());
        assert_eq!(count, 2);
    }

    #[test]
    fn only_plain_names_lead_to_a_list() {
        for path in [
            "$..jobs[*]",
            "$.a[0][*]",
            "$.a[*].b",
            "$.a[?@.b]",
            "$.a[*].b[*]",
        ] {
            assert_eq!(list(path), None, "{path}");
        }
        let list = list("$.data.jobs[*]").unwrap();
        let is_beside = |path| list.is_beside(&JsonPath::parse(path).unwrap());
        assert!(is_beside("$.data.next") && is_beside("$.next"));
        assert!(!is_beside("$.data.jobs[-1].id") && !is_beside("$..next"));
    }
}
