/// A path pattern: `*` stands for anything, `$` at the end for the end of the address, anything else for itself.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// What stands between the `*`.
    parts: Vec<String>,
    anchored: bool,
    /// Length in bytes, by which rules are ranked.
    length: usize,
    /// `…/` of a pattern `…/index.html`: the folder's own address means the same page.
    folder: Option<String>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Self {
        let (path, anchored) = match text.strip_suffix('$') {
            Some(path) => (path, true),
            None => (text, false),
        };
        let path = normalize(path, "*");
        let folder = path
            .rfind('/')
            .filter(|&slash| path[slash..].starts_with("/index.htm"))
            .map(|slash| path[..=slash].to_owned());
        Self {
            length: path.len() + usize::from(anchored),
            parts: path.split('*').map(str::to_owned).collect(),
            anchored,
            folder,
        }
    }

    /// Length of the pattern, if it matches a path that [`normalize_path`] gave.
    pub(super) fn matched_length(&self, path: &str) -> Option<usize> {
        if matches(&self.parts, self.anchored, path) {
            return Some(self.length);
        }
        let folder = self.folder.as_deref()?;
        let parts: Vec<&str> = folder.split('*').collect();
        matches(&parts, true, path).then_some(folder.len() + 1)
    }
}

/// Taking each part at its first place is enough: a later place leaves less for the parts after it.
fn matches(parts: &[impl AsRef<str>], anchored: bool, path: &str) -> bool {
    let Some((first, others)) = parts.split_first() else {
        return false;
    };
    let Some(mut rest) = path.strip_prefix(first.as_ref()) else {
        return false;
    };
    let Some((last, middle)) = others.split_last() else {
        return !anchored || rest.is_empty();
    };
    for part in middle {
        match rest.find(part.as_ref()) {
            Some(start) => rest = &rest[start + part.as_ref().len()..],
            None => return false,
        }
    }
    if anchored {
        rest.ends_with(last.as_ref())
    } else {
        rest.contains(last.as_ref())
    }
}

/// A path and query in the spelling that patterns are compared in; it always begins with a slash.
pub(super) fn normalize_path(path: &str) -> String {
    let path = normalize(path, "");
    if path.starts_with('/') {
        path
    } else {
        format!("/{path}")
    }
}

/// One spelling for what means the same (RFC 9309, 2.2.2): bytes beyond ASCII are encoded, unreserved characters are
/// not, and hexadecimal digits are upper case. `*` and `$` are encoded where they stand for themselves, so that `%2A`
/// and `%24` in a pattern match them; `wildcards` names those that do not.
fn normalize(text: &str, wildcards: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        index += 1;
        let encoded = (byte == b'%')
            .then(|| hexadecimal(bytes.get(index..index + 2)?))
            .flatten();
        match encoded {
            Some(octet) => {
                index += 2;
                if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
                    normal.push(char::from(octet));
                } else {
                    push_encoded(&mut normal, octet);
                }
            }
            None if !byte.is_ascii()
                || (b"*$".contains(&byte) && !wildcards.as_bytes().contains(&byte)) =>
            {
                push_encoded(&mut normal, byte);
            }
            None => normal.push(char::from(byte)),
        }
    }
    normal
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let &[high, low] = digits else { return None };
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn push_encoded(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    text.push(char::from(DIGITS[usize::from(byte >> 4)]));
    text.push(char::from(DIGITS[usize::from(byte & 15)]));
}
