//! Bytes to text, by the WHATWG rules for finding an encoding, with two repairs that broken servers ask for.
//!
//! In order: a byte order mark; the `charset` of the Content-Type; what the document declares of itself (`prescan`);
//! the shape of UTF-16 without a mark; UTF-8 where the bytes are valid UTF-8; a guess from the bytes (`chardetng`).
//! A mark is never overruled. A declaration is, where the bytes contradict it beyond doubt: text declared UTF-8 that
//! is not, and text declared as something else that is UTF-8 throughout. Both are daily fare on old feeds, whose
//! server or template kept the label when the encoding changed.
//!
//! Decoding never fails: what an encoding has no character for becomes U+FFFD. UTF-7 and UTF-32 are no encodings of
//! the web and are never used. Text that is UTF-8 already is borrowed, not copied.

mod prescan;

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, EUC_KR, Encoding, GBK, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252,
};

/// As much as the guess reads: its opinion is settled long before, and the time it takes grows with the text.
const GUESS_LENGTH: usize = 256 * 1024;

/// As much as the look for UTF-16 reads.
const SAMPLE_LENGTH: usize = 1024;

/// So many characters beyond ASCII, and no byte astray, are UTF-8 and no accident.
const UTF8_PROOF: usize = 2;

/// So many sequences that UTF-8 does not have, and fewer than half as many that it has, are no damage but another
/// encoding. By chance, EUC and GBK have one that UTF-8 has, too, for every three that it does not.
const UTF8_DISPROOF: usize = 4;

/// A text and the encoding it was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text, without a byte order mark.
    pub text: Cow<'a, str>,
    /// The encoding that was used.
    pub encoding: &'static Encoding,
}

/// The text of a body, by its own marks and by what its Content-Type says.
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Decoded<'a> {
    let encoding = encoding_of(body, content_type);
    let (text, encoding, _) = encoding.decode(body);
    Decoded { text, encoding }
}

/// The encoding of a body; for UTF-8 and UTF-16 it need not look at a byte order mark, `Encoding::decode` does.
fn encoding_of(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(body) {
        return encoding;
    }
    let declared = [
        content_type.and_then(|header| prescan::charset_parameter(header.as_bytes())),
        prescan::declared_encoding(body, is_xml(content_type)),
    ];
    for encoding in declared.into_iter().flatten() {
        match judge(encoding, body) {
            Verdict::Believed(encoding) => return encoding,
            Verdict::Contradicted => {}
        }
    }
    guess(body, content_type)
}

enum Verdict {
    Believed(&'static Encoding),
    Contradicted,
}

/// Whether the bytes can be what they are declared to be.
fn judge(declared: &'static Encoding, body: &[u8]) -> Verdict {
    if declared == UTF_16LE || declared == UTF_16BE {
        // The label `utf-16` means little endian here and big endian in RFC 2781: the zero bytes know better.
        return match utf16_shape(body) {
            Some(encoding) => Verdict::Believed(encoding),
            None if body.trim_ascii_start().starts_with(b"<") => Verdict::Contradicted,
            None => Verdict::Believed(declared),
        };
    }
    let count = Utf8Count::of(body);
    if declared == UTF_8 && count.disproved() {
        return Verdict::Contradicted;
    }
    if declared != UTF_8 && count.proved() {
        return Verdict::Believed(UTF_8);
    }
    Verdict::Believed(declared)
}

/// The encoding of a body that declares none.
fn guess(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    if let Some(encoding) = utf16_shape(body) {
        return encoding;
    }
    if body.is_ascii() && !body.contains(&0x1b) {
        return ascii_default(body, content_type);
    }
    // A long text with one damaged character is still UTF-8.
    if !body.is_ascii() && Utf8Count::of(body).nearly_proved() {
        return UTF_8;
    }
    let (sample, is_whole) = match body.get(..GUESS_LENGTH) {
        Some(sample) => (sample, false),
        None => (body, true),
    };
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, is_whole);
    detector.guess(None, Utf8Detection::Deny)
}

/// How data begin that are no page: XML, and the roots of feeds and sitemaps whose declaration is missing, and JSON.
const DATA: &[&[u8]] = &[
    b"<?xml",
    b"<rss",
    b"<feed",
    b"<rdf:RDF",
    b"<urlset",
    b"<sitemapindex",
    b"{",
    b"[",
];

