//! What a browser does on a page before it is read.

use std::time::Duration;

use super::Checker;
use crate::config::pipeline::{Fetch, PagesFile};
use crate::config::step::{Action, Condition, Step, StepFile, StepPages};

/// Most rounds of a list that loads more, as many as a walk has pages.
const DEFAULT_ROUNDS: u32 = 50;

/// How long nothing may come before a list counts as ended, on top of the requests that are under way: a small machine
/// under load can take a second to notice that the end is in view.
const DEFAULT_SETTLE: Duration = Duration::from_secs(2);

/// Keys that have a name, and what WebDriver calls them.
pub(crate) const KEYS: [(&str, char); 13] = [
    ("ArrowDown", '\u{e015}'),
    ("ArrowLeft", '\u{e012}'),
    ("ArrowRight", '\u{e014}'),
    ("ArrowUp", '\u{e013}'),
    ("Backspace", '\u{e003}'),
    ("Delete", '\u{e017}'),
    ("End", '\u{e010}'),
    ("Enter", '\u{e007}'),
    ("Escape", '\u{e00c}'),
    ("Home", '\u{e011}'),
    ("PageDown", '\u{e00f}'),
    ("Space", '\u{e00d}'),
    ("Tab", '\u{e004}'),
];

const KINDS: &str = "`click`, `dismiss`, `fill`, `frame`, `leave`, `load_more`, `press`, `scroll`, `select`, `shadow`, `wait`";

