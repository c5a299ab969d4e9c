//! What the postings say: our own words, with as many technologies in them as a developer's posting names.

use std::fmt::Write as _;

/// A page that holds nothing until its script has run.
pub(crate) const RENDERED: &str = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Loading</title><main>Loading</main><script>
fetch(location.href.replace('/rendered', '/jobs')).then((answer) => answer.text()).then((text) => {
    const page = new DOMParser().parseFromString(text, 'text/html');
    for (const link of page.querySelectorAll('a[href*=\"/jobs\"]')) {
        link.setAttribute('href', link.getAttribute('href').replace('/jobs', '/rendered'));
    }
    document.title = page.title;
    document.body.replaceChildren(...page.body.childNodes);
});
</script>";

pub(crate) const ROLES: &[&str] = &[
    "Backend Engineer",
    "Frontend Developer",
    "Data Engineer",
    "Site Reliability Engineer",
    "Mobile Developer",
    "Machine Learning Engineer",
    "Platform Engineer",
    "Security Engineer",
    "QA Engineer",
    "Engineering Manager",
];
pub(crate) const COMPANIES: &[&str] = &[
    "Blue Heron Ltd",
    "Saltmarsh Systems",
    "Quiet Harbour Inc.",
    "Fernhill &amp; Sons",
    "Onda Labs",
    "Tin Roof Software",
    "Meadowlark",
    "North Pier Data",
    "Kettle Works",
];
pub(crate) const PLACES: &[&str] = &[
    "Seoul",
    "Berlin, Germany",
    "Remote",
    "Porto, Portugal",
    "Busan",
    "Leeds, UK",
    "Austin, TX",
    "Osaka, Japan",
];
pub(crate) const EMPLOYMENT: &[&str] = &["Full-time", "Contract", "Part-time", "Internship"];
pub(crate) const HEADINGS: &[&str] = &[
    "What you will do",
    "About the team",
    "What we look for",
    "Nice to have",
    "How we work",
    "What we offer",
];
pub(crate) const SKILLS: &[&str] = &[
    "Rust",
    "Python",
    "Kubernetes",
    "PostgreSQL",
    "TypeScript",
    "React",
    "AWS",
    "Kafka",
    "Terraform",
    "Go",
    "Ownership",
    "Clear writing",
    "Curiosity",
    "Java",
    "Docker",
];
pub(crate) const SENTENCES: &[&str] = &[
    "You build services that take in a few million events a day and answer questions about them within a second.",
    "Most of our backend is written in Rust and Go, and some older parts in Python are waiting for someone who cares.",
    "We keep our data in PostgreSQL and Elasticsearch, and move it with Apache Kafka.",
    "You write down what you decide and why, so that the next person need not ask.",
    "The team is six people who have worked together for years and like to explain things.",
    "Our web client uses TypeScript, React and a good deal of plain CSS.",
    "You have run Kubernetes in production, or something like it, and know where it hurts.",
    "We deploy many times a day through GitHub Actions, and roll back without a meeting.",
    "Experience with AWS or Google Cloud helps; Terraform describes everything that we own there.",
    "You read other people&#39;s code with patience and review it with kindness.",
    "There is no on-call rota in your first half year, and afterwards it is one week in seven.",
    "You know what an index costs and when a query plan is lying to you.",
    "Part of the work is taking apart a Java monolith that has served us well for nine years.",
    "We measure before we tune, and keep the measurements beside the code.",
    "You will own the pipeline that turns raw files into tables which analysts can trust.",
    "Dashboards are made with Grafana over Prometheus; alerts go to people, not to channels.",
    "You are at ease on a Linux command line and can tell a slow disk from a slow network.",
    "A degree is welcome and not needed: show us something that you are proud of.",
    "We talk to customers every week, and engineers sit in on those calls.",
    "Machine learning here means PyTorch models that have to answer in forty milliseconds.",
    "You help us to keep Docker images small, builds quick and secrets out of both.",
    "Meetings stand in the calendar on two days; the other three are for quiet work.",
    "GraphQL serves our mobile clients, which are written in Kotlin and Swift.",
    "We pay for books, courses and one conference a year, and ask you to tell us what you learned.",
];

