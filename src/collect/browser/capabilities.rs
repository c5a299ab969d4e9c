//! What kind of browser is asked for: one that reads pages and leaves the rest.

use std::net::SocketAddr;

use fantoccini::wd::Capabilities;
use serde_json::{Value, json};

use super::driver::LocalBrowser;
use crate::collect::collector::BrowserKind;

/// Requests that bring nothing to read, for what preferences do not stop: fonts, sound and film.
pub(super) const BLOCKED: &[&str] = &[
    "*.woff",
    "*.woff2",
    "*.ttf",
    "*.otf",
    "*.eot",
    "*.woff?*",
    "*.woff2?*",
    "*.ttf?*",
    "*.otf?*",
    "*.eot?*",
    "*.mp4",
    "*.webm",
    "*.ogv",
    "*.mov",
    "*.m4v",
    "*.m3u8",
    "*.mpd",
    "*.ts",
    "*.m4s",
    "*.mp3",
    "*.ogg",
    "*.oga",
    "*.m4a",
    "*.aac",
    "*.wav",
    "*.flac",
    "*.opus",
    "*.mp4?*",
    "*.webm?*",
    "*.m3u8?*",
    "*.mpd?*",
    "*.ts?*",
    "*.mp3?*",
    "*.ogg?*",
    "*.m4a?*",
];

const CHROMIUM_ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    // The shared memory of a container is small, and a full one crashes pages.
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    // A page that was left would be held for a way back that nobody goes.
    "--disable-back-forward-cache",
    "--disable-remote-fonts",
    "--autoplay-policy=user-gesture-required",
    "--no-first-run",
    "--no-default-browser-check",
    "--mute-audio",
];

/// Where a browser runs.
#[derive(Debug)]
pub(super) enum Place<'a> {
    /// On this machine, and everything that it asks for goes through the gate.
    Here {
        browser: &'a LocalBrowser,
        gate: SocketAddr,
    },
    /// Where someone else runs it.
    Elsewhere {
        /// Chromium's rules for hosts that it may not ask.
        walls: String,
        /// Host and port.
        proxy: Option<&'a str>,
    },
}

/// The wishes of a new session. `user_agent` is the whole of it, where it is known beforehand.
pub(super) fn capabilities(
    kind: BrowserKind,
    place: &Place<'_>,
    user_agent: Option<&str>,
) -> Capabilities {
    let (options_name, options) = match kind {
        BrowserKind::Chrome => ("goog:chromeOptions", chromium(place)),
        BrowserKind::Firefox => ("moz:firefoxOptions", firefox(place, user_agent)),
    };
    let mut wishes = Capabilities::from_iter([
        ("browserName".to_owned(), json!(kind.as_str())),
        (options_name.to_owned(), options),
        ("unhandledPromptBehavior".to_owned(), json!("dismiss")),
    ]);
    if let Place::Elsewhere {
        proxy: Some(proxy), ..
    } = place
    {
        let manual = json!({"proxyType": "manual", "httpProxy": proxy, "sslProxy": proxy});
        wishes.insert("proxy".to_owned(), manual);
    }
    wishes
}

fn chromium(place: &Place<'_>) -> Value {
    let mut arguments: Vec<String> = CHROMIUM_ARGUMENTS
        .iter()
        .map(|&argument| argument.to_owned())
        .collect();
    if runs_as_root() {
        // Chromium refuses to run as root with its sandbox.
        arguments.push("--no-sandbox".to_owned());
    }
    let mut options = json!({
        "prefs": {
            // A page is read, its files are not: 3 is every download, 2 is to block.
            "download_restrictions": 3,
            "profile.default_content_setting_values.images": 2,
            "profile.default_content_setting_values.automatic_downloads": 2,
            "profile.default_content_setting_values.notifications": 2,
            "profile.default_content_setting_values.geolocation": 2,
            // WebRTC would connect past any proxy.
            "webrtc.ip_handling_policy": "disable_non_proxied_udp",
        },
    });
    match place {
        Place::Here { browser, gate } => {
            arguments.push(format!("--user-data-dir={}", browser.profile.display()));
            arguments.push(format!("--proxy-server=http://{gate}"));
            // Or loopback would be asked directly.
            arguments.push("--proxy-bypass-list=<-loopback>".to_owned());
            options["binary"] = json!(browser.program);
        }
        Place::Elsewhere { walls, .. } if !walls.is_empty() => {
            arguments.push(format!("--host-resolver-rules={walls}"));
        }
        Place::Elsewhere { .. } => {}
    }
    options["args"] = json!(arguments);
    options
}

fn firefox(place: &Place<'_>, user_agent: Option<&str>) -> Value {
    let mut options = json!({
        "args": ["-headless"],
        "prefs": {
            // 2 is never, 5 is not by itself.
            "permissions.default.image": 2,
            "media.autoplay.default": 5,
            "media.preload.default": 0,
            "gfx.downloadable_fonts.enabled": false,
            "permissions.default.desktop-notification": 2,
            "permissions.default.geo": 2,
            // Asks where to save, and there is nobody to answer.
            "browser.download.useDownloadDir": false,
            "browser.download.always_ask_before_handling_new_types": true,
            "datareporting.policy.dataSubmissionEnabled": false,
            "network.http.http3.enable": false,
            // WebRTC would connect past any proxy.
            "media.peerconnection.enabled": false,
        },
    });
    if let Place::Here { browser, gate } = place {
        options["binary"] = json!(browser.program);
        let (host, port) = (gate.ip().to_string(), gate.port());
        for (name, value) in [
            // 1 is by hand.
            ("network.proxy.type", json!(1)),
            ("network.proxy.http", json!(host)),
            ("network.proxy.http_port", json!(port)),
            ("network.proxy.ssl", json!(host)),
            ("network.proxy.ssl_port", json!(port)),
            ("network.proxy.no_proxies_on", json!("")),
            // Or loopback would be asked directly.
            ("network.proxy.allow_hijacking_localhost", json!(true)),
            ("network.proxy.failover_direct", json!(false)),
        ] {
            options["prefs"][name] = value;
        }
    }
    if let Some(user_agent) = user_agent {
        options["prefs"]["general.useragent.override"] = json!(user_agent);
    }
    options
}

#[cfg(target_os = "linux")]
fn runs_as_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(target_os = "linux"))]
fn runs_as_root() -> bool {
    false
}
