//! Steps that bring more of a list to its page, and when they are at its end.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Look, Obstacle, POLL, Stage, Touch, late};
use crate::collect::browser::failure::command;
use crate::config::Condition;

/// How long a button has to be gone: while more is loading, some sites hide it.
const GONE: Duration = Duration::from_millis(500);

/// How long what a click asked for is waited for where the button went away with it: some sites hide it while more is
/// loading, some with the click that finds no more.
const EMPTY: Duration = Duration::from_secs(5);

/// To the end of everything around the last of the elements that can be scrolled.
const SCROLL: &str = "
    const found = (arguments[0] || document).querySelectorAll(arguments[1]);
    let one = found[found.length - 1];
    if (one) one.scrollIntoView({ block: 'end' });
    for (; one; one = one.parentElement || one.getRootNode().host) one.scrollTop = one.scrollHeight;
    window.scrollTo(0, document.documentElement.scrollHeight);
";

/// A button that brings more.
enum Button {
    /// It can be clicked, on a page that looks like this.
    Ready(Look),
    /// It is hidden or disabled.
    Gone,
    /// Nothing on the page matches it.
    Absent,
}

impl Stage<'_> {
    /// Clicks a button until it is gone, and says whether there ever was one, be it hidden or disabled.
    pub(super) async fn load_more(
        &mut self,
        selector: &str,
        max: u32,
        limit: Duration,
    ) -> Result<bool, Obstacle> {
        let mut is_seen = false;
        for _ in 0..max {
            match self.button(selector, limit).await? {
                Button::Ready(before) => {
                    self.touch(selector, Touch::Click, limit).await?;
                    self.more_than(selector, before, limit).await?;
                    is_seen = true;
                }
                Button::Gone => return Ok(true),
                Button::Absent => return Ok(is_seen),
            }
        }
        self.is_cut = matches!(self.button(selector, limit).await?, Button::Ready(_));
        Ok(true)
    }

    /// Waits until a button can be clicked, or has been gone for a while.
    async fn button(&self, selector: &str, limit: Duration) -> Result<Button, Obstacle> {
        let deadline = Instant::now() + limit;
        let mut gone_since = None;
        let mut end = Button::Absent;
        loop {
            let look = self.look(selector).await?;
            if look.visible && look.enabled {
                return Ok(Button::Ready(look));
            }
            if look.count > 0 {
                end = Button::Gone;
            }
            let since = *gone_since.get_or_insert_with(Instant::now);
            if look.busy == 0 && since.elapsed() >= GONE {
                return Ok(end);
            }
            if Instant::now() >= deadline {
                return Err(late("a request of the page is still under way", limit));
            }
            sleep(POLL).await;
        }
    }

    /// Waits until a click has changed the page, and nothing more is about to.
    async fn more_than(
        &self,
        selector: &str,
        before: Look,
        limit: Duration,
    ) -> Result<(), Obstacle> {
        let start = Instant::now();
        let deadline = start + limit;
        let mut last = before.size;
        loop {
            let look = self.look(selector).await?;
            let is_over = !look.visible || !look.enabled;
            let is_steady = look.size == last && look.busy == 0;
            // A button that goes away changes the page, too.
            let has_come = if is_over {
                look.size > before.size
            } else {
                look.size != before.size
            };
            if is_steady && (has_come || (is_over && start.elapsed() >= EMPTY)) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                if is_over {
                    return Ok(());
                }
                let reason = "it is still there after a click, and nothing came";
                return Err(late(reason, limit));
            }
            last = look.size;
            sleep(POLL).await;
        }
    }

    pub(super) async fn scroll(
        &mut self,
        selector: &str,
        max: u32,
        settle: Duration,
        limit: Duration,
    ) -> Result<(), Obstacle> {
        let present = Condition::Present(selector.to_owned());
        self.wait(&present, settle, limit).await?;
        for _ in 0..max {
            if !self.brings_more(selector, settle, limit).await? {
                return Ok(());
            }
        }
        self.is_cut = true;
        Ok(())
    }

    /// Scrolls to the end and says whether more came of it.
    async fn brings_more(
        &self,
        selector: &str,
        settle: Duration,
        limit: Duration,
    ) -> Result<bool, Obstacle> {
        let start = Instant::now();
        let before = self.look(selector).await?.count;
        let mut quiet_since = start;
        loop {
            let arguments = vec![self.scope.clone(), json!(selector)];
            command(self.client.execute(SCROLL, arguments)).await?;
            let look = self.look(selector).await?;
            if look.count != before {
                return Ok(true);
            }
            if look.busy > 0 {
                quiet_since = Instant::now();
            }
            if quiet_since.elapsed() >= settle {
                return Ok(false);
            }
            if start.elapsed() >= limit.max(settle) {
                return Err(late("a request of the page is still under way", limit));
            }
            sleep(POLL).await;
        }
    }
}