impl Checker<'_> {
    /// The steps of a source, those that its paging means included.
    pub(super) fn steps(
        &mut self,
        files: Vec<StepFile>,
        pages: &PagesFile,
        fetch: Fetch,
        timeout: Option<Duration>,
    ) -> Option<Vec<Step>> {
        let mut steps = Some(Vec::new());
        for (index, file) in files.into_iter().enumerate() {
            let index = index.to_string();
            let key = ["source", "steps", &index];
            if fetch != Fetch::Browser {
                self.needs_browser(&key, "steps");
                return None;
            }
            match (self.step(&key, file, timeout), &mut steps) {
                (Some(step), Some(steps)) => steps.push(step),
                (_, steps) => *steps = None,
            }
        }
        if let Some(step) = self.paging_step(pages, fetch, timeout) {
            steps.as_mut()?.push(step);
        }
        steps
    }

    /// A list that goes on within its page: what brings more of it is the last step.
    fn paging_step(
        &mut self,
        pages: &PagesFile,
        fetch: Fetch,
        timeout: Option<Duration>,
    ) -> Option<Step> {
        let (name, selector) = match (&pages.load_more, &pages.scroll) {
            (Some(selector), _) => ("load_more", selector.clone()),
            (None, Some(selector)) => ("scroll", selector.clone()),
            (None, None) => return None,
        };
        let key = ["source", "pages", name];
        if fetch != Fetch::Browser {
            self.needs_browser(&key, name);
            return None;
        }
        self.css(&key, &selector)?;
        let max = pages.max.unwrap_or(DEFAULT_ROUNDS);
        let action = if name == "load_more" {
            Action::LoadMore {
                selector,
                max,
                optional: pages.optional.unwrap_or(false),
            }
        } else {
            Action::Scroll {
                selector,
                max,
                settle: DEFAULT_SETTLE,
            }
        };
        Some(Step {
            action,
            timeout,
            on: StepPages::List,
        })
    }

    fn needs_browser(&mut self, key: &[&str], name: &str) {
        let hint = Some(format!("set `fetch = \"browser\"`, or remove `{name}`"));
        self.document
            .problem(key, format!("only a browser can do `{name}`"), hint);
    }

    fn step(
        &mut self,
        key: &[&str],
        file: StepFile,
        source_timeout: Option<Duration>,
    ) -> Option<Step> {
        let timeout = match file.timeout.as_deref() {
            None => source_timeout,
            Some(text) => self.duration(&[key, &["timeout"]].concat(), Some(text), Duration::ZERO),
        };
        let given_timeout = file.timeout.is_some();
        let on = file.on;
        let action = self.action(key, file)?;
        let timeout = match action {
            Action::Dismiss(_) if !given_timeout => None,
            _ => Some(timeout?),
        };
        Some(Step {
            action,
            timeout,
            on,
        })
    }

    fn action(&mut self, key: &[&str], file: StepFile) -> Option<Action> {
        let mut rest = Rest {
            value: file.value,
            max: file.max,
            optional: file.optional,
            settle: file.settle,
        };
        let mut actions = Vec::new();
        let mut chosen = |name: &'static str, text: Option<String>| {
            if let Some(text) = text {
                actions.push((name, text));
            }
        };
        chosen("click", file.click);
        chosen("dismiss", file.dismiss);
        chosen("fill", file.fill);
        chosen("frame", file.frame);
        chosen("load_more", file.load_more);
        chosen("press", file.press);
        chosen("scroll", file.scroll);
        chosen("select", file.select);
        chosen("shadow", file.shadow);
        chosen("leave", file.leave.map(|leave| leave.to_string()));
        chosen("wait", file.wait.as_ref().map(|_| String::new()));
        let (name, text) = match <[_; 1]>::try_from(actions) {
            Ok([action]) => action,
            Err(actions) if actions.is_empty() => {
                let message = "the step does nothing";
                self.document
                    .problem(key, message, Some(format!("give one of {KINDS}")));
                return None;
            }
            Err(actions) => {
                let names: Vec<_> = actions.iter().map(|(name, _)| *name).collect();
                let message = format!("a step does one thing, this one: `{}`", names.join("`, `"));
                let hint = Some("begin a new `[[source.steps]]` for each".to_owned());
                self.document.problem(key, message, hint);
                return None;
            }
        };
        let own_key = [key, &[name]].concat();
        let action = match (name, file.wait) {
            ("press", _) => self.key_name(&own_key, text)?,
            ("leave", _) => self.leave(&own_key, &text)?,
            (_, Some(condition)) => {
                let settle = match condition {
                    Condition::Stable(_) | Condition::Idle(_) => self.settle(key, &mut rest)?,
                    _ => DEFAULT_SETTLE,
                };
                self.condition(&own_key, &condition)?;
                Action::Wait { condition, settle }
            }
            (name, None) => {
                self.css(&own_key, &text)?;
                self.on_element(key, name, text, &mut rest)?
            }
        };
        self.nothing_left(key, name, &rest)?;
        Some(action)
    }

    fn on_element(
        &mut self,
        key: &[&str],
        name: &str,
        selector: String,
        rest: &mut Rest,
    ) -> Option<Action> {
        Some(match name {
            "click" => Action::Click(selector),
            "dismiss" => Action::Dismiss(selector),
            "frame" => Action::Frame(selector),
            "shadow" => Action::Shadow(selector),
            "load_more" => Action::LoadMore {
                selector,
                max: self.rounds(key, rest)?,
                optional: rest.optional.take().unwrap_or(false),
            },
            "scroll" => Action::Scroll {
                selector,
                max: self.rounds(key, rest)?,
                settle: self.settle(key, rest)?,
            },
            name => {
                let Some(value) = rest.value.take() else {
                    let message = format!("`{name}` needs `value` in the same table");
                    self.document.problem(key, message, None);
                    return None;
                };
                if name == "fill" {
                    Action::Fill { selector, value }
                } else {
                    Action::Select { selector, value }
                }
            }
        })
    }

    fn condition(&mut self, key: &[&str], condition: &Condition) -> Option<()> {
        let message = match condition {
            Condition::Text(text) if text.trim().is_empty() => "`text` is empty",
            Condition::Idle(false) => "`idle` is `true`, or not there",
            Condition::Text(_) | Condition::Idle(true) => return Some(()),
            Condition::Present(selector)
            | Condition::Visible(selector)
            | Condition::Gone(selector)
            | Condition::Stable(selector) => return self.css(key, selector).map(drop),
        };
        self.document.problem(key, message, None);
        None
    }

    fn key_name(&mut self, key: &[&str], name: String) -> Option<Action> {
        let is_known = name.chars().count() == 1 || KEYS.iter().any(|(known, _)| *known == name);
        if is_known {
            return Some(Action::Press(name));
        }
        let names = KEYS.map(|(name, _)| name);
        let hint = crate::config::document::suggestion(&name, names.into_iter())
            .unwrap_or_else(|| format!("known: `{}`, or one character", names.join("`, `")));
        self.document
            .problem(key, format!("there is no key `{name}`"), Some(hint));
        None
    }

    fn leave(&mut self, key: &[&str], value: &str) -> Option<Action> {
        if value == "true" {
            return Some(Action::Leave);
        }
        self.document
            .problem(key, "`leave` is `true`, or not there", None);
        None
    }

    fn rounds(&mut self, key: &[&str], rest: &mut Rest) -> Option<u32> {
        let max = rest.max.take().unwrap_or(DEFAULT_ROUNDS);
        if max == 0 {
            let key = [key, &["max"]].concat();
            self.document
                .problem(&key, "at least 1 round has to be made", None);
            return None;
        }
        Some(max)
    }

    fn settle(&mut self, key: &[&str], rest: &mut Rest) -> Option<Duration> {
        let text = rest.settle.take();
        self.duration(
            &[key, &["settle"]].concat(),
            text.as_deref(),
            DEFAULT_SETTLE,
        )
    }

    /// A key that the step has no use for is a misunderstanding.
    fn nothing_left(&mut self, key: &[&str], name: &str, rest: &Rest) -> Option<()> {
        let left = [
            ("value", rest.value.is_some()),
            ("max", rest.max.is_some()),
            ("optional", rest.optional.is_some()),
            ("settle", rest.settle.is_some()),
        ];
        let mut result = Some(());
        for (other, _) in left.into_iter().filter(|(_, is_left)| *is_left) {
            let key = [key, &[other]].concat();
            self.document
                .problem(&key, format!("`{name}` has no `{other}`"), None);
            result = None;
        }
        result
    }
}

