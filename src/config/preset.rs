//! Ready pipelines, to which a file only adds what is its own.
//!
//! A preset is a pipeline file with gaps, `presets/<name>.toml`, and a head, `[preset]`, that says what fills them: where
//! it writes `{company}`, the value of `with.company` goes, and `{id}` is the pipeline's own name. What a pipeline file
//! says wins over its preset, key by key; a rule of a field is one thing and is replaced whole.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::document::{SourceDocument, suggestion};

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/presets");

static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let mut presets: Vec<Preset> = FILES
        .files()
        .filter_map(|file| {
            let name = file.path().file_stem()?.to_str()?;
            Preset::read(name, file.contents_utf8()?)
        })
        .collect();
    presets.sort_by_key(|preset| preset.name);
    presets
});

/// What no value of a gap may hold: it becomes part of addresses, and must stay a name in them.
const NOT_IN_A_NAME: &[char] = &['/', '\\', '?', '#', '&', '%', '{', '}', '$'];

/// A ready pipeline.
#[derive(Debug, Clone)]
pub struct Preset {
    /// Its name: what a pipeline file calls it.
    pub name: &'static str,
    /// What it collects.
    pub description: String,
    /// What a pipeline file gives in `with`: names, and what each is.
    pub parameters: BTreeMap<String, String>,
    /// The pipeline file that it is, as it ships.
    pub text: &'static str,
    pipeline: Table,
}

impl Preset {
    /// Every preset, by name.
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The names of every preset.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|preset| preset.name)
    }

    fn find(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|preset| preset.name == name)
    }

    /// Reads a shipped file; a test holds that each can be read.
    fn read(name: &'static str, text: &'static str) -> Option<Self> {
        let mut pipeline = text.parse::<DocumentMut>().ok()?.as_table().clone();
        let head = pipeline.remove("preset")?;
        let parameters = head.get("parameters").and_then(Item::as_table_like);
        Some(Self {
            name,
            description: head.get("description")?.as_str()?.to_owned(),
            parameters: parameters
                .into_iter()
                .flat_map(TableLike::iter)
                .filter_map(|(name, what)| Some((name.to_owned(), what.as_str()?.to_owned())))
                .collect(),
            text,
            pipeline,
        })
    }
}

/// The pipeline that a file and its preset are together: the file itself where it names none. None where that cannot
/// be said, after noting why.
pub(super) fn complete(document: &mut SourceDocument) -> Option<Table> {
    let mut file = document.table().clone();
    let Some(named) = file.get("preset") else {
        if file.contains_key("with") {
            let hint = Some("add `preset = \"…\"`, or remove `with`".to_owned());
            document.problem(&["with"], "`with` goes with `preset`", hint);
            return None;
        }
        return Some(file);
    };
    // What is no text is left to the reader of the file, which says so in its place.
    let Some(name) = named.as_str() else {
        return Some(file);
    };
    let Some(preset) = Preset::find(name) else {
        let known = || {
            format!(
                "known: `{}`",
                Preset::names().collect::<Vec<_>>().join("`, `")
            )
        };
        let hint = match suggestion(name, Preset::names()) {
            Some(meant) => format!("{meant} {}", known()),
            None => known(),
        };
        document.problem(
            &["preset"],
            format!("there is no preset `{name}`"),
            Some(hint),
        );
        return None;
    };
    if let (Some(own), Some(ready)) = (text_at(&file, "kind"), text_at(&preset.pipeline, "kind"))
        && own != ready
    {
        let message = format!("preset `{name}` gives records of kind `{ready}`, not `{own}`");
        let hint = Some("remove `kind`: the preset says it".to_owned());
        document.problem(&["kind"], message, hint);
        return None;
    }
    let mut gaps = arguments(preset, file.get("with"), document)?;
    let id = text_at(&file, "id").unwrap_or_default();
    gaps.insert("id".to_owned(), id.to_owned());
    let mut ready = preset.pipeline.clone();
    for (_, item) in ready.iter_mut() {
        fill(item, &gaps);
    }
    file.remove("with");
    add(&mut file, &ready, &mut Vec::new());
    Some(file)
}

fn text_at<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.get(key).and_then(Item::as_str)
}

/// Lets a file that names a preset leave out what the preset says, which an editor would else call missing.
pub(super) fn relax_schema(schema: &mut schemars::Schema) {
    let own = ["id", "description"];
    let mut alone: Vec<serde_json::Value> = Vec::new();
    if let Some(serde_json::Value::Array(required)) = schema.get_mut("required") {
        alone.clone_from(required);
        required.retain(|name| name.as_str().is_some_and(|name| own.contains(&name)));
    }
    alone.retain(|name| name.as_str().is_some_and(|name| !own.contains(&name)));
    // The address is the one key inside a table that a preset may say.
    schema.insert("if".to_owned(), serde_json::json!({"required": ["preset"]}));
    schema.insert(
        "else".to_owned(),
        serde_json::json!({"required": alone, "properties": {"source": {"required": ["url"]}}}),
    );
    if let Some(preset) = schema.pointer_mut("/properties/preset") {
        preset["enum"] = Preset::names()
            .map(serde_json::Value::from)
            .chain([serde_json::Value::Null])
            .collect();
    }
}

