use std::io::Write;

use serde::Serialize;
use trendy::load::Store;
use trendy::publish::elasticsearch::{
    Comparison, Difference, ElasticsearchTarget, KindCounts, repair, verify,
};

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, FormatArgs, print_json, print_rows};

/// Compare the index with the store, id by id and revision by revision: exit 0 if they are equal, 1 if not
///
/// What changes meanwhile is no difference. What the index was not sent yet is one: run `trendy index sync` first, unless
/// one is running.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyArgs {
    /// Send what is missing or stale, delete what is surplus, do both with what is newer than its record, and compare again
    #[arg(long)]
    repair: bool,
    /// Most differences that are listed; all are counted
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    output: FormatArgs,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    equal: bool,
    /// Differences that `--repair` found and that are gone.
    mended: u64,
    lag: i64,
    kinds: &'a [KindCounts],
    differences: &'a [Difference],
}

/// The differences that are listed.
struct Listed {
    limit: usize,
    rows: Vec<Difference>,
}

impl Listed {
    fn note(&mut self, difference: Difference) {
        if self.rows.len() < self.limit {
            self.rows.push(difference);
        }
    }
}

pub(super) async fn run(
    args: &VerifyArgs,
    store: &Store,
    target: &ElasticsearchTarget,
) -> Result<Exit, Failure> {
    let mut listed = Listed {
        limit: args.limit,
        rows: Vec::new(),
    };
    let found = if args.repair {
        repair(store, target, |_| ()).await?.differences()
    } else {
        0
    };
    let comparison = verify(store, target, |difference| listed.note(difference)).await?;
    let mended = found.saturating_sub(comparison.differences());
    print(&comparison, &listed.rows, mended, args.output.format)?;
    hint(&comparison, &listed.rows)?;
    Ok(if comparison.is_equal() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn print(
    comparison: &Comparison,
    differences: &[Difference],
    mended: u64,
    format: Format,
) -> Result<(), Failure> {
    const COUNTS: [&str; 8] = [
        "kind",
        "records",
        "documents",
        "expired",
        "missing",
        "stale",
        "surplus",
        "newer",
    ];
    const DIFFERENCES: [&str; 6] = [
        "kind",
        "id",
        "fault",
        "store_revision",
        "index_revision",
        "index",
    ];
    match format {
        Format::Json => print_json(&Report {
            equal: comparison.is_equal(),
            mended,
            lag: comparison.lag,
            kinds: &comparison.kinds,
            differences,
        }),
        Format::Table => {
            print_rows(&comparison.kinds, &COUNTS, format)?;
            if !differences.is_empty() {
                writeln!(std::io::stdout())?;
                print_rows(differences, &DIFFERENCES, format)?;
            }
            if mended > 0 {
                writeln!(std::io::stdout(), "\n{mended} differences mended")?;
            }
            Ok(())
        }
        Format::Ndjson | Format::Csv => print_rows(differences, &DIFFERENCES, format),
    }
}

/// What to do about it, on stderr.
fn hint(comparison: &Comparison, listed: &[Difference]) -> Result<(), Failure> {
    if comparison.is_equal() {
        return Ok(());
    }
    let mut stderr = std::io::stderr().lock();
    let differences = comparison.differences();
    let unlisted = differences.saturating_sub(listed.len() as u64);
    writeln!(
        stderr,
        "error: the index differs from the store in {differences} documents"
    )?;
    if unlisted > 0 {
        writeln!(
            stderr,
            "hint: {unlisted} of them are not listed; raise `--limit`"
        )?;
    }
    if comparison.lag > 0 {
        writeln!(
            stderr,
            "hint: the index lags by {} changes; `trendy index sync` sends them",
            comparison.lag
        )?;
    }
    writeln!(
        stderr,
        "hint: `trendy index verify --repair` mends them; what the index refuses is in `trendy dead-letters`"
    )?;
    Ok(())
}
