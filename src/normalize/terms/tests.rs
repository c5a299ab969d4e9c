//! The rules as a table: a text, and the terms it names.

use super::*;
use crate::record::TermType;

/// Asserts that each text names exactly these terms, separated by commas.
fn check<'a>(cases: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let dictionary = Dictionary::bundled();
    let mut misses = Vec::new();
    for (text, expected) in cases {
        let mut expected: Vec<&str> = expected
            .split(", ")
            .filter(|name| !name.is_empty())
            .collect();
        expected.sort_unstable();
        let found: Vec<String> = dictionary
            .terms(text)
            .into_iter()
            .map(|term| term.name)
            .collect();
        if found != expected {
            misses.push(format!("{text:?}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn follows_the_rules_of_the_domain() {
    check([
        ("Spring을 사용한 백엔드", "Spring"),
        ("Spring 2026 internship", ""),
        ("Spring Boot와 JPA", "Spring Boot, JPA"),
        ("스프링부트 기반 API", "Spring Boot"),
        ("React와 TypeScript로", "React, TypeScript"),
        ("React Native와 React 경험", "React Native, React"),
        ("리액트 네이티브 앱", "React Native"),
        ("we react fast", ""),
        ("C++로 작성된 서버", "C++"),
        ("C#과 .NET 8 경험", "C#, .NET"),
        ("ASP.NET Core 서버", "ASP.NET Core"),
        ("C언어 기반 펌웨어", "C"),
        ("임베디드 C/C++ 개발", "C, C++"),
        ("Go로 만든 서비스", "Go"),
        ("Golang 경험", "Go"),
        ("Go, Kotlin 중 하나", "Go, Kotlin"),
        ("Let's go to production", ""),
        ("Ready, set, Go!", ""),
        ("R을 활용한 분석", "R"),
        ("Python, R, SQL 능력", "Python, R, SQL"),
        ("R&D 센터", ""),
        ("Node.js를 사용", "Node.js"),
        ("NodeJS / Express 개발", "Node.js, Express"),
        ("express delivery", ""),
        ("K8s를 운영", "Kubernetes"),
        ("쿠버네티스 클러스터", "Kubernetes"),
        ("Java와 JavaScript", "Java, JavaScript"),
        ("자바스크립트는 자바가 아닙니다", "JavaScript, Java"),
        ("자바칩 프라푸치노", ""),
        ("자바·코틀린 서버", "Java, Kotlin"),
        ("Vue3, Nuxt3로", "Vue.js, Nuxt"),
        ("What's next", ""),
        ("AWS(EC2, S3)에서", "AWS, Amazon EC2, Amazon S3"),
        ("갤럭시 S3 지원", ""),
        ("PostgreSQL은 물론 Postgres", "PostgreSQL"),
        ("NoSQL 설계", ""),
        ("Git으로 협업, GitHub", "Git, GitHub"),
        ("digital 전환", ""),
        ("Swift로 iOS 앱", "Swift, iOS"),
        ("https://go.dev/blog", ""),
        ("Ｋｏｔｌｉｎ으로", "Kotlin"),
        ("trust-based culture", ""),
    ]);
}

#[test]
fn finds_what_ads_and_posts_name_and_nothing_else() {
    let cases: Vec<(String, &str)> = include_str!("cases.txt")
        .lines()
        .filter(|line| !line.starts_with("## ") && !line.is_empty())
        .map(|line| line.split_once(" =>").expect("a case is `text => terms`"))
        .map(|(text, terms)| (text.replace("\\n", "\n"), terms.trim()))
        .collect();
    check(cases.iter().map(|(text, terms)| (text.as_str(), *terms)));
}

#[test]
fn bundled_dictionary_is_large_and_sorted() {
    let terms: Vec<&Term> = Dictionary::bundled().entries().collect();
    assert!(terms.len() >= 500);
    let key = |term: &Term| (term.kind, term.name.trim_start_matches('.').to_lowercase());
    let misplaced = terms.windows(2).find(|pair| key(pair[0]) > key(pair[1]));
    assert!(misplaced.is_none(), "not in order: {misplaced:?}");
}

#[test]
fn spans_are_bytes_of_the_text_as_given() {
    let text = "팀은\tＫｏｔｌｉｎ으로, Spring \n  Boot 3.2와 Vue3를 씁니다";
    let spans: Vec<&str> = Dictionary::bundled()
        .find(text)
        .iter()
        .map(|found| &text[found.span.clone()])
        .collect();
    assert_eq!(spans, ["Ｋｏｔｌｉｎ", "Spring \n  Boot", "Vue"]);
}

#[test]
fn explains_why_a_mention_is_believed() {
    let rules = |text| {
        Dictionary::bundled()
            .find(text)
            .iter()
            .map(|found| found.rule)
            .collect::<Vec<_>>()
    };
    assert_eq!(rules("Kotlin"), [Rule::Name]);
    assert_eq!(rules("코틀린"), [Rule::Korean]);
    assert_eq!(rules("Go developer"), [Rule::Word]);
    assert_eq!(rules("R, Python"), [Rule::Listed, Rule::Name]);
    assert_eq!(rules("React 18"), [Rule::Version]);
    assert_eq!(rules("Rust의 소유권"), [Rule::Nearby]);
    assert_eq!(rules("Spring"), [Rule::Alone]);
}

#[test]
fn a_file_of_ones_own_adds_and_replaces_terms() {
    let own = "[tool]\n\"Hwabun\" = { korean = [\"화분\"] }\n[cloud]\n\"Docker\" = { aliases = [\"Moby\"] }\n";
    let dictionary = Dictionary::bundled().extended_by(own).unwrap();
    let terms: Vec<(String, TermType)> = dictionary
        .terms("화분으로 Moby를, Kotlin을")
        .into_iter()
        .map(|term| (term.name, term.kind))
        .collect();
    assert_eq!(
        terms,
        [
            ("Docker".to_owned(), TermType::Cloud),
            ("Hwabun".to_owned(), TermType::Tool),
            ("Kotlin".to_owned(), TermType::Language),
        ]
    );
    assert_eq!(
        dictionary.entries().len(),
        Dictionary::bundled().entries().len() + 1
    );
}

/// What a broken dictionary answers: the message, then the hint.
fn complaint(toml: &str) -> String {
    let error = Dictionary::parse(toml).expect_err("the dictionary is broken");
    error
        .hint()
        .map_or_else(|| error.to_string(), |hint| format!("{error}\n{hint}"))
}

#[test]
fn names_the_place_of_every_mistake() {
    insta::assert_snapshot!(complaint("[langage]\n\"Go\" = {}\n"), @r#"
    unknown type `langage` (line 1, column 2)
    did you mean `language`? known: `language`, `framework`, `library`, `database`, `cloud`, `devops`, `data`, `ml`, `platform`, `tool`, `protocol`
    "#);
    insta::assert_snapshot!(complaint("[tool]\n\"Git\" = {}\n\"Got\" = { aliases = [\"git\"] }\n"), @r#"
    `git` of term `Got` (line 3, column 22) already means `Git`
    a spelling belongs to one term: remove it here or from `Git`
    "#);
    insta::assert_snapshot!(complaint("[tool]\n\"Git\" = {}\n[data]\n\"Git\" = {}\n"), @r#"
    term `Git` is defined twice (line 4, column 1), first at line 2, column 1
    keep one of the two definitions
    "#);
    insta::assert_snapshot!(complaint("[tool]\n\"Git\" = { aliases = [\"GIT\"] }\n"), @r#"
    `GIT` is written twice in term `Git` (line 2, column 22)
    remove one; forms with a hyphen, a line break or no blank are derived
    "#);
    insta::assert_snapshot!(complaint("[tool]\n\"Git\" = { aliases = [\"\"] }\n"), @r#"empty name or spelling in `Git.aliases` (line 2, column 22)"#);
    insta::assert_snapshot!(complaint("[tool]\n\"\" = {}\n"), @r#"empty name or spelling in `tool.""` (line 2, column 1)"#);
    insta::assert_snapshot!(complaint("[tool]\n\"Git\" = { alias = [\"g\"] }\n"), @r#"
    unknown key `alias` in term `Git` (line 2, column 11)
    did you mean `aliases`? known: `aliases`, `korean`, `exact`, `ambiguous`, `near`, `never`, `strict`
    "#);
    insta::assert_snapshot!(complaint("[tool]\n\"Git\" = { aliases = \"g\" }\n"), @r#"
    `Git.aliases` must be a list of texts (line 2, column 11)
    a term is written `"Kotlin" = { aliases = ["KT"], korean = ["코틀린"] }`
    "#);
    insta::assert_snapshot!(complaint("[tool]\n\"Git\" = {}\n\"Git\" = {}\n"), @r#"the dictionary is no valid TOML (line 3, column 1): duplicate key"#);
}