/// More than one round of a posting's description takes.
pub(crate) const LONGEST: usize = 800;

pub(crate) const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="A board of positions that nobody has to fill">
<meta property="og:type" content="website"><meta property="og:site_name" content="The Bench Board">
<link rel="icon" href="/favicon.ico"><link rel="preconnect" href="https://fonts.example.com">
<style>
:root{--ink:#222;--paper:#fdfcf8;--line:#d8d4c8;--link:#235a97}
*{box-sizing:border-box}body{margin:0;font:16px/1.5 serif;color:var(--ink);background:var(--paper)}
header,main,footer{max-width:60rem;margin:0 auto;padding:1rem}nav ul{display:flex;gap:1rem;list-style:none;padding:0}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}.facts{display:grid;grid-template-columns:8rem 1fr}
.facts dt{font-weight:bold}.facts dd{margin:0}.description h3{margin-top:2rem;border-bottom:1px solid var(--line)}
.related{display:grid;grid-template-columns:repeat(3,1fr);gap:1rem}.related .card{border:1px solid var(--line);padding:.5rem}
</style>
<script>
window.settings = {"locale":"en","theme":"paper","features":["saved","alerts","compare"]};
(function (w, d) { w.queue = w.queue || []; w.track = function () { w.queue.push(arguments); };
  d.addEventListener("click", function (event) { var a = event.target.closest("a"); if (a) { w.track("click", a.href); } });
})(window, document);
</script>
"#;

pub(crate) const NAVIGATION: &str = r#"<header class="site"><a class="logo" href="https://example.com/">The Bench Board</a>
<nav><ul>
<li><a href="https://example.com/positions">Positions</a></li><li><a href="https://example.com/companies">Companies</a></li>
<li><a href="https://example.com/salaries">Salaries</a></li><li><a href="https://example.com/articles">Articles</a></li>
<li><a href="https://example.com/saved">Saved</a></li><li><a href="https://example.com/alerts">Alerts</a></li>
<li><a href="https://example.com/login">Sign in</a></li><li><a href="https://example.com/join">Join</a></li>
</ul></nav></header>
"#;

pub(crate) const FOOTER: &str = r#"<footer><div class="columns">
<section><h4>Board</h4><ul><li><a href="https://example.com/about">About us</a></li><li><a href="https://example.com/press">Press</a></li>
<li><a href="https://example.com/contact">Contact</a></li><li><a href="https://example.com/imprint">Imprint</a></li></ul></section>
<section><h4>For companies</h4><ul><li><a href="https://example.com/post">Post a position</a></li>
<li><a href="https://example.com/prices">Prices</a></li><li><a href="https://example.com/help">Help</a></li></ul></section>
<section><h4>Law</h4><ul><li><a href="https://example.com/terms">Terms</a></li><li><a href="https://example.com/privacy">Privacy</a></li>
<li><a href="https://example.com/cookies">Cookies</a></li></ul></section>
</div><p class="small">Every word on this board is made up.</p></footer></body></html>
"#;

/// Eight cards that link to other postings, as boards end their pages.
pub(crate) fn related(total: u32, number: u32) -> Result<String, std::fmt::Error> {
    let mut cards = String::from("<aside><h2>Related positions</h2><div class=\"related\">\n");
    for step in 1..=8 {
        let other = (number + step * 37) % total;
        write!(
            cards,
            "<div class=\"card\"><a href=\"/{total}/jobs/{other}\"><span class=\"role\">{} {other}</span></a>\
             <span class=\"where\">{}</span> <span class=\"badge\">{}</span></div>\n",
            pick(ROLES, other),
            pick(PLACES, other / 7),
            pick(EMPLOYMENT, other),
        )?;
    }
    cards.push_str("</div></aside>\n");
    Ok(cards)
}

pub(crate) fn pick<'a>(words: &[&'a str], number: u32) -> &'a str {
    words[number as usize % words.len()]
}

/// Draws that look random and follow from the posting's number.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(number: u32) -> Self {
        Self(u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03)
    }

    pub(crate) fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        words[(self.0 >> 33) as usize % words.len()]
    }
}
