//! What counts as a change, and how often a page is looked at for one.

use std::time::Duration;

use super::Checker;
use crate::record::Field;

impl Checker<'_> {
    pub(super) fn refresh(&mut self, text: Option<&str>) -> Option<Duration> {
        const KEY: &[&str] = &["detail", "refresh"];
        let refresh = self.document.accept(KEY, parse_days(text?))?;
        if refresh.is_zero() {
            let hint = Some("leave the key out to ask for every page at each run".to_owned());
            self.document
                .problem(KEY, "`refresh` is longer than nothing", hint);
        }
        Some(refresh)
    }

    pub(super) fn ignored(&mut self, names: &[String]) -> Vec<Field> {
        let read = |name: &String| self.field(&["snapshot", "ignore"], name);
        names.iter().filter_map(read).collect()
    }
}

/// A duration that may be told in days and weeks too, each day of 24 hours.
fn parse_days(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!("`{text}` is no duration: write a number and its unit, such as `7d`, `12h`, `2w`")
    };
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let signed = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::check::tests::{GOOD, problems};
    use crate::config::pipeline::Pipeline;

    #[test]
    fn a_refresh_is_told_in_days_too() {
        let with =
            |refresh: &str| GOOD.replace("[fields]", &format!("refresh = \"{refresh}\"\n[fields]"));
        let read = |refresh: &str| Pipeline::parse(Path::new("p.toml"), with(refresh)).unwrap();
        assert_eq!(read("7d").refresh, Some(Duration::from_hours(7 * 24)));
        assert_eq!(
            read("1w 12h").refresh,
            Some(Duration::from_hours(7 * 24 + 12))
        );
        for wrong in ["often", "-1d", "1 month", "0s"] {
            assert!(
                problems(&with(wrong))[0].contains("p.toml:14"),
                "{wrong}: {:?}",
                problems(&with(wrong))
            );
        }
    }

    #[test]
    fn only_fields_of_the_kind_can_be_ignored() {
        let with = |fields: &str| {
            GOOD.replace(
                "[fields]",
                &format!("[snapshot]\nignore = [{fields}]\n[fields]"),
            )
        };
        assert_eq!(problems(&with("\"category\"")), Vec::<String>::new());
        let found = problems(&with("\"categry\""));
        assert!(
            found[0].contains("a job has no field `categry`"),
            "{found:?}"
        );
        assert!(
            found[0].ends_with("hint: did you mean `category`?"),
            "{found:?}"
        );
    }
}
