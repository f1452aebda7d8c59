//! The access rule of a path, and what an endpoint does.

use super::{PAGES, api, health, oauth};

/// Who may see a page or call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Signed-in and anonymous visitors.
    Anyone,
    /// A browser that holds a refresh token, which is redeemed there.
    RefreshToken,
    /// A user, by their session. Anonymous visitors are redirected to the sign-in page, or get `401`.
    SignedIn,
    /// A registered OAuth client, by its id and secret (RFC 6749 §2.3). Cookies are ignored.
    Client,
}

/// A page, with the access rule for it and for all paths below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The name of its constant.
    pub name: &'static str,
    pub path: &'static str,
    pub access: Access,
}

/// A server function, or an endpoint for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The name of its constant.
    pub name: &'static str,
    pub path: &'static str,
    pub access: Access,
    /// The page that shows its form, for browsers without JavaScript: a refused form is shown again there, and a `GET`
    /// of the endpoint's URL is redirected there.
    pub form_page: Option<&'static str>,
    /// Whether it issues, redeems or ends the cookies' tokens itself. The session layer redeems nothing for it.
    pub handles_tokens: bool,
    /// Whether it changes state. An endpoint that does not may be called again at any time.
    pub writes: bool,
}

impl Page {
    pub(super) const fn new(name: &'static str, path: &'static str, access: Access) -> Self {
        Self { name, path, access }
    }
}

impl Endpoint {
    pub(super) const fn new(name: &'static str, path: &'static str, access: Access) -> Self {
        Self { name, path, access, form_page: None, handles_tokens: false, writes: false }
    }

    pub(super) const fn form_on(self, page: &'static str) -> Self {
        Self { form_page: Some(page), ..self }
    }

    pub(super) const fn handles_tokens(self) -> Self {
        Self { handles_tokens: true, ..self }
    }

    pub(super) const fn writes(self) -> Self {
        Self { writes: true, ..self }
    }
}

/// Whether a page is only for signed-in users.
///
/// For such a page the session layer sends an anonymous visitor a `303` to the sign-in page, before anything is
/// rendered; everything below a private page is private too.
#[must_use]
pub fn is_private(path: &str) -> bool {
    let covers =
        |page: &Page| path.strip_prefix(page.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    PAGES.iter().any(|page| page.access == Access::SignedIn && covers(page))
}

/// The endpoint at a path; `None` if there is none.
#[must_use]
pub fn endpoint(path: &str) -> Option<&'static Endpoint> {
    [api::ALL, oauth::ALL, health::ALL].into_iter().flatten().find(|endpoint| endpoint.path == path)
}

/// The [`Endpoint::form_page`] of a server function.
#[must_use]
pub fn form_page(server_function: &str) -> Option<&'static str> {
    endpoint(server_function)?.form_page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_the_account_page_are_private() {
        assert!(is_private("/account") && is_private("/account/") && is_private("/account/sessions"));
        assert!(is_private("/notes") && is_private("/notes/"));
        assert!(!is_private("/notesbook") && !is_private("/") && !is_private("/accounting") && !is_private("/login"));
    }

    #[test]
    fn a_form_is_shown_on_a_page_with_the_same_access() {
        for endpoint in api::ALL {
            let page = endpoint.form_page.and_then(|path| PAGES.iter().find(|page| page.path == path));
            assert_eq!(page.is_some(), endpoint.form_page.is_some(), "{} has its form on no page", endpoint.path);
            if let Some(page) = page {
                let may_see = page.access == Access::Anyone || page.access == endpoint.access;
                assert!(may_see, "{}: not every visitor who may send the form may see {}", endpoint.path, page.path);
            }
        }
    }
}
