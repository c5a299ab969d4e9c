//! Doing on a page what its pipeline says, before it is read.
//!
//! Each step waits for what it needs and has its own time-out; what stood in its way last is the reason of its failure.
//! Scripts only look, and what a person does (clicks, keys) is done by WebDriver, so that a covered button is one here
//! too. `frame` and `shadow` move the scope in which later steps look, and which is read in the end.

mod more;

use std::time::Duration;

use fantoccini::Client;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::{Element, ElementRef};
use fantoccini::error::{CmdError, ErrorStatus};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::failure::{Failure, StepFailure, answer, command, command_reason, refused};
use super::wire::{ShadowOf, ToTop};
use crate::config::{Action, Condition, KEYS, Step};

/// Time between two looks.
const POLL: Duration = Duration::from_millis(100);

/// Longest time in which what is to be dismissed has to become clickable, where no time-out says it.
const DISMISS_TIMEOUT: Duration = Duration::from_secs(2);

/// Counts the page's requests.
pub(super) const WATCH: &str = include_str!("watch.js");

const LOOK: &str = concat!(include_str!("watch.js"), include_str!("look.js"));

const HAS_TEXT: &str = "
    const root = arguments[0] || document.body;
    const text = root ? [...(arguments[0] ? root.children : [root])].map((one) => one.innerText).join(' ') : '';
    const plain = (text) => text.replace(/\\s+/g, ' ').trim();
    return plain(text).includes(plain(arguments[1]));
";

const SELECT: &str = "
    const [select, value] = arguments;
    const option = [...select.options].find((one) => one.value === value)
        || [...select.options].find((one) => one.text.trim() === value);
    if (!option) return false;
    option.selected = true;
    for (const name of ['input', 'change']) select.dispatchEvent(new Event(name, { bubbles: true }));
    return true;
";

/// What a look at the page finds.
#[derive(Debug, Deserialize)]
struct Look {
    element: Option<Value>,
    count: u64,
    visible: bool,
    enabled: bool,
    /// Elements on the page, whatever they are.
    size: u64,
    /// Requests under way.
    busy: u64,
    /// Milliseconds since one came or went.
    quiet: u64,
}

/// What is done to an element.
#[derive(Debug, Clone, Copy)]
enum Touch<'a> {
    Click,
    Fill(&'a str),
    Select(&'a str),
    EnterFrame,
    OpenShadow,
}

/// Why a step does not go on.
#[derive(Debug)]
enum Obstacle {
    /// The page is not as the step has it.
    Page(String),
    /// Not to do with the step.
    Browser(Failure),
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Driver(reason) => Self::Page(reason),
            other => Self::Browser(other),
        }
    }
}

/// A page on which steps are done.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    client: &'a Client,
    /// Reference of the shadow root that is open, or null.
    pub(super) scope: Value,
    pub(super) is_in_frame: bool,
    /// Whether there is more than the page shows.
    pub(super) is_cut: bool,
    /// A button that was to bring more, and that the page never had.
    pub(super) unseen: Option<String>,
}

impl<'a> Stage<'a> {
    pub(super) const fn new(client: &'a Client) -> Self {
        Self {
            client,
            scope: Value::Null,
            is_in_frame: false,
            is_cut: false,
            unseen: None,
        }
    }

    /// Does one step; `number` is its place in the file.
    pub(super) async fn run(&mut self, number: usize, step: &Step) -> Result<(), Failure> {
        let name = step.action.to_string();
        match self.act(step).await {
            Ok(()) => Ok(()),
            Err(Obstacle::Page(reason)) => Err(Failure::Step(StepFailure {
                number,
                step: name,
                reason,
            })),
            Err(Obstacle::Browser(Failure::Lost(reason))) => {
                Err(Failure::Lost(format!("step {number} ({name}): {reason}")))
            }
            Err(Obstacle::Browser(failure)) => Err(failure),
        }
    }

    async fn act(&mut self, step: &Step) -> Result<(), Obstacle> {
        let limit = step.timeout.unwrap_or(DISMISS_TIMEOUT);
        match &step.action {
            Action::Click(selector) => self.touch(selector, Touch::Click, limit).await.map(drop),
            Action::Dismiss(selector) => self.dismiss(selector, step.timeout).await,
            Action::Fill { selector, value } => {
                let touch = Touch::Fill(value);
                self.touch(selector, touch, limit).await.map(drop)
            }
            Action::Select { selector, value } => {
                let touch = Touch::Select(value);
                self.touch(selector, touch, limit).await.map(drop)
            }
            Action::Press(key) => self.press(key).await,
            Action::Frame(selector) => {
                self.touch(selector, Touch::EnterFrame, limit).await?;
                self.scope = Value::Null;
                self.is_in_frame = true;
                Ok(())
            }
            Action::Shadow(selector) => {
                self.scope = self.touch(selector, Touch::OpenShadow, limit).await?;
                Ok(())
            }
            Action::Leave => {
                command(self.client.issue_cmd(ToTop)).await?;
                self.scope = Value::Null;
                self.is_in_frame = false;
                Ok(())
            }
            Action::LoadMore {
                selector,
                max,
                optional,
            } => {
                let is_seen = self.load_more(selector, *max, limit).await?;
                if !is_seen && !optional {
                    self.unseen = Some(selector.clone());
                }
                Ok(())
            }
            Action::Scroll {
                selector,
                max,
                settle,
            } => self.scroll(selector, *max, *settle, limit).await,
            Action::Wait { condition, settle } => self.wait(condition, *settle, limit).await,
        }
    }

