//! A clock that can be moved, for one server: libfaketime shifts what the process takes for the time of day. Time that
//! passes, which timers count, stays as it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tokio::process::Command;

/// The clock of one server, so many seconds off.
#[derive(Clone, Debug)]
pub struct Skew {
    library: PathBuf,
    offset: PathBuf,
}

impl Skew {
    pub fn new(library: &Path, folder: &Path, name: &str) -> io::Result<Self> {
        let skew = Self { library: library.to_owned(), offset: folder.join(format!("{name}.clock")) };
        skew.set(0)?;
        Ok(skew)
    }

    /// Sets the clock so many seconds before or behind this machine's, from the server's next look on.
    pub fn set(&self, seconds: i64) -> io::Result<()> {
        let next = self.offset.with_extension("next");
        fs::write(&next, format!("{seconds:+}\n"))?;
        fs::rename(next, &self.offset)
    }

    pub fn apply(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_DISABLE_SHM", "1")
            .env("NO_FAKE_STAT", "1");
    }
}
