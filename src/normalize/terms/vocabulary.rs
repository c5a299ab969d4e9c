//! Words by which a text shows that it speaks of technology.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::boundary::is_latin_word;

/// English words right after a name: `Go developer`, `React components`.
#[rustfmt::skip]
const AFTER: &[&str] = &[
    "api", "apis", "app", "application", "applications", "apps", "backend", "back-end", "code", "codebase",
    "compiler", "component", "components", "concurrency", "developer", "developers", "development",
    "ecosystem", "engineer", "engineering", "engineers", "framework", "frontend", "front-end", "full-stack",
    "fullstack", "hooks", "js", "lang", "language", "library", "microservice", "microservices", "middleware",
    "module", "modules", "package", "packages", "programmer", "programmers", "programming", "routines",
    "runtime", "script", "scripts", "sdk", "server", "servers", "stack", "syntax", "router", "toolchain",
];

/// Words that make even a small-letter name before them a role: `react developer`.
const ROLES: &[&str] = &[
    "developer",
    "developers",
    "engineer",
    "engineers",
    "programmer",
    "programmers",
    "framework",
    "lang",
    "개발자",
    "개발",
    "엔지니어",
    "프레임워크",
    "언어",
];

/// Words right before a name: `using Go`.
const BEFORE: &[&str] = &[
    "using",
    "uses",
    "learn",
    "learning",
    "knows",
    "adopting",
    "adopted",
    "언어",
    "프레임워크",
    "언어로",
    "언어는",
    "프레임워크로",
];

/// Prepositions that name a technology after one of [`SKILLS`]: `proficient in R`.
const PREPOSITIONS: &[&str] = &["in", "with", "of", "on", "for", "from", "to"];
#[rustfmt::skip]
const SKILLS: &[&str] = &[
    "apis", "applications", "apps", "background", "build", "building", "built", "code", "coding", "developed",
    "developing", "development", "experience", "experienced", "expertise", "familiar", "familiarity",
    "fluency", "fluent", "implemented", "knowledge", "microservices", "proficiency", "proficient",
    "programming", "programs", "rewritten", "scripting", "services", "skilled", "skills", "software",
    "systems", "understanding", "work", "worked", "working", "write", "writing", "written", "wrote",
    "backend", "server", "servers", "tools", "intro", "introduction", "guide", "migrate", "migrated",
    "migrating", "migration", "moved", "moving", "ported", "porting", "rewrite", "rewriting", "started",
    "switched", "switching", "tour", "transition", "tutorial", "monolith", "service", "api", "bot", "cli",
    "app", "game", "compiler", "parser", "database",
];

/// English words that begin what an imperative, not a technology, is followed by: `Go ahead`, `Express your ideas`.
#[rustfmt::skip]
const OBJECTS: &[&str] = &[
    "a", "about", "ahead", "all", "an", "any", "as", "at", "away", "back", "beyond", "big", "deep", "down",
    "every", "further", "global", "green", "her", "here", "him", "his", "home", "how", "it", "its", "live",
    "me", "my", "now", "our", "out", "over", "quickly", "right", "some", "that", "the", "their", "them",
    "there", "these", "this", "those", "through", "to", "up", "us", "well", "what", "yourself", "your", "you",
    "whether", "checkout", "gratitude",
];

/// Verbs after a subject: `Go is a compiled language`.
const VERBS: &[&str] = &[
    "is", "was", "has", "provides", "offers", "supports", "lets", "makes", "gives", "uses",
    "allows", "does", "remains", "can", "compiles", "runs", "and", "or", "vs", "for", "on", "with",
];

/// Korean words that, standing after a name and a blank, are about a technology.
#[rustfmt::skip]
const KOREAN_AFTER: &[&str] = &[
    "개발", "언어", "프레임워크", "서버", "백엔드", "프론트엔드", "프런트엔드", "프론트", "기반", "코드",
    "코딩", "라이브러리", "프로그래", "프로그램", "생태계", "엔지니어", "컴포넌트", "애플리케이션",
    "어플리케이션", "앱", "버전", "모듈", "패키지", "컴파일", "문법", "스택", "스크립트", "마이그레이션",
    "테스트 코드", "런타임", "클라이언트", "웹", "API", "SDK", "ORM", "CLI", "환경에서", "환경", "경험",
    "경력", "사용", "활용", "능숙", "숙련", "프로젝트", "실무", "튜토리얼", "입문", "미들웨어", "컨테이너",
    "생명주기", "라우터", "훅", "동시성",
];

/// The same for a single letter, which stands for too many other things.
#[rustfmt::skip]
const KOREAN_AFTER_LETTER: &[&str] = &[
    "언어", "개발", "프로그래", "프로그램", "코드", "코딩", "컴파일", "스크립트", "패키지", "라이브러리",
    "경험", "기반", "통계", "문법", "활용", "사용", "능숙",
];

