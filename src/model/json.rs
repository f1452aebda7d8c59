//! The page data is read by hand: serde's code for it would be a seventh of what is loaded before a page is hydrated
//! (ADR 0019). Everything else is read by serde, over the same parser ([`crate::encoding`]).

use super::{CurrentUser, Moment, SessionView};
use crate::{encoding::Value, error::AppError};

/// The error of this JSON, if it is one without details.
pub(crate) fn error(json: &Value) -> Option<AppError> {
    AppError::of_code(&json.get("code").text()?)
}

/// The user of this JSON.
pub(crate) fn user(json: &Value) -> Option<CurrentUser> {
    let session = json.get("session");
    Some(CurrentUser {
        id: json.get("id").text()?,
        email: json.get("email").text()?,
        display_name: json.get("display_name").text()?,
        session: SessionView {
            began_at: moment(&session.get("began_at"))?,
            expires_at: moment(&session.get("expires_at"))?,
        },
    })
}

fn moment(json: &Value) -> Option<Moment> {
    Some(Moment { rfc3339: json.get("rfc3339").text()?, text: json.get("text").text()? })
}
