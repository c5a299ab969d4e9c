//! Places of work as boards write them: `서울특별시 강남구 테헤란로 1`, `서울 강남`, `Seoul, Korea`.

use super::Said;
use super::fold::words;

/// First-level regions of Korea, each with its spellings.
const REGIONS: &[&[&str]] = &[
    &["서울", "서울시", "서울특별시", "seoul"],
    &["부산", "부산시", "부산광역시", "busan"],
    &["대구", "대구시", "대구광역시", "daegu"],
    &["인천", "인천시", "인천광역시", "incheon"],
    &["광주", "광주광역시", "gwangju"],
    &["대전", "대전시", "대전광역시", "daejeon"],
    &["울산", "울산시", "울산광역시", "ulsan"],
    &["세종", "세종시", "세종특별자치시", "sejong"],
    &["경기", "경기도", "gyeonggi"],
    &["강원", "강원도", "강원특별자치도", "gangwon"],
    &["충북", "충청북도"],
    &["충남", "충청남도"],
    &["전북", "전라북도", "전북특별자치도"],
    &["전남", "전라남도"],
    &["경북", "경상북도"],
    &["경남", "경상남도"],
    &["제주", "제주도", "제주시", "제주특별자치도", "jeju"],
];

/// Districts by the names that people call them by.
const DISTRICTS: &[(&str, &[&str])] = &[
    ("강남", &["강남구"]),
    ("gangnam", &["강남구"]),
    ("역삼", &["강남구"]),
    ("삼성동", &["강남구"]),
    ("서초", &["서초구"]),
    ("성수", &["성동구"]),
    ("잠실", &["송파구"]),
    ("송파", &["송파구"]),
    ("여의도", &["영등포구"]),
    ("마곡", &["강서구"]),
    ("상암", &["마포구"]),
    ("마포", &["마포구"]),
    ("구로", &["구로구"]),
    ("가산", &["금천구"]),
    ("종로", &["종로구"]),
    ("판교", &["성남시", "분당구"]),
    ("pangyo", &["성남시", "분당구"]),
    ("분당", &["성남시", "분당구"]),
    ("성남", &["성남시"]),
    ("수원", &["수원시"]),
    ("용인", &["용인시"]),
    ("송도", &["연수구"]),
    ("해운대", &["해운대구"]),
];

/// Words that name no place in particular.
const ANYWHERE: &[&str] = &[
    "remote",
    "hybrid",
    "onsite",
    "office",
    "korea",
    "south",
    "republic",
    "of",
    "kr",
    "대한민국",
    "한국",
    "전국",
    "재택",
    "재택근무",
    "원격",
    "원격근무",
    "본사",
    "오피스",
    "city",
    "si",
    "gu",
    "do",
];

/// What a word of a title says of a place; none where it may be anything.
pub(super) fn in_title(word: &str) -> Option<Vec<&str>> {
    if let Some(region) = REGIONS.iter().find(|region| region.contains(&word)) {
        return Some(vec![region[0]]);
    }
    let district = DISTRICTS.iter().find(|(name, _)| *name == word)?;
    Some(district.1.to_vec())
}

/// The regions and districts that a location names, and those of a title. Where it names none of Korea, its words.
pub(super) fn said(location: Option<&str>, title: &[String]) -> Said {
    let words = words(location.unwrap_or_default());
    let mut known: Vec<&str> = words.iter().flat_map(|word| of_korea(word)).collect();
    if known.is_empty() {
        let elsewhere = words.iter().map(String::as_str);
        known.extend(elsewhere.filter(|word| !ANYWHERE.contains(word)));
    }
    // A title says less than a location, and may name the place of a customer.
    if known.is_empty() {
        known.extend(title.iter().map(String::as_str));
    }
    Said::of(known)
}

fn of_korea(word: &str) -> Vec<&str> {
    if let Some(places) = in_title(word) {
        return places;
    }
    let is_district = matches!(word, "중구" | "동구" | "서구" | "남구" | "북구")
        || (word.ends_with(['시', '군', '구']) && (3..=5).contains(&word.chars().count()));
    if is_district { vec![word] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_contradict_where_each_names_another() {
        let place = |location| said(Some(location), &[]);
        for (one, two) in [
            ("서울특별시 강남구 테헤란로 152", "서울 강남구"),
            ("서울 강남", "서울시 강남구 역삼동"),
            ("Seoul, South Korea", "서울특별시"),
            ("경기 성남시 분당구", "판교"),
            ("Berlin", "Berlin, Germany"),
            ("Remote", "부산"),
            ("", "부산"),
            ("서울, 부산", "서울"),
        ] {
            assert!(!place(one).contradicts(&place(two)), "{one} / {two}");
        }
        for (one, two) in [
            ("서울 강남구", "서울 서초구"),
            ("서울", "부산광역시"),
            ("Berlin", "London"),
            ("서울", "Tokyo, Japan"),
        ] {
            assert!(place(one).contradicts(&place(two)), "{one} / {two}");
        }
    }

    #[test]
    fn a_title_names_the_place_where_nothing_else_does() {
        let busan = ["부산".to_owned()];
        assert!(said(None, &busan).contradicts(&said(Some("서울"), &[])));
        assert!(!said(Some("서울"), &busan).contradicts(&said(Some("서울"), &[])));
    }
}
