use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use url::Url;
use uuid::Uuid;

use super::capabilities::{Place, capabilities};
use super::driver::{Programs, WebDriver};
use super::evidence::Seen;
use super::failure::Failure;
use super::gate::{Gate, Routes};
use super::session::{Rendered, Session, Visit};
use super::walls::Walls;
use crate::collect::collector::{BrowserKind, CollectSettings};
use crate::collect::error::FetchError;
use crate::collect::guard::Guard;
use crate::config::Environment;

/// Pages after which a session makes room for a new one, where its memory is not known: a browser grows with each, and
/// what is left over from a hundred is still less than what it takes to start.
const PAGES_OF_A_SESSION: u32 = 100;

/// Age from which it does: a run with long delays comes to a hundred pages late.
const AGE_OF_A_SESSION: Duration = Duration::from_hours(1);

/// The browsers of a process, at most so many at once.
///
/// A page takes a session out and puts it back only when all went well; whatever goes wrong, a session in doubt is
/// ended. A session serves one run, so neither cookies nor storage pass from one pipeline to another.
pub(in crate::collect) struct Pool {
    kind: BrowserKind,
    /// Host and port of the proxy, for a browser elsewhere. WebDriver has no place for its password.
    proxy: Option<String>,
    webdriver_url: Option<Url>,
    routes: Arc<Routes>,
    /// What a browser elsewhere is told of the network that it runs in.
    walls: Walls,
    programs: Programs,
    /// What is appended to the browser's own user agent.
    signature: String,
    /// The whole user agent, once a session has told its own.
    user_agent: OnceLock<String>,
    /// Most bytes of a session that goes on.
    memory: u64,
    /// One for each session that may be; a page in work holds one.
    places: Semaphore,
    idle: Mutex<Vec<Session>>,
    closing: Mutex<Vec<JoinHandle<()>>>,
}

/// Why there is no page, and what was to be seen instead.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) seen: Option<Seen>,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            seen: None,
        }
    }
}

impl Pool {
    pub(in crate::collect) fn new(
        settings: &CollectSettings,
        environment: &Environment,
        guard: &Arc<Guard>,
    ) -> Self {
        Self {
            kind: settings.browser,
            proxy: settings.proxy.as_ref().and_then(host_and_port),
            webdriver_url: settings.webdriver_url.clone(),
            routes: Arc::new(Routes::new(settings, environment, guard)),
            walls: Walls::new(settings),
            programs: Programs::new(settings, environment),
            signature: settings.user_agent.clone(),
            user_agent: OnceLock::new(),
            memory: settings.browser_memory,
            places: Semaphore::new(settings.browser_sessions.max(1)),
            idle: Mutex::default(),
            closing: Mutex::default(),
        }
    }

    pub(in crate::collect) fn available(&self) -> Result<(), FetchError> {
        match self.webdriver_url {
            Some(_) => Ok(()),
            None => self.programs.find().map(drop),
        }
    }