/// Words anywhere in the sentence that make it a technical one.
#[rustfmt::skip]
const ANYWHERE: &[&str] = &[
    "개발", "프레임워크", "서버", "백엔드", "프론트엔드", "프런트엔드", "라이브러리", "프로그래", "코드",
    "코딩", "컴포넌트", "컴파일", "애플리케이션", "어플리케이션", "마이크로서비스", "구현", "배포", "비동기",
    "동시성", "렌더링", "상태 관리", "상태관리", "트랜잭션", "의존성", "리팩터링", "리팩토링", "마이그레이션",
    "데이터베이스", "데이터 분석", "아키텍처", "인프라", "클라우드", "엔지니어", "미들웨어", "라우팅",
    "스크립트", "오픈소스", "만든 서비스", "만들", "작성", "활용한 분석", "기술 스택", "기술스택",
    "소프트웨어", "트래픽", "캐시", "쿼리", "파이프라인", "펌웨어", "임베디드", "고루틴", "성능", "모듈",
    "번들", "타입", "객체지향", "함수형", "런타임", "메모리", "스레드", "쓰레드", "API", "SDK", "ORM", "버킷",
    "업로드", "스토리지", "언어", "자격요건", "우대사항", "프로그램", "앱", "테스트", "패키지", "웹", "빌드",
    "운영", "구축", "설계", "도입", "전환", "저장", "시스템",
    // Korean stems
    "api", "apis", "backend", "frontend", "back-end", "front-end", "microservice", "microservices",
    "developer", "developers", "engineer", "engineers", "programming", "framework", "library", "language",
    "languages", "code", "codebase", "software", "server", "servers", "serverless", "database", "compiler",
    "compiled", "runtime", "deploy", "deployment", "concurrency", "goroutines", "async", "middleware",
    "component", "components", "rendering", "open-source", "typed", "statically", "cli", "sdk", "web",
    "services", "stack", "tooling", "pipelines", "distributed", "cloud", "infrastructure", "algorithms",
    "mobile", "app", "apps", "dependency", "injection", "systems", "bucket", "rewrite", "rewrote", "migrated",
    "migrating", "crate", "router", "rewriting", "idiomatic", "tutorial", "monolith", "generics", "debugging",
    "testing", "refactoring", "performance", "threads", "error handling", "renders", "memory", "compile",
    "open source", "algorithm", "repository", "kernel", "hooks", "type system", "coding", "developing",
];

pub(super) fn is_after(word: &str) -> bool {
    AFTER.contains(&word.to_ascii_lowercase().as_str())
}

pub(super) fn is_role(word: &str) -> bool {
    ROLES.contains(&word.to_ascii_lowercase().as_str())
}

pub(super) fn is_object(word: &str) -> bool {
    OBJECTS.contains(&word.to_ascii_lowercase().as_str())
}

pub(super) fn is_verb(word: &str) -> bool {
    VERBS.contains(&word)
}

/// Whether the last two words before a name introduce a skill.
pub(super) fn is_introduction(last: &str, before_last: &str) -> bool {
    let last = last.to_ascii_lowercase();
    BEFORE.contains(&last.as_str())
        || PREPOSITIONS.contains(&last.as_str())
            && SKILLS.contains(&before_last.to_ascii_lowercase().as_str())
}

/// Whether the last two words before a name are a command that takes a package's name.
pub(super) fn is_installation(last: &str, before_last: &str) -> bool {
    match last {
        "install" | "i" | "add" | "get" => {
            matches!(
                before_last,
                "npm" | "pip" | "pip3" | "pnpm" | "yarn" | "brew" | "cargo" | "gem" | "npx" | "bun"
            )
        }
        "import" | "npx" => true,
        _ => false,
    }
}

/// Whether the text after a name begins with a Korean word of the trade.
pub(super) fn is_korean_after(rest: &str, name_is_letter: bool) -> bool {
    let words = if name_is_letter {
        KOREAN_AFTER_LETTER
    } else {
        KOREAN_AFTER
    };
    words.iter().any(|word| rest.starts_with(word))
}

/// Whether a sentence speaks of technology at all.
pub(super) fn is_technical(sentence: &str) -> bool {
    static WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(ANYWHERE)
            .expect("a few short constant words fit an automaton")
    });
    WORDS.find_iter(sentence).any(|found| {
        let latin = sentence.as_bytes()[found.start()].is_ascii();
        !latin || is_whole_word(sentence, found.start(), found.end())
    })
}

/// Whether `word` stands in `text`; a Latin word must be whole, a Korean one may bear particles.
pub(super) fn contains_word(text: &str, word: &str) -> bool {
    let ascii = word.is_ascii();
    let Some(first) = word.bytes().next() else {
        return false;
    };
    let parts = text.as_bytes().windows(word.len()).enumerate();
    parts
        .filter(|(_, part)| part[0].eq_ignore_ascii_case(&first))
        .filter(|(_, part)| part.eq_ignore_ascii_case(word.as_bytes()))
        .any(|(start, _)| !ascii || is_whole_word(text, start, start + word.len()))
}

fn is_whole_word(text: &str, start: usize, end: usize) -> bool {
    !text[..start].ends_with(is_latin_word) && !text[end..].starts_with(is_latin_word)
}
