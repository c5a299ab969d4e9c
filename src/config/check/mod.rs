//! From a pipeline file as it is written to a pipeline that cannot be wrong.

mod changes;
mod paging;
mod quality;
mod rules;
mod source;
mod steps;

pub(crate) use self::steps::KEYS;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::config::document::SourceDocument;
use crate::config::pipeline::{
    Detail, Fetch, List, ListExtract, ListFile, ListFormat, Pipeline, PipelineFile, Politeness,
    PolitenessFile, ScriptFile, Snapshot, SnapshotFile,
};
use crate::config::preset;
use crate::config::problem::ConfigError;
use crate::config::rule::Select;
use crate::record::{Field, Kind, PipelineId};

const DEFAULT_DELAY: Duration = Duration::from_secs(1);
const DEFAULT_SHRINK_LIMIT: f64 = 0.5;

/// Language of the selectors of a part of the file.
#[derive(Clone, Copy, PartialEq)]
enum Language {
    Css,
    Json,
    /// The format knows its fields; no selector is allowed.
    Known,
}

impl From<ListExtract> for Language {
    fn from(list: ListExtract) -> Self {
        match list {
            ListExtract::Css => Self::Css,
            ListExtract::Json => Self::Json,
            ListExtract::Feed | ListExtract::Kma | ListExtract::Sitemap => Self::Known,
        }
    }
}

impl Pipeline {
    /// Reads and checks a pipeline file's text; `path` is what messages call it.
    pub fn parse(path: &Path, text: String) -> Result<Self, ConfigError> {
        let file_hash = Sha256::digest(&text).into();
        let mut document = SourceDocument::read(path, text)?;
        let Some(whole) = preset::complete(&mut document) else {
            document.finish()?;
            return Err(unreachable_gap(path));
        };
        let file: PipelineFile = document.deserialize(whole)?;
        let pipeline = Checker {
            document: &mut document,
            kind: file.kind,
            groups: Groups::Found,
        }
        .pipeline(path, file_hash, file);
        document.finish()?;
        pipeline.ok_or_else(|| unreachable_gap(path))
    }
}

/// A check that gives nothing notes a problem, and then `finish` has failed before.
fn unreachable_gap(path: &Path) -> ConfigError {
    crate::config::problem::Problem::of_file(
        path,
        "the file could not be checked; please report this",
    )
    .into()
}

struct Checker<'a> {
    document: &'a mut SourceDocument,
    kind: Kind,
    groups: Groups,
}

/// Whether the rules that are checked can read the group of an entry.
#[derive(Clone, Copy)]
enum Groups {
    Found,
    /// Nothing in the file finds groups.
    Unknown,
    /// The rules read the page behind an entry.
    Left,
}