/// ASCII reads the same in all of them; the name follows the format's own default: windows-1252 for HTML and plain
/// text, UTF-8 for XML, JSON and bytes of which nothing is known.
fn ascii_default(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    let start = body.trim_ascii_start();
    let starts = |prefixes: &[&[u8]]| prefixes.iter().any(|prefix| start.starts_with(prefix));
    let is_text = content_type.is_some_and(|header| header.trim_start().starts_with("text/"));
    if is_xml(content_type) || starts(DATA) || !(is_text || body.contains(&b'<')) {
        UTF_8
    } else {
        WINDOWS_1252
    }
}

/// Whether the Content-Type names XML that is not a page.
fn is_xml(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|header| {
        let header = header.to_ascii_lowercase();
        let essence = header.split(';').next().unwrap_or_default();
        essence.contains("xml") && !essence.contains("html")
    })
}

/// UTF-16 without a mark shows in its zero bytes: text of one byte a character has none, and here each blank and each
/// tag has one, always on the same side. Where the bytes could be UTF-8 with some zeros astray, it takes more of them.
fn utf16_shape(body: &[u8]) -> Option<&'static Encoding> {
    let sample = &body[..body.len().min(SAMPLE_LENGTH) & !1];
    let (mut even, mut odd) = (0, 0);
    for pair in sample.chunks_exact(2) {
        even += usize::from(pair[0] == 0);
        odd += usize::from(pair[1] == 0);
    }
    let share = if std::str::from_utf8(sample).is_ok() {
        4
    } else {
        32
    };
    let many = (sample.len() / 2).div_ceil(share).max(2);
    match (even, odd) {
        (0, zeros) if zeros >= many => Some(UTF_16LE),
        (zeros, 0) if zeros >= many => Some(UTF_16BE),
        _ => None,
    }
}

/// How much of a body is UTF-8 beyond ASCII, and how much can't be.
#[derive(Default)]
struct Utf8Count {
    characters: usize,
    malformed: usize,
}

impl Utf8Count {
    fn of(body: &[u8]) -> Self {
        let mut count = Self::default();
        for chunk in body.utf8_chunks() {
            count.characters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
            count.malformed += usize::from(!chunk.invalid().is_empty());
        }
        count
    }

    const fn proved(&self) -> bool {
        self.malformed == 0 && self.characters >= UTF8_PROOF
    }

    const fn nearly_proved(&self) -> bool {
        self.characters >= 50 * self.malformed
    }

    const fn disproved(&self) -> bool {
        self.malformed >= UTF8_DISPROOF && self.malformed > 2 * self.characters
    }
}