/// Keys that say how, each taken by the step that it is for.
struct Rest {
    value: Option<String>,
    max: Option<u32>,
    optional: Option<bool>,
    settle: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{ConfigError, Pipeline};

    fn parse(fetch: &str, steps: &str) -> Result<Pipeline, String> {
        let text = format!(
            "id = \"board\"\nkind = \"job\"\ndescription = \"A board\"\n[source]\nfetch = \"{fetch}\"\n\
             url = \"https://board.example/\"\ntimeout = \"9s\"\n{steps}\n[list]\nitem = \"li\"\n\
             link = {{ css = \"a\", attr = \"href\" }}\nfields.title = {{ css = \"a\" }}\n[defaults]\nboard = \"b\""
        );
        Pipeline::parse(Path::new("p.toml"), text).map_err(|ConfigError(problems)| {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            problems.join("\n")
        })
    }

    fn step(text: &str) -> Result<Step, String> {
        parse("browser", &format!("[[source.steps]]\n{text}"))
            .map(|pipeline| pipeline.source.steps[0].clone())
    }

    #[test]
    fn a_step_is_the_one_thing_that_its_key_names() {
        let second = Duration::from_secs(1);
        let fill = step("fill = \"#q\"\nvalue = \"rust\"\non = \"all\"").unwrap();
        assert_eq!(
            (fill.action.to_string().as_str(), fill.on),
            ("fill `#q`", StepPages::All)
        );
        let scroll = step("scroll = \"li\"\nsettle = \"2s\"\nmax = 3\ntimeout = \"1s\"").unwrap();
        let action = Action::Scroll {
            selector: "li".to_owned(),
            max: 3,
            settle: 2 * second,
        };
        assert_eq!((scroll.action, scroll.timeout), (action, Some(second)));
        let click = step("click = \"a\"").unwrap();
        assert_eq!(click.timeout, Some(9 * second), "that of the source");
        assert_eq!(step("dismiss = \"a\"").unwrap().timeout, None, "one look");
        let wait = step("wait = { visible = \"li\" }").unwrap();
        assert_eq!(wait.action.to_string(), "wait `li`");
    }

    #[test]
    fn a_wrong_step_is_placed_and_mended() {
        for (text, expected) in [
            ("clik = \"a\"", "p.toml:9:1: unknown field `clik`"),
            ("clik = \"a\"", "did you mean `click`?"),
            ("click = \"a[\"", "p.toml:9:1: "),
            ("timeout = \"1s\"", "the step does nothing"),
            ("click = \"a\"\nscroll = \"b\"", "`click`, `scroll`"),
            ("fill = \"#q\"", "`fill` needs `value`"),
            (
                "click = \"a\"\nmax = 2",
                "p.toml:10:1: `click` has no `max`",
            ),
            ("press = \"Entr\"", "did you mean `Enter`?"),
            ("load_more = \"a\"\nmax = 0", "at least 1 round"),
            (
                "click = \"a\"\noptional = true",
                "`click` has no `optional`",
            ),
            ("wait = { visble = \"a\" }", "did you mean `visible`?"),
            ("wait = { idle = false }", "`idle` is `true`"),
            ("click = \"a\"\ntimeout = \"soon\"", "`soon` is no duration"),
        ] {
            let problems = step(text).unwrap_err();
            assert!(problems.contains(expected), "{expected}: {problems}");
        }
        let problems = parse("http", "[[source.steps]]\nclick = \"a\"").unwrap_err();
        assert!(problems.contains("only a browser"), "{problems}");
    }

    #[test]
    fn paging_within_the_page_is_the_last_step() {
        let text =
            "[[source.steps]]\ndismiss = \"#ok\"\n[source.pages]\nload_more = \"#more\"\nmax = 7";
        let pipeline = parse("browser", text).unwrap();
        let last = pipeline.source.steps.last().unwrap();
        let action = Action::LoadMore {
            selector: "#more".to_owned(),
            max: 7,
            optional: false,
        };
        assert_eq!((pipeline.source.steps.len(), &last.action), (2, &action));
        let text = "[source.pages]\nload_more = \"a\"\noptional = true";
        let pipeline = parse("browser", text).unwrap();
        let [step] = &pipeline.source.steps[..] else {
            panic!("{:?}", pipeline.source.steps);
        };
        assert!(matches!(
            step.action,
            Action::LoadMore { optional: true, .. }
        ));
        let text = "[source.pages]\nscroll = \"li\"\noptional = true";
        let problems = parse("browser", text).unwrap_err();
        assert!(problems.contains("goes with `load_more`"), "{problems}");
        let problems = parse("http", "[source.pages]\nscroll = \"li\"").unwrap_err();
        assert!(
            problems.contains("only a browser can do `scroll`"),
            "{problems}"
        );
        let text = "[source.pages]\nscroll = \"li\"\nload_more = \"a\"";
        let problems = parse("browser", text).unwrap_err();
        assert!(problems.contains("exclude each other"), "{problems}");
    }
}
