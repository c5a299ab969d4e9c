//! What words mean in a date. English, Korean, Japanese and Chinese are meant to be whole; of other languages there are
//! the names of months and days that the field's feeds hold.

use jiff::civil::Weekday;
use jiff::tz::{Offset, TimeZone};

/// Half of the day that an hour is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meridiem {
    Am,
    Pm,
    /// Korean 밤: the evening, and the hours after midnight; its twelve is the end of the day.
    Night,
}

/// A unit that time is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Words that stand beside a date and add nothing to it: labels, ordinals, articles.
#[rustfmt::skip]
const FILLERS: &[&str] = &[
    "on", "at", "of", "the", "st", "nd", "rd", "th", "and", "posted", "published", "updated",
    "created", "modified", "date", "time",
    "le", "du", "à", "er", "de", "del", "el", "la", "um", "uhr", "den", "der", "vom",
    "등록", "등록일", "등록일시", "작성", "작성일", "작성일시", "게시", "게시일", "게재일", "입력",
    "수정", "수정일", "최종", "최종수정", "발행", "발행일", "공고", "공고일", "업데이트", "날짜",
    "일시", "경", "쯤", "에", "의", "曜日",
];

/// Signs of the parts of a date and a clock time, and what stands beside amounts, where no other table has them.
#[rustfmt::skip]
const SIGNS: &[&str] = &[
    "월", "月", "号", "시", "時", "时", "点", "정오", "자정", "지금", "방금", "막", "刚刚", "몇", "약",
    "전", "이전", "前", "후", "뒤", "後", "后",
];

#[rustfmt::skip]
const MERIDIEMS: &[(&str, Meridiem)] = &[
    ("am", Meridiem::Am), ("오전", Meridiem::Am), ("새벽", Meridiem::Am), ("아침", Meridiem::Am),
    ("午前", Meridiem::Am), ("上午", Meridiem::Am), ("pm", Meridiem::Pm), ("오후", Meridiem::Pm),
    ("낮", Meridiem::Pm), ("저녁", Meridiem::Pm), ("午後", Meridiem::Pm), ("下午", Meridiem::Pm),
    ("밤", Meridiem::Night),
];

/// Names of months: English whole, then those of other languages that differ. Three letters of a longer English name
/// stand for it.
#[rustfmt::skip]
const MONTHS: &[(&str, i8)] = &[
    ("january", 1), ("february", 2), ("march", 3), ("april", 4), ("may", 5), ("june", 6),
    ("july", 7), ("august", 8), ("september", 9), ("sept", 9), ("october", 10), ("november", 11),
    ("december", 12),
    // German
    ("januar", 1), ("jänner", 1), ("februar", 2), ("märz", 3), ("mär", 3), ("mrz", 3), ("mai", 5),
    ("juni", 6), ("juli", 7), ("oktober", 10), ("okt", 10), ("dezember", 12), ("dez", 12),
    // French
    ("janvier", 1), ("janv", 1), ("février", 2), ("févr", 2), ("fév", 2), ("mars", 3), ("avril", 4),
    ("avr", 4), ("juin", 6), ("juillet", 7), ("juil", 7), ("août", 8), ("aoû", 8), ("septembre", 9),
    ("octobre", 10), ("novembre", 11), ("décembre", 12), ("déc", 12),
    // Spanish, Portuguese, Italian
    ("enero", 1), ("ene", 1), ("febrero", 2), ("marzo", 3), ("abril", 4), ("abr", 4), ("mayo", 5),
    ("junio", 6), ("julio", 7), ("agosto", 8), ("septiembre", 9), ("octubre", 10),
    ("noviembre", 11), ("diciembre", 12), ("dic", 12), ("janeiro", 1), ("fevereiro", 2),
    ("março", 3), ("maio", 5), ("junho", 6), ("julho", 7), ("setembro", 9), ("outubro", 10),
    ("novembro", 11), ("dezembro", 12), ("gennaio", 1), ("febbraio", 2), ("aprile", 4),
    ("maggio", 5), ("giugno", 6), ("luglio", 7), ("settembre", 9), ("ottobre", 10),
    ("dicembre", 12),
    // Greek
    ("ιαν", 1), ("ιανουαρίου", 1), ("φεβ", 2), ("φεβρουαρίου", 2), ("μάρ", 3), ("μαρ", 3),
    ("μαρτίου", 3), ("απρ", 4), ("απριλίου", 4), ("μάι", 5), ("μαϊ", 5), ("μαι", 5), ("μαΐου", 5),
    ("ιούν", 6), ("ιουν", 6), ("ιον", 6), ("ιουνίου", 6), ("ιούλ", 7), ("ιουλ", 7), ("ιολ", 7),
    ("ιουλίου", 7), ("αύγ", 8), ("αυγ", 8), ("αυγούστου", 8), ("σεπ", 9), ("σεπτ", 9),
    ("σεπτεμβρίου", 9), ("οκτ", 10), ("οκτωβρίου", 10), ("νοέ", 11), ("νοε", 11), ("νοεμβρίου", 11),
    ("δεκ", 12), ("δεκεμβρίου", 12),
    // Hungarian
    ("január", 1), ("február", 2), ("március", 3), ("április", 4), ("máj", 5), ("május", 5),
    ("június", 6), ("jún", 6), ("július", 7), ("júl", 7), ("augusztus", 8), ("szeptember", 9),
    ("szept", 9), ("október", 10),
];

