use std::io::{BufRead, Write};

use serde::Serialize;

use super::Context;
use super::exit::{Exit, Failure};
use super::services;

/// Find the technologies in a text, or in each line of stdin
#[derive(Debug, clap::Args)]
pub(super) struct TermsArgs {
    /// Texts; without any, each line of stdin is one
    text: Vec<String>,
    /// Show where each term stands and which rule found it
    #[arg(long)]
    explain: bool,
}

#[derive(Serialize)]
struct Explained<'a> {
    term: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    text: &'a str,
    start: usize,
    end: usize,
    rule: &'a str,
    confidence: f32,
}

pub(super) fn run(args: &TermsArgs, context: &Context) -> Result<Exit, Failure> {
    let dictionaries = services::dictionaries(&context.settings()?)?;
    let mut out = std::io::stdout().lock();
    let mut answer = |text: &str| -> Result<(), Failure> {
        if args.explain {
            for found in dictionaries.terms().find(text) {
                let explained = Explained {
                    term: &found.term.name,
                    kind: found.term.kind.as_str(),
                    text: &text[found.span.clone()],
                    start: found.span.start,
                    end: found.span.end,
                    rule: found.rule.as_str(),
                    confidence: found.confidence,
                };
                serde_json::to_writer(&mut out, &explained).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        } else {
            let names: Vec<String> = dictionaries.terms().terms(text).into_iter().map(|term| term.name).collect();
            writeln!(out, "{}", names.join(", "))?;
        }
        Ok(())
    };
    if args.text.is_empty() {
        for line in std::io::stdin().lock().lines() {
            answer(&line?)?;
        }
    } else {
        for text in &args.text {
            answer(text)?;
        }
    }
    Ok(Exit::Done)
}
