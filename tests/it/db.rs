//! `trendy db`: the schema, the status, backups, and the way back from one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use trendy::load::Store;
use url::Url;

use crate::elasticsearch::scratch::Scratch as Index;
use crate::support::records::{batch, job, minute, pipeline};
use crate::support::scratch::{Scratch, on_postgres};
use crate::support::trendy::{Said, Workspace, root};

/// A workspace whose store is a file that holds these jobs.
async fn with_jobs(numbers: std::ops::Range<u32>) -> Workspace {
    let workspace = Workspace::empty();
    load(&workspace, numbers).await;
    workspace
}

async fn load(workspace: &Workspace, numbers: std::ops::Range<u32>) {
    let store = open(workspace).await;
    let run = store.begin_run(&pipeline(), minute(0)).await.unwrap();
    let jobs = numbers.map(job).collect();
    store.load(run.id, &batch(1, jobs)).await.unwrap();
    let outcome = trendy::record::Outcome::Ok;
    store
        .finish_run(run.id, outcome, None, minute(2))
        .await
        .unwrap();
    store.shutdown().await;
}

async fn open(workspace: &Workspace) -> Store {
    Store::open(workspace.path("trendy.db").to_str().unwrap())
        .await
        .unwrap()
}

async fn status(workspace: &Workspace) -> Value {
    let said = workspace
        .trendy(&["db", "status", "--format", "json"])
        .await;
    assert_eq!(said.status, 0, "{said:#?}");
    said.json()
}

#[track_caller]
fn fails(said: &Said, status: i32, message: &str) {
    assert_eq!(said.status, status, "{said:#?}");
    assert!(said.stderr.contains(message), "{said:#?}");
}

