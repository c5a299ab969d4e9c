//! Pages that say themselves what they are: through `trendy extract`, and through a pipeline without rules.

use crate::support::trendy::Workspace;

const PIPELINE: &str = r#"
id = "board"
kind = "job"
description = "A board"
[source]
url = "https://board.example/jobs"
[list]
item = "li"
link = { css = "a", attr = "href" }
[detail]
extract = "jsonld"
[fields]
category = { css = ".category" }
company = { css = ".company" }
[defaults]
board = "board"
"#;

const POSTING: &str = r#"<script type="application/ld+json">{"@type": "JobPosting", "title": "Engineer",
    "hiringOrganization": {"name": "Declared"}, "datePosted": "2024-03-01", "description": "&lt;p&gt;Rust&lt;/p&gt;",
    "employmentType": "FULL_TIME", "jobLocationType": "TELECOMMUTE",}</script><p class=category>backend</p>"#;

#[tokio::test(flavor = "multi_thread")]
async fn declared_posting_becomes_a_record_and_a_page_without_one_a_rejection() {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/board.toml", PIPELINE);
    workspace.write(
        "sites/board/day-1/jobs/index.html",
        "<ul><li><a href='/jobs/1'>1</a></li><li><a href='/jobs/2'>2</a></li></ul>",
    );
    workspace.write("sites/board/day-1/jobs/1.html", POSTING);
    workspace.write("sites/board/day-1/jobs/2.html", "<h1>Sign in</h1>");
    workspace.serve_own("board").await;
    let said = workspace.trendy(&["run", "board", "--dry-run"]).await;
    assert_eq!(said.status, 3, "{said:#?}");
    for part in [
        "\"title\":\"Engineer\"",
        "\"company\":\"Declared\"",
        "\"category\":\"backend\"",
        "\"remote\":true",
        "\"employment_type\":[\"full_time\"]",
        "\"posted_at\":\"2024-03-01T00:00:00Z\"",
        "\"description\":\"Rust\"",
    ] {
        let plain = said.stdout.replace(": ", ":");
        assert!(plain.contains(part), "{part} is not in {plain}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extract_prints_jobs_articles_and_sitemaps() {
    let workspace = Workspace::empty();
    workspace.write("job.html", POSTING);
    workspace.write(
        "post.html",
        "<html lang=ko><title>Go로 만든 서버</title>Kafka를 사용",
    );
    workspace.write(
        "map.xml",
        "<urlset><url><loc>/a</loc><lastmod>2024-03-01</lastmod></url></urlset>",
    );
    workspace.write(
        "pay.json",
        r#"[{"@type": "JobPosting", "title": "x", "baseSalary": "$80,000 - $90,000 per year"},
            {"@type": "JobPosting", "title": "y", "baseSalary": "negotiable"}]"#,
    );
    let extract = async |file: &str, format: &str| {
        let url = "https://a.example/2024/03/01/";
        let file = workspace.path(file);
        let arguments = [
            "extract",
            file.to_str().unwrap(),
            "--as",
            format,
            "--url",
            url,
        ];
        let said = workspace.trendy(&arguments).await;
        assert_eq!(said.status, 0, "{said:#?}");
        said.json()
    };
    let jobs = extract("job.html", "jobs").await;
    assert_eq!(jobs["jobs"][0]["date_posted"], "2024-03-01T00:00:00Z");
    assert_eq!(jobs["jobs"][0]["remote"], true);
    assert!(jobs["jobs"][0]["salary"].is_null());
    let pay = extract("pay.json", "jobs").await;
    let expected =
        serde_json::json!({"currency": "USD", "min": 80_000, "max": 90_000, "unit": "YEAR"});
    assert_eq!(pay["jobs"][0]["salary"], expected);
    assert!(pay["jobs"][1]["salary"].is_null());
    let article = extract("post.html", "article").await;
    assert_eq!(article["title"], "Go로 만든 서버");
    assert_eq!(article["published"], "2024-03-01T00:00:00Z");
    assert_eq!(article["encoding"], "utf-8");
    assert_eq!(article["terms"], serde_json::json!(["Apache Kafka", "Go"]));
    let sitemap = extract("map.xml", "sitemap").await;
    assert_eq!(sitemap["urls"][0]["loc"], "https://a.example/a");
    assert_eq!(sitemap["urls"][0]["lastmod"], "2024-03-01T00:00:00Z");
}
