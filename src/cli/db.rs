use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use trendy::load::{BackupError, Restored, Store, StoreOptions, StoreStatus};

use super::Context;
use super::exit::{Exit, Failure, with_causes};
use super::output::{Format, FormatArgs, print_json, print_rows};
use super::services;

/// The store: its schema, what is in it, backups
#[derive(Debug, clap::Subcommand)]
pub(super) enum DbCommand {
    /// Bring the schema up to date, and create the store where there is none; every command that opens it does the same
    Migrate,
    /// Show which store it is, its schema, rows, change log, cursors and size; changes nothing
    Status(StatusArgs),
    /// Remove what is past its age (`log_keep`, `forecast_keep`) to the last; a run removes some of it at its end. The room
    /// of a SQLite file is used again, not given back
    Prune,
    /// Write a consistent copy of a SQLite store into a new file, also while a run writes; for Postgres, print the command
    Backup(BackupArgs),
    /// Put a backup in the store's place, and keep the store that was there aside; indices fed by it ask for a rebuild
    Restore(RestoreArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    output: FormatArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// The new file; one that exists is never overwritten
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(
        value_name = "FILE",
        required_unless_present = "by_hand",
        conflicts_with = "by_hand"
    )]
    file: Option<PathBuf>,
    /// The data was put back by another tool, such as `pg_restore`: only tell the targets
    #[arg(long)]
    by_hand: bool,
}

pub(super) async fn run(command: DbCommand, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let url = settings.get("database_url").unwrap_or_default();
    match command {
        DbCommand::Migrate => migrate(url, &services::store_options(&settings)?).await,
        DbCommand::Status(args) => {
            let options = services::store_options(&settings)?;
            status(url, &options, args.output.format).await
        }
        DbCommand::Prune => {
            let retention = services::retention(&settings)?;
            let store = services::existing_store(&settings).await?;
            let pruned = trendy::run::prune(&store, &retention, Duration::MAX).await?;
            store.shutdown().await;
            writeln!(
                std::io::stdout(),
                "removed {} changes, {} forecasts, {} tombstones",
                pruned.changes,
                pruned.forecasts,
                pruned.tombstones
            )?;
            Ok(Exit::Done)
        }
        DbCommand::Backup(args) => {
            let bytes = Store::back_up(url, &args.file).await?;
            let file = args.file.display();
            writeln!(std::io::stdout(), "{file}: {bytes} bytes")?;
            Ok(Exit::Done)
        }
        DbCommand::Restore(RestoreArgs {
            file: Some(file), ..
        }) => {
            let Restored { identity, aside } = Store::restore(url, &file, Timestamp::now()).await?;
            let mut out = std::io::stdout().lock();
            writeln!(
                out,
                "restored store {}, epoch {}",
                identity.store_id, identity.epoch
            )?;
            if let Some(aside) = aside {
                writeln!(
                    out,
                    "the store that was there is kept as {}",
                    aside.display()
                )?;
            }
            remind()
        }
        DbCommand::Restore(RestoreArgs { file: None, .. }) => {
            let store = services::existing_store(&settings).await?;
            let identity = store.renew(Timestamp::now()).await?;
            let mut out = std::io::stdout().lock();
            writeln!(
                out,
                "store {} is now of epoch {}",
                identity.store_id, identity.epoch
            )?;
            remind()
        }
    }
}

fn remind() -> Result<Exit, Failure> {
    writeln!(
        std::io::stderr(),
        "hint: an index that this store fed holds what is no longer true; `trendy index rebuild` makes it anew"
    )?;
    Ok(Exit::Done)
}

async fn migrate(url: &str, options: &StoreOptions) -> Result<Exit, Failure> {
    let before = Store::status(url, options).await?;
    let store = Store::open_with(url, options).await?;
    let place = store.place().to_owned();
    store.shutdown().await;
    let after = Store::status(url, options).await?;
    let schema = after.as_ref().map_or(0, |status| status.schema);
    // Of a file that was not there, all that it has now.
    let was = before.map_or(0, |status| status.schema);
    let mut out = std::io::stdout().lock();
    if schema == was {
        writeln!(out, "{place}: schema {schema}, up to date")?;
    } else {
        writeln!(out, "{place}: schema {was} brought up to {schema}")?;
    }
    Ok(Exit::Done)
}

/// One line of the status, for people.
#[derive(Serialize)]
struct Line {
    name: String,
    value: String,
}

async fn status(url: &str, options: &StoreOptions, format: Format) -> Result<Exit, Failure> {
    let Some(status) = Store::status(url, options).await? else {
        return Err(Failure::run(format!(
            "there is no store at `{}`\n  hint: `trendy run` or `trendy db migrate` makes it; another one is named with `--database`",
            url.strip_prefix("sqlite:").unwrap_or(url)
        )));
    };
    match format {
        Format::Json => print_json(&status)?,
        Format::Ndjson => print_rows(&[&status], &[], format)?,
        Format::Table | Format::Csv => print_rows(&lines(&status), &["name", "value"], format)?,
    }
    if status.is_newer() {
        return Err(Failure::run(format!(
            "the store is newer than this program (schema {}, known {}); install a newer trendy",
            status.schema, status.known_schema
        )));
    }
    Ok(Exit::Done)
}

fn lines(status: &StoreStatus) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut push = |name: &str, value: String| {
        let name = name.to_owned();
        lines.push(Line { name, value });
    };
    push("store", status.place.clone());
    if let Some(identity) = &status.identity {
        push("id", identity.store_id.to_string());
        push("epoch", identity.epoch.to_string());
    }
    push("schema", status.schema.to_string());
    push(
        "pending",
        match status.pending.as_slice() {
            [] => "none".to_owned(),
            pending => pending.join(", "),
        },
    );
    push("size", format!("{} bytes", status.bytes));
    let oldest = status
        .oldest
        .map_or("none".to_owned(), |seq| seq.to_string());
    let since = status
        .oldest_at
        .map_or(String::new(), |at| format!(", since {at}"));
    push("change log", format!("{oldest} to {}{since}", status.head));
    for cursor in &status.cursors {
        let lacks = if Some(cursor.store) != status.identity {
            "of the store before a restore; takes everything anew".to_owned()
        } else if cursor.seq < status.pruned {
            format!(
                "before what the log holds, moved {}; takes everything anew",
                cursor.moved_at
            )
        } else {
            let (seq, behind) = (cursor.seq, status.head - cursor.seq);
            format!("at {seq}, {behind} behind, moved {}", cursor.moved_at)
        };
        push(&format!("cursor {}", cursor.target), lacks);
    }
    for (table, rows) in &status.rows {
        push(&format!("rows of {table}"), rows.to_string());
    }
    lines
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(error) => error.into(),
            BackupError::Server { ref commands, .. } => {
                let commands = commands.replace('\n', "\n    ");
                Self::usage(format!(
                    "{error}\n  hint: run, with the password in PGPASSWORD or ~/.pgpass:\n    {commands}"
                ))
            }
            BackupError::Exists { .. } | BackupError::NotAStore { .. } => Self::usage(error),
            _ => Self::run(with_causes(&error)),
        }
    }
}
