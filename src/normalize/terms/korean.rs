//! What may stand right after a name in Korean: particles, endings of 이다, and nouns of the trade written together.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Particles and endings; several may follow one another (`에서는`, `까지도`, `이라고도`).
#[rustfmt::skip]
const PARTICLES: &[&str] = &[
    "으로부터", "로부터", "에서부터", "이라든지", "라든지", "이었습니다", "였습니다", "이었다", "였다",
    "입니다", "이에요", "이예요", "예요", "이지만", "지만", "이라서", "라서", "이라면", "라면", "이라는",
    "라는", "이라고", "라고", "이라도", "라도", "이란", "이든", "이든지", "든지", "이자", "이며", "이고",
    "이나", "이랑", "이야", "이죠", "이다", "이라", "인데", "인지", "인가", "에게서", "에게", "에서", "에선",
    "에는", "에도", "에만", "으로", "로써", "로서", "로는", "로만", "로도", "부터", "까지", "보다", "처럼",
    "같이", "같은", "만큼", "조차", "마저", "밖에", "하고", "하며", "이여", "께서", "한테", "더러", "치고",
    "커녕", "대로", "마다", "뿐", "뿐만", "쯤", "끼리", "을", "를", "이", "가", "은", "는", "와", "과", "의",
    "에", "도", "만", "로", "랑", "나", "란", "인", "일", "임", "죠", "든", "며", "고", "엔", "간", "및",
    "등", "등의", "등을", "요", "용", "별", "식", "측", "상의", "외에", "외", "나마", "이니까", "니까",
    "에서의", "으로의",
];

/// Nouns that are written together with the name of a technology, and leave no doubt about it.
#[rustfmt::skip]
const NOUNS: &[&str] = &[
    "프레임워크", "라이브러리", "프로그래밍", "프로그래머", "프로그램", "엔지니어링", "엔지니어", "개발자",
    "개발팀", "개발", "언어", "서버", "백엔드", "프론트엔드", "프런트엔드", "프론트", "애플리케이션",
    "어플리케이션", "앱", "웹", "코드", "코딩", "컴포넌트", "컨테이너", "클러스터", "클라이언트", "클래스",
    "컴파일러", "인터프리터", "스크립트", "모듈", "패키지", "플러그인", "기반", "환경", "경험", "경력",
    "버전", "문법", "생태계", "커뮤니티", "프로젝트", "서비스", "기술", "스택", "이미지", "데이터베이스",
    "데이터", "디비", "쿼리", "테이블", "인덱스", "인스턴스", "토픽", "브로커", "파이프라인", "워크플로우",
    "워크플로", "운영", "구축", "구현", "도입", "전환", "마이그레이션", "배포", "빌드", "테스트", "튜닝",
    "최적화", "모니터링", "대시보드", "사용자", "사용", "활용", "적용", "연동", "관리", "설정", "설치",
    "강의", "강좌", "공부", "입문", "기초", "교육", "책", "스터디", "팀", "진영", "시스템", "플랫폼",
    "솔루션", "도구", "툴", "엔진", "모델", "함수", "객체", "파일", "런타임", "스레드", "가능자", "가능",
    "능숙자", "능숙", "숙련자", "우대", "필수", "이해", "지식", "역량", "실무", "네이티브", "전문가",
    "아키텍처", "캐시", "큐", "봇", "작성", "출신", "컨퍼런스", "밋업", "로그", "메시지", "세션", "커널",
    "보드", "호환", "지원",
];

static BY_SYLLABLE: LazyLock<Lists> = LazyLock::new(|| Lists {
    particles: List::new(PARTICLES),
    nouns: List::new(NOUNS),
});

struct Lists {
    particles: List,
    nouns: List,
}

/// Words by their first syllable: nearly every name in Korean text has something after it to be looked up.
struct List(HashMap<char, Vec<&'static str>>);

impl List {
    fn new(words: &[&'static str]) -> Self {
        let mut list: HashMap<char, Vec<&str>> = HashMap::new();
        for word in words {
            for syllable in word.chars().take(1) {
                list.entry(syllable).or_default().push(word);
            }
        }
        Self(list)
    }

    /// What is left of a run after each word that it begins with.
    fn rests<'a>(&self, run: &'a str) -> impl Iterator<Item = &'a str> {
        let words = run
            .chars()
            .next()
            .and_then(|syllable| self.0.get(&syllable));
        let words = words.into_iter().flatten();
        words.filter_map(|word| run.strip_prefix(word))
    }
}

/// What a run of Hangul after a name is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Particles only.
    Particle,
    /// A noun of the trade, perhaps with particles.
    Noun,
}

/// Reads the Hangul at the start of `text` as nouns of the trade and particles; `None` if it is another word.
pub(super) fn tail(text: &str) -> Option<Tail> {
    let run = leading(text);
    if run.is_empty() {
        return None;
    }
    if are_particles(run, 4) {
        return Some(Tail::Particle);
    }
    are_nouns(run, 3).then_some(Tail::Noun)
}

fn are_nouns(run: &str, depth: usize) -> bool {
    depth > 0
        && BY_SYLLABLE.nouns.rests(run).any(|rest| {
            let rest = rest.strip_prefix('들').unwrap_or(rest);
            rest.is_empty()
                || are_particles(rest, 4)
                || follows_noun(rest)
                || are_nouns(rest, depth - 1)
        })
}

/// Verbs made of a noun: 개발하는, 사용하여, 적용된.
fn follows_noun(rest: &str) -> bool {
    rest.starts_with([
        '하', '한', '할', '함', '했', '해', '되', '된', '될', '됐', '돼', '적', '중', '용', '자',
    ])
}

/// Whether the run is nothing but particles, four of them at most.
pub(super) fn are_particles(run: &str, depth: usize) -> bool {
    run.is_empty()
        || depth > 0
            && BY_SYLLABLE
                .particles
                .rests(run)
                .any(|rest| are_particles(rest, depth - 1))
}

/// The Hangul at the start of a text.
pub(super) fn leading(text: &str) -> &str {
    let end = text
        .find(|character| !is_hangul(character))
        .unwrap_or(text.len());
    &text[..end]
}

pub(super) fn is_hangul(character: char) -> bool {
    ('가'..='힣').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_particles_and_their_chains() {
        for run in [
            "을",
            "로",
            "에서는",
            "까지도",
            "입니다",
            "이라고",
            "에서의",
            "으로만",
            "보다는",
            "와의",
            "인데요",
        ] {
            assert_eq!(tail(run), Some(Tail::Particle), "{run}");
        }
    }

    #[test]
    fn knows_nouns_of_the_trade() {
        for run in [
            "개발자",
            "언어로",
            "기반의",
            "서버개발",
            "개발하는",
            "컴포넌트들을",
            "사용하여",
        ] {
            assert_eq!(tail(run), Some(Tail::Noun), "{run}");
        }
    }

    #[test]
    fn refuses_other_words() {
        for run in ["칩", "스크립트리", "섬", "벨트", "캠프", "바다"] {
            assert_eq!(tail(run), None, "{run}");
        }
    }
}
