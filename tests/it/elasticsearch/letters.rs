//! What an index refused, and is sent again by `trendy dead-letters retry`.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use trendy::load::{NewDeadLetter, Store};
use trendy::record::{Kind, Record, Stage};

use super::scratch::Scratch;
use crate::support::records::{batch, job, job_id, minute, pipeline, weather};
use crate::support::trendy::{Said, Workspace};

/// Far longer than it takes, and less than the attempts at one request to a server that says nothing.
const SOON: Duration = Duration::from_secs(20);

/// A workspace whose store holds these records, each of which its index has refused once.
async fn refused(records: Vec<Record>) -> (Workspace, Scratch) {
    let mut workspace = Workspace::empty();
    let place = workspace.path("trendy.db");
    let store = Store::open(place.to_str().unwrap()).await.unwrap();
    let index = Scratch::of(store.identity());
    let letter = |record: &Record| NewDeadLetter {
        run_id: None,
        stage: Stage::Publish,
        pipeline: Some(pipeline()),
        target: Some(format!("elasticsearch/{}", index.prefix)),
        url: record.url.clone(),
        reason: "a mapping that was mended since".to_owned(),
        payload: Some(json!({"id": record.id})),
        at: minute(0),
    };
    let letters: Vec<NewDeadLetter> = records.iter().map(letter).collect();
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
    store.load(run, &batch(0, records)).await.unwrap();
    store.add_dead_letters(&letters).await.unwrap();
    store.shutdown().await;
    workspace.set("ELASTICSEARCH_URL", index.server.as_str());
    workspace.set("TRENDY_INDEX_PREFIX", &index.prefix);
    (workspace, index)
}

const RETRY: [&str; 6] = [
    "dead-letters",
    "retry",
    "--stage",
    "publish",
    "--format",
    "json",
];

async fn succeeds(workspace: &Workspace, arguments: &[&str]) {
    let said = workspace.trendy(arguments).await;
    assert_eq!(said.status, 0, "{said:#?}");
}

/// How often the letters that are still open were tried.
async fn open(workspace: &Workspace) -> Vec<Value> {
    let said = workspace
        .trendy(&["dead-letters", "--format", "json"])
        .await;
    let letters = said.json();
    let letters = letters.as_array().unwrap().iter();
    letters.map(|letter| letter["retries"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_an_index_that_the_store_fed_before_its_restore() {
    let (workspace, index) = refused(vec![job(1), job(2)]).await;
    succeeds(&workspace, &["index", "setup"]).await;
    succeeds(&workspace, &["db", "backup", "copy.db"]).await;
    succeeds(&workspace, &["db", "restore", "copy.db"]).await;
    let said = workspace.trendy(&RETRY).await;
    assert_eq!(said.status, 2, "{said:#?}");
    assert!(
        said.stderr.contains("run `trendy index rebuild`"),
        "{said:#?}"
    );
    assert_eq!(open(&workspace).await, [0, 0]);
    let found = index.document(Kind::Job, job_id(1)).await;
    assert_eq!(found["found"], false, "{found}");

    succeeds(&workspace, &["index", "rebuild"]).await;
    succeeds(&workspace, &RETRY).await;
    assert_eq!(open(&workspace).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_is_past_its_age_by_now_is_settled_as_not_sent() {
    let (mut workspace, _index) = refused(vec![weather(0)]).await;
    workspace.set("TRENDY_WEATHER_INDEX_KEEP", "31d");
    succeeds(&workspace, &["index", "setup"]).await;
    let said = workspace.trendy(&RETRY).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let row = &said.json()[0];
    assert_eq!(row["state"], "redriven");
    assert_eq!(
        row["result"],
        "not sent: it is past the age that the target keeps (`weather_index_keep`)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_of_an_index_that_is_away_are_left_after_one_look() {
    let (mut workspace, _index) = refused((1..=3).map(job).collect()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    workspace.set("ELASTICSEARCH_URL", &nobody);
    let said = workspace.trendy(&RETRY).await;
    assert_eq!((said.status, said.json()), (3, json!([])), "{said:#?}");
    let [told] = said.stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("{said:#?}");
    };
    assert!(told.starts_with("warning: target elasticsearch/"), "{told}");
    assert!(told.contains("is the server up?"), "{told}");
    assert!(told.ends_with("left as they are: 3"), "{told}");
    assert_eq!(open(&workspace).await, [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_is_heard_while_an_index_says_nothing() {
    let (mut workspace, _index) = refused(vec![job(1), job(2)]).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    workspace.set("ELASTICSEARCH_URL", &address);
    let child = workspace.start(&RETRY);
    let _asked = timeout(SOON, silent.accept()).await.unwrap().unwrap();
    let process = child.id().unwrap().to_string();
    let status = Command::new("kill").args(["-INT", &process]).status();
    assert!(status.unwrap().success());
    let ended = timeout(SOON, child.wait_with_output()).await;
    let said: Said = ended.unwrap().unwrap().into();
    assert_eq!((said.status, said.json()), (130, json!([])), "{said:#?}");
    assert_eq!(open(&workspace).await, [0, 0]);
}
