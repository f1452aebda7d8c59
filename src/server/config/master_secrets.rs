//! The versions of the master secret: in a file, or in a variable.
//!
//! Written one after the other, each with its number in front: `2:… 1:…`, with white space or commas between them. The
//! first one makes what is new, the others only open what is there. A secret without a number is version 1.

use super::{
    master_secret::{MasterSecret, WeakSecret},
    problems::ConfigError,
    secret_file,
};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// All versions of the master secret that this server has. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterSecrets {
    /// Never empty; the first one makes what is new.
    versions: Vec<(u8, MasterSecret)>,
}

/// Where the master secret comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MasterSecretSource {
    /// The file `master.key` in the data folder, which the first start makes.
    #[default]
    DataFolder,
    /// A file of the operator's, `master_secret_file`.
    File(PathBuf),
    /// The variable `TOKENLIFE__AUTH__MASTER_SECRET`.
    Given(MasterSecrets),
}

/// Where a master secret was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In `TOKENLIFE__AUTH__MASTER_SECRET`.
    Variable,
    /// In this file, which was there already.
    File(PathBuf),
    /// In this file, which was made just now: the operator should hear of it.
    Generated(PathBuf),
}

/// Why a text does not tell the versions of a master secret. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongSecrets {
    #[error("{0}")]
    Only(WeakSecret),
    #[error("of version {0} {1}")]
    Weak(u8, WeakSecret),
    #[error("has a version that is no number from 1 to 255")]
    NoVersion,
    #[error("tells version {0} twice")]
    Twice(u8),
    #[error("is the same in the versions {0} and {1}")]
    Same(u8, u8),
    #[error("has more than {max} versions", max = MasterSecrets::MAX_VERSIONS)]
    TooMany,
}

impl MasterSecrets {
    /// The name of the generated file in the data folder.
    pub const FILE_NAME: &str = "master.key";
    /// No more than these are needed at once: two, and some that have not been removed yet.
    const MAX_VERSIONS: usize = 16;

    /// Finds the secrets, or makes one in the data folder if that is where it should be and nothing is there yet.
    ///
    /// When several processes start at once on an empty data folder, one of them makes the file and all of them use it.
    ///
    /// # Errors
    ///
    /// One line: a secret is weak or cannot be read, others can read its file, the data folder cannot be written.
    pub fn load_or_create(source: &MasterSecretSource, data_dir: &Path) -> Result<(Self, SecretSource), ConfigError> {
        if let Some(found) = Self::load(source, data_dir)? {
            return Ok(found);
        }
        let path = data_dir.join(Self::FILE_NAME);
        let made_by_us = secret_file::create(data_dir, &path, &Self::generate().to_text())?;
        let secrets = Self::read(&path)?.ok_or_else(|| secret_file::missing(&path))?;
        Ok((secrets, if made_by_us { SecretSource::Generated(path) } else { SecretSource::File(path) }))
    }

    /// Finds the secrets without making one; `None` if the data folder has none yet.
    ///
    /// # Errors
    ///
    /// As [`Self::load_or_create`].
    pub fn load(source: &MasterSecretSource, data_dir: &Path) -> Result<Option<(Self, SecretSource)>, ConfigError> {
        match source {
            MasterSecretSource::Given(secrets) => Ok(Some((secrets.clone(), SecretSource::Variable))),
            MasterSecretSource::File(path) => {
                let secrets = Self::read(path)?.ok_or_else(|| secret_file::missing(path))?;
                Ok(Some((secrets, SecretSource::File(path.clone()))))
            }
            MasterSecretSource::DataFolder => {
                let path = data_dir.join(Self::FILE_NAME);
                Ok(Self::read(&path)?.map(|secrets| (secrets, SecretSource::File(path))))
            }
        }
    }

    /// Version 1, made anew.
    #[must_use]
    pub fn generate() -> Self {
        Self { versions: vec![(1, MasterSecret::generate())] }
    }

