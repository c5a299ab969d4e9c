use std::collections::{BTreeMap, BTreeSet};

use elasticsearch::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::analysis::Analyzer;
use super::client::{self, Client};
use super::document::Place;
use super::mapping::{self, SCHEMA, Template};
use super::names::{Month, Names};
use crate::load::StoreIdentity;
use crate::publish::error::SendError;
use crate::record::Kind;

/// The kinds with one index behind an alias; weather has one a month.
const SINGLE: [Kind; 2] = [Kind::Job, Kind::Post];

/// What [`setup`](super::ElasticsearchTarget::setup) found and made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupReport {
    /// Indices that were not there. A cursor from before them must be forgotten: they are empty.
    pub created: Vec<String>,
    /// How new indices cut texts into words.
    pub analyzer: &'static str,
}

/// The life of the indices: they come to be here and nowhere else.
pub(super) struct Indices {
    client: Client,
    pub(super) names: Names,
    owner: StoreIdentity,
    /// How long readings are kept, from the instant that they are valid at; none for ever.
    weather_keep: Option<SignedDuration>,
    /// Months whose index is known to be there.
    months: Mutex<BTreeSet<Month>>,
    /// Months before this one are known to have no index.
    dropped_before: Mutex<Option<Month>>,
}

/// An index, as far as we have to know it.
#[derive(Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    pub(super) aliases: BTreeMap<String, Value>,
    #[serde(default)]
    mappings: Map<String, Value>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(flatten)]
    owner: StoreIdentity,
    schema: u64,
}

impl Indices {
    pub(super) fn new(
        client: Client,
        names: Names,
        owner: StoreIdentity,
        weather_keep: Option<SignedDuration>,
    ) -> Self {
        Self {
            client,
            names,
            owner,
            weather_keep,
            months: Mutex::default(),
            dropped_before: Mutex::default(),
        }
    }

    pub(super) async fn setup(&self) -> Result<SetupReport, SendError> {
        // First, so that nothing of another store's is touched.
        let before = self.owned().await?;
        let analyzer = self.install_templates().await?;
        let mut created = Vec::new();
        for alias in self.missing(&before) {
            created.extend(self.create(&alias).await?);
        }
        // Another setup may have been faster, for another store.
        self.verify().await?;
        Ok(SetupReport {
            created,
            analyzer: analyzer.as_str(),
        })
    }

    /// What the indices that are created from now on have in common, live or filling.
    pub(super) async fn install_templates(&self) -> Result<Analyzer, SendError> {
        let analyzer = Analyzer::best_of(&self.client).await?;
        for kind in Kind::ALL {
            for Template { path, body } in
                mapping::templates(kind, &self.names, &self.owner, analyzer)
            {
                let answer = self
                    .client
                    .ask(Method::Put, &path, &[], Some(client::body(&body)))
                    .await?;
                answer.json::<Value>()?;
            }
        }
        Ok(analyzer)
    }

    /// Fails unless jobs and posts have their alias, and every index is of this store.
    pub(super) async fn verify(&self) -> Result<(), SendError> {
        match self.missing(&self.owned().await?).into_iter().next() {
            Some(index) => Err(SendError::NotSetUp {
                address: self.client.address().to_owned(),
                index,
            }),
            None => Ok(()),
        }
    }

    /// The alias to write through; a month that has no index gets one.
    pub(super) async fn open(&self, place: Place) -> Result<String, SendError> {
        let month = match place {
            Place::Kind(kind) => return Ok(self.names.alias(kind)),
            Place::Month(month) => month,
        };
        let alias = self.names.month(month);
        let mut months = self.months.lock().await;
        if !months.contains(&month) {
            self.create(&alias).await?;
            months.insert(month);
        }
        Ok(alias)
    }

    /// The aliases that months of weather are written through.
    pub(super) async fn months(&self) -> Result<Vec<String>, SendError> {
        let aliases = self
            .owned()
            .await?
            .into_values()
            .flat_map(|index| index.aliases.into_keys());
        Ok(aliases.filter(|alias| self.names.is_month(alias)).collect())
    }

    /// The first month that is kept by now; none where each is. A month goes when its last reading is past its age.
    pub(super) fn first_month(&self) -> Option<Month> {
        Month::of(Timestamp::now().checked_sub(self.weather_keep?).ok()?)
    }

    /// Deletes the months before the first that is kept, aliases of others included; gives the names of their indices.
    pub(super) async fn drop_past_months(&self) -> Result<Vec<String>, SendError> {
        let Some(first) = self.first_month() else {
            return Ok(Vec::new());
        };
        let mut dropped_before = self.dropped_before.lock().await;
        if *dropped_before == Some(first) {
            return Ok(Vec::new());
        }
        let past = self.past_months().await?;
        self.delete(&past).await?;
        self.forget_months().await;
        *dropped_before = Some(first);
        Ok(past)
    }

    /// The indices of months before the first that is kept, which are not dropped yet.
    pub(super) async fn past_months(&self) -> Result<Vec<String>, SendError> {
        let mut indices = self.owned().await?;
        indices.retain(|_, index| self.is_past(index));
        Ok(indices.into_keys().collect())
    }

    /// Whether an index is that of a month before the first that is kept.
    pub(super) fn is_past(&self, index: &Index) -> bool {
        let first = self.first_month();
        let mut months = index
            .aliases
            .keys()
            .filter_map(|alias| self.names.month_of(alias));
        months.any(|month| Some(month) < first)
    }

