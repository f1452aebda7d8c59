//! Maps domain types to those on the wire.

use crate::{
    model::{CurrentUser, Device, LastSeen, Moment, ReuseNotice, SessionEntry, SessionView},
    server::{
        clock::Timestamp,
        domain::{
            device,
            session::{ReusedSession, Session, SessionId},
            user::User,
        },
        keyring::Keyring,
    },
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// The user of a session.
#[must_use]
pub fn current_user(session: &Session, user: &User) -> CurrentUser {
    CurrentUser {
        id: user.id.to_string(),
        email: user.email.as_typed().to_owned(),
        display_name: user.display_name.as_str().to_owned(),
        session: SessionView { began_at: moment(session.began_at), expires_at: moment(session.expires_at) },
    }
}

/// One of a user's sessions, as shown in the session `current` at `now`. The time of its last use is known to within
/// `access_ttl_secs`.
#[must_use]
pub fn session_entry(
    session: &Session,
    current: SessionId,
    keyring: &Keyring,
    access_ttl_secs: u64,
    now: Timestamp,
) -> SessionEntry {
    let is_current = session.id == current;
    let unused_for = now.since(session.rotated_at).as_secs();
    let last_seen = if is_current {
        LastSeen::Now
    } else if unused_for <= access_ttl_secs {
        LastSeen::Within { seconds: access_ttl_secs }
    } else {
        LastSeen::Ago { seconds: unused_for }
    };
    SessionEntry {
        id: keyring.public_id(session.id),
        is_current,
        device: device(session),
        address: session.address.clone(),
        method: session.method,
        began_at: moment(session.began_at),
        last_seen,
    }
}

/// The notice to its owner of a session that ended by reuse.
#[must_use]
pub fn reuse_notice(reused: &ReusedSession, keyring: &Keyring) -> ReuseNotice {
    ReuseNotice {
        id: keyring.public_id(reused.session.id),
        device: device(&reused.session),
        began_at: moment(reused.session.began_at),
        at: moment(reused.at),
        from: reused.from.clone(),
    }
}

fn device(session: &Session) -> Device {
    let device = device::Device::of(&session.user_agent);
    Device { browser: device.browser.map(str::to_owned), system: device.system.map(str::to_owned) }
}

fn moment(at: Timestamp) -> Moment {
    let at = OffsetDateTime::from_unix_timestamp(at.as_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let text = at.format(format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC"));
    Moment { rfc3339: at.format(&Rfc3339).unwrap_or_default(), text: text.unwrap_or_default() }
}
