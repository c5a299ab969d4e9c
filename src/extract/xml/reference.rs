//! Character and entity references: `&#8212;`, `&amp;`, `&nbsp;`, and what an internal DTD subset declares.
//!
//! A reference that names nothing stays as it was written. Entities of the DTD may refer to each other, to a depth and
//! a total length that no honest feed comes near, so ten lines of nested entities cannot become a gigabyte. External
//! and parameter entities are not declared at all: nothing is ever fetched.

use std::borrow::Cow;
use std::collections::HashMap;

use encoding_rs::WINDOWS_1252;

/// Nesting of entities in entities.
const MAX_DEPTH: usize = 4;

/// Bytes that declared entities may add to one document.
const MAX_EXPANSION: usize = 64 * 1024;

/// Declarations that are kept.
const MAX_DECLARATIONS: usize = 500;

/// No name of HTML's list is longer.
const MAX_NAME: usize = 32;

#[derive(Debug, Default)]
pub(super) struct References<'a> {
    declared: HashMap<&'a str, &'a str>,
    expanded: usize,
}

impl<'a> References<'a> {
    /// Takes over the general entities with a literal value from a DOCTYPE.
    pub(super) fn declare(&mut self, doctype: &'a str) {
        for declaration in doctype.split("<!ENTITY").skip(1) {
            let Some((name, value)) = literal_entity(declaration) else {
                continue;
            };
            if self.declared.len() < MAX_DECLARATIONS {
                // The first declaration binds (XML 1.0, 4.2).
                self.declared.entry(name).or_insert(value);
            }
        }
    }

    /// The text with every known reference replaced.
    pub(super) fn resolve_all(&mut self, text: &'a str) -> Cow<'a, str> {
        if !text.contains('&') {
            return Cow::Borrowed(text);
        }
        let mut resolved = String::with_capacity(text.len());
        self.resolve_into(text, 0, &mut resolved);
        Cow::Owned(resolved)
    }

    fn resolve_into(&mut self, text: &'a str, depth: usize, resolved: &mut String) {
        let mut rest = text;
        while let Some(at) = rest.find('&') {
            resolved.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let name = rest
                .char_indices()
                .take(MAX_NAME + 1)
                .find(|(_, c)| !c.is_alphanumeric() && !matches!(c, '#' | '_' | '-' | '.' | ':'))
                .filter(|(_, c)| *c == ';')
                .map(|(end, _)| &rest[..end]);
            match name {
                Some(name) if self.push(name, depth, resolved) => rest = &rest[name.len() + 1..],
                _ => resolved.push('&'),
            }
        }
        resolved.push_str(rest);
    }

    /// Writes what the reference of that name stands for; false where it stands for nothing.
    fn push(&mut self, name: &'a str, depth: usize, resolved: &mut String) -> bool {
        if let Some(number) = name.strip_prefix('#') {
            return push_character(number, resolved);
        }
        if let Some(c) = predefined(name) {
            resolved.push(c);
            return true;
        }
        if let Some(value) = self.declared.get(name).copied() {
            self.expanded += value.len();
            if depth < MAX_DEPTH && self.expanded <= MAX_EXPANSION {
                self.resolve_into(value, depth + 1, resolved);
                return true;
            }
            return false;
        }
        let written = format!("&{name};");
        match html_escape::decode_html_entities(&written) {
            Cow::Owned(character) if character != written => {
                resolved.push_str(&character);
                true
            }
            _ => false,
        }
    }
}

const fn predefined(name: &str) -> Option<char> {
    match name.as_bytes() {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => None,
    }
}

/// A numbered character. Numbers 128 to 159 mean windows-1252, as in HTML; control characters vanish.
fn push_character(number: &str, resolved: &mut String) -> bool {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => number.parse(),
    };
    let Ok(code) = code else {
        return false;
    };
    match u8::try_from(code) {
        Ok(byte @ 0x80..=0x9f) => {
            resolved.push_str(&WINDOWS_1252.decode_without_bom_handling(&[byte]).0);
        }
        Ok(0..=0x08 | 0x0b..=0x0c | 0x0e..=0x1f | 0x7f) => {}
        _ => resolved.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
    }
    true
}

/// Name and literal value of ` name "value">…`; nothing of a parameter or external entity.
fn literal_entity(declaration: &str) -> Option<(&str, &str)> {
    let declaration = declaration.trim_start();
    let (name, rest) = declaration.split_once(|c: char| c.is_ascii_whitespace())?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, _) = rest[1..].split_once(quote)?;
    (name != "%").then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve<'a>(doctype: &'a str, text: &'a str) -> String {
        let mut references = References::default();
        references.declare(doctype);
        references.resolve_all(text).into_owned()
    }

    #[test]
    fn known_references_are_resolved_and_unknown_ones_stay() {
        let text = "&lt;&nbsp;&eacute;&#54620;&#xAE00;&#150;&#0;&nothing; R&D; &;& &#x; &#x110000;";
        let expected = "<\u{a0}é한글–&nothing; R&D; &;& &#x; \u{fffd}";
        assert_eq!(resolve("", text), expected);
    }

    #[test]
    fn entities_of_the_document_are_expanded_once() {
        let doctype = r#"<!DOCTYPE rss [<!ENTITY name "Trendy &amp; <b>co</b>">
            <!ENTITY both '&name;, &#169;'><!ENTITY name "later">
            <!ENTITY % parameter "no"><!ENTITY file SYSTEM "file:///etc/passwd">]>"#;
        assert_eq!(resolve(doctype, "&both;"), "Trendy & <b>co</b>, ©");
        assert_eq!(resolve(doctype, "&file;&parameter;"), "&file;&parameter;");
    }

    #[test]
    fn expansion_has_a_budget() {
        let nested = (1..10).map(|level| {
            let value = format!("&a{};", level - 1).repeat(10);
            format!("<!ENTITY a{level} '{value}'>")
        });
        let doctype: String = std::iter::once(String::from("<!ENTITY a0 'ha'>"))
            .chain(nested)
            .collect();
        assert!(resolve(&doctype, "&a9;").len() < 8 * MAX_EXPANSION);
        let flat = format!("<!ENTITY a '{}'>", "x".repeat(50_000));
        assert!(resolve(&flat, &"&a;".repeat(1_000)).len() < 2 * MAX_EXPANSION);
        assert_eq!(
            resolve("<!ENTITY a '&a;'>", "&a;").matches("&a;").count(),
            1
        );
    }
}
