//! The Elasticsearch target against a real server.

mod everywhere;
mod faults;
mod front;
mod letters;
mod months;
mod publisher;
mod rebuild;
mod restart;
pub(crate) mod scratch;
mod verify;
mod wire;

use std::slice::from_ref;
use std::time::Duration;

use front::{Fate, Front, Identity};
use scratch::{Batch, Scratch, deleted, job};
use serde_json::json;
use trendy::load::StoreIdentity;
use trendy::publish::elasticsearch::{ElasticsearchSettings, ElasticsearchTarget};
use trendy::publish::{SendError, SendReport, Target};
use trendy::record::Kind;

use crate::support::scratch::on_sqlite;
use crate::support::trendy::Workspace;

fn sent(sent: u64) -> SendReport {
    SendReport {
        sent,
        ..SendReport::default()
    }
}

#[tokio::test]
async fn setup_twice_is_once() {
    let scratch = Scratch::new();
    let target = scratch.target();
    let first = target.setup().await.unwrap();
    let p = &scratch.prefix;
    assert_eq!(
        first.created,
        [format!("{p}-job-000001"), format!("{p}-post-000001")]
    );
    let second = target.setup().await.unwrap();
    assert!(second.created.is_empty());
    assert_eq!(scratch.indices().await, first.created);
    target.check().await.unwrap();
    assert_eq!(target.count(Kind::Weather).await.unwrap(), 0);
}

#[tokio::test]
async fn index_templates_are_composed_of_fields_and_settings_and_replace_those_in_one_piece() {
    let scratch = Scratch::new();
    let p = &scratch.prefix;
    let path = format!("_index_template/{p}-job");
    let in_one_piece = json!({"index_patterns": [format!("{p}-job-*")], "priority": 500,
        "template": {"mappings": {"properties": {"title": {"type": "keyword"}}}}});
    scratch.ask("PUT", &path, Some(in_one_piece)).await;
    scratch.target().setup().await.unwrap();

    let found = scratch.ask("GET", &path, None).await;
    let template = &found["index_templates"][0]["index_template"];
    let parts = [format!("{p}-job@mappings"), format!("{p}-job@settings")];
    assert_eq!(template["composed_of"], json!(parts), "{found}");
    assert_eq!(template["template"], json!(null), "{found}");
    let index = scratch.ask("GET", &format!("{p}-job"), None).await;
    let index = &index[format!("{p}-job-000001")];
    assert_eq!(index["mappings"]["properties"]["title"]["type"], "text");
    assert_eq!(index["mappings"]["dynamic"], "strict");
    assert_eq!(index["settings"]["index"]["gc_deletes"], "1h");
}

#[tokio::test]
async fn empty_batch_sends_nothing() {
    let (_scratch, target) = Scratch::set_up().await;
    assert_eq!(target.send(&[]).await.unwrap(), sent(0));
}

#[tokio::test]
async fn same_batch_twice_is_one() {
    let (scratch, target) = Scratch::set_up().await;
    let batch = [job("a", 1, json!({})), job("b", 1, json!({}))];
    assert_eq!(target.send(&batch).await.unwrap(), sent(2));
    assert_eq!(target.send(&batch).await.unwrap(), sent(2));
    assert_eq!(
        scratch.search(Kind::Job, json!({"match_all": {}})).await,
        ["a", "b"]
    );
    assert_eq!(target.count(Kind::Job).await.unwrap(), 2);
    assert_eq!(
        scratch.document(Kind::Job, batch[0].0.record_id).await["_version"],
        1
    );
}

#[tokio::test]
async fn older_revision_does_not_win_over_a_newer_one() {
    let (scratch, target) = Scratch::set_up().await;
    let newer = job("a", 5, json!({"company": "new"}));
    assert_eq!(target.send(from_ref(&newer)).await.unwrap(), sent(1));
    let report = target
        .send(&[job("a", 4, json!({"company": "old"}))])
        .await
        .unwrap();
    assert_eq!(
        report,
        SendReport {
            superseded: 1,
            ..SendReport::default()
        }
    );
    let document = scratch.document(Kind::Job, newer.0.record_id).await;
    assert_eq!(document["_source"]["company"], "new");
}

