//! A file that only its owner may read: found, made, and replaced at once or not at all.

use super::{
    data::{prepare_folder, scratch_name, unwritable},
    problems::ConfigError,
};
use std::{
    fmt, fs,
    io::{self, ErrorKind, Read as _, Write as _},
    path::Path,
};

const MAX_BYTES: u64 = 16_384;

/// What the file holds; `None` if it is not there.
pub(super) fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let refuse = |wrong: &dyn fmt::Display, remedy: &str| ConfigError::new(path.display(), wrong, remedy);
    let unreadable = |error: io::Error| {
        refuse(
            &format_args!("the master secret cannot be read ({error})"),
            "let this user read it (`chown`, `chmod 600`)",
        )
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    // RequestKind of the open file, so that it cannot be exchanged in between.
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(refuse(&"the master secret is not a file", "write the path of a file"));
    }
    if let Some(mode) = mode_open_to_others(&about) {
        let wrong = format_args!("others can read the master secret (mode {mode:04o})");
        return Err(refuse(&wrong, &format!("run `chmod 600 {}`", path.display())));
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    Ok(Some(text))
}

/// Makes the file in a folder that is made if it is missing; `false` if another process was faster.
///
/// The file appears under its name only when its content is on the disk: a reader never finds half of it, and a power
/// cut cannot leave an empty one behind.
pub(super) fn create(dir: &Path, path: &Path, content: &str) -> Result<bool, ConfigError> {
    prepare_folder(dir)?;
    let draft = dir.join(scratch_name("master.key"));
    let linked = write_private(&draft, content).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Ok(()) => removed.and_then(|()| sync_folder(dir)).map(|()| true).map_err(|error| unwritable(dir, &error)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unwritable(dir, &error)),
    }
}

/// Replaces the file's content at once: a reader finds the old or the new one.
pub(super) fn replace(path: &Path, content: &str) -> Result<(), ConfigError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = dir.join(scratch_name("master.key"));
    let replaced =
        write_private(&draft, content).and_then(|()| fs::rename(&draft, path)).and_then(|()| sync_folder(dir));
    replaced.map_err(|error| {
        // What cannot be removed was not made, or has its place already.
        let _gone = fs::remove_file(&draft);
        let remedy = "run this where the file can be written, or write it by hand";
        ConfigError::new(path.display(), format_args!("the master secret cannot be replaced ({error})"), remedy)
    })
}

/// The line for a file that should be there.
pub(super) fn missing(path: &Path) -> ConfigError {
    let remedy = "make it with `openssl rand -base64 32` and mode 600, or mend [app.auth] master_secret_file";
    ConfigError::new(path.display(), "the master secret's file is not there", remedy)
}

fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// Makes sure that a new name in a folder survives a power cut.
#[cfg(unix)]
fn sync_folder(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// The file's mode, if group or others may do anything with it.
#[cfg(unix)]
fn mode_open_to_others(about: &fs::Metadata) -> Option<u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn mode_open_to_others(_about: &fs::Metadata) -> Option<u32> {
    None
}
