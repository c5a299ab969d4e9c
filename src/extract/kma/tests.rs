use super::*;

fn observation(category: &str, value: &str) -> String {
    format!(
        r#"{{"baseDate":"20261001","baseTime":"0500","category":"{category}","nx":60,"ny":127,"obsrValue":"{value}"}}"#
    )
}

fn forecast(issued: &str, valid: &str, category: &str, value: &str) -> String {
    let ((base_date, base_time), (date, time)) = (issued.split_at(8), valid.split_at(8));
    format!(
        r#"{{"baseDate":"{base_date}","baseTime":"{base_time}","category":"{category}","fcstDate":"{date}",
            "fcstTime":"{time}","fcstValue":{value},"nx":60,"ny":127}}"#
    )
}

fn body(items: &[String]) -> String {
    format!(
        r#"{{"response":{{"header":{{"resultCode":"00","resultMsg":"NORMAL_SERVICE"}},"body":{{"dataType":"JSON",
            "items":{{"item":[{}]}},"pageNo":1,"numOfRows":1000,"totalCount":{}}}}}}}"#,
        items.join(","),
        items.len()
    )
}

fn refusal(body: &str) -> Refusal {
    match rows(body) {
        Err(KmaError::Refused(refusal)) => refusal,
        other => panic!("no refusal: {other:?}"),
    }
}

/// Value, lower and upper bound of a forecast's text.
fn bounds(category: &str, value: &str) -> (Option<f64>, Option<f64>, Option<f64>) {
    let item = forecast("202609240500", "202609240600", category, value);
    let reading = rows(&body(&[item])).unwrap().rows.remove(0).reading;
    (reading.value, reading.min, reading.max)
}

#[test]
fn reads_an_observation() {
    let items = [
        observation("T1H", "15.5"),
        observation("REH", "42"),
        observation("PTY", "0"),
    ];
    let answer = rows(&body(&items)).unwrap();
    assert_eq!(
        (
            answer.result_code.as_str(),
            answer.total_count,
            answer.retry
        ),
        ("00", Some(3), None)
    );
    let row = &answer.rows[0];
    assert_eq!(
        (row.category.as_str(), row.variable.as_str(), row.nx, row.ny),
        ("T1H", "temperature", 60, 127)
    );
    assert_eq!(row.kind, WeatherKind::Observation);
    assert_eq!(row.issued_at.to_string(), "2026-09-30T20:00:00Z");
    assert_eq!(row.valid_at, row.issued_at);
    assert_eq!(
        (row.reading.value, row.reading.unit.as_deref()),
        (Some(15.5), Some("°C"))
    );
    assert_eq!(row.reading.raw, "15.5");
    assert_eq!(answer.rows[2].reading.unit, None);
}

#[test]
fn reads_the_same_answer_as_xml() {
    let xml = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
        <response><header><resultCode>0</resultCode><resultMsg>NORMAL SERVICE.</resultMsg></header>
        <body><dataType>XML</dataType><items>
        <item><baseDate>20260924</baseDate><baseTime>2000</baseTime><category>PCP</category>
        <fcstDate>20260924</fcstDate><fcstTime>2100</fcstTime><fcstValue>강수없음</fcstValue><nx>60</nx><ny>127</ny></item>
        <item><baseDate>20260924</baseDate><baseTime>2000</baseTime><category>TMP</category>
        <fcstDate>20260924</fcstDate><fcstTime>2400</fcstTime><fcstValue><![CDATA[23]]></fcstValue><nx>60</nx><ny>127</ny></item>
        </items><numOfRows>2</numOfRows><pageNo>1</pageNo><totalCount>1016</totalCount></body></response>"#;
    let answer = rows(xml).unwrap();
    assert_eq!(
        (answer.result_code.as_str(), answer.total_count),
        ("00", Some(1016))
    );
    assert_eq!(answer.rows[0].reading.value, Some(0.0));
    assert_eq!(answer.rows[1].valid_at.to_string(), "2026-09-24T15:00:00Z");
    assert_eq!(answer.rows[1].reading.value, Some(23.0));
}

