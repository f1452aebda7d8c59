//! The one secret that every key is derived from.

use super::{
    auth::MasterSecretSource,
    data::{prepare_folder, scratch_name, unwritable},
    problems::ConfigError,
};
use crate::server::random;
use aws_lc_rs::constant_time;
use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use std::{
    collections::BTreeSet,
    fmt, fs,
    io::{self, ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    str::FromStr,
};

/// Base64url without padding, which does not mind how the last character's spare bits are set.
const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// At least 32 bytes that nobody can guess. `Debug` does not show them.
#[derive(Clone)]
pub struct MasterSecret(Box<[u8]>);

/// Where a master secret was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In `TOKENLIFE__AUTH__MASTER_SECRET`.
    Variable,
    /// In this file, which was there already.
    File(PathBuf),
    /// In this file, which was made just now: the operator should hear of it.
    Generated(PathBuf),
}

/// Why a text is no master secret. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    #[error("not base64")]
    NotBase64,
    #[error("shorter than 32 bytes")]
    TooShort,
    #[error("not random: it repeats itself")]
    Pattern,
}

impl MasterSecret {
    /// The shortest secret accepted, and the length of a generated one, in bytes.
    pub const MIN_BYTES: usize = 32;
    /// The name of the generated file in the data folder.
    pub const FILE_NAME: &str = "master.key";

    const MIN_DISTINCT_BYTES: usize = 16;
    const MAX_FILE_BYTES: u64 = 4096;

    /// Finds the secret, or makes one in the data folder if that is where it should be and nothing is there yet.
    ///
    /// When several processes start at once on an empty data folder, one of them makes the file and all of them use it.
    ///
    /// # Errors
    ///
    /// One line: the secret is weak or cannot be read, others can read its file, the data folder cannot be written.
    pub fn load_or_create(source: &MasterSecretSource, data_dir: &Path) -> Result<(Self, Origin), ConfigError> {
        if let Some(found) = Self::load(source, data_dir)? {
            return Ok(found);
        }
        prepare_folder(data_dir)?;
        let path = data_dir.join(Self::FILE_NAME);
        let made_by_us = Self::generate().write_new(data_dir, &path).map_err(|error| unwritable(data_dir, &error))?;
        let secret = Self::read(&path)?.ok_or_else(|| missing(&path))?;
        Ok((secret, if made_by_us { Origin::Generated(path) } else { Origin::File(path) }))
    }

    /// Finds the secret without making one; `None` if the data folder has none yet.
    ///
    /// # Errors
    ///
    /// As [`Self::load_or_create`].
    pub fn load(source: &MasterSecretSource, data_dir: &Path) -> Result<Option<(Self, Origin)>, ConfigError> {
        match source {
            MasterSecretSource::Given(secret) => Ok(Some((secret.clone(), Origin::Variable))),
            MasterSecretSource::File(path) => {
                let secret = Self::read(path)?.ok_or_else(|| missing(path))?;
                Ok(Some((secret, Origin::File(path.clone()))))
            }
            MasterSecretSource::DataFolder => {
                let path = data_dir.join(Self::FILE_NAME);
                Ok(Self::read(&path)?.map(|secret| (secret, Origin::File(path))))
            }
        }
    }

    /// The secret itself, to derive keys from.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A new secret.
    pub(super) fn generate() -> Self {
        Self(Box::new(random::bytes::<{ Self::MIN_BYTES }>()))
    }

    fn to_text(&self) -> String {
        let mut text = BASE64.encode(&self.0);
        text.push('\n');
        text
    }

    /// Writes the secret to a file that must not exist yet; `false` if somebody else was faster.
    ///
    /// The file appears under its name only when its content is on the disk: a reader never finds half of it, and a
    /// power cut cannot leave an empty one behind.
    fn write_new(&self, dir: &Path, path: &Path) -> io::Result<bool> {
        let draft = dir.join(scratch_name(Self::FILE_NAME));
        let linked = write_private(&draft, self.to_text().as_bytes()).and_then(|()| fs::hard_link(&draft, path));
        let removed = fs::remove_file(&draft);
        match linked {
            Ok(()) => removed.and_then(|()| sync_folder(dir)).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
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
        // Asked of the open file, so that it cannot be exchanged in between.
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(refuse(&"the master secret is not a file", "write the path of a file"));
        }
        if let Some(mode) = mode_open_to_others(&about) {
            let wrong = format_args!("others can read the master secret (mode {mode:04o})");
            return Err(refuse(&wrong, &format!("run `chmod 600 {}`", path.display())));
        }
        let mut text = String::new();
        file.take(Self::MAX_FILE_BYTES).read_to_string(&mut text).map_err(unreadable)?;
        text.parse().map(Some).map_err(|error: WeakSecret| {
            let remedy = "write what `openssl rand -base64 32` prints; whoever is signed in then has to sign in again";
            refuse(&format_args!("the master secret is {error}"), remedy)
        })
    }
}

/// Base64 with either alphabet, padded or not; white space around it does not count.
impl FromStr for MasterSecret {
    type Err = WeakSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_");
        let bytes = BASE64.decode(&text).map_err(|_| WeakSecret::NotBase64)?;
        if bytes.len() < Self::MIN_BYTES {
            return Err(WeakSecret::TooShort);
        }
        let distinct = bytes.iter().collect::<BTreeSet<_>>().len();
        if distinct < Self::MIN_DISTINCT_BYTES || is_pattern(text.as_bytes()) || is_staircase(&bytes) {
            return Err(WeakSecret::Pattern);
        }
        Ok(Self(bytes.into()))
    }
}

impl PartialEq for MasterSecret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for MasterSecret {}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
    }
}

/// Whether something is written over and over, like `changeme-changeme-changeme`.
fn is_pattern(text: &[u8]) -> bool {
    (1..=text.len() / 2).any(|period| text.iter().zip(&text[period..]).all(|(one, next)| one == next))
}

/// Whether each byte is as much above the one before, like the `00 01 02 03` of examples.
fn is_staircase(bytes: &[u8]) -> bool {
    bytes.windows(3).all(|three| three[1].wrapping_sub(three[0]) == three[2].wrapping_sub(three[1]))
}

fn missing(path: &Path) -> ConfigError {
    let remedy = "make it with `openssl rand -base64 32` and mode 600, or mend [app.auth] master_secret_file";
    ConfigError::new(path.display(), "the master secret's file is not there", remedy)
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
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
