use std::fmt;
use std::path::Path;

use crate::config::Schedule;
use crate::record::PipelineId;

/// A plan that cron cannot keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrontabError {
    /// Cron knows minutes only.
    #[error(
        "schedule `{schedule}` has seconds (`{cron}`), which cron does not know; use `trendy schedule run`"
    )]
    Seconds {
        /// The schedule.
        schedule: String,
        /// Its expression.
        cron: String,
    },
    /// Cron has no such syntax.
    #[error(
        "schedule `{schedule}` has `{cron}`, which cron does not know; use `trendy schedule run`"
    )]
    Extension {
        /// The schedule.
        schedule: String,
        /// Its expression.
        cron: String,
    },
}

/// Schedules in the words of a crontab.
///
/// Times stand under the zone of their schedule by `CRON_TZ`, which cronie and systemd-cron know and Debian's cron does
/// not; there a schedule that runs at the same minute of every hour is right all the same, so it gets no `CRON_TZ`.
#[derive(Debug)]
pub struct Crontab<'a> {
    schedules: &'a [Schedule],
    program: &'a Path,
    folder: &'a Path,
}

impl<'a> Crontab<'a> {
    /// The plan of these schedules, for this program, run in this folder.
    pub fn of(
        schedules: &'a [Schedule],
        program: &'a Path,
        folder: &'a Path,
    ) -> Result<Self, CrontabError> {
        for schedule in schedules {
            let cron = schedule.cron.to_string();
            let name = || (schedule.id.clone(), cron.clone());
            if cron.split_ascii_whitespace().count() == 6 {
                let (schedule, cron) = name();
                return Err(CrontabError::Seconds { schedule, cron });
            }
            if cron.contains(['#', 'L', 'W', '?', '@']) {
                let (schedule, cron) = name();
                return Err(CrontabError::Extension { schedule, cron });
            }
        }
        Ok(Self {
            schedules,
            program,
            folder,
        })
    }
}

impl fmt::Display for Crontab<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "# Written by `trendy schedule export crontab`; edit the schedule files instead."
        )?;
        let mut zone = None;
        for schedule in self.schedules {
            let own = schedule.timezone.iana_name().unwrap_or("UTC");
            if !every_hour(&schedule.cron.to_string()) && zone != Some(own) {
                writeln!(
                    formatter,
                    "# A cron that does not know CRON_TZ (Debian's) takes its own zone for these."
                )?;
                writeln!(formatter, "CRON_TZ={own}")?;
                zone = Some(own);
            }
            let names: Vec<&str> = schedule.pipelines.iter().map(PipelineId::as_str).collect();
            writeln!(formatter, "# {}", schedule.id)?;
            writeln!(
                formatter,
                "{} cd {} && {} run {}",
                schedule.cron,
                quote(self.folder),
                quote(self.program),
                names.join(" ")
            )?;
        }
        Ok(())
    }
}

/// Whether an expression is the same in every zone that is whole hours away.
fn every_hour(cron: &str) -> bool {
    cron.split_ascii_whitespace()
        .skip(1)
        .all(|field| field == "*")
}

/// A path for the shell that cron calls; cron itself reads `%` as a line break.
fn quote(path: &Path) -> String {
    let text = path
        .display()
        .to_string()
        .replace('\'', r"'\''")
        .replace('%', r"\%");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{text}'")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn schedules(text: &str) -> Vec<Schedule> {
        Schedule::parse_all(
            Path::new("s.toml"),
            text.to_owned(),
            &BTreeSet::from(["a", "b"]),
        )
        .unwrap()
    }

    #[test]
    fn a_plan_stands_under_its_zone_and_is_safe_for_the_shell() {
        let schedules = schedules(
            "[[schedule]]\nid = 'half-hourly'\ncron = '*/30 * * * *'\ntimezone = 'Asia/Seoul'\npipelines = ['a', 'b']\n\
             [[schedule]]\nid = 'morning'\ncron = '0 7 * * MON-FRI'\ntimezone = 'Asia/Seoul'\npipelines = ['a']",
        );
        let crontab = Crontab::of(
            &schedules,
            Path::new("/usr/bin/trendy"),
            Path::new("/srv/it's 5%"),
        )
        .unwrap();
        insta::assert_snapshot!(crontab, @r"
        # Written by `trendy schedule export crontab`; edit the schedule files instead.
        # half-hourly
        */30 * * * * cd '/srv/it'\''s 5\%' && /usr/bin/trendy run a b
        # A cron that does not know CRON_TZ (Debian's) takes its own zone for these.
        CRON_TZ=Asia/Seoul
        # morning
        0 7 * * 1-5 cd '/srv/it'\''s 5\%' && /usr/bin/trendy run a
        ");
    }

    #[test]
    fn seconds_are_refused() {
        let schedules =
            schedules("[[schedule]]\nid = 's'\ncron = '*/5 * * * * *'\npipelines = ['a']");
        let error = Crontab::of(&schedules, Path::new("t"), Path::new("/")).unwrap_err();
        assert!(
            error.to_string().contains("which cron does not know"),
            "{error}"
        );
    }
}
