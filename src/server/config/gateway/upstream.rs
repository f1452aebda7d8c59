//! Where a service behind is.

use crate::server::config::keys::{Value, Written, quoted};
use axum::http::uri::Authority;
use std::{fmt, str::FromStr};
use url::Url;

pub(super) const EXAMPLE: &str = "the service's address, such as \"http://127.0.0.1:4000\"";

/// The address of a service: `http`, a host with a port, and perhaps a path that all of its paths lie below.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamUrl {
    origin: String,
    authority: Authority,
    /// Without a slash at its end; empty for the root.
    base: String,
}

impl UpstreamUrl {
    /// `http://host:port`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `host:port`.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// What stands before each path, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl FromStr for UpstreamUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|error| format!("not a URL ({error})"))?;
        match url.scheme() {
            "http" => {}
            "https" => return Err("https, which the gateway does not speak yet".to_owned()),
            _ => return Err("not http".to_owned()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a user name or password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a query or fragment".to_owned());
        }
        let base = url.path().trim_end_matches('/');
        if !base.is_empty() && !super::is_plain_path(base) {
            return Err("its path is not a plain one".to_owned());
        }
        let authority = url.authority().parse().map_err(|_| "names no host".to_owned())?;
        Ok(Self { origin: url.origin().ascii_serialization(), authority, base: base.to_owned() })
    }
}

impl fmt::Debug for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.base)
    }
}

impl Value for Option<UpstreamUrl> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = Some(written.text()?.parse()?);
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(quoted)
    }

    fn example(&self) -> &'static str {
        EXAMPLE
    }

    fn may_hold_a_secret(&self) -> bool {
        true
    }
}