#[rustfmt::skip]
const WEEKDAYS: &[(&[&str], Weekday)] = &[
    (&["monday", "mon", "mo", "montag", "lundi", "lun", "lunes", "월", "월요일", "月", "δευ", "hétfő"], Weekday::Monday),
    (&["tuesday", "tue", "tues", "tu", "dienstag", "di", "mardi", "martes", "화", "화요일", "火", "τρι", "kedd"], Weekday::Tuesday),
    (&["wednesday", "wed", "weds", "we", "mittwoch", "mi", "mercredi", "mer", "miércoles", "mié", "수", "수요일", "水", "τετ", "szerda"], Weekday::Wednesday),
    (&["thursday", "thu", "thur", "thurs", "th", "donnerstag", "do", "jeudi", "jeu", "jueves", "jue", "목", "목요일", "木", "πεμ", "csütörtök"], Weekday::Thursday),
    (&["friday", "fri", "fr", "freitag", "vendredi", "ven", "viernes", "vie", "금", "금요일", "金", "παρ", "péntek"], Weekday::Friday),
    (&["saturday", "sat", "sa", "samstag", "samedi", "sam", "sábado", "sáb", "토", "토요일", "土", "σαβ", "σάβ", "szombat"], Weekday::Saturday),
    (&["sunday", "sun", "su", "so", "sonntag", "dimanche", "dim", "domingo", "dom", "일", "일요일", "日", "κυρ", "vasárnap"], Weekday::Sunday),
];

/// Abbreviations of zones, in minutes east of UTC. Where the field means several (CST, IST, BST) it is the one that
/// feeds use: United States, India, Britain.
#[rustfmt::skip]
const ZONES: &[(&str, i32)] = &[
    ("ut", 0), ("utc", 0), ("gmt", 0), ("z", 0), ("wet", 0), ("west", 60), ("bst", 60), ("cet", 60),
    ("met", 60), ("mez", 60), ("cest", 120), ("mest", 120), ("mesz", 120), ("eet", 120),
    ("sast", 120), ("eest", 180), ("msk", 180), ("trt", 180), ("gst", 240), ("pkt", 300),
    ("ist", 330), ("npt", 345), ("wib", 420), ("ict", 420), ("hkt", 480), ("sgt", 480),
    ("myt", 480), ("pht", 480), ("awst", 480), ("kst", 540), ("jst", 540), ("한국시간", 540),
    ("acst", 570), ("aest", 600), ("acdt", 630), ("aedt", 660), ("nzst", 720), ("nzdt", 780),
    ("brt", -180), ("art", -180), ("nst", -210), ("ndt", -150), ("adt", -180), ("ast", -240),
    ("edt", -240), ("est", -300), ("cdt", -300), ("cst", -360),
    ("mdt", -360), ("mst", -420), ("pdt", -420), ("pst", -480),
    ("akdt", -480), ("akst", -540), ("hst", -600),
];

/// Abbreviations that stand for standard and summer time alike.
const REGIONS: &[(&str, &str)] = &[
    ("at", "America/Halifax"),
    ("et", "America/New_York"),
    ("ct", "America/Chicago"),
    ("mt", "America/Denver"),
    ("pt", "America/Los_Angeles"),
];

/// Days counted from today.
#[rustfmt::skip]
const DAYS: &[(&str, i32)] = &[
    ("today", 0), ("yesterday", -1), ("tomorrow", 1), ("오늘", 0), ("금일", 0), ("어제", -1),
    ("어저께", -1), ("그제", -2), ("그저께", -2), ("내일", 1), ("명일", 1), ("모레", 2),
    ("今日", 0), ("今天", 0), ("昨日", -1), ("昨天", -1), ("一昨日", -2), ("前天", -2), ("明日", 1),
    ("明天", 1), ("hier", -1), ("gestern", -1), ("heute", 0), ("ayer", -1), ("hoy", 0),
];

