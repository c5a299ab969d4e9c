use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// One thing that a browser does on a page before the page is read. Exactly one of `click`, `dismiss`, `fill`, `frame`,
/// `leave`, `load_more`, `press`, `scroll`, `select`, `shadow`, `wait`; the rest says how.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    /// CSS selector of what is clicked, once it is there and nothing covers it.
    pub(super) click: Option<String>,
    /// CSS selector of what is clicked if it is there, such as the button of a cookie banner. Without `timeout` it is
    /// looked for once.
    pub(super) dismiss: Option<String>,
    /// CSS selector of the field that gets `value`, in the place of what it held.
    pub(super) fill: Option<String>,
    /// CSS selector of an iframe. The steps after it, and the reading of the page, are inside.
    pub(super) frame: Option<String>,
    /// `true`: back to the page itself, out of all frames and shadow roots.
    pub(super) leave: Option<bool>,
    /// CSS selector of a button that is clicked until it is gone, hidden or disabled.
    pub(super) load_more: Option<String>,
    /// Key that is pressed where the focus is, after `fill` in its field: `Enter`, `Tab`, `Escape`, `Space`, `PageDown`,
    /// `End`, `Home`, `ArrowDown`, `ArrowUp`, `Backspace`, or one character.
    pub(super) press: Option<String>,
    /// CSS selector of what a list shows more of when its end is scrolled to. Ends when scrolling brings no more.
    pub(super) scroll: Option<String>,
    /// CSS selector of a `<select>` in which `value` is chosen, by value or by text.
    pub(super) select: Option<String>,
    /// CSS selector of an element whose shadow root is opened. The steps after it, and the reading of the page, are
    /// inside.
    pub(super) shadow: Option<String>,
    /// Condition that is waited for.
    pub(super) wait: Option<Condition>,
    /// With `fill` the text, with `select` the option.
    pub(super) value: Option<String>,
    /// With `load_more` and `scroll`: most rounds; a list that is longer ends as `partial`. Default: 50.
    pub(super) max: Option<u32>,
    /// With `load_more`: `true` where a list may be so short that it has no button. Without it such a list is read, but
    /// closes nothing. Default: `false`.
    pub(super) optional: Option<bool>,
    /// With `scroll`, and with `wait` for `stable` and `idle`: how long nothing may come. Default: `2s`.
    pub(super) settle: Option<String>,
    /// Longest wait; with `load_more` and `scroll`, of each round. Default: `source.timeout`.
    pub(super) timeout: Option<String>,
    /// Pages that it is done on. Default: `list`.
    #[serde(default)]
    pub(super) on: StepPages,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// An element of this CSS selector exists.
    Present(String),
    /// An element of this CSS selector can be seen.
    Visible(String),
    /// No element of this CSS selector can be seen.
    Gone(String),
    /// As many elements of this CSS selector as before, for `settle`, and at least one.
    Stable(String),
    /// This text can be read on the page.
    Text(String),
    /// With `true`: no request of the page is under way, for `settle`.
    Idle(bool),
}

/// Pages that a step is done on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepPages {
    /// Pages of the list.
    #[default]
    List,
    /// The pages behind its entries.
    Detail,
    /// All of them.
    All,
}

/// A checked step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Longest wait; of each round, where there are rounds. None: not longer than one look.
    pub timeout: Option<Duration>,
    /// Pages that it is done on.
    pub on: StepPages,
}

/// What a step does. Texts are CSS selectors where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Clicks.
    Click(String),
    /// Clicks if it is there.
    Dismiss(String),
    /// Writes into a field.
    Fill {
        /// The field.
        selector: String,
        /// The text.
        value: String,
    },
    /// Goes into an iframe.
    Frame(String),
    /// Goes back to the page itself.
    Leave,
    /// Clicks until it is gone.
    LoadMore {
        /// The button.
        selector: String,
        /// Most clicks.
        max: u32,
        /// Whether it may be absent from the beginning.
        optional: bool,
    },
    /// Presses a key, by its name.
    Press(String),
    /// Scrolls to the end until no more comes.
    Scroll {
        /// What is counted.
        selector: String,
        /// Most rounds.
        max: u32,
        /// How long nothing may come.
        settle: Duration,
    },
    /// Chooses an option.
    Select {
        /// The `<select>`.
        selector: String,
        /// The option's value or text.
        value: String,
    },
    /// Goes into a shadow root.
    Shadow(String),
    /// Waits.
    Wait {
        /// For what.
        condition: Condition,
        /// How long nothing may come.
        settle: Duration,
    },
}

impl Action {
    /// The key in pipeline files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Click(_) => "click",
            Self::Dismiss(_) => "dismiss",
            Self::Fill { .. } => "fill",
            Self::Frame(_) => "frame",
            Self::Leave => "leave",
            Self::LoadMore { .. } => "load_more",
            Self::Press(_) => "press",
            Self::Scroll { .. } => "scroll",
            Self::Select { .. } => "select",
            Self::Shadow(_) => "shadow",
            Self::Wait { .. } => "wait",
        }
    }

    /// What it is done to, as the file has it.
    pub fn subject(&self) -> &str {
        match self {
            Self::Click(text)
            | Self::Dismiss(text)
            | Self::Frame(text)
            | Self::Press(text)
            | Self::Shadow(text)
            | Self::Fill { selector: text, .. }
            | Self::LoadMore { selector: text, .. }
            | Self::Scroll { selector: text, .. }
            | Self::Select { selector: text, .. } => text,
            Self::Wait { condition, .. } => condition.subject(),
            Self::Leave => "true",
        }
    }
}

impl Condition {
    /// What is looked at, as the file has it.
    pub fn subject(&self) -> &str {
        match self {
            Self::Present(text)
            | Self::Visible(text)
            | Self::Gone(text)
            | Self::Stable(text)
            | Self::Text(text) => text,
            Self::Idle(_) => "idle",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} `{}`", self.kind(), self.subject())
    }
}