impl Checker<'_> {
    fn pipeline(
        &mut self,
        path: &Path,
        file_hash: [u8; 32],
        file: PipelineFile,
    ) -> Option<Pipeline> {
        self.id(&file.id);
        let list_language = Language::from(file.list.extract);
        let is_sitemap = file.list.extract == ListExtract::Sitemap;
        let refresh = file.detail.as_ref();
        let refresh = self.refresh(refresh.and_then(|detail| detail.refresh.as_deref()));
        let detail = file.detail.map(|detail| detail.extract);
        let field_language = match detail {
            Some(Detail::Css | Detail::Jsonld | Detail::Article) => Language::Css,
            Some(Detail::Json) => Language::Json,
            None => list_language,
        };
        self.format_of_kind(file.list.extract);
        let known_kind = detail.and_then(Detail::known_kind);
        if let Some(needed) = known_kind {
            self.gives(&["detail", "extract"], needed);
        }
        if is_sitemap && detail.is_none() {
            self.document.problem(
                &["list", "extract"],
                "a sitemap names addresses only: nothing reads the page behind each",
                Some("add `[detail]`".to_owned()),
            );
        }
        if let (Fetch::File, Some(_)) = (file.source.fetch, detail) {
            self.document.problem(
                &["detail"],
                "files say everything themselves: no page stands behind an entry",
                Some("remove `[detail]`, and read `[fields]` from the entry".to_owned()),
            );
        }
        let (scope, defaults) = self.defaults(file.defaults);
        let fetch = file.source.fetch;
        let source = self.source(file.source, file.list.extract);
        let reads_title = [&file.fields, &file.list.fields]
            .iter()
            .any(|rules| rules.contains_key("title"));
        let knows_title = known_kind.is_some() || list_language == Language::Known && !is_sitemap;
        if !reads_title && !knows_title && !defaults.contains_key(&Field::Title) {
            let hint = Some("add `title = { css = \"h1\", required = true }`".to_owned());
            self.document
                .problem(&["fields"], "nothing reads `title`", hint);
        }
        if file.list.group.is_none() {
            self.groups = Groups::Unknown;
        }
        if let (Fetch::File, true) = (fetch, file.list.script.is_some()) {
            let message = "files are JSON themselves: remove the key";
            self.document.problem(&["list", "script"], message, None);
        }
        let list = self.list(file.list);
        if detail.is_some() {
            self.groups = Groups::Left;
        }
        let fields = self.rules(&["fields"], file.fields, field_language);
        let politeness = self.politeness(&file.politeness);
        let snapshot = self.snapshot(&file.snapshot);
        let ignored = self.ignored(&file.snapshot.ignore);
        let quality = self.quality(file.quality);
        Some(Pipeline {
            id: PipelineId(file.id),
            kind: self.kind,
            description: file.description,
            enabled: file.enabled,
            path: path.to_owned(),
            file_hash,
            preset: file.preset,
            source: source?,
            list: list?,
            detail,
            refresh,
            fields,
            scope: scope?,
            defaults,
            politeness: politeness?,
            snapshot: snapshot?,
            ignored,
            quality,
        })
    }

    fn id(&mut self, id: &str) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(fits) {
            let hint = Some(
                "use lower-case letters, digits and hyphens, such as `daangn-careers`".to_owned(),
            );
            self.document.problem(
                &["id"],
                format!("`{id}` cannot be the name of a pipeline"),
                hint,
            );
        }
    }

    fn format_of_kind(&mut self, format: ListExtract) {
        let needed = match format {
            ListExtract::Feed => Kind::Post,
            ListExtract::Kma => Kind::Weather,
            ListExtract::Css | ListExtract::Json | ListExtract::Sitemap
                if self.kind == Kind::Weather =>
            {
                let hint = Some("known for weather: `kma`".to_owned());
                self.document.problem(
                    &["list", "extract"],
                    "weather needs a format that types its readings",
                    hint,
                );
                return;
            }
            ListExtract::Css | ListExtract::Json | ListExtract::Sitemap => return,
        };
        self.gives(&["list", "extract"], needed);
    }

    /// A format that knows its fields gives records of one kind.
    fn gives(&mut self, key: &[&str], needed: Kind) {
        if needed != self.kind {
            let message = format!(
                "this format gives records of kind `{needed}`, but the pipeline's kind is `{}`",
                self.kind
            );
            self.document
                .problem(key, message, Some(format!("set `kind = \"{needed}\"`")));
        }
    }

    fn list(&mut self, file: ListFile) -> Option<List> {
        let language = Language::from(file.extract);
        let pattern = match file.pattern {
            None => None,
            Some(pattern) => Some(self.regex(&["list", "pattern"], &pattern)?),
        };
        if pattern.is_some() && file.extract != ListExtract::Sitemap {
            self.document.problem(
                &["list", "pattern"],
                "`pattern` goes with `extract = \"sitemap\"`",
                None,
            );
        }
        let fields = self.rules(&["list", "fields"], file.fields, language);
        if language == Language::Known {
            for (given, key) in [
                (file.item.is_some(), "item"),
                (file.script.is_some(), "script"),
                (file.group.is_some(), "group"),
                (file.link.is_some(), "link"),
                (file.id.is_some(), "id"),
            ] {
                if given {
                    self.document.problem(
                        &["list", key],
                        "this format knows its entries: remove the key",
                        None,
                    );
                }
            }
            let format = match file.extract {
                ListExtract::Kma => ListFormat::Kma,
                ListExtract::Sitemap => ListFormat::Sitemap { pattern },
                _ => ListFormat::Feed,
            };
            return Some(List {
                format,
                script: None,
                group: None,
                link: None,
                id: None,
                fields,
            });
        }
        let format = match file.item {
            Some(item) if language == Language::Json => self.json(&["list", "item"], &item),
            Some(item) => self.css(&["list", "item"], &item),
            None => {
                self.document.problem(
                    &["list"],
                    "`item` is missing: what marks one entry of the list?",
                    None,
                );
                None
            }
        };
        let script = match &file.script {
            None => None,
            Some(script) => Some(self.script(script, file.extract)?),
        };
        let group = match file.group {
            None => None,
            Some(group) if language == Language::Json => {
                Some(self.json(&["list", "group"], &group)?)
            }
            Some(group) => Some(self.css(&["list", "group"], &group)?),
        };
        let id = file
            .id
            .map(|rule| self.rule(&["list", "id"], rule, language));
        let Some(link) = file.link else {
            self.document.problem(
                &["list"],
                "`link` is missing: where is an entry's own address?",
                None,
            );
            return None;
        };
        let link = self.rule(&["list", "link"], link, language);
        Some(List {
            format: ListFormat::Items(format?),
            script,
            group,
            link: Some(link?),
            id: match id {
                Some(id) => Some(id?),
                None => None,
            },
            fields,
        })
    }

    /// Where the list's JSON stands on an HTML page.
    fn script(&mut self, file: &ScriptFile, format: ListExtract) -> Option<Select> {
        if format != ListExtract::Json {
            let message = "`script` goes with `extract = \"json\"`, whose paths read it";
            self.document.problem(&["list", "script"], message, None);
            return None;
        }
        let mut select = self.css(&["list", "script", "css"], &file.css)?;
        if let Select::Css { attr, .. } = &mut select {
            attr.clone_from(&file.attr);
        }
        Some(select)
    }

    /// The owner of the list, and the other defaults.
    fn defaults(
        &mut self,
        mut file: BTreeMap<String, String>,
    ) -> (Option<String>, BTreeMap<Field, String>) {
        let owner = match self.kind {
            Kind::Job => Some("board"),
            Kind::Post => Some("source"),
            Kind::Weather => None,
        };
        let scope = match owner {
            None => Some(String::new()),
            Some(owner) => {
                let scope = file.remove(owner).filter(|name| !name.trim().is_empty());
                if scope.is_none() {
                    let hint = format!(
                        "name the list's owner once and for all, such as `{owner} = \"daangn\"`; ids depend on it"
                    );
                    self.document.problem(
                        &["defaults"],
                        format!("`{owner}` is missing in `[defaults]`"),
                        Some(hint),
                    );
                }
                scope
            }
        };
        let mut defaults = BTreeMap::new();
        for (name, value) in file {
            if let Some(field) = self.field(&["defaults", &name], &name) {
                defaults.insert(field, value);
            }
        }
        (scope, defaults)
    }

    fn politeness(&mut self, file: &PolitenessFile) -> Option<Politeness> {
        let delay = self.duration(
            &["politeness", "delay"],
            file.delay.as_deref(),
            DEFAULT_DELAY,
        );
        let concurrency = file.concurrency.unwrap_or(1);
        if !(1..=64).contains(&concurrency) {
            let hint = Some("a polite crawler opens a few connections a host".to_owned());
            self.document.problem(
                &["politeness", "concurrency"],
                "`concurrency` goes from 1 to 64",
                hint,
            );
        }
        Some(Politeness {
            delay: delay?,
            concurrency: concurrency as usize,
        })
    }

    fn snapshot(&mut self, file: &SnapshotFile) -> Option<Snapshot> {
        let shrink_limit = file.shrink_limit.unwrap_or(DEFAULT_SHRINK_LIMIT);
        if !(0.0..=1.0).contains(&shrink_limit) {
            self.document.problem(
                &["snapshot", "shrink_limit"],
                "`shrink_limit` is a share from 0 to 1",
                None,
            );
            return None;
        }
        Some(Snapshot {
            allow_empty: file.allow_empty,
            shrink_limit,
        })
    }

    fn duration(
        &mut self,
        key: &[&str],
        text: Option<&str>,
        default: Duration,
    ) -> Option<Duration> {
        let Some(text) = text else {
            return Some(default);
        };
        self.document.accept(key, parse_duration(text))
    }
}

