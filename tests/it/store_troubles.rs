//! What gets in the way of a store, and that nothing is lost by it: a server that restarts or refuses for now, a lock that
//! another holds, a disk that is full.

use std::collections::HashSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tokio::task::JoinHandle;
use trendy::load::{Store, StoreError, StoreOptions};
use trendy::record::{Kind, Op, RecordId, RunId};

use crate::store::sql;
use crate::support::cluster::Cluster;
use crate::support::records::{BOARD, batch, job, job_id, minute, pipeline};
use crate::support::scratch::on_postgres;
use crate::support::trendy::Workspace;

async fn begin(store: &Store) -> RunId {
    store.begin_run(&pipeline(), minute(0)).await.unwrap().id
}

fn load(
    store: &Store,
    run: RunId,
    jobs: std::ops::Range<u32>,
) -> JoinHandle<Result<(), StoreError>> {
    let store = store.clone();
    tokio::spawn(async move {
        let batch = batch(i64::from(jobs.start), jobs.map(job).collect());
        store.load(run, &batch).await.map(drop)
    })
}

/// A session that has the row of a run, which a load writes to last.
async fn hold_run(url: &str, run: RunId) -> PgConnection {
    let mut holder = PgConnection::connect(url).await.unwrap();
    let hold = format!("BEGIN; SELECT 1 FROM runs WHERE id = {run} FOR UPDATE");
    sqlx::raw_sql(AssertSqlSafe(hold))
        .execute(&mut holder)
        .await
        .unwrap();
    holder
}

/// A load has written its records and changes by then, and not committed.
async fn until_a_load_waits(holder: &mut PgConnection) {
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))";
    let started = Instant::now();
    while !sqlx::query_scalar::<_, bool>(sql)
        .fetch_one(&mut *holder)
        .await
        .unwrap()
    {
        assert!(started.elapsed() < Duration::from_secs(20), "nobody waits");
    }
}

