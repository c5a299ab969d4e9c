use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use trendy::html;
use trendy::normalize::company::Companies;
use trendy::normalize::date::{self, DateContext, DayMonthOrder, Deadline};
use trendy::normalize::{job, number, text, url as address};
use url::Url;

use super::exit::{Exit, Failure};

/// Show what a transform makes of values, one result a line; exit 1 if one cannot be read
#[derive(Debug, clap::Args)]
pub(super) struct TransformArgs {
    /// The transform
    name: Name,
    /// The values
    #[arg(required = true, allow_negative_numbers = true)]
    values: Vec<String>,
    /// Zone of dates that name none
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// What relative addresses are relative to
    #[arg(long, value_name = "BASE")]
    url: Option<Url>,
    /// The instant that `3 days ago` counts from [default: now]
    #[arg(long, value_name = "INSTANT")]
    now: Option<Timestamp>,
    /// How `03/04/2024` is meant
    #[arg(long, value_name = "ORDER", default_value = "month-first")]
    order: Order,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Name {
    /// One line, blanks collapsed
    Trim,
    /// An instant
    Date,
    /// The end of a listing; `open` while there is none
    Deadline,
    /// A number, units of money counted
    Number,
    /// HTML to the lines a reader sees, line breaks as `\n`
    HtmlText,
    /// An absolute address in its one spelling
    Url,
    /// Alias of `url`
    AbsoluteUrl,
    /// A company's one name
    Company,
    /// Years of experience, least and most
    Experience,
    /// Sort of employment
    EmploymentType,
    /// Whether it can be done from anywhere
    Remote,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Order {
    DayFirst,
    MonthFirst,
}

pub(super) fn run(args: &TransformArgs) -> Result<Exit, Failure> {
    let dates = DateContext {
        zone: TimeZone::get(&args.timezone).map_err(Failure::usage)?,
        now: args.now.unwrap_or_else(Timestamp::now),
        order: match args.order {
            Order::DayFirst => DayMonthOrder::DayFirst,
            Order::MonthFirst => DayMonthOrder::MonthFirst,
        },
    };
    let mut exit = Exit::Done;
    for value in &args.values {
        match one(args.name, value, &dates, args.url.as_ref()) {
            Ok(result) => writeln!(std::io::stdout(), "{result}")?,
            Err(reason) => {
                writeln!(std::io::stdout())?;
                writeln!(std::io::stderr(), "error: {reason}")?;
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

fn one(name: Name, value: &str, dates: &DateContext, base: Option<&Url>) -> Result<String, String> {
    let said =
        |result: Option<String>| result.ok_or_else(|| format!("`{value}` says nothing of it"));
    match name {
        Name::Trim => Ok(text::one_line(value)),
        Name::Date => date::parse(value, dates)
            .map(|at| at.to_string())
            .map_err(|error| error.to_string()),
        Name::Deadline => match date::deadline(value, dates) {
            Ok(Deadline::Open) => Ok("open".to_owned()),
            Ok(Deadline::Until(at)) => Ok(at.to_string()),
            Ok(Deadline::Closed) => Ok("closed".to_owned()),
            Err(error) => Err(error.to_string()),
        },
        Name::Number => number::parse(value)
            .map(|number| number.to_string())
            .map_err(|error| error.to_string()),
        Name::HtmlText => Ok(html::text::of_escaped_html(value).replace('\n', "\\n")),
        Name::Url | Name::AbsoluteUrl => address::resolve(value, base)
            .map(|url| address::canonical(&url).to_string())
            .map_err(|error| error.to_string()),
        Name::Company => Ok(Companies::bundled().canonical(value)),
        Name::Experience => said(job::experience(value).map(|years| {
            let bound =
                |years: Option<u8>| years.map_or_else(String::new, |years| years.to_string());
            format!("{}-{}", bound(years.min), bound(years.max))
        })),
        Name::EmploymentType => {
            said(Some(job::employment_types([value]).join(", ")).filter(|types| !types.is_empty()))
        }
        Name::Remote => said(job::remote(value).map(|remote| remote.to_string())),
    }
}