/// Takes back that a source must have an address, which [`relax_schema`] asks for where no preset gives it.
pub(super) fn relax_source_schema(schema: &mut schemars::Schema) {
    schema.remove("required");
}

/// The values of `with`, each of a parameter of the preset and a name.
fn arguments(
    preset: &Preset,
    with: Option<&Item>,
    document: &mut SourceDocument,
) -> Option<BTreeMap<String, String>> {
    let mut arguments = BTreeMap::new();
    let mut fits = true;
    let given = with.and_then(Item::as_table_like);
    for (name, item) in given.into_iter().flat_map(TableLike::iter) {
        let key = ["with", name];
        let Some(what) = preset.parameters.get(name) else {
            let known = preset.parameters.keys().map(String::as_str);
            let hint = suggestion(name, known).unwrap_or_else(|| asked_for(preset));
            let message = format!("preset `{}` has no `{name}`", preset.name);
            document.problem(&key, message, Some(hint));
            fits = false;
            continue;
        };
        let value = match item.as_value() {
            Some(Value::String(text)) => text.value().trim().to_owned(),
            Some(Value::Integer(number)) => number.value().to_string(),
            _ => String::new(),
        };
        if value.is_empty() || value.contains(NOT_IN_A_NAME) || value.contains(char::is_control) {
            let message = format!("`{name}` is a name, not an address and not empty");
            document.problem(&key, message, Some(format!("give {what}")));
            fits = false;
        }
        arguments.insert(name.to_owned(), value);
    }
    for (name, what) in &preset.parameters {
        if !arguments.contains_key(name) {
            let message = format!("preset `{}` needs `with.{name}`", preset.name);
            document.problem(&["preset"], message, Some(format!("give {what}")));
            fits = false;
        }
    }
    fits.then_some(arguments)
}

fn asked_for(preset: &Preset) -> String {
    if preset.parameters.is_empty() {
        return "it needs nothing: remove `with`".to_owned();
    }
    let names: Vec<_> = preset.parameters.keys().map(String::as_str).collect();
    format!("known: `{}`", names.join("`, `"))
}

/// Puts values into the gaps of all texts below.
fn fill(item: &mut Item, gaps: &BTreeMap<String, String>) {
    if let Some(table) = item.as_table_like_mut() {
        for (_, item) in table.iter_mut() {
            fill(item, gaps);
        }
    } else if let Some(Value::String(text)) = item.as_value() {
        let filled = gaps
            .iter()
            .fold(text.value().clone(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            });
        *item = Item::Value(filled.into());
    }
}

/// Adds what a file does not say. Items of the file keep their place in it, for later problems.
fn add(file: &mut dyn TableLike, preset: &dyn TableLike, path: &mut Vec<String>) {
    for (name, item) in preset.iter() {
        path.push(name.to_owned());
        match file.get_mut(name) {
            None => {
                file.insert(name, item.clone());
            }
            Some(own) if !is_one_thing(path) => {
                if let (Some(own), Some(preset)) = (own.as_table_like_mut(), item.as_table_like()) {
                    add(own, preset, path);
                }
            }
            Some(_) => {}
        }
        path.pop();
    }
}

