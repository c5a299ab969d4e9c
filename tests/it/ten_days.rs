//! A board of 200 postings over ten days: what its change log says is what happened, day by day, and nothing else.
//!
//! Each day the site is made anew from a model of it, served, and collected by the program. What the day did to the
//! postings is told beside it, and is all that the log may hold of that day.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Value, json};
use trendy::load::Store;
use trendy::record::{Change, Kind, Op, RecordId, RunId, Subject};

use crate::support::scratch::Scratch;
use crate::support::trendy::{Said, Workspace};

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A board of 200 postings"
[source]
url = "https://board.example/jobs"
timezone = "Asia/Seoul"
[source.pages]
next_link = "a[rel=next]"
[list]
item = "li.posting"
link = { css = "a", attr = "href" }
id = { css = "a", attr = "href", regex = '/jobs/(\d+)' }
[list.fields]
location = { css = ".place" }
posted_at = { css = ".age" }
[detail]
extract = "css"
[fields]
title = { css = "h1", required = true }
description = { css = "article", without = ".views" }
[defaults]
board = "board"
company = "Daangn"
[politeness]
delay = "1ms"
concurrency = 8
"#;

const PER_PAGE: usize = 50;

/// What a posting says.
#[derive(Clone)]
struct Posting {
    title: String,
    place: &'static str,
    text: String,
    /// The day that the list counts its age from.
    born: u32,
}

/// What is done to the pages without doing anything to the postings.
#[derive(Clone, Copy, Default)]
struct Look {
    /// Turns with every visitor: banners, counters, class names, scripts.
    cosmetics: u32,
    /// Markup as careless authors leave it.
    is_tag_soup: bool,
    /// The list ends after so many of its pages.
    list_pages: Option<usize>,
}

#[derive(Default)]
struct Board {
    day: u32,
    postings: BTreeMap<u32, Posting>,
    /// Postings whose page is there, and says nothing that can be read.
    broken: BTreeSet<u32>,
    look: Look,
}

impl Board {
    fn add(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for n in numbers {
            let posting = Posting {
                title: format!("Engineer {n}"),
                place: ["서울", "Busan", "원격"][n as usize % 3],
                text: format!("We write Rust.\nTeam {n} ships <b>every</b> day."),
                born: self.day,
            };
            self.postings.insert(n, posting);
        }
    }

    fn remove(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for n in numbers {
            self.postings.remove(&n).unwrap();
        }
    }

    fn edit(&mut self, number: u32, edit: impl FnOnce(&mut Posting)) {
        edit(self.postings.get_mut(&number).unwrap());
    }

    fn list(&self) -> Vec<String> {
        let Look {
            cosmetics,
            is_tag_soup,
            list_pages,
        } = self.look;
        let numbers: Vec<&u32> = self.postings.keys().rev().collect();
        let chunks: Vec<_> = numbers.chunks(PER_PAGE).collect();
        let count = list_pages.unwrap_or(chunks.len());
        let page = |(index, numbers): (usize, &&[&u32])| {
            let mut html = format!("<p class='banner-{cosmetics}'>{cosmetics} people are here</p>");
            html.push_str("<ul>");
            for n in *numbers {
                let Posting { place, born, .. } = &self.postings[*n];
                let age = match self.day - born {
                    0 => "오늘".to_owned(),
                    days => format!("{days}일 전"),
                };
                let class = format!("posting c{cosmetics}");
                if is_tag_soup {
                    write!(
                        html,
                        "<LI class='{class}'><a href=/jobs/{n}>{n}<span class=place>{place}</span><span class=age>{age}"
                    )
                    .unwrap();
                } else {
                    write!(html, "<li class='{class}'><a href='/jobs/{n}'>{n}</a> <span class='place'>{place}</span> <span class='age'>{age}</span></li>").unwrap();
                }
            }
            html.push_str("</ul>");
            if index + 1 < count {
                write!(
                    html,
                    "<a rel='next' href='/jobs/page-{}'>more</a>",
                    index + 2
                )
                .unwrap();
            }
            html
        };
        chunks.iter().enumerate().take(count).map(page).collect()
    }

