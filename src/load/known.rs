//! Pages that need not be read again: what they are recognised by, and what they named.
//!
//! A page is forgotten in the first transaction after it answered anew ([`Batch::read`](super::Batch::read)), and known
//! again only in one that leaves all its records in the store ([`Batch::known`](super::Batch::known)). So, whenever a run
//! dies, a page that is known is one whose records are loaded, as they stand on it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;
use url::Url;

use super::part::Part;
use super::sql::json_text;
use super::staging::Staging;
use super::{Bind, Store, StoreError, Transaction, binds};
use crate::record::{Item, Next, PipelineId, RecordId, RunId, Validators};

/// A page as it was when it was read last: enough to go on with when it has not changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownPage {
    /// Address that was asked for.
    pub url: Url,
    /// Hash of all that it was read with.
    pub basis: [u8; 32],
    /// What it is recognised by.
    pub validators: Validators,
    /// What it named.
    pub content: Content,
}

/// What a page named, and where its list goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What stands on it.
    pub named: Named,
    /// Where it leads.
    pub next: Next,
}

/// What stands on a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Named {
    /// Entries of a list that have pages of their own, which may have changed.
    Entries(Vec<Item>),
    /// Records.
    Records(Vec<RecordId>),
}

impl Named {
    /// How many things stand on the page.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        match self {
            Self::Entries(items) => items.len(),
            Self::Records(ids) => ids.len(),
        }
    }
}

#[derive(FromRow)]
struct Row {
    address: String,
    etag: Option<String>,
    last_modified: Option<String>,
    content: Json<Content>,
}

impl Store {
    /// What is known of a page that a pipeline has read with this basis.
    pub async fn known_page(
        &self,
        pipeline: &PipelineId,
        url: &Url,
        basis: [u8; 32],
    ) -> Result<Option<KnownPage>, StoreError> {
        let rows: Vec<Row> = self
            .rows(
                "SELECT address, etag, last_modified, content FROM validators
                  WHERE pipeline = $1 AND url = $2 AND basis = $3",
                binds![pipeline, url.as_str(), Bind::Bytes(Some(basis.to_vec()))],
            )
            .await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let address = Url::parse(&row.address).map_err(|_| StoreError::UnknownName {
            column: "validators.address",
            value: row.address,
        })?;
        Ok(Some(KnownPage {
            url: url.clone(),
            basis,
            validators: Validators {
                url: address,
                etag: row.etag,
                last_modified: row.last_modified,
            },
            content: row.content.0,
        }))
    }
}

/// Forgets the pages that a part has read, and keeps those that it knows.
pub(super) async fn renew(
    transaction: &mut Transaction<'_>,
    run: RunId,
    part: &Part<'_>,
) -> Result<(), StoreError> {
    let rows = rows(part);
    if rows.is_empty() {
        return Ok(());
    }
    transaction.stage(Staging::Pages, rows).await?;
    transaction
        .execute(
            "DELETE FROM validators
              WHERE pipeline = (SELECT pipeline FROM runs WHERE id = $1) AND url IN (SELECT url FROM staged_pages)",
            binds![run],
        )
        .await?;
    transaction
        .execute(
            "INSERT INTO validators (pipeline, url, basis, address, etag, last_modified, content)
             SELECT r.pipeline, s.url, s.basis, s.address, s.etag, s.last_modified, s.content
               FROM staged_pages AS s JOIN runs AS r ON r.id = $1 WHERE s.content IS NOT NULL",
            binds![run],
        )
        .await?;
    Ok(())
}

/// Forgets the pages of every pipeline that has one of the staged records: it must be read again, should it come back.
pub(super) async fn forget_staged(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM validators
              WHERE pipeline IN (SELECT r.pipeline FROM records AS r JOIN staged_seen AS s ON s.id = r.id)",
            binds![],
        )
        .await?;
    Ok(())
}

/// The rows of [`Staging::Pages`]. Of a page that is known twice the last reading counts.
fn rows(part: &Part<'_>) -> Vec<Vec<Bind>> {
    let mut urls = HashSet::new();
    let known = part.known.iter().rev();
    let known = known.filter(|page| urls.insert(page.url.as_str()));
    let mut rows: Vec<Vec<Bind>> = known
        .map(|page| {
            let Validators {
                url,
                etag,
                last_modified,
            } = &page.validators;
            vec![
                Bind::from(page.url.as_str()),
                Bind::Bytes(Some(page.basis.to_vec())),
                Bind::from(url.as_str()),
                Bind::from(etag.as_deref()),
                Bind::from(last_modified.as_deref()),
                Bind::JsonText(Some(json_text(&page.content))),
            ]
        })
        .collect();
    rows.extend(part.read.iter().map(|url| {
        let text = Bind::Text(None);
        vec![
            Bind::from(url.as_str()),
            Bind::Bytes(None),
            text.clone(),
            text.clone(),
            text,
            Bind::JsonText(None),
        ]
    }));
    rows
}
