//! Lists that have to be worked for, each by way of a driver of our own and through a Selenium Grid.

use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;
use trendy::collect::{CollectSettings, FetchError};
use trendy::record::{Outcome, Page};

use super::{both_ways, fetch, scripted};
use crate::site::{Answer, Site, collector, html, late, page, request};

both_ways! {
    a_button_is_clicked_until_it_is_gone
    what_a_hidden_button_brings_late_is_waited_for
    a_list_is_scrolled_to_its_end
    frames_and_shadow_roots_are_read_from_inside
    a_banner_is_dismissed_and_a_form_filled
    late_content_alerts_and_pages_without_rest_are_no_obstacle
    a_failed_step_says_what_and_shows_the_page
    two_sessions_work_at_once
}

/// Answers `/`, and with the entries `from..from + 3` what a script asks for.
fn postings(path: &str, front: &str) -> Option<Answer> {
    if path == "/" {
        return Some(html(front));
    }
    let from: u32 = path.strip_prefix("/more?from=")?.parse().ok()?;
    let entries: Vec<_> = (from..from + 3)
        .map(|n| format!("<li><a href=/jobs/{n}>{n}</a>"))
        .collect();
    Some(late(Duration::from_millis(150), &entries.concat()))
}

pub(super) fn entries(page: &Page) -> usize {
    String::from_utf8_lossy(&page.body).matches("<li>").count()
}

/// `more()` appends three entries, until there are nine.
const MORE: &str = "<ul></ul><script>
    const list = document.querySelector('ul');
    const more = async () => {
        const answer = await fetch(`/more?from=${list.children.length}`);
        list.insertAdjacentHTML('beforeend', await answer.text());
        return list.children.length < 9;
    };
</script>";

async fn a_button_is_clicked_until_it_is_gone(settings: CollectSettings) {
    let front = format!(
        "{MORE}<button>More</button><script>
            const button = document.querySelector('button');
            button.onclick = async () => {{
                button.hidden = true;
                button.hidden = !await more();
            }};
            more();
        </script>"
    );
    let site = Site::start(move |path, _| postings(path, &front)).await;
    let collector = collector(settings);
    let pages = |max: u32| {
        format!("wait_for = \"li\"\n[source.pages]\nload_more = \"button\"\nmax = {max}")
    };
    let page = fetch(&collector, &scripted(&site.url("/"), &pages(50)))
        .await
        .unwrap();
    assert_eq!((entries(&page), page.is_cut), (9, false));
    let page = fetch(&collector, &scripted(&site.url("/"), &pages(1)))
        .await
        .unwrap();
    assert_eq!((entries(&page), page.is_cut), (6, true), "one click");
    let page = fetch(&collector, &scripted(&site.url("/"), &pages(2)))
        .await
        .unwrap();
    assert_eq!((entries(&page), page.is_cut), (9, false), "just enough");
    collector.close().await;
}

/// By a timer, of which no request tells.
async fn what_a_hidden_button_brings_late_is_waited_for(settings: CollectSettings) {
    let front = "<ul><li><a href=/1>1</a></ul><button>More</button><script>
        const button = document.querySelector('button');
        let left = 2;
        button.onclick = () => {
            button.hidden = true;
            setTimeout(() => {
                document.querySelector('ul').append(document.createElement('li'));
                button.hidden = --left === 0;
            }, 1200);
        };
        </script>";
    let site = Site::start(move |path, _| (path == "/").then(|| html(front))).await;
    let collector = collector(settings);
    let pages = "wait_for = \"li\"\n[source.pages]\nload_more = \"button\"\nmax = 9";
    let page = fetch(&collector, &scripted(&site.url("/"), pages)).await;
    assert_eq!(entries(&page.unwrap()), 3);
    collector.close().await;
}

async fn a_list_is_scrolled_to_its_end(settings: CollectSettings) {
    let front = format!(
        "<style>main {{ height: 200px; overflow: auto }} li {{ height: 150px }}</style><main>{MORE}<hr></main><script>
            let busy = false;
            const seen = new IntersectionObserver(async ([end]) => {{
                if (!end.isIntersecting || busy) return;
                busy = true;
                seen.unobserve(end.target);
                if (await more()) seen.observe(end.target);
                busy = false;
            }});
            seen.observe(document.querySelector('hr'));
        </script>"
    );
    let site = Site::start(move |path, _| postings(path, &front)).await;
    let collector = collector(settings);
    let scroll = "[[source.steps]]\nscroll = \"li\"\nsettle = \"1s\"";
    let page = fetch(&collector, &scripted(&site.url("/"), scroll))
        .await
        .unwrap();
    assert_eq!((entries(&page), page.is_cut), (9, false));
    let page = fetch(
        &collector,
        &scripted(&site.url("/"), &format!("{scroll}\nmax = 1")),
    )
    .await
    .unwrap();
    assert!(page.is_cut, "{} after one round", entries(&page));
    collector.close().await;
}

