use super::*;
use crate::record::{Job, Post};

const TEXT: &str = "당근마켓 결제팀에서 함께할 백엔드 개발자를 찾습니다.\n[주요 업무]\n결제 시스템을 설계하고 운영합니다.\n\
    하루 백만 건의 거래를 안정적으로 처리합니다.\n정산 배치를 개선하고 장애에 대응합니다.\n[자격 요건]\n\
    Kotlin 또는 Java로 서비스를 만든 경험이 있는 분\n대용량 트래픽을 다뤄 본 분\n테스트를 즐겨 쓰는 분";

fn job(change: impl FnOnce(&mut Job)) -> Likeness {
    let mut job = Job {
        title: "백엔드 개발자".to_owned(),
        company: Some("Daangn".to_owned()),
        description: Some(TEXT.to_owned()),
        ..Job::default()
    };
    change(&mut job);
    Likeness::of(&Body::Job(Box::new(job))).unwrap()
}

#[test]
fn a_posting_is_the_same_on_another_board() {
    let there = job(|job| {
        job.title = "[서울] 백엔드 개발자 채용 (신입/경력)".to_owned();
        job.description = Some(format!(
            "{TEXT}\n복지 및 혜택\n점심과 간식\n건강 검진\n전형 절차\n서류와 면접"
        ));
        job.location = Some("서울 서초구".to_owned());
    });
    let here = job(|_| {});
    assert!(here.is_same(&there) && there.is_same(&here));
    assert!(here.keys().iter().any(|key| there.keys().contains(key)));
}

#[test]
fn another_company_title_place_or_duty_is_another_posting() {
    let here = job(|job| job.location = Some("서울".to_owned()));
    for other in [
        job(|job| job.company = Some("Toss".to_owned())),
        job(|job| job.title = "시니어 백엔드 개발자".to_owned()),
        job(|job| job.location = Some("부산".to_owned())),
        job(|job| job.experience_min = Some(7)),
        job(|job| {
            let text = "광고팀에서 추천 모델을 만듭니다. 수억 개의 게시글을 색인하고 순위를 정합니다. 실험을 설계하고 결과를 \
                해석합니다. Python과 Spark를 씁니다. 검색 품질을 지표로 말하고 개선합니다. 동료와 코드를 나눕니다.";
            job.description = Some(text.to_owned());
        }),
    ] {
        let here = if other == job(|job| job.experience_min = Some(7)) {
            job(|job| job.experience_min = Some(3))
        } else {
            here.clone()
        };
        assert!(!here.is_same(&other), "{other:?}");
    }
}

#[test]
fn titles_that_ask_for_other_experience_are_of_other_openings() {
    let titled = |title: &str| job(|job| title.clone_into(&mut job.title));
    let three = titled("백엔드 개발자 (3년 이상)");
    assert!(!three.is_same(&titled("백엔드 개발자 (7년 이상)")));
    assert!(three.is_same(&titled("백엔드 개발자")));
    assert!(three.is_same(&job(|job| job.experience_min = Some(3))));
    assert!(!three.is_same(&job(|job| job.experience_min = Some(7))));
}

#[test]
fn a_job_that_says_too_little_is_compared_with_nothing() {
    let body = |company: Option<&str>, description: Option<&str>| {
        Body::Job(Box::new(Job {
            title: "백엔드 개발자".to_owned(),
            company: company.map(str::to_owned),
            description: description.map(str::to_owned),
            ..Job::default()
        }))
    };
    for body in [
        body(None, Some(TEXT)),
        body(Some("(주)"), None),
        body(Some("Daangn"), Some("상세 내용은 홈페이지를 참고하세요.")),
    ] {
        assert_eq!(Likeness::of(&body), None);
    }
}

#[test]
fn a_summary_is_judged_by_title_author_and_day() {
    let post = |change: fn(&mut Post)| {
        let mut post = Post {
            title: "Rust로 다시 쓴 색인기".to_owned(),
            author: Some("김하나".to_owned()),
            summary: Some("색인기를 다시 썼다".to_owned()),
            published_at: Some("2026-03-01T00:00:00Z".parse().unwrap()),
            ..Post::default()
        };
        change(&mut post);
        Likeness::of(&Body::Post(Box::new(post))).unwrap()
    };
    let here = post(|_| {});
    assert!(here.is_same(&post(|post| post.summary = None)));
    assert!(!here.is_same(&post(|post| post.author = None)));
    assert!(!here.is_same(&post(
        |post| post.title = "Rust로 다시 쓴 색인기 2".to_owned()
    )));
    assert!(!here.is_same(&post(|post| post.published_at = None)));
}

#[test]
fn bytes_are_read_back_and_name_the_keys_first() {
    let likeness = job(|_| {});
    let bytes = likeness.to_bytes();
    assert_eq!(Likeness::from_bytes(&bytes), Some(likeness.clone()));
    assert_eq!(keys_in(&bytes), likeness.keys());
    assert_eq!(Likeness::from_bytes(&bytes[..bytes.len() - 1]), None);
    assert!(Likeness::from_bytes(&[]).is_none() && keys_in(&[]).is_empty());
}
