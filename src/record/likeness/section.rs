//! The lines of a posting that speak of the position. What a company says of itself, its benefits and its hiring process
//! stands in all of its postings, and one board shows it where another leaves it out: it tells nothing.

use super::fold::joined;

/// Longest heading, in letters: longer lines are sentences.
const HEADING: usize = 30;

/// Longest rest of a heading behind the word that it is known by: `복지 및 혜택` is one, `복지 플랫폼을 개발합니다` is a duty.
const REST: usize = 8;

/// How a heading begins under which a company speaks of itself.
const HOUSE: &[&str] = &[
    "복지",
    "혜택",
    "베네핏",
    "회사소개",
    "기업소개",
    "기업정보",
    "서비스소개",
    "전형절차",
    "채용절차",
    "채용과정",
    "전형과정",
    "전형방법",
    "합류여정",
    "지원방법",
    "접수방법",
    "접수기간",
    "제출서류",
    "유의사항",
    "참고사항",
    "기타사항",
    "근무환경",
    "근무조건",
    "benefits",
    "perks",
    "whatweoffer",
    "weoffer",
    "whyjoin",
    "whywork",
    "ourvalues",
    "ourculture",
    "companydescription",
    "hiringprocess",
    "interviewprocess",
    "recruitmentprocess",
    "howtoapply",
    "equalopportunity",
    "compensation",
    "disclaimer",
    "privacynotice",
];

/// What a heading names under which a position is described.
const POSITION: &[&str] = &[
    "업무",
    "자격",
    "우대",
    "요건",
    "팀소개",
    "조직소개",
    "포지션",
    "직무",
    "기술스택",
    "하게될",
    "하는일",
    "찾고",
    "찾습니다",
    "모십니다",
    "responsib",
    "requirement",
    "qualification",
    "youwill",
    "whatyou",
    "whoyou",
    "skills",
    "role",
    "team",
    "position",
    "duties",
    "nicetohave",
    "preferred",
    "musthave",
    "techstack",
    "aboutyou",
    "thejob",
];

/// The lines that count; all of them where nearly nothing else is there is for the caller to decide.
pub(super) fn of_position(text: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut in_house = false;
    for line in text.lines() {
        if let Some(house) = heading(line) {
            in_house = house;
        }
        if !in_house {
            kept.push(line);
        }
    }
    kept
}

/// Whether a line is a heading, and if so whether it is one under which the company speaks of itself.
fn heading(line: &str) -> Option<bool> {
    if line.chars().count() > HEADING {
        return None;
    }
    let line = joined(line);
    let begins = |word: &&str| {
        line.strip_prefix(*word)
            .is_some_and(|rest| rest.chars().count() <= REST)
    };
    if HOUSE.iter().any(begins) {
        return Some(true);
    }
    if POSITION.iter().any(|word| line.contains(word)) {
        return Some(false);
    }
    line.starts_with("about").then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_company_says_of_itself_is_left_out() {
        let text = "결제 시스템을 만듭니다\n[주요 업무]\n정산\n복지 플랫폼을 개발합니다\n■ 복지 및 혜택\n점심\n우대사항\nGo";
        assert_eq!(
            of_position(text),
            [
                "결제 시스템을 만듭니다",
                "[주요 업무]",
                "정산",
                "복지 플랫폼을 개발합니다",
                "우대사항",
                "Go"
            ]
        );
        let text = "About Acme\nWe sell\nAbout the role\nCode\nPerks & Benefits\nLunch";
        assert_eq!(of_position(text), ["About the role", "Code"]);
    }
}
