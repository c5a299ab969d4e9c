use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use trendy::collect::Fetcher;
use trendy::config::{Pipeline, suggestion};
use trendy::extract::explain::{FieldReport, PageKind, holds_entries};
use trendy::extract::{self, Explanation, explain};
use trendy::normalize::{self, Dictionaries};
use trendy::record::{Entry, Field, Item, Page, PipelineId, Record, Request, Role, Values};
use trendy::run::first_request;
use url::Url;

use super::Context;
use super::exit::{Exit, Failure, with_causes};
use super::output::print_json;
use super::services;

mod compare;
mod table;

/// Put one page through a pipeline, and show what each field finds and what it does not
///
/// Without a page, the first page of the pipeline's list is fetched; an address or a saved file takes its place. A page
/// is taken for the list when it has the list's address or holds entries of it, else for the page behind an entry.
/// Pages are fetched as a run fetches them, robots.txt and all; nothing is stored. For the page behind an entry, the
/// list's first page is fetched too where the record needs what the list says.
///
/// With `--compare` the page is fetched by HTTP and in a browser, whatever the pipeline says, to tell which fields differ:
/// where none does, `fetch = "http"` is enough.
///
/// Exit code 0 if everything is found, 3 if something is missing or differs, 1 if the page cannot be fetched.
#[derive(Debug, clap::Args)]
pub(super) struct TryArgs {
    /// The pipeline, by name
    pipeline: String,
    /// An address, or a saved page [default: the first page of the list]
    #[arg(value_name = "URL|FILE")]
    page: Option<String>,
    /// Read it as a page of the list
    #[arg(long, conflicts_with = "detail")]
    list: bool,
    /// Read it as the page behind an entry
    #[arg(long, requires = "page")]
    detail: bool,
    /// The address that a saved page came from [default: that of the list]
    #[arg(long, value_name = "URL", requires = "page")]
    url: Option<Url>,
    /// Write the fetched page to a file, byte for byte
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Fetch the page by HTTP and in a browser, and show what differs
    #[arg(long, conflicts_with_all = ["save", "url"])]
    compare: bool,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Aligned columns, for people.
    Table,
    /// One object.
    Json,
}

/// What became of a page.
#[derive(Debug, Serialize)]
struct Tried {
    pipeline: PipelineId,
    url: Url,
    status: u16,
    content_type: Option<String>,
    bytes: usize,
    /// Why the page is not what the pipeline says.
    problem: Option<String>,
    #[serde(flatten)]
    explanation: Option<Explanation>,
    /// Fields whose texts cannot be read as what they are.
    unreadable: Vec<Unreadable>,
    /// The records that a run would load.
    records: Vec<Record>,
}

#[derive(Debug, Serialize)]
struct Unreadable {
    field: Field,
    url: Url,
    reason: String,
}

