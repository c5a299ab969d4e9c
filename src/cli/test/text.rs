//! What differs, for people: record by record, field by field.

use std::io::{self, Write};

use serde_json::Value;
use trendy::cause::printable;
use trendy::demo::{Difference, FieldDifference};

use super::Tested;
use crate::cli::exit::Failure;

pub(super) fn print(tested: &Tested) -> Result<(), Failure> {
    Ok(write(&mut io::stdout().lock(), tested)?)
}

fn write(out: &mut impl Write, tested: &Tested) -> io::Result<()> {
    let (pipeline, case, records) = (&tested.pipeline, &tested.case, tested.records);
    let differ = tested.differences.len();
    let verdict = match (&tested.problem, tested.updated, differ) {
        (Some(problem), _, _) => printable(problem),
        (None, true, _) => format!("accepted: {records} records, {differ} differed"),
        (None, false, 0) => format!("{records} records, as expected"),
        (None, false, _) => format!("{records} records, {differ} differ"),
    };
    writeln!(out, "{pipeline}/{case}: {verdict}")?;
    for difference in &tested.differences {
        let url = printable(difference.url());
        match difference {
            Difference::Missing { id, .. } => writeln!(out, "- {url} ({id})")?,
            Difference::Surplus { id, .. } => writeln!(out, "+ {url} ({id})")?,
            Difference::Changed { fields, .. } => {
                writeln!(out, "  {url}")?;
                for field in fields {
                    write_field(out, field)?;
                }
            }
        }
    }
    Ok(())
}

/// Both values of a field; of a text of many lines those that differ, each with its number.
fn write_field(out: &mut impl Write, difference: &FieldDifference) -> io::Result<()> {
    let FieldDifference {
        field,
        expected,
        found,
    } = difference;
    let (Value::String(one), Value::String(other)) = (expected, found) else {
        writeln!(out, "    - {field}: {}", printable(&expected.to_string()))?;
        return writeln!(out, "    + {field}: {}", printable(&found.to_string()));
    };
    let (one, other): (Vec<&str>, Vec<&str>) =
        (one.split('\n').collect(), other.split('\n').collect());
    let same = |(one, other): &(&&str, &&str)| one == other;
    let before = one.iter().zip(&other).take_while(same).count();
    let after = one[before..]
        .iter()
        .rev()
        .zip(other[before..].iter().rev())
        .take_while(same)
        .count();
    for (sign, lines) in [('-', &one), ('+', &other)] {
        for number in before..lines.len() - after {
            let place = if lines.len() > 1 {
                format!(" line {}", number + 1)
            } else {
                String::new()
            };
            let line = Value::from(lines[number]).to_string();
            writeln!(out, "    {sign} {field}{place}: {}", printable(&line))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_only_the_lines_that_differ_are_shown() {
        let difference = |expected: &str, found: &str| {
            let mut out = Vec::new();
            let difference = FieldDifference {
                field: "text".to_owned(),
                expected: expected.into(),
                found: found.into(),
            };
            write_field(&mut out, &difference).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            difference("a\nb\nc", "a\nB\nc"),
            "    - text line 2: \"b\"\n    + text line 2: \"B\"\n"
        );
        assert_eq!(difference("a\nc", "a\nb\nc"), "    + text line 2: \"b\"\n");
        assert_eq!(difference("a\na", "a"), "    - text line 2: \"a\"\n");
        assert_eq!(
            difference("a", "\u{1b}[31m"),
            "    - text: \"a\"\n    + text: \"\\u001b[31m\"\n"
        );
    }
}
