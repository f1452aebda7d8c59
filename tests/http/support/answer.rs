//! A response, read to its end.

use axum::{
    body::to_bytes,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use cookie::Cookie;

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        Self { status: head.status, headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    #[track_caller]
    pub fn assert_status(self, expected: u16) -> Self {
        assert_eq!(self.status.as_u16(), expected, "{}", self.body);
        self
    }

    /// The response redirects to another page, with `303`.
    #[track_caller]
    pub fn assert_leads_to(self, location: &str) -> Self {
        let answer = self.assert_status(303);
        assert_eq!(answer.header("location"), location);
        answer
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn set_cookies(&self) -> Vec<String> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().expect("ASCII").to_owned()).collect()
    }

    /// The cookie that the response sets, with its attributes.
    #[track_caller]
    pub fn cookie(&self, name: &str) -> Cookie<'static> {
        let cookies = self.set_cookies().into_iter().map(|line| Cookie::parse(line).expect("a cookie"));
        let mut fitting = cookies.filter(|cookie| cookie.name() == name);
        let cookie = fitting.next().unwrap_or_else(|| panic!("{name} is not set by {self:?}"));
        assert!(fitting.next().is_none(), "{name} is set twice");
        cookie
    }

    /// The nonce that marks the scripts of this page.
    pub fn nonce(&self) -> Option<&str> {
        self.header("content-security-policy").split_once("'nonce-")?.1.split('\'').next()
    }

    /// Everything that must not differ between two responses that are to be indistinguishable: all but the request's
    /// id, the nonce and `typed`, which the client knows anyway.
    pub fn essence(&self, typed: &str) -> String {
        let mut headers: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id" && *name != header::DATE)
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort();
        let mut text = format!("{}\n{}\n\n{}", self.status, headers.join("\n"), self.body);
        for differing in [self.nonce(), self.headers.get("x-request-id").and_then(|id| id.to_str().ok()), Some(typed)] {
            if let Some(differing) = differing.filter(|text| !text.is_empty()) {
                text = text.replace(differing, "…");
            }
        }
        text
    }

    /// The names of the cookies that the response sets to a value.
    pub fn issued(&self) -> Vec<String> {
        self.cookies(false)
    }

    /// The names of the cookies that the response deletes.
    pub fn deleted(&self) -> Vec<String> {
        self.cookies(true)
    }

    fn cookies(&self, deleted: bool) -> Vec<String> {
        let lines = self.set_cookies();
        let fitting = lines.iter().filter(|line| line.contains("; Max-Age=0") == deleted);
        fitting.filter_map(|line| line.split('=').next()).map(str::to_owned).collect()
    }

    #[track_caller]
    pub fn assert_shows(self, text: &str) -> Self {
        assert!(self.body.contains(text), "{text:?} is not in {}", self.body);
        self
    }

    #[track_caller]
    pub fn assert_hides(self, text: &str) -> Self {
        assert!(!self.body.contains(text), "{text:?} is in {}", self.body);
        self
    }
}
