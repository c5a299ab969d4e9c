//! Whole runs of the program with a browser: what they say, and what they leave running.

use tokio::process::Child;
use tokio::time::Instant;

use super::processes::{Family, MARK, kill, signal};
use crate::support::trendy::{Said, Workspace};

/// Entries that take a while to come.
const LIST: &str = "<ul></ul><script>setTimeout(() => {
    document.querySelector('ul').innerHTML = '<li><a href=/jobs/1>Engineer</a></li>';
}, 3000)</script>";

/// A board with this list, and the browsers of its runs.
async fn board(list: &str, source: &str) -> (Workspace, Family) {
    let mut workspace = Workspace::empty();
    let text = format!(
        "id = \"board\"\nkind = \"job\"\ndescription = \"A board\"\n[source]\nfetch = \"browser\"\n\
         url = \"https://board.example/jobs\"\n{source}\n[list]\nitem = \"li\"\n\
         link = {{ css = \"a\", attr = \"href\" }}\nfields.title = {{ css = \"a\" }}\n[defaults]\nboard = \"b\""
    );
    workspace.write("pipelines/board.toml", &text);
    workspace.write("sites/board/day-1/jobs/index.html", list);
    workspace.serve_own("board").await;
    let mark = workspace.path("mark").display().to_string();
    workspace.set(MARK, &mark);
    let folder = workspace.path("tmp");
    std::fs::create_dir(&folder).unwrap();
    workspace.set("TMPDIR", folder.to_str().unwrap());
    let family = Family::below(&format!("{MARK}={mark}"), &folder);
    (workspace, family)
}

/// Waits until the browser has asked for the list this often.
async fn asked(workspace: &Workspace, times: usize) {
    let deadline = Instant::now() + std::time::Duration::from_mins(1);
    let count = || {
        let asked = workspace.asked("board");
        asked.iter().filter(|path| *path == "/jobs").count()
    };
    while count() < times {
        assert!(Instant::now() < deadline, "{:?}", workspace.asked("board"));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn end(run: Child) -> Said {
    run.wait_with_output().await.unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_on_after_success_and_failure() {
    for (source, status, words) in [
        ("wait_for = \"li\"", 0, "1 added"),
        (
            "[[source.steps]]\nclick = \"#more\"\ntimeout = \"100ms\"",
            1,
            "step 1 (click `#more`) failed on https://board.example/jobs: nothing on the page matches it",
        ),
    ] {
        let (workspace, family) = board(&LIST.replace("3000", "10"), source).await;
        let said = workspace.trendy(&["run", "board"]).await;
        assert_eq!(said.status, status, "{said:#?}");
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(status == 0 || all.contains(words), "{said:#?}");
        assert_eq!(status == 1, workspace.path("browser-failures").is_dir());
        family.wait_until_gone().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_on_after_an_interruption() {
    let (workspace, family) = board(LIST, "wait_for = \"#never\"\ntimeout = \"5m\"").await;
    let run = workspace.start(&["run", "board"]);
    asked(&workspace, 1).await;
    assert!(family.members().len() > 4, "{:#?}", family.members());
    signal("-INT", &run.id().unwrap().to_string());
    assert_eq!(end(run).await.status, 130);
    family.wait_until_gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_or_tab_that_dies_is_replaced_and_its_page_read_again() {
    for victim in ["driver", "tab"] {
        let (workspace, family) = board(LIST, "wait_for = \"li\"").await;
        let run = workspace.start(&["run", "board", "--format", "json"]);
        asked(&workspace, 1).await;
        match victim {
            "tab" => family.kill_tabs(),
            _ => kill(&family.mark, "chromedriver --port"),
        }
        asked(&workspace, 2).await;
        let said = end(run).await;
        assert_eq!(said.status, 0, "{victim}: {said:#?}");
        assert_eq!(said.json()[0]["added"], 1, "{victim}: {said:#?}");
        family.wait_until_gone().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_button_never_was_there_closes_nothing() {
    let entry = |n: u32| format!("<li><a href=/jobs/{n}>Engineer {n}</a></li>");
    let list = |entries: &[u32], rest: &str| {
        let entries: String = entries.iter().map(|&n| entry(n)).collect();
        format!("<ul>{entries}</ul>{rest}")
    };
    let paging = "[source.pages]\nload_more = \"button.more\"";
    let (mut workspace, _) = board(&list(&[1, 2], ""), paging).await;
    let run = ["run", "board", "--format", "json"];
    let said = workspace.trendy(&run).await;
    assert_eq!(said.status, 0, "nothing is lost yet: {said:#?}");
    assert!(
        said.stderr.contains("`load_more` found no button")
            && said.stderr.contains("button.more")
            && said.stderr.contains("https://board.example/jobs"),
        "{said:#?}"
    );

    let page = "sites/board/day-1/jobs/index.html";
    workspace.write(page, &list(&[1], ""));
    workspace.serve_own("board").await;
    let said = workspace.trendy(&run).await;
    assert_eq!(said.status, 1, "{said:#?}");
    assert_eq!(said.json()[0]["outcome"], "partial", "{said:#?}");
    assert_eq!(said.json()[0]["closed"], 0, "{said:#?}");
    let all = format!("{}{}", said.stdout, said.stderr);
    assert!(all.contains("`button.more` that was never there"), "{all}");

    workspace.write(page, &list(&[1], "<button class=more hidden>More</button>"));
    workspace.serve_own("board").await;
    let said = workspace.trendy(&run).await;
    assert_eq!(
        said.json()[0]["closed"],
        1,
        "a hidden button is the end: {said:#?}"
    );

    workspace.write(page, &list(&[3], ""));
    let file = "pipelines/board.toml";
    let text = std::fs::read_to_string(workspace.path(file)).unwrap();
    workspace.write(
        file,
        &text.replace(paging, &format!("{paging}\noptional = true")),
    );
    workspace.serve_own("board").await;
    let said = workspace.trendy(&run).await;
    assert_eq!(said.status, 0, "{said:#?}");
    assert_eq!(said.json()[0]["closed"], 1, "{said:#?}");
    assert!(!said.stderr.contains("found no button"), "{said:#?}");
}