    fn page_of(&self, number: u32) -> String {
        if self.broken.contains(&number) {
            return "<h2>This page is being rebuilt".to_owned();
        }
        let Posting { title, text, .. } = &self.postings[&number];
        let Look {
            cosmetics,
            is_tag_soup,
            ..
        } = self.look;
        if is_tag_soup {
            return format!(
                "<div><h1>{title}<p></h1></div></div><ARTICLE><i></b>{text}</article></p>"
            );
        }
        format!(
            "<html><body data-visit='{cosmetics}'><aside>{cosmetics} views</aside><h1 class='t{cosmetics}'>{title}</h1>
             <article class='a{cosmetics}'><script>visit({cosmetics})</script><p class='views'>{cosmetics} views</p>{text}</article></body></html>"
        )
    }

    async fn serve(&self, workspace: &mut Workspace) {
        const SITE: &str = "sites/board/day-1";
        std::fs::remove_dir_all(workspace.path(SITE)).ok();
        let mut pages = self.list();
        if pages.is_empty() {
            pages.push("<p>No open positions</p>".to_owned());
        }
        for (index, page) in pages.iter().enumerate() {
            let name = match index {
                0 => format!("{SITE}/jobs/index.html"),
                index => format!("{SITE}/jobs/page-{}.html", index + 1),
            };
            workspace.write(&name, page);
        }
        for n in self.postings.keys() {
            workspace.write(&format!("{SITE}/jobs/{n}.html"), &self.page_of(*n));
        }
        workspace.serve_own("board").await;
    }
}