    /// The versions and their secrets, to derive keys from. The first one makes what is new.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.versions.iter().map(|(version, secret)| (*version, secret.as_bytes()))
    }

    /// The version that makes what is new.
    #[must_use]
    pub fn primary(&self) -> u8 {
        self.versions.first().map_or(0, |(version, _)| *version)
    }

    #[must_use]
    pub fn has(&self, version: u8) -> bool {
        self.versions.iter().any(|(known, _)| *known == version)
    }

    /// With one more version, a new secret that only opens. `None` if there are too many.
    #[must_use]
    pub fn with_standby(&self) -> Option<Self> {
        let newest = self.versions.iter().map(|(version, _)| *version).max()?;
        let mut versions = self.versions.clone();
        versions.push((newest.checked_add(1)?, MasterSecret::generate()));
        (versions.len() <= Self::MAX_VERSIONS).then_some(Self { versions })
    }

    /// With the newest version in front: the one that waits, or else a new one. `None` if there are too many.
    #[must_use]
    pub fn rotated(&self) -> Option<Self> {
        let mut secrets = if self.versions.iter().any(|(version, _)| *version > self.primary()) {
            self.clone()
        } else {
            self.with_standby()?
        };
        secrets.versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        Some(secrets)
    }

    /// Without a version that only opens.
    #[must_use]
    pub fn without(&self, version: u8) -> Self {
        let kept = self.versions.iter().filter(|(known, _)| *known == self.primary() || *known != version);
        Self { versions: kept.cloned().collect() }
    }

    /// Puts these secrets in the place of those in the file, at once or not at all.
    ///
    /// # Errors
    ///
    /// One line: the folder cannot be written.
    pub fn replace(&self, path: &Path) -> Result<(), ConfigError> {
        secret_file::replace(path, &self.to_text())
    }

    /// As the file holds them, one a line. A single version 1 needs no number.
    fn to_text(&self) -> String {
        match self.versions.as_slice() {
            [(1, only)] => format!("{}\n", only.to_base64()),
            versions => {
                let lines = versions.iter().map(|(version, secret)| format!("{version}:{}", secret.to_base64()));
                lines.collect::<Vec<_>>().join("\n") + "\n"
            }
        }
    }

    fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        let Some(text) = secret_file::read(path)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error: WrongSecrets| {
            let remedy = "write what `openssl rand -base64 32` prints, with a number and a colon in front if there are \
                          several (`2:…`, `1:…`, the first one makes); keep the old one, or all signed-in users have \
                          to sign in again";
            ConfigError::new(path.display(), format_args!("the master secret {error}"), remedy)
        })
    }
}

impl FromStr for MasterSecrets {
    type Err = WrongSecrets;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.contains(':') {
            return Ok(Self { versions: vec![(1, text.parse().map_err(WrongSecrets::Only)?)] });
        }
        let mut versions: Vec<(u8, MasterSecret)> = Vec::new();
        for part in text.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|part| !part.is_empty()) {
            let (version, secret) = part.split_once(':').unwrap_or(("1", part));
            let version = version.parse::<u8>().ok().filter(|version| *version > 0).ok_or(WrongSecrets::NoVersion)?;
            let secret: MasterSecret = secret.parse().map_err(|weak| WrongSecrets::Weak(version, weak))?;
            if versions.iter().any(|(known, _)| *known == version) {
                return Err(WrongSecrets::Twice(version));
            }
            if let Some((same, _)) = versions.iter().find(|(_, known)| *known == secret) {
                return Err(WrongSecrets::Same(*same, version));
            }
            versions.push((version, secret));
        }
        if versions.len() > Self::MAX_VERSIONS { Err(WrongSecrets::TooMany) } else { Ok(Self { versions }) }
    }
}

/// In words: `version 2 makes, version 1 opens`.
impl fmt::Display for MasterSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {}", self.primary())?;
        for (number, (version, _)) in self.versions.iter().enumerate().skip(1) {
            write!(f, "{} {version}", if number == 1 { " makes, also known:" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Debug for MasterSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.versions.iter().map(|(version, secret)| (version, secret))).finish()
    }
}