/// Every job below this number is stored once and told once, in an order that a reader can follow.
async fn holds_each_once(store: &Store, jobs: u32) {
    let ids = store.active_ids(Kind::Job, BOARD).await.unwrap();
    let expected: HashSet<RecordId> = (0..jobs).map(job_id).collect();
    assert_eq!(ids.len(), expected.len());
    assert_eq!(ids.into_iter().collect::<HashSet<_>>(), expected);
    let changes = store.changes_after(0, 10_000).await.unwrap();
    assert_eq!(changes.len(), expected.len());
    assert!(
        changes
            .iter()
            .all(|(change, _)| change.op == Op::Added && change.revision == 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_that_restarts_in_mid_transaction_loses_and_doubles_nothing() {
    let cluster = tokio::task::spawn_blocking(Cluster::start).await.unwrap();
    let cluster = std::sync::Arc::new(cluster);
    let store = Store::open(&cluster.url()).await.unwrap();
    let run = begin(&store).await;
    load(&store, run, 0..20).await.unwrap().unwrap();
    for round in 1..4 {
        let mut holder = hold_run(&cluster.url(), run).await;
        let held = load(&store, run, round * 20..(round + 1) * 20);
        until_a_load_waits(&mut holder).await;
        let crashing = std::sync::Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || crashing.crash_and_come_back())
            .await
            .unwrap();
        held.await.unwrap().unwrap();
    }
    holds_each_once(&store, 80).await;
    let counts = store.run(run).await.unwrap().unwrap().counts;
    assert_eq!((counts.pages, counts.added, counts.unchanged), (4, 80, 0));
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_that_refuses_for_now_is_asked_again() {
    on_postgres(|scratch| async move {
        let store = scratch.open().await;
        let run = begin(&store).await;
        // A number is taken for good, also in a transaction that is rolled back.
        let refusal = "CREATE SEQUENCE refusals;
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE codes text[] = ARRAY['40001', '40P01', '57P01', '53300', '08006', '25P03'];
            DECLARE number bigint = nextval('refusals');
            BEGIN
                IF number <= array_length(codes, 1) THEN
                    RAISE EXCEPTION 'not now' USING ERRCODE = codes[number];
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON changes FOR EACH STATEMENT EXECUTE FUNCTION refuse();";
        sql(&store, &scratch, refusal).await;
        load(&store, run, 0..20).await.unwrap().unwrap();
        holds_each_once(&store, 20).await;
        let sql = "SELECT last_value FROM refusals";
        assert_eq!(store.rows::<(i64,)>(sql, []).await.unwrap(), [(7,)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_that_does_not_come_to_an_end_is_a_clear_error() {
    on_postgres(|scratch| async move {
        let [brief, long] = [Duration::from_millis(100), Duration::from_secs(20)];
        for (statement_timeout, lock_timeout, remedy) in [
            (brief, long, "raise `statement_timeout`"),
            (long, brief, "raise `lock_timeout`"),
        ] {
            let options = StoreOptions {
                statement_timeout,
                lock_timeout,
            };
            let store = Store::open_with(&scratch.url, &options).await.unwrap();
            let run = begin(&store).await;
            let holder = hold_run(&scratch.url, run).await;
            let error = load(&store, run, 0..20).await.unwrap().unwrap_err();
            assert!(error.to_string().contains(remedy), "{error}");
            assert!(error.is_retryable());
            holder.close().await.unwrap();
            load(&store, run, 0..20).await.unwrap().unwrap();
            holds_each_once(&store, 20).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_status_waits_no_longer_than_the_settings_say() {
    on_postgres(|scratch| async move {
        scratch.open().await.shutdown().await;
        let mut holder = PgConnection::connect(&scratch.url).await.unwrap();
        let hold = "BEGIN; LOCK TABLE records IN ACCESS EXCLUSIVE MODE";
        sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
        for setting in ["LOCK_TIMEOUT", "STATEMENT_TIMEOUT"] {
            let mut workspace = Workspace::empty();
            workspace.set("DATABASE_URL", &scratch.url);
            workspace.set(&format!("TRENDY_{setting}"), "100ms");
            let said = workspace.trendy(&["db", "status"]).await;
            assert_eq!(said.status, 1, "{said:#?}");
            let remedy = format!("raise `{}`", setting.to_lowercase());
            assert!(said.stderr.contains(&remedy), "{said:#?}");
        }
        holder.close().await.unwrap();
    })
    .await;
}

/// A pipeline that reads a file of this many jobs.
fn reading(jobs: u32) -> Workspace {
    let mut workspace = Workspace::empty();
    workspace.write(
        "pipelines/export.toml",
        r#"
id = "export"
kind = "job"
description = "Jobs of an export"
[source]
fetch = "file"
url = "jobs.ndjson"
[list]
extract = "json"
item = "$"
link = { json = "$.url" }
id = { json = "$.id" }
[fields]
title = { json = "$.title", required = true }
description = { json = "$.text" }
[defaults]
board = "export"
company = "Example"
"#,
    );
    let text = "We write Kotlin and Go. ".repeat(20);
    let line = |number: u32| {
        format!(
            "{{\"id\": {number}, \"url\": \"https://jobs.example/{number}\", \"title\": \"Engineer\", \"text\": \"{text}\"}}\n"
        )
    };
    workspace.write("jobs.ndjson", &(0..jobs).map(line).collect::<String>());
    workspace.set("TRENDY_LOCK_TIMEOUT", "100ms");
    workspace
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_that_another_process_locks_is_a_clear_error_and_the_next_run_completes() {
    let workspace = reading(5);
    let said = workspace.trendy(&["db", "migrate"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let url = format!("sqlite://{}", workspace.path("trendy.db").display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let said = workspace.trendy(&["run", "export"]).await;
    assert_eq!(said.status, 1, "{said:#?}");
    assert!(
        said.stderr
            .contains("`trendy.db` is locked by another process; wait until it has ended"),
        "{said:#?}"
    );
    assert!(
        !said.stderr.contains("past its age"),
        "waited for twice: {said:#?}"
    );
    other.close().await.unwrap();
    let said = workspace
        .trendy(&["run", "export", "--format", "json"])
        .await;
    assert_eq!(
        (said.status, &said.json()[0]["added"]),
        (0, &5.into()),
        "{said:#?}"
    );
}

/// Runs a script in a workspace that calls the program as `$TRENDY`, in a mount namespace of its own: the disks that it mounts
/// are gone with it.
#[track_caller]
fn with_disks(workspace: &Workspace, script: &str) {
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-ec", script])
        .current_dir(workspace.path(""))
        .env("TRENDY", env!("CARGO_BIN_EXE_trendy"))
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_backup_and_restore_name_the_place_that_has_no_room() {
    let workspace = reading(500);
    let said = workspace.trendy(&["run", "export"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let script = r#"
        mkdir small
        mount -t tmpfs -o size=128k none small
        "$TRENDY" db backup small/b.db 2>backup.err && exit 1
        ls small >left.txt
        "$TRENDY" db backup b.db
        "$TRENDY" --database small/trendy.db db restore b.db 2>restore.err && exit 1
        ls small >>left.txt
    "#;
    with_disks(&workspace, script);
    for (file, place) in [
        ("backup.err", "small/b.db"),
        ("restore.err", "small/trendy.db"),
    ] {
        let told = std::fs::read_to_string(workspace.path(file)).unwrap();
        let reason = format!("no room is left for `{place}`; make some on its disk");
        assert!(told.contains(&reason), "{told}");
    }
    let left = std::fs::read_to_string(workspace.path("left.txt")).unwrap();
    assert_eq!(left, "trendy.db.locks\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_on_a_disk_that_cannot_be_written_says_so() {
    let workspace = reading(5);
    let said = workspace.trendy(&["run", "export"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let script = r#"
        mkdir disk
        mount -t tmpfs none disk
        cp trendy.db disk
        mount -o remount,ro disk
        for command in "db status" "db backup b.db" dead-letters report "run export"; do
            code=0; "$TRENDY" --database disk/trendy.db $command 2>>told.err || code=$?
            echo "$code" >>codes.txt
        done
    "#;
    with_disks(&workspace, script);
    let read = |name| std::fs::read_to_string(workspace.path(name)).unwrap();
    assert_eq!(read("codes.txt"), "1\n".repeat(5), "{}", read("told.err"));
    for told in read("told.err")
        .lines()
        .filter(|line| line.contains("error"))
    {
        assert!(
            told.contains("`disk/trendy.db` or its folder cannot be written"),
            "{told}"
        );
        assert!(told.contains("Read-only file system"), "{told}");
    }
    assert!(!workspace.path("b.db").exists());
}

/// In a mount namespace of its own, so that the small disk is gone with it.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_whose_disk_is_full_is_a_clear_error_and_the_next_run_completes() {
    const JOBS: u32 = 2_500;
    let workspace = reading(JOBS);
    let script = r#"
        mkdir small
        mount -t tmpfs -o size=2m none small
        code=0; "$TRENDY" run export --format json >first.out 2>first.err || code=$?
        echo "$code" >first.code
        "$TRENDY" db status --format json >first.json
        mount -o remount,size=64m small
        "$TRENDY" run export 2>second.err
        "$TRENDY" db status --format json >second.json
        "$TRENDY" runs --format json >runs.json
    "#;
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-ec", script])
        .current_dir(workspace.path(""))
        .env("TRENDY", env!("CARGO_BIN_EXE_trendy"))
        .env("DATABASE_URL", "sqlite:small/trendy.db")
        .output()
        .unwrap();
    let read = |name: &str| std::fs::read_to_string(workspace.path(name)).unwrap_or_default();
    let json = |name: &str| serde_json::from_str::<Value>(&read(name)).unwrap();
    assert!(
        output.status.success(),
        "{output:?}\n{}",
        read("second.err")
    );

    assert_eq!(read("first.code").trim(), "1");
    let told = read("first.err");
    assert!(
        told.contains("no room is left for the store at `small/trendy.db`; make some on its disk"),
        "{told}"
    );
    let kept = json("first.json")["rows"]["records"].as_u64().unwrap();
    assert!((1..JOBS.into()).contains(&kept), "{kept}");
    let summary = &json("first.out")[0];
    assert_eq!(
        (&summary["outcome"], &summary["added"]),
        (&"failed".into(), &kept.into())
    );
    assert_eq!(json("second.json")["rows"]["records"], JOBS);
    let runs = json("runs.json");
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    assert_eq!(
        (&runs[0]["added"], &runs[0]["outcome"]),
        (&JOBS.into(), &"ok".into())
    );
}