    /// Ends all sessions and waits until they are gone.
    pub(in crate::collect) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for session in idle {
            self.retire(session);
        }
        let closing = std::mem::take(&mut *lock(&self.closing));
        for one in closing {
            if let Err(error) = one.await {
                tracing::warn!(%error, "a browser was not closed");
            }
        }
    }

    /// What a site was told of who asks.
    pub(super) fn told_user_agent(&self) -> &str {
        self.user_agent.get().unwrap_or(&self.signature)
    }

    /// Reads a page; `begins` is called when a browser is free and sets out.
    pub(super) async fn read(
        &self,
        visit: &Visit<'_>,
        begins: impl FnOnce(),
    ) -> Result<Rendered, Failed> {
        let Ok(_place) = self.places.acquire().await else {
            return Err(Failure::Lost("the browsers are closed".to_owned()).into());
        };
        let mut session = self.session(visit).await?;
        begins();
        let result = session.read(visit).await;
        let seen = match &result {
            Err(failure) if failure.wants_witness() => {
                Some(session.witness(visit.body_limit).await)
            }
            _ => None,
        };
        let is_sound = result.as_ref().err().is_none_or(Failure::spares_session);
        if is_sound && session.rest().await.is_ok() {
            if self.is_worn(&session).await {
                // Here and not aside: the next one needs its memory.
                session.close().await;
            } else {
                self.idle().push(session);
            }
        } else if is_sound || !session.is_local() {
            self.retire(session);
        } else {
            drop(session);
        }
        result.map_err(|failure| Failed { failure, seen })
    }

    /// Whether a session that did well is to be replaced all the same. What it holds is asked between two pages: while
    /// one is read, its time-out is the bound.
    async fn is_worn(&self, session: &Session) -> bool {
        let (pages, age) = (session.pages, session.opened.elapsed());
        let memory = session.memory().await;
        let is_worn = pages >= PAGES_OF_A_SESSION
            || age >= AGE_OF_A_SESSION
            || memory.is_some_and(|memory| memory > self.memory);
        if is_worn {
            tracing::debug!(pages, age_s = age.as_secs(), memory, "replacing a browser");
        }
        is_worn
    }

    /// A run is over: its sessions serve no other.
    pub(super) fn end_run(&self, run: Uuid) {
        let ended: Vec<_> = self
            .idle()
            .extract_if(.., |session| session.run == run)
            .collect();
        for session in ended {
            self.retire(session);
        }
    }

    /// The run's own idle session or a new one, for which an idle one of another run may have to go.
    async fn session(&self, visit: &Visit<'_>) -> Result<Session, Failure> {
        let superfluous = {
            let mut idle = self.idle();
            if let Some(index) = idle.iter().position(|session| session.run == visit.run) {
                return Ok(idle.swap_remove(index));
            }
            // The others hold a place each; ours is for the new one.
            let excess = idle.len().saturating_sub(self.places.available_permits());
            idle.drain(..excess).collect::<Vec<_>>()
        };
        for session in superfluous {
            session.close().await;
        }
        self.open(visit).await
    }

    async fn open(&self, visit: &Visit<'_>) -> Result<Session, Failure> {
        let session = self.launch(visit).await?;
        if self.user_agent.get().is_none() {
            // Both parts are the truth.
            let user_agent = format!("{} {}", session.user_agent().await?, self.signature);
            tracing::debug!(user_agent, "browser started");
            // Another session may have been first, with the same.
            self.user_agent.get_or_init(|| user_agent);
            if self.kind == BrowserKind::Firefox {
                // It takes a user agent at its start only.
                session.close().await;
                return self.launch(visit).await;
            }
        }
        if self.kind == BrowserKind::Chrome {
            session.equip(self.told_user_agent()).await?;
        }
        Ok(session)
    }

    async fn launch(&self, visit: &Visit<'_>) -> Result<Session, Failure> {
        let user_agent = self.user_agent.get().map(String::as_str);
        if let Some(url) = &self.webdriver_url {
            let place = Place::Elsewhere {
                walls: self.walls.around(visit.home),
                proxy: self.proxy.as_deref(),
            };
            let wishes = capabilities(self.kind, &place, user_agent);
            return Session::open(WebDriver::at(url), None, wishes, visit.run).await;
        }
        let programs = self.programs.find().map_err(Failure::Start)?;
        let driver = WebDriver::start(&programs).await.map_err(Failure::Start)?;
        let gate = Gate::open(Arc::clone(&self.routes), visit.home.clone())
            .await
            .map_err(|error| Failure::Lost(format!("it has no way out ({error})")))?;
        let local = driver.local.as_ref();
        let place = Place::Here {
            browser: local.expect("a driver that was started here is local"),
            gate: gate.address,
        };
        let wishes = capabilities(self.kind, &place, user_agent);
        Session::open(driver, Some(gate), wishes, visit.run).await
    }

    /// Closes a session while others go on.
    fn retire(&self, session: Session) {
        // Without a runtime nobody could wait for the browser's answer: dropping the session has to do.
        if let Ok(runtime) = Handle::try_current() {
            let mut closing = lock(&self.closing);
            closing.retain(|one| !one.is_finished());
            closing.push(runtime.spawn(session.close()));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        lock(&self.idle)
    }
}

fn host_and_port(url: &Url) -> Option<String> {
    let port = url.port_or_known_default()?;
    Some(format!("{}:{port}", url.host_str()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
