//! What a document says about its own encoding, read from its bytes before they are text.
//!
//! The first 1024 bytes are read by the HTML standard's "prescan a byte stream to determine its encoding", to the
//! letter: comments, tags, quoted and bare attributes, `http-equiv` before or after `content`. A declaration that is
//! cut off counts for nothing. A page that declares nothing there is read on, as a browser's parser would meet a late
//! `meta` and start over; there the contents of scripts and styles are passed over, as a parser does.
//!
//! <https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding>

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

use super::encoding_for_label;

/// The standard's window.
const WINDOW: usize = 1024;

/// How far a late `meta` is looked for: heads longer than this are not seen, and the scan stays below a millisecond.
const LATE_WINDOW: usize = 64 * 1024;

/// Elements whose content is text to a parser: tags in it are none.
const TEXT_ELEMENTS: [&[u8]; 6] = [
    b"script",
    b"style",
    b"title",
    b"textarea",
    b"noscript",
    b"xmp",
];

/// The encoding that a document declares in a `meta` element or an XML declaration.
///
/// HTML asks its `meta` first; in XML the declaration comes first, or a page quoted in a feed would speak for the feed.
pub(super) fn declared_encoding(body: &[u8], is_xml: bool) -> Option<&'static Encoding> {
    let start = &body[..body.len().min(WINDOW)];
    let xml = xml_encoding(start);
    if is_xml && xml.is_some() {
        return xml;
    }
    Scan::over(start, Region::Start)
        .find_meta()
        .or(xml)
        .or_else(|| {
            let head = body.get(..LATE_WINDOW).unwrap_or(body);
            (head.len() > WINDOW)
                .then(|| Scan::over(head, Region::Late).find_meta())
                .flatten()
        })
}

/// The encoding named by the `charset` parameter of a Content-Type, in a header or in a `meta` element.
pub(super) fn charset_parameter(content: &[u8]) -> Option<&'static Encoding> {
    const NAME: &[u8] = b"charset";
    let mut rest = content;
    loop {
        let at = rest
            .windows(NAME.len())
            .position(|window| window.eq_ignore_ascii_case(NAME))?;
        rest = rest[at + NAME.len()..].trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let first = *value.first()?;
        let label = if matches!(first, b'"' | b'\'') {
            let end = value[1..].iter().position(|byte| *byte == first)?;
            &value[1..=end]
        } else {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b';';
            let end = value.iter().position(ends).unwrap_or(value.len());
            &value[..end]
        };
        return encoding_for_label(label);
    }
}

/// The encoding of an XML declaration at the start, blanks before it forgiven.
fn xml_encoding(start: &[u8]) -> Option<&'static Encoding> {
    const NAME: &[u8] = b"encoding";
    let declaration = start.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = declaration.iter().position(|byte| *byte == b'>')?;
    let declaration = &declaration[..end];
    let at = declaration
        .windows(NAME.len())
        .position(|window| window == NAME)?;
    let value = declaration[at + NAME.len()..]
        .trim_ascii_start()
        .strip_prefix(b"=")?
        .trim_ascii_start();
    let quote = value.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
    let end = value[1..].iter().position(|byte| byte == quote)?;
    encoding_for_label(&value[1..=end]).map(as_declared_in_ascii)
}

/// Bytes in which an ASCII declaration could be read are not UTF-16, whatever it says.
fn as_declared_in_ascii(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Region {
    Start,
    Late,
}

/// The bytes ended inside a construct, which then counts for nothing.
struct OutOfBytes;

struct Attribute {
    name: Vec<u8>,
    value: Vec<u8>,
}

struct Scan<'a> {
    bytes: &'a [u8],
    position: usize,
    region: Region,
}

impl<'a> Scan<'a> {
    const fn over(bytes: &'a [u8], region: Region) -> Self {
        Self {
            bytes,
            position: 0,
            region,
        }
    }

