//! `[app.auth]`: how long a session lives, and what it is signed with.

use super::{
    keys::{KeyWalker, Section, Value, Written, quoted, quoted_duration},
    master_secrets::{MasterSecretSource, MasterSecrets},
    problems::Problems,
};
use std::time::Duration;

/// Signing in, and staying signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthConfig {
    /// How long an access token lives; a stolen one is worth no more. Whole seconds.
    pub access_ttl: Duration,
    /// How long a session lives, counted from signing in; rotation never extends it. Whole seconds.
    pub refresh_ttl: Duration,
    /// How long a signing key signs before the next one does.
    pub signing_key_rotation: Duration,
    /// Where the secret comes from that every key is derived from.
    pub master_secret: MasterSecretSource,
    /// The shortest password accepted, in Unicode code points.
    pub password_min_length: u32,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_hours(1),
            refresh_ttl: 30 * DAY,
            signing_key_rotation: 90 * DAY,
            master_secret: MasterSecretSource::DataFolder,
            password_min_length: 8,
        }
    }
}

const DAY: Duration = Duration::from_hours(24);
const ACCESS_TTL: (&str, &str) = ("auth", "access_ttl");
const REFRESH_TTL: (&str, &str) = ("auth", "refresh_ttl");
const SIGNING_KEY_ROTATION: (&str, &str) = ("auth", "signing_key_rotation");

impl Section for AuthConfig {
    fn name(&self) -> &'static str {
        "auth"
    }

    fn keys(&mut self, walker: &mut dyn KeyWalker) {
        walker.key("access_ttl", &mut self.access_ttl);
        walker.key("refresh_ttl", &mut self.refresh_ttl);
        walker.key("signing_key_rotation", &mut self.signing_key_rotation);
        walker.key("master_secret_file", &mut InFile(&mut self.master_secret));
        walker.secret("master_secret", &mut InVariable(&mut self.master_secret));
        walker.key("password_min_length", &mut self.password_min_length);
    }

    fn validate(&self, problems: &mut Problems) {
        problems.require_range(ACCESS_TTL, self.access_ttl, &(Duration::from_secs(1)..=DAY), quoted_duration);
        // Browsers keep no cookie for longer than 400 days (RFC 6265bis §5.5).
        problems.require_range(REFRESH_TTL, self.refresh_ttl, &(Duration::from_secs(1)..=400 * DAY), quoted_days);
        let rotations = Duration::from_secs(10)..=400 * DAY;
        problems.require_range(SIGNING_KEY_ROTATION, self.signing_key_rotation, &rotations, quoted_days);
        for (key, ttl) in [(ACCESS_TTL, self.access_ttl), (REFRESH_TTL, self.refresh_ttl)] {
            if ttl.subsec_nanos() != 0 && !problems.is_refused(key) {
                problems.refuse(key, "cookies and tokens count in seconds", "write whole seconds");
            }
        }
        let both_are_sound = !problems.is_refused(ACCESS_TTL) && !problems.is_refused(REFRESH_TTL);
        if both_are_sound && self.refresh_ttl <= self.access_ttl {
            let remedy = format!("write more than access_ttl, which is {}", quoted_duration(self.access_ttl));
            problems.refuse(REFRESH_TTL, "a session would end before its first access token", remedy);
        }
        let key = ("auth", "password_min_length");
        problems.require_range(key, self.password_min_length, &(8..=64), |length| length.to_string());
    }
}

/// "400d" is easier to read than a year, a month and some days.
fn quoted_days(duration: Duration) -> String {
    if duration == 400 * DAY { quoted("400d") } else { quoted_duration(duration) }
}

/// The key `master_secret_file`.
struct InFile<'a>(&'a mut MasterSecretSource);

impl Value for InFile<'_> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self.0 = MasterSecretSource::File(written.text()?.into());
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        match &*self.0 {
            MasterSecretSource::File(path) => Some(quoted(path.display())),
            MasterSecretSource::DataFolder | MasterSecretSource::Given(_) => None,
        }
    }

    fn example(&self) -> &'static str {
        "the path of a file, such as \"/run/secrets/tokenlife\""
    }
}

/// The variable of `master_secret`; it goes before the file.
struct InVariable<'a>(&'a mut MasterSecretSource);

impl Value for InVariable<'_> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        let secrets = written.text()?.parse::<MasterSecrets>();
        *self.0 = MasterSecretSource::Given(secrets.map_err(|error| format!("the master secret {error}"))?);
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        None
    }

    fn example(&self) -> &'static str {
        "what `openssl rand -base64 32` prints"
    }

    fn may_hold_a_secret(&self) -> bool {
        true
    }
}
