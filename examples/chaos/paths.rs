//! The addresses that are asked for. Written down anew, like everything a stranger would know of the application.

pub const HOME: &str = "/";
pub const LOGIN: &str = "/login";
pub const ACCOUNT: &str = "/account";
pub const READY: &str = "/health/ready";

pub mod api {
    pub const SIGN_UP: &str = "/api/account/sign_up";
    pub const LOGIN: &str = "/api/session/login";
    pub const REFRESH: &str = "/api/session/refresh";
    pub const LOGOUT: &str = "/api/session/logout";
    pub const CHANGE_DISPLAY_NAME: &str = "/api/account/change_display_name";
}
