//! How many files the process may have open at once. Each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

/// Raises the limit as far as the system lets us, and returns it. `None` if there is none.
pub(super) fn raise_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            debug!(%error, "the limit of open files stays as it is");
            current
        }
    }
}

/// How many of the configured connections fit: all but a quarter of the files, which is left to
/// the database, to upstreams, and to the files that are served. Without it, a client that opens enough connections
/// takes all of that away from everybody else.
pub(super) fn connections_within(limit: Option<u64>, wanted: usize) -> usize {
    let room = limit.map_or(usize::MAX, |limit| usize::try_from(limit - limit / 4).unwrap_or(usize::MAX).max(1));
    if room < wanted {
        warn!(
            max_connections = room,
            wanted,
            open_files = limit,
            "fewer connections than the settings say, because few files may be open at once; raise that limit \
             (ulimit -n, LimitNOFILE) or lower max_connections in [app.http]"
        );
    }
    wanted.min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_files_is_left_to_others() {
        assert_eq!(connections_within(Some(1024), 4096), 768);
        assert_eq!(connections_within(Some(1024), 700), 700);
        assert_eq!(connections_within(Some(0), 4096), 1);
        assert_eq!(connections_within(None, 4096), 4096);
    }
}