#[rustfmt::skip]
const UNITS: &[(&[&str], Unit)] = &[
    (&["second", "seconds", "sec", "secs", "s", "초", "秒"], Unit::Second),
    (&["minute", "minutes", "min", "mins", "m", "분", "分", "分钟", "分鐘"], Unit::Minute),
    (&["hour", "hours", "hr", "hrs", "h", "시간", "時間", "小时"], Unit::Hour),
    (&["day", "days", "d", "일", "日", "天"], Unit::Day),
    (&["week", "weeks", "wk", "wks", "w", "주", "주일", "주간", "週間", "週", "周"], Unit::Week),
    (&["month", "months", "mo", "mos", "mth", "mths", "개월", "달", "ヶ月", "か月", "カ月", "ヵ月", "個月", "个月"], Unit::Month),
    (&["year", "years", "yr", "yrs", "y", "년", "年"], Unit::Year),
];

#[rustfmt::skip]
const COUNTS: &[(&str, u64)] = &[
    ("a", 1), ("an", 1), ("one", 1), ("two", 2), ("three", 3), ("four", 4), ("five", 5), ("six", 6),
    ("seven", 7), ("eight", 8), ("nine", 9), ("ten", 10), ("eleven", 11), ("twelve", 12), ("한", 1),
    ("두", 2), ("세", 3), ("네", 4), ("다섯", 5), ("여섯", 6), ("일곱", 7), ("여덟", 8),
    ("아홉", 9), ("열", 10), ("일", 1),
];

/// Korean words for a number of days or weeks.
#[rustfmt::skip]
const AMOUNTS: &[(&str, u64, Unit)] = &[
    ("하루", 1, Unit::Day), ("이틀", 2, Unit::Day), ("사흘", 3, Unit::Day), ("나흘", 4, Unit::Day),
    ("열흘", 10, Unit::Day), ("보름", 15, Unit::Day), ("일주일", 1, Unit::Week),
];

fn find<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    table
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, meaning)| *meaning)
}

fn find_among<T: Copy>(table: &[(&[&str], T)], word: &str) -> Option<T> {
    table
        .iter()
        .find(|(names, _)| names.contains(&word))
        .map(|(_, meaning)| *meaning)
}

/// Length of the longest known word that a text without blanks starts with.
pub(super) fn longest_prefix(text: &str) -> Option<usize> {
    let names = FILLERS.iter().chain(SIGNS).copied();
    let names = names.chain(MERIDIEMS.iter().map(|(name, _)| *name));
    let names = names.chain(ZONES.iter().map(|(name, _)| *name));
    let names = names.chain(DAYS.iter().map(|(name, _)| *name));
    let names = names.chain(COUNTS.iter().map(|(name, _)| *name));
    let names = names.chain(AMOUNTS.iter().map(|(name, ..)| *name));
    let names = names.chain(UNITS.iter().flat_map(|(names, _)| names.iter().copied()));
    let names = names.chain(WEEKDAYS.iter().flat_map(|(names, _)| names.iter().copied()));
    names
        .filter(|name| text.starts_with(name))
        .map(str::len)
        .max()
}

pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.contains(&word)
}

pub(super) fn month(word: &str) -> Option<i8> {
    let english = || {
        MONTHS[..13]
            .iter()
            .find(|(name, _)| word.len() == 3 && name.starts_with(word))
    };
    find(MONTHS, word).or_else(|| english().map(|(_, month)| *month))
}

pub(super) fn weekday(word: &str) -> Option<Weekday> {
    find_among(WEEKDAYS, word)
}

pub(super) fn zone(word: &str) -> Option<TimeZone> {
    if let Some(minutes) = find(ZONES, word) {
        return Offset::from_seconds(minutes * 60).ok().map(TimeZone::fixed);
    }
    find(REGIONS, word).and_then(|name| TimeZone::get(name).ok())
}

pub(super) fn meridiem(word: &str) -> Option<Meridiem> {
    find(MERIDIEMS, word)
}

pub(super) fn days_from_today(word: &str) -> Option<i32> {
    find(DAYS, word)
}

pub(super) fn unit(word: &str) -> Option<Unit> {
    find_among(UNITS, word)
}

pub(super) fn count(word: &str) -> Option<u64> {
    find(COUNTS, word)
}

pub(super) fn amount(word: &str) -> Option<(u64, Unit)> {
    AMOUNTS
        .iter()
        .find(|(name, ..)| *name == word)
        .map(|(_, count, unit)| (*count, *unit))
}