async fn frames_and_shadow_roots_are_read_from_inside(settings: CollectSettings) {
    let site = Site::start(|path, _| {
        Some(match path {
            "/" => html(
                "<p>outside</p><iframe src=/board/list></iframe><job-list></job-list><script>
                const inside = document.querySelector('job-list').attachShadow({ mode: 'closed' });
                inside.innerHTML = '<ul><li><a href=jobs/2>in the shadow</a></ul>';
            </script>",
            ),
            "/board/list" => html(
                "<script>setTimeout(() => {
                document.body.innerHTML = '<ul><li><a href=jobs/1>in the frame</a></ul>';
            }, 200)</script>",
            ),
            "/robots.txt" => page("200 OK", &[], "user-agent: *\ndisallow: /private"),
            "/walled" => html("<iframe src=/private></iframe>"),
            "/private" => html("<li>private"),
            _ => return None,
        })
    })
    .await;
    let collector = collector(settings);
    let wait = "[[source.steps]]\nwait = { visible = \"li\" }";
    for (steps, text, base) in [
        (
            format!("[[source.steps]]\nframe = \"iframe\"\n{wait}"),
            "in the frame",
            "/board/list",
        ),
        (
            format!("[[source.steps]]\nshadow = \"job-list\"\n{wait}"),
            "in the shadow",
            "/",
        ),
        (
            format!(
                "[[source.steps]]\nframe = \"iframe\"\n[[source.steps]]\nleave = true\n\
                 [[source.steps]]\nshadow = \"job-list\"\n{wait}"
            ),
            "in the shadow",
            "/",
        ),
    ] {
        let page = fetch(&collector, &scripted(&site.url("/"), &steps))
            .await
            .unwrap();
        let body = String::from_utf8_lossy(&page.body);
        let base = format!("<base href=\"{}\">", site.url(base));
        assert!(
            body.contains(text) && body.starts_with(&base) && !body.contains("outside"),
            "{body}"
        );
        assert_eq!(
            page.url.as_str(),
            site.url("/"),
            "the page is still the page"
        );
    }
    let walled = scripted(&site.url("/walled"), "[[source.steps]]\nframe = \"iframe\"");
    let error = fetch(&collector, &walled).await.unwrap_err();
    assert!(
        matches!(error, FetchError::DisallowedByRobots { .. }),
        "{error:?}"
    );
    collector.close().await;
}

const FORM: &str = "<div id=banner style='position: fixed; inset: 0; background: white'><button>Accept</button></div>
    <form><input name=q value=old><select><option value=1>All<option value=2>Seoul</select></form><ul></ul>
    <a id=tab>Open</a><script>
        const find = (css) => document.querySelector(css);
        setTimeout(() => find('#banner button').onclick = () => find('#banner').remove(), 100);
        find('#tab').onclick = () => find('ul').insertAdjacentHTML('beforeend', '<li>clicked');
        find('select').onchange = (event) => find('ul').insertAdjacentHTML('beforeend', '<li>' + event.target.value);
        find('form').onsubmit = (event) => {
            event.preventDefault();
            find('ul').insertAdjacentHTML('beforeend', '<li>' + find('input').value);
        };
    </script>";

async fn a_banner_is_dismissed_and_a_form_filled(settings: CollectSettings) {
    let site = Site::start(|path, _| (path == "/").then(|| html(FORM))).await;
    let collector = collector(settings);
    let click = "[[source.steps]]\nclick = \"#tab\"\ntimeout = \"300ms\"";
    let error = fetch(&collector, &scripted(&site.url("/"), click))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("step 1 (click `#tab`)")
            && error.contains("click intercepted")
            && error.contains("banner"),
        "{error}"
    );
    let steps = r##"
        [[source.steps]]
        wait = { visible = "#banner button" }
        [[source.steps]]
        dismiss = "#banner button"
        timeout = "200ms"
        [[source.steps]]
        wait = { idle = true }
        settle = "150ms"
        [[source.steps]]
        dismiss = "#banner button"
        [[source.steps]]
        wait = { gone = "#banner" }
        [[source.steps]]
        click = "#tab"
        [[source.steps]]
        select = "select"
        value = "Seoul"
        [[source.steps]]
        fill = "[name=q]"
        value = "rust & 한국"
        [[source.steps]]
        press = "Enter"
        [[source.steps]]
        wait = { text = "rust & 한국" }
        [[source.steps]]
        wait = { stable = "li" }
        settle = "100ms"
    "##;
    let page = fetch(&collector, &scripted(&site.url("/"), steps))
        .await
        .unwrap();
    let body = String::from_utf8_lossy(&page.body);
    assert!(
        body.contains("<li>clicked</li><li>2</li><li>rust &amp; 한국</li>"),
        "{body}"
    );
    collector.close().await;
}