/// A duration with its unit, such as `2s` or `1h 30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!("`{text}` is no duration: write a number and its unit, such as `2s`, `10m`, `1h`")
    };
    let signed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::pipeline::Paging;

    pub(super) const GOOD: &str = r#"
id = "daangn-careers"
kind = "job"
description = "Open positions"
[source]
url = "https://about.daangn.com/jobs/?key=${KEY}"
[source.pages]
next_link = "a.next"
[list]
item = "ul.jobs > li"
link = { css = "a", attr = "href" }
[detail]
extract = "css"
[fields]
title = { css = "h1", required = true }
[defaults]
board = "daangn"
"#;

    pub(super) fn problems(text: &str) -> Vec<String> {
        match Pipeline::parse(Path::new("p.toml"), text.to_owned()) {
            Ok(_) => Vec::new(),
            Err(ConfigError(problems)) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_right_file_becomes_a_pipeline() {
        let pipeline = Pipeline::parse(Path::new("p.toml"), GOOD.to_owned()).unwrap();
        assert_eq!(pipeline.scope, "daangn");
        assert_eq!(pipeline.politeness.delay, DEFAULT_DELAY);
        assert!(matches!(pipeline.source.pages.paging, Paging::NextLink(_)));
    }

    #[test]
    fn every_problem_is_found_at_once_with_its_place_and_a_hint() {
        let text = GOOD
            .replace("css = \"h1\"", "css = \"h1[\"")
            .replace("board = \"daangn\"", "compny = \"Daangn\"")
            .replace("[detail]", "[politeness]\ndelay = \"fast\"\n[detail]");
        insta::assert_snapshot!(problems(&text).join("\n"));
    }

    #[test]
    fn a_format_that_knows_its_fields_needs_no_rules_and_gives_one_kind() {
        let text = GOOD
            .replace("extract = \"css\"", "extract = \"jsonld\"")
            .replace("title = { css = \"h1\", required = true }", "");
        assert_eq!(problems(&text), Vec::<String>::new());
        let found = problems(&text.replace("\"jsonld\"", "\"article\""));
        assert!(
            found[0].contains("this format gives records of kind `post`"),
            "{found:?}"
        );
    }

    #[test]
    fn only_of_an_element_s_text_something_can_be_left_out() {
        let with = |rule: &str| {
            GOOD.replace(
                "[defaults]",
                &format!("description = {{ {rule} }}\n[defaults]"),
            )
        };
        let right = "css = \"article\", without = \".views\"";
        assert_eq!(problems(&with(right)), Vec::<String>::new());
        for (wrong, told) in [
            (
                "css = \"article\", attr = \"title\", without = \".views\"",
                "`attr` and `without` exclude each other",
            ),
            (
                "css = \"article\", without = \".views[\"",
                "bad CSS selector `.views[`",
            ),
        ] {
            let found = problems(&with(wrong));
            assert!(found[0].contains(told), "{found:?}");
        }
    }

    #[test]
    fn a_group_is_read_where_the_list_finds_one() {
        let with = |list: &str, fields: &str| {
            GOOD.replace("[detail]", &format!("{list}\n[detail]"))
                .replace("[defaults]", &format!("{fields}\n[defaults]"))
        };
        let rule = "category = { css = 'h2', in = 'group' }";
        let in_list = format!("group = 'section'\n[list.fields]\n{rule}");
        assert_eq!(problems(&with(&in_list, "")), Vec::<String>::new());
        for (list, fields, told) in [
            (
                format!("[list.fields]\n{rule}"),
                "",
                "nothing finds the group of an entry",
            ),
            (
                "group = 'section'".to_owned(),
                rule,
                "the page behind an entry is in no group",
            ),
            ("group = 'h2['".to_owned(), "", "bad CSS selector `h2[`"),
        ] {
            let found = problems(&with(&list, fields));
            assert!(found[0].contains(told), "{found:?}");
        }
    }

    #[test]
    fn a_script_holds_json() {
        let text = GOOD.replace("[detail]", "script = { css = '#state' }\n[detail]");
        let found = problems(&text);
        assert!(
            found[0].contains("`script` goes with `extract = \"json\"`"),
            "{found:?}"
        );
    }

    #[test]
    fn an_unknown_key_is_placed_and_the_near_one_named() {
        let text = GOOD.replace("[source.pages]", "fetsh = \"http\"\n[source.pages]");
        let found = problems(&text);
        assert!(
            found[0].starts_with("p.toml:7:1: unknown field `fetsh`"),
            "{found:?}"
        );
        assert!(
            found[0].ends_with("hint: did you mean `fetch`?"),
            "{found:?}"
        );
    }

    #[test]
    fn a_variable_of_the_address_needs_what_fills_it() {
        let text = GOOD.replace("?key=", "?nx={nx}&key=");
        assert!(
            problems(&text)[0].contains("`{nx}` needs `stations`"),
            "{:?}",
            problems(&text)
        );
        let text = GOOD.replace("?key=", "?nx={ny2}&key=");
        assert!(
            problems(&text)[0].contains("did you mean `ny`?"),
            "{:?}",
            problems(&text)
        );
    }
}