#[tokio::test]
async fn several_changes_of_a_record_are_one_document() {
    let (scratch, _) = Scratch::set_up().await;
    let front = Front::of(&scratch.server, []).await;
    let target = scratch.target_at(&front.url);
    let batch = [
        job("a", 1, json!({})),
        job("b", 1, json!({})),
        job("a", 2, json!({"company": "two"})),
    ];
    assert_eq!(target.send(&batch).await.unwrap(), sent(2));
    assert_eq!(
        front.bulk_bodies().concat().matches("\"_index\"").count(),
        2
    );
    assert_eq!(
        scratch.document(Kind::Job, batch[0].0.record_id).await["_version"],
        2
    );
}

#[tokio::test]
async fn poison_document_is_refused_and_the_others_arrive() {
    let (scratch, target) = Scratch::set_up().await;
    let poison = job("b", 1, json!({"posted_at": "the day before yesterday"}));
    let batch = [
        job("a", 1, json!({})),
        poison.clone(),
        job("c", 1, json!({})),
    ];
    let report = target.send(&batch).await.unwrap();
    assert_eq!(report.sent, 2);
    let [refused] = report.refused.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(refused.record_id, poison.0.record_id);
    assert!(
        refused
            .reason
            .contains("failed to parse field [posted_at] of type [date]"),
        "{}",
        refused.reason
    );
    assert_eq!(
        refused.payload.as_ref().unwrap()["posted_at"],
        "the day before yesterday"
    );
    assert_eq!(
        scratch.search(Kind::Job, json!({"match_all": {}})).await,
        ["a", "c"]
    );
}

#[tokio::test]
async fn field_that_nobody_mapped_is_refused() {
    let (_scratch, target) = Scratch::set_up().await;
    let report = target
        .send(&[job("a", 1, json!({"surprise": 1}))])
        .await
        .unwrap();
    assert!(
        report.refused[0].reason.contains("[surprise]"),
        "{report:?}"
    );
}

#[tokio::test]
async fn deleted_record_disappears_and_stays_away() {
    let (scratch, target) = Scratch::set_up().await;
    let record = job("a", 1, json!({}));
    target
        .send(&[record.clone(), job("b", 1, json!({}))])
        .await
        .unwrap();
    let deletion = deleted(&record, 2);
    assert_eq!(target.send(from_ref(&deletion)).await.unwrap(), sent(1));
    assert_eq!(target.send(from_ref(&deletion)).await.unwrap(), sent(1));
    assert_eq!(target.send(from_ref(&record)).await.unwrap().superseded, 1);
    assert_eq!(
        scratch.search(Kind::Job, json!({"match_all": {}})).await,
        ["b"]
    );
}

#[tokio::test]
async fn korean_search_finds_inflected_words() {
    let (scratch, target) = Scratch::set_up().await;
    let batch = [
        job(
            "a",
            1,
            json!({"description": "백엔드 개발자를 모집합니다. Spring을 사용한 서버를 만들었습니다."}),
        ),
        job("b", 1, json!({"description": "디자이너를 찾습니다"})),
    ];
    target.send(&batch).await.unwrap();
    for words in ["개발자", "개발", "spring", "모집", "서버는"] {
        let found = scratch
            .search(Kind::Job, json!({"match": {"description": words}}))
            .await;
        assert_eq!(found, ["a"], "{words}");
    }
}

#[tokio::test]
async fn names_with_symbols_are_found() {
    let scratch = Scratch::new();
    let target = scratch.target();
    let analyzer = target.setup().await.unwrap().analyzer;
    let c =
        json!({"terms": [{"name": "C", "type": "language"}], "description": "C언어 기반 펌웨어"});
    let cpp = json!({"terms": [{"name": "C++", "type": "language"}, {"name": "Linux", "type": "platform"}],
        "description": "C++로 작성된 서버"});
    let net = json!({"description": "C#과 ASP.NET 경험"});
    target
        .send(&[job("c", 1, c), job("cpp", 1, cpp), job("net", 1, net)])
        .await
        .unwrap();

    let mut cases = vec![
        (json!({"term": {"terms": "C++"}}), "cpp"),
        (json!({"term": {"terms_by_type.language": "C++"}}), "cpp"),
        (json!({"match": {"description": "c++"}}), "cpp"),
    ];
    // A server without its common analysis module, as the one for development may be, has no way to keep them.
    if analyzer.contains("c#") {
        cases.push((json!({"match": {"description": "c#"}}), "net"));
        cases.push((json!({"match": {"description": ".NET"}}), "net"));
    }
    for (query, title) in cases {
        assert_eq!(
            scratch.search(Kind::Job, query.clone()).await,
            [title],
            "{query}"
        );
    }
}

