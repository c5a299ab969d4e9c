//! What the README and the other documents show is true.

use crate::support::trendy::{Workspace, root};

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

#[tokio::test]
async fn its_pipeline_files_are_right() {
    let workspace = Workspace::empty();
    let text = readme();
    let files: Vec<&str> = text
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    for (number, file) in files.iter().enumerate() {
        workspace.write(&format!("pipelines/{number}.toml"), file);
    }
    let said = workspace.trendy(&["check"]).await;
    assert_eq!((said.status, files.len()), (0, 3), "{said:#?}");
}

#[tokio::test]
async fn its_commands_and_flags_are_known() {
    let workspace = Workspace::empty();
    let text = readme();
    let commands = text
        .lines()
        .filter_map(|line| line.strip_prefix("    trendy "));
    let mut seen = 0;
    for command in commands {
        let words: Vec<&str> = command
            .split('#')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        let said = workspace.trendy(&[&words[..], &["--help"]].concat()).await;
        assert_eq!(said.status, 0, "trendy {command}: {said:#?}");
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(said.stdout.contains(*flag), "trendy {command}: no `{flag}`");
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen} commands");
}

#[tokio::test]
async fn its_exit_codes_are_those_of_the_help() {
    let help = Workspace::empty().trendy(&["--help"]).await.stdout;
    for row in readme()
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
    {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let meaning = cells[1].replace('`', "");
        let line = help
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{} ", cells[0])));
        assert!(
            line.is_some_and(|line| line.ends_with(&meaning)),
            "{row} is not in the help"
        );
    }
}

#[tokio::test]
async fn schemas_in_the_documents_are_those_of_the_program() {
    let workspace = Workspace::empty();
    for kind in ["pipeline", "schedule", "settings"] {
        let path = root().join(format!("docs/schema/{kind}.json"));
        let said = workspace.trendy(&["schema", kind]).await;
        let kept = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            kept, said.stdout,
            "run `just generate` and commit docs/schema/{kind}.json"
        );
    }
}
