//! The rules as a table: a text, and the terms it names.

use super::*;

/// Asserts that each text names exactly these terms, separated by commas.
fn check(cases: &[(&str, &str)]) {
    let dictionary = Dictionary::bundled();
    let mut misses = Vec::new();
    for &(text, expected) in cases {
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
    check(&[
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
fn bundled_dictionary_is_large_and_sound() {
    assert!(Dictionary::bundled().entries().len() >= 500);
}