#[tokio::test]
async fn index_of_another_store_is_left_alone() {
    let (scratch, _) = Scratch::set_up().await;
    let restored = StoreIdentity {
        epoch: 2,
        ..scratch.store
    };
    let target = ElasticsearchTarget::new(&scratch.settings_at(&scratch.server), restored).unwrap();
    for error in [
        target.setup().await.unwrap_err(),
        target.check().await.unwrap_err(),
    ] {
        assert!(
            matches!(&error, SendError::ForeignIndex { expected, .. } if *expected == restored),
            "{error}"
        );
        assert!(
            error.to_string().contains("trendy index rebuild"),
            "{error}"
        );
        assert!(!error.is_retryable());
    }
    scratch.target().check().await.unwrap();
}

#[tokio::test]
async fn index_that_trendy_did_not_set_up_is_left_alone() {
    let scratch = Scratch::new();
    scratch
        .ask("PUT", &format!("{}-job", scratch.prefix), None)
        .await;
    let error = scratch.target().setup().await.unwrap_err();
    assert!(
        matches!(error, SendError::ForeignIndex { found: None, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn no_write_creates_an_index() {
    let (scratch, target) = Scratch::set_up().await;
    let record = job("a", 1, json!({}));
    scratch
        .ask("DELETE", &format!("{}-job-000001", scratch.prefix), None)
        .await;
    let batches: [Batch; 2] = [vec![record.clone()], vec![deleted(&record, 2)]];
    for batch in batches {
        let error = target.send(&batch).await.unwrap_err();
        assert!(matches!(&error, SendError::NotSetUp { .. }), "{error}");
        assert!(error.to_string().contains("trendy index setup"), "{error}");
    }
    assert!(matches!(
        target.check().await,
        Err(SendError::NotSetUp { .. })
    ));
    assert_eq!(
        scratch.indices().await,
        [format!("{}-post-000001", scratch.prefix)]
    );
}

#[tokio::test]
async fn block_on_the_index_is_no_documents_fault() {
    let (scratch, target) = Scratch::set_up().await;
    let block = |on: bool| json!({"index": {"blocks": {"write": on}}});
    let settings = format!("{}-job/_settings", scratch.prefix);
    scratch.ask("PUT", &settings, Some(block(true))).await;
    assert!(matches!(
        target.check().await,
        Err(SendError::Denied { .. })
    ));
    let error = target.send(&[job("a", 1, json!({}))]).await.unwrap_err();
    assert!(matches!(error, SendError::Denied { .. }), "{error}");
    scratch.ask("PUT", &settings, Some(block(false))).await;
    assert_eq!(
        target.send(&[job("a", 1, json!({}))]).await.unwrap(),
        sent(1)
    );
}

#[tokio::test]
async fn request_that_was_cut_off_is_sent_again() {
    let (scratch, _) = Scratch::set_up().await;
    let front = Front::of(&scratch.server, [Fate::CutInRequest, Fate::LostAnswer]).await;
    let batch = [job("a", 1, json!({})), job("b", 1, json!({}))];
    assert_eq!(
        scratch.target_at(&front.url).send(&batch).await.unwrap(),
        sent(2)
    );
    assert_eq!(front.bulk_bodies().len(), 3);
    assert_eq!(
        scratch.search(Kind::Job, json!({"match_all": {}})).await,
        ["a", "b"]
    );
}

#[tokio::test]
async fn server_that_stays_away_is_a_retryable_error_without_the_password() {
    let scratch = Scratch::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://me:se%25cret@{}", listener.local_addr().unwrap());
    drop(listener);
    let settings = ElasticsearchSettings {
        attempts: 2,
        ..scratch.settings_at(&url.parse().unwrap())
    };
    let target = ElasticsearchTarget::new(&settings, scratch.store).unwrap();
    for error in [
        target.send(&[job("a", 1, json!({}))]).await.unwrap_err(),
        target.check().await.unwrap_err(),
    ] {
        assert!(error.is_retryable(), "{error}");
        assert!(!format!("{error} {error:?}").contains("cret"), "{error:?}");
    }
}

#[tokio::test]
async fn silent_server_is_given_up() {
    let scratch = Scratch::new();
    // Connections wait in its backlog; nobody answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let settings = ElasticsearchSettings {
        attempts: 1,
        timeout: Duration::from_millis(200),
        ..scratch.settings_at(&url)
    };
    let target = ElasticsearchTarget::new(&settings, scratch.store).unwrap();
    let error = target.send(&[job("a", 1, json!({}))]).await.unwrap_err();
    assert!(matches!(error, SendError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn only_items_refused_for_now_are_sent_again() {
    let (scratch, _) = Scratch::set_up().await;
    let half = r#"{"errors": true, "items": [
        {"index": {"status": 201}},
        {"index": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}}}]}"#;
    let front = Front::of(&scratch.server, [Fate::Answer(200, half)]).await;
    let batch = [job("a", 1, json!({})), job("b", 1, json!({}))];
    assert_eq!(
        scratch.target_at(&front.url).send(&batch).await.unwrap(),
        sent(2)
    );
    let bodies = front.bulk_bodies();
    assert_eq!(bodies.len(), 2);
    assert!(!bodies[1].contains(&batch[0].0.record_id.to_string()));
    assert!(bodies[1].contains(&batch[1].0.record_id.to_string()));
}

#[tokio::test]
async fn busy_server_is_asked_again_and_then_left_for_later() {
    let (scratch, _) = Scratch::set_up().await;
    let busy = || {
        Fate::Answer(
            429,
            r#"{"error": {"reason": "circuit breaker"}, "status": 429}"#,
        )
    };
    let front = Front::of(
        &scratch.server,
        [busy(), Fate::Answer(503, "no healthy upstream")],
    )
    .await;
    let batch = [job("a", 1, json!({}))];
    assert_eq!(
        scratch.target_at(&front.url).send(&batch).await.unwrap(),
        sent(1)
    );

    let front = Front::of(&scratch.server, [busy(), busy()]).await;
    let settings = ElasticsearchSettings {
        attempts: 2,
        ..scratch.settings_at(&front.url)
    };
    let target = ElasticsearchTarget::new(&settings, scratch.store).unwrap();
    let error = target.send(&batch).await.unwrap_err();
    assert!(
        error.is_retryable() && error.to_string().contains("circuit breaker"),
        "{error}"
    );
}

#[tokio::test]
async fn wrong_password_and_login_page_are_for_a_person() {
    let (scratch, _) = Scratch::set_up().await;
    for (status, page) in [
        (401, r#"{"error": {"reason": "unable to authenticate"}}"#),
        (200, "<html>log in</html>"),
    ] {
        let front = Front::of(&scratch.server, [Fate::Answer(status, page)]).await;
        let error = scratch
            .target_at(&front.url)
            .send(&[job("a", 1, json!({}))])
            .await
            .unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        assert_eq!(front.bulk_bodies().len(), 1);
    }
}

#[tokio::test]
async fn request_too_large_for_something_on_the_way_is_halved() {
    let (scratch, _) = Scratch::set_up().await;
    let too_large = || Fate::Answer(413, "request entity too large");
    let front = Front::of(&scratch.server, [too_large(), too_large()]).await;
    let batch = [job("a", 1, json!({})), job("b", 1, json!({}))];
    let report = scratch.target_at(&front.url).send(&batch).await.unwrap();
    assert_eq!((report.sent, report.refused.len()), (1, 1));
    assert!(report.refused[0].reason.contains("413"), "{report:?}");
}

#[tokio::test]
async fn dead_node_among_others_costs_nothing_but_its_turn() {
    let (scratch, _) = Scratch::set_up().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let settings = ElasticsearchSettings {
        nodes: vec![dead.parse().unwrap(), scratch.server.clone()],
        // A retry would be an error.
        attempts: 1,
        ..scratch.settings_at(&scratch.server)
    };
    let target = ElasticsearchTarget::new(&settings, scratch.store).unwrap();
    for number in 0..6 {
        target.check().await.unwrap();
        let batch = [job(&number.to_string(), 1, json!({}))];
        assert_eq!(target.send(&batch).await.unwrap(), sent(1));
    }
}

#[tokio::test]
async fn user_or_key_goes_with_every_request_and_stays_out_of_messages() {
    let (scratch, _) = Scratch::set_up().await;
    let asked = |header: &'static str| {
        let server = scratch.server.clone();
        async move { Front::demanding(&server, header).await }
    };
    let basic = asked("Basic bWU6YSxiIGM=").await;
    let key = asked("ApiKey aWQ6c2VjcmV0").await;
    let mut with_user = basic.url.clone();
    with_user.set_username("me").unwrap();
    with_user.set_password(Some("a,b c")).unwrap();
    let with_key = |text: &str| ElasticsearchSettings {
        api_key: Some(text.to_owned()),
        ..scratch.settings_at(&key.url)
    };
    for settings in [
        scratch.settings_at(&with_user),
        with_key("id:secret"),
        with_key("aWQ6c2VjcmV0"),
    ] {
        let target = ElasticsearchTarget::new(&settings, scratch.store).unwrap();
        target.check().await.unwrap();
        target.setup().await.unwrap();
        assert_eq!(
            target.send(&[job("a", 1, json!({}))]).await.unwrap(),
            sent(1)
        );
        assert!(!format!("{settings:?}").contains("secret"), "{settings:?}");
    }
    let target = ElasticsearchTarget::new(&with_key("id:wrong"), scratch.store).unwrap();
    let error = target.check().await.unwrap_err();
    assert!(matches!(error, SendError::Denied { .. }), "{error}");
    assert!(!error.to_string().contains("wrong"), "{error}");
}

#[tokio::test]
async fn file_that_holds_no_certificate_is_refused_at_the_start() {
    let settings = ElasticsearchSettings {
        authorities: Some(
            b"-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n".to_vec(),
        ),
        ..ElasticsearchSettings::at("https://localhost:9200".parse().unwrap())
    };
    let store = Scratch::new().store;
    assert!(ElasticsearchTarget::new(&settings, store).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn server_whose_certificate_the_settings_name_is_trusted() {
    on_sqlite(|place| async move {
        let scratch = Scratch::of(place.open().await.identity());
        let identity = Identity::new();
        let front = Front::secured(&scratch.server, &identity).await;
        let mut workspace = Workspace::empty();
        workspace.set("DATABASE_URL", &place.url);
        workspace.set("ELASTICSEARCH_URL", front.url.as_str());
        workspace.set("ELASTICSEARCH_API_KEY", "id:secret");
        workspace.set("TRENDY_INDEX_PREFIX", &scratch.prefix);
        let certificate = identity.certificate();
        workspace.set(
            "TRENDY_ELASTICSEARCH_CA_FILE",
            certificate.to_str().unwrap(),
        );
        let said = workspace.trendy(&["index", "setup"]).await;
        assert_eq!(said.status, 0, "{said:#?}");

        let said = workspace.trendy(&["config", "show"]).await;
        assert!(!said.stdout.contains("secret"), "{said:#?}");

        let settings = ElasticsearchSettings {
            attempts: 1,
            ..scratch.settings_at(&front.url)
        };
        let distrustful = ElasticsearchTarget::new(&settings, scratch.store).unwrap();
        let error = distrustful.check().await.unwrap_err();
        assert!(matches!(error, SendError::Unreachable { .. }), "{error}");

        workspace.set("TRENDY_ELASTICSEARCH_CA_FILE", "nowhere.pem");
        let said = workspace.trendy(&["index", "setup"]).await;
        assert_eq!(said.status, 2, "{said:#?}");
        assert!(said.stderr.contains("`nowhere.pem`"), "{said:#?}");
    })
    .await;
}
