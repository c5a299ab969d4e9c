use std::io::Write;
use std::time::Duration;

use trendy::load::Store;
use trendy::publish::elasticsearch::{ElasticsearchTarget, prune, rebuild};

use crate::cli::exit::{Exit, Failure};
use crate::cli::services;

/// Fill new indices from the store and swap them in at once, while the old ones are read; the old ones are kept
///
/// Mends whatever an index can have: another store or a restore behind it, another schema, documents past repair, or
/// nothing. Runs that end meanwhile leave their changes to it, or to the next publish. Interrupted, it leaves everything as
/// it was; what a rebuild that was killed left half filled, the next one drops. Aliases that others gave the old indices go
/// along to the new ones.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RebuildArgs {
    /// Delete the old indices afterwards, as `trendy index prune` does
    #[arg(long)]
    drop_old: bool,
}

pub(super) async fn run(
    args: &RebuildArgs,
    store: &Store,
    target: &ElasticsearchTarget,
) -> Result<Exit, Failure> {
    let mut stop = services::stop_on_signal()?;
    let interrupted = async move { drop(stop.wait_for(|stop| *stop).await) };
    let Some(report) = rebuild(store, target, interrupted).await? else {
        writeln!(
            std::io::stderr(),
            "interrupted: the indices are as they were\n\
             hint: `trendy index rebuild` begins anew"
        )?;
        return Ok(Exit::Interrupted);
    };
    let mut out = std::io::stdout().lock();
    for index in &report.leftovers {
        writeln!(
            out,
            "dropped {index}, which an earlier rebuild left half filled"
        )?;
    }
    for index in &report.created {
        writeln!(out, "created {index}")?;
    }
    writeln!(
        out,
        "filled with {} documents in {}; caught up with {} in {}; swapped in {}",
        report.filled,
        seconds(report.filling),
        report.caught_up,
        seconds(report.catching_up),
        seconds(report.swap),
    )?;
    for alias in &report.carried {
        writeln!(out, "carried over alias {alias}")?;
    }
    drop(out);
    for (alias, index) in &report.left {
        writeln!(
            std::io::stderr(),
            "warning: alias {alias} stays at {index}: there is no new index of that month"
        )?;
    }
    if report.expired > 0 {
        writeln!(
            std::io::stderr(),
            "note: readings past `weather_index_keep`, which the new indices were not filled with: {}",
            report.expired
        )?;
    }
    if args.drop_old {
        run_prune(store, target).await?;
    } else {
        let mut out = std::io::stdout().lock();
        for index in &report.replaced {
            writeln!(out, "kept {index}")?;
        }
        if !report.replaced.is_empty() {
            writeln!(
                std::io::stderr(),
                "hint: `trendy index prune` deletes what was kept"
            )?;
        }
    }
    if report.refused > 0 {
        writeln!(
            std::io::stderr(),
            "warning: the server refused {} documents; see `trendy dead-letters`",
            report.refused
        )?;
        return Ok(Exit::Incomplete);
    }
    Ok(Exit::Done)
}

pub(super) async fn run_prune(
    store: &Store,
    target: &ElasticsearchTarget,
) -> Result<Exit, Failure> {
    let mut told = Ok(());
    let tell = |index: &str| {
        if told.is_ok() {
            told = writeln!(std::io::stdout(), "deleted {index}");
        }
    };
    prune(store, target, tell).await?;
    told?;
    Ok(Exit::Done)
}

fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}
