//! JSON or XML to the little that an answer is: a few named texts, and a list of items of named texts.

use std::collections::BTreeMap;

use quick_xml::events::Event;
use serde_json::Value;

use super::KmaError;

/// Longest piece of an unreadable answer that an error repeats.
const SNIPPET_CHARS: usize = 80;

/// An answer without its wrapping: `response.header.resultCode` and `cmmMsgHeader.returnReasonCode` are fields alike.
#[derive(Debug, Default)]
pub(super) struct Document {
    fields: BTreeMap<String, String>,
    pub(super) items: Vec<BTreeMap<String, String>>,
}

impl Document {
    /// The form is told by the first character: refusals come as XML whatever was asked for.
    pub(super) fn read(body: &str) -> Result<Self, KmaError> {
        let body = body.trim_start_matches('\u{feff}').trim();
        match body.chars().next() {
            Some('<') => Self::from_xml(body),
            Some('{') => Self::from_json(body),
            _ => Err(KmaError::Neither(
                body.chars().take(SNIPPET_CHARS).collect(),
            )),
        }
    }

    /// The first of these fields that is there.
    pub(super) fn field(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .find_map(|name| self.fields.get(*name))
            .map(String::as_str)
    }

    fn from_json(body: &str) -> Result<Self, KmaError> {
        let value: Value = serde_json::from_str(body).map_err(KmaError::Json)?;
        let mut document = Self::default();
        let mut rest = vec![("", &value)];
        while let Some((name, value)) = rest.pop() {
            match value {
                Value::Object(members) if name == "item" => document.items.push(texts(members)),
                Value::Object(members) => {
                    rest.extend(members.iter().map(|(name, value)| (name.as_str(), value)));
                }
                // In reverse, since the last is taken first.
                Value::Array(values) => rest.extend(values.iter().rev().map(|value| (name, value))),
                value => {
                    document.fields.insert(name.to_owned(), text(value));
                }
            }
        }
        Ok(document)
    }

    fn from_xml(body: &str) -> Result<Self, KmaError> {
        let mut document = Self::default();
        let mut reader = quick_xml::Reader::from_str(body);
        let mut item: Option<BTreeMap<String, String>> = None;
        let mut content = String::new();
        let mut depth = 0_usize;
        loop {
            match reader.read_event().map_err(KmaError::Xml)? {
                Event::Start(tag) => {
                    depth += 1;
                    content.clear();
                    if tag.local_name().as_ref() == "item" {
                        item = Some(BTreeMap::new());
                    }
                }
                Event::Text(text) => content.push_str(&text.xml10_content()),
                Event::CData(text) => content.push_str(&text.xml10_content()),
                Event::End(tag) => {
                    depth -= 1;
                    let name = tag.local_name();
                    let text = std::mem::take(&mut content).trim().to_owned();
                    if name.as_ref() == "item" {
                        document.items.extend(item.take());
                    } else {
                        let fields = item.as_mut().unwrap_or(&mut document.fields);
                        fields.insert(name.as_ref().to_owned(), text);
                    }
                }
                Event::Eof if depth > 0 => return Err(KmaError::CutOff),
                Event::Eof => return Ok(document),
                _ => {}
            }
        }
    }
}

fn texts(members: &serde_json::Map<String, Value>) -> BTreeMap<String, String> {
    members
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
