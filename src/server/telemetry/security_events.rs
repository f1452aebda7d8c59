//! The security events in the log, all with the target [`SECURITY`].
//!
//! | `event` | meaning | fields |
//! | --- | --- | --- |
//! | `account_created` | a user signed up, or was added by a command | `user` |
//! | `ambiguous_cookie` | a request had two different values of a token's cookie, and neither was accepted | `token` |
//! | `client_refused` | a registered client failed to authenticate | `client`, `address` |
//! | `client_registered` | an OAuth client was registered | `client` |
//! | `client_removed` | an OAuth client was removed | `client` |
//! | `client_secret_rotated` | an OAuth client got a new secret | `client`, `at_once` |
//! | `mixed_tokens` | a request had an access token and a refresh token of different sessions | `access`, `refresh` |
//! | `rate_limited` | an attempt was refused by a rate limit | `what`, `retry_after_secs`, `address` |
//! | `refresh_refused` | a refresh token was not redeemed | `reason`, `is_final` |
//! | `refresh_token_reused` | reuse ended a session | `user`, `session`, `presented`, `current`, `address` |
//! | `session_begun` | a session began | `user`, `session`, `method` |
//! | `session_ended` | a session ended before its expiry | `session`, `reason` |
//! | `sign_in_failed` | the credentials of a sign-in were wrong | `user`, `address` |
//! | `signing_key_dropped` | a signing key was removed by schedule | `kid` |
//! | `signing_key_made` | a signing key was created | `kid`, `number` |
//! | `signing_key_resealed` | a signing key was sealed under another version of the master secret | `kid`, `version` |
//! | `two_credentials` | a request to an upstream had two different credentials | `service` |
//!
//! `refresh_token_reused` is a warning, the others are informational.

/// The target of security events, to filter or forward them by.
pub const SECURITY: &str = "tokenlife::security";

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::Path,
    };

    /// The names of all events in the source files below `folder`, with the rest of the statement that logs each.
    fn logged(folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                logged(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for statement in text.split("target: SECURITY, event = \"").skip(1) {
                    let (name, rest) = statement.split_once('"').unwrap();
                    let fields = rest.split(';').next().unwrap_or_default();
                    found.insert(name.to_owned(), fields.to_owned());
                }
            }
        }
    }

    #[test]
    fn every_event_is_documented_with_its_fields_and_no_other() {
        let mut events = BTreeMap::new();
        logged(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut events);
        let mut documented = BTreeSet::new();
        for row in include_str!("security_events.rs").lines().filter_map(|line| line.strip_prefix("//! | `")) {
            let (name, rest) = row.split_once('`').unwrap();
            if name == "event" {
                continue;
            }
            let statement = events.get(name).unwrap_or_else(|| panic!("{name} is documented, but never logged"));
            let (_, fields) = rest.trim_end_matches(" |").rsplit_once('|').unwrap();
            for field in fields.split(',').map(|field| field.trim().trim_matches('`')) {
                assert!(statement.contains(field), "{name} has no field {field}: {statement}");
            }
            documented.insert(name.to_owned());
        }
        assert_eq!(documented, events.into_keys().collect());
    }
}