/// What happened in one day: names of operations, and numbers of postings.
type Log = BTreeSet<(&'static str, u32)>;

fn log<const N: usize>(told: [(Op, Vec<u32>); N]) -> Log {
    let each = |(op, numbers): (Op, Vec<u32>)| numbers.into_iter().map(move |n| (op.as_str(), n));
    told.into_iter().flat_map(each).collect()
}

struct Days {
    workspace: Workspace,
    store: Store,
    board: Board,
    /// What each id stands for.
    numbers: BTreeMap<RecordId, u32>,
    /// Changes of each posting so far.
    revisions: BTreeMap<u32, i64>,
}

/// How a day's run ended.
struct Ended {
    said: Said,
    row: Value,
    changes: Vec<Change>,
}

impl Days {
    async fn begin(database: &Scratch) -> Self {
        let mut workspace = Workspace::empty();
        workspace.write("pipelines/board.toml", PIPELINE);
        workspace.set("DATABASE_URL", &database.url);
        let id = |n: u32| RecordId::of(Kind::Job, &["board", &n.to_string()]);
        Self {
            workspace,
            store: database.open().await,
            board: Board::default(),
            numbers: (0..1000).map(|n| (id(n), n)).collect(),
            revisions: BTreeMap::new(),
        }
    }

    /// Collects the board as it stands, and holds the day's log against what happened.
    #[track_caller]
    fn pass(&mut self, expected: Log) -> impl Future<Output = Ended> {
        let place = std::panic::Location::caller();
        async move {
            self.board.serve(&mut self.workspace).await;
            self.board.day += 1;
            let said = self
                .workspace
                .trendy(&["run", "board", "--format", "json"])
                .await;
            let row = said.json()[0].clone();
            let run = RunId(row["run_id"].as_i64().unwrap());
            let mut changes = self.store.changes_of(run).await.unwrap();
            changes.retain(|change| change.kind == Subject::Record(Kind::Job));
            let number = |change: &Change| self.numbers[&change.record_id];
            let found: Log = changes
                .iter()
                .map(|change| (change.op.as_str(), number(change)))
                .collect();
            assert_eq!(found, expected, "{place}: {said:#?}");
            assert_eq!(
                found.len(),
                changes.len(),
                "{place}: something is told twice"
            );
            for change in &changes {
                let revision = self.revisions.entry(self.numbers[&change.record_id]);
                let revision = revision.and_modify(|revision| *revision += 1).or_insert(1);
                assert_eq!(change.revision, *revision, "{place}: {change:?}");
            }
            Ended { said, row, changes }
        }
    }

    /// The fields that a day's change of a posting names.
    fn fields(&self, ended: &Ended, number: u32) -> Vec<String> {
        let is_it = |change: &&Change| self.numbers[&change.record_id] == number;
        let change = ended.changes.iter().find(is_it).unwrap();
        let diff = change.diff.as_ref().and_then(Value::as_object);
        diff.map_or_else(Vec::new, |diff| diff.keys().cloned().collect())
    }

    /// What the program tells of a day's changes.
    async fn changes(&self, ended: &Ended, format: &str) -> String {
        let id = ended.row["run_id"].to_string();
        let arguments = ["runs", "show", &id, "--changes", "--format", format];
        let said = self.workspace.trendy(&arguments).await;
        assert_eq!(said.status, 0, "{said:#?}");
        said.stdout
    }

    async fn open(&self) -> BTreeSet<u32> {
        let ids = self.store.active_ids(Kind::Job, "board").await.unwrap();
        ids.iter().map(|id| self.numbers[id]).collect()
    }
}

async fn the_change_log_tells_ten_days_as_they_were(database: Scratch) {
    let mut days = Days::begin(&database).await;
    new_and_edited(&mut days).await;
    gone_and_back(&mut days).await;
    broken(&mut days).await;
    whole_again(&mut days).await;
    let listed: BTreeSet<u32> = days.board.postings.keys().copied().collect();
    assert_eq!(days.open().await, listed);
}

async fn new_and_edited(days: &mut Days) {
    // Day 1: the board is new.
    days.board.add(0..200);
    let ended = days.pass(log([(Op::Added, (0..200).collect())])).await;
    assert_eq!(ended.said.status, 0, "{:#?}", ended.said);

    // Day 2: new postings, and texts that were edited in each of their parts.
    days.board.add(200..210);
    days.board
        .edit(3, |it| it.title = "Senior engineer 3".into());
    days.board.edit(4, |it| it.text.push_str("\nWe pay well."));
    days.board.edit(5, |it| it.place = "Jeju");
    let ended = days
        .pass(log([
            (Op::Added, (200..210).collect()),
            (Op::Updated, vec![3, 4, 5]),
        ]))
        .await;
    assert_eq!(days.fields(&ended, 3), ["title"]);
    assert_eq!(days.fields(&ended, 4), ["description"]);
    assert_eq!(days.fields(&ended, 5), ["location"]);
    let told: Value = serde_json::from_str(&days.changes(&ended, "json").await).unwrap();
    let of_three = told
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["title"] == "Senior engineer 3")
        .unwrap();
    assert_eq!(of_three["op"], "updated");
    assert_eq!(of_three["url"], "https://board.example/jobs/3");
    assert_eq!(
        of_three["fields"],
        json!([{
            "field": "title",
            "before": "Engineer 3",
            "after": "Senior engineer 3",
            "difference": "Engineer 3 → Senior engineer 3",
        }])
    );
    assert_eq!(told.as_array().unwrap().len(), 13);
    let csv = days.changes(&ended, "csv").await;
    assert_eq!(csv.lines().next(), Some("op,title,field,difference,url"));
    assert!(
        csv.contains("\nadded,Engineer 209,,,https://board.example/jobs/209\n"),
        "{csv}"
    );
    assert!(
        csv.contains("updated,Engineer 5,location,원격 → Jeju,"),
        "{csv}"
    );
    let table = days.changes(&ended, "table").await;
    assert!(table.contains("원격 → Jeju"), "{table}");
}

