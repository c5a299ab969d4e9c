//! Finds the technologies in a folder of texts, and beside it does so with one regular expression a term, as many a
//! script does. `bench/terms` makes the texts, calls this, and says what is compared with what.
//!
//! Prints a line a finder and text: its name, the text's, bytes read, seconds, terms found.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use regex::Regex;
use trendy::normalize::terms::Dictionary;

/// Rounds over a text, of which the fastest counts: the others shared the machine.
const ROUNDS: usize = 5;
/// Bytes that the expressions get: they are hundreds, and each reads all of them.
const FEW: usize = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let folder = PathBuf::from(folder.ok_or("no folder: call bench/terms")?);
    let dictionary = Dictionary::bundled();
    let expressions = expressions(&folder.join("spellings.tsv"))?;
    for name in ["ko", "en", "dense-ko", "dense-en"] {
        let text = fs::read_to_string(folder.join(name).with_extension("txt"))?;
        let postings: Vec<&str> = text.split('\0').collect();
        for _ in 0..ROUNDS {
            time("trendy", name, &postings, |posting| {
                dictionary.terms(posting).len()
            });
        }
        let mut bytes = 0;
        let is_within = |posting: &&&str| {
            bytes += posting.len();
            bytes <= FEW
        };
        let few: Vec<&str> = postings.iter().take_while(is_within).copied().collect();
        time("a regex a term", name, &few, |posting| {
            let matches = expressions.iter().filter(|one| one.is_match(posting));
            matches.count()
        });
    }
    Ok(())
}

fn time(finder: &str, name: &str, postings: &[&str], find: impl Fn(&str) -> usize) {
    let bytes: usize = postings.iter().map(|posting| posting.len()).sum();
    let start = Instant::now();
    let found: usize = postings.iter().map(|posting| find(posting)).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("{finder}\t{name}\t{bytes}\t{seconds}\t{found}");
}

/// An expression a term of all its spellings, between what is no letter of a word.
fn expressions(path: &Path) -> Result<Vec<Regex>, Box<dyn Error>> {
    let mut spellings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in fs::read_to_string(path)?.lines() {
        let (term, spelling) = line.split_once('\t').ok_or("a line without a tab")?;
        let escaped = regex::escape(spelling);
        spellings.entry(term.to_owned()).or_default().push(escaped);
    }
    let mut expressions = Vec::with_capacity(spellings.len());
    for spellings in spellings.values() {
        let any = spellings.join("|");
        let whole = format!("(?i)(?:^|[^A-Za-z0-9_])(?:{any})(?:[^A-Za-z0-9_]|$)");
        expressions.push(Regex::new(&whole)?);
    }
    Ok(expressions)
}
