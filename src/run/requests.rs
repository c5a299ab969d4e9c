//! The requests of a run: the pipeline's address with its variables filled.

use jiff::{SignedDuration, Timestamp, Zoned};
use url::Url;

use super::paging::Pager;
use crate::config::{Fetch, Issue, Pipeline, Source};
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
    if let Some(first) = stations.chosen(&pipeline.source.stations).next() {
        return station(pipeline, first, now, 0);
    }
    let (_, first) = Pager::start(&pipeline.source.pages, list_address(pipeline)?);
    Ok(list_page(pipeline, 1, first))
}

/// The address of a list, as the pipeline has it.
pub(super) fn list_address(pipeline: &Pipeline) -> Result<Url, BadAddress> {
    if pipeline.source.fetch == Fetch::File {
        // Its pieces say themselves where they stand.
        let mut address = Url::parse("file:///").map_err(|source| BadAddress {
            address: pipeline.source.url.clone(),
            source,
        })?;
        address.set_path(&pipeline.source.url);
        return Ok(address);
    }
    parse(pipeline.source.url.clone())
}

/// The request for a page of a list, counted from 1.
pub(super) fn list_page(pipeline: &Pipeline, number: u32, url: Url) -> Request {
    Request {
        pipeline: pipeline.id.clone(),
        url,
        role: Role::List { number },
        validators: None,
    }
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
        validators: None,
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