#[test]
fn a_refusal_says_what_to_do() {
    let gateway = |code: &str| {
        format!(
            "<OpenAPI_ServiceResponse>\n<cmmMsgHeader><errMsg>SERVICE ERROR</errMsg><returnAuthMsg>WHY</returnAuthMsg>\
             <returnReasonCode>{code}</returnReasonCode></cmmMsgHeader></OpenAPI_ServiceResponse>"
        )
    };
    for (code, retry) in [
        ("01", Retry::WithBackoff),
        ("02", Retry::WithBackoff),
        ("04", Retry::WithBackoff),
        ("05", Retry::WithBackoff),
        ("99", Retry::WithBackoff),
        ("03", Retry::OneSlotBack),
        ("22", Retry::WhenQuotaRenews),
        ("10", Retry::Never),
        ("12", Retry::Never),
        ("20", Retry::Never),
        ("30", Retry::Never),
        ("33", Retry::Never),
        ("what", Retry::Never),
    ] {
        let refusal = refusal(&gateway(code));
        assert_eq!(
            (
                refusal.code.as_str(),
                refusal.message.as_str(),
                refusal.retry
            ),
            (code, "WHY", retry)
        );
    }
    let json = r#"{"response":{"header":{"resultCode":"3","resultMsg":"NO_DATA"},"body":{"items":"","totalCount":0}}}"#;
    assert_eq!(refusal(json).code, "03");
}

#[test]
fn the_api_hub_refuses_with_http_statuses() {
    let hub = |status: u16| {
        refusal(&format!(
            r#"{{"result":{{"status":{status},"message":"유효한 인증키가 아닙니다."}}}}"#
        ))
    };
    assert_eq!(
        (hub(401).code.as_str(), hub(401).retry),
        ("401", Retry::Never)
    );
    assert_eq!(hub(429).retry, Retry::WhenQuotaRenews);
    assert_eq!(hub(503).retry, Retry::WithBackoff);
}