    /// Deletes these indices, as far as they are there.
    pub(super) async fn delete(&self, indices: &[String]) -> Result<(), SendError> {
        for index in indices {
            let answer = self.client.ask(Method::Delete, index, &[], None).await?;
            // 404: an attempt whose answer was lost did it.
            if !answer.is_success() && answer.status != 404 {
                return Err(answer.error());
            }
        }
        Ok(())
    }

    /// The aliases that are always there.
    pub(super) fn single(&self) -> [String; 2] {
        SINGLE.map(|kind| self.names.alias(kind))
    }

    /// Forgets which months have their index, since one of them is gone.
    pub(super) async fn forget_months(&self) {
        self.months.lock().await.clear();
    }

    /// The indices of the same store that are filled to succeed these.
    pub(super) fn filling(&self) -> Self {
        Self::new(
            self.client.clone(),
            self.names.filling(),
            self.owner,
            self.weather_keep,
        )
    }

    fn missing(&self, indices: &BTreeMap<String, Index>) -> Vec<String> {
        self.single()
            .into_iter()
            .filter(|alias| {
                !indices
                    .values()
                    .any(|index| index.aliases.contains_key(alias))
            })
            .collect()
    }

    /// Every index behind our aliases; an error where one is not ours.
    async fn owned(&self) -> Result<BTreeMap<String, Index>, SendError> {
        let indices = self.behind().await?;
        for (name, index) in &indices {
            self.judge(name, index)?;
        }
        Ok(indices)
    }

    /// Every index behind our aliases, whosever it is.
    pub(super) async fn behind(&self) -> Result<BTreeMap<String, Index>, SendError> {
        let aliases = Kind::ALL.map(|kind| self.names.alias(kind)).join(",");
        self.list(&aliases).await
    }

    /// Every index whose name is one of ours, with an alias or without.
    pub(super) async fn named(&self) -> Result<BTreeMap<String, Index>, SendError> {
        let mut indices = self.list(&self.names.pattern()).await?;
        indices.retain(|name, _| self.names.parts(name).is_some());
        Ok(indices)
    }

    async fn list(&self, expression: &str) -> Result<BTreeMap<String, Index>, SendError> {
        let query = [
            ("ignore_unavailable", "true"),
            // The provided name is there so that an index without aliases or meta is still listed.
            (
                "filter_path",
                "*.aliases,*.mappings._meta,*.settings.index.provided_name",
            ),
        ];
        self.client
            .ask(Method::Get, expression, &query, None)
            .await?
            .json()
    }

    /// How long the indices behind an alias remember deletions.
    pub(super) async fn set_gc_deletes(&self, alias: &str, time: &str) -> Result<(), SendError> {
        let settings = client::body(&json!({"index": {"gc_deletes": time}}));
        let path = format!("{alias}/_settings");
        let answer = self
            .client
            .ask(Method::Put, &path, &[], Some(settings))
            .await?;
        answer.json::<Value>().map(drop)
    }

    /// Whether trendy set the index up, for whatever store.
    pub(super) fn is_of_trendy(index: &Index) -> bool {
        index
            .mappings
            .get("_meta")
            .is_some_and(|meta| serde_json::from_value::<Meta>(meta.clone()).is_ok())
    }

    fn judge(&self, name: &str, index: &Index) -> Result<(), SendError> {
        let meta = index.mappings.get("_meta").cloned().unwrap_or_default();
        let meta: Option<Meta> = serde_json::from_value(meta).ok();
        match meta {
            Some(meta) if meta.owner == self.owner && meta.schema == SCHEMA => Ok(()),
            Some(meta) if meta.owner == self.owner => Err(SendError::OtherSchema {
                index: name.to_owned(),
                found: meta.schema,
                known: SCHEMA,
            }),
            meta => Err(SendError::ForeignIndex {
                index: name.to_owned(),
                found: meta.map(|meta| meta.owner),
                expected: self.owner,
            }),
        }
    }

    /// Creates the next index of an alias, with the alias; none where the alias is there already. The template does the
    /// rest.
    pub(super) async fn create(&self, alias: &str) -> Result<Option<String>, SendError> {
        let named = self.named().await?;
        if named
            .values()
            .any(|index| index.aliases.contains_key(alias))
        {
            return Ok(None);
        }
        let highest = named
            .keys()
            .filter_map(|index| self.names.parts(index))
            .filter_map(|(of, number)| (of == Names::live(alias)).then_some(number))
            .max();
        let index = Names::index(alias, highest.unwrap_or(0) + 1);
        let answer = self
            .client
            .ask(
                Method::Put,
                &index,
                &[],
                Some(client::body(&self.birth(alias))),
            )
            .await?;
        if answer.is_success() {
            tracing::info!(index, alias, "index created");
            return Ok(Some(index));
        }
        // Another process may have been faster with the same number. Statuses do not tell "exists already" from other
        // mistakes, and types differ between servers: look.
        let exists = self
            .client
            .ask(Method::Head, &format!("_alias/{alias}"), &[], None)
            .await?;
        if exists.is_success() {
            Ok(None)
        } else {
            Err(answer.error())
        }
    }

    /// What an index has that its template does not give it.
    fn birth(&self, alias: &str) -> Value {
        let mut body = json!({"aliases": {alias: {"is_write_index": true}}});
        if self.names.is_month(alias) {
            body["aliases"][self.names.alias(Kind::Weather)] = json!({});
        }
        if self.names.are_filling() {
            // Nobody searches it, and it can be filled again: so neither refreshed nor copied until it is full.
            body["settings"] = json!({"index": {
                "refresh_interval": "-1", "auto_expand_replicas": "false", "number_of_replicas": 0,
            }});
        }
        body
    }
}