pub(super) async fn run(args: TryArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings()?;
    let pipeline = choose(services::pipelines(&settings)?, &args.pipeline)?;
    let dictionaries = services::dictionaries(&settings)?;
    if args.detail && pipeline.detail.is_none() {
        return Err(Failure::usage(format!(
            "pipeline `{}` has no detail page: its list says everything",
            pipeline.id
        )));
    }
    if let Some(path) = &args.save {
        can_be_written(path)?;
    }
    let mut first = first_request(&pipeline, dictionaries.stations, Timestamp::now())
        .map_err(Failure::usage)?;
    if args.compare {
        let collector = services::collector(&settings, &context.environment)?;
        let mut stop = services::stop_on_signal()?;
        let compared = tokio::select! {
            compared = compare::compare(&args, &pipeline, &dictionaries, &collector, &first) => Some(compared),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        collector.close().await;
        let Some(compared) = compared.transpose()? else {
            return Ok(Exit::Interrupted);
        };
        match args.format {
            Format::Table => compared.print()?,
            Format::Json => print_json(&compared)?,
        }
        return Ok(compared.exit());
    }
    let page = match Given::of(&args)? {
        Given::File(path) => {
            let list = first.url.clone();
            first.url = args.url.clone().unwrap_or_else(|| list.clone());
            let page = saved(path, first)?;
            let kind = kind(&args, &pipeline, &list, &page);
            as_asked(page, kind, None)
        }
        given => {
            let collector = services::collector(&settings, &context.environment)?;
            let fetcher = collector
                .fetcher(&pipeline)
                .map_err(|error| Failure::usage(with_causes(&error)))?;
            let mut stop = services::stop_on_signal()?;
            let page = tokio::select! {
                page = fetched(&args, &pipeline, fetcher.as_ref(), first, given) => Some(page),
                _ = stop.wait_for(|stop| *stop) => None,
            };
            // Its archive is written to the end once nobody can add to it.
            drop(fetcher);
            collector.close().await;
            match page {
                Some(page) => page?,
                None => return Ok(Exit::Interrupted),
            }
        }
    };
    let mut tried = tried(&pipeline, &dictionaries, &page);
    if let Some(explanation) = &mut tried.explanation
        && explanation.page == PageKind::Detail
        && !args.detail
        && explanation.fields.iter().any(FieldReport::is_missing)
    {
        let hint = "read as the page behind an entry, for it holds no entry of the list; `--list` reads it as a list";
        explanation.hints.push(hint.to_owned());
    }
    match args.format {
        Format::Table => table::print(&tried)?,
        Format::Json => print_json(&tried)?,
    }
    Ok(tried.exit())
}

/// Refuses a file that has no folder before its page is asked for.
fn can_be_written(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new(""));
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let (path, folder) = (path.display(), folder.display());
    Err(Failure::usage(format!(
        "cannot write `{path}`: there is no folder `{folder}`; create it first, or name another file"
    )))
}

fn choose(pipelines: Vec<Pipeline>, name: &str) -> Result<Pipeline, Failure> {
    let hint = suggestion(name, pipelines.iter().map(|pipeline| pipeline.id.as_str()))
        .unwrap_or_else(|| "`trendy list` prints the known ones".to_owned());
    pipelines
        .into_iter()
        .find(|pipeline| pipeline.id.as_str() == name)
        .ok_or_else(|| Failure::usage(format!("there is no pipeline `{name}`\n  hint: {hint}")))
}

/// The page that was given.
enum Given<'a> {
    List,
    Address(Url),
    File(&'a Path),
}

impl<'a> Given<'a> {
    fn of(args: &'a TryArgs) -> Result<Self, Failure> {
        let Some(text) = &args.page else {
            return Ok(Self::List);
        };
        let path = Path::new(text);
        if path.is_file() {
            if args.save.is_some() {
                return Err(Failure::usage(format!(
                    "`--save` is for a page that is fetched; `{text}` is a file already"
                )));
            }
            return Ok(Self::File(path));
        }
        if args.url.is_some() {
            return Err(Failure::usage(format!(
                "`--url` says where a saved page came from, but there is no file `{text}`"
            )));
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self::Address(url)),
            _ => Err(Failure::usage(format!(
                "`{text}` is neither a file nor an address that begins with `https:` or `http:`"
            ))),
        }
    }
}

fn saved(path: &Path, request: Request) -> Result<Page, Failure> {
    let body = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot read `{}`: {error}", path.display())))?;
    Ok(Page {
        url: request.url.clone(),
        request,
        status: 200,
        content_type: None,
        body: body.into(),
        robots_tags: Vec::new(),
        fetched_at: Timestamp::now(),
        validators: None,
        is_cut: false,
        unseen: None,
    })
}

/// Fetches the page and, where its record needs it, what the list says of it.
async fn fetched(
    args: &TryArgs,
    pipeline: &Pipeline,
    fetcher: &dyn Fetcher,
    first: Request,
    given: Given<'_>,
) -> Result<Page, Failure> {
    let list = first.clone();
    let mut request = first;
    if let Given::Address(url) = given {
        request.url = url;
    }
    let page = fetch(fetcher, &request).await?;
    if let Some(path) = &args.save {
        std::fs::write(path, &page.body)
            .map_err(|error| Failure::run(format!("cannot write `{}`: {error}", path.display())))?;
    }
    let kind = kind(args, pipeline, &list.url, &page);
    let entry = if kind == PageKind::Detail && needs_list(pipeline) {
        let list = fetch(fetcher, &list).await?;
        entry_of(pipeline, &list, &page.request.url)
    } else {
        None
    };
    Ok(as_asked(page, kind, entry))
}

