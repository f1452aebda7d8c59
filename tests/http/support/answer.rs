//! An answer, read to its end.

use axum::{
    body::to_bytes,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};

#[derive(Debug)]
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

    /// The answer leads to another page, by `303`.
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

    /// The names of the cookies that the answer sets to a value.
    pub fn issued(&self) -> Vec<String> {
        self.cookies(false)
    }

    /// The names of the cookies that the answer deletes.
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
