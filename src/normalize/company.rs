//! Company names: legal forms away, and the spellings of one company to the one that dashboards show.
//!
//! A name that the dictionary does not have keeps its own spelling, cleaned. Matching ignores case, blanks and
//! punctuation, and tries a name with a note in parentheses (`비바리퍼블리카(토스)`) whole, without the note, and by the
//! note alone.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::text;

/// Legal forms that stand in parentheses or as one character, anywhere in a name; after NFKC `㈜` is one of them.
const MARKS: &[&str] = &["(주)", "(유)", "(사)", "(재)", "(합)", "(株)", "(有)"];

/// Legal forms that stick to a name, before or behind it.
const ASIAN: &[&str] = &[
    "주식회사",
    "유한회사",
    "유한책임회사",
    "합자회사",
    "사단법인",
    "재단법인",
    "농업회사법인",
    "株式会社",
    "有限会社",
    "合同会社",
    "有限公司",
    "股份有限公司",
];

/// Legal forms that are the last words of a name, without points.
const LATIN: &[&str] = &[
    "inc",
    "incorporated",
    "co",
    "ltd",
    "limited",
    "llc",
    "llp",
    "lp",
    "corp",
    "corporation",
    "plc",
    "gmbh",
    "ag",
    "se",
    "sa",
    "sas",
    "sarl",
    "srl",
    "spa",
    "bv",
    "nv",
    "ab",
    "as",
    "oy",
    "oyj",
    "aps",
    "kk",
    "pte",
    "pty",
    "pvt",
    "kft",
];

/// A company of the dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Company {
    /// The name that is shown.
    pub name: String,
    /// The group that it belongs to, or its name again.
    pub group: String,
    /// Its business, such as `fintech`.
    pub category: String,
    /// Other spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// The companies' dictionary.
#[derive(Debug, Clone)]
pub struct Companies {
    companies: Vec<Company>,
    by_key: HashMap<String, usize>,
}

/// A companies' dictionary that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CompaniesError {
    /// It is no TOML of the known shape.
    #[error("the dictionary of companies cannot be read")]
    Format(#[from] toml_edit::de::Error),
    /// One spelling means two companies.
    #[error("`{spelling}` is a spelling of both `{first}` and `{second}`")]
    SameSpelling {
        /// The spelling.
        spelling: String,
        /// The company that had it first.
        first: String,
        /// The other.
        second: String,
    },
    /// A spelling is nothing but a legal form or punctuation.
    #[error("`{0}` is no name of a company")]
    NoName(String),
}

impl Companies {
    /// Those of `dictionaries/companies.toml`.
    ///
    /// # Panics
    /// Never: the file is part of the program, and a test reads it.
    pub fn bundled() -> &'static Self {
        static BUNDLED: LazyLock<Companies> = LazyLock::new(|| {
            Companies::parse(include_str!("../../dictionaries/companies.toml"))
                .expect("a test reads the bundled file")
        });
        &BUNDLED
    }

    /// Those of a dictionary file.
    pub fn parse(text: &str) -> Result<Self, CompaniesError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            company: Vec<Company>,
        }
        let File { company: companies } = toml_edit::de::from_str(text)?;
        let mut by_key: HashMap<String, usize> = HashMap::new();
        for (index, company) in companies.iter().enumerate() {
            for spelling in std::iter::once(&company.name).chain(&company.aliases) {
                let key = key(&clean(spelling));
                if key.is_empty() {
                    return Err(CompaniesError::NoName(spelling.clone()));
                }
                let before = *by_key.entry(key).or_insert(index);
                if before != index {
                    return Err(CompaniesError::SameSpelling {
                        spelling: spelling.clone(),
                        first: companies[before].name.clone(),
                        second: company.name.clone(),
                    });
                }
            }
        }
        Ok(Self { companies, by_key })
    }

    /// The company that a name means.
    pub fn find(&self, name: &str) -> Option<&Company> {
        let cleaned = clean(name);
        let (outside, inside) = split_note(&cleaned);
        let spellings = [cleaned.as_str(), outside.trim(), inside.trim()];
        let index = spellings
            .iter()
            .find_map(|spelling| self.by_key.get(&key(spelling)))?;
        self.companies.get(*index)
    }

    /// The name to show: the dictionary's, or the cleaned one.
    pub fn canonical(&self, name: &str) -> String {
        self.find(name)
            .map_or_else(|| clean(name), |company| company.name.clone())
    }
}

