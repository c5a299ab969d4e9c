//! The first requests of a run: the pipeline's address with its variables filled.

use jiff::{SignedDuration, Timestamp, Zoned};
use url::Url;

use crate::config::{Issue, Paging, Pipeline, Source};
use crate::normalize::place::{Station, Stations};
use crate::record::{Request, Role};

/// An address that its variables broke. `check` fills them with `0`, so only an odd station name gets here.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` is no address: {source}")]
pub struct BadAddress {
    address: String,
    #[source]
    source: url::ParseError,
}

/// What a run asks for first: the first page of the list, or the newest issue of the first station.
pub fn first_request(
    pipeline: &Pipeline,
    stations: &Stations,
    now: Timestamp,
) -> Result<Request, BadAddress> {
    match stations.chosen(&pipeline.source.stations).next() {
        Some(first) => station(pipeline, first, now, 0),
        None => list_page(pipeline, 1, None),
    }
}

/// The request for a page of a list, counted from 1; `next` is where the page before led.
pub(super) fn list_page(
    pipeline: &Pipeline,
    number: u32,
    next: Option<Url>,
) -> Result<Request, BadAddress> {
    let mut url = match next {
        Some(next) => next,
        None => parse(pipeline.source.url.clone())?,
    };
    if let Paging::PageParam { name, start } = &pipeline.source.pages.paging {
        set_parameter(&mut url, name, start + number - 1);
    }
    Ok(Request {
        pipeline: pipeline.id.clone(),
        url,
        role: Role::List { number },
    })
}

/// Sets a parameter of the query and leaves the others as they are written: a `${NAME}` must not be encoded.
fn set_parameter(url: &mut Url, name: &str, value: u32) {
    let own = format!("{name}=");
    let others = url.query().into_iter().flat_map(|query| query.split('&'));
    let mut pairs: Vec<String> = others
        .filter(|pair| !pair.is_empty() && !pair.starts_with(&own))
        .map(str::to_owned)
        .collect();
    pairs.push(format!("{own}{value}"));
    url.set_query(Some(&pairs.join("&")));
}

/// The request for a station, for the issue that was out `back` issues before the newest.
pub(super) fn station(
    pipeline: &Pipeline,
    station: &Station,
    now: Timestamp,
    back: u32,
) -> Result<Request, BadAddress> {
    let Source {
        url,
        timezone,
        issue,
        ..
    } = &pipeline.source;
    let mut address = url
        .replace("{station}", &station.id)
        .replace("{nx}", &station.nx.to_string())
        .replace("{ny}", &station.ny.to_string())
        .replace("{latitude}", &station.latitude.to_string())
        .replace("{longitude}", &station.longitude.to_string());
    if let Some(issue) = issue {
        let at = newest_issue(*issue, &Zoned::new(now, timezone.clone()), back);
        address = address
            .replace("{date}", &at.strftime("%Y%m%d").to_string())
            .replace("{time}", &at.strftime("%H%M").to_string());
    }
    let role = Role::Station {
        station: station.id.clone(),
    };
    Ok(Request {
        pipeline: pipeline.id.clone(),
        url: parse(address)?,
        role,
    })
}

/// The nominal time of the newest issue that can be read, or of one `back` issues before it.
fn newest_issue(issue: Issue, now: &Zoned, back: u32) -> Zoned {
    let every = issue.every.as_secs().max(1).cast_signed();
    let readable =
        now.saturating_sub(SignedDuration::try_from(issue.available_after).unwrap_or_default());
    let readable = readable.saturating_sub(SignedDuration::from_secs(
        every.saturating_mul(i64::from(back)),
    ));
    let time = readable.time();
    let since_midnight =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    let past = SignedDuration::from_secs(since_midnight % every)
        + SignedDuration::from_nanos(time.subsec_nanosecond().into());
    readable.saturating_sub(past)
}

fn parse(address: String) -> Result<Url, BadAddress> {
    Url::parse(&address).map_err(|source| BadAddress { address, source })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn newest(now: &str, back: u32) -> String {
        let issue = Issue {
            every: Duration::from_hours(1),
            available_after: Duration::from_mins(10),
        };
        let now: Zoned = now.parse().unwrap();
        newest_issue(issue, &now, back)
            .strftime("%Y%m%d %H%M")
            .to_string()
    }

    #[test]
    fn a_page_parameter_is_replaced_and_a_secret_left_alone() {
        let mut url = Url::parse("https://example.com/jobs?page=7&key=${KEY}").unwrap();
        set_parameter(&mut url, "page", 2);
        assert_eq!(url.as_str(), "https://example.com/jobs?key=${KEY}&page=2");
    }

    #[test]
    fn the_newest_issue_is_the_last_one_that_is_out() {
        assert_eq!(
            newest("2026-11-20T09:10:00+09:00[Asia/Seoul]", 0),
            "20261120 0900"
        );
        assert_eq!(
            newest("2026-11-20T09:09:59+09:00[Asia/Seoul]", 0),
            "20261120 0800"
        );
        assert_eq!(
            newest("2026-11-20T00:05:00+09:00[Asia/Seoul]", 0),
            "20261119 2300"
        );
        assert_eq!(
            newest("2026-11-20T09:30:00.5+09:00[Asia/Seoul]", 2),
            "20261120 0700"
        );
    }
}
