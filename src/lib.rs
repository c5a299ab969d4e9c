//! Collects tech posts, job listings and public weather, and keeps every change for trend dashboards.
//!
//! The modules follow the data: [`collect`] fetches pages, [`extract`] turns a page into items, [`normalize`] turns an
//! item into a [`record`], [`load`] writes records and the change log, [`publish`] follows the log. [`run`] joins the
//! stages. No stage imports another.

pub mod cause;
pub mod collect;
pub mod config;
pub mod demo;
pub mod extract;
pub mod html;
pub mod load;
pub mod normalize;
pub mod publish;
pub mod record;
pub mod run;
pub mod schedule;
pub mod telemetry;
pub mod trends;