/// A name without legal forms, in one line. A name that is nothing else stays as it is.
pub fn clean(name: &str) -> String {
    let whole = text::one_line(&name.nfkc().collect::<String>());
    let mut cleaned = whole.clone();
    for mark in MARKS {
        cleaned = cleaned.replace(mark, " ");
    }
    cleaned = text::one_line(&cleaned);
    while let Some(shorter) = without_form(&cleaned) {
        cleaned = shorter;
    }
    if key(&cleaned).is_empty() {
        whole
    } else {
        cleaned
    }
}

/// A name without the legal form at one of its ends.
fn without_form(name: &str) -> Option<String> {
    for form in ASIAN {
        let rest = name.strip_prefix(form).or_else(|| name.strip_suffix(form));
        if let Some(rest) = rest.map(str::trim).filter(|rest| !rest.is_empty()) {
            return Some(rest.to_owned());
        }
    }
    let (rest, last) = name.trim_end_matches([',', ' ']).rsplit_once([' ', ','])?;
    let word: String = last
        .chars()
        .filter(|c| *c != '.')
        .flat_map(char::to_lowercase)
        .collect();
    let rest = rest.trim_end_matches([',', ' ', '&']);
    // `Co.,Ltd.` is two words without a blank between them.
    (LATIN.contains(&word.as_str()) && !rest.is_empty()).then(|| rest.to_owned())
}

/// What stands before a note in parentheses, and the note.
fn split_note(name: &str) -> (&str, &str) {
    match name.split_once('(') {
        Some((outside, rest)) => (outside, rest.split(')').next().unwrap_or(rest)),
        None => (name, ""),
    }
}

/// What two spellings of one name have in common.
fn key(name: &str) -> String {
    name.nfkc()
        .filter(|c| c.is_alphanumeric() || matches!(c, '+' | '&'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_forms_are_no_part_of_a_name() {
        for (name, expected) in [
            ("(주)당근마켓", "당근마켓"),
            ("당근마켓(주)", "당근마켓"),
            ("㈜우아한형제들", "우아한형제들"),
            ("주식회사 카카오", "카카오"),
            ("카카오 주식회사", "카카오"),
            ("주식회사카카오", "카카오"),
            ("株式会社メルカリ", "メルカリ"),
            ("Acme, Inc.", "Acme"),
            ("Acme Co., Ltd.", "Acme"),
            ("Acme Co.,Ltd", "Acme"),
            ("ACME CORP.", "ACME"),
            ("Acme  Robotics GmbH", "Acme Robotics"),
            ("Acme Pte. Ltd.", "Acme"),
            ("Acme L.L.C.", "Acme"),
            ("Costco", "Costco"),
            ("Inc.", "Inc."),
            ("주식회사", "주식회사"),
            ("(주)", "(주)"),
            ("", ""),
        ] {
            assert_eq!(clean(name), expected, "{name}");
        }
    }

    #[test]
    fn spellings_of_one_company_are_shown_alike() {
        let companies = Companies::bundled();
        for (name, expected) in [
            ("(주)우아한형제들", "Woowa Brothers"),
            ("우아한 형제들", "Woowa Brothers"),
            ("당근마켓", "Daangn"),
            ("DAANGN", "Daangn"),
            ("㈜비바리퍼블리카", "Toss"),
            ("비바리퍼블리카(토스)", "Toss"),
            ("카카오 뱅크", "Kakao Bank"),
            ("NAVER Corp.", "Naver"),
            ("LINE Plus Corporation", "LINE Plus"),
            ("(주)아무개소프트", "아무개소프트"),
            ("Some Startup, Inc.", "Some Startup"),
        ] {
            assert_eq!(companies.canonical(name), expected, "{name}");
        }
        assert_eq!(
            companies
                .find("쿠팡이츠")
                .map(|company| company.group.as_str()),
            Some("Coupang")
        );
        assert!(companies.find("").is_none());
    }

    #[test]
    fn one_spelling_cannot_mean_two_companies() {
        let company = |name: &str, alias: &str| {
            format!(
                "[[company]]\nname = \"{name}\"\ngroup = \"g\"\ncategory = \"c\"\naliases = [\"{alias}\"]\n"
            )
        };
        let error = Companies::parse(&(company("A", "x y") + &company("B", "(주)XY"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`(주)XY` is a spelling of both `A` and `B`"
        );
        assert!(matches!(
            Companies::parse(&company("A", "--")),
            Err(CompaniesError::NoName(_))
        ));
    }
}
