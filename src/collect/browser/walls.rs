//! What a Chromium in a Grid is told of the network that it runs in.
//!
//! A gate on this machine is nothing that it could reach. Its own rules for hosts hold for every kind of request, those
//! of redirects and sockets included, and also for addresses written as numbers; they know hosts alone, no ports. A
//! name that leads inside is beyond them: that network has to refuse it.

use url::Url;

use crate::collect::collector::CollectSettings;

/// Hosts inside, as patterns. A number is asked for with all its four parts, whatever the page wrote.
const INSIDE: &[&str] = &[
    "localhost",
    "*.localhost",
    "*.internal",
    "*.local",
    "0.*.*.*",
    "10.*.*.*",
    "127.*.*.*",
    "169.254.*.*",
    "192.168.*.*",
    "::",
    "::1",
    "::ffff:*",
    "fe80:*",
];

/// Hosts that the patterns do not reach.
#[derive(Debug)]
pub(super) struct Walls {
    allow_private: bool,
    open: Vec<String>,
}

impl Walls {
    pub(super) fn new(settings: &CollectSettings) -> Self {
        let proxy = settings.proxy.as_ref().and_then(Url::host_str);
        Self {
            allow_private: settings.allow_private,
            open: settings
                .twins
                .hosts()
                .chain(proxy)
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The rules for a session of a pipeline at this address.
    pub(super) fn around(&self, home: &Url) -> String {
        if self.allow_private {
            return String::new();
        }
        let inside = INSIDE.iter().map(|&pattern| pattern.to_owned());
        let inside = inside
            .chain((16..32).map(|part| format!("172.{part}.*.*")))
            .chain((64..128).map(|part| format!("100.{part}.*.*")))
            .chain(["fc", "fd"].map(|start| format!("{start}??:*")));
        let open = self.open.iter().map(String::as_str).chain(home.host_str());
        let mut rules: Vec<String> = inside
            .map(|pattern| format!("MAP {pattern} ~NOTFOUND"))
            .collect();
        for host in open {
            let host = host.trim_matches(['[', ']']);
            rules.push(format!("EXCLUDE {host}"));
        }
        rules.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pipelines_own_host_stays_open() {
        let walls = Walls::new(&CollectSettings::default());
        let rules = walls.around(&"http://10.0.0.7:8080/jobs".parse().unwrap());
        assert!(rules.contains("MAP 10.*.*.* ~NOTFOUND"), "{rules}");
        assert!(rules.contains("MAP 172.31.*.* ~NOTFOUND"), "{rules}");
        assert!(rules.ends_with("EXCLUDE 10.0.0.7"), "{rules}");
    }

    #[test]
    fn whoever_allows_all_has_no_rules() {
        let walls = Walls::new(&CollectSettings {
            allow_private: true,
            ..CollectSettings::default()
        });
        assert_eq!(walls.around(&"https://a.example/".parse().unwrap()), "");
    }
}