    /// Does something to the first element of a selector that can be seen, as soon as it lets us.
    async fn touch(
        &self,
        selector: &str,
        touch: Touch<'_>,
        limit: Duration,
    ) -> Result<Value, Obstacle> {
        let deadline = Instant::now() + limit;
        loop {
            let hindrance = match self.look(selector).await?.element(self.client) {
                None => "nothing on the page matches it".to_owned(),
                Some(element) => match answer(self.try_touch(&element, touch)).await? {
                    Ok(Some(value)) => return Ok(value),
                    Ok(None) => "it has no such option".to_owned(),
                    Err(error) if passes(&error) => command_reason(&error),
                    Err(error) => return Err(refused(&error).into()),
                },
            };
            if Instant::now() >= deadline {
                return Err(late(&hindrance, limit));
            }
            sleep(POLL).await;
        }
    }

    /// What came of it, or nothing where it could not be done yet.
    async fn try_touch(
        &self,
        element: &Element,
        touch: Touch<'_>,
    ) -> Result<Option<Value>, CmdError> {
        let done = Some(Value::Null);
        match touch {
            Touch::Click => element.click().await.map(|()| done),
            Touch::EnterFrame => element.enter_frame().await.map(|()| done),
            Touch::Fill(value) => {
                element.clear().await?;
                element.send_keys(value).await.map(|()| done)
            }
            Touch::Select(value) => {
                let arguments = vec![reference(element), json!(value)];
                let is_done = self.client.execute(SELECT, arguments).await?;
                Ok(done.filter(|_| is_done == Value::Bool(true)))
            }
            Touch::OpenShadow => {
                // Also opens what is closed to scripts.
                let call = ShadowOf(element.element_id());
                self.client.issue_cmd(call).await.map(Some)
            }
        }
    }

    async fn dismiss(&self, selector: &str, timeout: Option<Duration>) -> Result<(), Obstacle> {
        let deadline = Instant::now() + timeout.unwrap_or_default();
        while !self.look(selector).await?.visible {
            if Instant::now() >= deadline {
                return Ok(());
            }
            sleep(POLL).await;
        }
        let limit = timeout.unwrap_or(DISMISS_TIMEOUT);
        self.touch(selector, Touch::Click, limit).await.map(drop)
    }

    async fn press(&self, name: &str) -> Result<(), Obstacle> {
        let named = KEYS.iter().find(|(known, _)| *known == name);
        let value = named.map(|(_, code)| *code).or(name.chars().next());
        let Some(value) = value else {
            return Err(Obstacle::Page("there is no such key".to_owned()));
        };
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        Ok(command(self.client.perform_actions(keys)).await?)
    }

    async fn wait(
        &self,
        condition: &Condition,
        settle: Duration,
        limit: Duration,
    ) -> Result<(), Obstacle> {
        let start = Instant::now();
        let mut steady = (0, start);
        loop {
            let (holds, hindrance) = match condition {
                Condition::Present(selector) => {
                    let look = self.look(selector).await?;
                    (look.count > 0, "it did not appear")
                }
                Condition::Visible(selector) => {
                    let look = self.look(selector).await?;
                    let is_there = look.count > 0;
                    let hindrance = if is_there {
                        "it is there and cannot be seen"
                    } else {
                        "it did not appear"
                    };
                    (look.visible, hindrance)
                }
                Condition::Gone(selector) => (
                    !self.look(selector).await?.visible,
                    "it is still to be seen",
                ),
                Condition::Stable(selector) => {
                    let look = self.look(selector).await?;
                    if look.count != steady.0 || look.busy > 0 {
                        steady = (look.count, Instant::now());
                    }
                    let is_stable = look.count > 0 && steady.1.elapsed() >= settle;
                    (is_stable, "their number did not settle")
                }
                Condition::Text(text) => {
                    let arguments = vec![self.scope.clone(), json!(text)];
                    let found = command(self.client.execute(HAS_TEXT, arguments)).await?;
                    (found == Value::Bool(true), "the text did not appear")
                }
                Condition::Idle(_) => {
                    let look = self.look("").await?;
                    let quiet = Duration::from_millis(look.quiet);
                    (
                        look.busy == 0 && quiet >= settle,
                        "the page did not become idle",
                    )
                }
            };
            if holds {
                return Ok(());
            }
            if start.elapsed() >= limit {
                return Err(late(hindrance, limit));
            }
            sleep(POLL).await;
        }
    }

    async fn look(&self, selector: &str) -> Result<Look, Obstacle> {
        let arguments = vec![self.scope.clone(), json!(selector)];
        let seen = command(self.client.execute(LOOK, arguments)).await?;
        serde_json::from_value(seen)
            .map_err(|error| Obstacle::Page(format!("the page cannot be looked at: {error}")))
    }
}

impl Look {
    fn element(self, client: &Client) -> Option<Element> {
        let id = self
            .element?
            .as_object()?
            .values()
            .next()?
            .as_str()?
            .to_owned();
        Some(Element::from_element_id(
            client.clone(),
            ElementRef::from(id),
        ))
    }
}

fn reference(element: &Element) -> Value {
    json!({ "element-6066-11e4-a52e-4f735466cecf": element.element_id().as_ref() })
}

/// Whether the page may let us a moment later: it is being built, or something moves over the element.
fn passes(error: &CmdError) -> bool {
    matches!(error, CmdError::Standard(no) if no.error == ErrorStatus::ElementClickIntercepted)
        || error.is_element_not_interactable()
        || error.is_invalid_element_state()
        || error.is_stale_element_reference()
        || error.is_no_such_element()
        || error.is_no_such_frame()
        || error.is_no_such_shadow_root()
}

fn late(hindrance: &str, limit: Duration) -> Obstacle {
    Obstacle::Page(format!("{hindrance} within {} s", limit.as_secs_f64()))
}