/// What is in a store's folder but its locks, sorted.
fn files(workspace: &Workspace) -> Vec<String> {
    let entries = std::fs::read_dir(workspace.path("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("trendy.db")).collect();
    names.sort();
    names.retain(|name| name != "trendy.db.locks");
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_status_of_no_store_makes_none() {
    let workspace = Workspace::empty();
    let said = workspace.trendy(&["db", "status"]).await;
    fails(&said, 1, "there is no store at `trendy.db`");
    assert!(files(&workspace).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn url_that_names_no_store_is_a_mistake_of_configuration() {
    let mut workspace = Workspace::empty();
    for (url, reason) in [
        ("mysql://me:secret@host/db", "`mysql` is no store"),
        ("postgres://me:secret@host:port/db", "URL can't be read"),
    ] {
        workspace.set("DATABASE_URL", url);
        for command in [
            &["db", "status"][..],
            &["db", "backup", "b.db"],
            &["runs"],
            &["run", "--all"],
        ] {
            let said = workspace.trendy(command).await;
            fails(&said, 2, reason);
            assert!(!said.stderr.contains("secret"), "{said:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_status_tells_schema_rows_log_and_size() {
    let workspace = with_jobs(0..3).await;
    let told = status(&workspace).await;
    assert_eq!(told["rows"]["records"], 3);
    assert_eq!(told["rows"]["dead_letters"], 0);
    assert_eq!((&told["oldest"], &told["head"]), (&1.into(), &4.into()));
    assert_eq!(told["schema"], told["known_schema"]);
    assert_eq!(
        (&told["pending"], &told["identity"]["epoch"]),
        (&json!([]), &1.into())
    );
    assert!(told["bytes"].as_i64().unwrap() > 10_000);
    let said = workspace.trendy(&["db", "status"]).await;
    assert!(said.stdout.contains("rows of records"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_migrate_brings_an_old_store_up_to_date() {
    let workspace = Workspace::empty();
    let url = format!(
        "sqlite://{}?mode=rwc",
        workspace.path("trendy.db").display()
    );
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let migrations = sqlx::migrate::Migrator::new(root().join("migrations/sqlite"))
        .await
        .unwrap();
    migrations.run_to(2, &pool).await.unwrap();
    pool.close().await;
    let old = status(&workspace).await;
    assert_eq!(old["schema"], 2);
    assert!(
        old["pending"]
            .as_array()
            .unwrap()
            .contains(&json!("3 hosts")),
        "{old}"
    );
    let said = workspace.trendy(&["db", "migrate"]).await;
    let known = &old["known_schema"];
    let told = format!("trendy.db: schema 2 brought up to {known}\n");
    assert_eq!(said.stdout, told, "{said:#?}");
    let said = workspace.trendy(&["db", "migrate"]).await;
    assert!(said.stdout.contains("up to date"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_prune_and_each_run_remove_what_is_past_its_age() {
    let mut workspace = with_jobs(0..3).await;
    workspace.set("TRENDY_LOG_KEEP", "forever");
    let said = workspace.trendy(&["db", "prune"]).await;
    assert_eq!(
        said.stdout, "removed 0 changes, 0 forecasts, 0 tombstones\n",
        "{said:#?}"
    );
    workspace.set("TRENDY_LOG_KEEP", "3h");
    let said = workspace.trendy(&["db", "prune"]).await;
    fails(&said, 2, "`log_keep`: a day, `1d`, is the least");

    let store = open(&workspace).await;
    store.move_cursor("search", 1, minute(0)).await.unwrap();
    store.shutdown().await;
    workspace.set("TRENDY_LOG_KEEP", "30d");
    let said = workspace.trendy(&["run", "--all"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let told = status(&workspace).await;
    assert_eq!(
        (&told["oldest"], &told["pruned"], &told["head"]),
        (&Value::Null, &4.into(), &4.into())
    );
    assert_eq!(told["rows"]["records"], 3);
    let said = workspace.trendy(&["db", "status"]).await;
    assert!(said.stdout.contains("takes everything anew"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_status_of_a_target_whose_place_was_cut_says_that_it_is_sent_everything() {
    let mut workspace = with_jobs(0..3).await;
    workspace.set("ELASTICSEARCH_URL", "http://127.0.0.1:9");
    let target = async || {
        let said = workspace.trendy(&["status", "--format", "json"]).await;
        let rows = said.json();
        let row = rows.as_array().unwrap().last().unwrap().clone();
        (said.status, row)
    };
    let name = target().await.1["name"].as_str().unwrap().to_owned();
    let store = open(&workspace).await;
    store.move_cursor(&name, 1, minute(0)).await.unwrap();
    store.shutdown().await;
    let said = workspace.trendy(&["db", "prune"]).await;
    assert!(said.stdout.starts_with("removed 4 changes"), "{said:#?}");

    let (status, row) = target().await;
    assert_eq!((status, &row["state"]), (1, &"lags".into()), "{row}");
    assert_eq!(row["since"], json!(minute(0)));
    let reason = row["reason"].as_str().unwrap();
    assert!(reason.contains("sends everything anew"), "{reason}");
}

async fn make_newer(file: &std::path::Path) {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display()))
        .await
        .unwrap();
    let sql =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
               VALUES (9999, 'later', 1, x'00', 0)";
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_newer_store_and_newer_backup_are_refused() {
    let workspace = with_jobs(0..1).await;
    workspace.trendy(&["db", "backup", "b.db"]).await;
    make_newer(&workspace.path("b.db")).await;
    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    fails(&said, 1, "is newer than this program");
    assert_eq!(files(&workspace), ["trendy.db"], "nothing is left behind");

    make_newer(&workspace.path("trendy.db")).await;
    for command in [&["db", "migrate"][..], &["runs"], &["db", "status"]] {
        let said = workspace.trendy(command).await;
        fails(&said, 1, "install a newer trendy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_backup_overwrites_nothing_and_leaves_nothing_when_it_fails() {
    let workspace = with_jobs(0..1).await;
    workspace.write("taken", "mine");
    let said = workspace.trendy(&["db", "backup", "taken"]).await;
    fails(&said, 2, "overwrites nothing");
    assert_eq!(
        std::fs::read_to_string(workspace.path("taken")).unwrap(),
        "mine"
    );
    let said = workspace.trendy(&["db", "backup", "trendy.db"]).await;
    fails(&said, 2, "overwrites nothing");
    let said = workspace
        .trendy(&["--database", "none.db", "db", "backup", "b.db"])
        .await;
    fails(&said, 1, "there is no store at `none.db`");
    assert!(!workspace.path("b.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_backup_taken_while_a_run_writes_is_whole() {
    let workspace = with_jobs(0..1).await;
    let store = open(&workspace).await;
    let run = store.begin_run(&pipeline(), minute(3)).await.unwrap().id;
    let writing = async {
        for piece in 0..40 {
            let jobs = (piece * 50..piece * 50 + 50).map(job).collect();
            store.load(run, &batch(4, jobs)).await.unwrap();
        }
    };
    let (said, ()) = tokio::join!(workspace.trendy(&["db", "backup", "b.db"]), writing);
    assert_eq!(said.status, 0, "{said:#?}");
    let backup = Store::open(workspace.path("b.db").to_str().unwrap())
        .await
        .unwrap();
    // A change a record, and the end of the first run: nothing that was half written.
    let records: Vec<(i64,)> = backup
        .rows("SELECT COUNT(*) FROM records", [])
        .await
        .unwrap();
    assert_eq!(backup.head().await.unwrap(), records[0].0 + 1);
    let entries = std::fs::read_dir(workspace.path("")).unwrap();
    let partial = entries.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("partial")
    });
    assert_eq!(partial.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_restore_brings_back_what_was_and_keeps_the_other_aside() {
    let workspace = with_jobs(0..2).await;
    let said = workspace.trendy(&["db", "backup", "b.db"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    load(&workspace, 0..5).await;
    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert!(said.stderr.contains("trendy index rebuild"), "{said:#?}");
    let told = status(&workspace).await;
    assert_eq!(told["rows"]["records"], 2);
    let first = told["identity"]["epoch"].as_i64().unwrap();
    assert!(first > 1);

    let kept = files(&workspace);
    let aside = kept
        .iter()
        .find(|name| name.contains("before-restore"))
        .unwrap();
    let said = workspace
        .trendy(&["--database", aside, "db", "status", "--format", "json"])
        .await;
    assert_eq!(said.json()["rows"]["records"], 5, "{said:#?}");

    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let again = status(&workspace).await["identity"]["epoch"]
        .as_i64()
        .unwrap();
    assert!(again > first, "the same backup twice is not the same store");
    let begins = files(&workspace)
        .iter()
        .filter(|name| name.contains("before-restore"))
        .count();
    assert_eq!(begins, 2);
}

/// What SQLite keeps a database's changes in until they are committed.
async fn journal_mode(file: &str) -> String {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{file}"))
        .await
        .unwrap();
    let mode = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    mode
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_that_was_restored_has_its_write_ahead_log_before_anybody_opens_it() {
    let workspace = with_jobs(0..2).await;
    for arguments in [["db", "backup", "b.db"], ["db", "restore", "b.db"]] {
        let said = workspace.trendy(&arguments).await;
        assert_eq!(said.status, 0, "{said:#?}");
    }
    let file = |name| workspace.path(name).display().to_string();
    assert_eq!(journal_mode(&file("trendy.db")).await, "wal");
    let kept = files(&workspace);
    assert!(
        !kept.iter().any(|name| name.contains("restoring")),
        "{kept:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_without_a_write_ahead_log_is_waited_for_while_another_process_writes() {
    let mut workspace = with_jobs(0..2).await;
    let said = workspace.trendy(&["db", "backup", "b.db"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let file = workspace.path("b.db").display().to_string();
    assert_eq!(journal_mode(&file).await, "delete");
    let mut other = SqliteConnection::connect(&format!("sqlite://{file}"))
        .await
        .unwrap();
    let hold = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await;
    hold.unwrap();
    let patience = Duration::from_millis(700);
    workspace.set("TRENDY_LOCK_TIMEOUT", "700ms");
    let arguments = ["--database", "b.db", "db", "prune"];
    let started = Instant::now();
    let said = workspace.trendy(&arguments).await;
    fails(&said, 1, "raise `lock_timeout`");
    assert!(started.elapsed() >= patience, "{:?}", started.elapsed());
    other.close().await.unwrap();
    let said = workspace.trendy(&arguments).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_eq!(journal_mode(&file).await, "wal");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_restore_makes_a_store_where_there_is_none_or_a_broken_one() {
    let workspace = with_jobs(0..2).await;
    workspace.trendy(&["db", "backup", "b.db"]).await;
    let said = workspace
        .trendy(&["--database", "other.db", "db", "restore", "b.db"])
        .await;
    assert_eq!(said.status, 0, "{said:#?}");
    workspace.write("trendy.db", "this was a store once");
    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_eq!(status(&workspace).await["rows"]["records"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_restore_takes_no_file_that_is_no_store() {
    let workspace = with_jobs(0..2).await;
    workspace.write("text", "no database, but long enough to have a header");
    workspace.write("empty", "");
    let other = format!("sqlite://{}?mode=rwc", workspace.path("other.db").display());
    let pool = sqlx::SqlitePool::connect(&other).await.unwrap();
    sqlx::query("CREATE TABLE t (x)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    for (file, reason) in [
        ("text", "it is no SQLite file"),
        ("empty", "it is no SQLite file"),
        ("other.db", "it has no table `store`"),
    ] {
        let said = workspace.trendy(&["db", "restore", file]).await;
        fails(&said, 2, reason);
    }
    let said = workspace.trendy(&["db", "restore", "none"]).await;
    fails(&said, 1, "cannot read `none`");
    assert_eq!(status(&workspace).await["rows"]["records"], 2);
    assert_eq!(files(&workspace), ["trendy.db"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_restore_is_refused_while_anybody_has_the_store_open() {
    let workspace = with_jobs(0..2).await;
    workspace.trendy(&["db", "backup", "b.db"]).await;
    let store = open(&workspace).await;
    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    fails(&said, 1, "another process has it open");
    let lock = store.lock("pipeline:programmers").await.unwrap().unwrap();
    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    fails(&said, 1, "in use (pipeline:programmers)");
    let said = workspace.trendy(&["db", "restore", "--by-hand"]).await;
    assert_eq!(said.status, 0, "no run of it is unfinished: {said:#?}");
    lock.release().await;
    store.shutdown().await;
    drop(store);

    // Another program than trendy, in the middle of a transaction.
    let url = format!("sqlite://{}", workspace.path("trendy.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let reading = pool.begin().await.unwrap();
    sqlx::query("SELECT * FROM store")
        .fetch_all(&pool)
        .await
        .unwrap();
    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    fails(&said, 1, "another process has it open");
    drop(reading);
    pool.close().await;
    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_file_that_was_replaced_or_removed_is_not_the_one_that_was_opened() {
    let workspace = with_jobs(0..2).await;
    let (file, aside) = (workspace.path("trendy.db"), workspace.path("aside.db"));
    let store = open(&workspace).await;
    assert!(store.is_same().await.unwrap());
    std::fs::rename(&file, &aside).unwrap();
    assert!(!store.is_same().await.unwrap());
    std::fs::copy(&aside, &file).unwrap();
    assert!(!store.is_same().await.unwrap());
    std::fs::rename(&aside, &file).unwrap();
    assert!(store.is_same().await.unwrap());
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_restore_that_is_killed_leaves_the_one_store_or_the_other() {
    let workspace = with_jobs(0..2).await;
    workspace.trendy(&["db", "backup", "b.db"]).await;
    load(&workspace, 0..5).await;
    for step in 0..12 {
        let mut child = workspace.start(&["db", "restore", "b.db"]);
        // The moment of the kill, not a wait for something.
        tokio::time::sleep(Duration::from_millis(step * 8)).await;
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        let records = status(&workspace).await["rows"]["records"].as_i64();
        assert!(matches!(records, Some(2 | 5)), "{records:?}");
        load(&workspace, 0..5).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn index_fed_before_a_restore_is_refused_with_the_remedy() {
    let mut workspace = with_jobs(0..2).await;
    let index = Index::new();
    workspace.set("ELASTICSEARCH_URL", index.server.as_str());
    workspace.set("TRENDY_INDEX_PREFIX", &index.prefix);
    for command in [
        &["index", "setup"][..],
        &["index", "sync"],
        &["db", "backup", "b.db"],
    ] {
        let said = workspace.trendy(command).await;
        assert_eq!(said.status, 0, "{said:#?}");
    }
    load(&workspace, 2..4).await;
    let said = workspace.trendy(&["index", "sync"]).await;
    assert_eq!(said.status, 0, "{said:#?}");

    let said = workspace.trendy(&["db", "restore", "b.db"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    for command in [&["index", "sync"][..], &["index", "setup"]] {
        let said = workspace.trendy(command).await;
        fails(&said, 2, "run `trendy index rebuild`");
    }
    let told = workspace.trendy(&["db", "status"]).await;
    assert!(
        told.stdout.contains("of the store before a restore"),
        "{told:#?}"
    );
}

fn on_server(scratch: &Scratch) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.set("DATABASE_URL", &scratch.url);
    workspace
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_status_and_migrate() {
    on_postgres(async |scratch: Scratch| {
        let workspace = on_server(&scratch);
        let before = status(&workspace).await;
        assert_eq!(
            (&before["schema"], &before["identity"]),
            (&0.into(), &Value::Null)
        );
        let said = workspace.trendy(&["db", "migrate"]).await;
        assert_eq!(said.status, 0, "{said:#?}");
        let store = scratch.open().await;
        let run = store.begin_run(&pipeline(), minute(0)).await.unwrap().id;
        store.load(run, &batch(1, vec![job(1)])).await.unwrap();
        let told = status(&workspace).await;
        assert_eq!(
            (&told["rows"]["records"], &told["head"]),
            (&1.into(), &1.into())
        );
        assert_eq!(told["schema"], told["known_schema"]);
        let password = Url::parse(&scratch.url)
            .unwrap()
            .password()
            .unwrap_or("?")
            .to_owned();
        assert!(
            !told["place"]
                .as_str()
                .unwrap()
                .contains(&format!(":{password}@"))
        );
        assert!(told["bytes"].as_i64().unwrap() > 10_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_backup_names_the_command_and_restore_by_hand_renews_the_epoch() {
    on_postgres(async |scratch: Scratch| {
        let workspace = on_server(&scratch);
        workspace.trendy(&["db", "migrate"]).await;
        let said = workspace.trendy(&["db", "backup", "my dump"]).await;
        fails(&said, 2, "pg_dump --format=custom --schema=trendy_test_");
        assert!(said.stderr.contains("--file='my dump'"), "{said:#?}");
        let said = workspace.trendy(&["db", "restore", "b.dump"]).await;
        fails(&said, 2, "trendy db restore --by-hand");

        let store = scratch.open().await;
        store.begin_run(&pipeline(), minute(0)).await.unwrap();
        let lock = store.lock("pipeline:programmers").await.unwrap().unwrap();
        let said = workspace.trendy(&["db", "restore", "--by-hand"]).await;
        fails(&said, 1, "in use (pipeline:programmers)");
        lock.release().await;
        let said = workspace.trendy(&["db", "restore", "--by-hand"]).await;
        assert_eq!(said.status, 0, "{said:#?}");
        assert!(
            status(&workspace).await["identity"]["epoch"]
                .as_i64()
                .unwrap()
                > 1
        );
    })
    .await;
}
