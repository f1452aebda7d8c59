//! How what the domain knows looks on the wire.

use crate::{
    model::{CurrentUser, Device, LastSeen, Moment, ReuseNotice, SessionEntry, SessionView, SignInMethod},
    server::{
        clock::Timestamp,
        domain::{
            device,
            session::{LoginMethod, ReusedSession, Session, SessionId},
            user::User,
        },
        state::AppState,
    },
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

pub(super) fn current_user(session: &Session, user: &User) -> CurrentUser {
    CurrentUser {
        id: user.id.to_string(),
        email: user.email.as_typed().to_owned(),
        display_name: user.display_name.as_str().to_owned(),
        session: SessionView { began_at: moment(session.began_at), expires_at: moment(session.expires_at) },
    }
}

pub(super) fn session_entry(session: &Session, current: SessionId, state: &AppState, now: Timestamp) -> SessionEntry {
    let is_current = session.id == current;
    let (unused_for, known_to) = (now.since(session.rotated_at).as_secs(), state.settings.access_ttl_secs);
    let last_seen = if is_current {
        LastSeen::Now
    } else if unused_for <= known_to {
        LastSeen::Within { seconds: known_to }
    } else {
        LastSeen::Ago { seconds: unused_for }
    };
    SessionEntry {
        id: state.keyring.public_id(session.id),
        is_current,
        device: device(session),
        address: session.address.clone(),
        method: match session.method {
            LoginMethod::Password => SignInMethod::Password,
        },
        began_at: moment(session.began_at),
        last_seen,
    }
}

pub(super) fn reuse_notice(reused: &ReusedSession, state: &AppState) -> ReuseNotice {
    ReuseNotice {
        id: state.keyring.public_id(reused.session.id),
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
