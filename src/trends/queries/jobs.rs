use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};

use super::bytewise;
use crate::load::{Store, StoreError, binds};

/// The open job listings, by company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenJobs {
    /// All open listings.
    pub jobs: i64,
    /// Companies with an open listing, those that hide their name as one.
    pub companies: i64,
    /// Those with the most listings first.
    pub by_company: Vec<CompanyJobs>,
}

/// The open listings of one company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyJobs {
    /// Its name, cut after 120 characters; none where listings name nobody.
    pub company: Option<String>,
    /// Its open listings.
    pub jobs: i64,
}

#[derive(FromRow)]
struct CompanyRow {
    company: String,
    jobs: i64,
    all_jobs: i64,
    all_companies: i64,
}

/// Counts the open listings of the companies that have most. One that stands on several boards is open while one of them
/// shows it.
///
/// Documents are read for the company, so the cost must follow what is open, not what was ever seen. The condition on
/// `scope` is always true: with it SQLite takes `records_active`, without it another index and every closed listing.
pub async fn open_jobs(store: &Store, limit: u16) -> Result<OpenJobs, StoreError> {
    let bytewise = bytewise(store);
    let sql = format!(
        "WITH jobs AS (
             SELECT min(substr(coalesce(document ->> 'company', ''), 1, 120) {bytewise}) AS company
               FROM records WHERE kind = 'job' AND active AND scope >= '' GROUP BY coalesce(same_as, id)),
         companies AS (SELECT company, count(*) AS jobs FROM jobs GROUP BY company)
         SELECT company, jobs, CAST(sum(jobs) OVER () AS bigint) AS all_jobs, count(*) OVER () AS all_companies
           FROM companies ORDER BY jobs DESC, company {bytewise} LIMIT $1"
    );
    let rows: Vec<CompanyRow> = store
        .rows(AssertSqlSafe(sql), binds![i64::from(limit)])
        .await?;
    let (jobs, companies) = rows
        .first()
        .map_or((0, 0), |row| (row.all_jobs, row.all_companies));
    let by_company = rows
        .into_iter()
        .map(|row| CompanyJobs {
            company: Some(row.company).filter(|name| !name.is_empty()),
            jobs: row.jobs,
        })
        .collect();
    Ok(OpenJobs {
        jobs,
        companies,
        by_company,
    })
}