#[test]
fn a_refusal_is_an_answer_to_print() {
    let printed = |body: &str| serde_json::to_value(answer(body).unwrap()).unwrap();
    let quota = printed(
        "<r><returnAuthMsg>LIMITED</returnAuthMsg><returnReasonCode>22</returnReasonCode></r>",
    );
    assert_eq!(quota["retry"], "not until the quota renews");
    assert_eq!(quota["rows"], serde_json::json!([]));
    let no_data = printed(r#"{"response":{"header":{"resultCode":"03","resultMsg":"NO_DATA"}}}"#);
    assert_eq!(
        (&no_data["retry"], &no_data["result_code"]),
        (&false.into(), &"03".into())
    );
    let row = &printed(&body(&[observation("WSD", "1.7")]))["rows"][0];
    assert_eq!(
        *row,
        serde_json::json!({
            "category": "WSD", "variable": "wind_speed", "issued_at": "2026-09-30T20:00:00Z",
            "valid_at": "2026-09-30T20:00:00Z", "nx": 60, "ny": 127, "value": 1.7, "unit": "m/s", "raw": "1.7",
            "min": null, "max": null
        })
    );
}

#[test]
fn amounts_in_words_become_numbers_or_bounds() {
    let none = (Some(0.0), None, None);
    for text in [r#""강수없음""#, r#""-""#, "null", r#""0""#, "0"] {
        assert_eq!(bounds("PCP", text), none, "{text}");
        assert_eq!(bounds("RN1", text), none, "{text}");
    }
    assert_eq!(bounds("SNO", r#""적설없음""#), none);
    assert_eq!(bounds("PCP", r#""1mm 미만""#), (None, Some(0.0), Some(1.0)));
    assert_eq!(
        bounds("PCP", r#""1.0mm 미만""#),
        (None, Some(0.0), Some(1.0))
    );
    assert_eq!(bounds("PCP", r#""6.2mm""#), (Some(6.2), None, None));
    assert_eq!(
        bounds("PCP", r#""30.0~50.0mm""#),
        (None, Some(30.0), Some(50.0))
    );
    assert_eq!(
        bounds("PCP", r#""30.0mm ~ 50.0mm""#),
        (None, Some(30.0), Some(50.0))
    );
    assert_eq!(bounds("PCP", r#""50.0mm 이상""#), (None, Some(50.0), None));
    assert_eq!(
        bounds("SNO", r#""0.5cm 미만""#),
        (None, Some(0.0), Some(0.5))
    );
    assert_eq!(bounds("SNO", r#""5.0cm 이상""#), (None, Some(5.0), None));
    assert_eq!(bounds("PCP", r#""비""#), (None, None, None));
}

#[test]
fn what_was_not_measured_has_no_value() {
    for value in [
        r#""-999""#,
        r#""-998.9""#,
        r#""900""#,
        r#""999""#,
        r#""-""#,
        "null",
        r#""NaN""#,
    ] {
        assert_eq!(bounds("TMP", value), (None, None, None), "{value}");
    }
    assert_eq!(bounds("WAV", "-999"), (None, None, None));
    assert_eq!(bounds("PCP", r#""-999""#), (None, None, None));
    assert_eq!(bounds("TMP", "-12.5"), (Some(-12.5), None, None));
}

#[test]
fn the_last_day_of_a_forecast_has_codes() {
    let read = |issued: &str, valid: &str, category: &str, value: &str| {
        let item = forecast(issued, valid, category, &format!("\"{value}\""));
        let reading = rows(&body(&[item])).unwrap().rows.remove(0).reading;
        (reading.value, reading.min, reading.max)
    };
    let (measured, coded) = ((Some(2.0), None, None), (None, Some(4.0), Some(9.0)));
    assert_eq!(read("202609240500", "202609262100", "WSD", "2"), measured);
    assert_eq!(read("202609240500", "202609270300", "WSD", "2"), coded);
    assert_eq!(read("202609241400", "202609270300", "WSD", "2"), coded);
    assert_eq!(read("202609241700", "202609270300", "WSD", "2"), measured);
    assert_eq!(read("202609242300", "202609280300", "WSD", "2"), coded);
    assert_eq!(
        read("202609240500", "202609270300", "WSD", "2.4"),
        (Some(2.4), None, None)
    );
    assert_eq!(
        read("202609240500", "202609270300", "PCP", "3"),
        (None, Some(15.0), None)
    );
    assert_eq!(
        read("202609240500", "202609270300", "PCP", "강수없음"),
        (Some(0.0), None, None)
    );
    assert_eq!(read("202609240500", "202609270300", "TMP", "2"), measured);
}

#[test]
fn a_broken_answer_names_what_is_wrong() {
    let error = |body: &str| rows(body).unwrap_err().to_string();
    assert_eq!(
        error("Unexpected errors"),
        "the weather answer is neither JSON nor XML: `Unexpected errors`"
    );
    assert_eq!(error(""), "the weather answer is neither JSON nor XML: ``");
    assert_eq!(error("{\"a\":"), "the weather answer is no JSON");
    assert_eq!(error("<a><b></a>"), "the weather answer is no XML");
    assert_eq!(
        error("<r><resultCode>00</resultCode>"),
        "the weather answer ends before its XML does"
    );
    assert_eq!(
        error("{\"a\": 1}"),
        "the weather answer has no `resultCode`"
    );
    let item = observation("T1H", "1").replace("20261001", "20261301");
    assert_eq!(
        error(&body(&[observation("T1H", "1"), item])),
        "row 2 of the weather answer has no valid `baseDate`"
    );
    let item = observation("T1H", "1").replace("obsrValue", "value");
    assert_eq!(
        error(&body(&[item])),
        "row 1 of the weather answer has no valid `obsrValue` or `fcstValue`"
    );
}

#[test]
fn rows_gather_by_issue_and_instant() {
    let at = |valid, category, value| forecast("202609240500", valid, category, value);
    let items = [
        at("202609240700", "TMP", "21"),
        at("202609240600", "TMP", "20"),
        at("202609240600", "PCP", "\"1mm 미만\""),
    ];
    let weather = weather(&rows(&body(&items)).unwrap().rows, "seoul");
    let instants: Vec<_> = weather
        .iter()
        .map(|weather| weather.valid_at.to_string())
        .collect();
    assert_eq!(instants, ["2026-09-23T21:00:00Z", "2026-09-23T22:00:00Z"]);
    assert_eq!(
        (weather[0].station.as_str(), weather[0].kind),
        ("seoul", WeatherKind::Forecast)
    );
    assert_eq!(
        weather[0].values.keys().collect::<Vec<_>>(),
        ["precipitation", "temperature"]
    );
    assert_eq!(weather[0].values["precipitation"].raw, "1mm 미만");
}

#[test]
fn a_single_item_and_numbers_for_texts_are_read() {
    let single = r#"{"response":{"header":{"resultCode":0},"body":{"items":{"item":{"baseDate":20261001,"baseTime":500,
        "category":"T1H","nx":"60","ny":"127","obsrValue":15.5}},"totalCount":"1"}}}"#;
    let answer = rows(single).unwrap();
    assert_eq!((answer.rows.len(), answer.total_count), (1, Some(1)));
    assert_eq!(answer.rows[0].issued_at.to_string(), "2026-09-30T20:00:00Z");
}