/// Whether the list says something of the record behind an entry.
fn needs_list(pipeline: &Pipeline) -> bool {
    !pipeline.list.fields.is_empty() || pipeline.list.id.is_some()
}

async fn fetch(fetcher: &dyn Fetcher, request: &Request) -> Result<Page, Failure> {
    fetcher
        .fetch(request)
        .await
        .map_err(|error| Failure::run(with_causes(&error)))?
        .page()
        .ok_or_else(|| Failure::run(format!("{} sent no page", request.url)))
}

fn kind(args: &TryArgs, pipeline: &Pipeline, list: &Url, page: &Page) -> PageKind {
    let is_list = args.list
        || pipeline.detail.is_none()
        || (!args.detail
            && (is_same(list, &page.request.url) && args.page.as_deref().is_none_or(is_address)
                || holds_entries(pipeline, page)));
    if is_list {
        PageKind::List
    } else {
        PageKind::Detail
    }
}

/// A saved page has the list's address for want of its own.
fn is_address(page: &str) -> bool {
    !Path::new(page).is_file()
}

fn is_same(one: &Url, other: &Url) -> bool {
    normalize::url::canonical(one) == normalize::url::canonical(other)
}

/// What a page of the list says of the entry with this address.
fn entry_of(pipeline: &Pipeline, list: &Page, url: &Url) -> Option<Item> {
    let listing = extract::listing(pipeline, list).ok()?;
    listing
        .items
        .into_iter()
        .find(|item| is_same(&item.entry.url, url))
}

/// The page as if it had been asked for as this kind.
fn as_asked(mut page: Page, kind: PageKind, entry: Option<Item>) -> Page {
    if kind == PageKind::Detail {
        let entry = entry.unwrap_or_else(|| Item {
            entry: Entry {
                url: page.request.url.clone(),
                external_id: None,
                modified: None,
            },
            values: Values::Fields(BTreeMap::new()),
            noindex: false,
            place: None,
        });
        page.request.role = Role::Detail {
            entry: Box::new(entry),
        };
    }
    page
}

fn tried(pipeline: &Pipeline, dictionaries: &Dictionaries, page: &Page) -> Tried {
    let mut tried = Tried {
        pipeline: pipeline.id.clone(),
        url: page.url.clone(),
        status: page.status,
        content_type: page.content_type.clone(),
        bytes: page.body.len(),
        problem: None,
        explanation: None,
        unreadable: Vec::new(),
        records: Vec::new(),
    };
    let mut explanation = match explain(pipeline, page) {
        Ok(explanation) => explanation,
        Err(error) => {
            tried.problem = Some(with_causes(&error));
            return tried;
        }
    };
    // An entry with a page of its own is no record yet.
    if explanation.page == PageKind::Detail || pipeline.detail.is_none() {
        let context = normalize::Context {
            pipeline,
            dictionaries,
            fetched_at: page.fetched_at,
        };
        for item in &explanation.items {
            for (field, reason) in normalize::unreadable(item, &context) {
                let url = item.entry.url.clone();
                tried.unreadable.push(Unreadable { field, url, reason });
            }
            match normalize::normalize(item, &context) {
                Ok(record) => tried.records.push(record),
                Err(rejection) => explanation.rejections.push(rejection),
            }
        }
    }
    tried.explanation = Some(explanation);
    tried
}

impl Tried {
    fn exit(&self) -> Exit {
        let Some(explanation) = &self.explanation else {
            return Exit::Incomplete;
        };
        let has_entries = explanation.page == PageKind::Detail || !explanation.items.is_empty();
        if has_entries
            && explanation.rejections.is_empty()
            && !explanation.fields.iter().any(FieldReport::is_missing)
        {
            Exit::Done
        } else {
            Exit::Incomplete
        }
    }
}