async fn late_content_alerts_and_pages_without_rest_are_no_obstacle(settings: CollectSettings) {
    let site = Site::start(|path, _| {
        Some(match path {
            "/late" => html(
                "<ul></ul><script>setTimeout(() => {
                document.querySelector('ul').append(document.createElement('li'));
            }, 5000)</script>",
            ),
            "/alert" => html(
                "<script>alert('one'); while (confirm('two')) {}</script><li>read<script>
                setTimeout(() => alert('three'), 50)</script>",
            ),
            "/restless" => {
                html("<ul><li>there</ul><script>setInterval(() => fetch('/tick'), 50)</script>")
            }
            "/tick" => html("tick"),
            _ => return None,
        })
    })
    .await;
    let collector = collector(settings);
    for (path, source) in [
        ("/late", "wait_for = \"li\""),
        (
            "/alert",
            "wait_for = \"li\"\n[[source.steps]]\nwait = { text = \"read\" }",
        ),
        (
            "/restless",
            "[[source.steps]]\nwait = { stable = \"li\" }\nsettle = \"10ms\"",
        ),
    ] {
        let page = fetch(&collector, &scripted(&site.url(path), source)).await;
        assert_eq!(entries(&page.unwrap()), 1, "{path}");
    }
    let idle = scripted(
        &site.url("/restless"),
        "[[source.steps]]\nwait = { idle = true }\ntimeout = \"1500ms\"",
    );
    let error = fetch(&collector, &idle).await.unwrap_err().to_string();
    assert!(
        error.contains("the page did not become idle within 1.5 s"),
        "{error}"
    );
    collector.close().await;
}

async fn a_failed_step_says_what_and_shows_the_page(settings: CollectSettings) {
    let site =
        Site::start(|path, _| (path == "/").then(|| html("<p>Sign in</p><button>More</button>")))
            .await;
    let folder = TempDir::new().unwrap();
    let collector = collector(CollectSettings {
        browser_failures: Some(folder.path().join("seen")),
        ..settings
    });
    let steps = "[[source.steps]]\nclick = \"p\"\n[[source.steps]]\nwait = { present = \"ul > li\" }\ntimeout = \"200ms\"";
    let error = fetch(&collector, &scripted(&site.url("/"), steps))
        .await
        .unwrap_err();
    assert_eq!(error.outcome(), Outcome::Broken);
    let expected = format!(
        "step 2 (wait `ul > li`) failed on {}: it did not appear within 0.2 s; what the browser saw: `",
        site.url("/")
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    let FetchError::Step { kept, .. } = error else {
        panic!("{error:?}");
    };
    assert!(
        std::fs::read_to_string(&kept[0])
            .unwrap()
            .contains("Sign in")
    );
    assert!(std::fs::read(&kept[1]).unwrap().starts_with(b"\x89PNG"));

    let idle_button = scripted(
        &site.url("/"),
        "[[source.steps]]\nload_more = \"button\"\ntimeout = \"300ms\"",
    );
    let error = fetch(&collector, &idle_button)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("still there after a click, and nothing came"),
        "{error}"
    );
    collector.close().await;
}

async fn two_sessions_work_at_once(settings: CollectSettings) {
    let slow = Duration::from_millis(800);
    let site =
        Site::start(move |path, _| path.starts_with("/jobs/").then(|| late(slow, "<li>one"))).await;
    let collector = collector(CollectSettings {
        browser_sessions: 2,
        ..settings
    });
    let mut pipeline = scripted(&site.url("/jobs/"), "");
    pipeline.politeness.concurrency = 4;
    let fetcher = collector.fetcher(&pipeline).unwrap();
    let start = Instant::now();
    let requests: Vec<_> = (0..6)
        .map(|n| request(&site.url(&format!("/jobs/{n}"))))
        .collect();
    let pages = requests.iter().map(|request| fetcher.fetch(request));
    for page in futures_util::future::join_all(pages).await {
        page.unwrap();
    }
    assert!(start.elapsed() > 3 * slow, "{:?}", start.elapsed());
    let most = site.visits().iter().map(|visit| visit.under_way).max();
    assert_eq!(most, Some(2), "as many as there are sessions");
    drop(fetcher);
    collector.close().await;
}
