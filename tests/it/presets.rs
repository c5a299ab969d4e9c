//! Boards and blogs whose pipeline files are five lines, over answers in the shape of the services.

use serde_json::{Value, json};

use crate::support::trendy::{Said, Workspace};

/// The records of a dry run of one pipeline over one saved answer.
async fn records(file: &str, path: &str, answer: &str) -> Vec<Value> {
    let mut workspace = Workspace::empty();
    workspace.write("pipelines/acme.toml", file);
    workspace.write(&format!("sites/acme/day-1/{path}"), answer);
    workspace.serve_own("acme").await;
    let said = workspace.trendy(&["run", "acme", "--dry-run"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    printed(&said)
}

/// The records on stdout by external id, the fields of each kind beside those of all kinds.
fn printed(said: &Said) -> Vec<Value> {
    let flat = |line: &str| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let body = record["body"].take();
        record
            .as_object_mut()
            .unwrap()
            .extend(body.as_object().unwrap().clone());
        record
    };
    let mut records: Vec<Value> = said.stdout.lines().map(flat).collect();
    records.sort_by_key(|record| record["external_id"].to_string());
    records
}

/// What a record says, of the fields that are named.
#[track_caller]
fn assert_says(record: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&record[field], value, "{field} of {record:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greenhouse_board_is_five_lines() {
    let file = "id = 'acme'\npreset = 'greenhouse'\ndescription = 'Jobs at Acme'\nwith.company = 'acme'\n\
        defaults.category = 'engineering'\n";
    let answer = json!({"jobs": [{
        "absolute_url": "https://boards.greenhouse.io/acme/jobs/4021", "id": 4021, "internal_job_id": 9, "metadata": [],
        "title": "Backend Engineer (Remote)", "company_name": "Acme Rockets", "location": {"name": "Seoul"},
        "updated_at": "2026-11-19T03:12:20-05:00", "first_published": "2026-10-28T10:00:00-04:00",
        "application_deadline": "2026-12-31T23:59:00+09:00", "departments": [{"id": 1, "name": "Platform"}], "offices": [],
        "content": "&lt;p&gt;We write &lt;strong&gt;Kotlin&lt;/strong&gt;.&lt;/p&gt;&lt;ul&gt;&lt;li&gt;R&amp;amp;D&lt;/li&gt;&lt;/ul&gt;",
    }], "meta": {"total": 1}});
    let found = records(
        file,
        "v1/boards/acme/jobs@content=true.json",
        &answer.to_string(),
    )
    .await;
    assert_eq!(found.len(), 1);
    assert_says(
        &found[0],
        &json!({
            "url": "https://boards.greenhouse.io/acme/jobs/4021", "board": "greenhouse-acme", "external_id": "4021",
            "title": "Backend Engineer (Remote)", "company": "Acme Rockets", "category": "Platform",
            "location": "Seoul", "remote": true, "posted_at": "2026-10-28T14:00:00Z",
            "valid_through": "2026-12-31T14:59:00Z", "description": "We write Kotlin.\nR&D",
        }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lever_board_is_five_lines() {
    let file = "id = 'acme'\npreset = 'lever'\ndescription = 'Jobs at Acme'\nwith.company = 'acme'\n\
        defaults.company = 'Acme Rockets'\n";
    let answer = json!([{
        "id": "5ac21346-8e0c-4494-8e7a-3eb92ff77902", "text": "Data Engineer", "createdAt": 1_761_652_800_000_i64,
        "hostedUrl": "https://jobs.lever.co/acme/5ac21346-8e0c-4494-8e7a-3eb92ff77902", "workplaceType": "hybrid",
        "categories": {"commitment": "Full-time", "location": "Berlin", "allLocations": ["Berlin"], "team": "Data"},
        "descriptionPlain": "We move data.\n\nA lot of it.",
        "lists": [{"text": "You know", "content": "<li>Spark</li><li>Airflow</li>"}], "additionalPlain": "Say hello.",
        "salaryRange": {"currency": "EUR", "interval": "per-year-salary", "min": 70000, "max": 90000.0},
        "country": "DE",
    }, {
        "id": "b1", "text": "Courier", "createdAt": 1_761_652_800_000_i64, "hostedUrl": "https://jobs.lever.co/acme/b1",
        "categories": {}, "descriptionPlain": "You ride.", "lists": [], "workplaceType": "unspecified",
    }]);
    let found = records(file, "v0/postings/acme@mode=json.json", &answer.to_string()).await;
    assert_eq!(found.len(), 2);
    assert_says(
        &found[0],
        &json!({
            "url": "https://jobs.lever.co/acme/5ac21346-8e0c-4494-8e7a-3eb92ff77902", "board": "lever-acme",
            "title": "Data Engineer", "company": "Acme Rockets", "category": "Data", "location": "Berlin",
            "remote": false, "employment_type": ["full_time"], "posted_at": "2025-10-28T12:00:00Z",
            "salary": {"currency": "EUR", "min": 70000.0, "max": 90000.0, "unit": "year"},
            "description": "We move data.\n\nA lot of it.\nYou know\nSpark\nAirflow\nSay hello.",
        }),
    );
    assert_says(
        &found[1],
        &json!({"title": "Courier", "remote": null, "salary": null, "employment_type": [], "location": null}),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ashby_board_is_five_lines() {
    let file = "id = 'acme'\npreset = 'ashby'\ndescription = 'Jobs at Acme'\nwith.company = 'acme'\n\
        defaults.company = 'Acme Rockets'\n";
    let posting = |id: &str, is_listed: bool, compensation: Value| {
        json!({
            "id": id, "title": "Platform Engineer", "department": "Engineering", "team": "Platform",
            "employmentType": "FullTime", "location": "Remote (US)", "secondaryLocations": [], "isRemote": true,
            "workplaceType": "Remote", "isListed": is_listed, "publishedAt": "2026-11-02T08:00:00.000+00:00",
            "jobUrl": format!("https://jobs.ashbyhq.com/acme/{id}"), "descriptionHtml": "<p>We run Go.</p>",
            "descriptionPlain": "We run Go.", "compensation": compensation,
        })
    };
    let full = json!({
        "compensationTierSummary": "$150K – $180K • Offers Equity",
        "scrapeableCompensationSalarySummary": "$150K - $180K",
        "summaryComponents": [
            {"compensationType": "EquityCashValue", "interval": "NONE", "currencyCode": "USD", "minValue": 1, "maxValue": 2},
            {"compensationType": "Salary", "interval": "1 YEAR", "currencyCode": "USD", "minValue": 150_000, "maxValue": 180_000},
        ],
    });
    let summary =
        json!({"compensationTierSummary": "£91K – £115K • Offers Equity", "summaryComponents": []});
    let answer = json!({"apiVersion": "1", "jobs": [
        posting("a", true, full), posting("b", true, summary), posting("c", false, Value::Null), posting("d", true, Value::Null),
    ]});
    let found = records(
        file,
        "posting-api/job-board/acme@includeCompensation=true.json",
        &answer.to_string(),
    )
    .await;
    let ids: Vec<_> = found.iter().map(|record| &record["external_id"]).collect();
    assert_eq!(ids, ["a", "b", "d"]);
    assert_says(
        &found[0],
        &json!({
            "url": "https://jobs.ashbyhq.com/acme/a", "board": "ashby-acme", "title": "Platform Engineer",
            "company": "Acme Rockets", "category": "Platform", "remote": true, "employment_type": ["full_time"],
            "posted_at": "2026-11-02T08:00:00Z", "description": "We run Go.",
            "salary": {"currency": "USD", "min": 150_000.0, "max": 180_000.0, "unit": "year"},
        }),
    );
    assert_says(
        &found[1],
        &json!({"salary": {"currency": "GBP", "min": 91_000.0, "max": 115_000.0, "unit": null}}),
    );
    assert_says(&found[2], &json!({"salary": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blog_by_its_feed_is_four_lines() {
    let file = "id = 'acme'\npreset = 'feed'\ndescription = 'Posts of Acme'\nsource.url = 'https://blog.acme.example/rss.xml'\n";
    let answer = "<rss version='2.0'><channel><title>Acme</title><item><title>Go로 만든 서버</title>\
        <link>https://blog.acme.example/1</link><pubDate>Fri, 13 Nov 2026 09:00:00 +0900</pubDate></item></channel></rss>";
    let found = records(file, "rss.xml", answer).await;
    assert_eq!(found.len(), 1);
    assert_says(
        &found[0],
        &json!({
            "url": "https://blog.acme.example/1", "source": "acme", "title": "Go로 만든 서버",
            "published_at": "2026-11-13T00:00:00Z",
        }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_work_at_wanted_is_read_through_its_pages() {
    let mut workspace = Workspace::empty();
    workspace.write(
        "pipelines/acme.toml",
        "id = 'acme'\npreset = 'wanted'\ndescription = 'Development jobs'\nwith.job_group = 518\npoliteness.delay = '0s'\n",
    );
    let list = |id: u32, next: Value| {
        let data = json!([{
            "id": id, "position": "백엔드 개발자", "company": {"id": 1, "name": "에이크미"}, "annual_from": 3, "annual_to": 100,
            "address": {"country": "한국", "location": "서울", "district": "강남구"}, "employment_type": "regular",
        }]);
        json!({"data": data, "links": {"prev": null, "next": next}}).to_string()
    };
    let path = "sites/acme/day-1/api/chaos/navigation/v1/results";
    let next = "/api/chaos/navigation/v1/results?job_group_id=518&limit=100&offset=100";
    workspace.write(&format!("{path}@offset=0.json"), &list(1, json!(next)));
    workspace.write(&format!("{path}@offset=100.json"), &list(2, Value::Null));
    let state = json!({"props": {"pageProps": {"initialData": {
        "position": "백엔드 개발자", "due_time": "2026-12-31", "intro": "우리는 로켓을 만듭니다.",
        "main_tasks": "• Kotlin 서버", "requirements": "경력 3년", "benefits": null,
    }}}});
    workspace.write(
        "sites/acme/day-1/wd/1.html",
        &format!("<div id=__next></div><script id='__NEXT_DATA__' type='application/json'>{state}</script>"),
    );
    workspace.write(
        "sites/acme/day-1/wd/2.html",
        r#"<script type="application/ld+json">{"@type": "JobPosting", "description": "<p>Go 서버</p>"}</script>"#,
    );
    workspace.serve_own("acme").await;
    let said = workspace.trendy(&["run", "acme", "--dry-run"]).await;
    assert_eq!(said.status, 0, "{said:#?}");
    let found = printed(&said);
    assert_eq!(found.len(), 2, "{said:#?}");
    assert_says(
        &found[0],
        &json!({
            "url": "https://www.wanted.co.kr/wd/1", "board": "wanted-518", "title": "백엔드 개발자", "location": "서울",
            "experience_min": 3, "experience_max": null, "employment_type": ["full_time"],
            "valid_through": "2026-12-31T14:59:59Z", "description": "우리는 로켓을 만듭니다.\n• Kotlin 서버\n경력 3년",
        }),
    );
    assert_says(
        &found[1],
        &json!({"description": "Go 서버", "valid_through": null}),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_are_listed_tried_and_checked_as_any_pipeline() {
    let mut workspace = Workspace::empty();
    workspace.write(
        "pipelines/acme.toml",
        "id = 'acme'\npreset = 'lever'\ndescription = 'Jobs'\nwith.company = 'acme'\n",
    );
    workspace.write(
        "sites/acme/day-1/v0/postings/acme@mode=json.json",
        "[{\"text\": \"Engineer\"}]",
    );
    workspace.serve_own("acme").await;

    let check = workspace.trendy(&["check"]).await;
    assert_eq!(check.status, 0, "{check:#?}");
    let rows = workspace.trendy(&["list", "--format", "json"]).await.json();
    assert_eq!(
        (&rows[0]["preset"], &rows[0]["kind"]),
        (&json!("lever"), &json!("job"))
    );
    let presets = workspace.trendy(&["list", "--presets"]).await;
    assert!(
        presets.stdout.contains("greenhouse") && presets.stdout.contains("jobs.lever.co/acme"),
        "{}",
        presets.stdout
    );

    let tried = workspace.trendy(&["try", "acme", "--format", "json"]).await;
    assert_eq!(tried.status, 3, "{tried:#?}");
    assert!(tried.stdout.contains("hostedUrl"), "{}", tried.stdout);
}