/// Whether the keys of the table there belong together: those of a rule do.
fn is_one_thing(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        path.as_slice(),
        ["fields", _] | ["list", "fields", _] | ["list", "link" | "id"]
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{ConfigError, Pipeline};
    use super::*;
    use crate::record::Field;

    fn parse(text: &str) -> Result<Pipeline, ConfigError> {
        Pipeline::parse(Path::new("p.toml"), text.to_owned())
    }

    fn problems(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    const ACME: &str =
        "id = 'acme'\ndescription = 'Jobs at Acme'\npreset = 'greenhouse'\nwith.company = 'acme'\n";

    #[test]
    fn every_shipped_preset_is_a_right_pipeline_once_its_gaps_are_filled() {
        assert_eq!(Preset::all().len(), FILES.files().count());
        for preset in Preset::all() {
            let given: Vec<String> = preset
                .parameters
                .keys()
                .map(|name| format!("with.{name} = 'acme'\n"))
                .collect();
            let mut text = format!(
                "id = 'acme'\ndescription = 'x'\npreset = '{}'\n{}",
                preset.name,
                given.concat()
            );
            if preset.name == "feed" {
                text += "source.url = 'https://blog.example/feed'\n";
            }
            parse(&text).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        }
    }

    #[test]
    fn five_lines_are_a_board() {
        let text = format!("{ACME}defaults.company = 'Acme Inc.'\n");
        let pipeline = parse(&text).unwrap();
        assert_eq!(
            pipeline.source.url,
            "https://boards-api.greenhouse.io/v1/boards/acme/jobs?content=true"
        );
        assert_eq!(pipeline.scope, "greenhouse-acme");
        assert_eq!(pipeline.defaults[&Field::Company], "Acme Inc.");
        assert_eq!(pipeline.preset.as_deref(), Some("greenhouse"));
    }

    #[test]
    fn a_rule_of_the_file_takes_the_place_of_the_preset_s_whole() {
        let text = format!(
            "{ACME}[list]\nlink = {{ json = '$.id', template = 'https://acme.example/{{}}' }}\n\
             [fields.location]\njson = '$.offices[*].name'\n"
        );
        let pipeline = parse(&text).unwrap();
        let link = pipeline.list.link.unwrap();
        assert_eq!(link.to_string(), "$.id");
        assert_eq!(
            pipeline.fields[&Field::Location].to_string(),
            "$.offices[*].name"
        );
        assert_eq!(pipeline.fields[&Field::Title].to_string(), "$.title");
    }

    #[test]
    fn an_unknown_preset_is_answered_with_the_known_ones() {
        insta::assert_snapshot!(problems(&ACME.replace("greenhouse", "greenhouze")), @r"
        p.toml:3:1: there is no preset `greenhouze`
          hint: did you mean `greenhouse`? known: `ashby`, `feed`, `greenhouse`, `lever`, `wanted`
        ");
        insta::assert_snapshot!(problems(&ACME.replace("greenhouse", "monster")), @r"
        p.toml:3:1: there is no preset `monster`
          hint: known: `ashby`, `feed`, `greenhouse`, `lever`, `wanted`
        ");
    }

    #[test]
    fn what_a_preset_needs_is_asked_for_and_what_it_does_not_know_refused() {
        insta::assert_snapshot!(problems(&ACME.replace("with.company = 'acme'", "")), @r"
        p.toml:3:1: preset `greenhouse` needs `with.company`
          hint: give the board's token: `acme` in https://boards.greenhouse.io/acme
        ");
        insta::assert_snapshot!(problems(&ACME.replace("with.company", "with.compny")), @r"
        p.toml:3:1: preset `greenhouse` needs `with.company`
          hint: give the board's token: `acme` in https://boards.greenhouse.io/acme
        p.toml:4:6: preset `greenhouse` has no `compny`
          hint: did you mean `company`?
        ");
        let address = ACME.replace(
            "company = 'acme'",
            "company = 'https://boards.greenhouse.io/acme'",
        );
        insta::assert_snapshot!(problems(&address), @r"
        p.toml:4:6: `company` is a name, not an address and not empty
          hint: give the board's token: `acme` in https://boards.greenhouse.io/acme
        ");
        let without = ACME.replace("preset = 'greenhouse'\n", "");
        insta::assert_snapshot!(problems(&without).lines().next().unwrap(), @"p.toml:3:1: `with` goes with `preset`");
    }

    #[test]
    fn a_mistake_in_the_file_is_told_at_its_place_in_the_file() {
        let text = format!("{ACME}[source]\nfetsh = 'http'\n");
        insta::assert_snapshot!(problems(&text), @r"
        p.toml:6:1: unknown field `fetsh`, expected one of `fetch`, `url`, `headers`, `timezone`, `wait_for`, `steps`, `timeout`, `stations`, `issue`, `pages`
          hint: did you mean `fetch`?
        ");
        let text = format!(
            "{ACME}[fields]\ntitle = {{ css = 'h1' }}\nlocation = {{ any = [{{ json = '$.a' }}, {{ json = '$.[' }}] }}\n"
        );
        insta::assert_snapshot!(problems(&text), @r"
        p.toml:6:11: this page is JSON: select with `json`, not `css`
        p.toml:7:41: bad JSONPath `$.[`: at position 2, in dot member name, must start with lowercase alpha or '_'
        ");
        let text = format!("{ACME}[fields]\ntitle = {{ json = 1 }}\n");
        insta::assert_snapshot!(problems(&text), @"p.toml:6:18: invalid type: integer `1`, expected a string");
    }

    #[test]
    fn a_preset_gives_records_of_its_own_kind() {
        let text = format!("{ACME}kind = 'post'\n");
        insta::assert_snapshot!(problems(&text), @r"
        p.toml:5:1: preset `greenhouse` gives records of kind `job`, not `post`
          hint: remove `kind`: the preset says it
        ");
    }

    #[test]
    fn a_number_and_a_blank_are_names_too() {
        let pipeline = parse(&ACME.replace("company = 'acme'", "company = 518")).unwrap();
        assert_eq!(pipeline.scope, "greenhouse-518");
        let spaced = ACME.replace("company = 'acme'", "company = 'Acme Health'");
        let pipeline = parse(&spaced).unwrap();
        assert_eq!(pipeline.scope, "greenhouse-Acme Health");
    }
}