    fn find_meta(mut self) -> Option<&'static Encoding> {
        while let Ok(found) = self.step() {
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// One construct, or one byte that begins none.
    fn step(&mut self) -> Result<Option<&'static Encoding>, OutOfBytes> {
        let rest = self.rest();
        if rest.starts_with(b"<!--") {
            // The dashes may serve twice: `<!-->` is a whole comment.
            self.position += 2;
            self.advance_past(b"-->")?;
            return Ok(None);
        }
        match rest {
            [b'<', b'/', letter, ..] | [b'<', letter, ..] if letter.is_ascii_alphabetic() => {
                return self.tag();
            }
            [b'<', b'!' | b'/' | b'?', ..] => self.advance_past(b">")?,
            [] => return Err(OutOfBytes),
            _ => self.position += 1,
        }
        Ok(None)
    }

    fn tag(&mut self) -> Result<Option<&'static Encoding>, OutOfBytes> {
        const META: usize = "<meta".len();
        let rest = self.rest();
        if rest.len() > META
            && rest[..META].eq_ignore_ascii_case(b"<meta")
            && (rest[META].is_ascii_whitespace() || rest[META] == b'/')
        {
            self.position += META;
            return self.meta();
        }
        let start = self.position + 1;
        while !self.byte()?.is_ascii_whitespace() && self.byte()? != b'>' {
            self.position += 1;
        }
        let name = &self.bytes[start..self.position];
        while self.attribute()?.is_some() {}
        if self.region == Region::Late {
            self.skip_text_element(name)?;
        }
        Ok(None)
    }

    fn meta(&mut self) -> Result<Option<&'static Encoding>, OutOfBytes> {
        let mut seen: Vec<Vec<u8>> = Vec::new();
        let mut is_pragma = false;
        let mut needs_pragma = None;
        let mut encoding = None;
        while let Some(Attribute { name, value }) = self.attribute()? {
            if seen.contains(&name) {
                continue;
            }
            match name.as_slice() {
                b"http-equiv" => is_pragma |= value == b"content-type",
                b"content" if encoding.is_none() => {
                    if let Some(found) = charset_parameter(&value) {
                        encoding = Some(found);
                        needs_pragma = Some(true);
                    }
                }
                b"charset" => {
                    encoding = encoding_for_label(&value);
                    needs_pragma = Some(false);
                }
                _ => {}
            }
            seen.push(name);
        }
        Ok(match needs_pragma {
            None => None,
            Some(true) if !is_pragma => None,
            Some(_) => encoding.map(as_declared_in_ascii),
        })
    }

    /// The next attribute of a tag, in lower case, or `None` at its end.
    fn attribute(&mut self) -> Result<Option<Attribute>, OutOfBytes> {
        while self.byte()?.is_ascii_whitespace() || self.byte()? == b'/' {
            self.position += 1;
        }
        if self.byte()? == b'>' {
            return Ok(None);
        }
        let mut name = Vec::new();
        loop {
            match self.byte()? {
                b'=' if !name.is_empty() => break,
                b'/' | b'>' => {
                    return Ok(Some(Attribute {
                        name,
                        value: Vec::new(),
                    }));
                }
                byte if byte.is_ascii_whitespace() => break,
                byte => name.push(byte.to_ascii_lowercase()),
            }
            self.position += 1;
        }
        self.skip_whitespace()?;
        let mut value = Vec::new();
        if self.byte()? == b'=' {
            self.position += 1;
            self.skip_whitespace()?;
            value = self.value()?;
        }
        Ok(Some(Attribute { name, value }))
    }

    fn value(&mut self) -> Result<Vec<u8>, OutOfBytes> {
        let mut value = Vec::new();
        let first = self.byte()?;
        if matches!(first, b'"' | b'\'') {
            self.position += 1;
            while self.byte()? != first {
                value.push(self.byte()?.to_ascii_lowercase());
                self.position += 1;
            }
            self.position += 1;
        } else {
            while !self.byte()?.is_ascii_whitespace() && self.byte()? != b'>' {
                value.push(self.byte()?.to_ascii_lowercase());
                self.position += 1;
            }
        }
        Ok(value)
    }

    fn skip_text_element(&mut self, name: &[u8]) -> Result<(), OutOfBytes> {
        let Some(element) = TEXT_ELEMENTS
            .into_iter()
            .find(|element| element.eq_ignore_ascii_case(name))
        else {
            return Ok(());
        };
        while self.position < self.bytes.len() {
            let end = self.rest().strip_prefix(b"</").unwrap_or_default();
            if end
                .get(..element.len())
                .is_some_and(|name| name.eq_ignore_ascii_case(element))
            {
                return Ok(());
            }
            self.position += 1;
        }
        Err(OutOfBytes)
    }

    fn skip_whitespace(&mut self) -> Result<(), OutOfBytes> {
        while self.byte()?.is_ascii_whitespace() {
            self.position += 1;
        }
        Ok(())
    }

    fn advance_past(&mut self, end: &[u8]) -> Result<(), OutOfBytes> {
        let at = self
            .rest()
            .windows(end.len())
            .position(|window| window == end)
            .ok_or(OutOfBytes)?;
        self.position += at + end.len();
        Ok(())
    }

    fn byte(&self) -> Result<u8, OutOfBytes> {
        self.bytes.get(self.position).copied().ok_or(OutOfBytes)
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(body: &str) -> Option<&'static str> {
        declared_encoding(body.as_bytes(), false).map(Encoding::name)
    }

    #[test]
    fn meta_is_read_in_every_spelling() {
        for body in [
            "<meta charset=euc-kr>",
            "<META\nCHARSET = ' EUC-KR '>",
            "<meta/charset=euc-kr />",
            "<meta charset\n=\neuc-kr\n>",
            "<meta name=x charset=euc-kr charset=utf-8>",
            "<meta http-equiv=Content-Type content='text/html; charset=euc-kr'>",
            "<meta content='text/html; charset = \"euc-kr\"' http-equiv=content-type>",
            "<meta content='charset charset=euc-kr;x' http-equiv=content-type>",
            "<!--><meta charset=euc-kr>",
            "<style><meta charset=euc-kr></style>",
            "<a title='<meta charset=utf-8>'><meta charset=euc-kr>",
            "<?xml version='1.0'?><meta charset=euc-kr>",
        ] {
            assert_eq!(declared(body), Some("EUC-KR"), "{body}");
        }
    }

    #[test]
    fn meta_that_declares_nothing_is_passed_over() {
        for body in [
            "<meta content='text/html; charset=euc-kr'>",
            "<meta http-equiv=refresh content='charset=euc-kr'>",
            "<meta charset=no-such-thing>",
            "<meta charset=\"euc-kr",
            "<meta charset='euc-kr'",
            "<!-- <meta charset=euc-kr> -->",
            "<!-- <meta charset=euc-kr>",
            "<metacharset=euc-kr>",
            "< meta charset=euc-kr>",
            "<meta http-equiv=content-type content='charset=\"euc-kr'>",
            "</meta-like charset=euc-kr>",
        ] {
            assert_eq!(declared(body), None, "{body}");
        }
    }

    #[test]
    fn encodings_that_could_not_have_been_read_so_far_are_replaced() {
        assert_eq!(declared("<meta charset=utf-16le>"), Some("UTF-8"));
        assert_eq!(
            declared("<meta charset=x-user-defined>"),
            Some("windows-1252")
        );
        assert_eq!(
            declared("<?xml version='1.0' encoding='UTF-16'?>"),
            Some("UTF-8")
        );
        assert_eq!(declared("<meta charset=utf-7>"), None);
    }

    #[test]
    fn xml_declaration_counts_where_no_meta_does_and_first_in_xml() {
        let xml = "\n<?xml version='1.0' encoding = \"Shift_JIS\"?>";
        assert_eq!(declared(xml), Some("Shift_JIS"));
        let quoting = format!("{xml}<item><![CDATA[<p><meta charset=euc-kr>]]></item>");
        assert_eq!(declared(&quoting), Some("EUC-KR"));
        let xml_first = declared_encoding(quoting.as_bytes(), true);
        assert_eq!(xml_first.map(Encoding::name), Some("Shift_JIS"));
    }

    #[test]
    fn late_meta_is_found_outside_of_scripts() {
        let padding = "x".repeat(WINDOW);
        let late = format!(
            "<!-- {padding} --><script>'<meta charset=utf-8>'</script><meta charset=euc-kr>"
        );
        assert_eq!(declared(&late), Some("EUC-KR"));
    }
}
