//! `[app.data]`: what the application keeps on disk.

use super::{
    keys::{KeyWalker, Section},
    problems::{ConfigError, Problems},
};
use crate::server::random;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where the application keeps what it has to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataConfig {
    /// The data folder: the SQLite database and the generated master secret. Relative to the working directory.
    pub dir: PathBuf,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { dir: PathBuf::from("data") }
    }
}

impl DataConfig {
    /// Makes sure that the data folder exists, readable by its owner only if it has to be made, and can be written.
    ///
    /// # Errors
    ///
    /// One line saying why it cannot be used and how to mend it.
    pub fn prepare(&self) -> Result<(), ConfigError> {
        prepare_folder(&self.dir)
    }

    /// The SQLite database in the data folder.
    pub(super) fn sqlite_url(&self) -> String {
        let file = self.dir.join("tokenlife.sqlite3");
        // sqlx ends the path at a question mark and decodes percent signs.
        let path = file.to_string_lossy().replace('%', "%25").replace('?', "%3F");
        format!("sqlite://{path}")
    }
}

impl Section for DataConfig {
    fn name(&self) -> &'static str {
        "data"
    }

    fn keys(&mut self, walker: &mut dyn KeyWalker) {
        walker.key("dir", &mut self.dir);
    }

    fn validate(&self, _problems: &mut Problems) {}
}

/// Makes the folder if it is missing, with mode 0700, and tries whether a file can be made in it.
pub(super) fn prepare_folder(dir: &Path) -> Result<(), ConfigError> {
    if dir.exists() && !dir.is_dir() {
        let remedy = "move it away, or set [app.data] dir to another folder";
        return Err(ConfigError::new(dir.display(), "the data folder is not a folder", remedy));
    }
    make_private_folder(dir).and_then(|()| try_writing(dir)).map_err(|error| unwritable(dir, &error))
}

/// The line for a data folder that cannot be written.
pub(super) fn unwritable(dir: &Path, error: &io::Error) -> ConfigError {
    let name = dir.display();
    let command = if dir.is_dir() { "chown -R" } else { "install -d -m 700 -o" };
    let remedy = format!("run `sudo {command} \"$(id -un)\" {name}`, or set [app.data] dir to another folder");
    ConfigError::new(name, format_args!("the data folder cannot be written ({error})"), remedy)
}

fn make_private_folder(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// The permission bits do not tell (root, read-only mounts, access lists): a file does.
fn try_writing(dir: &Path) -> io::Result<()> {
    let probe = dir.join(scratch_name("probe"));
    fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
    fs::remove_file(probe)
}

/// A hidden file name that no other process uses.
pub(super) fn scratch_name(purpose: &str) -> String {
    format!(".{purpose}-{:016x}", u64::from_ne_bytes(random::bytes()))
}