/// The encoding of that label: those of the standard, then names that servers and templates use besides.
fn encoding_for_label(label: &[u8]) -> Option<&'static Encoding> {
    if let Some(encoding) = Encoding::for_label(label) {
        return Some(encoding);
    }
    let label = label.trim_ascii().to_ascii_lowercase();
    match label.as_slice() {
        b"cp949" | b"ms949" | b"x-windows-949" | b"uhc" | b"euckr" | b"euc_kr" => Some(EUC_KR),
        b"cp932" | b"shift-jis-2004" => Some(SHIFT_JIS),
        b"cp936" | b"ms936" | b"gb-2312" => Some(GBK),
        b"cp950" | b"ms950" => Some(BIG5),
        b"utf8mb4" | b"utf_8" => Some(UTF_8),
        b"latin-1" | b"iso8859_1" => Some(WINDOWS_1252),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(body: &[u8], content_type: Option<&str>) -> &'static str {
        decode(body, content_type).encoding.name()
    }

    #[test]
    fn text_in_utf_8_is_borrowed() {
        let decoded = decode("<p>열린 자리</p>".as_bytes(), None);
        assert!(matches!(decoded.text, Cow::Borrowed(_)));
        assert_eq!(decoded.encoding, UTF_8);
    }

    #[test]
    fn byte_order_mark_overrules_the_header_and_is_removed() {
        let decoded = decode(b"\xef\xbb\xbfhi\xc3", Some("text/html; charset=euc-kr"));
        assert_eq!(
            (decoded.text.as_ref(), decoded.encoding.name()),
            ("hi\u{fffd}", "UTF-8")
        );
        let decoded = decode(b"\xfe\xff\0h\0i", Some("text/html; charset=utf-8"));
        assert_eq!(
            (decoded.text.as_ref(), decoded.encoding.name()),
            ("hi", "UTF-16BE")
        );
    }

    #[test]
    fn header_overrules_the_document() {
        let body = b"<meta charset=shift_jis>\xb0\xa1";
        assert_eq!(
            name(body, Some("text/html; CharSet = \"EUC-KR\"")),
            "EUC-KR"
        );
        assert_eq!(name(body, Some("text/html; charset=utf-7")), "Shift_JIS");
        assert_eq!(name(body, Some("text/html; charset=MS949")), "EUC-KR");
    }

    #[test]
    fn utf_16_is_known_without_a_mark() {
        let units = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(order).collect()
        };
        let text = "<?xml version='1.0' encoding='utf-16'?><rss/>";
        assert_eq!(name(&units(text, u16::to_le_bytes), None), "UTF-16LE");
        assert_eq!(name(&units(text, u16::to_be_bytes), None), "UTF-16BE");
        let korean = "서버 개발자와 자료 기술자를 찾습니다.";
        assert_eq!(name(&units(korean, u16::to_le_bytes), None), "UTF-16LE");
        assert_eq!(
            name("<p>\0한 글 과 다른 글자\0</p>".as_bytes(), None),
            "UTF-8"
        );
        assert_eq!(
            name(b"\0h\0i", Some("text/html; charset=utf-16")),
            "UTF-16BE"
        );
        assert_eq!(
            name(text.as_bytes(), Some("text/xml; charset=utf-16")),
            "UTF-8"
        );
    }

    #[test]
    fn label_that_the_bytes_contradict_is_set_aside() {
        let (korean, _, _) =
            EUC_KR.encode("<?xml version=\"1.0\" encoding=\"utf-8\"?><t>데이터 엔지니어</t>");
        let decoded = decode(&korean, Some("text/xml; charset=utf-8"));
        assert_eq!(decoded.encoding, EUC_KR);
        assert!(decoded.text.contains("데이터 엔지니어"));
        for (encoding, text) in [
            (
                EUC_KR,
                "코틀린과 스프링 부트로 서버를 만들고, 쿠버네티스 위에서 운영합니다.",
            ),
            (
                GBK,
                "我们正在寻找后端工程师，熟悉分布式系统和数据库。负责公司核心业务的开发与维护",
            ),
            (
                SHIFT_JIS,
                "バックエンドエンジニアを募集しています。分散システムを運用します。",
            ),
        ] {
            let (bytes, _, _) = encoding.encode(text);
            let decoded = decode(&bytes, Some("text/html; charset=utf-8"));
            assert_eq!(decoded.text, text, "{}", encoding.name());
        }
        let moved = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><t>café crème</t>";
        assert_eq!(name(moved.as_bytes(), None), "UTF-8");
    }

    #[test]
    fn a_damaged_character_does_not_disprove_utf_8() {
        assert_eq!(
            name(b"wat\xf0\x9f\x98", Some("text/html; charset=utf-8")),
            "UTF-8"
        );
        let mut body = "가나다라마바사아자차카타파하".repeat(10).into_bytes();
        body.truncate(body.len() - 1);
        assert_eq!(name(&body, None), "UTF-8");
    }

    #[test]
    fn ascii_has_the_default_of_its_format() {
        assert_eq!(name(b"", None), "UTF-8");
        assert_eq!(name(b"no encoding here", None), "UTF-8");
        assert_eq!(name(b"plain", Some("text/plain")), "windows-1252");
        assert_eq!(name(b"<p>hello", None), "windows-1252");
        assert_eq!(name(b"<?xml version='1.0'?><rss/>", None), "UTF-8");
        assert_eq!(name(b"<rss/>", Some("application/rss+xml")), "UTF-8");
        assert_eq!(name(b"\n<rss version='2.0'/>", None), "UTF-8");
        assert_eq!(name(br#"{"content_html":"<p>hello</p>"}"#, None), "UTF-8");
    }

    #[test]
    fn undeclared_legacy_text_is_guessed() {
        let text = "구직자에게 보내는 안내: 지원서는 이번 주까지 받습니다. 서버 개발자와 자료 기술자를 찾습니다.";
        let (bytes, _, _) = EUC_KR.encode(text);
        let decoded = decode(&bytes, None);
        assert_eq!((decoded.text.as_ref(), decoded.encoding), (text, EUC_KR));
    }
}