async fn gone_and_back(days: &mut Days) {
    // Day 3: some vanish, among them one that was edited the day before.
    days.board.remove(5..15);
    days.pass(log([(Op::Closed, (5..15).collect())])).await;

    // Day 4: every page is other bytes, and says the same.
    days.board.look.cosmetics += 1;
    let ended = days.pass(log([])).await;
    assert_eq!(
        (&ended.row["unchanged"], &ended.row["records"]),
        (&200.into(), &200.into())
    );

    // Day 5: three are back, one of them with another text; others are new, edited and gone.
    days.board.look.cosmetics += 1;
    days.board.add([5, 6, 7, 210, 211]);
    days.board
        .edit(7, |it| it.title = "Engineer 7, again".into());
    days.board.edit(100, |it| it.place = "Daejeon");
    days.board.remove([101]);
    let ended = days
        .pass(log([
            (Op::Reopened, vec![5, 6, 7]),
            (Op::Added, vec![210, 211]),
            (Op::Updated, vec![100]),
            (Op::Closed, vec![101]),
        ]))
        .await;
    assert_eq!(days.fields(&ended, 6), Vec::<String>::new());
    assert_eq!(days.fields(&ended, 7), ["title"]);
}

async fn broken(days: &mut Days) {
    // Day 6: broken markup. What can still be read is as it was; what cannot is told, and stays.
    days.board.look.is_tag_soup = true;
    days.board.broken = (20..25).collect();
    days.board
        .edit(30, |it| it.title = "Engineer 30, edited".into());
    days.board
        .edit(24, |it| it.title = "Seen by nobody yet".into());
    let ended = days.pass(log([(Op::Updated, vec![30])])).await;
    assert_eq!(
        (
            ended.said.status,
            &ended.row["outcome"],
            &ended.row["rejected"]
        ),
        (3, &"ok".into(), &5.into()),
        "{:#?}",
        ended.said
    );

    // Day 7: the list is empty. Nobody is gone.
    let postings = std::mem::take(&mut days.board.postings);
    let ended = days.pass(log([])).await;
    assert_eq!(
        (ended.said.status, &ended.row["outcome"]),
        (1, &"empty".into())
    );
    let loud = "error: board: empty: the list is empty; nothing was closed";
    assert!(ended.said.stderr.contains(loud), "{:#?}", ended.said);
    assert_eq!(days.open().await.len(), 204);

    // Day 8: half a list. What it shows is believed, what it does not show is not gone.
    days.board.postings = postings;
    days.board.broken.clear();
    days.board.look.is_tag_soup = false;
    days.board.look.list_pages = Some(2);
    days.board
        .edit(205, |it| it.title = "Engineer 205, edited".into());
    days.board.remove([199]);
    let ended = days.pass(log([(Op::Updated, vec![205])])).await;
    assert_eq!(
        (ended.said.status, &ended.row["outcome"]),
        (1, &"partial".into())
    );
    let loud = "error: board: partial: 104 of 204 known entries are gone from the list; nothing was closed";
    assert!(ended.said.stderr.contains(loud), "{:#?}", ended.said);
}

async fn whole_again(days: &mut Days) {
    // Day 9: the list is whole again, and what happened meanwhile is told now.
    days.board.look.list_pages = None;
    days.board.remove([0]);
    days.board.add([212]);
    let ended = days
        .pass(log([
            (Op::Updated, vec![24]),
            (Op::Closed, vec![0, 199]),
            (Op::Added, vec![212]),
        ]))
        .await;
    assert_eq!(ended.said.status, 0, "{:#?}", ended.said);

    // Day 10: one is back as it was, another leaves for the second time.
    days.board.add([199]);
    days.board.remove([7]);
    days.board.edit(3, |it| it.title = "Engineer 3".into());
    days.pass(log([
        (Op::Reopened, vec![199]),
        (Op::Closed, vec![7]),
        (Op::Updated, vec![3]),
    ]))
    .await;
}

mod sqlite {
    #[tokio::test(flavor = "multi_thread")]
    async fn the_change_log_tells_ten_days_as_they_were() {
        let test = super::the_change_log_tells_ten_days_as_they_were;
        crate::support::scratch::on_sqlite(test).await;
    }
}

mod postgres {
    #[tokio::test(flavor = "multi_thread")]
    async fn the_change_log_tells_ten_days_as_they_were() {
        let test = super::the_change_log_tells_ten_days_as_they_were;
        crate::support::scratch::on_postgres(test).await;
    }
}
