use jiff::Zoned;
use serde::Serialize;

use super::answers::Answers;
use super::openings::{NewsItem, Openings};
use super::overview::{RunCard, Tile, run_cards, tiles};
use super::technologies::Technologies;
use super::weather::WeatherSection;
use super::when::{self, When};

/// All that is seen, as the templates read it. A section without data is none, and says so in its place.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    version: &'static str,
    made_at: When,
    zone: String,
    tiles: Vec<Tile>,
    runs: Vec<RunCard>,
    technologies: [Technologies; 2],
    openings: Option<Openings>,
    posts: Vec<NewsItem>,
    weather: Option<WeatherSection>,
}

impl Page {
    pub(super) fn new(answers: &Answers, now: &Zoned) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            made_at: when::whole(now),
            zone: now.strftime("%Z").to_string(),
            tiles: tiles(&answers.totals, &answers.runs),
            runs: run_cards(&answers.runs, now),
            technologies: [
                Technologies::new(&answers.job_terms),
                Technologies::new(&answers.post_terms),
            ],
            openings: Openings::new(
                &answers.days,
                &answers.weeks,
                &answers.open,
                &answers.new_jobs,
                now,
            ),
            posts: NewsItem::all(&answers.new_posts, now),
            weather: WeatherSection::new(&answers.weather, now),
        }
    }
}
