//! How much memory a browser holds, with its driver and all that they started.

/// Bytes held by the processes of a group, which is all that the driver's shell started and will end with it. What each
/// has to itself is added up; what is mapped from files counts once, by the largest, since the processes of a browser
/// share one program: added up too, a Chromium of 400 MiB would look like one of a gigabyte.
///
/// Nothing where the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn of_group(group: u32) -> Option<u64> {
    let (mut own, mut shared) = (0, 0);
    for entry in std::fs::read_dir("/proc").ok()? {
        // Processes end while they are looked at.
        let Ok(folder) = entry.map(|entry| entry.path()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(folder.join("stat")) else {
            continue;
        };
        if group_in(&stat) != Some(group) {
            continue;
        }
        let Ok(status) = std::fs::read_to_string(folder.join("status")) else {
            continue;
        };
        own += bytes_in(&status, "RssAnon:") + bytes_in(&status, "RssShmem:");
        shared = shared.max(bytes_in(&status, "RssFile:"));
    }
    (own > 0).then_some(own + shared)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of_group(_: u32) -> Option<u64> {
    None
}

/// The third field after the name, which may hold anything.
#[cfg(target_os = "linux")]
fn group_in(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(2)?.parse().ok()
}

/// A figure of `/proc/PID/status`, which has it in kB; a process that has ended has none.
#[cfg(target_os = "linux")]
fn bytes_in(status: &str, name: &str) -> u64 {
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .and_then(|figure| figure.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_group_holds_at_least_what_one_of_its_processes_does() {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let own = bytes_in(&status, "RssAnon:");
        assert!(own > 0);
        assert!(of_group(group_in(&stat).unwrap()).unwrap() >= own / 2);
        assert_eq!(of_group(u32::MAX), None, "there is no such group");
    }

    #[test]
    fn a_group_is_found_behind_any_name() {
        assert_eq!(group_in("7 (a) b) c) S 1 42 42 0"), Some(42));
    }
}
