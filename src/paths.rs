//! Every URL of the application, once, with its access rule: shared by both sides and by the tests.
//!
//! A page or a server function is declared here, or it is not served. `end2end/support/paths.ts` is written from these
//! lists; `tests/http/access.rs` says how.

mod access;
mod query;
mod return_to;

pub use access::{Access, Endpoint, Page, endpoint, form_page, is_private};
pub use query::{below, is_keeping, keeping, parameter, percent_decoded, reports, with_parameter};
pub use return_to::{RETURN_TO, ReturnTo, login_returning_to, with_return_to};

/// Declares paths with their access rules, and the list of all of them.
macro_rules! declare {
    ($list:ident: $kind:ident; $($name:ident = $path:literal: $access:ident $(.$fact:ident($($of:expr)?))*;)+) => {
        $(pub const $name: &str = $path;)+
        /// All of them, with their access rules.
        pub const $list: &[$kind] = &[$($kind::new(stringify!($name), $path, Access::$access)$(.$fact($($of)?))*),+];
    };
}

declare! { PAGES: Page;
    HOME = "/": Anyone;
    LOGIN = "/login": Anyone;
    SIGN_UP = "/signup": Anyone;
    ACCOUNT = "/account": SignedIn;
    SESSIONS = "/account/sessions": SignedIn;
    NOTES = "/notes": SignedIn;
}

/// Where a browser without JavaScript is redirected to after a form has succeeded: the form's page, whose query names
/// the outcome ([`reports`]).
pub mod done {
    pub const DISPLAY_NAME_SAVED: &str = "/account?saved=display_name";
    pub const SESSION_ENDED: &str = "/account/sessions?ended=one";
    pub const OTHER_SESSIONS_ENDED: &str = "/account/sessions?ended=others";
}

/// The gateway route to the notes service.
pub const NOTES_SERVICE: &str = "/api/notes";
/// The event stream of changes of that service.
pub const NOTES_CHANGES: &str = "/api/notes/changes";

/// The server functions. Each is `POST`, form-encoded, so that a plain form can call it.
pub mod api {
    use super::{Access, Endpoint};

    declare! { ALL: Endpoint;
        LOGIN = "/api/session/login": Anyone.form_on(super::LOGIN).handles_tokens().writes();
        REFRESH = "/api/session/refresh": RefreshToken.handles_tokens().writes();
        LOGOUT = "/api/session/logout": Anyone.form_on(super::HOME).handles_tokens().writes();
        CURRENT = "/api/session/current": Anyone;
        SIGN_UP = "/api/account/sign_up": Anyone.form_on(super::SIGN_UP).handles_tokens().writes();
        CHANGE_DISPLAY_NAME = "/api/account/change_display_name": SignedIn.form_on(super::ACCOUNT).writes();
        RATE_PASSWORD = "/api/account/rate_password": Anyone;
        LIST_SESSIONS = "/api/account/sessions": SignedIn;
        END_SESSION = "/api/account/end_session": SignedIn.form_on(super::SESSIONS).writes();
        END_OTHER_SESSIONS = "/api/account/end_other_sessions": SignedIn.form_on(super::SESSIONS).writes();
        LIST_REUSES = "/api/account/reuses": SignedIn;
        DISMISS_REUSE = "/api/account/dismiss_reuse": SignedIn.form_on(super::ACCOUNT).writes();
        ADD_NOTE = "/api/note/add": SignedIn.form_on(super::NOTES).writes();
        CHANGE_NOTE = "/api/note/change": SignedIn.form_on(super::NOTES).writes();
        DELETE_NOTE = "/api/note/delete": SignedIn.form_on(super::NOTES).writes();
    }
}

/// The token service for registered clients, and what is published about it.
pub mod oauth {
    use super::{Access, Endpoint};

    declare! { ALL: Endpoint;
        TOKEN = "/oauth/token": Client.handles_tokens().writes();
        REVOKE = "/oauth/revoke": Client.handles_tokens().writes();
        INTROSPECT = "/oauth/introspect": Client;
        JWKS = "/.well-known/jwks.json": Anyone;
        METADATA = "/.well-known/oauth-authorization-server": Anyone;
    }
}

/// Health checks for load balancers and supervisors.
pub mod health {
    use super::{Access, Endpoint};

    declare! { ALL: Endpoint;
        LIVE = "/health/live": Anyone;
        READY = "/health/ready": Anyone;
    }
}
